"""What a person changes of an item in the warehouse is seen with its stock, not a day later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from integrations.models import Route
from integrations.sandbox.server import Sandbox
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


def questions(box: Sandbox) -> int:
    return box.calls("tradegecko").count(("GET", "/variants"))


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


def test_what_the_warehouse_does_not_tell_stops_no_stock(mugs: Sandbox, manage: Run, tried: Run) -> None:
    StockReading.objects.update(began_at=F("began_at") - timedelta(minutes=1))
    mugs.tradegecko.set_stock("CUP", 2)
    mugs.faults.add("tradegecko", "422", path="/variants")
    assert "asked for once a day all the same" in tried("run", "pull_levels")
    manage("run", "publish_inventory")
    assert shown(mugs) == (9, 2)
