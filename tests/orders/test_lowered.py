"""A quantity that the marketplace lowered when it was too late: it is told what it takes, and a person of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.sandbox.server import Sandbox
from orders import actions, decisions, edits, short_shipping
from orders.admin import tabs
from orders.models import Hold, Order, OrderLine
from tests.orders.test_changes import Run, Told, again, goods, order, set_rule
from tests.orders.test_refused_parcels import asked_again, tell
from tests.orders.world import holds, parcels, placed, ship


def three_mugs(box: Sandbox, manage: Run) -> str:
    number = box.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
    manage("run", "all")
    return number


def lowered_to_two(box: Sandbox, manage: Run) -> str:
    number = three_mugs(box, manage)
    box.oasis.edit(number, "1", quantity=2)
    again(manage)
    return number


def kept_at_two(box: Sandbox, manage: Run) -> str:
    """Two are wanted by now, and the warehouse is left with three."""
    number = lowered_to_two(box, manage)
    decisions.keep(order(number), None)
    return number


def said_now(mine: Order, units: int) -> Order:
    """The marketplace says that so many of line 1 are wanted, also where the sandbox would not."""
    told: dict[str, Any] = mine.told or {}
    line = {**told["lines"]["1"], "quantity": units, "is_open": True}
    mine.told_now = {**told, "lines": {**told["lines"], "1": line}}
    mine.save(update_fields=["told_now"])
    return mine


def is_over(number: str, told: Told) -> None:
    """All that the marketplace takes was told, and only the unit beyond it waits for a person."""
    assert (told(number)["status"], holds(told(number))) == ("confirmed", ["over_shipped"])
    assert (
        "3 units of line 1 shipped, 2 to be shipped: the marketplace is told of 2"
        in told(number)["holds"][0]["message"]
    )
    assert (tabs.counts()["refused"], tabs.counts()["unconfirmed"]) == (0, 0)
    [hold] = Hold.objects.filter(resolved_at=None)
    actions.resolve(hold, "the customer keeps it", None)
    assert (holds(told(number)), decisions.possible(order(number))) == ([], set())


def test_what_was_lowered_as_it_left_is_told_as_far_as_it_is_taken(shop: Sandbox, manage: Run, told: Told) -> None:
    number = three_mugs(shop, manage)
    ship(shop, number, tracking="1Z1")
    shop.oasis.edit(number, "1", quantity=2)
    tell(manage)
    assert tabs.counts()["refused"] == 1
    asked_again(manage)
    assert parcels(shop, number) == [("1", "1Z1", 2)]
    is_over(number, told)


def test_what_leaves_before_a_lowered_quantity_is_decided_on_needs_no_decision(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = lowered_to_two(shop, manage)
    assert holds(told(number)) == ["changed_order"]
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 2)]
    is_over(number, told)


def test_a_second_parcel_beyond_the_lowered_quantity_is_not_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = three_mugs(shop, manage)
    ship(shop, number, 1, 2, tracking="1Z1")
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=2)
    again(manage)
    ship(shop, number, 1, 1, tracking="1Z2")
    asked_again(manage)
    assert parcels(shop, number) == [("1", "1Z1", 2)]
    is_over(number, told)


@pytest.mark.parametrize("units", [2, 3])
def test_a_lowered_quantity_that_is_kept_is_what_is_told_whatever_the_warehouse_ships(
    units: int, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kept_at_two(shop, manage)
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "3.0"}, [])
    ship(shop, number, 1, units, tracking="1Z1")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 2)]
    if units == 3:
        is_over(number, told)
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


def test_what_was_kept_in_the_warehouse_and_is_wanted_again_needs_no_decision(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kept_at_two(shop, manage)
    shop.oasis.edit(number, "1", quantity=3)
    again(manage)
    assert (holds(told(number)), OrderLine.objects.get().quantity_to_ship) == ([], 3)
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    assert (parcels(shop, number), told(number)["status"]) == ([("1", "1Z1", 3)], "confirmed")


def test_more_than_the_warehouse_was_left_with_is_decided_on(shop: Sandbox, manage: Run, told: Told) -> None:
    number = kept_at_two(shop, manage)
    shop.oasis.edit(number, "1", quantity=4)
    again(manage)
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    assert (parcels(shop, number), told(number)["status"]) == ([("1", "1Z1", 4)], "confirmed")


def test_of_more_than_the_warehouse_was_left_with_what_it_has_ships_when_that_is_kept(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kept_at_two(shop, manage)
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    decisions.keep(order(number), None)
    assert (holds(told(number)), OrderLine.objects.get().quantity_to_ship) == ([], 3)
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    assert (parcels(shop, number), holds(told(number))) == ([("1", "1Z1", 3)], [])


def test_of_what_left_and_is_wanted_no_more_nothing_is_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = three_mugs(shop, manage)
    ship(shop, number, tracking="1Z1")
    shop.oasis.edit(number, "1", quantity=0)
    tell(manage)
    asked_again(manage)
    assert (told(number)["status"], holds(told(number)), parcels(shop, number)) == ("confirmed", ["over_shipped"], [])
    assert "the marketplace is told of none" in told(number)["holds"][0]["message"]
    assert tabs.counts()["refused"] == 0


def test_while_no_more_than_that_has_left_the_warehouse_is_updated(shop: Sandbox, manage: Run, told: Told) -> None:
    number = three_mugs(shop, manage)
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=2)
    again(manage)
    assert decisions.possible(order(number)) == {"amend", "keep"}
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    ship(shop, number, 1, 1, tracking="1Z2")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1), ("1", "1Z2", 1)]
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


def test_an_update_that_was_overtaken_by_the_parcel_leaves_nothing_refused(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = lowered_to_two(shop, manage)
    decisions.amend(order(number), None)
    ship(shop, number, tracking="1Z1")
    again(manage)
    asked_again(manage)
    assert parcels(shop, number) == [("1", "1Z1", 2)]
    is_over(number, told)


def test_a_parcel_is_not_held_for_what_was_too_many_in_another(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=2)
    again(manage)
    ship(shop, number, 1, 3, tracking="1Z1")
    manage("run", "all")
    [hold] = Hold.objects.filter(resolved_at=None)
    actions.resolve(hold, "the customer keeps it", None)
    ship(shop, number, 2, 1, tracking="1Z2")
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("1", "1Z1", 2), ("2", "1Z2", 1)]


def test_what_a_corrected_parcel_makes_too_many_is_held_whichever_parcel_it_is_beyond(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = three_mugs(shop, manage)
    first = ship(shop, number, 1, 1)
    ship(shop, number, 1, 1)
    manage("run", "pull_shipments")
    [line] = shop.tradegecko.children("fulfillment_line_items", "fulfillment_id", first)
    line["quantity"] = "3.0"
    shop.tradegecko.change_parcel(shop.tradegecko.tables["fulfillments"][first], notes="counted again")
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["over_shipped"]


def test_a_short_ship_of_what_was_not_told_yet_holds_nothing(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(partial_shipments="when_complete", order_status="finalized", short_ship_reasons="OUT Out of stock")
    number = three_mugs(shop, manage)
    ship(shop, number, 1, 2, tracking="1Z1")
    manage("run", "all")
    short_shipping.ask(OrderLine.objects.get(), "OUT", None)
    asked_again(manage)
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "2.0"}, [])
    assert parcels(shop, number) == [("1", "1Z1", 2)]


def test_what_is_wanted_again_after_it_left_in_a_parcel_that_was_told_stays_with_a_person(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=2)
    again(manage)
    ship(shop, number, 1, 3, tracking="1Z1")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 2)]
    known = said_now(order(number), 3)
    edits.follow_left(known)
    assert OrderLine.objects.get(number="1").quantity_to_ship == 2
    assert "over_shipped" in holds(told(number))


def test_what_was_taken_before_it_was_lowered_stays_and_the_rest_is_held(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = three_mugs(shop, manage)
    ship(shop, number, 1, 2, tracking="1Z1")
    manage("run", "all")
    said_now(order(number), 1)
    ship(shop, number, 1, 1, tracking="1Z2")
    manage("run", "pull_shipments")
    assert (parcels(shop, number), holds(told(number))) == ([("1", "1Z1", 2)], ["over_shipped"])
    assert OrderLine.objects.get().quantity_to_ship == 2


def test_an_order_that_ended_in_the_warehouse_is_not_wanted_again_there(shop: Sandbox, manage: Run, told: Told) -> None:
    number = kept_at_two(shop, manage)
    shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    shop.oasis.edit(number, "1", quantity=3)
    again(manage)
    assert OrderLine.objects.get().quantity_to_ship == 2


@pytest.mark.parametrize("rule", ["apply", "ask"])
def test_a_line_lowered_to_none_before_sending_is_left_out(rule: str, shop: Sandbox, manage: Run, told: Told) -> None:
    """And comes again with its next quantity; an order of which nothing is wanted ends, until something is."""
    set_rule(changes_before_sending=rule)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "pull_orders")
    for line, units, is_over in (("1", 0, False), ("2", 0, True), ("1", 2, False)):
        shop.oasis.edit(number, line, quantity=units)
        manage("run", "revisit_orders")
        if order(number).told_now:
            decisions.apply(order(number), None)
        if holds(told(number)) == ["reopened"]:
            actions.release(order(number), None)
        assert (told(number)["status"] == "cancelled") == is_over
        assert holds(told(number)) == []
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0"}


def test_what_was_raised_in_the_warehouse_by_hand_is_found_done_and_told(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = three_mugs(shop, manage)
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    shop.faults.add("tradegecko", "409", path="/order_line_items/*", method="PUT")
    decisions.amend(order(number), None)
    again(manage)
    assert "by hand, then try again, which finds it done" in told(number)["holds"][0]["message"]
    [line] = shop.tradegecko.tables["order_line_items"].values()
    shop.tradegecko.change(line, quantity="5")
    actions.retry_sending(order(number), None)
    manage("run", "submit_orders")
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    assert (parcels(shop, number), holds(told(number))) == ([("1", "1Z1", 5)], [])
