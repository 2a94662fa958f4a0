"""Bundles of the warehouse share stock with their components: an order for one leaves less of the other.

Which of the warehouse's figures knows of which order is not told, so both count: what is left of the bundle by its own
figure, and what its components leave of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from math import ceil

from integrations.stock import BundlePart, as_told
from inventory.aliases import Component, KnownItem
from inventory.bundled import BundleComponent
from inventory.models import WarehouseItem

MOST_UNITS = Decimal(2**31 - 1)  # more than there is of anything


@dataclass(frozen=True, slots=True)
class Share:
    """So many units of an item in one bundle, or in a listing by way of its bundles: perhaps a fraction."""

    item_id: str
    sku: str
    units: Decimal


Piece = Component | Share
# By the bundle's id, everything inside it, also what is in bundles that it consists of.
Bundles = Mapping[str, Sequence[Share]]


def without_circles(told: Iterable[BundlePart]) -> tuple[list[BundlePart], list[set[str]]]:
    """What bundles consist of, and the ids of those that would be inside themselves; they let go of each other."""
    parts, circles = list(told), list[set[str]]()
    while circle := _circle(parts):
        circles.append(circle)
        parts = [part for part in parts if not {part.bundle_id, part.item_id} <= circle]
    return parts, circles


def _circle(parts: Iterable[BundlePart]) -> set[str]:
    try:
        TopologicalSorter(_by_bundle(parts)).prepare()
    except CycleError as exc:
        return set(exc.args[1])
    return set()


def whole(parts: Sequence[BundlePart]) -> list[BundlePart]:
    """Each bundle with everything inside it, however deep, and the units that it takes in all. Knows no circle."""
    skus, by_bundle = {part.item_id: part.sku for part in parts}, _by_bundle(parts)
    inside: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for bundle in TopologicalSorter(by_bundle).static_order():  # what is inside comes first
        for item, units in by_bundle.get(bundle, {}).items():
            inside[bundle][item] += units
            for deeper, number in inside.get(item, {}).items():
                inside[bundle][deeper] += units * number
    return [
        BundlePart(bundle, item, skus[item], as_told(min(units, MOST_UNITS)))
        for bundle, found in inside.items()
        for item, units in found.items()
    ]


def with_earlier(parts: Sequence[BundlePart], earlier: Iterable[BundlePart]) -> list[BundlePart]:
    """With what was told earlier of some of them: of a component of both, the larger number of units."""
    found = {(part.bundle_id, part.item_id): part for part in parts}
    for part in earlier:
        now = found.get((part.bundle_id, part.item_id))
        if now is None or now.units < part.units:
            found[part.bundle_id, part.item_id] = part
    return list(found.values())


def _by_bundle(parts: Iterable[BundlePart]) -> Mapping[str, Mapping[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for part in parts:
        found[part.bundle_id][part.item_id] = part.units
    return found


def of(connection_id: int) -> Bundles:
    """All bundles of a warehouse."""
    rows = BundleComponent.objects.filter(connection=connection_id).order_by("pk")
    found: dict[str, list[Share]] = defaultdict(list)
    for bundle, item, sku, units in rows.values_list("bundle_id", "item_id", "sku", "units"):
        found[bundle].append(Share(item, sku, units))
    return found


def taken(bundles: Bundles, item: str, units: int) -> Iterable[tuple[str, int]]:
    """What an order for an item takes: of itself, and of what it consists of, of which a begun unit is gone."""
    return [(item, units), *((part.item_id, ceil(units * part.units)) for part in bundles.get(item, ()))]


def opened(bundles: Bundles, parts: Sequence[Component]) -> Sequence[Piece]:
    """The components of a listing and of the bundles among them, each once with all units that are needed of it."""
    if not any(part.item_id in bundles for part in parts):
        return parts
    units: dict[str, Decimal] = defaultdict(Decimal)
    skus: dict[str, str] = {}
    for part in parts:
        inside = (Share(one.item_id, one.sku, part.units * one.units) for one in bundles.get(part.item_id, ()))
        pieces: Iterable[Piece] = (part, *inside)
        for piece in pieces:
            units[piece.item_id] += piece.units
            skus.setdefault(piece.item_id, piece.sku)
    return [Share(item, skus[item], number) for item, number in units.items()]


def known_inside(connection_id: int, skus: Collection[str]) -> dict[str, KnownItem]:
    """What the warehouse answered of components, by SKU; a cap of what is sold by itself says nothing of a bundle."""
    rows = WarehouseItem.objects.filter(connection=connection_id, sku__in=skus)
    known = rows.values_list("sku", *KnownItem._fields)
    return {sku: KnownItem(*facts)._replace(max_online=None) for sku, *facts in known}


def problem_with(part: Piece, item: KnownItem | None, warehouse: str) -> str:
    """Why it is not known what is left of a component inside a bundle, as of one that an alias names; else empty."""
    if not part.sku:
        return f"item {part.item_id}, which has no SKU. Give it one in {warehouse}."
    if item is None:
        return f"{part.sku!r}, which {warehouse} was not asked for yet."
    if item.matches > 1:
        return f"{part.sku!r}, which {warehouse} carries {item.matches} times. Make it unique there."
    if item.remote_id != part.item_id:
        return f"{part.sku!r} (item {part.item_id}), which {warehouse} does not carry. Correct the bundle there."
    return ""
