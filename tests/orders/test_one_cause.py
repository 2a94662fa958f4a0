"""One cause is one hold: lines that were cancelled before all of their order was, or before it ended in the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integrations.sandbox.server import Sandbox
from orders import decisions
from orders.models import Hold, WarehouseChange
from tests.orders.test_changes import again, goods, order, sent, set_rule, state
from tests.orders.test_reopened_lines import reopen
from tests.orders.world import holds, placed, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


def cancelled_line_by_line(box: Sandbox, manage: Run) -> str:
    number = sent(box, manage)
    for line in ("1", "2"):
        box.oasis.cancel(number, line)
        manage("run", "revisit_orders")
    return number


def wanted_again(box: Sandbox, number: str) -> None:
    """The order, but for its first line."""
    box.oasis.edit(number, status="PROCESSING")
    reopen(box, number, "2")


def late(told: Told, number: str) -> list[str]:
    return [hold["subject"] for hold in told(number)["holds"] if hold["kind"] == "cancelled_late"]


def test_an_order_whose_lines_are_cancelled_one_after_the_other_is_held_once_and_voided(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = cancelled_line_by_line(shop, manage)
    assert late(told, number) == [""]
    assert Hold.objects.get(subject="1").resolution == "the marketplace cancelled the whole order"
    decisions.void(order(number), None)
    again(manage)
    assert (state(shop, number), told(number)["status"], holds(told(number))) == ("void", "cancelled", [])


def test_a_line_that_stays_cancelled_when_its_order_is_wanted_again_is_asked_about_again(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = cancelled_line_by_line(shop, manage)
    wanted_again(shop, number)
    again(manage)
    assert late(told, number) == ["1"]
    decisions.void(order(number), None)
    again(manage)
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])


def test_by_the_rule_a_line_that_stays_cancelled_is_taken_out_though_its_order_was_to_be_voided_meanwhile(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = cancelled_line_by_line(shop, manage)
    set_rule(cancels_after_sending="do")
    decisions.void(order(number), None)
    wanted_again(shop, number)
    again(manage)
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])


def test_a_line_that_a_person_asked_about_meanwhile_is_held_once_when_its_order_is_wanted_again(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M", "quantity": 2})
    manage("run", "all")
    for line in ("1", "2"):
        shop.oasis.cancel(number, line)
        manage("run", "revisit_orders")
    ship(shop, number, 2, tracking="1ZTWO")
    manage("run", "pull_shipments")
    decisions.void(order(number), None)
    wanted_again(shop, number)
    manage("run", "revisit_orders")
    assert late(told, number) == ["1"]
    again(manage)
    assert (goods(shop, number), late(told, number)) == ({"TEE-RED-M": "2.0"}, [])


def test_a_line_that_was_taken_out_meanwhile_is_not_asked_about_again(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "1")
    manage("run", "revisit_orders")
    decisions.void(order(number), None)
    shop.oasis.cancel(number, "2")
    manage("run", "revisit_orders")
    manage("run", "submit_orders")
    assert WarehouseChange.objects.get().status == "accepted"
    wanted_again(shop, number)
    again(manage)
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}
    assert late(told, number) == []


def test_of_an_order_that_has_shipped_in_part_the_cancelled_line_is_still_taken_out(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    ship(shop, number, 1, units=2, tracking="1ZONE")
    manage("run", "pull_shipments")
    shop.oasis.cancel(number, "2")
    manage("run", "revisit_orders")
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    assert sorted(late(told, number)) == ["", "2"]
    decisions.void(order(number), None)
    again(manage)
    assert late(told, number) == [""]
    assert goods(shop, number) == {"MUG-BLK": "2.0"}


def test_a_cancelled_line_of_an_order_that_ends_in_the_warehouse_is_not_to_be_taken_out_there(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "1")
    manage("run", "revisit_orders")
    shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["voided_order"]
