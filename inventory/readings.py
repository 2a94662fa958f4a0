"""How whole and how fresh our figures of a warehouse's stock are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.wording import moment
from inventory.models import InventoryLevel, Listing, SkuAlias, StockReading, StockSweep, WarehouseItem

FEWEST_MISSING = 3  # fewer items than this come and go
SWEEP_GOES_ON_FOR = timedelta(hours=1)  # then its first pages are too old, and it starts anew


def close(sweep: StockSweep, locations: Collection[str]) -> str:
    """Note that a reading came to its end; what it lacked in words, empty if it covered what it had to.

    It has to cover more than half of what the last complete one did and we still know, else of the items that we know.
    Only its own pages count, not what was read in between.
    """
    connection, covered = sweep.connection, sweep.items
    last = StockReading.objects.filter(connection=connection, began_at__isnull=False).first()
    expected = _covered_by(last, locations) if last else _known(connection).filter(stock_managed=True).count()
    if covered * 2 <= expected and expected - covered >= FEWEST_MISSING:
        text = f"the reading covered {covered} items where {expected} were expected"
        note_partial(connection, text)
        return text
    whole = {
        "began_at": sweep.started_at, "ended_at": timezone.now(), "items": covered, "calls": sweep.next_page - 1,
    }  # fmt: skip
    StockReading.objects.update_or_create(
        connection=connection, defaults={**whole, "partial_at": None, "partial_reason": ""}
    )
    return ""


def note_partial(connection: Connection, reason: str) -> None:
    """A reading ended before it was complete: what it brought is stored, and changes that rest on it are guarded."""
    values = {"partial_at": timezone.now(), "partial_reason": reason}
    StockReading.objects.update_or_create(connection=connection, defaults=values)


def doubt(route: Route) -> str:
    """Why the stock that this route's quantities rest on is not to be believed; empty if it is."""
    return doubt_about(route, StockReading.objects.filter(connection=route.warehouse_id).first())


def doubt_about(route: Route, last: StockReading | None) -> str:
    """The same of a reading that is at hand; None: there was none."""
    if last is None or last.began_at is None:
        return f"the stock of {route.warehouse} was never read completely"
    if last.partial_reason:
        return f"the last reading of the stock of {route.warehouse} was not complete: {last.partial_reason}"
    if last.began_at < timezone.now() - timedelta(hours=route.stale_after_hours):
        return f"the stock of {route.warehouse} was last read completely at {moment(last.began_at)}"
    return ""


def to_go_on_with(connection: Connection) -> StockSweep | None:
    """The reading that was broken off not long ago, if its pages are as they were; None: the next one starts anew."""
    since = timezone.now() - SWEEP_GOES_ON_FOR
    sweep = StockSweep.objects.filter(connection=connection, started_at__gt=since).first()
    return sweep if sweep and sweep.options == connection.options else None


def under_way_since(connection_id: int) -> datetime | None:
    """When the reading began that has not reached the last page yet."""
    return StockSweep.objects.filter(connection=connection_id).values_list("started_at", flat=True).first()


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of one warehouse: its last complete reading, the oldest figure in use, and how many items that one missed."""

    connection: Connection
    reading: StockReading | None
    oldest_figure_at: datetime | None
    stale_items: int

    @property
    def oldest_figure_seconds(self) -> int | None:
        """Its age."""
        at = self.oldest_figure_at
        return max(int((timezone.now() - at).total_seconds()), 0) if at else None


def freshness() -> Iterator[Freshness]:
    """One for each warehouse that a route leads to which is not paused."""
    routes = Route.objects.exclude(state=Route.State.PAUSED)
    for connection in Connection.objects.filter(warehouse_routes__in=routes).distinct():
        reading = StockReading.objects.filter(connection=connection).first()
        places = {place for route in routes.filter(warehouse=connection) for place in route.places}
        complete_since = reading.began_at if reading and reading.began_at else timezone.now()
        found = _levels(connection, places).aggregate(
            oldest=Min("observed_at"),
            stale=Count("item_id", distinct=True, filter=Q(observed_at__lt=complete_since)),
        )  # fmt: skip
        yield Freshness(connection, reading, found["oldest"], found["stale"])


def oldest_figure(connection: Connection, places: Collection[str]) -> datetime | None:
    """When the oldest figure in use was seen."""
    at: datetime | None = _levels(connection, places).aggregate(oldest=Min("observed_at"))["oldest"]
    return at


def missing_since(connection: Connection, places: Collection[str], since: datetime) -> list[str]:
    """Known items whose stock is tracked and was not seen since."""
    return list(_missing(connection, places, since).values_list("remote_id", flat=True))


def not_counted_since(connection: Connection, places: Collection[str], since: datetime) -> dict[str, str]:
    """Of those, with their SKUs, the ones that have a figure from before on which listings rest.

    Only whose SKU the warehouse said since that it carries, which it is asked once an hour.
    """
    before = InventoryLevel.objects.filter(connection=connection, item_id=OuterRef("remote_id"), location_id__in=places)
    aliases = SkuAlias.objects.filter(
        connection__routes__warehouse=connection, warehouse_sku=OuterRef("sku"), is_active=True
    )
    listings = Listing.objects.filter(route__warehouse=connection, marketplace_sku=OuterRef("sku"), is_active=True)
    rows = _missing(connection, places, since).filter(Exists(before), checked_at__gte=since)
    return dict(rows.filter(Exists(aliases) | Exists(listings)).values_list("remote_id", "sku"))


def _missing(connection: Connection, places: Collection[str], since: datetime) -> QuerySet[WarehouseItem]:
    seen = InventoryLevel.objects.filter(
        connection=connection, item_id=OuterRef("remote_id"), location_id__in=places, observed_at__gte=since
    )
    return _known(connection).filter(~Exists(seen), stock_managed=True)


def _covered_by(last: StockReading, locations: Collection[str]) -> int:
    """How many known items have a figure of the last complete reading, or newer."""
    found = _levels(last.connection, locations).filter(observed_at__gte=last.began_at)
    return int(found.aggregate(items=Count("item_id", distinct=True))["items"])


def _levels(connection: Connection, locations: Collection[str]) -> QuerySet[InventoryLevel]:
    known = _known(connection).filter(remote_id=OuterRef("item_id"))
    return InventoryLevel.objects.filter(Exists(known), connection=connection, location_id__in=locations)


def _known(connection: Connection) -> QuerySet[WarehouseItem]:
    return WarehouseItem.objects.filter(connection=connection, matches=1)
