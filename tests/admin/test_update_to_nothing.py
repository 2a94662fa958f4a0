"""An update that leaves nothing to ship says so in words before it is pressed, and is no update but the end of the order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from lxml import html

from integrations.sandbox.server import Sandbox
from orders import actions, decisions
from orders.models import IllegalTransition, Order
from tests.admin.pages import address_of
from tests.admin.test_deciding import button, decide, staff
from tests.admin.test_worklists import text_of
from tests.orders.test_changes import again, goods, sent, set_rule, state
from tests.orders.world import ship

Run = Callable[..., str]
VOIDS = "Nothing of the order is left to ship, so that updating it voids it in the warehouse."
LABEL = "Void the warehouse order"


def lowered(box: Sandbox, manage: Run, *lines: str, quantity: int = 0) -> Order:
    """An order of two lines that was sent, of which these are changed since."""
    number = sent(box, manage)
    return change(box, manage, number, *lines, quantity=quantity)


def change(box: Sandbox, manage: Run, number: str, *lines: str, quantity: int = 0) -> Order:
    for line in lines:
        box.oasis.edit(number, line, quantity=quantity)
    manage("run", "revisit_orders")
    return Order.objects.get(full_number=number)


def links(client: Client, order: Order) -> set[str]:
    """The texts of all that leads to the update, wherever it stands on the order's page."""
    page: Any = html.fromstring(client.get(address_of(order)).content.decode())
    mine = page.xpath(f"//a[starts-with(@href, '{button('amend', order)}')]")
    return {" ".join(link.xpath("string(text()[normalize-space()])").split()) for link in mine}


def test_an_update_to_nothing_is_called_a_void_and_is_one(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    order = lowered(shop, manage, "1", "2")
    assert VOIDS in order.holds.get(resolved_at=None).message
    assert links(admin_client, order) == {LABEL}
    question = text_of(admin_client.get(button("amend", order)))
    assert VOIDS in question
    assert f">{LABEL}</button>" in question
    decide(admin_client, "amend", order)
    again(manage)
    assert state(shop, order.full_number) == "void"


def test_a_line_that_an_update_deletes_is_named(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    order = lowered(shop, manage, "2")
    told = "Line 2 is deleted in the warehouse's order."
    assert told in order.holds.get(resolved_at=None).message.replace("&#x27;", "'")
    assert links(admin_client, order) == {"Update the warehouse order"}
    question = text_of(admin_client.get(button("amend", order)))
    assert (told in question, "void" in question.lower()) == (True, False)
    decide(admin_client, "amend", order)
    again(manage)
    assert goods(shop, order.full_number) == {"MUG-BLK": "2.0"}


def test_an_update_that_takes_nothing_away_says_nothing_of_it(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    order = lowered(shop, manage, "1", "2", quantity=7)
    question = text_of(admin_client.get(button("amend", order)))
    assert ("deleted" in question, "void" in question.lower()) == (False, False)
    assert links(admin_client, order) == {"Update the warehouse order"}


def test_a_cancelled_line_that_nobody_took_out_keeps_the_order(shop: Sandbox, manage: Run) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "1")
    order = change(shop, manage, number, "2")
    hold = order.holds.get(kind="changed_order")
    assert "Line 2 is deleted" in hold.message
    decisions.amend(order, None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}


def test_of_what_has_shipped_nothing_is_said_to_be_deleted(shop: Sandbox, manage: Run) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    ship(shop, number, 1, units=1, tracking="1ZONE")
    manage("run", "pull_shipments")
    order = change(shop, manage, number, "1", "2")
    hold = order.holds.get(kind="changed_order")
    assert "Line 2 is deleted" in hold.message
    assert "voids" not in hold.message


def test_who_may_only_look_reads_it_and_has_no_button(shop: Sandbox, manage: Run, client: Client) -> None:
    order = lowered(shop, manage, "1", "2")
    viewer = staff(client, "view_order", "view_hold")
    assert VOIDS in text_of(viewer.get(address_of(order)))
    assert links(viewer, order) == set()
    assert viewer.get(button("amend", order)).status_code == 403


def test_an_update_that_came_too_late_is_not_offered_again(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    set_rule(order_status="finalized")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1ZALL")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M"})
    shop.oasis.cancel(number, "1")
    manage("run", "revisit_orders")
    order = Order.objects.get(full_number=number)
    decisions.amend(order, None)
    for _ in range(2):
        again(manage)
        order = Order.objects.get(full_number=number)
        assert {"amend", "keep", "retry"} & actions.possible(order) == {"keep"}
        told = order.holds.get(kind="changed_order", resolved_at=None).message
        assert "It has shipped already: settle it with the marketplace, then keep it as it is." in told
        assert links(admin_client, order) == set()
        manage("run", "pull_shipments")
    with pytest.raises(IllegalTransition, match="has shipped in the warehouse"):
        decisions.amend(order, None)
    decisions.keep(order, None)
    assert not order.holds.filter(kind="changed_order", resolved_at=None).exists()
