"""Bundles, kits and plain listings of one stock see each other's orders before the warehouse counts them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.sandbox.gecko_rows import component
from integrations.sandbox.server import Sandbox
from integrations.stock import BundlePart
from integrations.tradegecko.adapter import TradeGecko
from inventory import chain
from inventory.bundled import BundleComponent, BundleReading
from inventory.models import InventoryLevel, Listing, SkuAlias, WarehouseItem
from orders.models import Order

Run = Callable[..., str]
DC = "Riverside DC"


@pytest.fixture
def mugs(shop: Sandbox, overstock: Connection) -> Sandbox:
    """60 mugs, sold one by one, in a bundle of four, and in a kit of a bundle and a mug."""
    gecko = shop.tradegecko
    gecko.add_variant("MUG", stock=60)
    gecko.add_bundle("MUG-4", {"MUG": 4})
    for sku, parts in {"ONE": {"MUG": 1}, "FOUR": {"MUG-4": 1}, "FIVE": {"MUG-4": 1, "MUG": 1}}.items():
        shop.oasis.add_listing(sku)
        for part, units in parts.items():
            SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku=part, units=units)
    return shop


def shown(box: Sandbox) -> list[int]:
    return [box.oasis.quantities[sku, DC] for sku in ("ONE", "FOUR", "FIVE")]


def go(manage: Run, *jobs: str) -> None:
    for job in jobs:
        manage("run", job)


def test_a_held_order_for_one_is_taken_off_all_of_them(mugs: Sandbox, manage: Run) -> None:
    go(manage, "all")
    assert shown(mugs) == [60, 15, 12]
    for sku, left in (("FOUR", [52, 13, 10]), ("ONE", [50, 12, 10]), ("FIVE", [40, 10, 8])):
        mugs.oasis.add_order({"partner_sku": sku, "quantity": 2}, address={"city": ""})
        go(manage, "pull_orders", "publish_inventory")
        assert shown(mugs) == left


def test_an_accepted_order_is_taken_off_until_each_figure_knows_it(mugs: Sandbox, manage: Run) -> None:
    go(manage, "all")
    mugs.oasis.add_order({"partner_sku": "FOUR", "quantity": 2})
    go(manage, "pull_orders", "submit_orders", "publish_inventory")
    assert shown(mugs) == [52, 13, 10]
    go(manage, "pull_levels", "publish_inventory")
    assert shown(mugs) == [52, 13, 10]
    figures = InventoryLevel.objects.filter(item_id=item(mugs, "MUG")).values_list("available", flat=True)
    assert sum(figures) == 52


def test_the_page_tells_the_component_that_is_scarce(mugs: Sandbox, manage: Run) -> None:
    go(manage, "all")
    told = Listing.objects.get(marketplace_sku="FIVE").explanation
    titles = [section.title for section in chain.sections(told)]
    assert titles == ["MUG-4", "5 × MUG (4 of them in bundle MUG-4)", "What is shown"]
    steps = told["components"]
    assert [(step["sku"], step["units"], step["sells"]) for step in steps] == [("MUG-4", 1, 15), ("MUG", 5, 12)]


def test_a_bundle_of_a_fraction_of_an_item_is_shown_as_often_as_it_can_be_made(
    shop: Sandbox, overstock: Connection, manage: Run
) -> None:
    gecko = shop.tradegecko
    gecko.add_variant("FABRIC", stock=6)
    for sku, units in (("HALF", "0.5"), ("ONE-AND-A-HALF", "1.5")):
        gecko.add_bundle(sku, {"FABRIC": units})
        shop.oasis.add_listing(sku)
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku=sku)
    go(manage, "all")
    assert (shop.oasis.quantities["HALF", DC], shop.oasis.quantities["ONE-AND-A-HALF", DC]) == (12, 4)
    told = Listing.objects.get(marketplace_sku="HALF").explanation
    assert [section.title for section in chain.sections(told)][:2] == ["HALF", "0.5 × FABRIC (in bundle HALF)"]
    assert (chain.reckoned(told), told["components"][0].get("lacking")) == (12, None)
    shop.oasis.add_order({"partner_sku": "HALF", "quantity": 3}, address={"city": ""})
    go(manage, "pull_orders", "publish_inventory")
    assert (shop.oasis.quantities["HALF", DC], shop.oasis.quantities["ONE-AND-A-HALF", DC]) == (8, 2)


def test_where_bundles_are_not_told_one_is_an_item_like_any_other(
    mugs: Sandbox, manage: Run, gecko: Connection
) -> None:
    Connection.objects.filter(pk=gecko.pk).update(options={"read_bundles": False})
    go(manage, "all")
    assert shown(mugs) == [60, 15, 15]


def test_a_bundle_with_a_component_whose_stock_was_never_read_stays_as_it_is(mugs: Sandbox, manage: Run) -> None:
    go(manage, "all")
    InventoryLevel.objects.filter(item_id=item(mugs, "MUG")).delete()
    InventoryLevel.objects.update(available=4, changed_at=timezone.now())
    go(manage, "publish_inventory")
    assert shown(mugs) == [60, 15, 12]


@pytest.mark.parametrize(("answer", "why"), [
    ({"matches": 2}, "'MUG', which {} carries 2 times. Make it unique there."),
    ({"matches": 0, "remote_id": ""}, "'MUG' (item {item}), which {} does not carry. Correct the bundle there."),
])  # fmt: skip
def test_a_bundle_with_a_component_that_is_not_known_is_told_and_shown_as_0(
    mugs: Sandbox, manage: Run, gecko: Connection, answer: dict[str, Any], why: str
) -> None:
    go(manage, "all")
    WarehouseItem.objects.filter(sku="MUG").update(changed_at=timezone.now(), **answer)
    Route.objects.update(guard_listings=100)
    go(manage, "publish_inventory")
    assert shown(mugs) == [0, 0, 0]
    text = f"A bundle in 'FOUR' consists of {why.format(gecko, item=item(mugs, 'MUG'))}"
    assert Listing.objects.get(marketplace_sku="FOUR").problem == text


def test_an_answer_that_cannot_be_read_is_told_and_asked_for_again_at_the_next_run(mugs: Sandbox, manage: Run) -> None:
    go(manage, "all")
    BundleReading.objects.all().delete()
    mugs.tradegecko.add_bundle("MUG-6", {"MUG": 6})
    mugs.faults.add("tradegecko", "error_in_200", path="/variants/composition")
    with pytest.raises(CommandError, match=r"what bundles consist of was not read and is asked for again"):
        manage("run", "pull_levels")
    assert BundleComponent.objects.count() == 1
    go(manage, "pull_levels")
    assert BundleComponent.objects.count() == 2


@pytest.mark.parametrize("row", [{"quantity": "many"}, {"bundle_id": [], "quantity": "1"}])
def test_a_component_that_cannot_be_read_stays_as_it_was_told_and_its_neighbours_are_read(
    mugs: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, row: dict[str, Any]
) -> None:
    go(manage, "all")
    BundleReading.objects.all().delete()
    mugs.tradegecko.add_bundle("RUGS", {"RUG-5X8": 3})

    def told(*at: Any) -> dict[str, Any]:
        return component(*at) | (row if component(*at)["bundle_sku"] == "MUG-4" else {})

    monkeypatch.setattr("integrations.sandbox.gecko.component", told)
    with pytest.raises(CommandError, match=r"what was told of (bundle \d+|all bundles) before stays"):
        manage("run", "pull_levels")
    assert set(BundleComponent.objects.values_list("sku", "units")) == {("MUG", Decimal(4)), ("RUG-5X8", Decimal(3))}
    mugs.oasis.add_order({"partner_sku": "ONE", "quantity": 4}, address={"city": ""})
    go(manage, "pull_orders", "publish_inventory")
    assert shown(mugs) == [56, 14, 11]


def test_a_bundle_of_bundles_is_opened_to_the_last_mug(mugs: Sandbox, manage: Run, overstock: Connection) -> None:
    mugs.tradegecko.add_bundle("MUG-CRATE", {"MUG-4": 3, "MUG": 1})
    mugs.oasis.add_listing("CRATE")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="CRATE", warehouse_sku="MUG-CRATE")
    go(manage, "all")
    assert (shown(mugs), mugs.oasis.quantities["CRATE", DC]) == ([60, 15, 12], 4)
    for sku, left in (("ONE", ([56, 14, 11], 4)), ("CRATE", ([30, 7, 6], 2))):
        mugs.oasis.add_order({"partner_sku": sku, "quantity": {"ONE": 4, "CRATE": 2}[sku]}, address={"city": ""})
        go(manage, "pull_orders", "publish_inventory")
        assert (shown(mugs), mugs.oasis.quantities["CRATE", DC]) == left


def test_an_order_takes_from_a_bundle_what_its_location_lacks_then_whatever_lies_at_another(
    mugs: Sandbox, manage: Run, overstock: Connection
) -> None:
    """Of 10 sets 2 can be made at the location that ships; eight mugs less there, and it is none, held or counted."""
    Route.objects.update(counted_locations="East Store")
    mugs.tradegecko.add_bundle("MUGS-RUG", {"MUG": 4, "RUG-5X8": 1})
    for sku, here, there in (("MUG", 8, 40), ("RUG-5X8", 20, 8)):
        mugs.tradegecko.set_stock(sku, here)
        mugs.tradegecko.set_stock(sku, there, location="East Store")
    mugs.oasis.add_listing("SET")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="SET", warehouse_sku="MUGS-RUG")
    go(manage, "all")
    assert mugs.oasis.quantities["SET", DC] == 10
    mugs.oasis.add_order({"partner_sku": "ONE", "quantity": 8}, address={"city": ""})
    go(manage, "pull_orders", "publish_inventory")
    assert mugs.oasis.quantities["SET", DC] == 8
    told = Listing.objects.get(marketplace_sku="SET").explanation
    assert (told["components"][0]["lacking"], chain.reckoned(told)) == ("2", 8)
    Order.objects.update(ship_city="Boise")
    go(manage, "submit_orders", "pull_levels", "publish_inventory")
    assert mugs.oasis.quantities["SET", DC] == 8


def test_parts_of_a_bundle_that_lie_apart_make_none(mugs: Sandbox, manage: Run, overstock: Connection) -> None:
    """A third of a set here and two thirds there, as the warehouse tells it."""
    Route.objects.update(counted_locations="East Store")
    mugs.tradegecko.add_bundle("SETS", {"MUG": 2, "RUG-5X8": 3})
    for sku, here, there in (("MUG", 60, 60), ("RUG-5X8", 1, 2)):
        mugs.tradegecko.set_stock(sku, here)
        mugs.tradegecko.set_stock(sku, there, location="East Store")
    mugs.oasis.add_listing("SET")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="SET", warehouse_sku="SETS")
    mugs.tradegecko.set_stock("RUG-5X8", 7)
    go(manage, "all")
    assert mugs.oasis.quantities["SET", DC] == 2
    mugs.tradegecko.set_stock("RUG-5X8", 1)
    go(manage, "pull_levels", "publish_inventory")
    assert mugs.oasis.quantities["SET", DC] == 0
    told = Listing.objects.get(marketplace_sku="SET").explanation
    assert (told["quantity"], chain.reckoned(told)) == (0, 0)


def test_bundles_inside_each_other_are_told_and_keep_what_else_they_consist_of(
    mugs: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug, four = item(mugs, "MUG"), item(mugs, "MUG-4")
    told = [
        BundlePart(four, mug, "MUG", Decimal(4)), BundlePart(four, "99", "B-9", Decimal(1)),
        BundlePart("99", four, "MUG-4", Decimal(2)),
    ]  # fmt: skip
    monkeypatch.setattr(TradeGecko, "bundles", lambda _: told)
    with pytest.raises(CommandError, match=r"a bundle is told to be inside itself, by way of B-9, MUG-4; correct it"):
        manage("run", "pull_levels")
    go(manage, "publish_inventory")
    assert shown(mugs) == [60, 15, 12]


def item(box: Sandbox, sku: str) -> str:
    return next(str(row["id"]) for row in box.tradegecko.tables["variants"].values() if row["sku"] == sku)
