"""A route that publishes every warehouse SKU: which items become listings, and what happens when it stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.runs import perform
from integrations.sandbox import gecko_filters
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from inventory import catalogue_reading, dry_run, levels
from inventory.catalogued import CatalogueReading
from inventory.models import Listing, SkuAlias, WarehouseItem

Run = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"
ROUTE = ("route", "Main", "--marketplace", "Overstock", "--warehouse-name", DC, "--warehouse", "Gecko",
         "--location", "Main DC")  # fmt: skip


@pytest.fixture
def shelf(shop: Sandbox) -> Sandbox:
    """Only V0 to V5 are active, five units of each; Overstock knows these SKUs."""
    for row in shop.tradegecko.tables["variants"].values():
        shop.tradegecko.change(row, status="archived")
    for place in range(6):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        shop.oasis.add_listing(f"V{place}")
    Route.objects.update(publish_catalogue=True)
    return shop


def variant(box: Sandbox, sku: str) -> dict[str, Any]:
    return next(row for row in box.tradegecko.tables["variants"].values() if row["sku"] == sku)


def stock_runs(manage: Run) -> None:
    manage("run", "pull_levels")
    manage("run", "publish_inventory")


def listed(**only: Any) -> set[str]:
    return set(Listing.objects.filter(**only).values_list("marketplace_sku", flat=True))


def test_every_item_that_is_sold_and_there_once_is_shown(shelf: Sandbox, manage: Run) -> None:
    box = shelf.tradegecko
    box.change(variant(shelf, "V1"), sellable=False)
    box.change(variant(shelf, "V2"), status="archived")
    box.add_variant("", stock=5)
    box.add_variant("V3", stock=9)
    stock_runs(manage)
    assert shelf.oasis.quantities == {("V0", DC): 5, ("V4", DC): 5, ("V5", DC): 5}
    assert listed() == {"V0", "V4", "V5"}
    box.add_variant("NEW", stock=3)
    shelf.oasis.add_listing("NEW")
    stock_runs(manage)
    assert shelf.oasis.quantities["NEW", DC] == 3


def test_a_sku_that_is_on_two_pages_is_not_guessed(shelf: Sandbox, gecko: Connection, manage: Run) -> None:
    Connection.objects.filter(pk=gecko.pk).update(options={"page_size": 2})
    shelf.tradegecko.add_variant("V0", stock=9)
    stock_runs(manage)
    assert listed() == {"V1", "V2", "V3", "V4", "V5"}
    shelf.tradegecko.add_variant("V1", stock=9)
    stock_runs(manage)
    assert shelf.oasis.quantities["V1", DC] == 0
    assert "carries it 2 times" in Listing.objects.get(marketplace_sku="V1").problem


def test_what_an_alias_or_an_order_names_is_listed_once(shelf: Sandbox, manage: Run, alias: Alias) -> None:
    alias("PACK", "V0", units=2)
    alias("V1", "V2")
    alias("GONE", "V3", is_active=False)
    shelf.oasis.add_order({"partner_sku": "V4", "option_sku": "3004"})
    shelf.oasis.add_order({"partner_sku": "V5"})
    manage("run", "all")
    assert listed(origin="") == {"PACK", "V1", "V4", "V5"}
    assert listed(origin="catalogue") == {"V3"}
    assert {sku for sku, _ in shelf.oasis.quantities} == {"PACK", "V1", "V3", "3004", "V5"}


def test_an_alias_that_comes_later_wins(shelf: Sandbox, manage: Run, alias: Alias) -> None:
    manage("run", "pull_levels")
    alias("V0", "V5", units=5)
    alias("ELSE", "V1")
    manage("run", "publish_inventory")
    assert shelf.oasis.quantities["V0", DC] == 1
    assert (Listing.objects.get(marketplace_sku="V0").origin, listed(is_active=False)) == ("", {"V1", "V5"})
    SkuAlias.objects.all().delete()
    stock_runs(manage)
    assert (listed(is_active=False), listed(origin="left")) == (set(), set())


def test_switched_off_only_what_the_catalogue_made_goes_and_nothing_is_zeroed(
    shelf: Sandbox, manage: Run, alias: Alias
) -> None:
    alias("V0", "V0")
    shelf.oasis.add_order({"partner_sku": "V1"})
    manage("run", "all")
    Listing.objects.filter(marketplace_sku="V2").update(is_active=False)
    manage(*ROUTE, "--no-publish-catalogue", "--live")
    for sku in ("V0", "V1", "V3", "V4"):
        shelf.tradegecko.set_stock(sku, 3)
    stock_runs(manage)
    assert [shelf.oasis.quantities[f"V{place}", DC] for place in range(6)] == [3, 2, 5, 5, 5, 5]
    assert listed(is_active=True) == {"V0", "V1"}
    alias("V5", "V0", units=3)
    manage("run", "publish_inventory")
    assert shelf.oasis.quantities["V5", DC] == 1
    manage(*ROUTE, "--publish-catalogue")
    stock_runs(manage)
    assert listed(is_active=False) == {"V2"}
    assert shelf.oasis.quantities["V3", DC] == 3


def test_an_item_that_is_archived_later_is_shown_as_0(shelf: Sandbox, manage: Run) -> None:
    stock_runs(manage)
    shelf.tradegecko.change(variant(shelf, "V0"), status="archived")
    stock_runs(manage)
    assert shelf.oasis.quantities["V0", DC] == 0


def test_an_item_that_is_given_another_sku_is_not_sold_under_both(shelf: Sandbox, manage: Run, alias: Alias) -> None:
    alias("PACK", "V1", units=2)
    stock_runs(manage)
    for sku in ("V0", "V1"):
        shelf.oasis.add_listing(f"NEW-{sku}")
        shelf.tradegecko.change(variant(shelf, sku), sku=f"NEW-{sku}")
    stock_runs(manage)
    shown = [shelf.oasis.quantities[sku, DC] for sku in ("V0", "NEW-V0", "PACK", "NEW-V1")]
    assert shown == [0, 5, 0, 5]
    same = WarehouseItem.objects.filter(remote_id=str(variant(shelf, "NEW-V0")["id"]))
    assert [row.sku for row in same] == ["NEW-V0"]


def test_an_item_that_loses_its_sku_is_sold_no_more(shelf: Sandbox, manage: Run) -> None:
    stock_runs(manage)
    shelf.tradegecko.change(variant(shelf, "V0"), sku="")
    stock_runs(manage)
    assert shelf.oasis.quantities["V0", DC] == 0


def test_a_catalogue_of_more_pages_than_calls_is_read_bit_by_bit(
    shelf: Sandbox, gecko: Connection, tried: Run, manage: Run
) -> None:
    for place in range(6, 40):
        shelf.tradegecko.add_variant(f"V{place}", stock=5)
    Connection.objects.filter(pk=gecko.pk).update(options={"page_size": 1})
    pages = []
    for _ in range(2):
        shelf.tradegecko.limit, shelf.tradegecko.calls_in_window = 24, {}
        RateWindow.objects.update(resets_at=timezone.now())
        tried("run", "pull_levels")
        pages.append(CatalogueReading.objects.get().next_page)
    assert 1 < pages[0] < pages[1] <= 40
    assert not listed()
    shelf.tradegecko.limit, shelf.tradegecko.calls_in_window = 3000, {}
    RateWindow.objects.update(resets_at=timezone.now())
    before = len([call for call in shelf.calls("tradegecko") if call == ("GET", "/variants")])
    manage("run", "pull_levels")
    assert len(listed(origin="catalogue")) == 40
    asked = len([call for call in shelf.calls("tradegecko") if call == ("GET", "/variants")]) - before
    assert asked == 40 - pages[1] + 1


def test_what_is_not_the_whole_catalogue_makes_no_listing_and_stops_no_stock(
    shelf: Sandbox, gecko: Connection, tried: Run, manage: Run, monkeypatch: pytest.MonkeyPatch, alias: Alias
) -> None:
    alias("M0", "V0")
    Connection.objects.filter(pk=gecko.pk).update(options={"page_size": 2})
    answer = gecko_filters.page

    def cut_short(*args: Any) -> Any:
        rows, paging = answer(*args)
        return rows, {**paging, "last_page": paging["last_page"] or bool(args[2].get("order"))}

    with monkeypatch.context() as broken:
        broken.setattr(gecko_filters, "page", cut_short)
        assert "the catalogue was not read to its end" in tried("run", "pull_levels")
    manage("run", "publish_inventory")
    assert (listed(), shelf.oasis.quantities) == ({"M0"}, {("M0", DC): 5})
    stock_runs(manage)
    assert listed(origin="catalogue") == {f"V{place}" for place in range(1, 6)}


def test_the_dry_run_tells_how_many_listings_come_and_go(shelf: Sandbox, manage: Run, alias: Alias) -> None:
    Route.objects.update(publish_catalogue=False)
    alias("PACK", "V0", units=2)
    stock_runs(manage)
    stored, changed = Route.objects.get(), Route.objects.get()
    changed.publish_catalogue = True
    assert "About 5 listings would come: Gecko has 6 active items" in dry_run.of_settings(stored, changed).note
    changed.save()
    stock_runs(manage)
    assert "5 listings that only the catalogue made are switched off" in dry_run.of_settings(changed, stored).note


def test_without_identity_it_is_refused(shelf: Sandbox, manage: Run) -> None:
    Route.objects.update(allow_identity=False)
    with pytest.raises(CommandError, match="Same SKU without an alias"):
        manage(*ROUTE, "--publish-catalogue")


def test_a_reading_that_takes_long_hands_over_and_goes_on(
    shelf: Sandbox, gecko: Connection, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Connection.objects.filter(pk=gecko.pk).update(options={"page_size": 4})
    with monkeypatch.context() as slow:
        slow.setattr(catalogue_reading, "SHARE_OF_A_TURN", -1)
        assert perform(gecko, "pull_levels", levels.pull).is_handed_over
    assert (CatalogueReading.objects.get().next_page, listed()) == (2, set())
    stock_runs(manage)
    assert len(shelf.oasis.quantities) == 6


def test_a_listings_page_says_that_the_catalogue_made_it(shelf: Sandbox, manage: Run, admin_client: Client) -> None:
    stock_runs(manage)
    page = reverse("admin:inventory_listing_change", args=[Listing.objects.get(marketplace_sku="V0").pk])
    assert "From the catalogue of Gecko: route Main publishes" in admin_client.get(page).content.decode()
    Route.objects.update(publish_catalogue=False)
    manage("run", "publish_inventory")
    assert "switched off since route Main does not publish" in admin_client.get(page).content.decode()
    found = admin_client.get(reverse("admin:inventory_listing_changelist"), {"origin__exact": "left"})
    assert found.context["cl"].result_count == 6
