"""A cancelled line that staff took out of the warehouse's order themselves, as its hold told them to."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.sandbox.server import Sandbox
from orders.admin import tabs
from orders.models import Hold, SubmittedLine
from tests.orders.test_changes import Run, Told, again, goods, set_rule
from tests.orders.world import holds, parcels, placed, ship

LINES = ({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"}, {"partner_sku": "MUG-BLK"})


def cancelled(box: Sandbox, manage: Run, *lines: str, rule: str = "never", ships: int = 0) -> str:
    """An order of three lines, of which these were cancelled after sending, and of the first so many had left."""
    set_rule(order_status="finalized", cancels_after_sending=rule)
    number = box.oasis.add_order(*LINES)
    manage("run", "all")
    if ships:
        ship(box, number, 1, ships, tracking="1Z1")
        manage("run", "all")
    for line in lines:
        box.oasis.cancel(number, line)
    again(manage)
    return number


def line_there(box: Sandbox, number: str, position: int) -> dict[str, Any]:
    row: dict[str, Any] = box.tradegecko.lines(placed(box, number)["id"])[position - 1]
    return row


def rows() -> list[tuple[str, int]]:
    """Our lines of the warehouse's order: number of the order's line, and units."""
    known = SubmittedLine.objects.order_by("position")
    return list(known.values_list("order_line__number", "quantity"))


@pytest.mark.parametrize("rule", ["never", "ask"])
def test_the_hold_of_a_line_that_was_taken_out_there_closes(rule: str, shop: Sandbox, manage: Run, told: Told) -> None:
    number = cancelled(shop, manage, "1", rule=rule)
    assert holds(told(number)) == ["cancelled_late"]
    shop.tradegecko.delete_line(line_there(shop, number, 1))
    manage("run", "pull_shipments")
    assert (holds(told(number)), rows()) == ([], [("2", 1), ("3", 1)])
    assert any("taken out by hand" in event["text"] for event in told(number)["events"])
    ship(shop, number, tracking="1Z2")
    manage("run", "all")
    assert told(number)["status"] == "confirmed"
    assert parcels(shop, number) == [("2", "1Z2", 1), ("3", "1Z2", 1)]
    assert tabs.counts()["refused"] == 0


def test_the_rest_that_was_taken_out_there_leaves_what_had_shipped(shop: Sandbox, manage: Run, told: Told) -> None:
    number = cancelled(shop, manage, "1", ships=1)
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    manage("run", "pull_shipments")
    assert (holds(told(number)), rows()[0]) == ([], ("1", 1))


def test_of_two_cancelled_lines_the_one_that_is_there_still_stays_held(shop: Sandbox, manage: Run, told: Told) -> None:
    number = cancelled(shop, manage, "1", "2")
    shop.tradegecko.delete_line(line_there(shop, number, 1))
    manage("run", "pull_shipments")
    assert [hold.subject for hold in Hold.objects.filter(resolved_at=None)] == ["2"]
    assert rows() == [("2", 1), ("3", 1)]


@pytest.mark.parametrize("what", ["another line", "a part of it", "nothing"])
def test_whatever_else_was_changed_there_closes_nothing(what: str, shop: Sandbox, manage: Run, told: Told) -> None:
    number = cancelled(shop, manage, "1")
    if what == "another line":  # of the same goods
        shop.tradegecko.delete_line(line_there(shop, number, 3))
    elif what == "a part of it":
        shop.tradegecko.change_line(line_there(shop, number, 1), quantity=2)
    else:
        shop.tradegecko.change(placed(shop, number), notes="called twice")
    manage("run", "pull_shipments")
    assert (holds(told(number)), rows()[0]) == (["cancelled_late"], ("1", 3))


def test_an_order_that_cannot_be_read_there_keeps_no_parcel_back(shop: Sandbox, manage: Run, told: Told) -> None:
    number = cancelled(shop, manage, "1")
    shop.tradegecko.delete_line(line_there(shop, number, 1))
    ship(shop, number, tracking="1Z2")
    shop.faults.add("tradegecko", "422", path="/orders/*", method="GET")
    with suppress(CommandError):
        manage("run", "pull_shipments")
    assert (holds(told(number)), len(told(number)["shipments"])) == (["cancelled_late"], 1)


def test_what_was_taken_out_by_the_rule_leaves_nothing_to_stop(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = shop.oasis.add_order(*LINES[:2])
    manage("run", "all")
    shop.oasis.cancel(number, "1")
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "pull_shipments")
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "1.0", "TEE-RED-M": "1.0"}
    [hold] = told(number)["holds"]
    assert "1 unit of it left, and no more of it is in the warehouse's order." in hold["message"]
    assert "settle with it what has left; then resolve this." in hold["message"]
    assert "Stop what has not left" not in hold["message"]
