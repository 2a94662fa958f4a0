"""Lines that the marketplace shows no more, and perhaps again: left out, put in again, or for a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.sandbox.server import Sandbox
from orders import decisions
from orders.models import OrderLine, WarehouseChange
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule, two_lines
from tests.orders.test_reopened_lines import reopen
from tests.orders.world import holds, parcels, placed, ship


def vanish(box: Sandbox, number: str) -> Callable[[], None]:
    """Line 2 is told no more; what brings it back."""
    line = box.oasis.orders[number].line("2")
    box.oasis.remove_line(number, "2")
    return lambda: box.oasis.orders[number].lines.append(line)


def test_a_line_that_vanishes_and_comes_back_before_sending_is_sent(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    come_back = vanish(shop, number)
    manage("run", "pull_orders")
    come_back()
    again(manage)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


def test_a_line_that_vanishes_is_taken_out_and_comes_back_is_put_in_again(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    come_back = vanish(shop, number)
    again(manage)
    decisions.amend(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    come_back()
    again(manage)
    assert "line 2 is new: 1 × TEE-RED-M" in told(number)["holds"][0]["message"]
    decisions.amend(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    ship(shop, number, tracking="1ZALL")
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert sorted(parcels(shop, number)) == [("1", "1ZALL", 2), ("2", "1ZALL", 1)]


def test_a_line_that_vanishes_is_kept_and_comes_back_as_another_is_swapped_there(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "MUG-BLK"}, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    gone = [shop.oasis.orders[number].line(one) for one in ("2", "3")]
    for one in ("2", "3"):
        shop.oasis.remove_line(number, one)
    again(manage)
    decisions.keep(order(number), None)
    shop.oasis.orders[number].lines += gone
    shop.oasis.edit(number, "2", partner_sku="TEE-RED-M", barcode=None, quantity=3)
    shop.oasis.edit(number, "3", unit_cost="12.00")
    again(manage)
    decisions.amend(order(number), None)
    again(manage)
    lines = shop.tradegecko.lines(placed(shop, number)["id"])
    skus = {pk: row["sku"] for pk, row in shop.tradegecko.tables["variants"].items()}
    there = sorted((skus[row["variant_id"]], row["quantity"], float(row["price"])) for row in lines)
    assert there == [("MUG-BLK", "1.0", 10.0), ("MUG-BLK", "1.0", 12.0), ("TEE-RED-M", "3.0", 10.0)]
    assert holds(told(number)) == []


@pytest.mark.parametrize("job", ["pull_orders", "all"])
def test_a_line_that_vanishes_is_kept_and_comes_back_as_it_was_needs_no_decision(
    shop: Sandbox, manage: Run, told: Told, job: str
) -> None:
    set_rule(changes_before_sending="ask")
    number = two_lines(shop)
    manage("run", job)
    come_back = vanish(shop, number)
    manage("run", "revisit_orders")
    decisions.keep(order(number), None)
    come_back()
    manage("run", "revisit_orders")
    assert holds(told(number)) == []
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    assert (told(number)["status"], order(number).told_now) == ("submitted", None)


@pytest.mark.long
def test_one_that_comes_back_as_it_was_is_not_asked_about_beside_what_did_change(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    come_back = vanish(shop, number)
    again(manage)
    decisions.keep(order(number), None)
    shop.oasis.edit(number, address={"city": "Nampa"})
    manage("run", "revisit_orders")
    come_back()
    manage("run", "revisit_orders")
    [hold] = told(number)["holds"]
    assert "line 2" not in hold["message"]
    decisions.amend(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    assert holds(told(number)) == []


@pytest.mark.long
def test_a_line_that_is_cancelled_vanishes_and_comes_back_ships_as_before(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    again(manage)
    come_back = vanish(shop, number)
    again(manage)
    come_back()
    reopen(shop, number)
    again(manage)
    assert holds(told(number)) == []
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    assert not OrderLine.objects.filter(is_cancelled=True).exists()


def test_one_whose_cancellation_was_refused_there_waits_no_more_once_it_is_wanted_again(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    again(manage)
    decisions.void(order(number), None)
    for method in ("DELETE", "PUT"):
        shop.faults.add("tradegecko", "422", method=method)
    again(manage)
    assert WarehouseChange.objects.get().status == "parked"
    shop.faults.clear()
    reopen(shop, number)
    again(manage)
    decisions.amend(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    assert not OrderLine.objects.filter(is_cancelled=True).exists()
    assert holds(told(number)) == []
