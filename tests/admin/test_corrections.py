"""What staff put right on an order has its effect in the warehouse; what is over stays over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from integrations.models import Route
from integrations.sandbox.oasis_state import Line, Parcel
from integrations.sandbox.server import Sandbox
from inventory import catalogue
from orders import actions
from orders.models import IllegalTransition, Order, OrderLine
from tests.admin.pages import address_of, error_texts, field_of_line, opened

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
SHIPPED = Parcel(1, "UPS", "GROUND", "1Z", "")


def ago(**much: int) -> datetime:
    return datetime.now(UTC) - timedelta(**much)


def in_the_warehouse(shop: Sandbox, number: str) -> list[str]:
    """Quantities of the order's lines there."""
    [placed] = shop.tradegecko.by_reference(number)
    return sorted(str(line["quantity"]) for line in shop.tradegecko.lines(placed["id"]))


def test_a_line_whose_missing_quantity_is_put_right_is_sent(
    shop: Sandbox, manage: Run, told: Told, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "THROW-WL", "quantity": None})
    manage("run", "all")
    order = Order.objects.get()
    values = opened(admin_client, address_of(order))

    admin_client.post(address_of(order), {**values, field_of_line(values, 2, "quantity"): "3"})
    manage("run", "all")

    assert [float(quantity) for quantity in in_the_warehouse(shop, number)] == [1, 3]
    event = order.events.get(text__contains="quantity none → 3, 3 to ship")
    assert str(event.actor) == "admin"


def test_an_order_of_two_hundred_lines_is_corrected(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order(*({"partner_sku": "MUG-BLK"} for _ in range(200)), address={"city": ""})
    manage("run", "pull_orders")
    order = Order.objects.get()
    answer = admin_client.post(address_of(order), {**opened(admin_client, address_of(order)), "ship_city": "Reno"})
    assert answer.status_code == 302
    order.refresh_from_db()
    assert order.ship_city == "Reno"


def test_an_address_that_is_put_right_frees_the_order_at_once(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, address={"city": "", "postalCode": ""})
    manage("run", "all")
    order = Order.objects.get()
    for field, text, still in (("ship_city", "Reno", 1), ("ship_postal_code", "89501", 0)):
        admin_client.post(address_of(order), {**opened(admin_client, address_of(order)), field: text})
        assert order.holds.filter(resolved_at=None).count() == still
    order.refresh_from_db()
    assert order.status == "ready"


def test_one_that_is_released_and_put_right_at_once_is_not_held_for_a_sku_that_nobody_asked_for(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    Route.objects.update(changes_before_sending="ask")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, address={"city": ""})
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    shop.oasis.edit(number, status="PROCESSING")
    shop.oasis.edit(number, "1", status="PROCESSING")
    manage("run", "pull_orders")
    order = Order.objects.get()
    actions.release(order, None)
    admin_client.post(address_of(order), {**opened(admin_client, address_of(order)), "ship_city": "Reno"})
    assert not order.holds.filter(resolved_at=None).exists()
    manage("run", "submit_orders")
    assert [float(quantity) for quantity in in_the_warehouse(shop, number)] == [1]


def test_what_is_put_right_while_a_run_judges_it_is_not_held_for_what_it_was(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "NEW-1"}, address={"city": ""})
    manage("run", "all")
    order, real = Order.objects.get(), catalogue.learn
    shop.tradegecko.add_variant("NEW-1")
    actions.release(order, None)

    def slow(*args: Any) -> None:
        real(*args)
        Order.objects.update(ship_city="Reno")
        actions.judge(order)
        monkeypatch.undo()

    monkeypatch.setattr(catalogue, "learn", slow)
    manage("run", "submit_orders")
    assert told(number)["holds"] == []
    manage("run", "submit_orders")
    assert told(number)["status"] == "submitted"


def test_a_barcode_scanned_into_a_quantity_sends_nothing(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": None})
    manage("run", "all")
    order = Order.objects.get()
    values = opened(admin_client, address_of(order))
    answer = admin_client.post(address_of(order), {**values, field_of_line(values, 1, "quantity"): "400638133"})
    manage("run", "all")
    assert "more than the 1000000 units" in error_texts(answer)
    assert shop.tradegecko.by_reference(number) == []


def test_what_was_shipped_before_is_not_shipped_again(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order(Line("1", "NOPE", quantity=3, parcels=[SHIPPED]))
    manage("run", "all")
    line = OrderLine.objects.get()
    assert (line.quantity, line.quantity_to_ship) == (3, 2)

    actions.correct_line(line, 5, None)
    line.refresh_from_db()
    assert (line.quantity, line.quantity_to_ship) == (5, 4)


def test_more_to_ship_than_ordered_cannot_be_stored(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order({"partner_sku": "NOPE"})
    manage("run", "all")
    assert not [name for name in opened(admin_client, address_of(Order.objects.get())) if "quantity_to_ship" in name]
    for wrong in ({"quantity_to_ship": 500}, {"quantity": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            OrderLine.objects.update(**wrong)


def test_lines_of_a_cancelled_line_or_a_sent_order_are_not_corrected(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    with pytest.raises(IllegalTransition, match="sent meanwhile"):
        actions.correct_line(OrderLine.objects.get(), 5, None)
    OrderLine.objects.update(is_cancelled=True)
    with pytest.raises(IllegalTransition, match="was cancelled"):
        actions.correct_line(OrderLine.objects.get(), 5, None)


def test_only_a_skipped_order_is_unskipped(shop: Sandbox, manage: Run, told: Told, admin_client: Client) -> None:
    number = shop.oasis.add_order({"partner_sku": "NOPE"})
    manage("run", "all")
    order = Order.objects.get()
    actions.hold(order, "customer called", None)

    admin_client.post(reverse("admin:orders_order_unskip", args=[order.pk]))

    assert told(number)["status"] == "on_hold"
    assert "manual" in [hold["kind"] for hold in told(number)["holds"]]


def test_an_old_order_that_is_unskipped_ships_only_what_was_open(shop: Sandbox, manage: Run, told: Told) -> None:
    done = Line("1", "MUG-BLK", quantity=1, parcels=[SHIPPED], status="SHIPPED")
    number = shop.oasis.add_order(done, Line("2", "THROW-WL", quantity=1), ordered_at=ago(days=9))
    manage("run", "all")
    assert told(number)["status"] == "skipped"

    actions.unskip(Order.objects.get(), None)
    manage("run", "all")

    assert len(in_the_warehouse(shop, number)) == 1


@pytest.mark.parametrize("status", ["COMPLETE", "CANCELED"])
def test_an_order_with_nothing_left_to_ship_is_not_unskipped(
    status: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order(Line("1", "MUG-BLK"), status=status)
    manage("run", "all")
    order = Order.objects.get()
    assert "unskip" not in actions.possible(order)
    with pytest.raises(IllegalTransition, match="nothing left to ship"):
        actions.unskip(order, None)
    assert told(number)["status"] == "skipped"


def test_a_refused_order_offers_retry_skip_and_hold(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    order = Order.objects.get()
    order.submission.claim()
    assert actions.possible(order) == set()
    order.submission.finish("parked", error="no")
    assert actions.possible(order) == {"retry", "skip", "hold"}
