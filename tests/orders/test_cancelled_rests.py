"""A line of which a part had shipped when the marketplace cancelled it: what is left of it leaves the warehouse's order."""

from __future__ import annotations

import pytest

from integrations.sandbox.server import Sandbox
from orders import actions, cancelled_late, decisions
from orders.models import Hold, ReconciledOrder
from tests.orders.test_changes import Run, Told, again, goods, order, set_rule
from tests.orders.test_refused_parcels import asked_again
from tests.orders.world import holds, parcels, ship


def told_in_part(box: Sandbox, manage: Run, *, cancelled: bool = True) -> str:
    """One of three mugs has shipped and was told, then the line is cancelled; a tee is open."""
    set_rule(order_status="finalized")
    number = box.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(box, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    if cancelled:
        box.oasis.cancel(number, "1")
        again(manage)
    return number


def test_the_rest_is_named_and_a_button_takes_it_out(shop: Sandbox, manage: Run, told: Told) -> None:
    number = told_in_part(shop, manage)
    [hold] = told(number)["holds"]
    assert hold["kind"] == "cancelled_late"
    assert "1 unit of it left before, 2 more are in the warehouse's order. Take the rest out" in hold["message"]
    assert decisions.possible(order(number)) == {"void"}
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "1.0", "TEE-RED-M": "1.0"}, [])
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    assert told(number)["status"] == "confirmed"
    assert parcels(shop, number) == [("1", "1Z1", 1), ("2", "1Z2", 1)]


def test_a_cancelled_line_whose_number_another_one_has_too_is_held(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"}, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    order(number).lines.filter(position=2).update(number="1", is_cancelled=True)
    cancelled_late.hold(order(number), "1")
    assert holds(told(number)) == ["cancelled_late"]


def test_by_the_rule_the_rest_is_taken_out_by_itself(shop: Sandbox, manage: Run, told: Told) -> None:
    number = told_in_part(shop, manage, cancelled=False)
    set_rule(cancels_after_sending="do")
    shop.oasis.cancel(number, "1")
    again(manage)
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "1.0", "TEE-RED-M": "1.0"}, [])


def test_what_lies_packed_of_the_rest_is_unpacked(shop: Sandbox, manage: Run, told: Told) -> None:
    number = told_in_part(shop, manage, cancelled=False)
    ship(shop, number, 1, 2, status="packed")
    shop.oasis.cancel(number, "1")
    again(manage)
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "1.0", "TEE-RED-M": "1.0"}, [])


def test_the_rest_that_leaves_all_the_same_is_told_to_nobody_but_a_person(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = told_in_part(shop, manage)
    ship(shop, number, 1, 2, tracking="1Z2")
    asked_again(manage)
    assert sorted(holds(told(number))) == ["cancelled_late", "over_shipped"]
    assert "more are in the warehouse" not in told(number)["holds"][0]["message"]
    assert decisions.possible(order(number)) == set()
    assert parcels(shop, number) == [("1", "1Z1", 1)]


def test_a_part_that_was_not_told_stays_to_be_settled_when_the_rest_is_taken_out(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.cancel(number, "1")
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "pull_shipments")
    again(manage)
    assert "settle with it what has left" in told(number)["holds"][0]["message"]
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number)["MUG-BLK"], holds(told(number))) == ("1.0", ["cancelled_late"])
    assert decisions.possible(order(number)) == set()
    [hold] = Hold.objects.filter(resolved_at=None)
    actions.resolve(hold, "called back", None)
    assert holds(told(number)) == []


@pytest.mark.parametrize("is_done", [True, False])
def test_a_cancelled_rest_is_no_difference_between_both_sides(
    is_done: bool, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = told_in_part(shop, manage)
    if is_done:
        decisions.void(order(number), None)
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    manage("run", "reconcile")
    assert told(number)["status"] == "confirmed"
    assert [one.bucket for one in ReconciledOrder.objects.all()] == ["sent" if is_done else "held"]
