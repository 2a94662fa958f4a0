"""Between two sweeps only what matters is read again, and that does not pass for a whole reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from integrations.models import Connection, Exchange, Route, SyncRun
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from inventory import readings
from inventory.bundled import BundleComponent
from inventory.models import InventoryLevel, Listing, SkuAlias, StockReading, StockSweep, WarehouseItem
from inventory.rules import InventoryRule

Run = Callable[..., str]
GOODS, DC = 8, "Riverside DC"
LONG_AGO = timedelta(hours=3)


@pytest.fixture
def goods(shop: Sandbox, alias: Callable[..., Any], manage: Run, gecko: Connection) -> None:
    """Eight items, shown, and read three hours ago by a sweep of many calls."""
    for place in range(GOODS):
        shop.tradegecko.add_variant(f"V{place}", stock=50)
        alias(f"M{place}", f"V{place}")
    Connection.objects.filter(pk=gecko.pk).update(options={"page_size": 2})
    manage("run", "all")
    then = timezone.now() - LONG_AGO
    InventoryLevel.objects.update(observed_at=then)
    StockReading.objects.update(began_at=then, ended_at=then)
    Route.history.update(history_date=then)  # else it was switched on since
    WarehouseItem.objects.update(checked_at=then)
    for model in (Listing, SkuAlias, WarehouseItem):
        model._default_manager.update(changed_at=then)
    Exchange.objects.all().delete()


def read() -> list[str]:
    """The SKUs of the items of which the stock was asked for, in the order of asking; `*` stands for a page of all."""
    skus = dict(WarehouseItem.objects.values_list("remote_id", "sku"))
    asked = Exchange.objects.filter(url__contains="/stock_levels").order_by("pk").values_list("url", flat=True)
    ids = [parse_qs(urlsplit(url).query).get("ids[]", ["*"]) for url in asked]
    return list(dict.fromkeys(skus.get(one, one) for some in ids for one in some))


def item(sku: str) -> WarehouseItem:
    return WarehouseItem.objects.get(sku=sku)


def test_where_nothing_matters_nothing_is_read(goods: None, manage: Run) -> None:
    assert "the oldest figure in use is 180 min old" in manage("run", "refresh_levels")
    assert read() == []


def test_items_of_orders_on_their_way_are_read_and_shown_at_once(goods: None, shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "M3", "quantity": 2})
    shop.tradegecko.set_stock("V3", 10)
    for job in ("pull_orders", "submit_orders", "refresh_levels", "publish_inventory"):
        manage("run", job)
    assert read() == ["V3"]
    assert shop.oasis.quantities["M3", DC] == 8


def test_what_is_new_ruled_anew_or_runs_low_is_read(
    goods: None, shop: Sandbox, manage: Run, alias: Callable[..., Any], route: Route
) -> None:
    shop.tradegecko.add_variant("NEW", stock=4)
    alias("M-NEW", "NEW")
    InventoryRule.objects.create(route=route, listing=Listing.objects.get(marketplace_sku="M5"), reserve=1)
    manage("run", "publish_inventory")  # which lists what has an alias
    Listing.objects.filter(marketplace_sku="M6").update(published_quantity=2)
    Listing.objects.filter(marketplace_sku="M7").update(published_quantity=0)
    manage("run", "refresh_levels")
    assert sorted(read()) == ["NEW", "V5", "V6", "V7"]
    manage("run", "refresh_levels")
    assert len(read()) == 4


def test_what_a_bundle_that_runs_low_consists_of_is_read_with_it(goods: None, manage: Run, gecko: Connection) -> None:
    of, part = item("V6").remote_id, item("V2").remote_id
    BundleComponent.objects.create(connection=gecko, bundle_id=of, item_id=part, sku="V2", units=3)
    Listing.objects.filter(marketplace_sku="M6").update(published_quantity=2)
    manage("run", "refresh_levels")
    assert sorted(read()) == ["V2", "V6"]


def test_a_partial_read_leaves_the_stock_as_a_whole_as_old_as_it_is(
    goods: None, shop: Sandbox, manage: Run, tried: Run, route: Route
) -> None:
    Route.objects.update(stale_after_hours=2)
    shop.oasis.add_order({"partner_sku": "M3"})
    shop.tradegecko.set_stock("V3", 90)
    for job in ("pull_orders", "refresh_levels"):
        manage("run", job)
    route.refresh_from_db()
    assert "was last read completely at" in readings.doubt(route)
    assert "held back" in tried("run", "publish_inventory")
    assert shop.oasis.quantities["M3", DC] == 49  # what was sold of it is no raise, and waits for none


@pytest.mark.long
def test_what_was_read_in_between_does_not_make_a_broken_sweep_whole(
    goods: None, gecko: Connection, route: Route
) -> None:
    began = timezone.now() - timedelta(minutes=1)
    sweep = StockSweep.objects.create(connection=gecko, next_page=9, started_at=began, items=1)
    InventoryLevel.objects.update(observed_at=timezone.now())
    assert "covered 1 items where" in readings.close(sweep, list(Route.objects.get().places))


@pytest.mark.long
def test_a_variant_that_is_archived_is_noticed(goods: None, shop: Sandbox, manage: Run) -> None:
    variant = shop.tradegecko.tables["variants"][int(item("V3").remote_id)]
    shop.tradegecko.change(variant, status="archived")
    Listing.objects.filter(marketplace_sku="M3").update(published_quantity=2)
    manage("run", "refresh_levels")
    manage("run", "publish_inventory")
    assert "does not carry it" in Listing.objects.get(marketplace_sku="M3").problem
    assert shop.oasis.quantities["M3", DC] == 0


@pytest.mark.long
def test_a_sweep_notices_an_archived_variant_too(goods: None, shop: Sandbox, manage: Run) -> None:
    shop.tradegecko.change(shop.tradegecko.tables["variants"][int(item("V3").remote_id)], status="archived")
    manage("run", "pull_levels")
    assert item("V3").matches == 0


def test_only_what_orders_and_shipments_leave_of_the_calls_is_spent(
    goods: None, shop: Sandbox, manage: Run, gecko: Connection
) -> None:
    Connection.objects.filter(pk=gecko.pk).update(options={"sku_batch": 1})
    for place in range(4):
        shop.oasis.add_order({"partner_sku": f"M{place}"})
    manage("run", "pull_orders")
    RateWindow.objects.filter(connection=gecko).update(limit=300, remaining=47)
    assert "2 items left until calls are left for them" in manage("run", "refresh_levels")
    assert len(read()) == 2


@pytest.mark.long
def test_a_sweep_that_takes_no_more_calls_is_asked_for_instead(
    goods: None, shop: Sandbox, manage: Run, gecko: Connection
) -> None:
    StockReading.objects.update(calls=2)
    Connection.objects.filter(pk=gecko.pk).update(options={"sku_batch": 2})
    for place in range(4):
        shop.oasis.add_order({"partner_sku": f"M{place}"})
    manage("run", "pull_orders")
    assert "a whole sweep takes no more calls" in manage("run", "refresh_levels")
    assert read() == []
    assert SyncRun.objects.filter(job="refresh_levels").latest("pk").status == "succeeded"


def test_an_item_replaced_under_its_sku_is_shown_with_the_new_ones_stock_at_once(
    goods: None, shop: Sandbox, manage: Run
) -> None:
    manage("run", "pull_levels")
    WarehouseItem.objects.update(checked_at=timezone.now() - timedelta(minutes=1))
    shop.tradegecko.change(shop.tradegecko.tables["variants"][int(item("V3").remote_id)], status="archived")
    shop.tradegecko.add_variant("V3", stock=7)
    for job in ("pull_levels", "publish_inventory"):
        manage("run", job)
    assert shop.oasis.quantities["M3", DC] == 7
