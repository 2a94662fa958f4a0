"""Stock as a warehouse tells it: values that cross its port."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integrations.ports import Item

LEAST = Decimal("0.0001")  # of a unit in a bundle; as many digits as are stored


def as_told(number: Decimal) -> Decimal:
    """A fraction with as many digits as are kept of it, and never less: rather too few bundles are shown."""
    return number.quantize(LEAST, ROUND_CEILING)


@dataclass(frozen=True, slots=True)
class StockLevel:
    """One item's stock at one location. `available` is on hand less committed where the answer has none."""

    item_id: str
    location_id: str
    on_hand: Decimal
    committed: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True)
class BundlePart:
    """`units` of an item go into one bundle, which is an item of its own; that may be a fraction."""

    bundle_id: str
    item_id: str
    sku: str
    units: Decimal


@dataclass(frozen=True, slots=True)
class UnreadableBundlePart:
    """A component that could not be understood; `bundle_id` is empty where it is not even known of which bundle."""

    bundle_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class LevelPage:
    """A page of a stock sweep: every location of each item in it. An item's unlisted location holds nothing."""

    item_ids: tuple[str, ...]
    levels: tuple[StockLevel, ...]
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of the catalogue. `spoilt` are the SKUs of items that could not be read.

    `announced` is how many items all pages are said to have, 0 when that is not said.
    """

    items: tuple[Item, ...]
    spoilt: frozenset[str]
    announced: int
