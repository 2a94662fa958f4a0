"""What our own orders lower is no damage: it is published though the guard holds back, or it would be sold twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.bundled import BundleReading
from inventory.models import GuardedPublish, SkuAlias, StockReading
from tests.inventory.test_guarding import DC, GOODS, Run, released, shown, stock
from tests.inventory.test_guarding import goods as goods
from tests.inventory.test_guarding import waiting as waiting


def test_what_is_sold_while_a_mass_waits_for_a_person_is_taken_off_all_the_same(
    shop: Sandbox, waiting: GuardedPublish, tried: Run
) -> None:
    """Of what the warehouse answers again, no more than is left is sold, whatever became of the others."""
    stock(shop, 5, range(1))
    shop.oasis.add_order({"partner_sku": "M0", "quantity": 3}, address={"city": ""})
    tried("run", "all")
    tried("run", "publish_inventory")
    assert {shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]} == {2, 5}
    waiting.refresh_from_db()
    assert (waiting.state, waiting.changed) == ("waiting", GOODS - 1)


def test_what_a_bundle_loses_with_its_components_is_no_damage(shop: Sandbox, goods: None, manage: Run) -> None:
    shop.tradegecko.add_variant("MUG", stock=10)
    for sku in ("ONE", *(f"SET{place}" for place in range(GOODS))):
        shop.oasis.add_listing(sku)
    shop.tradegecko.add_bundle("MUGS", {"MUG": 1})
    rows = [
        SkuAlias(connection=Connection.objects.get(name="Overstock"), marketplace_sku=sku, warehouse_sku=item)
        for sku, item in (("ONE", "MUG"), *((f"SET{place}", "MUGS") for place in range(GOODS)))
    ]
    SkuAlias.objects.bulk_create(rows)
    BundleReading.objects.all().delete()  # else bundles are asked for in an hour
    manage("run", "all")
    shop.oasis.add_order({"partner_sku": "ONE", "quantity": 3}, address={"city": ""})
    manage("run", "pull_orders")
    manage("run", "publish_inventory")
    assert {shop.oasis.quantities[f"SET{place}", DC] for place in range(GOODS)} == {7}


@pytest.mark.long
def test_orders_for_most_of_a_route_are_no_damage(shop: Sandbox, goods: None, manage: Run) -> None:
    for place in range(GOODS):
        shop.oasis.add_order({"partner_sku": f"M{place}", "quantity": 3}, address={"city": ""})
    manage("run", "all")
    manage("run", "publish_inventory")
    assert shown(shop) == {2}


def test_orders_that_the_warehouse_has_counted_by_now_are_no_damage(shop: Sandbox, goods: None, manage: Run) -> None:
    for place in range(GOODS):
        shop.oasis.add_order({"partner_sku": f"M{place}", "quantity": 3})
    for job in ("pull_orders", "submit_orders", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert shown(shop) == {2}


@pytest.mark.long
def test_what_is_sold_and_counted_while_a_mass_waits_is_taken_off_all_the_same(
    shop: Sandbox, goods: None, tried: Run
) -> None:
    shop.tradegecko.set_stock("V0", 50)
    tried("run", "all")
    stock(shop, 0, range(1, GOODS))
    for units in (15, 15, 15):
        shop.oasis.add_order({"partner_sku": "M0", "quantity": units})
        tried("run", "all")
    assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (5, 5)
    assert GuardedPublish.objects.get().state == "waiting"


@pytest.mark.long
def test_what_is_less_than_was_sold_explains_is_damage_like_any_other_but_for_what_was_sold(
    shop: Sandbox, goods: None, tried: Run
) -> None:
    for place in range(GOODS):
        shop.oasis.add_order({"partner_sku": f"M{place}", "quantity": 2})
    for job in ("pull_orders", "submit_orders"):
        tried("run", job)
    stock(shop, 4)
    tried("run", "pull_levels")
    for _ in range(2):
        tried("run", "publish_inventory")
        assert shown(shop) == {3}
    record = GuardedPublish.objects.get()
    assert (record.state, record.changed) == ("waiting", GOODS)
    assert {row.why for row in record.quantities.filter(sku="M0")} == {
        "V0: 2 available at Main DC, 2 in orders taken off by the warehouse since"
    }
    released(record)
    tried("run", "publish_inventory")
    assert shown(shop) == {2}


@pytest.mark.long
def test_what_was_sold_and_counted_is_taken_off_though_the_stock_was_not_read_completely_for_long(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    shop.oasis.add_order({"partner_sku": "M0", "quantity": 3})
    for job in ("pull_orders", "submit_orders", "pull_levels"):
        manage("run", job)
    StockReading.objects.update(began_at=F("began_at") - timedelta(hours=7))
    Route.history.update(history_date=F("history_date") - timedelta(hours=7))  # else it was switched on since
    tried("run", "publish_inventory")
    assert shown(shop) == {2, 5}
