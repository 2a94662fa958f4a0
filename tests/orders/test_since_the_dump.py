"""What a lost database did with parcels, orders and quantities after it was dumped, in ways that leave few traces."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.db.models import F
from django.utils import timezone

from integrations.models import Connection, JobPlan, SyncRun
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import actions, telling
from orders.carriers import CarrierMap
from orders.models import Order, Shipment
from tests.conftest import Run
from tests.orders.test_changes import goods
from tests.orders.test_restored import Told, lost, nobody_worked_for
from tests.orders.world import holds, parcels, ship

pytestmark = pytest.mark.long


def test_one_of_a_line_that_is_still_open_is_a_hold_too(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    with lost():
        parcel = ship(shop, number, 1, tracking="1ZOLD")
        manage("run", "all")
        relabel(shop, parcel, "1ZNEW")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1ZOLD", 1)]
    assert holds(told(number)) == ["changed_shipment"]
    ship(shop, number, 1, tracking="1Z2")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1ZOLD", 1), ("1", "1Z2", 1)]


def relabel(box: Sandbox, parcel: int, tracking: str) -> None:
    box.tradegecko.change(box.tradegecko.tables["fulfillments"][parcel], tracking_number=tracking)


def test_a_kit_that_was_told_with_one_of_its_parcels_is_not_told_with_the_other(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    for sku in ("MUG-BLK", "TEE-RED-M"):
        SkuAlias.objects.create(connection=overstock, marketplace_sku="KIT", warehouse_sku=sku)
    number = shop.oasis.add_order({"partner_sku": "KIT", "quantity": 2})
    manage("run", "all")
    with lost():
        first = ship(shop, number, 1, 2, tracking="1ZA")
        manage("run", "all")
        ship(shop, number, 2, 1, tracking="1ZB")
        manage("run", "all")
        shop.tradegecko.change(shop.tradegecko.tables["fulfillments"][first], notes="so that it is read last")
    manage("run", "all")
    assert (parcels(shop, number), holds(told(number))) == ([("1", "1ZB", 1)], [])
    ship(shop, number, 2, 1, tracking="1ZC")
    manage("run", "all")
    assert (parcels(shop, number), holds(told(number))) == ([("1", "1ZB", 1), ("1", "1ZC", 1)], [])


def test_what_was_in_doubt_in_the_dump_and_was_told_under_a_new_number_is_not_told_again(
    shop: Sandbox, manage: Run, told: Told, settings: Any
) -> None:
    settings.LOOKUP_GRACE_SECONDS = settings.RETRY_BASE_SECONDS = 0
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    parcel = ship(shop, number, 1, tracking="1ZOLD")
    shop.faults.add("oasis", "503", method="POST", path="/shipments")
    with pytest.raises(CommandError, match="may have taken it"):
        manage("run", "all")
    with lost():
        relabel(shop, parcel, "1ZNEW")
        manage("run", "all")
    manage("run", "all")
    assert (parcels(shop, number), holds(told(number))) == ([("1", "1ZNEW", 1)], [])


def test_an_order_that_was_refused_and_then_taken_since_the_dump_is_not_sent_again(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    shop.tradegecko.switch(refused_keys_stay_free=True)
    with lost():
        shop.faults.add("tradegecko", "422", method="POST", path="/orders")
        with pytest.raises(CommandError, match="422"):
            manage("run", "submit_orders")
        actions.retry_sending(Order.objects.get(), None)
        manage("run", "submit_orders")
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "1.0"}
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])


def test_a_parcel_that_was_voided_while_nobody_worked_is_not_told(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = shop.tradegecko.tables["fulfillments"][ship(shop, number, tracking="1Z1")]
    manage("run", "pull_shipments")
    telling.gather_orders([Order.objects.get().pk], overstock, CarrierMap(overstock))
    night = timedelta(hours=8)
    nobody_worked_for(night)
    SyncRun.objects.update(window_until=F("window_until") - night)
    Shipment.objects.update(remote_updated_at=F("remote_updated_at") - night)
    shop.tradegecko.void_parcel(parcel)
    parcel.update(updated_at=(timezone.now() - night / 2).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == []


def test_quantities_that_were_shown_since_the_dump_are_put_right_once_the_stock_was_read(
    shop: Sandbox, manage: Run
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", "10")
    manage("run", "all")
    [place] = shop.oasis.quantities
    with lost():
        shop.tradegecko.set_stock("MUG-BLK", "60")
        manage("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", "10")
    manage("run", "publish_inventory")
    assert shop.oasis.quantities[place] == 59
    manage("run", "pull_levels")
    manage("run", "publish_inventory")
    assert shop.oasis.quantities[place] == 9
    sent = shop.calls("oasis").count(("POST", "/inventory"))
    manage("run", "publish_inventory")
    assert shop.calls("oasis").count(("POST", "/inventory")) == sent


def test_both_sides_are_compared_soon_after_nobody_worked(manage: Run, overstock: Connection) -> None:
    manage("run", "pull_orders")
    plans = JobPlan.objects.filter(connection=overstock, job="reconcile")
    plans.update(next_run_at=timezone.now() + timedelta(hours=20))
    nobody_worked_for(timedelta(hours=1))
    manage("run", "pull_orders")
    assert plans.get().next_run_at < timezone.now() + timedelta(minutes=16)


def test_an_order_that_was_sent_since_the_dump_and_has_another_address_now_is_a_hold(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    moved, stays = (shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2))
    manage("run", "pull_orders")
    with lost():
        manage("run", "submit_orders")
        shop.oasis.edit(moved, address={"address1": "9 New Street"})
    manage("run", "pull_orders")
    with pytest.raises(CommandError, match="another address") as said:
        manage("run", "submit_orders")
    assert "Mill Lane" not in str(said.value)
    assert [holds(told(number)) for number in (moved, stays)] == [["different_there"], []]
    assert "12 Mill Lane" in str(told(moved)["holds"])
    assert [len(shop.tradegecko.by_reference(number)) for number in (moved, stays)] == [1, 1]
