"""Keep the quantities on the marketplace right: only what changed is sent, absolute, newest observation last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from integrations.errors import Misconfigured, Refused, Unavailable
from integrations.models import Route, pause_after
from integrations.ports import ListedQuantity, Marketplace
from integrations.runs import Run
from inventory import listings
from inventory.aliases import Resolution, Resolver
from inventory.availability import Offer, Part, Rules, offer
from inventory.levels import wanted
from inventory.models import InventoryLevel, Listing, Publication, WarehouseItem

T = Publication.Status
OPEN = (T.PENDING, T.IN_FLIGHT, T.UNCONFIRMED)

# (warehouse connection id, warehouse item ids by observation) → units not yet in the warehouse's own figures
Pending = Callable[[int, dict[str, "InventoryLevel"]], dict[str, int]]


def publish(run: Run, routes: Sequence[Route], pending: Pending) -> None:
    """Decide every listing of these routes, then send what differs from what was last accepted."""
    listings.learn_from_aliases(run.connection)
    for route in routes:
        run.count("changed", decide(route, pending))
    open_ones = Publication.objects.filter(listing__route__in=routes, status__in=OPEN)
    # Only this job sends, and it runs once at a time: what is in flight was left by a dead run. Quantities are
    # absolute, so they are sent again as they are now.
    open_ones.exclude(status=T.PENDING).update(status=T.PENDING, not_before=None)
    ready = open_ones.exclude(not_before__gt=timezone.now()).order_by("created_at", "pk")
    due = list(ready.select_related("listing__route"))
    if due:
        market = run.marketplace()
        for start in range(0, len(due), market.publish_batch_size):
            run.beat()
            _send(run, market, due[start : start + market.publish_batch_size])


def decide(route: Route, pending: Pending) -> int:
    """Write down what must be told for each listing of a route; how many that is."""
    rows = list(route.listings.filter(is_active=True).order_by("pk"))
    if not rows or not route.location_id:
        return 0
    resolver = Resolver(route, [wanted(row) for row in rows])
    found = {row.pk: resolver.resolve(wanted(row)) for row in rows}
    desk = _Desk(route, [one for one in found.values() if one.is_known], pending)
    named: set[str] = set()
    changed = 0
    for row in rows:
        sku = listings.published_name(row, route)
        decided = desk.offer(row, found[row.pk])
        if decided is None or sku in named:
            continue
        named.add(sku)
        changed += _intend(route, row, sku, *decided)
    return changed


class _Desk:
    """The figures of one route's items, loaded once."""

    def __init__(self, route: Route, resolutions: Sequence[Resolution], pending: Pending) -> None:
        self._route = route
        ids = {part.item_id for one in resolutions for part in one.components}
        self._items = {
            item.remote_id: item
            for item in WarehouseItem.objects.filter(connection_id=route.warehouse_id, remote_id__in=ids)
        }
        self._levels = {
            level.item_id: level
            for level in InventoryLevel.objects.filter(
                connection_id=route.warehouse_id, location_id=route.location_id, item_id__in=ids
            )
        }
        self._pending = pending(route.warehouse_id, self._levels)

    def offer(self, listing: Listing, resolution: Resolution) -> tuple[Offer, object] | None:
        """The offer and the time of its oldest figure; None while a figure is missing or the SKU is unknown."""
        if not resolution.is_known:
            return None
        levels = [self._levels.get(part.item_id) for part in resolution.components]
        if any(level is None for level in levels):
            return None
        parts = [
            Part(
                sku=part.sku,
                units=part.units,
                available=self._available(part.item_id),
                pending=self._pending.get(part.item_id, 0),
                max_online=self._items[part.item_id].max_online,
            )
            for part in resolution.components
        ]
        decided = offer(parts, self._rules(listing))
        oldest = min(level.observed_at for level in levels if level is not None)
        return (decided, oldest) if decided.quantity is not None else None

    def _available(self, item_id: str) -> Decimal | None:
        return self._levels[item_id].available if self._items[item_id].stock_managed else None

    def _rules(self, listing: Listing) -> Rules:
        route = self._route
        return Rules(
            reserve=route.reserve if listing.reserve is None else listing.reserve,
            minimum_level=route.minimum_level,
            max_online=route.max_online,
            untracked_quantity=route.untracked_quantity,
        )


def _intend(route: Route, listing: Listing, sku: str, decided: Offer, observed_at: object) -> int:
    """Open a publication, or bring the open one up to date, when the marketplace does not show this already."""
    quantity, now = decided.quantity or 0, timezone.now()
    refresh_after = now - timedelta(hours=route.full_publish_hours)
    open_one = Publication.objects.filter(listing=listing, status__in=OPEN).first()
    values = {"sku": sku, "quantity": quantity, "observed_at": observed_at, "explanation": decided.explanation}
    if open_one is not None:
        Publication.objects.filter(pk=open_one.pk).update(**values)
        return 1
    same = listing.published_sku == sku and listing.published_quantity == quantity
    if same and listing.published_at is not None and listing.published_at > refresh_after:
        return 0
    refused = listing.publications.filter(status=T.PARKED, sku=sku, quantity=quantity, finished_at__gt=refresh_after)
    if refused.exists():
        return 0
    Publication.objects.create(listing=listing, **values)
    return 1


def _send(run: Run, market: Marketplace, batch: Sequence[Publication]) -> None:
    mine = Publication.objects.filter(pk__in=[row.pk for row in batch])
    now = timezone.now()
    mine.update(status=T.IN_FLIGHT, claimed_at=now, sent_at=now)
    try:
        market.publish([_listed(row) for row in batch])
    except Refused as exc:
        mine.update(status=T.PARKED, finished_at=timezone.now(), last_error=str(exc)[:4000])
        run.problem(f"{len(batch)} quantities, first SKU {batch[0].sku}: {exc}")
        return
    except Misconfigured:
        mine.update(status=T.PENDING)
        raise
    except Unavailable as exc:
        wait = max(exc.retry_after or timedelta(0), pause_after(1))
        mine.update(status=T.PENDING, not_before=now + wait, last_error=str(exc)[:4000])
        raise
    _accept(batch)
    run.count("published", len(batch))


def _listed(row: Publication) -> ListedQuantity:
    listing = row.listing
    return ListedQuantity(
        sku=row.sku,
        warehouse_name=listing.route.marketplace_warehouse_name,
        quantity=row.quantity,
        partner_sku=listing.partner_sku,
        option_sku=listing.option_sku,
        upc=listing.upc,
    )


@transaction.atomic
def _accept(batch: Sequence[Publication]) -> None:
    now = timezone.now()
    Publication.objects.filter(pk__in=[row.pk for row in batch]).update(
        status=T.ACCEPTED, finished_at=now, not_before=None, last_error=""
    )
    for row in batch:
        listing = row.listing
        listing.published_sku, listing.published_quantity = row.sku, row.quantity
        listing.published_at, listing.observed_at, listing.explanation = now, row.observed_at, row.explanation
    Listing.objects.bulk_update(
        [row.listing for row in batch],
        ["published_sku", "published_quantity", "published_at", "observed_at", "explanation"],
        batch_size=200,
    )
