"""Whole orders that the marketplace cancels and opens again: sent, left as they are, or shown to a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.sandbox.server import Sandbox
from orders import actions, decisions, warehouse_changes
from orders.models import WarehouseChange, WarehouseSubmission
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule, state, two_lines
from tests.orders.test_reopened_lines import reopen
from tests.orders.world import holds, parcels, ship


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


def set_quantities(box: Sandbox, number: str, *quantities: int) -> None:
    for line, quantity in enumerate(quantities, 1):
        box.oasis.edit(number, str(line), quantity=quantity)


def test_one_that_was_voided_since_its_quantities_became_0_waits_for_a_person_each_time_they_are_raised(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    set_quantities(shop, number, 0, 0)
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    again(manage)
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")
    for quantity in (3, 2):
        set_quantities(shop, number, quantity, 0)
        manage("run", "revisit_orders")
        assert holds(told(number)) == ["voided_order"]
        assert "enter it there by hand" in told(number)["holds"][0]["message"]
        set_quantities(shop, number, 0, 0)
        manage("run", "revisit_orders")
        assert holds(told(number)) == []


def test_units_that_come_before_the_void_and_are_read_after_it_are_noticed(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    set_quantities(shop, number, 0, 0)
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    set_quantities(shop, number, 1, 0)  # fewer than it was sent with, and not read before the void
    manage("run", "submit_orders")
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")
    for job in ("pull_orders", "revisit_orders"):
        manage("run", job)
    assert holds(told(number)) == ["voided_order"]


def test_units_that_were_read_while_it_was_being_voided_are_noticed_after_it(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    set_quantities(shop, number, 0, 0)
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    change = WarehouseChange.objects.get()
    change.claim(connection=change.connection)
    set_quantities(shop, number, 1, 0)  # in the moment in which the warehouse voids it
    manage("run", "revisit_orders")
    warehouse_changes.cancelled(change, "void")
    assert told(number)["status"] == "cancelled"
    manage("run", "revisit_orders")
    assert holds(told(number)) == ["voided_order"]


def raise_again(box: Sandbox, manage: Run, number: str) -> None:
    """All quantities to 0, which is taken over, and raised again."""
    for quantity in (0, 3):
        for line in ("1", "2"):
            box.oasis.edit(number, line, quantity=quantity)
        again(manage)
        decisions.apply(order(number), None)
        again(manage)


def test_one_that_was_lowered_to_nothing_and_raised_is_on_hold_and_is_not_said_to_have_been_cancelled(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(changes_before_sending="ask")
    number = two_lines(shop)
    manage("run", "pull_orders")
    raise_again(shop, manage, number)
    assert (told(number)["status"], holds(told(number))) == ("on_hold", ["reopened"])
    message = told(number)["holds"][0]["message"]
    assert "wanted none of the order any more, and wants of it again. Release it" in message
    actions.release(order(number), None)
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "3.0", "TEE-RED-M": "3.0"}
    assert told(number)["status"] == "submitted"


def test_one_that_was_voided_since_nothing_was_left_is_not_said_to_have_been_cancelled(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    for line in ("1", "2"):
        shop.oasis.edit(number, line, quantity=0)
    again(manage)
    decisions.amend(order(number), None)
    again(manage)
    shop.oasis.edit(number, "1", quantity=3)
    again(manage)
    assert holds(told(number)) == ["voided_order"]
    assert told(number)["holds"][0]["message"].startswith("The marketplace wanted none of the order any more, and")
