"""The decisions of one route that something has to be done about, and what the marketplace shows of the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q
from django.utils import timezone

from integrations.models import Route
from inventory.decisions import Decision
from inventory.guard import Shown
from inventory.models import Listing

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Gathered:
    """`kept` are the decisions that change something, or whose publication is open; the others are only counted.

    `shown` counts the quantities that are shown on the route, and `read` those among them whose figures came since
    `since`, when the reading of the stock began that is under way; None: none is.
    """

    kept: list[Decision]
    shown: Shown
    read: Shown
    since: datetime | None

    def without(self, admitted: Iterable[Decision]) -> list[Decision]:
        """Those kept that were not admitted."""
        free = {one.listing.pk for one in admitted}
        return [one for one in self.kept if one.listing.pk not in free]


@dataclass(frozen=True, slots=True)
class Memory:
    """How far our word for what the marketplace shows is good: not for long, nor from before a lost database worked.

    That one may have shown something else since, from newer figures: it is sent again once the stock was read anew.
    """

    began: datetime
    dark_until: datetime

    @classmethod
    def of(cls, route: Route) -> Memory:
        began = timezone.now() - timedelta(hours=route.full_publish_hours)
        return cls(began, route.marketplace.dark_until or NEVER)

    def is_shown(self, one: Decision) -> bool:
        """Whether the marketplace took exactly this, not too long ago, and since a person last asked for it."""
        listing = one.listing
        if listing.published_at is None or (listing.publish_asked_at or NEVER) > listing.published_at:
            return False
        same = (listing.published_sku, listing.published_quantity) == (one.sku, one.quantity)
        is_forgotten = listing.published_at < self.dark_until <= one.observed_at
        return same and listing.published_at > self.began and not is_forgotten


def gather(
    route: Route, decisions: Iterable[Decision], live: Collection[int], since: datetime | None
) -> Gathered:  # fmt: skip
    """`live` are the listings with a publication that was not accepted yet."""
    memory = Memory.of(route)
    kept, shown, read = [], _Count(), _Count()
    for one in decisions:
        before = shown_before(one)
        shown.add(before)
        if since is not None and one.observed_at >= since:
            read.add(before)
        if _matters(one, live, memory):
            kept.append(one)
    return Gathered(kept, shown.as_shown(), read.as_shown(), since)


def shown_on(route: Route) -> Shown:
    """The same count as a whole decision would give, but for what is decided of a problem or a twin just now."""
    found = route.listings.filter(is_active=True, published_quantity__isnull=False).aggregate(
        all=Count("pk"), in_stock=Count("pk", filter=Q(published_quantity__gt=0))
    )
    return Shown(found["all"], found["in_stock"])


def shown_before(one: Decision) -> int | None:
    """What the marketplace shows under the decision's SKU, whichever of its listings it was published for."""
    return shown_row(one).published_quantity


def shown_row(one: Decision) -> Listing:
    """The listing that it was published for."""
    if not one.twins:
        return one.listing
    same = [row for row in (one.listing, *one.twins) if row.published_sku == one.sku and row.published_at]
    return max(same, key=lambda row: row.published_at or NEVER, default=one.listing)


def _matters(one: Decision, live: Collection[int], memory: Memory) -> bool:
    listing = one.listing
    if one.twins or listing.problem != one.problem or listing.pk in live:
        return True
    if (listing.not_published, listing.not_published_by) != (one.not_published, one.not_published_by):
        return True
    return one.quantity is not None and not memory.is_shown(one)


class _Count:
    def __init__(self) -> None:
        self._listings = self._in_stock = 0

    def add(self, quantity: int | None) -> None:
        self._listings += quantity is not None
        self._in_stock += bool(quantity)

    def as_shown(self) -> Shown:
        return Shown(self._listings, self._in_stock)
