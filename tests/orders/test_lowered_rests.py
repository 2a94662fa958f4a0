"""Lowered below what has left, while more of it is in the warehouse: that is taken out, and what has left is told apart."""

from __future__ import annotations

import pytest

from integrations.sandbox.server import Sandbox
from orders import actions, decisions
from orders.models import OrderLine, WarehouseChange
from tests.orders.test_changes import Run, Told, again, goods, order, set_rule
from tests.orders.world import holds, parcels, ship


def one_of_three_left(box: Sandbox, manage: Run, *, is_told: bool = False) -> str:
    """One mug of three has left, and perhaps was told; a tee is open."""
    set_rule(order_status="finalized")
    number = box.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(box, number, 1, 1, tracking="1Z1" if is_told else "")
    manage("run", "all")
    return number


def lower(box: Sandbox, manage: Run, number: str, units: int) -> None:
    """The marketplace wants so many of line 1, whatever it was told."""
    line = box.oasis.orders[number].lines[0]
    line.quantity = units
    again(manage)


def test_what_has_not_left_is_taken_out_by_a_button(shop: Sandbox, manage: Run, told: Told) -> None:
    number = one_of_three_left(shop, manage)
    lower(shop, manage, number, 0)
    texts = {hold["kind"]: hold["message"] for hold in told(number)["holds"]}
    assert "1 unit of line 1 shipped, 0 to be shipped" in texts["over_shipped"]
    assert "takes none of line 1" in texts["cancelled_late"]
    assert "1 unit of it left before, 2 more are in the warehouse's order. Take the rest out" in texts["cancelled_late"]
    assert decisions.possible(order(number)) == {"void"}
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "1.0", "TEE-RED-M": "1.0"}
    assert holds(told(number)) == ["over_shipped"]
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    assert (told(number)["status"], parcels(shop, number)) == ("confirmed", [("2", "1Z2", 1)])


@pytest.mark.long
def test_by_the_rule_it_is_taken_out_by_itself(shop: Sandbox, manage: Run, told: Told) -> None:
    number = one_of_three_left(shop, manage)
    set_rule(cancels_after_sending="do")
    lower(shop, manage, number, 0)
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "1.0", "TEE-RED-M": "1.0"}, ["over_shipped"])


@pytest.mark.long
def test_what_leaves_all_the_same_is_held_as_more_than_was_ordered(shop: Sandbox, manage: Run, told: Told) -> None:
    number = one_of_three_left(shop, manage)
    lower(shop, manage, number, 0)
    ship(shop, number, 1, 2, tracking="1Z3")
    manage("run", "pull_shipments")
    assert set(holds(told(number))) == {"over_shipped"}
    assert decisions.possible(order(number)) == set()


@pytest.mark.parametrize("is_asked", [False, True])
def test_what_is_wanted_again_ships_after_a_decision(is_asked: bool, shop: Sandbox, manage: Run, told: Told) -> None:
    """Also where it was to be taken out: that is called off."""
    number = one_of_three_left(shop, manage)
    lower(shop, manage, number, 0)
    if is_asked:
        decisions.void(order(number), None)
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "revisit_orders")
    assert not WarehouseChange.objects.exclude(status="withdrawn").exists()
    assert "changed_order" in holds(told(number))
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number)["MUG-BLK"], holds(told(number))) == ("3.0", [])
    assert OrderLine.objects.get(number="1").quantity_to_ship == 3


@pytest.mark.long
def test_what_was_taken_out_and_is_wanted_again_is_put_in_again(shop: Sandbox, manage: Run, told: Told) -> None:
    number = one_of_three_left(shop, manage)
    set_rule(cancels_after_sending="do")
    lower(shop, manage, number, 0)
    shop.oasis.edit(number, "1", quantity=3)
    again(manage)
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number)["MUG-BLK"], holds(told(number))) == ("3.0", [])


def test_below_what_was_told_the_warehouse_is_left_with_that(shop: Sandbox, manage: Run, told: Told) -> None:
    number = one_of_three_left(shop, manage, is_told=True)
    lower(shop, manage, number, 0)
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "1.0", "TEE-RED-M": "1.0"}, [])
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    assert told(number)["status"] == "confirmed"
    assert parcels(shop, number) == [("1", "1Z1", 1), ("2", "1Z2", 1)]


def test_a_line_opened_again_after_its_rest_was_taken_out_is_decided_on(shop: Sandbox, manage: Run, told: Told) -> None:
    number = one_of_three_left(shop, manage)
    shop.oasis.cancel(number, "1")
    again(manage)
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert goods(shop, number)["MUG-BLK"] == "1.0"
    shop.oasis.edit(number, "1", status="PROCESSING")
    again(manage)
    assert holds(told(number)) == ["cancelled_late", "changed_order"]
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number)["MUG-BLK"], holds(told(number))) == ("3.0", [])


@pytest.mark.long
def test_a_line_opened_again_after_all_else_was_complete_ships_as_before(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(shop, number, 1, 3, tracking="1Z1")
    manage("run", "all")
    shop.oasis.cancel(number, "2")
    again(manage)
    shop.oasis.edit(number, "2", status="PROCESSING")
    shop.oasis.edit(number, status="PROCESSING")
    again(manage)
    assert (goods(shop, number).get("TEE-RED-M"), holds(told(number))) == ("1.0", [])
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 3), ("2", "1Z2", 1)]


@pytest.mark.long
@pytest.mark.parametrize("rule", ["ask", "do"])
def test_a_raise_that_waits_when_its_line_is_cancelled_and_all_else_complete_waits_no_more(
    rule: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized", cancels_after_sending=rule)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=3)
    again(manage)
    shop.oasis.cancel(number, "1")
    again(manage)
    assert "changed_order" not in holds(told(number))
    assert decisions.possible(order(number)) == ({"void"} if rule == "ask" else set())
    if rule == "ask":
        decisions.void(order(number), None)
        manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number))) == ({"TEE-RED-M": "1.0"}, [])


@pytest.mark.long
def test_kept_as_it_is_what_the_warehouse_has_of_what_is_wanted_again_ships_and_is_told(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    """Also the part that had left when nothing was wanted."""
    number = one_of_three_left(shop, manage)
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    lower(shop, manage, number, 0)
    shop.oasis.edit(number, "1", quantity=3)
    again(manage)
    decisions.keep(order(number), None)
    ship(shop, number, 1, 2, tracking="1Z3")
    [parcel] = [one for one in shop.tradegecko.tables["fulfillments"].values() if not one["tracking_number"]]
    shop.tradegecko.change(parcel, tracking_number="1Z1")
    manage("run", "all")
    assert sorted(parcels(shop, number)) == [("1", "1Z1", 1), ("1", "1Z3", 2), ("2", "1Z2", 1)]
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


@pytest.mark.long
def test_nothing_is_taken_out_of_an_order_that_was_voided_in_the_warehouse(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = one_of_three_left(shop, manage)
    set_rule(cancels_after_sending="do")
    shop.tradegecko.switch(void_shipped=True)
    shop.tradegecko.change(shop.tradegecko.by_reference(number)[0], status="void")
    manage("run", "pull_shipments")
    lower(shop, manage, number, 0)
    assert "cancelled_late" not in holds(told(number))
    assert not WarehouseChange.objects.exists()


@pytest.mark.long
def test_a_line_lowered_to_none_before_sending_can_be_corrected_twice(shop: Sandbox, manage: Run) -> None:
    set_rule(changes_before_sending="apply")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "TEE-RED-M"})
    manage("run", "pull_orders")
    shop.oasis.edit(number, "1", quantity=0)
    manage("run", "revisit_orders")
    for units in (3, 4):
        actions.correct_line(OrderLine.objects.get(number="1"), units, None)
    assert OrderLine.objects.get(number="1").quantity_to_ship == 4


@pytest.mark.long
@pytest.mark.parametrize("units", [2, 1])
def test_a_line_lowered_to_what_was_told_and_complete_leaves_nothing_to_ship_unseen(
    units: int, shop: Sandbox, manage: Run, told: Told
) -> None:
    """The marketplace shows it as shipped; opened again with its quantity, it ships."""
    set_rule(order_status="finalized")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 4})
    manage("run", "all")
    ship(shop, number, 1, 2, tracking="1Z1")
    manage("run", "all")
    shop.oasis.edit(number, status="COMPLETE")
    line = shop.oasis.orders[number].lines[0]
    line.quantity, line.status = units, "SHIPPED"
    again(manage)
    assert holds(told(number)) == ["cancelled_late"]
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "2.0"}, [])
    manage("run", "all")
    assert told(number)["status"] == "confirmed"
    line.quantity, line.status, shop.oasis.orders[number].status = 4, "PROCESSING", "PROCESSING"
    again(manage)
    manage("run", "pull_orders")
    assert holds(told(number)) == ["changed_order"]


@pytest.mark.long
def test_what_was_kept_there_when_all_was_told_and_is_wanted_again_ships_and_is_told(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 4})
    manage("run", "all")
    ship(shop, number, 1, 2, tracking="1Z1")
    manage("run", "all")
    lower(shop, manage, number, 1)
    decisions.keep(order(number), None)
    manage("run", "all")
    assert told(number)["status"] == "confirmed"
    shop.oasis.edit(number, "1", quantity=4)
    again(manage)
    assert (told(number)["status"], holds(told(number))) == ("partly_shipped", [])
    ship(shop, number, 1, 2, tracking="1Z2")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 2), ("1", "1Z2", 2)]
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
