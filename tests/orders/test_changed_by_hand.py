"""A cancelled line that staff took out of the warehouse's order themselves, as its hold told them to."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.models import SyncRun
from integrations.sandbox.server import Sandbox
from orders import decisions
from orders.admin import tabs
from orders.models import Hold, SubmittedLine
from tests.orders.test_changes import Run, Told, again, goods, order, set_rule, state
from tests.orders.test_reopened_lines import reopen
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
    assert any(event["text"] == "done by hand in Gecko: line 1 taken out" for event in told(number)["events"])
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


@pytest.mark.parametrize(
    ("what", "held", "there"),
    [
        ("another line", ["cancelled_late", "different_there"], [3, 1, 0]),  # of the same goods
        ("a part of it", ["cancelled_late"], [2, 1, 1]),
        ("nothing", ["cancelled_late"], [3, 1, 1]),
    ],
)
def test_whatever_else_was_changed_there_closes_no_cancellation(
    what: str, held: list[str], there: list[int], shop: Sandbox, manage: Run, told: Told
) -> None:
    number = cancelled(shop, manage, "1")
    if what == "another line":
        shop.tradegecko.delete_line(line_there(shop, number, 3))
    elif what == "a part of it":
        shop.tradegecko.change_line(line_there(shop, number, 1), quantity=2)
    else:
        shop.tradegecko.change(placed(shop, number), notes="called twice")
    manage("run", "pull_shipments")
    assert (sorted(holds(told(number))), [units for _, units in rows()]) == (held, there)


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


# --- what nobody had cancelled, or only changed -------------------------------------------------------------------


def sent(box: Sandbox, manage: Run, *lines: dict[str, Any]) -> str:
    set_rule(order_status="finalized")
    number = box.oasis.add_order(*(lines or LINES))
    manage("run", "all")
    manage("run", "pull_shipments")
    return number


def messages(number: str) -> list[str]:
    return list(Hold.objects.filter(order=order(number), resolved_at=None).values_list("message", flat=True))


def test_a_line_that_staff_took_out_of_an_order_that_is_wanted_is_held(
    shop: Sandbox, manage: Run, told: Told
) -> None:  # fmt: skip
    number = sent(shop, manage)
    shop.tradegecko.delete_line(line_there(shop, number, 2))
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["different_there"]
    [text] = messages(number)
    assert text.startswith("Line 2 will not ship as it is wanted: the order in Gecko has 0 × TEE-RED-M instead of 1, ")
    assert order(number).status == "submitted"


def test_fewer_of_a_line_than_are_to_ship_are_held_until_they_are_back(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    manage("run", "pull_shipments")
    [text] = messages(number)
    assert "has 1 × MUG-BLK instead of 3" in text
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=3)
    manage("run", "pull_shipments")
    assert (holds(told(number)), rows()[0]) == ([], ("1", 3))


def test_a_line_that_was_taken_out_and_put_in_anew_ships_and_is_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    gone = line_there(shop, number, 2)
    shop.tradegecko.delete_line(gone)
    manage("run", "pull_shipments")
    shop.tradegecko.add_line(placed(shop, number), variant_id=gone["variant_id"], quantity=1, price=gone["price"])
    manage("run", "pull_shipments")
    assert holds(told(number)) == []
    ship(shop, number, tracking="1Z9")
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


def test_what_staff_took_out_is_read_with_the_next_look_when_it_could_not_be_read(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.tradegecko.delete_line(line_there(shop, number, 2))
    shop.faults.add("tradegecko", "500_html", path="/orders/*", method="GET")
    with suppress(CommandError):
        manage("run", "pull_shipments")
    assert holds(told(number)) == []
    shop.faults.clear()
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["different_there"]


def test_an_order_of_which_staff_changed_nothing_is_not_read(shop: Sandbox, manage: Run) -> None:
    number = sent(shop, manage)
    shop.tradegecko.change(placed(shop, number), notes="called twice")
    manage("run", "pull_shipments")
    assert ("GET", f"/orders/{placed(shop, number)['id']}") not in shop.calls("tradegecko")


def test_an_order_that_is_held_is_read_once_for_each_change_there(shop: Sandbox, manage: Run) -> None:
    """Every look overlaps the one before and tells of it again: dozens of held orders would use up the calls."""
    number = cancelled(shop, manage, "1")
    there = ("GET", f"/orders/{placed(shop, number)['id']}")
    shop.tradegecko.change(placed(shop, number), notes="called")
    manage("run", "pull_shipments")
    before = shop.calls("tradegecko").count(there)
    manage("run", "pull_shipments")
    assert (before, shop.calls("tradegecko").count(there)) == (1, 1)
    shop.tradegecko.change(placed(shop, number), notes="called twice")
    manage("run", "pull_shipments")
    assert shop.calls("tradegecko").count(there) == 2


def test_a_change_that_is_held_is_not_read_once_more(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    there = ("GET", f"/orders/{placed(shop, number)['id']}")
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    for _ in range(3):
        manage("run", "pull_shipments")
    assert (holds(told(number)), shop.calls("tradegecko").count(there)) == (["different_there"], 1)


def test_a_rest_that_was_taken_out_in_part_and_is_wanted_again_ships_whole(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = cancelled(shop, manage, "1", rule="never")
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    manage("run", "pull_shipments")
    reopen(shop, number, "1")
    again(manage)
    assert sorted(holds(told(number))) == ["cancelled_late", "changed_order"]
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert ([units for _, units in rows()], holds(told(number))) == ([3, 1, 1], [])
    assert float(line_there(shop, number, 1)["quantity"]) == 3


def test_a_quantity_that_staff_lowered_there_as_the_marketplace_did_waits_for_nobody(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=2)
    again(manage)
    assert holds(told(number)) == ["changed_order"]
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=2)
    manage("run", "pull_shipments")
    assert (holds(told(number)), told(number)["lines"][0]["quantity"]) == ([], 2)
    ship(shop, number, tracking="1Z9")
    manage("run", "all")
    assert told(number)["status"] == "confirmed"


def test_a_line_that_staff_took_out_before_the_marketplace_cancelled_it_waits_for_nobody(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.tradegecko.delete_line(line_there(shop, number, 2))
    manage("run", "pull_shipments")
    shop.oasis.cancel(number, "2")
    again(manage)
    manage("run", "pull_shipments")
    assert holds(told(number)) == []
    ship(shop, number, tracking="1Z9")
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


def test_what_the_list_of_changed_orders_did_not_tell_of_is_found_by_the_reconciliation(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.tradegecko.delete_line(line_there(shop, number, 2))
    placed(shop, number)["updated_at"] = "2020-01-01T00:00:00.000Z"
    manage("run", "pull_shipments")
    assert holds(told(number)) == []
    manage("run", "reconcile")
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["different_there"]


# --- at the wrong moment ------------------------------------------------------------------------------------------


def test_what_staff_change_before_the_first_look_is_seen(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized")
    number = shop.oasis.add_order(*LINES)
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    shop.tradegecko.change_line(line_there(shop, number, 1), quantity=1)
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["different_there"]


def test_what_staff_change_beside_a_change_of_ours_is_seen(shop: Sandbox, manage: Run, told: Told) -> None:
    number = cancelled(shop, manage, "1", rule="ask")
    decisions.void(order(number), None)
    shop.tradegecko.delete_line(line_there(shop, number, 3))
    manage("run", "pull_shipments")
    manage("run", "submit_orders")
    manage("run", "pull_shipments")
    assert ([units for _, units in rows()], holds(told(number))) == ([1, 0], ["different_there"])


def test_by_the_rule_an_order_whose_lines_staff_took_out_is_voided_when_it_is_cancelled(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, {"partner_sku": "MUG-BLK"})
    set_rule(cancels_after_sending="do")
    shop.tradegecko.delete_line(line_there(shop, number, 1))
    manage("run", "pull_shipments")
    shop.oasis.cancel(number)
    again(manage)
    assert (state(shop, number), told(number)["status"], holds(told(number))) == ("void", "cancelled", [])


def test_an_order_that_is_cancelled_while_it_is_to_be_updated_is_not_updated(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, {"partner_sku": "MUG-BLK", "quantity": 2})
    set_rule(cancels_after_sending="do")
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=5)
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    shop.oasis.cancel(number)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "1.0"}


def test_what_is_there_again_after_the_rest_was_taken_out_is_taken_out_too(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage, {"partner_sku": "MUG-BLK", "quantity": 3})
    set_rule(cancels_after_sending="do")
    first = ship(shop, number, 1, 1, tracking="1Z1")
    ship(shop, number, 1, 1, tracking="1Z2")
    manage("run", "pull_shipments")
    shop.oasis.cancel(number)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    shop.tradegecko.void_parcel(shop.tradegecko.tables["fulfillments"][first])
    manage("run", "pull_shipments")
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "1.0"}


@pytest.mark.parametrize("fault", ["404", "422", "403"])
def test_an_account_that_does_not_list_its_lines_is_no_trouble(
    fault: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = cancelled(shop, manage, "1")
    shop.faults.add("tradegecko", fault, path="/order_line_items", method="GET", times=9)
    shop.tradegecko.delete_line(line_there(shop, number, 1))
    manage("run", "pull_shipments")  # it fails where a problem is told
    assert holds(told(number)) == []
    assert "is not told" in SyncRun.objects.filter(job="pull_shipments").latest("pk").summary
