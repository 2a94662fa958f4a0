"""Large catalogues under a call limit: what was answered is kept, and the next run goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from inventory.models import InventoryLevel, StockSweep, WarehouseItem

Run = Callable[..., str]
GOODS = 40


@pytest.fixture
def goods(shop: Sandbox, alias: Callable[..., Any]) -> None:
    for place in range(GOODS):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(f"M{place}", f"V{place}")


def a_new_window(box: Sandbox, calls: int) -> None:
    box.tradegecko.limit, box.tradegecko.calls_in_window = calls, {}
    RateWindow.objects.update(resets_at=timezone.now())


def options(gecko: Connection, **values: int) -> None:
    Connection.objects.filter(pk=gecko.pk).update(options=values)


def test_more_skus_than_one_windows_calls_are_learned_bit_by_bit(
    shop: Sandbox, goods: None, gecko: Connection, tried: Run
) -> None:
    options(gecko, sku_batch=1)
    known = []
    for _ in range(5):
        a_new_window(shop, 20)
        tried("run", "pull_levels")
        known.append(WarehouseItem.objects.count())
    assert known[0] < known[1] < GOODS
    assert known[-1] == GOODS
    assert InventoryLevel.objects.count() == GOODS


def test_a_sweep_that_the_call_limit_breaks_off_goes_on_at_the_same_page(
    shop: Sandbox, goods: None, gecko: Connection, tried: Run, manage: Run
) -> None:
    manage("run", "pull_levels")
    InventoryLevel.objects.all().delete()
    options(gecko, page_size=1)
    pages = []
    for _ in range(3):
        a_new_window(shop, 32)
        tried("run", "pull_levels")
        pages.append(InventoryLevel.objects.count())
    assert pages[0] < pages[1] < pages[2] == GOODS
    assert not StockSweep.objects.exists()


def test_a_sweep_that_was_broken_off_long_ago_starts_anew(
    shop: Sandbox, goods: None, gecko: Connection, tried: Run, manage: Run
) -> None:
    manage("run", "pull_levels")
    options(gecko, page_size=1)
    a_new_window(shop, 32)
    tried("run", "pull_levels")
    broken_off = StockSweep.objects.get().next_page
    assert broken_off > 1
    StockSweep.objects.update(started_at=timezone.now() - timedelta(hours=2))
    a_new_window(shop, 20)
    tried("run", "pull_levels")
    assert 1 < StockSweep.objects.get().next_page < broken_off


def test_what_a_broken_off_sweep_did_not_reach_keeps_its_figure(
    shop: Sandbox, goods: None, gecko: Connection, tried: Run, manage: Run
) -> None:
    manage("run", "all")
    options(gecko, page_size=1)
    a_new_window(shop, 20)
    tried("run", "all")
    assert set(InventoryLevel.objects.values_list("available", flat=True)) == {5}
    assert set(shop.oasis.quantities.values()) == {5}


def test_the_pages_before_a_sweep_was_broken_off_are_not_taken_for_missing(
    shop: Sandbox, goods: None, gecko: Connection, tried: Run, manage: Run
) -> None:
    manage("run", "pull_levels")
    options(gecko, page_size=1)
    a_new_window(shop, 32)
    tried("run", "pull_levels")
    a_new_window(shop, 3000)
    assert tried("run", "pull_levels") == ""
