"""A database that does not know what was sent: restored from an older dump, or begun anew. Nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.models import Connection, Route, SyncRun
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import actions, decisions, telling
from orders.carriers import CarrierMap
from orders.models import ConfirmedLine, Order, WarehouseSubmission
from tests.orders.test_changes import again, goods, set_rule
from tests.orders.test_reconciliation import once_more
from tests.orders.world import holds, parcels, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
TWO_DAYS_AGO = timezone.now() - timedelta(days=2)


def old_order(box: Sandbox) -> str:
    mugs = {"partner_sku": "MUG-BLK", "quantity": 2}
    return box.oasis.add_order(mugs, ordered_at=TWO_DAYS_AGO, created_at=TWO_DAYS_AGO)


def forget_keys(box: Sandbox) -> None:
    """As the warehouse does after a day."""
    box.tradegecko.keys.clear()


@pytest.fixture(autouse=True)
def _from_three_days_ago(route: Route) -> None:
    Route.objects.update(earliest_order_date=(TWO_DAYS_AGO - timedelta(days=1)).date())


@pytest.mark.parametrize("is_stored", [True, False])
def test_an_order_that_was_sent_since_the_dump_is_found_and_goes_on(
    shop: Sandbox, manage: Run, told: Told, is_stored: bool
) -> None:
    number = old_order(shop)
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    forget_keys(shop)
    WarehouseSubmission.objects.all().delete()
    if is_stored:
        Order.objects.update(status=Order.Status.RECEIVED)
    else:
        Order.objects.all().delete()
        Route.objects.update(read_until=None)
    SyncRun.objects.filter(job="pull_shipments").update(window_until=timezone.now())
    manage("run", "all")
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("1", "1Z1", 2)]


def test_one_that_was_entered_under_another_number_is_shown_and_not_sent(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = old_order(shop)
    manage("run", "all")
    [placed] = shop.tradegecko.by_reference(number)
    placed.update(order_number="SO-1", created_at="2020-01-01T00:00:00.000Z")
    forget_keys(shop)
    WarehouseSubmission.objects.all().delete()
    Order.objects.update(status=Order.Status.RECEIVED)
    with pytest.raises(CommandError, match="SO-1"):
        manage("run", "all")
    assert len(shop.tradegecko.by_reference(number)) == 1
    assert holds(told(number)) == ["doubled"]
    actions.skip(Order.objects.get(), "entered by hand", None)
    assert told(number)["status"] == "skipped"


def there_twice(box: Sandbox, manage: Run) -> str:
    """Sent by a database that is lost, and entered by hand once more."""
    number = box.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"}, ordered_at=TWO_DAYS_AGO,
                                 created_at=TWO_DAYS_AGO)  # fmt: skip
    manage("run", "all")
    once_more(box, number)
    forget_keys(box)
    WarehouseSubmission.objects.all().delete()
    Order.objects.update(status=Order.Status.RECEIVED)
    with pytest.raises(CommandError, match="more than once"):
        manage("run", "submit_orders")
    return number


@pytest.mark.parametrize("left", [0, 1])
def test_one_that_is_there_twice_and_is_cancelled_ends_once_both_are_void(
    shop: Sandbox, manage: Run, told: Told, left: int
) -> None:
    set_rule(cancels_after_sending="do")
    number = there_twice(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], holds(told(number))) == ("ready", ["doubled", "cancelled_late"])
    texts = " ".join(hold["message"] for hold in told(number)["holds"])
    assert "Void all of them there, then retry" in texts
    assert "void every one of them while they are unshipped, then retry" in texts
    for row in shop.tradegecko.by_reference(number)[left:]:
        shop.tradegecko.void(row)
    actions.retry_sending(Order.objects.get(), None)
    manage("run", "submit_orders")
    manage("run", "submit_orders")
    assert shop.tradegecko.by_reference(number) == []
    assert (told(number)["status"], holds(told(number))) == ("cancelled", [])


@pytest.mark.long
@pytest.mark.parametrize("left", [0, 1])
def test_what_is_cancelled_and_changed_of_one_that_is_there_twice_is_done_in_the_one_that_stays(
    shop: Sandbox, manage: Run, told: Told, left: int
) -> None:
    number = there_twice(shop, manage)
    shop.oasis.cancel(number, "2")
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "revisit_orders")
    assert sorted(holds(told(number))) == ["cancelled_late", "changed_order", "doubled"]
    assert not {"apply", "amend"} & actions.possible(Order.objects.get())
    for row in shop.tradegecko.by_reference(number)[left:]:
        shop.tradegecko.void(row)
    actions.retry_sending(Order.objects.get(), None)
    for _ in range(2):
        manage("run", "submit_orders")
    if left:
        decisions.amend(Order.objects.get(), None)
        manage("run", "submit_orders")
        decisions.void(Order.objects.get(), None)
        manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "3.0"}
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])


def test_many_old_orders_cost_one_look_for_all_of_them(shop: Sandbox, manage: Run) -> None:
    numbers = [old_order(shop) for _ in range(5)]
    manage("run", "all")
    asked = [call for call in shop.calls("tradegecko") if call == ("GET", "/orders")]
    assert [len(shop.tradegecko.by_reference(number)) for number in numbers] == [1] * 5
    assert len(asked) <= 2  # one is to follow what was sent


def test_one_that_cannot_be_read_there_is_not_sent_again(shop: Sandbox, manage: Run, told: Told) -> None:
    numbers = [old_order(shop) for _ in range(3)]
    manage("run", "all")
    shop.tradegecko.by_reference(numbers[0])[0].update(order_number={"odd": 1})
    forget_keys(shop)
    WarehouseSubmission.objects.all().delete()
    Order.objects.update(status=Order.Status.RECEIVED)
    sent = shop.calls("tradegecko").count(("POST", "/orders"))
    with pytest.raises(CommandError, match="order_number"):
        manage("run", "submit_orders")
    assert shop.calls("tradegecko").count(("POST", "/orders")) == sent
    assert [told(number)["status"] for number in numbers] == ["ready", "submitted", "submitted"]


def nobody_worked_for(pause: timedelta, **runs: str) -> None:
    SyncRun.objects.filter(**runs).update(started_at=F("started_at") - pause, heartbeat_at=F("heartbeat_at") - pause)


@contextmanager
def lost() -> Iterator[None]:
    """What is done in it is not in the dump, taken right before, from which the database is then restored."""
    dump = transaction.savepoint()
    yield
    transaction.savepoint_rollback(dump)
    nobody_worked_for(timedelta(hours=1))


def reads(box: Sandbox) -> int:
    return box.calls("oasis").count(("GET", "/salesorders"))


def test_an_order_that_went_out_at_the_second_try_since_the_dump_is_found(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    manage("run", "all")
    with lost():
        number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
        shop.faults.add("tradegecko", "422", path="/orders", method="POST")
        manage("run", "pull_orders")
        with pytest.raises(CommandError):
            manage("run", "submit_orders")
        actions.retry_sending(Order.objects.get(), None)
        manage("run", "submit_orders")
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(number)) == 1
    assert "found in the warehouse" in str(told(number)["events"])


def test_parcels_that_were_told_since_the_dump_are_not_told_again(shop: Sandbox, manage: Run, told: Told) -> None:
    whole, parted, untold = (shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}) for _ in range(3))
    manage("run", "all")
    with lost():
        ship(shop, whole, tracking="1Z1")
        ship(shop, parted, 1, tracking="1Z2")
        manage("run", "all")
        ship(shop, parted, 1, tracking="1Z3")
        ship(shop, untold, tracking="1Z4")
    manage("run", "pull_orders")
    manage("run", "pull_shipments")
    before = reads(shop)
    assert "3 to be looked up first" in manage("run", "confirm_shipments")
    assert reads(shop) == before + 1
    assert parcels(shop, whole) == [("1", "1Z1", 2)]
    assert parcels(shop, parted) == [("1", "1Z2", 1), ("1", "1Z3", 1)]
    assert parcels(shop, untold) == [("1", "1Z4", 2)]
    assert [(told(one)["status"], holds(told(one))) for one in (whole, parted, untold)] == [("confirmed", [])] * 3
    assert "had been told already of 1Z1" in str(told(whole)["events"])


@pytest.mark.long
def test_what_waited_in_the_dump_and_was_told_since_is_not_told_again(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    telling.gather_orders([Order.objects.get().pk], overstock, CarrierMap(overstock))
    with lost():
        manage("run", "confirm_shipments")
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1Z1", 1)]
    assert told(number)["status"] == "confirmed"


@pytest.mark.long
def test_one_that_was_pulled_after_the_dump_goes_on_where_it_was(shop: Sandbox, manage: Run, told: Told) -> None:
    manage("run", "all")
    with lost():
        numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"}) for _ in range(2)]
        manage("run", "all")
        for number in numbers:
            ship(shop, number, 1, tracking=f"1ZA{number}")
        manage("run", "all")
        ship(shop, numbers[1], 2, tracking="1ZB")
    for _ in range(3):
        with suppress(CommandError):  # the keys of what was sent are refused, and looked up
            manage("run", "all")
    assert parcels(shop, numbers[0]) == [("1", f"1ZA{numbers[0]}", 1)]
    assert parcels(shop, numbers[1]) == [("1", f"1ZA{numbers[1]}", 1), ("2", "1ZB", 1)]


@pytest.mark.parametrize("units", [1, 3])
def test_a_line_that_a_lost_database_told_in_part_is_told_to_its_end(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection, units: int
) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="PACK", warehouse_sku="MUG-BLK", units=units)
    shop.oasis.add_listing("PACK")
    manage("run", "all")
    with lost():
        number = shop.oasis.add_order({"partner_sku": "PACK", "quantity": 4, "unit_cost": "10.00"})
        manage("run", "all")
        ship(shop, number, 1, units, tracking="1Z1")
        manage("run", "all")
        assert parcels(shop, number) == [("1", "1Z1", 1)]
        ship(shop, number, 1, units, tracking="1Z2")
    for _ in range(2):
        with suppress(CommandError):
            manage("run", "all")
    ship(shop, number, tracking="1Z3")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1), ("1", "1Z2", 1), ("1", "1Z3", 2)]
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


@pytest.mark.long
def test_of_two_lines_of_one_item_each_keeps_the_parcel_that_it_was_told_with(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    manage("run", "all")
    with lost():
        number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "MUG-BLK"})
        manage("run", "all")
        ship(shop, number, 1, tracking="1Z1")
        manage("run", "all")
    ship(shop, number, 2, tracking="1Z2")
    for _ in range(2):
        with suppress(CommandError):
            manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1), ("2", "1Z2", 1)]
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


def test_one_that_was_begun_anew_tells_the_rest_of_a_line_and_no_parcel_twice(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = old_order(shop)
    manage("run", "all")
    ship(shop, number, 1, tracking="1Z1")
    manage("run", "all")
    for forgotten in (ConfirmedLine, Order, SyncRun):
        forgotten._default_manager.all().delete()
    Route.objects.update(read_until=None)
    forget_keys(shop)
    ship(shop, number, 1, tracking="1Z2")
    for _ in range(2):
        with suppress(CommandError):
            manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1), ("1", "1Z2", 1)]
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
