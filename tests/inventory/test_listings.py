"""Which figure is shown under which SKU, and when it is 0 because nobody knows what the SKU is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.dispatch import forget_old
from integrations.models import Route
from integrations.sandbox.server import Sandbox
from inventory.models import Listing, Publication, WarehouseItem
from inventory.rules import InventoryRule

Run = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"


def twice(manage: Run) -> None:
    """What the second cycle changes must have been right in the first."""
    manage("run", "all")
    manage("run", "all")


def worklists(manage: Run) -> dict[str, int]:
    lists: dict[str, int] = json.loads(manage("status", "--json"))["worklists"]
    return lists


def asked_long_ago() -> None:
    WarehouseItem.objects.update(checked_at=timezone.now() - timedelta(days=2))


def change_variant(box: Sandbox, sku: str, **values: Any) -> None:
    variant = next(row for row in box.tradegecko.tables["variants"].values() if row["sku"] == sku)
    box.tradegecko.change(variant, **values)


def test_a_multi_pack_that_is_aliased_by_its_option_sku_shows_packs(shop: Sandbox, manage: Run, alias: Alias) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK", "option_sku": "3001"})
    manage("run", "all")
    alias("3001", "MUG-BLK", units=6)
    twice(manage)
    assert shop.oasis.quantities == {("3001", DC): 119 // 6}


@pytest.mark.long
def test_one_figure_is_shown_when_an_alias_and_an_identity_meet_in_one_sku(
    shop: Sandbox, manage: Run, alias: Alias
) -> None:
    alias("3001", "MUG-BLK", units=6)
    manage("run", "all")
    Listing.objects.create(route=Route.objects.get(), marketplace_sku="MUG-BLK", option_sku="3001")
    shop.tradegecko.set_stock("MUG-BLK", 60)
    twice(manage)
    assert shop.oasis.quantities == {("3001", DC): 10}
    messages = len([call for call in shop.calls("oasis") if call == ("POST", "/inventory")])
    manage("run", "all")
    assert len([call for call in shop.calls("oasis") if call == ("POST", "/inventory")]) == messages
    assert Listing.objects.filter(published_quantity=10).count() == 1


@pytest.mark.long
def test_a_partner_sku_sold_under_two_option_skus_is_right_under_both(shop: Sandbox, manage: Run) -> None:
    for option in ("3001", "3002"):
        shop.oasis.add_order({"partner_sku": "MUG-BLK", "option_sku": option})
        manage("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", 12)
    twice(manage)
    assert shop.oasis.quantities == {("3001", DC): 10, ("3002", DC): 10}


def test_an_archived_item_is_shown_as_0_and_says_why(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    change_variant(shop, "MUG-BLK", status="archived")
    asked_long_ago()
    twice(manage)
    assert shop.oasis.quantities == {("MUG-BLK", DC): 0}
    assert "does not carry it" in Listing.objects.get().explanation["problem"]
    assert worklists(manage)["unresolved_listings"] == 1


@pytest.mark.long
def test_an_item_that_is_sold_again_gets_its_figure_back(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    change_variant(shop, "MUG-BLK", sellable=False)
    asked_long_ago()
    twice(manage)
    assert shop.oasis.quantities == {("MUG-BLK", DC): 0}
    change_variant(shop, "MUG-BLK", sellable=True)
    asked_long_ago()
    twice(manage)
    assert shop.oasis.quantities == {("MUG-BLK", DC): 119}
    assert worklists(manage)["unresolved_listings"] == 0


def test_two_items_of_one_sku_are_not_guessed_between(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.add_variant("MUG-BLK", stock=7)
    asked_long_ago()
    twice(manage)
    assert shop.oasis.quantities == {("MUG-BLK", DC): 0}
    assert "carries it 2 times" in Listing.objects.get().problem


def test_an_alias_that_is_switched_off_or_removed_takes_its_listing_off_sale(
    shop: Sandbox, manage: Run, alias: Alias
) -> None:
    off, gone = alias("X-OFF", "MUG-BLK"), alias("X-GONE", "THROW-WL")
    manage("run", "all")
    assert set(shop.oasis.quantities.values()) == {120, 33}
    type(off).objects.filter(pk=off.pk).update(is_active=False)
    gone.delete()
    twice(manage)
    assert set(shop.oasis.quantities.values()) == {0}


@pytest.mark.long
def test_a_listing_is_not_zeroed_before_the_warehouse_was_asked(shop: Sandbox, manage: Run, alias: Alias) -> None:
    row = alias("X", "MUG-BLK")
    manage("run", "all")
    type(row).objects.filter(pk=row.pk).update(warehouse_sku="THROW-WL")
    manage("run", "publish_inventory")
    assert shop.oasis.quantities == {("X", DC): 120}
    twice(manage)
    assert shop.oasis.quantities == {("X", DC): 33}


def test_what_was_never_shown_is_not_shown_as_0(shop: Sandbox, manage: Run, alias: Alias) -> None:
    alias("TYPO", "MUG-BLCK")
    twice(manage)
    assert shop.oasis.quantities == {}
    assert worklists(manage)["unresolved_listings"] == 1


def test_what_is_not_to_be_published_stays_as_it_is_also_when_its_alias_is_gone(
    shop: Sandbox, manage: Run, alias: Alias
) -> None:
    row = alias("X", "MUG-BLK")
    manage("run", "all")
    InventoryRule.objects.create(route=Route.objects.get(), listing=Listing.objects.get(), do_not_publish=True)
    row.delete()
    twice(manage)
    assert shop.oasis.quantities == {("X", DC): 120}
    assert not Listing.objects.get().problem


def test_a_listing_that_is_switched_off_is_left_alone(shop: Sandbox, manage: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    manage("run", "all")
    Listing.objects.update(is_active=False)
    shop.tradegecko.set_stock("MUG-BLK", 1)
    twice(manage)
    assert shop.oasis.quantities == {("X", DC): 120}


@pytest.mark.long
def test_what_may_be_sold_below_zero_counts_as_untracked_where_the_route_says_how_much(
    shop: Sandbox, manage: Run, alias: Alias
) -> None:
    alias("X", "VASE-BLU")
    change_variant(shop, "VASE-BLU", keep_selling=True)
    twice(manage)
    assert shop.oasis.quantities == {("X", DC): 0}
    Route.objects.update(untracked_quantity=25)
    twice(manage)
    assert shop.oasis.quantities == {("X", DC): 25}
    assert Listing.objects.get().explanation["components"][0]["keep_selling"]


@pytest.mark.long
def test_figures_beyond_reason_are_shown_as_the_most_that_can_be_shown(
    shop: Sandbox, manage: Run, alias: Alias
) -> None:
    for sku in ("MUG-BLK", "RUG-5X8"):
        alias(f"A-{sku}", sku)
    shop.tradegecko.set_stock("MUG-BLK", 9_999_999_999)
    manage("run", "all")
    assert shop.oasis.quantities == {("A-MUG-BLK", DC): 999_999_999, ("A-RUG-5X8", DC): 12}


@pytest.mark.long
def test_a_cap_beyond_reason_stops_no_order(shop: Sandbox, manage: Run, told: Callable[[str], Any]) -> None:
    shop.tradegecko.add_variant("CAP", stock=3, max_online="99999999999", product_name="T" * 500)
    number = shop.oasis.add_order({"partner_sku": "CAP"})
    manage("run", "all")
    assert told(number)["status"] == "submitted"
    assert shop.oasis.quantities == {("CAP", DC): 2}


@pytest.mark.long
def test_publications_are_forgotten_a_month_after_they_were_taken(shop: Sandbox, manage: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    manage("run", "all")
    forget_old(timezone.now() + timedelta(days=29))
    assert Publication.objects.count() == 1
    forget_old(timezone.now() + timedelta(days=31))
    assert Publication.objects.count() == 0
    manage("run", "all")
    assert Publication.objects.count() == 0


def test_another_warehouse_name_is_told_every_quantity_at_once(shop: Sandbox, manage: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    manage("run", "all")
    shop.oasis.add_listing("X", warehouse="Reno")
    Route.objects.update(marketplace_warehouse_name="Reno")
    manage("run", "publish_inventory")
    assert shop.oasis.quantities["X", "Reno"] == 120


@pytest.mark.long
def test_what_a_wrong_warehouse_name_had_refused_goes_out_once_it_is_right(
    shop: Sandbox, manage: Run, tried: Run, alias: Alias
) -> None:
    alias("X", "MUG-BLK")
    Route.objects.update(marketplace_warehouse_name="Riverside")
    assert "does not take" in tried("run", "all")
    Route.objects.update(marketplace_warehouse_name=DC)
    manage("run", "publish_inventory")
    assert shop.oasis.quantities == {("X", DC): 120}


def test_hours_that_no_calendar_has_and_were_stored_long_ago_stop_nothing(
    shop: Sandbox, manage: Run, alias: Alias
) -> None:
    alias("X", "MUG-BLK")
    for hours in (99_999_999, 0):
        Route.objects.update(full_publish_hours=hours, stale_after_hours=hours, inventory_file_hours=hours)
        shop.tradegecko.set_stock("MUG-BLK", 7 if hours else 8)
        manage("run", "all")
        assert shop.oasis.quantities == {("X", DC): 7 if hours else 8}
        assert json.loads(manage("status", "--json"))["alarms"] is not None
