"""Items that a complete reading of the stock leaves out, though the warehouse carries them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Connection
from integrations.sandbox import gecko_filters
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from inventory import levels
from inventory.models import InventoryLevel, Listing, SkuAlias, StockReading, StockSweep, WarehouseItem

Run = Callable[..., str]
DC = "Riverside DC"
GOODS = 30


@pytest.fixture
def goods(shop: Sandbox, alias: Callable[..., Any], manage: Run) -> Sandbox:
    """Thirty listings that show 9 each."""
    for place in range(GOODS):
        shop.tradegecko.add_variant(f"V{place}", stock=9)
        alias(f"M{place}", f"V{place}")
    manage("run", "all")
    return shop


def leave_out(monkeypatch: pytest.MonkeyPatch, box: Sandbox, *skus: str, by_name: bool = False) -> None:
    """Have the list of all stock lack these, and with `by_name` also the answer to a question for them."""
    gone = {row["id"] for row in box.tradegecko.tables["variants"].values() if row["sku"] in skus}
    page = gecko_filters.page

    def without(state: Any, rows: Any, args: Any) -> Any:
        is_whole = not by_name and (args.getlist("ids[]") or args.getlist("ids"))
        is_stock = "status" not in args and not args.getlist("sku[]")
        return page(state, rows if is_whole or not is_stock else [r for r in rows if r["id"] not in gone], args)

    monkeypatch.setattr(gecko_filters, "page", without)


def read(tried: Run) -> str:
    said = tried("run", "pull_levels")
    tried("run", "publish_inventory")
    return said


def test_what_the_list_of_all_stock_leaves_out_is_asked_for_by_name(
    goods: Sandbox, tried: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out(monkeypatch, goods, "V3")
    for quantity in (4, 2):
        goods.tradegecko.set_stock("V3", quantity)
        assert read(tried) == ""
        assert goods.oasis.quantities["M3", DC] == quantity


def test_what_does_not_come_by_name_either_stays_as_it_is_and_a_reading_says_so_once_an_hour(
    goods: Sandbox, tried: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "MOST_NAMED", 1)
    leave_out(monkeypatch, goods, "V3", "V4", "V5", by_name=True)
    goods.tradegecko.set_stock("V3", 0)
    SkuAlias.objects.filter(warehouse_sku="V5").delete()
    Listing.objects.filter(marketplace_sku="M5").delete()
    for said in ("the stock of V3 and 1 more did not come, though asked for by name", ""):
        assert said in read(tried)
    assert read(tried) == ""
    WarehouseItem.objects.update(checked_at=timezone.now() - timedelta(hours=2))
    assert "the stock of V3" in read(tried)
    assert goods.oasis.quantities["M3", DC] == 9


def test_pages_of_another_size_than_a_reading_began_with_leave_nothing_out(
    goods: Sandbox, gecko: Connection, tried: Run
) -> None:
    """Somebody changes how many rows a page has after the call limit broke a reading off: the next one starts anew."""
    with_pages_of(1, goods, gecko, calls=22)
    tried("run", "pull_levels")
    sweep = StockSweep.objects.get()
    assert InventoryLevel.objects.filter(observed_at__gte=sweep.started_at).exists()
    for place in range(GOODS):
        goods.tradegecko.set_stock(f"V{place}", 8)
    with_pages_of(2, goods, gecko, calls=3000)
    assert read(tried) == ""
    assert StockReading.objects.get().items == GOODS
    assert not InventoryLevel.objects.filter(available=9).exists()


def with_pages_of(rows: int, box: Sandbox, gecko: Connection, calls: int) -> None:
    Connection.objects.filter(pk=gecko.pk).update(options={"page_size": rows})
    box.tradegecko.limit, box.tradegecko.calls_in_window = calls, {}
    RateWindow.objects.update(resets_at=timezone.now())
