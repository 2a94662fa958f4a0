"""What customers change and cancel after the pull, at every moment of an order's life, and what both systems hold then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import transaction

from integrations import runs
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from orders import actions, arrivals, decisions, jobs, warehouse_changes
from orders.admin import tabs
from orders.models import Hold, IllegalTransition, Order, WarehouseChange
from tests.orders.world import holds, parcels, placed, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


def two_lines(box: Sandbox, **values: Any) -> str:
    return box.oasis.add_order(
        {"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "TEE-RED-M", "quantity": 1}, **values
    )


def sent(box: Sandbox, manage: Run) -> str:
    number = two_lines(box)
    manage("run", "all")
    return number


def goods(box: Sandbox, number: str) -> dict[str, str]:
    """SKU → units of the warehouse's living order."""
    variants = box.tradegecko.tables["variants"]
    lines = box.tradegecko.lines(placed(box, number)["id"])
    return {variants[line["variant_id"]]["sku"]: line["quantity"] for line in lines}


def address(box: Sandbox, number: str) -> dict[str, Any]:
    row: dict[str, Any] = box.tradegecko.tables["addresses"][placed(box, number)["shipping_address_id"]]
    return row


def state(box: Sandbox, reference: str) -> str:
    [order] = [row for row in box.tradegecko.orders.values() if row["reference_number"] == reference]
    return str(order["status"])


def set_rule(**values: str) -> None:
    Route.objects.update(**values)


def order(number: str) -> Order:
    return Order.objects.get(full_number=number)


def again(manage: Run) -> None:
    """Read the marketplace again, then do what follows."""
    for job in ("revisit_orders", "submit_orders"):
        with suppress(CommandError):
            manage("run", job)


# --- before sending ---------------------------------------------------------------------------------------------


def test_a_change_before_sending_is_taken_over_and_sent(shop: Sandbox, manage: Run, told: Told) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.edit(number, address={"address1": "9 New Street", "address2": ""}, service="TWO_DAY")
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "submit_orders")
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "3.0", "TEE-RED-M": "1.0"}
    assert address(shop, number)["address1"] == "9 New Street"
    assert "Service: Two day" in placed(shop, number)["notes"]
    text = " ".join(event["text"] for event in told(number)["events"])
    assert "'12 Mill Lane' → '9 New Street'" in text
    assert "line 1 quantity 2 → 3" in text


@pytest.mark.long
def test_a_sku_that_is_changed_to_an_unknown_one_holds_the_order(shop: Sandbox, manage: Run, told: Told) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.edit(number, "2", partner_sku="NOBODY-KNOWS")
    again(manage)
    assert holds(told(number)) == ["unknown_sku"]
    assert not shop.tradegecko.by_reference(number)


def test_a_line_that_is_new_or_gone_is_followed_before_sending(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    shop.oasis.remove_line(number, "2")
    again(manage)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "4.0"}


@pytest.mark.long
def test_what_a_person_corrected_stands_when_something_else_is_changed(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop, address={"city": ""})
    manage("run", "pull_orders")
    Order.objects.filter(full_number=number).update(ship_city="Nampa")
    shop.oasis.edit(number, address={"address1": "9 New Street"})
    again(manage)
    again(manage)
    assert (address(shop, number)["city"], address(shop, number)["address1"]) == ("Nampa", "9 New Street")


def test_by_the_rule_ask_a_change_waits_for_a_person(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(changes_before_sending="ask")
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    again(manage)
    assert holds(told(number)) == ["changed"]
    assert "line 1 quantity 2 → 5" in told(number)["holds"][0]["message"]
    assert not shop.tradegecko.by_reference(number)
    assert decisions.possible(order(number)) == {"apply", "keep"}


@pytest.mark.parametrize(("decide", "units"), [(decisions.apply, "5.0"), (decisions.keep, "2.0")])
def test_the_decision_is_what_is_sent_and_is_asked_once(
    shop: Sandbox, manage: Run, told: Told, decide: Callable[..., str], units: str
) -> None:
    set_rule(changes_before_sending="ask")
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.edit(number, "1", quantity=5)
    manage("run", "pull_orders")
    decide(order(number), None)
    again(manage)
    assert goods(shop, number)["MUG-BLK"] == units
    assert holds(told(number)) == []


@pytest.mark.long
def test_a_change_that_is_taken_back_closes_its_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(changes_before_sending="ask")
    number = two_lines(shop)
    manage("run", "pull_orders")
    for units in (5, 2):
        shop.oasis.edit(number, "1", quantity=units)
        manage("run", "pull_orders")
    assert holds(told(number)) == []
    again(manage)
    again(manage)
    assert goods(shop, number)["MUG-BLK"] == "2.0"


@pytest.mark.long
def test_a_change_while_the_send_is_in_doubt_goes_out_if_that_never_arrived(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.faults.add("tradegecko", "reset", path="/orders", method="POST")
    with suppress(CommandError):
        manage("run", "submit_orders")
    shop.oasis.edit(number, "1", quantity=5)
    for _ in range(3):
        again(manage)
    assert goods(shop, number)["MUG-BLK"] == "5.0"


# --- after sending ----------------------------------------------------------------------------------------------


def test_a_change_after_sending_is_shown_with_both_ways_out(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    assert holds(told(number)) == ["changed_order"]
    assert "city 'Boise' → 'Nampa'" in told(number)["holds"][0]["message"]
    assert address(shop, number)["city"] == "Boise"
    assert decisions.possible(order(number)) == {"amend", "keep"}


@pytest.mark.parametrize("status", ["draft", "active", "finalized"])
def test_update_brings_the_warehouse_order_to_what_the_marketplace_says(
    shop: Sandbox, manage: Run, told: Told, status: str
) -> None:
    set_rule(order_status=status)
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa", "address2": "Apt 4"}, service="TWO_DAY")
    shop.oasis.edit(number, "1", quantity=5)
    shop.oasis.edit(number, "2", partner_sku="MUG-BLK", quantity=1)
    again(manage)
    decisions.amend(order(number), None)
    assert order(number).holds.get().message.endswith("The warehouse's order is updated with the next run.")
    manage("run", "submit_orders")
    lines = shop.tradegecko.lines(placed(shop, number)["id"])
    assert sorted(line["quantity"] for line in lines) == ["1.0", "5.0"]
    assert set(goods(shop, number)) == {"MUG-BLK"}
    assert (address(shop, number)["city"], address(shop, number)["address2"]) == ("Nampa", "Apt 4")
    assert "Service: Two day" in placed(shop, number)["notes"]
    assert holds(told(number)) == []
    assert WarehouseChange.objects.get().status == "accepted"


def test_a_sku_that_an_update_adds_is_published_from_then_on(shop: Sandbox, manage: Run) -> None:
    number = sent(shop, manage)
    shop.oasis.add_line(number, {"partner_sku": "PILLOW-DN", "quantity": 4})
    again(manage)
    decisions.amend(order(number), None)
    for job in ("submit_orders", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert shop.oasis.quantities["PILLOW-DN", "Riverside DC"] == 196


def test_what_was_updated_there_ships_and_is_confirmed(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=3)
    again(manage)
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    ship(shop, number, tracking="1ZALL")
    manage("run", "all")
    assert sorted(parcels(shop, number)) == [("1", "1ZALL", 3), ("2", "1ZALL", 1)]
    assert told(number)["status"] == "confirmed"


@pytest.mark.long
def test_what_is_kept_is_not_shown_again_until_it_changes_again(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    decisions.keep(order(number), None)
    again(manage)
    assert holds(told(number)) == []
    shop.oasis.edit(number, address={"city": "Kuna"})
    again(manage)
    assert "'Nampa' → 'Kuna'" in told(number)["holds"][0]["message"]
    assert address(shop, number)["city"] == "Boise"


def test_a_cancel_after_sending_waits_for_a_button_by_default(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert (holds(told(number)), state(shop, number)) == (["cancelled_late"], "active")
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")


@pytest.mark.parametrize(("sent_as", "ends_as"), [("draft", "deleted"), ("active", "void"), ("finalized", "void")])
def test_by_the_rule_a_cancelled_order_is_ended_in_the_warehouse(
    shop: Sandbox, manage: Run, told: Told, sent_as: str, ends_as: str
) -> None:
    set_rule(order_status=sent_as, cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], ends_as)


def test_by_the_rule_never_nothing_is_done_there(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="never")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert state(shop, number) == "active"
    assert "never cancels there" in told(number)["holds"][0]["message"]
    assert decisions.possible(order(number)) == set()
    with pytest.raises(IllegalTransition):
        decisions.void(order(number), None)


def test_a_cancelled_line_is_taken_out_there_and_the_rest_goes_on_to_its_end(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    ship(shop, number, tracking="1ZREST")
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("1", "1ZREST", 2)]


@pytest.mark.long
def test_what_lies_packed_is_taken_apart_before_it_is_voided(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, status="packed")
    shop.oasis.cancel(number)
    again(manage)
    assert (state(shop, number), told(number)["status"]) == ("void", "cancelled")
    assert [row["status"] for row in shop.tradegecko.tables["fulfillments"].values()] == ["deleted"]


@pytest.mark.long
def test_a_packed_line_is_unpacked_and_taken_out(shop: Sandbox, manage: Run) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, 2, status="packed")
    shop.oasis.cancel(number, "2")
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}


@pytest.mark.parametrize("is_known", [True, False])
def test_what_has_shipped_of_an_order_is_not_voided_and_a_hold_says_so(
    shop: Sandbox, manage: Run, told: Told, is_known: bool
) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, 1, tracking="1ZGONE")
    if is_known:
        manage("run", "pull_shipments")
    shop.oasis.cancel(number)
    again(manage)
    again(manage)
    assert state(shop, number) == "finalized"
    assert holds(told(number)) == ["cancelled_late"]
    assert "shipped" in told(number)["holds"][0]["message"]
    assert all(fulfillment["status"] == "fulfilled" for fulfillment in shop.tradegecko.tables["fulfillments"].values())


def test_a_lost_answer_to_the_void_is_looked_up(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders/*/actions/void", method="POST")
    again(manage)
    again(manage)
    assert (state(shop, number), told(number)["status"]) == ("void", "cancelled")
    assert len([call for call in shop.calls("tradegecko") if call[1].endswith("/actions/void")]) == 1


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/addresses/*"), ("PUT", "/order_line_items/*"), ("PUT", "/orders/*")]
)
@pytest.mark.parametrize("fault", ["reset_after_apply", "500_html", "reset"])
def test_a_change_whose_answer_was_lost_is_there_once(
    shop: Sandbox, manage: Run, told: Told, method: str, path: str, fault: str
) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    shop.oasis.edit(number, "1", quantity=5)
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    again(manage)
    decisions.amend(order(number), None)
    shop.faults.add("tradegecko", fault, path=path, method=method)
    for _ in range(4):
        again(manage)
    found = sorted(line["quantity"] for line in shop.tradegecko.lines(placed(shop, number)["id"]))
    assert (found, address(shop, number)["city"]) == (["1.0", "4.0", "5.0"], "Nampa")
    assert (holds(told(number)), told(number)["status"]) == ([], "submitted")


@pytest.mark.long
def test_an_order_that_ships_between_our_look_and_the_void_is_held(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.tradegecko.adapter import TradeGecko

    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    real = TradeGecko.cancel_order

    def late(self: TradeGecko, found: Any) -> None:
        ship(shop, number, tracking="1ZFAST")
        real(self, found)

    monkeypatch.setattr(TradeGecko, "cancel_order", late)
    again(manage)
    assert state(shop, number) == "fulfilled"
    assert "has shipped" in told(number)["holds"][0]["message"]
    assert WarehouseChange.objects.get().status == "parked"


def test_what_the_warehouse_refuses_says_what_to_do_by_hand(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    decisions.amend(order(number), None)
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="PUT")
    with suppress(CommandError):
        manage("run", "submit_orders")
    [hold] = told(number)["holds"]
    assert (hold["kind"], "by hand" in hold["message"]) == ("changed_order", True)
    assert decisions.possible(order(number)) == {"amend", "keep"}
    actions.retry_sending(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number)["MUG-BLK"], holds(told(number))) == ("5.0", [])


@pytest.mark.long
def test_an_order_voided_there_is_shown_and_closed_once_it_is_cancelled_here_too(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["voided_order"]
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], holds(told(number))) == ("cancelled", [])


@pytest.mark.long
def test_a_change_of_a_confirmed_order_is_nothing(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    ship(shop, number, tracking="1ZDONE")
    manage("run", "all")
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


@pytest.mark.long
def test_a_second_cancel_while_the_first_is_parked_is_asked_for_again(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number, "1")
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="DELETE")
    again(manage)
    assert holds(told(number)) == ["cancelled_late"]
    shop.oasis.cancel(number, "2")
    again(manage)
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")
    assert not Hold.objects.filter(resolved_at=None).exists()


@pytest.mark.long
def test_a_line_cancelled_while_the_other_has_shipped_is_taken_out(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, 1, units=2, tracking="1ZONE")
    manage("run", "pull_shipments")
    shop.oasis.cancel(number, "2")
    again(manage)
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("1", "1ZONE", 2)]


@pytest.mark.long
def test_a_right_that_only_the_change_needs_keeps_back_only_the_change(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    other = two_lines(shop)
    shop.faults.add("tradegecko", "403", path="/order_line_items/*", method="DELETE", times=9)
    manage("run", "pull_orders")
    again(manage)
    assert "may not do this" in told(number)["holds"][0]["message"]
    assert goods(shop, other) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


@pytest.mark.long
def test_what_is_cancelled_while_its_send_is_in_doubt_is_voided_once_it_is_found(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(cancels_after_sending="do")
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with suppress(CommandError):
        manage("run", "submit_orders")
    shop.oasis.cancel(number)
    again(manage)
    again(manage)
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")


@pytest.mark.long
def test_what_is_changed_again_meanwhile_is_shown_as_the_difference_to_what_was_done(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    shop.oasis.edit(number, address={"city": "Kuna"})
    again(manage)
    assert address(shop, number)["city"] == "Nampa"
    assert "city 'Nampa' → 'Kuna'" in told(number)["holds"][0]["message"]
    decisions.amend(order(number), None)
    manage("run", "submit_orders")
    assert (address(shop, number)["city"], holds(told(number))) == ("Kuna", [])


@pytest.mark.long
def test_a_cancellation_joins_a_change_that_waits(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], state(shop, number), holds(told(number))) == ("cancelled", "void", [])
    assert WarehouseChange.objects.count() == 1


@pytest.mark.long
def test_a_skipped_order_waits_for_no_decision_and_is_compared_again_once_it_is_taken(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(changes_before_sending="ask")
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.oasis.edit(number, "1", quantity=5)
    manage("run", "pull_orders")
    actions.skip(order(number), "not ours", None)
    assert decisions.possible(order(number)) == set()
    actions.unskip(order(number), None)
    again(manage)
    again(manage)
    assert holds(told(number)) == ["changed"]
    assert not shop.tradegecko.by_reference(number)


@pytest.mark.long
def test_a_finalized_order_whose_lines_cannot_be_changed_there_says_what_to_do_by_hand(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.tradegecko.switch(finalized_lines_stay=True)
    shop.oasis.cancel(number, "2")
    again(manage)
    assert "by hand" in told(number)["holds"][0]["message"]
    shop.tradegecko.switch(finalized_lines_stay=False)
    [line] = [row for row in shop.tradegecko.lines(placed(shop, number)["id"]) if row["quantity"] == "1.0"]
    shop.tradegecko.delete_line(line)
    actions.retry_sending(order(number), None)
    manage("run", "submit_orders")
    assert (holds(told(number)), goods(shop, number)) == ([], {"MUG-BLK": "2.0"})


@pytest.mark.long
def test_the_hold_of_a_cancelled_order_that_ships_meanwhile_says_so(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    [hold] = told(number)["holds"]
    assert hold["message"].endswith("Cancel it there while it is unshipped.")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    [hold] = told(number)["holds"]
    assert "The warehouse has shipped of it" in hold["message"]


def test_thousands_of_changes_are_made_in_turns_and_leave_orders_that_are_to_be_sent_theirs(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, gecko: Connection
) -> None:
    numbers = [sent(shop, manage) for _ in range(3)]
    for number in numbers:
        shop.oasis.edit(number, "1", quantity=3)
    manage("run", "revisit_orders")
    for number in numbers:
        decisions.amend(order(number), None)
    new = two_lines(shop)
    manage("run", "pull_orders")
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    first = jobs.submit_orders(gecko)
    assert "2 changes left for the next run" in first.text
    assert first.is_handed_over
    assert [goods(shop, number)["MUG-BLK"] for number in [*numbers, new]] == ["3.0", "2.0", "2.0", "2.0"]
    monkeypatch.undo()
    manage("run", "submit_orders")
    assert [goods(shop, number)["MUG-BLK"] for number in numbers] == ["3.0"] * 3


# --- what could not be done -------------------------------------------------------------------------------------


@pytest.mark.long
def test_what_is_kept_after_all_is_off_the_worklist(shop: Sandbox, manage: Run) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    decisions.amend(order(number), None)
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="PUT")
    again(manage)
    assert tabs.counts()["refused"] == 1
    decisions.keep(order(number), None)
    assert tabs.counts()["refused"] == 0
    assert not Hold.objects.filter(resolved_at=None).exists()


@pytest.mark.long
def test_what_was_done_by_hand_is_off_the_worklist(shop: Sandbox, manage: Run) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.tradegecko.switch(finalized_lines_stay=True)
    shop.oasis.cancel(number, "2")
    again(manage)
    assert tabs.counts()["refused"] == 1
    actions.resolve(Hold.objects.get(resolved_at=None), "taken out there", None)
    again(manage)
    assert tabs.counts()["refused"] == 0
    assert not Hold.objects.filter(resolved_at=None).exists()


@pytest.mark.long
def test_a_cancellation_that_is_given_up_says_so_in_its_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    decisions.void(order(number), None)
    WarehouseChange.objects.update(attempts=100)
    shop.faults.add("tradegecko", "503", path="/orders/*", method="GET")
    again(manage)
    assert WarehouseChange.objects.get().status == "parked"
    assert "given up after" in told(number)["holds"][0]["message"]


@pytest.mark.long
def test_a_change_that_fails_when_the_order_has_ended_opens_no_hold(shop: Sandbox, manage: Run) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    decisions.amend(order(number), None)
    change = WarehouseChange.objects.select_related("order").get()
    with transaction.atomic():
        arrivals.close_cancelled(order(number), "cancelled on both sides meanwhile")
        warehouse_changes.say_why_not(change, "It is void there.")
    assert not Hold.objects.filter(resolved_at=None).exists()


@pytest.mark.long
def test_why_one_line_could_not_be_taken_out_is_not_said_of_another(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "1")
    again(manage)
    decisions.void(order(number), None)
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    shop.oasis.cancel(number, "2")
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="DELETE")
    again(manage)
    texts = {hold["subject"]: hold["message"] for hold in told(number)["holds"]}
    assert "by hand, then resolve this" in texts["1"]
    assert texts["2"].endswith("Cancel it there while it is unshipped.")
