"""What is cancelled or lowered when less than a whole unit has left, or goods that the marketplace had cancelled before.

And what is changed or cancelled of an order that has ended in the warehouse.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from django.core.management import CommandError

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import actions, decisions
from orders.models import Hold, IllegalTransition, Order, WarehouseChange
from tests.orders.test_changes import Run, Told, goods, order, set_rule, state
from tests.orders.world import holds, parcels, pauses_end, placed, ship

JOBS = ("pull_orders", "revisit_orders", "submit_orders", "pull_shipments", "confirm_shipments")
KIT = {"LAMP-OAK-01": 2, "SHADE-LIN-W": 1}
LAMP, SHADE = 1, 2


def look_around(manage: Run) -> None:
    """Every job of a minute, once."""
    for job in JOBS:
        pauses_end()
        with suppress(CommandError):
            manage("run", job)


def kits(box: Sandbox, manage: Run, units: int, *lines: dict[str, str], rule: str = "ask") -> str:
    """An order of so many kits of two lamps and a shade each, and of these lines; it is sent."""
    set_rule(order_status="finalized", cancels_after_sending=rule)
    overstock = Connection.objects.get(name="Overstock")
    for sku, each in KIT.items():
        SkuAlias.objects.create(connection=overstock, marketplace_sku="KIT", warehouse_sku=sku, units=each)
    number = box.oasis.add_order({"partner_sku": "KIT", "quantity": units}, *lines)
    look_around(manage)
    return number


def plain(box: Sandbox, manage: Run, rule: str = "ask") -> str:
    """Three mugs and a tee, sent."""
    set_rule(order_status="finalized", cancels_after_sending=rule)
    number = box.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    look_around(manage)
    return number


def left(box: Sandbox, manage: Run, number: str, position: int, units: int) -> None:
    ship(box, number, position, units, tracking=f"1Z{position}{units}")
    look_around(manage)


def decide(manage: Run, number: str, *, by_rule: bool = False) -> None:
    if not by_rule:
        decisions.void(order(number), None)
    look_around(manage)


def messages(number: str) -> list[str]:
    return [hold.message for hold in order(number).holds.filter(resolved_at=None).order_by("subject")]


BOTH = pytest.mark.parametrize("rule", ["ask", "do"])


# --- less than a whole unit has left -----------------------------------------------------------------------------


@BOTH
def test_an_order_of_which_parts_of_a_kit_left_is_lowered_to_them(
    rule: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kits(shop, manage, 3, rule=rule)
    left(shop, manage, number, LAMP, 2)
    shop.oasis.cancel(number)
    look_around(manage)
    decide(manage, number, by_rule=rule == "do")
    assert goods(shop, number) == {"LAMP-OAK-01": "2.0"}
    assert (holds(told(number)), decisions.possible(order(number))) == (["cancelled_late"], set())
    assert "no more of it is in its order" in messages(number)[0]
    assert not parcels(shop, number)


@BOTH
def test_a_cancelled_line_of_which_parts_left_is_lowered_to_them(
    rule: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kits(shop, manage, 2, {"partner_sku": "TEE-RED-M"}, rule=rule)
    left(shop, manage, number, LAMP, 2)
    shop.oasis.cancel(number, "1")
    look_around(manage)
    decide(manage, number, by_rule=rule == "do")
    assert goods(shop, number) == {"LAMP-OAK-01": "2.0", "TEE-RED-M": "1.0"}
    assert (holds(told(number)), decisions.possible(order(number))) == (["cancelled_late"], set())
    assert "Part of a unit of it left, and no more" in messages(number)[0]


def test_a_cancelled_line_says_that_parts_of_it_left_before(shop: Sandbox, manage: Run) -> None:
    number = kits(shop, manage, 2, {"partner_sku": "TEE-RED-M"})
    left(shop, manage, number, LAMP, 2)
    shop.oasis.cancel(number, "1")
    look_around(manage)
    [text] = messages(number)
    assert "Part of a unit of it left before, 2 more are in the warehouse's order. Take the rest out" in text
    assert "settle with it what has left" in text


@BOTH
def test_beside_a_whole_unit_parts_of_another_stay_and_all_else_is_taken_out(
    rule: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kits(shop, manage, 2, {"partner_sku": "TEE-RED-M"}, rule=rule)
    left(shop, manage, number, LAMP, 4)
    left(shop, manage, number, SHADE, 1)
    shop.oasis.cancel(number)
    look_around(manage)
    decide(manage, number, by_rule=rule == "do")
    assert goods(shop, number) == {"LAMP-OAK-01": "4.0", "SHADE-LIN-W": "1.0"}
    assert (holds(told(number)), decisions.possible(order(number))) == (["cancelled_late"], set())
    assert [units for _, _, units in parcels(shop, number)] == [1]


def test_what_left_of_it_is_settled_by_a_person_and_the_rest_of_the_order_ships(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kits(shop, manage, 2, {"partner_sku": "TEE-RED-M"}, rule="do")
    left(shop, manage, number, LAMP, 2)
    shop.oasis.cancel(number, "1")
    look_around(manage)
    actions.resolve(Hold.objects.get(resolved_at=None), "they come back", None)
    ship(shop, number, tracking="1ZREST")
    look_around(manage)
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("2", "1ZREST", 1)]


def test_such_a_line_that_is_opened_again_has_its_other_parts_put_back(shop: Sandbox, manage: Run, told: Told) -> None:
    number = kits(shop, manage, 2, {"partner_sku": "TEE-RED-M"}, rule="do")
    before = prices(shop, number)
    left(shop, manage, number, LAMP, 2)
    shop.oasis.cancel(number, "1")
    look_around(manage)
    shop.oasis.edit(number, "1", status="PROCESSING")
    look_around(manage)
    decisions.amend(order(number), None)
    look_around(manage)
    assert goods(shop, number) == {"LAMP-OAK-01": "4.0", "SHADE-LIN-W": "2.0", "TEE-RED-M": "1.0"}
    assert (prices(shop, number), holds(told(number))) == (before, [])
    ship(shop, number, tracking="1ZREST")
    look_around(manage)
    assert told(number)["status"] == "confirmed"


def prices(box: Sandbox, number: str) -> dict[str, Decimal]:
    variants = box.tradegecko.tables["variants"]
    lines = box.tradegecko.lines(placed(box, number)["id"])
    return {variants[line["variant_id"]]["sku"]: Decimal(line["price"]) for line in lines}


def test_a_lowered_line_keeps_the_parts_that_left_and_a_person_is_told_of_them(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = kits(shop, manage, 3)
    left(shop, manage, number, LAMP, 6)
    shop.oasis.edit(number, "1", quantity=2)
    look_around(manage)
    decisions.amend(order(number), None)
    look_around(manage)
    assert goods(shop, number) == {"LAMP-OAK-01": "6.0", "SHADE-LIN-W": "2.0"}
    assert (holds(told(number)), decisions.possible(order(number))) == (["cancelled_late"], set())
    assert "Goods of it left beyond that" in messages(number)[0]
    left(shop, manage, number, SHADE, 2)
    assert holds(told(number)) == ["cancelled_late"]
    assert [units for _, _, units in parcels(shop, number)] == [2]


def test_goods_of_which_parts_left_are_not_replaced_by_others(shop: Sandbox, manage: Run, told: Told) -> None:
    """The parts that left would count as parts of what is sold now."""
    number = kits(shop, manage, 3)
    left(shop, manage, number, LAMP, 2)
    shop.oasis.edit(number, "1", partner_sku="MUG-BLK")
    look_around(manage)
    decisions.amend(order(number), None)
    look_around(manage)
    assert goods(shop, number) == {"LAMP-OAK-01": "6.0", "SHADE-LIN-W": "3.0"}
    assert "2 of LAMP-OAK-01 have shipped, more than 0" in messages(number)[0]


# --- only what was cancelled before has left -----------------------------------------------------------------------


@BOTH
def test_an_order_of_which_only_a_cancelled_line_left_has_its_others_taken_out(
    rule: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = plain(shop, manage)
    shop.oasis.cancel(number, "2")
    look_around(manage)
    left(shop, manage, number, 2, 1)
    set_rule(cancels_after_sending=rule)
    shop.oasis.cancel(number)
    look_around(manage)
    decide(manage, number, by_rule=rule == "do")
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}
    assert (holds(told(number)), decisions.possible(order(number))) == (["cancelled_late"] * 2, set())
    assert not WarehouseChange.objects.filter(status=WarehouseChange.Status.PARKED)


def test_a_void_that_was_refused_as_parts_left_is_followed_by_taking_the_rest_out(shop: Sandbox, manage: Run) -> None:
    number = kits(shop, manage, 2, {"partner_sku": "TEE-RED-M"}, rule="do")
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    ship(shop, number, LAMP, 2, tracking="1Z1")
    look_around(manage)
    look_around(manage)
    assert goods(shop, number) == {"LAMP-OAK-01": "2.0"}
    assert not actions.parked_in(order(number))


# --- it has ended in the warehouse ---------------------------------------------------------------------------------


def voided(box: Sandbox, manage: Run, number: str) -> None:
    box.tradegecko.void(placed(box, number))
    look_around(manage)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_change_of_an_order_that_ended_there_offers_no_update(
    is_first: bool, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = plain(shop, manage)
    if is_first:
        voided(shop, manage, number)
    shop.oasis.edit(number, "1", quantity=4)
    look_around(manage)
    if not is_first:
        voided(shop, manage, number)
    assert (state(shop, number), decisions.possible(order(number))) == ("void", {"keep"})
    [text] = order(number).holds.filter(kind="changed_order", resolved_at=None).values_list("message", flat=True)
    assert "The order is void in Gecko, so that there is nothing to update" in text
    with pytest.raises(IllegalTransition, match="has ended in the warehouse"):
        decisions.amend(order(number), None)
    decisions.keep(order(number), None)
    assert holds(told(number)) == ["voided_order"]


@BOTH
@pytest.mark.parametrize("is_first", [True, False])
def test_a_cancelled_line_of_an_order_that_ended_there_waits_for_nothing(
    rule: str, is_first: bool, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = plain(shop, manage, rule="ask")
    if is_first:
        voided(shop, manage, number)
    set_rule(cancels_after_sending=rule if is_first else "ask")
    shop.oasis.cancel(number, "2")
    look_around(manage)
    if not is_first:
        voided(shop, manage, number)
    assert (state(shop, number), holds(told(number))) == ("void", ["voided_order"])


def test_an_update_that_was_refused_as_the_order_ended_there_is_not_tried_again(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = plain(shop, manage)
    shop.oasis.edit(number, "1", quantity=1)
    look_around(manage)
    decisions.amend(order(number), None)
    voided(shop, manage, number)
    assert WarehouseChange.objects.get().status == WarehouseChange.Status.PARKED
    assert "retry" not in actions.possible(order(number))
    shop.oasis.cancel(number)
    look_around(manage)
    assert (told(number)["status"], holds(told(number))) == (Order.Status.CANCELLED, [])
    assert WarehouseChange.objects.get().status == WarehouseChange.Status.WITHDRAWN
