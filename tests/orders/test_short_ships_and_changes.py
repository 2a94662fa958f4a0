"""Short ships of orders whose lines change, come or are opened again meanwhile: none is lost, and none told twice."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.core.management import CommandError

from integrations.sandbox.server import Sandbox
from orders import actions, decisions, short_shipping
from orders.models import (
    IllegalTransition,
    Order,
    OrderLine,
    ShortShip,
    WarehouseChange,
)
from tests.orders.test_changes import goods, set_rule, state, two_lines
from tests.orders.test_reopened_orders import reopen_all
from tests.orders.test_short_shipping import Run, Told, done, line, shorts
from tests.orders.world import holds, ship


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
