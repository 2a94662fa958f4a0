"""Two people and the workers at the same record: nobody's change is undone, and nobody is told that nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from orders.models import Order, OrderLine
from tests.admin.pages import address_of, error_texts, field_of_line, opened

Run = Callable[..., str]


@pytest.fixture
def order(shop: Sandbox, manage: Run) -> Order:
    lines = ({"partner_sku": "NOPE", "quantity": 2}, {"partner_sku": "NOPE-2", "quantity": 2})
    number = shop.oasis.add_order(*lines)
    manage("run", "all")
    return Order.objects.get(full_number=number)


def test_an_old_page_saves_only_what_its_person_changed(order: Order, admin_client: Client) -> None:
    old = opened(admin_client, address_of(order))
    Order.objects.filter(pk=order.pk).update(ship_address1="99 New Street")

    assert admin_client.post(address_of(order), {**old, "ship_phone": "555-1"}).status_code == 302

    order.refresh_from_db()
    assert (order.ship_address1, order.ship_phone) == ("99 New Street", "555-1")


def test_a_field_that_both_changed_is_refused_with_both_values_and_nothing_is_saved(
    order: Order, admin_client: Client
) -> None:
    old = opened(admin_client, address_of(order))
    Order.objects.filter(pk=order.pk).update(ship_city="Reno", ship_address1="99 New Street")
    changed = {**old, "ship_city": "Elko", "ship_phone": "555-1"}

    answer = admin_client.post(address_of(order), changed)

    assert "to “Reno”" in error_texts(answer)
    assert "you entered “Elko”" in error_texts(answer)
    order.refresh_from_db()
    assert (order.ship_city, order.ship_phone) == ("Reno", old["ship_phone"])

    again = {**changed, "shown": answer.context["adminform"].form["shown"].value()}
    assert admin_client.post(address_of(order), again).status_code == 302
    order.refresh_from_db()
    assert (order.ship_city, order.ship_phone, order.ship_address1) == ("Elko", "555-1", "99 New Street")


def test_a_route_paused_meanwhile_stays_paused(shop: Sandbox, route: Route, admin_client: Client) -> None:
    old = opened(admin_client, address_of(route))
    Route.objects.update(state="paused")

    assert admin_client.post(address_of(route), {**old, "tag": "Late"}).status_code == 302

    route.refresh_from_db()
    assert (route.state, route.tag) == ("paused", "Late")


def test_a_page_saved_as_it_is_changes_nothing(shop: Sandbox, overstock: Connection, admin_client: Client) -> None:
    before = Connection.objects.filter(pk=overstock.pk).values().get()
    answer = admin_client.post(address_of(overstock), opened(admin_client, address_of(overstock)))
    assert answer.status_code == 302
    assert Connection.objects.filter(pk=overstock.pk).values().get() == before


def test_a_line_cancelled_meanwhile_stays_cancelled(
    shop: Sandbox, order: Order, admin_client: Client, manage: Run
) -> None:
    old = opened(admin_client, address_of(order))
    shop.oasis.cancel(order.full_number, "2")
    manage("run", "pull_orders")

    changed = {**old, field_of_line(old, 1, "partner_sku"): "MUG-BLK", "ship_city": "Elko"}
    assert admin_client.post(address_of(order), changed).status_code == 302

    first, second = order.lines.all()
    assert (first.partner_sku, second.is_cancelled, second.quantity_to_ship) == ("MUG-BLK", True, 0)

    answer = admin_client.post(address_of(order), {**old, field_of_line(old, 2, "quantity"): "5"})
    assert "cancelled this line" in error_texts(answer)


def test_a_row_that_both_changed_is_refused(order: Order, admin_client: Client) -> None:
    old = opened(admin_client, address_of(order))
    OrderLine.objects.filter(number="1").update(partner_sku="THEIRS")

    answer = admin_client.post(address_of(order), {**old, field_of_line(old, 1, "partner_sku"): "MINE"})

    assert "“THEIRS”" in error_texts(answer)
    assert "“MINE”" in error_texts(answer)
    assert OrderLine.objects.get(number="1").partner_sku == "THEIRS"


@pytest.mark.parametrize("leaves", ["sent", "on its way"])
def test_a_page_of_an_order_that_went_out_meanwhile_says_that_nothing_was_saved(
    leaves: str, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    order = Order.objects.get(full_number=number)
    old = opened(admin_client, address_of(order))
    if leaves == "sent":
        manage("run", "submit_orders")
    else:
        order.submission.claim()

    answer = admin_client.post(address_of(order), {**old, "ship_city": "Elsewhere"}, follow=True)

    page = unescape(answer.content.decode())
    assert "Nothing was saved" in page
    assert "changed successfully" not in page
    assert Order.objects.get().ship_city != "Elsewhere"


def test_a_page_that_does_not_say_what_it_showed_is_refused(order: Order, admin_client: Client) -> None:
    old = opened(admin_client, address_of(order))
    del old["shown"]
    assert "Open it again" in error_texts(admin_client.post(address_of(order), {**old, "ship_city": "Elko"}))
    order.refresh_from_db()
    assert order.ship_city != "Elko"
