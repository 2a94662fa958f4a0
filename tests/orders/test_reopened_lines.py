"""Lines that the marketplace cancels and opens again, and costs that change: followed like any other change."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import actions, decisions
from orders.models import OrderLine, WarehouseChange, WarehouseSubmission
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


# --- whole orders -----------------------------------------------------------------------------------------------


def reopen_all(box: Sandbox, number: str) -> None:
    box.oasis.edit(number, status="PROCESSING")
    for line in ("1", "2"):
        reopen(box, number, line)


@pytest.mark.parametrize("rule", ["apply", "ask"])
def test_an_order_that_is_cancelled_and_opened_again_before_sending_is_sent_by_the_rule(
    shop: Sandbox, manage: Run, told: Told, rule: str
) -> None:
    set_rule(changes_before_sending=rule)
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.cancel(number)
    again(manage)
    assert told(number)["status"] == "cancelled"
    reopen_all(shop, number)
    again(manage)
    if rule == "ask":
        assert (told(number)["status"], holds(told(number))) == ("on_hold", ["reopened"])
        assert not shop.tradegecko.by_reference(number)
        actions.release(order(number), None)
    again(manage)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])


def test_one_that_the_warehouse_was_not_asked_to_cancel_yet_ships_as_before(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    decisions.void(order(number), None)
    reopen_all(shop, number)
    again(manage)
    assert (WarehouseChange.objects.get().status, holds(told(number))) == ("withdrawn", [])
    ship(shop, number, tracking="1ZALL")
    manage("run", "all")
    assert told(number)["status"] == "confirmed"
    assert sorted(parcels(shop, number)) == [("1", "1ZALL", 2), ("2", "1ZALL", 1)]


def test_one_that_has_ended_in_the_warehouse_waits_for_a_person_once(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")
    reopen_all(shop, number)
    again(manage)
    assert "enter it there by hand" in told(number)["holds"][0]["message"]
    actions.resolve(order(number).holds.get(resolved_at=None), "entered by hand", None)
    again(manage)
    assert (told(number)["status"], holds(told(number))) == ("cancelled", [])
    assert len(shop.tradegecko.orders) == 1


@pytest.mark.parametrize("is_resolved", [False, True])
def test_one_that_is_cancelled_and_opened_a_second_time_waits_for_a_person_again(
    shop: Sandbox, manage: Run, told: Told, is_resolved: bool
) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    reopen_all(shop, number)
    again(manage)
    if is_resolved:
        actions.resolve(order(number).holds.get(resolved_at=None), "entered by hand", None)
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    texts = [hold["message"] for hold in told(number)["holds"]]
    assert ["If it was entered by hand, stop that" in text for text in texts] == [True] * is_resolved
    reopen_all(shop, number)
    manage("run", "revisit_orders")
    assert "enter it there by hand" in told(number)["holds"][0]["message"]


def test_a_line_that_comes_after_the_empty_order_was_voided_is_a_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.remove_line(number, "1")
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M"})
    manage("run", "revisit_orders")
    assert holds(told(number)) == ["voided_order"]


@pytest.mark.parametrize("rule", ["apply", "ask"])
def test_one_that_was_cancelled_when_it_was_first_seen_comes_by_the_rule_when_it_is_opened(
    shop: Sandbox, manage: Run, told: Told, rule: str
) -> None:
    set_rule(changes_before_sending=rule)
    number = two_lines(shop)
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    assert told(number)["status"] == "skipped"
    reopen_all(shop, number)
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    if rule == "ask":
        assert (told(number)["status"], holds(told(number))) == ("on_hold", ["reopened"])
        actions.release(order(number), None)
        manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "5.0", "TEE-RED-M": "1.0"}


@pytest.mark.long
def test_one_that_was_cancelled_when_it_was_first_seen_stays_skipped_if_it_is_too_old(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop, ordered_at=timezone.now() - timedelta(days=9))
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    reopen_all(shop, number)
    again(manage)
    assert (told(number)["status"], "earliest order date" in told(number)["skip_reason"]) == ("skipped", True)
    actions.unskip(order(number), None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


def test_one_that_a_person_skipped_stays_skipped_when_it_is_opened_again(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    WarehouseSubmission.objects.update(status="unconfirmed", sent_at=timezone.now())
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    WarehouseSubmission.objects.update(status="parked", sent_at=None)
    actions.skip(order(number), "sold elsewhere", None)
    reopen_all(shop, number)
    again(manage)
    assert told(number)["status"] == "skipped"
    assert "opened the order again; it stays skipped" in told(number)["events"][-1]["text"]
    assert not shop.tradegecko.by_reference(number)


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
    assert decisions.possible(order(number)) == {"keep"}


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


# --- lines that vanish --------------------------------------------------------------------------------------------


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
