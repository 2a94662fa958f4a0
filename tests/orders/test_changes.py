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
from orders.models import Hold, Order, WarehouseChange
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
def test_a_change_of_a_confirmed_order_is_nothing(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized")
    number = sent(shop, manage)
    ship(shop, number, tracking="1ZDONE")
    manage("run", "all")
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


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
