"""A large route decides only what may have changed, and comes to the same as if it decided everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import Connection, Route
from inventory import changed, decisions
from inventory.bundled import BundleComponent
from inventory.decided import RouteDecision
from inventory.gathered import gather
from inventory.models import InventoryLevel, Listing, Publication, SkuAlias, WarehouseItem
from inventory.on_their_way import Units
from inventory.rules import InventoryRule

Act = Callable[[Route], object]
GOODS = 6


@pytest.fixture
def large(db: None, monkeypatch: pytest.MonkeyPatch) -> Route:
    """A route that counts as large, decided and shown a minute ago; M5 goes by its warehouse SKU alone."""
    monkeypatch.setattr(changed, "SMALL", 0)
    market = Connection.objects.create(name="Market", provider="supplier_oasis")
    store = Connection.objects.create(name="Store", provider="tradegecko")
    route = Route.objects.create(
        name="Main", state="live", marketplace=market, marketplace_warehouse_name="DC", warehouse=store,
        location_name="Main", location_id="1", counted_locations="East", counted_location_ids={"East": "2"},
    )  # fmt: skip
    now, figures = timezone.now(), {"on_hand": 9, "committed": 0, "available": 9}
    for place in range(GOODS):
        WarehouseItem.objects.create(connection=store, sku=f"V{place}", matches=1, remote_id=str(place), checked_at=now)
        for location in ("1", "2"):
            InventoryLevel.objects.create(
                connection=store, item_id=str(place), location_id=location, observed_at=now, **figures
            )  # fmt: skip
        if place < GOODS - 1:
            SkuAlias.objects.create(connection=market, marketplace_sku=f"M{place}", warehouse_sku=f"V{place}")
        Listing.objects.create(route=route, marketplace_sku=f"M{place}" if place < GOODS - 1 else f"V{place}")
    then = now - timedelta(minutes=2)
    for model in (WarehouseItem, InventoryLevel, SkuAlias, Listing):
        model._default_manager.update(changed_at=then)
    show_all(route)
    changed.note(route, changed.scope(route, nothing, ()))
    RouteDecision.objects.update(decided_until=timezone.now() - timedelta(minutes=1))
    return route


def nothing(_: Route) -> Units:
    return Units()


def on_their_way(*units: int) -> Units:
    """So many of item 3 in an order each."""
    found = Units()
    for place, number in enumerate(units, start=1):
        found.add("3", f"700-{place}", number, "1")
    return found


def show_all(route: Route) -> None:
    for one in decisions.decide(route, nothing):
        shown = {"published_sku": one.sku, "published_quantity": one.quantity, "published_at": timezone.now()}
        Listing.objects.filter(pk=one.listing.pk).update(**shown)


def looked_at(route: Route, pending: Units | None = None) -> set[str]:
    """The SKUs that the next run decides."""
    route.refresh_from_db()
    return set(changed.scope(route, lambda _: pending or Units(), ()).names)


def level(item: str) -> Any:
    return InventoryLevel.objects.filter(item_id=item, location_id="2")


ALL = {f"M{place}" for place in range(GOODS - 1)} | {f"V{GOODS - 1}"}
CHANGES: dict[str, tuple[Act, set[str]]] = {
    "stock at a location that counts": (
        lambda _: level("2").update(available=Decimal(3), changed_at=timezone.now()), {"M2"}),
    "stock of what has no alias": (lambda _: level("5").update(available=3, changed_at=timezone.now()), {"V5"}),
    "an alias": (lambda _: alias("M1").save(), {"M1"}),
    "an alias of which a person changed one field": (
        lambda _: edited(alias("M1")).save(update_fields=["units"]), {"M1"}),
    "an alias that is gone": (lambda _: alias("M1").delete(), ALL),
    "a file of aliases": (lambda route: changed.forget(route.marketplace), ALL),
    "a listing": (lambda _: Listing.objects.get(marketplace_sku="M3").save(), {"M3"}),
    "a listing that is gone": (lambda _: Listing.objects.get(marketplace_sku="M3").delete(), ALL - {"M3"}),
    "what the warehouse says of a SKU": (
        lambda _: WarehouseItem.objects.filter(sku="V4").update(sellable=False, changed_at=timezone.now()), {"M4"}),
    "what the warehouse says of a bundle's component": (lambda route: part_of(route, "3"), {"M3"}),
    "a listing's rule": (lambda route: rule(route, "M1"), {"M1"}),
    "the route's rule": (lambda route: rule(route, None), ALL),
    "a rule that has begun": (lambda route: rule(route, "M1", starts_at=timezone.now()), {"M1"}),
    "a rule that has ended": (lambda route: rule(route, "M2", ends_at=timezone.now()), {"M2"}),
    "the route's settings": (lambda _: Route.objects.update(reserve=1), ALL),
    "the locations that count": (lambda _: Route.objects.update(counted_locations=""), ALL),
    "what was shown long ago": (
        lambda _: Listing.objects.filter(marketplace_sku="M0").update(published_at=timezone.now() - timedelta(days=2)),
        {"M0"}),
    "the hour": (lambda _: RouteDecision.objects.update(full_at=timezone.now() - timedelta(hours=2)), ALL),
    "the clock, which was set back": (
        lambda _: RouteDecision.objects.update(decided_until=timezone.now() + timedelta(minutes=5)), ALL),
    "nothing": (lambda _: None, set()),
}  # fmt: skip


def alias(sku: str) -> SkuAlias:
    return SkuAlias.objects.get(marketplace_sku=sku)


def edited(found: SkuAlias) -> SkuAlias:
    found.units = 3
    return found


def part_of(route: Route, bundle: str) -> None:
    BundleComponent.objects.create(connection=route.warehouse, bundle_id=bundle, item_id="9", sku="PART", units=2)
    WarehouseItem.objects.create(
        connection=route.warehouse, sku="PART", matches=1, remote_id="9", checked_at=timezone.now()
    )  # fmt: skip


def rule(route: Route, sku: str | None, **values: Any) -> None:
    listing = Listing.objects.get(marketplace_sku=sku) if sku else None
    made = InventoryRule.objects.create(route=route, listing=listing, reserve=2, **values)
    if values:  # it was made long before it begins or ends
        InventoryRule.objects.filter(pk=made.pk).update(changed_at=timezone.now() - timedelta(days=1))
        known = RouteDecision.objects.get()
        RouteDecision.objects.update(counts={**known.counts, "rules": [1, made.pk]})


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_decided_and_nothing_else(large: Route, what: str) -> None:
    act, expected = CHANGES[what]
    act(large)
    assert looked_at(large) == expected


def test_orders_that_come_or_go_have_their_items_decided(large: Route) -> None:
    assert looked_at(large, on_their_way(2)) == {"M3"}
    RouteDecision.objects.update(pending={"3": 2})
    assert looked_at(large, on_their_way(1, 1)) == set()
    assert looked_at(large) == {"M3"}


def test_listings_that_share_a_sku_are_decided_together(large: Route) -> None:
    Listing.objects.create(route=large, marketplace_sku="OTHER", partner_sku="M2")
    Listing.objects.update(changed_at=timezone.now() - timedelta(minutes=2))
    found = RouteDecision.objects.get().counts
    RouteDecision.objects.update(counts={**found, "listings": [GOODS + 1, Listing.objects.latest("pk").pk]})
    level("2").update(available=1, changed_at=timezone.now())
    made = changed.scope(large, nothing, ())
    assert {sku: len(pks) for sku, pks in made.names.items()} == {"M2": 2}


def test_the_shortcut_comes_to_the_same_as_the_whole(large: Route) -> None:
    for name in ("stock at a location that counts", "a listing's rule", "what the warehouse says of a SKU"):
        CHANGES[name][0](large)
    made = changed.scope(large, nothing, ())
    assert not made.is_full
    some, all_of_it = (
        {one.sku: (one.quantity, one.problem) for one in gather(large, found, (), None).kept}
        for found in (decisions.decide_rows(large, Units(), made.names), decisions.decide_all(large, Units()))
    )
    assert some == all_of_it
    assert set(some) == {"M1", "M2", "M4"}


def test_while_nothing_changes_little_is_asked_and_nothing_is_written(large: Route) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        made = changed.scope(large, nothing, ())
        list(decisions.decide_rows(large, made.on_their_way, made.names))
        changed.note(large, made)
    assert len(asked) <= 25
    assert not Publication.objects.exists()


def test_a_new_decision_that_was_asked_for_meanwhile_is_not_forgotten(large: Route) -> None:
    RouteDecision.objects.update(full_at=timezone.now() - timedelta(hours=2))
    made = changed.scope(large, nothing, ())
    changed.forget(large.marketplace)
    changed.note(large, made)
    assert looked_at(large) == ALL
