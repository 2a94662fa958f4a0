"""Short ships that are called off, by a person or since their units ship or are wanted no more."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations.sandbox.server import Sandbox
from orders import actions, decisions, short_shipping
from orders.models import (
    IllegalTransition,
    Order,
    ShortShip,
    WarehouseChange,
    WarehouseSubmission,
)
from tests.orders.test_changes import goods, two_lines
from tests.orders.test_short_shipping import Run, Told, done, line, shorts
from tests.orders.world import parcels, ship


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
