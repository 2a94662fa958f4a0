"""What the marketplace shows against what it was told, where it can be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrations.models import Route
from integrations.ports import ListedQuantity
from inventory import drift, listings
from inventory.drift import Sent
from inventory.models import Listing, Publication

Shown = Mapping[tuple[str, str], int]  # by SKU and warehouse name


@dataclass(frozen=True, slots=True)
class Differing:
    """A listing, by its id, that shows another quantity than it was told; None: the marketplace has no such SKU."""

    listing: int
    sku: str
    place: str
    sent: Sent
    shown: int | None


def by_name(read: Sequence[ListedQuantity]) -> Shown:
    return {(one.sku, one.warehouse_name): one.quantity for one in read}


def compare(routes: Sequence[Route], shown: Shown, read_at: datetime) -> tuple[list[Differing], int]:
    """What differs of the listings with nothing under way, and how many were compared.

    What was published since `read_at` is left out.
    """
    compared, differing = 0, []
    for route in routes:
        refused, spoken_for, place = _refused(route), _spoken_for(route), route.marketplace_warehouse_name
        for listing in _settled(route, read_at):
            sku = listing.published_sku or listings.published_name(listing, route)
            if not listing.published_sku and sku in spoken_for:
                continue
            compared += 1
            one = Differing(
                listing.pk, sku, place, Sent(listing.published_quantity, refused.get(listing.pk)),
                quantity_at(shown, sku, place),
            )  # fmt: skip
            if drift.differs(one.sent, one.shown):
                differing.append(one)
    return differing, compared


def quantity_at(shown: Shown, sku: str, place: str) -> int | None:
    """What is shown of a SKU at a warehouse name, or of the whole where it is not told by name; None: no such SKU."""
    return shown.get((sku, place), shown.get((sku, "")))


def _settled(route: Route, read_at: datetime) -> Iterator[Listing]:
    rows = route.listings.filter(is_active=True).exclude(published_at__gte=read_at)
    busy = Publication.objects.filter(listing__route=route, status__in=Publication.OPEN)
    named = rows.exclude(pk__in=busy.values("listing")).only(
        "marketplace_sku", "partner_sku", "option_sku", "published_sku", "published_quantity"
    )
    return named.order_by("pk").iterator(chunk_size=2000)


def _spoken_for(route: Route) -> set[str]:
    """SKUs that another listing was published under."""
    return set(route.listings.exclude(published_sku="").values_list("published_sku", flat=True).iterator())


def _refused(route: Route) -> dict[int, int]:
    """By listing, the quantity that was not taken."""
    parked = Publication.objects.filter(listing__route=route, status=Publication.Status.PARKED).order_by("pk")
    return dict(parked.values_list("listing", "quantity"))
