"""What the marketplace shows against what was published, where it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from integrations.errors import IntegrationError
from integrations.models import Route
from integrations.ports import ListedQuantity, Marketplace
from inventory.models import Listing
from inventory.outbox import OPEN

MOST_KEPT = 1000


def compare(market: Marketplace, routes: Sequence[Route], started: datetime) -> tuple[list[dict[str, Any]], str]:
    """SKUs whose quantity is not the one that was last accepted, at most 1,000; and a note where nothing could be read.

    What is being sent, or was sent since `started`, is left out.
    """
    try:
        read = market.quantities()
    except IntegrationError as exc:
        return [], f"Quantities are not compared: {exc}"
    if read is None:
        return [], ""
    listings = Listing.objects.filter(route__in=routes, published_quantity__isnull=False, published_at__lt=started)
    settled = listings.exclude(publications__status__in=OPEN).select_related("route").order_by("route", "published_sku")
    shown = _by_place(read)
    drifted = [row for row in (_drift(one, shown) for one in settled) if row]
    note = f"{len(drifted)} SKUs show another quantity than was published" if len(drifted) > MOST_KEPT else ""
    return drifted[:MOST_KEPT], note


def _by_place(read: Sequence[ListedQuantity]) -> dict[tuple[str, str], int]:
    return {(one.sku, one.warehouse_name): one.quantity for one in read}


def _drift(listing: Listing, shown: dict[tuple[str, str], int]) -> dict[str, Any] | None:
    sku, place = listing.published_sku, listing.route.marketplace_warehouse_name
    quantity = shown.get((sku, place), shown.get((sku, "")))
    if quantity == listing.published_quantity:
        return None
    return {"sku": sku, "warehouse_name": place, "published": listing.published_quantity, "shown": quantity}
