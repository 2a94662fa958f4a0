"""What a person says will not ship: told to the marketplace once, and never with a parcel of the same units."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations import runs
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from orders import actions, decisions, jobs, short_shipping
from orders.models import (
    IllegalTransition,
    Order,
    OrderLine,
    ReconciledOrder,
    ShortShip,
    WarehouseChange,
    WarehouseSubmission,
)
from tests.orders.test_changes import goods, set_rule, state, two_lines
from tests.orders.test_reopened_lines import reopen_all
from tests.orders.world import holds, parcels, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


@pytest.fixture
def reasons(route: Route) -> None:
    set_rule(short_ship_reasons="OUT_OF_STOCK Out of stock\nDISCONTINUED", order_status="finalized")


def line(number: str, which: str) -> OrderLine:
    return OrderLine.objects.get(order__full_number=number, number=which)


def done(manage: Run) -> None:
    for job in ("submit_orders", "confirm_shipments", "submit_orders", "confirm_shipments"):
        with suppress(CommandError):
            manage("run", job)


def shorts(box: Sandbox, number: str) -> dict[str, str]:
    return {one.number: one.short_ship_reason for one in box.oasis.orders[number].lines if one.short_ship_reason}


@pytest.mark.usefixtures("reasons")
def test_a_line_of_an_unsent_order_is_left_out_and_told(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    done(manage)
    assert shorts(shop, number) == {"2": "OUT_OF_STOCK"}
    assert goods(shop, number) == {"MUG-BLK": "2.0"}


@pytest.mark.usefixtures("reasons")
def test_thousands_are_told_in_turns(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, overstock: Connection
) -> None:
    numbers = [two_lines(shop) for _ in range(3)]
    manage("run", "pull_orders")
    for number in numbers:
        short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    first = jobs.confirm_shipments(overstock)
    assert (first.is_handed_over, [len(shorts(shop, number)) for number in numbers]) == (True, [1, 0, 0])
    assert "2 short ships left for the next run" in first.text
    monkeypatch.undo()
    manage("run", "confirm_shipments")
    assert [len(shorts(shop, number)) for number in numbers] == [1, 1, 1]


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_all_of_an_unsent_order_ends_as_cancelled(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "1"), "DISCONTINUED", None)
    done(manage)
    assert shorts(shop, number) == {"1": "DISCONTINUED"}
    assert told(number)["status"] == "cancelled"
    assert not shop.tradegecko.by_reference(number)


@pytest.mark.usefixtures("reasons")
def test_a_line_of_a_sent_order_leaves_the_warehouse_first_and_the_rest_is_confirmed(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop)
    manage("run", "all")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    manage("run", "confirm_shipments")
    assert shorts(shop, number) == {}, "the warehouse could still ship it"
    done(manage)
    assert (shorts(shop, number), goods(shop, number)) == ({"2": "OUT_OF_STOCK"}, {"MUG-BLK": "2.0"})
    ship(shop, number, tracking="1ZREST")
    manage("run", "all")
    assert (told(number)["status"], parcels(shop, number)) == ("confirmed", [("1", "1ZREST", 2)])


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_a_line_that_the_warehouse_took_out_and_said_no_all_the_same_is_told(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "all")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.faults.add("tradegecko", "409_after_apply", path="/order_line_items/*", method="DELETE")
    done(manage)
    assert (shorts(shop, number), goods(shop, number)) == ({"2": "OUT_OF_STOCK"}, {"MUG-BLK": "2.0"})


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_one_whose_line_the_warehouse_keeps_waits_under_refused_until_a_person_tries_again(
    shop: Sandbox, manage: Run
) -> None:
    number = two_lines(shop)
    manage("run", "all")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.faults.add("tradegecko", "400_xml", path="/order_line_items/*", method="DELETE")
    done(manage)
    assert (shorts(shop, number), ShortShip.objects.get().status) == ({}, "pending")
    assert WarehouseChange.objects.get().status == "parked"
    actions.retry_sending(Order.objects.get(), None)
    done(manage)
    assert (shorts(shop, number), goods(shop, number)) == ({"2": "OUT_OF_STOCK"}, {"MUG-BLK": "2.0"})


@pytest.mark.usefixtures("reasons")
def test_an_order_that_is_cancelled_has_nothing_to_short_ship(shop: Sandbox, manage: Run) -> None:
    """It is decided on by its hold; a short ship would void it in the warehouse without a word to the marketplace."""
    set_rule(cancels_after_sending="ask")
    number = two_lines(shop)
    manage("run", "all")
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    manage("run", "revisit_orders")
    order = Order.objects.get(full_number=number)
    assert order.cancel_requested_at
    assert short_shipping.open_lines(order) == []
    with pytest.raises(IllegalTransition, match="nothing open"):
        short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)


@pytest.mark.usefixtures("reasons")
def test_the_whole_of_a_sent_order_is_voided_there_and_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    done(manage)
    assert (shorts(shop, number), state(shop, number)) == ({"1": "OUT_OF_STOCK"}, "void")
    assert told(number)["status"] == "cancelled"


@pytest.mark.usefixtures("reasons")
def test_what_is_left_of_a_partly_shipped_line_is_told_and_the_order_is_confirmed(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
    manage("run", "all")
    ship(shop, number, 1, tracking="1ZONE")
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    done(manage)
    assert shorts(shop, number) == {"1": "OUT_OF_STOCK"}
    assert goods(shop, number) == {"MUG-BLK": "1.0"}
    assert (told(number)["status"], parcels(shop, number)) == ("confirmed", [("1", "1ZONE", 1)])


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_what_has_left_and_was_not_told_is_confirmed_first(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
    manage("run", "all")
    ship(shop, number, 1, tracking="1ZONE")
    manage("run", "pull_shipments")
    with pytest.raises(IllegalTransition, match="confirm them first"):
        short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_what_ships_before_the_warehouse_lets_go_calls_it_off(shop: Sandbox, manage: Run, told: Told) -> None:
    number = two_lines(shop)
    manage("run", "all")
    ship(shop, number, tracking="1ZFAST")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    done(manage)
    with suppress(CommandError):
        manage("run", "all")
    manage("run", "all")
    assert shorts(shop, number) == {}
    assert sorted(parcels(shop, number)) == [("1", "1ZFAST", 2), ("2", "1ZFAST", 1)]
    assert told(number)["status"] == "confirmed"


@pytest.mark.parametrize("fault", ["reset_after_apply", "500_html", "202_empty_after_apply"])
@pytest.mark.usefixtures("reasons")
def test_an_unclear_answer_is_read_back(shop: Sandbox, manage: Run, fault: str) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.faults.add("oasis", fault, path="/shipments", method="POST")
    done(manage)
    assert shorts(shop, number) == {"2": "OUT_OF_STOCK"}
    assert ShortShip.objects.get().status == "accepted"
    posts = shop.calls("oasis").count(("POST", "/shipments"))
    assert posts == (2 if fault == "500_html" else 1)


@pytest.mark.usefixtures("reasons")
def test_a_refused_one_is_asked_for_again_with_another_reason(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "DISCONTINUED", None)
    shop.faults.add("oasis", "400_xml", path="/shipments", method="POST")
    done(manage)
    assert ShortShip.objects.get().status == "parked"
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    done(manage)
    assert shorts(shop, number) == {"2": "OUT_OF_STOCK"}


def test_a_reason_must_be_one_of_the_routes(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    with pytest.raises(IllegalTransition, match="no short ship reason"):
        short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_a_refused_one_of_an_order_that_has_ended_is_asked_for_with_another_reason(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "DISCONTINUED", None)
    shop.faults.add("oasis", "400_xml", path="/shipments", method="POST")
    done(manage)
    assert (told(number)["status"], ShortShip.objects.get().status) == ("cancelled", "parked")
    assert short_shipping.open_lines(line(number, "1").order)
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    done(manage)
    assert shorts(shop, number) == {"1": "OUT_OF_STOCK"}
    assert (told(number)["status"], line(number, "1").quantity_to_ship) == ("cancelled", 0)


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_one_whose_units_nothing_takes_out_any_more_is_called_off(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "all")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    WarehouseChange.objects.update(status="withdrawn")
    with pytest.raises(CommandError, match="called off"):
        manage("run", "confirm_shipments")
    assert ShortShip.objects.get().status == "withdrawn"
    assert (line(number, "2").quantity_to_ship, line(number, "2").is_cancelled) == (1, False)
    assert shorts(shop, number) == {}


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_a_refused_one_whose_line_was_lowered_frees_no_more_than_is_ordered(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "1"), "DISCONTINUED", None)
    shop.faults.add("oasis", "400_xml", path="/shipments", method="POST")
    done(manage)
    OrderLine.objects.filter(pk=line(number, "1").pk).update(quantity=1)
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    assert ShortShip.objects.get(status="pending").quantity == 1


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_on_a_route_that_waits_for_all_the_rest_of_a_shipped_line_can_be_short_shipped(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(partial_shipments="when_complete")
    number = shop.oasis.add_order(
        {"partner_sku": "MUG-BLK", "quantity": 5}, {"partner_sku": "TEE-RED-M", "quantity": 1}
    )
    manage("run", "all")
    ship(shop, number, 1, units=3, tracking="1ZTHREE")
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    done(manage)
    assert (shorts(shop, number), parcels(shop, number)) == ({}, []), "the other line is still waited for"
    assert goods(shop, number)["MUG-BLK"] == "3.0"
    ship(shop, number, 2, tracking="1ZTEE")
    manage("run", "all")
    manage("run", "confirm_shipments")
    assert sorted(parcels(shop, number)) == [("1", "1ZTHREE", 3), ("2", "1ZTEE", 1)]
    assert (shorts(shop, number), told(number)["status"]) == ({"1": "OUT_OF_STOCK"}, "confirmed")


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_a_later_change_of_the_quantity_gives_back_no_unit_that_is_being_short_shipped(
    shop: Sandbox, manage: Run
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 5})
    manage("run", "all")
    ship(shop, number, 1, units=2, tracking="1ZTWO")
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    shop.oasis.edit(number, "1", quantity=4)
    manage("run", "revisit_orders")
    decisions.amend(line(number, "1").order, None)
    manage("run", "submit_orders")
    assert (line(number, "1").quantity, line(number, "1").quantity_to_ship) == (4, 2)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    done(manage)
    assert shorts(shop, number) == {"1": "OUT_OF_STOCK"}


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_what_was_short_shipped_and_is_open_again_is_not_short_shipped_twice(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    done(manage)
    shop.oasis.edit(number, "2", status="PROCESSING")
    manage("run", "revisit_orders")
    manage("run", "revisit_orders")
    OrderLine.objects.filter(number="2").update(is_cancelled=False, quantity_to_ship=1)
    with pytest.raises(IllegalTransition, match="was short shipped already"):
        short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_an_order_to_which_a_line_comes_is_not_voided_for_the_one_that_does_not_ship(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M"})
    manage("run", "revisit_orders")
    done(manage)
    assert (told(number)["status"], holds(told(number))) == ("submitted", ["changed_order"])
    decisions.amend(line(number, "1").order, None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}


@pytest.mark.long
@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.usefixtures("reasons")
def test_an_order_without_lines_to_which_none_comes_after_all_is_voided(
    shop: Sandbox, manage: Run, told: Told, is_kept: bool
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    short_shipping.call_off(ShortShip.objects.get(), None)
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    new = shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M"})
    manage("run", "revisit_orders")
    manage("run", "submit_orders")
    assert goods(shop, number) == {}
    if is_kept:
        decisions.keep(line(number, "1").order, None)
    else:
        shop.oasis.remove_line(number, new)
        manage("run", "revisit_orders")
    manage("run", "submit_orders")
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_an_order_with_a_refused_short_ship_is_reconciled_as_held(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "all")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.faults.add("oasis", "400_xml", path="/shipments", method="POST")
    done(manage)
    ship(shop, number, tracking="1ZREST")
    with suppress(CommandError):
        manage("run", "all")
    with suppress(CommandError):
        manage("run", "reconcile")
    row = ReconciledOrder.objects.filter(number=number).latest("pk")
    assert (row.bucket, ShortShip.objects.get().status) == ("held", "parked")
    assert "short ship" in row.text


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_an_unsent_order_to_which_a_line_comes_does_not_end_with_the_one_that_does_not_ship(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(changes_before_sending="ask")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M"})
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    done(manage)
    assert shorts(shop, number) == {"1": "OUT_OF_STOCK"}
    assert "changed" in holds(told(number))


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_an_order_without_lines_is_voided_though_its_address_waits_for_a_decision(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    shop.oasis.edit(number, address={"city": "Nampa"})
    manage("run", "revisit_orders")
    done(manage)
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")


def parked(box: Sandbox, manage: Run, number: str) -> ShortShip:
    """One of line 2 that the marketplace refused, after the warehouse has let go of the line."""
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    box.faults.add("oasis", "400_xml", path="/shipments", method="POST")
    done(manage)
    return ShortShip.objects.get(status="parked")


@pytest.mark.usefixtures("reasons")
def test_a_refused_one_that_is_called_off_is_put_into_the_warehouse_again_and_ships(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop)
    manage("run", "all")
    short = parked(shop, manage, number)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    short_shipping.call_off(short, None)
    assert "line 2 is open again: 1 × TEE-RED-M" in told(number)["holds"][0]["message"]
    decisions.amend(short.order, None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    ship(shop, number, tracking="1ZALL")
    manage("run", "all")
    assert (told(number)["status"], shorts(shop, number)) == ("confirmed", {})
    assert sorted(parcels(shop, number)) == [("1", "1ZALL", 2), ("2", "1ZALL", 1)]


@pytest.mark.parametrize("is_sent", [True, False])
@pytest.mark.usefixtures("reasons")
def test_one_that_is_called_off_before_the_warehouse_was_asked_ships_all_of_it(
    shop: Sandbox, manage: Run, is_sent: bool
) -> None:
    number = two_lines(shop)
    manage("run", "all" if is_sent else "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    short_shipping.call_off(ShortShip.objects.get(), None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    assert (line(number, "2").quantity_to_ship, line(number, "2").is_cancelled) == (1, False)
    with pytest.raises(IllegalTransition, match="withdrawn"):
        short_shipping.call_off(ShortShip.objects.get(), None)


@pytest.mark.long
@pytest.mark.parametrize("is_parked", [True, False])
@pytest.mark.usefixtures("reasons")
def test_one_whose_line_the_marketplace_cancels_or_removes_is_withdrawn_by_itself(
    shop: Sandbox, manage: Run, is_parked: bool, told: Told
) -> None:
    number = two_lines(shop)
    manage("run", "all")
    if is_parked:
        parked(shop, manage, number)
        shop.oasis.cancel(number, "2")
    else:
        short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
        shop.oasis.remove_line(number, "2")
    manage("run", "revisit_orders")
    done(manage)
    assert (ShortShip.objects.get().status, shorts(shop, number)) == ("withdrawn", {})
    assert "short ship of line 2 called off" in " ".join(event["text"] for event in told(number)["events"])
    assert line(number, "2").quantity_to_ship == 0
    assert goods(shop, number) == {"MUG-BLK": "2.0"}


@pytest.mark.parametrize("is_pulled", [True, False])
@pytest.mark.usefixtures("reasons")
def test_one_whose_line_the_marketplace_raises_closes_nothing_and_is_called_off(
    shop: Sandbox, manage: Run, is_pulled: bool
) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.oasis.edit(number, "2", quantity=3)
    if is_pulled:
        manage("run", "pull_orders")
    with pytest.raises(CommandError, match="Call the short ship off"):
        manage("run", "confirm_shipments")
    short_shipping.call_off(ShortShip.objects.get(), None)
    manage("run", "revisit_orders")
    manage("run", "submit_orders")
    assert (goods(shop, number), shorts(shop, number)) == ({"MUG-BLK": "2.0", "TEE-RED-M": "3.0"}, {})


@pytest.mark.usefixtures("reasons")
def test_one_that_is_called_off_ships_as_many_as_the_marketplace_wants_by_then(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.oasis.edit(number, "2", quantity=3)
    manage("run", "pull_orders")
    short_shipping.call_off(ShortShip.objects.get(), None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "3.0"}


@pytest.mark.usefixtures("reasons")
def test_one_that_is_called_off_while_its_order_is_skipped_ships_once_that_is_unskipped(
    shop: Sandbox, manage: Run
) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    actions.skip(Order.objects.get(), "not now", None)
    short_shipping.call_off(ShortShip.objects.get(), None)
    actions.unskip(Order.objects.get(), None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


@pytest.mark.usefixtures("reasons")
def test_one_whose_order_is_on_its_way_without_the_line_is_not_called_off(shop: Sandbox, manage: Run) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    Order.objects.update(status=Order.Status.READY)
    WarehouseSubmission.objects.update(status="unconfirmed", sent_at=timezone.now())
    with pytest.raises(IllegalTransition, match="being sent right now"):
        short_shipping.call_off(ShortShip.objects.get(), None)
    assert (ShortShip.objects.get().status, line(number, "2").quantity_to_ship) == ("pending", 0)


@pytest.mark.usefixtures("reasons")
def test_a_refused_one_whose_order_is_not_shown_any_more_is_left_to_a_person_in_the_end(
    shop: Sandbox, manage: Run
) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.oasis.cancel(number, "2")
    manage("run", "pull_orders")
    del shop.oasis.orders[number]
    ShortShip.objects.update(status="parked", attempts=12)
    manage("run", "confirm_shipments")
    assert ShortShip.objects.get().status == "parked"


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_a_line_that_was_to_be_short_shipped_ships_once_its_cancelled_order_is_opened_again(
    shop: Sandbox, manage: Run
) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "2"), "OUT_OF_STOCK", None)
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    manage("run", "confirm_shipments")
    assert ShortShip.objects.get().status == "withdrawn"
    reopen_all(shop, number)
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}


@pytest.mark.long
@pytest.mark.usefixtures("reasons")
def test_an_empty_order_that_could_not_be_voided_stays_for_a_line_that_comes_meanwhile(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    shop.faults.add("tradegecko", "503", path="/orders/*/actions/void", method="POST")
    with suppress(CommandError):
        manage("run", "submit_orders")
    assert WarehouseChange.objects.get().cancels_order
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M"})
    manage("run", "revisit_orders")
    WarehouseChange.objects.update(not_before=None)
    manage("run", "submit_orders")
    assert holds(told(number)) == ["changed_order"]
    decisions.amend(line(number, "1").order, None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}


@pytest.mark.usefixtures("reasons")
def test_lines_that_come_back_when_the_rest_was_short_shipped_are_a_hold_each_time(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop)
    shop.oasis.cancel(number, "2")
    manage("run", "all")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    done(manage)
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")
    for _ in range(2):
        shop.oasis.edit(number, status="PROCESSING")
        shop.oasis.edit(number, "2", status="PROCESSING")
        manage("run", "revisit_orders")
        assert "enter it there by hand" in told(number)["holds"][0]["message"]
        actions.resolve(Order.objects.get().holds.get(resolved_at=None), "entered by hand", None)
        manage("run", "revisit_orders")
        assert holds(told(number)) == []
        shop.oasis.cancel(number, "2")
        manage("run", "revisit_orders")
        for hold in Order.objects.get().holds.filter(resolved_at=None):
            actions.resolve(hold, "stopped", None)
