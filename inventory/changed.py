"""Which listings of a route are to be decided: all of them, or only those that something changed for since last time.

That is a shortcut for large routes and never the truth: small ones are decided as a whole each time, and so are large
ones every hour, and whenever what was changed cannot be told. What changes without leaving a newer `changed_at` (a row
that is deleted, an alias that is given another marketplace SKU, a file of aliases) is counted or says so by `forget`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from integrations.models import Connection, Route
from inventory import listings, outbox
from inventory.bundled import BundleComponent
from inventory.decided import RouteDecision
from inventory.decisions import Pending
from inventory.models import GuardedPublish, GuardedQuantity, InventoryLevel, Publication, SkuAlias, WarehouseItem
from inventory.on_their_way import Units
from inventory.rules import InventoryRule

AT_ONCE = 1_000  # names in a query
SMALL = 1_000  # listings: to decide them all costs less than to find out which changed
MOST_CHANGED = 5_000
FULL_EVERY = timedelta(hours=1)
# A row is committed a little after the time that it carries.
COMMITTED_WITHIN = timedelta(seconds=15)
PLACE_CHARS = 15
ANEW = datetime(1970, 1, 1, tzinfo=UTC)
SETTINGS = ("reserve", "minimum_level", "max_online", "untracked_quantity", "published_sku", "allow_identity",
            "marketplace_id", "warehouse_id", "full_publish_hours")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """What is decided this time: listings by the SKU that they are shown under, all or those that may have changed."""

    at: datetime
    on_their_way: Units
    names: Mapping[str, list[int]]
    is_full: bool
    settings: str
    counts: dict[str, list[int]]
    full_at: datetime | None


def scope(route: Route, pending: Pending, live: Iterable[int]) -> Scope:
    """`live` are the listings with a publication that was not accepted yet: each run decides them again."""
    at = timezone.now()
    on_their_way = pending(route)
    last, settings = RouteDecision.objects.filter(route=route).first(), _settings(route)
    if last is not None and _is_shown_elsewhere(last, settings):
        _show_again(route, at)
    if route.listings.count() <= SMALL:
        return Scope(at, on_their_way, listings.names_of(route), True, settings, {}, None)
    counts, names = _counts(route), None
    if last is not None and last.settings == settings:
        names = _since(route, last, at, on_their_way, counts, set(live))
    full_at = last.full_at if last else None
    if names is None:
        return Scope(at, on_their_way, listings.names_of(route), True, settings, counts, full_at)
    return Scope(at, on_their_way, names, False, settings, counts, full_at)


def whole(route: Route, made: Scope) -> Scope:
    """The same for all listings of the route."""
    return Scope(
        made.at, made.on_their_way, listings.names_of(route), True, made.settings, made.counts, made.full_at
    )  # fmt: skip


def note(route: Route, made: Scope) -> None:
    """Remember what was decided, in the transaction that writes down what came of it; of a small route, where only."""
    pending = _totals(made.on_their_way) if made.counts else {}
    values = {"decided_until": made.at, "settings": made.settings, "counts": made.counts, "pending": pending}
    mine = RouteDecision.objects.filter(route=route)
    if not mine.update(**values):
        RouteDecision.objects.create(route=route, full_at=made.at, **values)
    elif made.is_full and made.full_at is not None:  # unless somebody asked for a new one meanwhile
        mine.filter(full_at=made.full_at).update(full_at=made.at)


def forget(marketplace: Connection) -> None:
    """Have all listings of its routes decided anew: what was changed cannot be told from the rows."""
    RouteDecision.objects.filter(route__marketplace=marketplace).update(full_at=ANEW)


def _since(
    route: Route, last: RouteDecision, at: datetime, on_their_way: Units, counts: dict[str, list[int]], live: set[int]
) -> dict[str, list[int]] | None:
    """None: whatever changed, it is more than can be told, or the whole is due."""
    if max(last.decided_until, last.full_at) > at:
        return None  # the clock was set back, and what changed since carries an earlier time
    since = last.decided_until - COMMITTED_WITHIN
    if last.full_at < at - FULL_EVERY or _has_deleted(route, last, counts) or _is_route_ruled_anew(route, since, at):
        return None
    totals = _totals(on_their_way)
    moved = {item for item in totals.keys() | last.pending.keys() if totals.get(item) != last.pending.get(item)}
    names = _names(route, since, moved)
    if names is None:
        return None
    pks = live | _touched(route, since, at)
    return None if len(pks) > MOST_CHANGED else _with_twins(route, names, pks)


def _totals(on_their_way: Units) -> dict[str, int]:
    return {item: total for item, orders in on_their_way.items() if (total := sum(orders.values()))}


def _settings(route: Route) -> str:
    """Fingerprints of the place where its quantities are shown, and of what else makes them."""
    facts = [*(str(getattr(route, name)) for name in SETTINGS), sorted(route.places.items())]
    shown_at = _digest([route.marketplace_id, route.marketplace_warehouse_name])[:PLACE_CHARS]
    return f"{shown_at}:{_digest(facts)[: 63 - PLACE_CHARS]}"


def _digest(facts: list[Any]) -> str:
    return sha256(repr(facts).encode()).hexdigest()


def _is_shown_elsewhere(last: RouteDecision, settings: str) -> bool:
    """Whether the route leads from another marketplace, or warehouse name, than when it was decided last."""
    place, is_told, _ = last.settings.partition(":")  # one of an older release does not tell it
    return bool(is_told) and place != settings[:PLACE_CHARS]


def _show_again(route: Route, at: datetime) -> None:
    """What was shown at another place is not shown at this one, and what that place refused this one may take."""
    route.listings.filter(published_at__isnull=False).update(publish_asked_at=at, changed_at=at)
    parked = Publication.objects.filter(listing__route=route, status=Publication.Status.PARKED)
    parked.update(times_parked=0, finished_at=at - outbox.LONGEST_PAUSE)


def _counts(route: Route) -> dict[str, list[int]]:
    """How many rows there are of each kind, and the newest's id."""
    found = {}
    for kind, rows in _kinds(route).items():
        told = rows.aggregate(number=Count("pk"), newest=Max("pk"))
        found[kind] = [told["number"], told["newest"] or 0]
    return found


def _kinds(route: Route) -> dict[str, QuerySet[Any]]:
    aliases = SkuAlias.objects.filter(connection=route.marketplace_id)
    return {"aliases": aliases, "listings": route.listings.all(), "rules": route.inventory_rules.all()}


def _has_deleted(route: Route, last: RouteDecision, counts: dict[str, list[int]]) -> bool:
    """Whether there are fewer rows of a kind than there were, together with those that are new."""
    for kind, rows in _kinds(route).items():
        number, newest = last.counts.get(kind, (-1, 0))
        if counts[kind] != [number, newest] and counts[kind][0] != number + rows.filter(pk__gt=newest).count():
            return True
    return False


def _is_route_ruled_anew(route: Route, since: datetime, at: datetime) -> bool:
    return _rules(route, since, at).filter(listing=None).exists()


def _rules(route: Route, since: datetime, at: datetime) -> QuerySet[InventoryRule]:
    """Rules that were changed, began or ended."""
    began, ended = Q(starts_at__gt=since, starts_at__lte=at), Q(ends_at__gt=since, ends_at__lte=at)
    return InventoryRule.objects.filter(Q(changed_at__gt=since) | began | ended, route=route)


def _names(route: Route, since: datetime, moved: set[str]) -> set[str] | None:
    """What listings go by whose stock, aliases or orders changed."""
    levels = InventoryLevel.objects.filter(
        connection=route.warehouse_id, changed_at__gt=since, location_id__in=route.places
    )
    items = moved | set(levels.values_list("item_id", flat=True)[: MOST_CHANGED + 1])
    carried = WarehouseItem.objects.filter(connection=route.warehouse_id)
    aliases = SkuAlias.objects.filter(connection=route.marketplace_id)
    skus = set(carried.filter(changed_at__gt=since).values_list("sku", flat=True)[: MOST_CHANGED + 1])
    parts = BundleComponent.objects.filter(connection=route.warehouse_id).values_list("bundle_id", "item_id", "sku")
    items |= {bundle for bundle, item, sku in parts if item in items or sku in skus}
    names = set(aliases.filter(changed_at__gt=since).values_list("marketplace_sku", flat=True)[: MOST_CHANGED + 1])
    if max(len(items), len(skus), len(names)) > MOST_CHANGED:
        return None
    skus |= set(carried.filter(remote_id__in=items).values_list("sku", flat=True))
    names |= skus | set(aliases.filter(warehouse_sku__in=skus).values_list("marketplace_sku", flat=True))
    return names if len(names) <= MOST_CHANGED else None


def _touched(route: Route, since: datetime, at: datetime) -> set[int]:
    """Listings that were changed themselves, are ruled anew, are guarded, or are due to be shown again."""
    again = at - timedelta(hours=route.full_publish_hours)
    mine = route.listings.filter(Q(changed_at__gt=since) | Q(published_at__lte=again, published_quantity__isnull=False))
    open_ones = Q(state__in=(GuardedPublish.State.WAITING, GuardedPublish.State.RELEASED))
    guarded = GuardedPublish.objects.filter(open_ones | Q(decided_at__gt=since), route=route)
    return {
        *mine.values_list("pk", flat=True)[: MOST_CHANGED + 1],
        *_rules(route, since, at).exclude(listing=None).values_list("listing", flat=True)[: MOST_CHANGED + 1],
        *GuardedQuantity.objects.filter(guarded__in=guarded).values_list("listing", flat=True)[: MOST_CHANGED + 1],
    }


def _with_twins(route: Route, names: set[str], pks: set[int]) -> dict[str, list[int]]:
    """These listings, and whatever else is shown under a SKU that one of them goes by or went by."""
    said = set(_known_as(route, "pk", pks)) | set(_known_as(route, "names", names))
    named: dict[str, list[int]] = {}
    for some in _chunks(said):
        for name, mine in listings.names_of(route, listings.by_names(some)).items():
            if name in said:  # else others of that name may be missing
                named[name] = sorted({*named.get(name, ()), *mine})
    return named


def _known_as(route: Route, how: str, wanted: Collection[Any]) -> Iterator[str]:
    """Every SKU that the listings with these ids, or names, go by or were shown under."""
    for some in _chunks(wanted):
        rows = route.listings.filter(Q(pk__in=some) if how == "pk" else listings.by_names(some))
        for row in rows.values_list(*listings.NAMES, "published_sku"):
            yield from filter(None, row)


def _chunks(wanted: Collection[Any]) -> Iterator[list[Any]]:
    left = list(wanted)
    for start in range(0, len(left), AT_ONCE):
        yield left[start : start + AT_ONCE]
