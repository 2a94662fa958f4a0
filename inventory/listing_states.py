"""What may be the matter with listings: one condition each, for the list's filter and the start page alike.

Each asks small tables or an index, never a join over all listings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.utils import timezone

from integrations.models import Route
from inventory import readings
from inventory.checked import DriftedListing, InventoryCheck
from inventory.models import GuardedPublish, GuardedQuantity, Listing, Publication

GRACE = timedelta(hours=1)  # a full publish takes some time


@dataclass(frozen=True, slots=True)
class ListingState:
    """A name for people, what it means, and the condition of the listings that are in it."""

    title: str
    means: str
    condition: Callable[[], Q]


def stale() -> Q:
    """Of routes that are not paused: not published again in time, or resting on stock that is not to be believed.

    What is not published on purpose is not to be published again.
    """
    found = Q(pk__in=())
    for route in Route.objects.exclude(state=Route.State.PAUSED).select_related("warehouse__stock_reading"):
        mine = Q(route=route, is_active=True, not_published="", published_at__isnull=False)
        if not readings.doubt_about(route, getattr(route.warehouse, "stock_reading", None)):
            mine &= Q(published_at__lt=timezone.now() - timedelta(hours=route.full_publish_hours) - GRACE)
        found |= mine
    return found


def refused() -> Q:
    parked = Publication.objects.filter(status=Publication.Status.PARKED)
    return Q(is_active=True, pk__in=parked.values("listing"))


def drifted() -> Q:
    return Q(pk__in=open_drifts().values("listing"))


def open_drifts() -> QuerySet[DriftedListing]:
    """Of each marketplace's last check that could read; what was published since is no longer known to drift."""
    read = InventoryCheck.objects.filter(finished_at__isnull=False, compared__isnull=False).order_by()
    last = read.values("connection").annotate(last=Max("pk")).values("last")
    since = Q(listing__published_at=None) | Q(listing__published_at__lt=F("inventory_check__read_at"))
    return DriftedListing.objects.filter(since, inventory_check__in=last)


def guarded() -> Q:
    waiting = GuardedQuantity.objects.filter(guarded__state=GuardedPublish.State.WAITING)
    return Q(pk__in=waiting.values("listing"))


def never_published() -> Q:
    """A twin that another listing speaks for is not one of them, nor what is not published on purpose."""
    return Q(is_active=True, not_published="", published_at=None) & ~Q(explanation__has_key="shown_by")


def not_published() -> Q:
    return Q(is_active=True) & ~Q(not_published="")


def with_problem() -> Q:
    return Q(is_active=True) & ~Q(problem="")


STATES = {
    "stale": ListingState("Stale", "not shown again in time, or on stock that is stale or partial", stale),
    "refused": ListingState("Refused", "the marketplace does not take the quantity", refused),
    "drifted": ListingState("Drifted", "the marketplace shows another quantity than it was told", drifted),
    "guarded": ListingState("Guarded", "a change waits for a person", guarded),
    "never": ListingState("Never published", "the marketplace was never told a quantity", never_published),
    "silent": ListingState(
        "Not published on purpose", "a rule says so, or its stock is not tracked; what is shown stays", not_published
    ),
    "problem": ListingState("With problem", "it is not known what it is in the warehouse", with_problem),
}


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of the listings that are switched on, on routes that are not paused: how many show a quantity, and since when.

    What is not published on purpose is not counted among the `oldest_at`, which tells how far publishing lags behind.
    `states` are those of STATES that some listing is in, with their number.
    """

    listings: int
    published: int
    oldest_at: datetime | None
    newest_at: datetime | None
    states: tuple[tuple[str, ListingState, int], ...]

    @property
    def share(self) -> int:
        """In per cent, and 100 only when none is missing."""
        return self.published * 100 // self.listings if self.listings else 100


def coverage() -> Coverage:
    """One reading of the listings."""
    counts = {name: Count("pk", filter=one.condition()) for name, one in STATES.items()}
    mine = Q(is_active=True) & ~Q(route__state=Route.State.PAUSED)
    shown, wanted = mine & Q(published_at__isnull=False), mine & Q(not_published="")
    found = Listing.objects.aggregate(
        listings=Count("pk", filter=mine), published=Count("pk", filter=shown),
        oldest=Min("published_at", filter=wanted), newest=Max("published_at", filter=mine), **counts,
    )  # fmt: skip
    states = tuple((name, one, found[name]) for name, one in STATES.items() if found[name])
    return Coverage(found["listings"], found["published"], found["oldest"], found["newest"], states)
