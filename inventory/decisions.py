"""What each listing of a route must show, and why. Reads what we know; writes nothing and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from integrations.models import Route
from inventory import listings
from inventory.aliases import Component, Resolution, Resolver
from inventory.availability import Figure, Part, offer
from inventory.models import InventoryLevel, Listing, WarehouseItem
from inventory.rulebook import Rulebook

# (route, stock at its location by warehouse item id) → units per item that the warehouse's figures do not know yet
Pending = Callable[[Route, dict[str, InventoryLevel]], dict[str, int]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a listing is to show under a SKU. `quantity` None: whatever it shows stays as it is for now.

    With a `problem` it is not known what the listing is: if it was ever shown, it must be shown as 0. `twins` are
    listings that would be shown under the same SKU; this one speaks for them.
    """

    listing: Listing
    sku: str
    quantity: int | None = None
    observed_at: datetime = field(default_factory=timezone.now)
    explanation: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    twins: tuple[Listing, ...] = ()


def decide(route: Route, pending: Pending, only: Sequence[Listing] | None = None) -> list[Decision]:
    """One decision per published SKU. A SKU of which a listing is switched off is left alone.

    With `only`, those listings of the route are decided, as if it had no others.
    """
    rows = list(route.listings.order_by("pk")) if only is None else only
    resolver = Resolver(route, [listings.wanted(row) for row in rows])
    found = {row.pk: resolver.resolve(listings.wanted(row)) for row in rows}
    desk = _Desk(route, [one for one in found.values() if one.is_known], pending)
    made = []
    for sku, same in listings.by_published_name(rows, route).items():
        if all(row.is_active for row in same):
            speaker = next((row for row in same if found[row.pk].is_known), same[0])
            twins = tuple(row for row in same if row is not speaker)
            made.append(desk.decide(speaker, sku, found[speaker.pk], twins))
    return made


class _Desk:
    """The figures of one route's items, loaded once."""

    def __init__(self, route: Route, resolutions: Sequence[Resolution], pending: Pending) -> None:
        self._route = route
        ids = {part.item_id for one in resolutions for part in one.components}
        items = WarehouseItem.objects.filter(connection_id=route.warehouse_id, matches=1)
        self._items = {item.remote_id: item for item in items if item.remote_id in ids}
        levels = InventoryLevel.objects.filter(connection_id=route.warehouse_id, location_id=route.location_id)
        self._levels = {level.item_id: level for level in levels if level.item_id in ids}
        self._pending = pending(route, self._levels)
        self._rules = Rulebook(route, timezone.now())

    def decide(self, listing: Listing, sku: str, resolution: Resolution, twins: tuple[Listing, ...]) -> Decision:
        if not resolution.is_known:
            return self._lost(listing, sku, resolution, twins)
        levels = [self._levels.get(part.item_id) for part in resolution.components]
        counted = [level for level in levels if level is not None]
        if len(counted) < len(levels) or any(part.item_id not in self._items for part in resolution.components):
            return Decision(listing, sku, twins=twins)
        parts = [self._part(part, level) for part, level in zip(resolution.components, counted, strict=True)]
        offered = offer(parts, self._rules.of(listing.pk))
        oldest = min(level.observed_at for level in counted)
        return Decision(listing, sku, offered.quantity, oldest, offered.explanation, twins=twins)

    def _lost(self, listing: Listing, sku: str, resolution: Resolution, twins: tuple[Listing, ...]) -> Decision:
        if not resolution.is_asked:
            return Decision(listing, sku, twins=twins)
        problem = resolution.problem[:1].upper() + resolution.problem[1:]
        explanation = {"problem": problem, "quantity": 0}
        return Decision(listing, sku, 0, explanation=explanation, problem=problem, twins=twins)

    def _part(self, part: Component, level: InventoryLevel) -> Part:
        item = self._items[part.item_id]
        unlimited = item.keep_selling and self._route.untracked_quantity is not None
        return Part(
            sku=part.sku,
            units=part.units,
            available=level.available if item.stock_managed and not unlimited else None,
            pending=self._pending.get(part.item_id, 0),
            max_online=item.max_online,
            figures=(Figure(self._route.location_name, level.available, level.observed_at),),
        )
