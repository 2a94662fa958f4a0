"""Quantities whose answer got lost before their listings fell silent: a reading of what is shown tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from integrations.models import Route
from inventory import listings
from inventory.models import Listing, Publication
from inventory.outbox import GIVEN_UP
from inventory.shown import Shown, quantity_at

T = Publication.Status
NOT_ARRIVED = "It has not arrived, as was read back later; the listing was not to be published any more."


@transaction.atomic
def settle(routes: Sequence[Route], shown: Shown, read_at: datetime) -> None:
    """What was sent and is shown has arrived; where what was shown before is, it has not. Any other is left."""
    newer = Q(listing__published_at=None) | Q(listing__published_at__lt=F("sent_at"))
    lost = Publication.objects.filter(newer, GIVEN_UP, listing__route__in=routes, finished_at__lt=read_at)
    lost = lost.exclude(listing__not_published="")
    listings.lock(lost.values_list("listing", flat=True))
    for row in lost.select_related("listing__route").order_by("pk"):
        _settle(row, shown)


def _settle(row: Publication, shown: Shown) -> None:
    listing = row.listing
    quantity = quantity_at(shown, row.sku, listing.route.marketplace_warehouse_name)
    if quantity is None:
        return
    mine = Publication.objects.filter(pk=row.pk)
    if quantity == row.quantity:
        mine.update(status=T.ACCEPTED, last_error="")
        Listing.objects.filter(pk=listing.pk).update(
            published_sku=row.sku, published_quantity=row.quantity, published_at=row.sent_at,
            observed_at=row.observed_at, explanation=row.explanation,
        )  # fmt: skip
    elif (row.sku, quantity) == (listing.published_sku, listing.published_quantity):
        mine.update(last_error=NOT_ARRIVED)
