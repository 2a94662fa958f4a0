"""What a person changes of an item in the warehouse is seen with its stock, not a day later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from integrations.errors import Unavailable
from integrations.models import Route
from integrations.sandbox.server import Sandbox
from integrations.tradegecko.adapter import TradeGecko
from inventory import item_changes
from inventory.models import StockReading, WarehouseItem
from tests.inventory.test_listings import change_variant

Run = Callable[..., str]
DC = "Riverside DC"


@pytest.fixture
def mugs(shop: Sandbox, alias: Callable[..., Any], manage: Run) -> Sandbox:
    """Two listings that show 9 each; the route shows 50 of what has no stock of its own."""
    for sku in ("MUG", "CUP"):
        shop.tradegecko.add_variant(sku, stock=9)
        alias(f"{sku}-OS", sku)
    Route.objects.update(untracked_quantity=50)
    manage("run", "all")
    return shop


def read_again(manage: Run) -> None:
    manage("run", "pull_levels")
    manage("run", "publish_inventory")


def shown(box: Sandbox) -> tuple[int, int]:
    return box.oasis.quantities["MUG-OS", DC], box.oasis.quantities["CUP-OS", DC]


def questions(box: Sandbox, path: str = "/variants") -> int:
    return box.calls("tradegecko").count(("GET", path))


def changed_ago(box: Sandbox, sku: str, ago: timedelta, **values: Any) -> None:
    change_variant(box, sku, **values)
    variant = next(row for row in box.tradegecko.tables["variants"].values() if row["sku"] == sku)
    variant["updated_at"] = (timezone.now() - ago).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def refuses(*_: object) -> None:
    raise Unavailable("not now")


@pytest.mark.parametrize(
    ("changed", "quantity"),
    [({"max_online": 3}, 3), ({"keep_selling": True}, 50), ({"manage_stock": False}, 50)],
)
def test_what_changed_of_an_item_is_shown_with_the_next_reading_of_the_stock(
    mugs: Sandbox, manage: Run, changed: dict[str, Any], quantity: int
) -> None:
    change_variant(mugs, "MUG", **changed)
    read_again(manage)
    assert shown(mugs) == (quantity, 9)


def test_a_second_item_of_the_same_sku_is_not_guessed_between(mugs: Sandbox, manage: Run) -> None:
    mugs.tradegecko.add_variant("MUG", stock=20)
    read_again(manage)
    assert shown(mugs) == (0, 9)
    assert WarehouseItem.objects.get(sku="MUG").matches == 2


def test_what_goes_by_another_sku_now_is_not_sold_as_the_old_one(mugs: Sandbox, manage: Run) -> None:
    variant = next(row for row in mugs.tradegecko.tables["variants"].values() if row["sku"] == "MUG")
    mugs.tradegecko.change(variant, sku="BEAKER")
    read_again(manage)
    assert shown(mugs) == (0, 9)


def test_where_nothing_changed_that_takes_one_question(mugs: Sandbox, manage: Run) -> None:
    asked_at, before = WarehouseItem.objects.get(sku="MUG").checked_at, questions(mugs)
    change_variant(mugs, "MUG", name="Another name of the colour")
    read_again(manage)
    assert questions(mugs) == before + 2
    mugs.tradegecko.set_stock("MUG", 4)
    read_again(manage)
    assert (questions(mugs), shown(mugs)) == (before + 3, (4, 9))
    assert WarehouseItem.objects.get(sku="CUP").checked_at < asked_at + timedelta(seconds=1)


@pytest.mark.parametrize("fault", ["422", "403", "404", "503", "html_200", "reset"])
def test_what_the_warehouse_does_not_tell_stops_no_stock(mugs: Sandbox, manage: Run, tried: Run, fault: str) -> None:
    StockReading.objects.update(began_at=F("began_at") - timedelta(minutes=30))
    mugs.tradegecko.set_stock("CUP", 2)
    mugs.faults.add("tradegecko", fault, path="/variants", times=999)
    for _ in range(2):
        assert "each is asked for once a day all the same" in tried("run", "pull_levels")
    manage("run", "publish_inventory")
    assert shown(mugs) == (9, 2)


@pytest.mark.parametrize("fault", ["401", "429"])
def test_what_stops_every_request_stops_the_sweep(mugs: Sandbox, tried: Run, fault: str) -> None:
    before = questions(mugs, "/stock_levels")
    mugs.faults.add("tradegecko", fault, path="/variants", times=2)
    assert "asked for once a day" not in tried("run", "pull_levels")
    assert questions(mugs, "/stock_levels") == before


def test_what_was_not_told_once_is_told_with_the_next_reading(mugs: Sandbox, manage: Run, tried: Run) -> None:
    changed_ago(mugs, "MUG", timedelta(minutes=20), max_online=3)
    StockReading.objects.update(began_at=F("began_at") - timedelta(minutes=30))
    mugs.faults.add("tradegecko", "422", path="/variants")
    tried("run", "pull_levels")
    read_again(manage)
    assert shown(mugs) == (3, 9)


def test_an_item_that_cannot_be_asked_for_stays_as_it_is_known_and_stops_no_stock(
    mugs: Sandbox, manage: Run, tried: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_variant(mugs, "MUG", max_online=3)
    mugs.tradegecko.set_stock("CUP", 2)
    with monkeypatch.context() as broken:
        broken.setattr(TradeGecko, "items", refuses)
        tried("run", "pull_levels")
    manage("run", "publish_inventory")
    assert shown(mugs) == (9, 2)
    read_again(manage)
    assert shown(mugs) == (3, 2)


def test_where_very_much_changed_the_rest_is_read_after_the_stock(
    mugs: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_changes, "MOST_PAGES_FIRST", 0)
    change_variant(mugs, "MUG", max_online=3)
    with monkeypatch.context() as slow:
        slow.setattr(item_changes, "SHARE_OF_A_TURN", -1)
        assert "0 pages of changed items were read, and there are more" in manage("run", "pull_levels")
    read_again(manage)
    assert shown(mugs) == (3, 9)
