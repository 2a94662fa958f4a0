"""One search finds an order by anything that people know of it, and by its beginning, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Connection
from orders import search
from orders.folding import fold
from orders.models import Order, OrderLine, Shipment, WarehouseSubmission

pytestmark = pytest.mark.django_db


def order(number: str, **more: Any) -> Order:
    market, _ = Connection.objects.get_or_create(name="Overstock", provider="supplier_oasis")
    now = timezone.now()
    return Order.objects.create(
        connection=market, sales_channel="OSTK", full_number=number, ordered_at=now, ordered_on=now.date(), **more
    )


def listed(text: str) -> list[int]:
    """What the list of orders shows of it, and not only the first."""
    return list(Order.objects.filter(search.found_by(text)).values_list("pk", flat=True))


@pytest.fixture
def known() -> Order:
    found = order(
        "OS-70001", short_reference="S0001", ship_name="Jane Öst O'Neil", ship_postal_code="97201-1234",
        ship_phone="(503) 555-0100",
    )  # fmt: skip
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    WarehouseSubmission.objects.create(order=found, connection=gecko, remote_id="912345", remote_number="SO-0042")
    Shipment.objects.create(connection=gecko, remote_id="1", order=found, state="shipped", tracking_number="1Z 999 7")
    OrderLine.objects.create(order=found, position=1, partner_sku="MUG_BLK%", option_sku="20017-000-001", quantity=1)
    order("OS-80002", ship_name="Somebody Else")
    return found


@pytest.mark.parametrize(
    "text",
    ["OS-70001", "os70001", "s0001", "912345", "so-0042", "so0042", "1z9997", "mug_blk%", "20017 000 001", "97201-1234",
     "503 555 0100", "jane Öst o'neil", "Öst O'Neil"],
)  # fmt: skip
def test_an_order_is_found_by_everything_that_it_is_known_by(known: Order, text: str) -> None:
    assert (search.find(text).how, list(search.find(text).keys)) == (search.EXACTLY, [known.pk])
    assert listed(text) == [known.pk]


@pytest.mark.parametrize("text", ["OS-7", "97201", "jane", "Öst", "1Z99", "(503) 5", "20017", "mug_"])
def test_a_beginning_will_do(known: Order, text: str) -> None:
    assert (search.find(text).how, list(search.find(text).keys)) == (search.BEGINS, [known.pk])
    assert listed(text) == [known.pk]


@pytest.mark.parametrize("text", ["", " - ", "O", "70001", "MUG%", "_UG", "\x00", "x" * 500])
def test_what_no_order_is_known_by_finds_none(known: Order, text: str) -> None:
    assert not search.find(text).keys
    assert not listed(text)


@pytest.mark.parametrize("text", ["os-70001", "Öst", "mug_", "such comp"])
def test_what_was_sent_is_found_by_what_its_order_is_known_by_or_its_error(
    known: Order, text: str, admin_client: Client
) -> None:
    WarehouseSubmission.objects.update(status="parked", last_error="no such company")
    page = admin_client.get(reverse("admin:orders_warehousesubmission_changelist"), {"q": text})
    assert [row.order for row in page.context["cl"].result_list] == [known]


def test_what_is_exactly_so_is_found_before_what_begins_so() -> None:
    order("OS-10"), order("OS-100"), order("OS-101")
    assert list(search.find("os10").keys.values()) == ["order number OS-10"]


def test_the_newest_of_too_many_are_found_and_that_there_are_more() -> None:
    for number in range(5):
        order(f"OS-55{number}", ship_postal_code="97201")
    found = search.find("97201", 3)
    assert (list(found.keys), found.is_cut_off) == (sorted(found.keys, reverse=True), True)
    assert Order.objects.latest("pk").pk in found.keys
    assert len(listed("97201")) == 5


def test_an_order_of_many_lines_does_not_hide_that_there_are_more() -> None:
    for number, lines in (("OS-1", 1), ("OS-2", 5)):
        found = order(number)
        OrderLine.objects.bulk_create(
            OrderLine(order=found, position=place, partner_sku=f"MUG-{place}", quantity=1) for place in range(lines)
        )
    assert [search.find("mug-", limit).is_cut_off for limit in (3, 6)] == [True, False]


def test_texts_are_folded_here_as_in_the_database(known: Order) -> None:
    for text in ("ÄB-c (1)+2.3", "ß İ", "1Z 9"):
        Order.objects.update(ship_name=text)
        assert known.pk in search.find(fold(text)).keys
