"""What staff change in the warehouse's order, beside what the marketplace changes of it: nothing is lost between them."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory import kits
from orders import counted_there, decisions
from orders.models import Hold
from tests.orders.test_changed_by_hand import LINES, cancelled, line_there, messages, rows, sent
from tests.orders.test_changes import Run, Told, again, goods, order, set_rule
from tests.orders.test_reopened_lines import reopen
from tests.orders.world import holds, parcels, placed, ship

KIT = {"LAMP-OAK-01": 2, "SHADE-LINEN": 1}


def wanted_again(box: Sandbox, number: str) -> None:
    box.oasis.edit(number, status="PROCESSING")
    for line in box.oasis.orders[number].lines:
        reopen(box, number, line.number)


def add_there(box: Sandbox, number: str, sku: str, units: int) -> None:
    variant = next(row for row in box.tradegecko.tables["variants"].values() if row["sku"] == sku)
    box.tradegecko.add_line(placed(box, number), variant_id=variant["id"], quantity=units, price="1.0")


@pytest.mark.parametrize("left", [0, 1])
def test_what_staff_took_out_of_a_cancelled_order_is_decided_on_when_it_is_opened_again(
    left: int, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    set_rule(cancels_after_sending="never")
    if left:
        ship(shop, number, 1, left, tracking="1Z1")
        manage("run", "all")
    shop.oasis.cancel(number)
    again(manage)
    if left:
        shop.tradegecko.change_line(line_there(shop, number, 1), quantity=left)
    else:
        shop.tradegecko.delete_line(line_there(shop, number, 1))
    manage("run", "pull_shipments")
    wanted_again(shop, number)
    again(manage)
    assert "changed_order" in holds(told(number))
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    manage("run", "pull_shipments")
    assert (goods(shop, number)["TEE-RED-M"], holds(told(number))) == ("1.0", [])
    assert sum(units for line, units in rows() if line == "1") == 3


def test_what_the_rule_took_out_of_an_order_that_is_opened_again_at_once_is_decided_on(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, {"partner_sku": "MUG-BLK", "quantity": 3})
    set_rule(cancels_after_sending="do")
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.cancel(number)
    again(manage)
    wanted_again(shop, number)
    again(manage)
    assert holds(told(number)) == ["changed_order"]


def test_an_order_that_staff_emptied_is_held(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage, {"partner_sku": "MUG-BLK", "quantity": 3})
    shop.tradegecko.delete_line(line_there(shop, number, 1))
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["different_there"]


@pytest.fixture
def lamp(shop: Sandbox, overstock: Connection) -> dict[str, Any]:
    shop.tradegecko.add_variant("SHADE-LINEN", on_hand="90")
    kits.put(overstock, "KIT", tuple(KIT.items()), seen=kits.parts_of(overstock, "KIT"))
    return {"partner_sku": "KIT", "quantity": 2}


@pytest.mark.parametrize(
    ("units", "there"), [(1, "has 1 × SHADE-LINEN instead of 2"), (4, "has 4 × SHADE-LINEN instead of 2")]
)
def test_a_quantity_that_costs_nothing_is_seen(
    units: int, there: str, lamp: dict[str, Any], shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, lamp, {"partner_sku": "TEE-RED-M"})
    shop.tradegecko.change_line(line_there(shop, number, 2), quantity=units)
    manage("run", "pull_shipments")
    [text] = messages(number)
    assert there in text


def test_changes_that_even_out_are_seen(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage, *LINES)
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=2)
    shop.tradegecko.change_line(line_there(shop, number, 2), quantity=2)
    manage("run", "pull_shipments")
    assert len(messages(number)) == 2


def test_units_that_staff_add_are_held_before_they_leave(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    add_there(shop, number, "MUG-BLK", 2)
    add_there(shop, number, "LAMP-OAK-01", 1)
    manage("run", "pull_shipments")
    more, strange = sorted(messages(number), key=lambda text: "did not order" in text)
    assert "has 5 × MUG-BLK instead of 3" in more
    assert "short ship" not in more
    assert not counted_there.is_missing(Hold.objects.get(subject="1"))
    assert "that the marketplace did not order" in strange
    [line] = shop.tradegecko.lines(placed(shop, number)["id"])[-1:]
    shop.tradegecko.delete_line(line)
    manage("run", "pull_shipments")
    assert [hold["subject"] for hold in told(number)["holds"]] == ["1"]
    add_there(shop, number, "LAMP-OAK-01", 1)  # once more, and just so
    manage("run", "pull_shipments")
    assert len(told(number)["holds"]) == 2


def test_goods_put_in_again_as_a_line_of_their_own_are_what_was_ordered(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage, {"partner_sku": "MUG-BLK", "quantity": 3})
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    manage("run", "pull_shipments")
    add_there(shop, number, "MUG-BLK", 2)
    manage("run", "pull_shipments")
    assert holds(told(number)) == []
    shop.oasis.edit(number, "1", quantity=4)
    again(manage)
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert sum(float(line["quantity"]) for line in shop.tradegecko.lines(placed(shop, number)["id"])) == 4
    ship(shop, number, tracking="1Z9")
    manage("run", "all")
    assert (told(number)["status"], parcels(shop, number), holds(told(number))) == ("confirmed", [("1", "1Z9", 4)], [])


def test_units_moved_between_two_lines_of_one_item_ship_and_are_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage, *[{"partner_sku": "MUG-BLK", "quantity": 2}] * 2)
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=4)
    shop.tradegecko.delete_line(line_there(shop, number, 2))
    manage("run", "pull_shipments")
    assert holds(told(number)) == []
    ship(shop, number, tracking="1Z9")
    manage("run", "all")
    assert sorted(parcels(shop, number)) == [("1", "1Z9", 2), ("2", "1Z9", 2)]


def test_the_rest_of_a_cancelled_order_that_staff_took_out_is_followed(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    set_rule(cancels_after_sending="never")
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.cancel(number)
    again(manage)
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    for position in (3, 2):
        shop.tradegecko.delete_line(line_there(shop, number, position))
    manage("run", "pull_shipments")
    [text] = messages(number)
    assert "no more of it is in its order" in text


def test_what_is_wanted_again_of_a_line_that_was_complete_over_there_ships_and_is_told(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, {"partner_sku": "MUG-BLK", "quantity": 3})
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=1, status="SHIPPED")
    again(manage)
    if "keep" in decisions.possible(order(number)):
        decisions.keep(order(number), None)
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=3, status="PROCESSING")
    again(manage)
    ship(shop, number, 1, 2, tracking="1Z2")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1), ("1", "1Z2", 2)]


def test_of_a_cancelled_line_that_was_lowered_and_filled_up_again_there_all_is_taken_out(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = cancelled(shop, manage, "1", rule="ask")
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    manage("run", "pull_shipments")
    add_there(shop, number, "MUG-BLK", 2)
    manage("run", "pull_shipments")
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert goods(shop, number).get("MUG-BLK") == "1.0"  # line 3


def test_of_a_kit_of_which_parts_had_left_and_the_rest_was_taken_out_a_person_is_told_when_it_is_opened_again(
    lamp: dict[str, Any], shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, {**lamp, "quantity": 3})
    set_rule(cancels_after_sending="do")
    ship(shop, number, 1, 2, tracking="1Z1")
    manage("run", "all")
    shop.oasis.cancel(number)
    again(manage)
    assert goods(shop, number) == {"LAMP-OAK-01": "2.0"}
    wanted_again(shop, number)
    again(manage)
    [hold] = told(number)["holds"]
    assert "line 1 is open again: 3 × KIT. It has shipped already: settle it with the marketplace" in hold["message"]


def test_units_of_two_lines_of_one_item_that_come_to_what_is_wanted_hold_nothing(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, *[{"partner_sku": "MUG-BLK", "quantity": 2}] * 2)
    add_there(shop, number, "MUG-BLK", 2)
    shop.tradegecko.change_line(line_there(shop, number, 2), quantity=1)
    manage("run", "pull_shipments")
    assert "different_there" in holds(told(number))
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    manage("run", "pull_shipments")
    assert holds(told(number)) == []
    ship(shop, number, tracking="1Z9")
    manage("run", "all")
    assert (sorted(parcels(shop, number)), holds(told(number))) == ([("1", "1Z9", 2), ("2", "1Z9", 2)], [])
