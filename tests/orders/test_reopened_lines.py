"""Lines that the marketplace cancels and opens again, and costs that change: followed like any other change."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from django.core.management import CommandError

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import decisions
from orders.models import OrderLine, WarehouseChange
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule, state, two_lines
from tests.orders.world import holds, parcels, placed, ship


def reopen(box: Sandbox, number: str, line: str = "2") -> None:
    box.oasis.edit(number, line, status="PROCESSING")


def prices(box: Sandbox, number: str) -> dict[str, Decimal]:
    variants = box.tradegecko.tables["variants"]
    lines = box.tradegecko.lines(placed(box, number)["id"])
    return {variants[line["variant_id"]]["sku"]: Decimal(line["price"]) for line in lines}


def cancelled_before_sending(box: Sandbox, manage: Run) -> str:
    number = two_lines(box)
    manage("run", "pull_orders")
    box.oasis.cancel(number, "2")
    manage("run", "pull_orders")
    return number


def test_a_line_that_is_opened_again_before_sending_is_sent(shop: Sandbox, manage: Run) -> None:
    number = cancelled_before_sending(shop, manage)
    reopen(shop, number)
    again(manage)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


def test_by_the_rule_ask_a_person_decides_on_it(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(changes_before_sending="ask")
    number = cancelled_before_sending(shop, manage)
    reopen(shop, number)
    manage("run", "pull_orders")
    assert "line 2 is open again: 1 × TEE-RED-M" in told(number)["holds"][0]["message"]
    decisions.apply(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


@pytest.mark.long
def test_one_that_is_opened_as_the_other_is_cancelled_keeps_the_order_alive(shop: Sandbox, manage: Run) -> None:
    number = cancelled_before_sending(shop, manage)
    reopen(shop, number)
    shop.oasis.cancel(number, "1")
    again(manage)
    again(manage)
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}


def test_one_that_was_taken_out_there_is_shown_and_put_in_again(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    reopen(shop, number)
    again(manage)
    assert "line 2 is open again: 1 × TEE-RED-M" in told(number)["holds"][0]["message"]
    decisions.amend(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    ship(shop, number, tracking="1ZALL")
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert sorted(parcels(shop, number)) == [("1", "1ZALL", 2), ("2", "1ZALL", 1)]


@pytest.mark.long
def test_one_that_is_still_there_ships_as_if_it_had_not_been_cancelled(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    again(manage)
    decisions.void(order(number), None)
    reopen(shop, number)
    again(manage)
    assert holds(told(number)) == []
    assert WarehouseChange.objects.get().status == "withdrawn"
    assert not OrderLine.objects.filter(is_cancelled=True).exists()
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


# --- costs ------------------------------------------------------------------------------------------------------


def test_a_cost_that_changes_before_sending_is_what_is_sent(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.edit(number, "1", unit_cost="12.50")
    again(manage)
    again(manage)
    assert prices(shop, number) == {"MUG-BLK": Decimal("12.5"), "TEE-RED-M": Decimal(10)}


def test_a_cost_that_changes_after_sending_is_shown_and_changed_when_asked_for(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", unit_cost="12.50")
    again(manage)
    assert "line 1 unit cost 10.00 → 12.50" in told(number)["holds"][0]["message"]
    assert prices(shop, number)["MUG-BLK"] == Decimal(10)
    decisions.amend(order(number), None)
    shop.faults.add("tradegecko", "reset_after_apply", path="/order_line_items/*", method="PUT")
    again(manage)
    again(manage)
    assert prices(shop, number)["MUG-BLK"] == Decimal("12.5")
    assert holds(told(number)) == []
    assert OrderLine.objects.get(number="1").unit_cost == Decimal("12.5")


@pytest.mark.long
def test_a_cost_of_what_has_shipped_is_left_to_a_person(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    ship(shop, number, 1, tracking="1ZONE")
    manage("run", "pull_shipments")
    shop.oasis.edit(number, "1", unit_cost="12.50")
    again(manage)
    decisions.amend(order(number), None)
    again(manage)
    assert "so that the price stays" in told(number)["holds"][0]["message"]
    assert prices(shop, number)["MUG-BLK"] == Decimal(10)


def test_a_cost_that_waits_when_its_line_is_told_as_shipped_waits_on_until_a_person_decides(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    three = [{"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"}, {"partner_sku": "TEE-RED-M"}]
    number = shop.oasis.add_order(*three)
    manage("run", "all")
    shop.oasis.edit(number, "1", unit_cost="12.50")
    shop.oasis.edit(number, "2", unit_cost="11.00")
    again(manage)
    ship(shop, number, 1, tracking="1ZONE")
    manage("run", "all")
    shop.oasis.cancel(number, "2")
    again(manage)
    report = told(number)
    [changed] = [hold["message"] for hold in report["holds"] if hold["kind"] == "changed_order"]
    assert "line 1 unit cost 10.00 → 12.50" in changed
    assert "line 2" not in changed
    texts = [event["text"] for event in report["events"]]
    assert sum("ours stays, not: line 2 unit cost 10.00 → 11.00" in text for text in texts) == 1
    decisions.keep(order(number), None)
    again(manage)
    assert "changed_order" not in holds(told(number))


# --- at their edges -----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_new_line_is_followed_though_all_others_shipped_without_us(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    shop.oasis.edit(number, "1", status="SHIPPED")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    again(manage)
    again(manage)
    assert goods(shop, number) == {"TEE-RED-M": "4.0"}


@pytest.mark.long
def test_the_hold_of_a_changed_order_that_ships_meanwhile_says_so(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    assert told(number)["holds"][0]["message"].endswith("Update the warehouse's order, or keep it as it is.")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    assert "It has shipped already" in told(number)["holds"][0]["message"]


@pytest.mark.long
@pytest.mark.parametrize("is_sent", [True, False])
def test_a_value_that_does_not_fit_is_shown_and_loses_nothing_else(
    shop: Sandbox, manage: Run, told: Told, is_sent: bool
) -> None:
    number = two_lines(shop)
    manage("run", "all" if is_sent else "pull_orders")
    before = order(number).last_seen_at
    shop.oasis.edit(number, address={"city": "N" * 300})
    shop.oasis.cancel(number, "2")
    again(manage)
    assert order(number).last_seen_at > before
    assert OrderLine.objects.get(number="2").is_cancelled
    text = " ".join(hold["message"] for hold in told(number)["holds"])
    assert "That cannot be stored here: ship_city" in text
    assert decisions.possible(order(number)) == ({"keep", "void"} if is_sent else {"keep"})


def test_an_order_whose_lines_vanish_one_by_one_is_voided_there(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    for line in ("1", "2"):
        shop.oasis.remove_line(number, line)
        again(manage)
        decisions.amend(order(number), None)
        again(manage)
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")


@pytest.mark.long
def test_a_new_cost_that_no_line_can_bear_exactly_makes_two_of_it(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="PACK", warehouse_sku="MUG-BLK", units=3)
    shop.oasis.add_listing("PACK")
    number = shop.oasis.add_order({"partner_sku": "PACK", "quantity": 2, "unit_cost": "12.00"})
    manage("run", "all")
    shop.oasis.edit(number, "1", unit_cost="10.00")
    again(manage)
    decisions.amend(order(number), None)
    again(manage)
    lines = shop.tradegecko.lines(placed(shop, number)["id"])
    assert sum(Decimal(one["quantity"]) * Decimal(one["price"]) for one in lines) == Decimal(20)
    assert sum(Decimal(one["quantity"]) for one in lines) == 6
    assert holds(told(number)) == []


@pytest.mark.long
def test_what_is_taken_back_while_the_send_is_in_doubt_leaves_the_send_in_doubt(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with suppress(CommandError):
        manage("run", "submit_orders")
    shop.oasis.cancel(number, "2")
    manage("run", "revisit_orders")
    assert holds(told(number)) == ["cancelled_late"]
    reopen(shop, number)
    manage("run", "revisit_orders")
    assert (told(number)["status"], holds(told(number))) == ("ready", [])
    manage("run", "submit_orders")
    assert (told(number)["status"], goods(shop, number)) == ("submitted", {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"})


@pytest.mark.long
def test_one_that_is_cancelled_and_opened_again_while_a_change_waits_still_ships(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "revisit_orders")
    shop.oasis.cancel(number, "2")
    manage("run", "revisit_orders")
    assert set(holds(told(number))) == {"cancelled_late", "changed_order"}
    reopen(shop, number)
    manage("run", "revisit_orders")
    assert holds(told(number)) == ["changed_order"]
    decisions.amend(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "3.0", "TEE-RED-M": "1.0"}


@pytest.mark.long
def test_one_that_is_left_out_and_opened_again_while_a_change_waits_is_sent(shop: Sandbox, manage: Run) -> None:
    set_rule(changes_before_sending="ask")
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "pull_orders")
    shop.oasis.cancel(number, "2")
    manage("run", "pull_orders")
    reopen(shop, number)
    manage("run", "pull_orders")
    decisions.apply(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "3.0", "TEE-RED-M": "1.0"}


@pytest.mark.long
def test_a_change_that_was_asked_for_opens_no_line_that_was_cancelled_since(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    shop.oasis.cancel(number, "2")
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "3.0", "TEE-RED-M": "1.0"}
    assert OrderLine.objects.get(number="2").is_cancelled
    assert set(holds(told(number))) == {"cancelled_late", "changed_order"}


def test_a_line_that_was_deleted_there_since_its_quantity_became_0_is_put_in_again_when_it_is_raised(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    for quantity, there in ((0, {}), (3, {"TEE-RED-M": "3.0"})):
        shop.oasis.edit(number, "2", quantity=quantity)
        manage("run", "revisit_orders")
        assert holds(told(number)) == ["changed_order"]
        decisions.amend(order(number), None)
        again(manage)
        assert (holds(told(number)), goods(shop, number)) == ([], {"MUG-BLK": "2.0", **there})
    assert prices(shop, number)["TEE-RED-M"] == Decimal(10)
