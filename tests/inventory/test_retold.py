"""A listing's page tells what its number rests on now, also where another change left the number as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.models import Listing
from inventory.rules import InventoryRule
from orders.jobs import publish_inventory
from orders.models import Order

Run = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"


def told() -> dict[str, Any]:
    """The figures of the only component."""
    (part,) = Listing.objects.get().explanation["components"]
    return dict(part)


def settled(tried: Run) -> None:
    for _ in range(2):
        tried("run", "all")


def test_an_order_that_is_cancelled_as_stock_goes_is_told_as_taken_off_no_more(
    shop: Sandbox, tried: Run, alias: Alias
) -> None:
    shop.tradegecko.add_variant("V", stock=6)
    alias("M", "V")
    number = shop.oasis.add_order({"partner_sku": "M", "quantity": 1}, address={"city": ""})
    settled(tried)
    assert (told()["available"], list(told()["orders"])) == ("6", [Order.objects.get().full_number])
    shop.oasis.cancel(number)
    shop.tradegecko.set_stock("V", 5)
    settled(tried)
    assert (shop.oasis.quantities["M", DC], told()["available"], told().get("orders")) == (5, "5", None)


def test_what_a_reserve_keeps_back_is_told_as_it_is_now(shop: Sandbox, tried: Run, alias: Alias) -> None:
    Route.objects.update(reserve=10)
    shop.tradegecko.add_variant("V", stock=3)
    alias("M", "V")
    settled(tried)
    seen = Listing.objects.get().observed_at
    shop.tradegecko.set_stock("V", 8)
    settled(tried)
    assert (shop.oasis.quantities["M", DC], told()["available"]) == (0, "8")
    assert seen is not None
    assert (Listing.objects.get().observed_at or seen) > seen


def test_a_rule_that_fixes_the_number_that_is_shown_is_named(shop: Sandbox, tried: Run, alias: Alias) -> None:
    shop.tradegecko.add_variant("V", stock=5)
    alias("M", "V")
    settled(tried)
    listing = Listing.objects.get()
    InventoryRule.objects.create(route=listing.route, listing=listing, fixed_quantity=5)
    tried("run", "publish_inventory")
    assert Listing.objects.get().explanation["fixed_quantity"] == 5


def test_figures_that_are_told_already_are_not_written_again(
    shop: Sandbox, tried: Run, alias: Alias, overstock: Connection
) -> None:
    Route.objects.update(reserve=10, counted_locations="East Store")
    shop.tradegecko.add_variant("V", stock=3)
    alias("M", "V")
    settled(tried)
    tried("run", "pull_levels")
    with CaptureQueriesContext(connection) as asked:
        publish_inventory(overstock)
    assert not [one for one in asked if one["sql"].startswith('UPDATE "inventory_listing"')]
