"""Several locations of one route: their stock is added up, and orders ship from one of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory import dry_run
from inventory.models import Listing, SkuAlias
from orders.alarms import alarms

Run = Callable[..., str]
ROUTE = ("route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
         "--location", "Main DC")  # fmt: skip


@pytest.fixture
def both(shop: Sandbox, manage: Run, overstock: Connection) -> Sandbox:
    """120 mugs where orders ship from, 30 at another location that counts."""
    shop.oasis.add_listing("X")
    shop.tradegecko.set_stock("MUG-BLK", 30, location="East Store")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="X", warehouse_sku="MUG-BLK")
    manage(*ROUTE, "--count-location", "East Store", "--live")
    manage("run", "all")
    return shop


def shown(box: Sandbox) -> int:
    return box.oasis.quantities["X", "Riverside DC"]


def test_the_stock_of_all_of_them_is_shown_and_each_is_told(both: Sandbox) -> None:
    assert shown(both) == 150
    [part] = Listing.objects.get(marketplace_sku="X").explanation["components"]
    assert [(place, units) for place, units, _ in part["places"]] == [("Main DC", "120"), ("East Store", "30")]


def test_an_order_is_taken_off_once_before_and_after_it_is_counted(both: Sandbox, manage: Run) -> None:
    both.oasis.add_order({"partner_sku": "X", "quantity": 10}, address={"city": ""})
    both.oasis.add_order({"partner_sku": "X", "quantity": 5})
    quantities = []
    for jobs in (["pull_orders"], ["submit_orders"], ["pull_levels"]):
        for job in (*jobs, "publish_inventory"):
            manage("run", job)
        quantities.append(shown(both))
    assert quantities == [135, 135, 135]


def test_what_one_owes_is_taken_off_the_other(both: Sandbox, manage: Run) -> None:
    both.tradegecko.set_stock("MUG-BLK", -20)
    manage("run", "pull_levels")
    manage("run", "publish_inventory")
    assert shown(both) == 10


def test_one_that_is_missing_or_holds_no_stock_is_told_and_counts_nothing(
    both: Sandbox, manage: Run, tried: Run
) -> None:
    east = both.tradegecko.tables["locations"][both.tradegecko.location_id("East Store")]
    both.tradegecko.change(east, holds_stock=False)
    assert "'East Store' of Gecko holds no stock" in tried("run", "pull_levels")
    tried("run", "publish_inventory")
    assert shown(both) == 120
    assert Listing.objects.get(marketplace_sku="X").explanation["uncounted"] == ["East Store"]
    assert "location 'Nowhere' of route Main: not found" in tried(*ROUTE, "--count-location", "Nowhere")
    assert Route.objects.get().counted_names == ["Nowhere"]
    manage(*ROUTE, "--count-location", "")
    assert Route.objects.get().counted_names == []


def uncounted() -> list[str]:
    return [text for text in alarms() if "is not counted" in text]


def test_one_that_was_renamed_is_an_alarm_until_it_is_found_again(both: Sandbox, manage: Run, tried: Run) -> None:
    east = both.tradegecko.tables["locations"][both.tradegecko.location_id("East Store")]
    both.tradegecko.change(east, label="East Shop")
    assert not uncounted()
    tried("run", "pull_levels")
    [text] = uncounted()
    assert "route Main: the stock of 'East Store' is not counted" in text
    both.tradegecko.change(east, label="East Store")
    manage("run", "pull_levels")
    assert not uncounted()


def test_another_location_is_foreseen_with_its_stock(both: Sandbox) -> None:
    stored, changed = Route.objects.get(), Route.objects.get()
    changed.counted_locations = ""
    [row] = dry_run.of_settings(stored, changed).rows
    assert (row.before, row.after) == (150, 120)
    changed.location_name = "Nowhere"
    assert "'Nowhere'" in dry_run.of_settings(stored, changed).note
