"""What the marketplace shows is read back, and what drifted is kept by cause until it is put right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory import checking, listing_states
from inventory.checked import DriftedListing, InventoryCheck
from inventory.models import Listing, Publication, WarehouseItem
from inventory.rules import InventoryRule

Run = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"


@pytest.fixture
def told(shop: Sandbox, manage: Run, tried: Run, alias: Alias, overstock: Connection) -> Sandbox:
    """Four listings were published, and read-back is on."""
    overstock.options = {"read_inventory": True}
    overstock.save(update_fields=["options"])
    for place in range(4):
        shop.tradegecko.add_variant(f"V{place}", stock=10)
        alias(f"M{place}", f"V{place}")
    manage("run", "all")
    return shop


def causes() -> dict[str, tuple[str, int | None, int | None]]:
    return {row.sku: (row.cause, row.wanted, row.shown) for row in DriftedListing.objects.all()}


def drifted() -> set[str]:
    return set(Listing.objects.filter(listing_states.drifted()).values_list("marketplace_sku", flat=True))


def test_each_listing_that_drifted_is_kept_with_its_cause(told: Sandbox, tried: Run, alias: Alias) -> None:
    told.tradegecko.set_stock("V2", 4)
    del told.oasis.catalogue["M3"]
    told.tradegecko.set_stock("V3", 6)
    told.tradegecko.add_variant("V5", stock=1)
    alias("M5", "V5", is_active=True)
    tried("run", "all")
    told.oasis.quantities[("M0", DC)] = 99
    del told.oasis.quantities[("M1", DC)]
    told.oasis.quantities[("M2", DC)] = 10
    Publication.objects.filter(listing__marketplace_sku="M5").delete()
    Listing.objects.filter(marketplace_sku="M5").update(published_sku="", published_quantity=None, published_at=None)
    assert "5 listings show another quantity" in tried("run", "check_inventory")
    assert causes() == {
        "M0": ("changed_there", 10, 99), "M1": ("changed_there", 10, None), "M2": ("out_of_order", 4, 10),
        "M3": ("refused", 6, 10), "M5": ("never_sent", None, 1),
    }  # fmt: skip
    report = InventoryCheck.objects.get()
    assert (report.compared, report.drifted) == (5, 5)
    assert drifted() == {"M0", "M1", "M2", "M3", "M5"}


def test_what_drifted_is_published_again_on_request_though_nothing_changed(
    told: Sandbox, manage: Run, tried: Run
) -> None:
    told.oasis.quantities[("M0", DC)] = 99
    tried("run", "check_inventory")
    manage("run", "publish_inventory")
    assert told.oasis.quantities[("M0", DC)] == 99
    report = InventoryCheck.objects.get()
    Route.objects.update(state="paused")
    assert checking.publish_again(report) == (
        "0 listings to be published again with the next run. 1 left out: Route Main is paused: nothing of it is "
        "published."
    )
    Route.objects.update(state="live")
    assert checking.publish_again(report) == "1 listing to be published again with the next run."
    manage("run", "publish_inventory")
    assert told.oasis.quantities[("M0", DC)] == 10
    assert drifted() == set()
    sent = len([call for call in told.calls("oasis") if call == ("POST", "/inventory")])
    manage("run", "publish_inventory")
    assert len([call for call in told.calls("oasis") if call == ("POST", "/inventory")]) == sent


def test_what_cannot_be_published_again_is_left_out_and_said_so(told: Sandbox, tried: Run, alias: Alias) -> None:
    for place in range(3):
        told.oasis.quantities[(f"M{place}", DC)] = 99
    told.oasis.add_listing("GONE")
    told.oasis.quantities[("GONE", DC)] = 5
    alias("GONE", "V-UNKNOWN")
    tried("run", "all")
    assert "4 listings show another quantity" in tried("run", "check_inventory")
    InventoryRule.objects.create(
        route=Route.objects.get(), listing=Listing.objects.get(marketplace_sku="M0"), do_not_publish=True
    )
    WarehouseItem.objects.filter(sku="V1").update(stock_managed=False)
    said = checking.publish_again(InventoryCheck.objects.get())
    assert said.startswith("1 listing to be published again with the next run.")
    assert "1 left out: Nothing is published of it, since a rule of the listing says so." in said
    assert "1 left out: Nothing is published of it, since the warehouse does not track the stock of V1" in said
    assert "1 left out: It was never shown, and is not before this is put right: " in said
    assert list(Listing.objects.exclude(publish_asked_at=None).values_list("marketplace_sku", flat=True)) == ["M2"]


def test_one_that_drifted_is_told_in_the_singular(told: Sandbox, tried: Run) -> None:
    told.oasis.quantities[("M0", DC)] = 99
    assert "1 listing shows another quantity" in tried("run", "check_inventory")


def test_what_was_refused_is_published_again_on_request_without_its_pause(
    told: Sandbox, manage: Run, tried: Run
) -> None:
    del told.oasis.catalogue["M3"]
    told.tradegecko.set_stock("V3", 6)
    tried("run", "all")
    tried("run", "check_inventory")
    assert causes() == {"M3": ("refused", 6, 10)}
    told.oasis.catalogue["M3"] = "M3"
    checking.publish_again(InventoryCheck.objects.get())
    manage("run", "publish_inventory")
    assert told.oasis.quantities[("M3", DC)] == 6


def test_where_nothing_can_be_read_back_only_who_asked_is_told_so(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    assert "its quantities are not read back: switch on the option read_inventory" in manage("run", "check_inventory")
    assert not InventoryCheck.objects.exists()
    checking.ask_for(overstock, None)
    manage("run", "check_inventory")
    report = InventoryCheck.objects.get()
    assert report.compared is None
    assert "read_inventory" in report.note


def test_a_reading_that_fails_is_told_and_makes_nobody_drift(told: Sandbox, tried: Run) -> None:
    told.faults.add("oasis", "500_html", path="/inventory", times=5)
    assert tried("run", "check_inventory")
    assert InventoryCheck.objects.get().note
    assert drifted() == set()


def test_what_was_published_since_it_was_read_is_left_out(told: Sandbox, manage: Run) -> None:
    told.oasis.quantities[("M0", DC)] = 99
    Listing.objects.filter(marketplace_sku="M0").update(published_at=timezone.now() + timedelta(hours=1))
    manage("run", "check_inventory")
    assert causes() == {}
