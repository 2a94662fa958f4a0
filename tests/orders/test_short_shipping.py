"""What a person says will not ship: told to the marketplace once, and never with a parcel of the same units."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError

from integrations import runs
from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from orders import actions, jobs, short_shipping
from orders.models import (
    IllegalTransition,
    Order,
    OrderLine,
    ReconciledOrder,
    ShortShip,
    WarehouseChange,
)
from tests.orders.test_changes import goods, set_rule, state, two_lines
from tests.orders.world import parcels, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


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
