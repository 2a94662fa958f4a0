"""What the marketplace shows against what was published, where it can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.errors import IntegrationError
from integrations.models import Route
from integrations.ports import ListedQuantity, Marketplace
from inventory.models import Listing
from inventory.outbox import OPEN

MOST_KEPT = 1000
Shown = Mapping[tuple[str, str], int]  # by SKU and warehouse name


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many SKUs were compared (None: they cannot be read), and those that differ, at most 1,000."""

    compared: int | None = None
    drifted: tuple[dict[str, Any], ...] = ()
    note: str = ""


def compare(market: Marketplace, routes: Sequence[Route], started: datetime) -> Comparison:
    """Each listing's quantity as it was last accepted against what is shown; None is shown of a SKU that is absent.

    What is being sent, or was sent since `started`, is left out.
    """
    try:
        read = market.quantities()
    except IntegrationError as exc:
        return Comparison(note=f"Quantities are not compared: {exc}")
    if read is None:
        return Comparison()
    listings = Listing.objects.filter(route__in=routes, published_quantity__isnull=False, published_at__lt=started)
    settled = listings.exclude(publications__status__in=OPEN).select_related("route").order_by("route", "published_sku")
    shown = by_place(read)
    rows = [_drift(one, shown) for one in settled]
    drifted = [row for row in rows if row]
    note = f"{len(drifted)} SKUs show another quantity; the first {MOST_KEPT} are kept."
    return Comparison(len(rows), tuple(drifted[:MOST_KEPT]), note if len(drifted) > MOST_KEPT else "")


def by_place(read: Sequence[ListedQuantity]) -> Shown:
    return {(one.sku, one.warehouse_name): one.quantity for one in read}


def quantity_at(shown: Shown, sku: str, place: str) -> int | None:
    """What is shown of a SKU at a warehouse name, or of the whole where it is not told by name; None: no such SKU."""
    return shown.get((sku, place), shown.get((sku, "")))


def _drift(listing: Listing, shown: Shown) -> dict[str, Any] | None:
    sku, place = listing.published_sku, listing.route.marketplace_warehouse_name
    quantity = quantity_at(shown, sku, place)
    if quantity == listing.published_quantity:
        return None
    return {"sku": sku, "warehouse_name": place, "published": listing.published_quantity, "shown": quantity}
