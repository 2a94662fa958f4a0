"""Which marketplace SKUs we publish quantities for: those with an alias, those seen on an order, or every item's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations.models import Connection, Route
from inventory.aliases import Wanted
from inventory.catalogued import Origin
from inventory.models import Listing, Publication, SkuAlias, WarehouseItem

NAMES = ("marketplace_sku", "partner_sku", "option_sku")
LOADED_AT_ONCE = 2_000
MADE_AT_ONCE = 10_000  # each time all items are looked through
MAYBE_SHOWN = (Publication.Status.IN_FLIGHT, Publication.Status.UNCONFIRMED)


def learn_from_line(route: Route, sku: str, *, by_alias: bool, partner_sku: str, option_sku: str, upc: str) -> None:
    """An order taught us both names of a SKU. A SKU without an alias goes by its partner SKU.

    One partner SKU may be sold under several option SKUs: each further one is a listing of its own.
    """
    partner, option = partner_sku.strip(), option_sku.strip()
    name = sku if by_alias else (partner or option)
    if not name:
        return
    taught = {"partner_sku": partner, "option_sku": option, "upc": upc.strip()}
    listing, is_new = Listing.objects.get_or_create(route=route, marketplace_sku=name, defaults=taught)
    if option and listing.option_sku not in ("", option):
        listing, is_new = Listing.objects.get_or_create(route=route, marketplace_sku=option, defaults=taught)
    news: dict[str, Any] = {
        field: value for field, value in taught.items() if value and getattr(listing, field) != value
    }
    if listing.origin:
        news |= {"origin": Origin.TAUGHT, "is_active": listing.is_active or listing.origin == Origin.LEFT}
    if news and not is_new:
        Listing.objects.filter(pk=listing.pk).update(**news, changed_at=timezone.now())


def learn_from_aliases(marketplace: Connection) -> None:
    """Every SKU with an active alias is a listing on each of the marketplace's routes."""
    active = SkuAlias.objects.filter(connection=marketplace, is_active=True)
    for route in Route.objects.filter(marketplace=marketplace).exclude(state=Route.State.PAUSED):
        _settle(route, active)
        known = Listing.objects.filter(route=route, marketplace_sku=OuterRef("marketplace_sku"))
        unknown = active.filter(~Exists(known)).order_by("marketplace_sku").values_list("marketplace_sku", flat=True)
        fresh = [Listing(route=route, marketplace_sku=sku) for sku in unknown.distinct()]
        Listing.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1000)


def _settle(route: Route, active: QuerySet[SkuAlias]) -> None:
    """What an alias names is not the catalogue's alone; what the catalogue is not to publish any more is switched off.

    What was shown once goes on being published while the route publishes the catalogue, whatever alias takes its item.
    """
    mine, now = route.listings.exclude(origin=Origin.TAUGHT), timezone.now()
    if not mine.exists():
        return
    named = mine.filter(Exists(active.filter(marketplace_sku=OuterRef("marketplace_sku"))))
    _write(named.filter(origin=Origin.LEFT), is_active=True, changed_at=now)
    _write(named, origin=Origin.TAUGHT)
    gone = mine.filter(origin=Origin.CATALOGUE, is_active=True)
    if route.publish_catalogue:
        maybe_shown = Publication.objects.filter(listing=OuterRef("pk"), status__in=MAYBE_SHOWN)
        taken = Exists(active.filter(warehouse_sku=OuterRef("marketplace_sku")))
        gone = gone.filter(taken, ~Exists(maybe_shown), published_at=None)
    _write(gone, is_active=False, origin=Origin.LEFT, changed_at=now)


def learn_from_catalogue(route: Route, since: datetime) -> int:
    """Every item that was found since, and nothing else names, is a listing under its SKU; how many are new."""
    _take_back(route, _unnamed(route).filter(checked_at__gte=since))
    number, last = 0, 0
    fresh = unlisted(route).filter(checked_at__gte=since)
    while some := list(fresh.filter(pk__gt=last).order_by("pk").values_list("pk", "sku")[:MADE_AT_ONCE]):
        rows = [Listing(route=route, marketplace_sku=sku, origin=Origin.CATALOGUE) for _, sku in some]
        Listing.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
        number, last = number + len(some), some[-1][0]
    return number


def unlisted(route: Route) -> QuerySet[WarehouseItem]:
    """Known items that would be listings of their own and are none yet."""
    return _unnamed(route).filter(~Exists(_named(route, "marketplace_sku")))


def _unnamed(route: Route) -> QuerySet[WarehouseItem]:
    """Known items that are sold, whose SKU is there once and is none that an alias or an order gave a name to."""
    aliases = SkuAlias.objects.filter(connection=route.marketplace_id, is_active=True)
    return WarehouseItem.objects.filter(
        ~Exists(aliases.filter(marketplace_sku=OuterRef("sku"))),
        ~Exists(aliases.filter(warehouse_sku=OuterRef("sku"))),
        ~Exists(_named(route, "partner_sku")),
        ~Exists(_named(route, "option_sku")),
        connection=route.warehouse_id, matches=1, sellable=True,
    )  # fmt: skip


def _named(route: Route, column: str) -> QuerySet[Listing]:
    return Listing.objects.filter(route=route, **{column: OuterRef("sku")})


def _take_back(route: Route, found: QuerySet[WarehouseItem]) -> None:
    """What was switched off with the catalogue, and not by a person, is switched on with it."""
    left = route.listings.filter(Exists(found.filter(sku=OuterRef("marketplace_sku"))), origin=Origin.LEFT)
    _write(left, is_active=True, origin=Origin.CATALOGUE, changed_at=timezone.now())


def _write(rows: QuerySet[Listing], **values: Any) -> None:
    """Change them, so many in a transaction; what is left after a crash still goes by the same query."""
    pks = sorted(rows.values_list("pk", flat=True))
    for start in range(0, len(pks), LOADED_AT_ONCE):
        some = pks[start : start + LOADED_AT_ONCE]
        with transaction.atomic():
            lock(some)
            rows.filter(pk__in=some).update(**values)


def lock(pks: Iterable[int]) -> None:
    """Keep these from being changed until the transaction ends.

    Whoever writes several that are there, or what is sent for them, calls this first and once: all take them in one
    order, so that one waits and neither is thrown out. Orders that teach names do not: `orders.settling` takes the few
    to which they are news in the order of their names, and is done again with the next run if it is thrown out.
    """
    in_turn = sorted(set(pks))
    for start in range(0, len(in_turn), LOADED_AT_ONCE):
        some = Listing.objects.filter(pk__in=in_turn[start : start + LOADED_AT_ONCE])
        list(some.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def wanted(listing: Listing) -> Wanted:
    """The names by which a listing resolves, as a line of an order would: what orders taught us, or its own name."""
    name = listing.marketplace_sku
    return Wanted(partner_sku=listing.partner_sku or name, option_sku=listing.option_sku or name)


def published_name(listing: Listing, route: Route) -> str:
    """The SKU that its quantity is shown under: the route's choice where an order taught us that name."""
    return shown_as(route, listing.marketplace_sku, listing.partner_sku, listing.option_sku)


def shown_as(route: Route, name: str, partner_sku: str, option_sku: str) -> str:
    if route.published_sku == Route.PublishedSku.OPTION and option_sku:
        return option_sku
    return partner_sku or name


def by_published_name(rows: Iterable[Listing], route: Route) -> dict[str, list[Listing]]:
    """The listings that would be shown under the same SKU, the one that orders taught us most about first."""
    named: dict[str, list[Listing]] = defaultdict(list)
    for row in rows:
        named[published_name(row, route)].append(row)
    return {name: by_knowledge(same) for name, same in named.items()}


def by_knowledge(same: Iterable[Listing]) -> list[Listing]:
    """The one that orders taught us most about first."""
    return sorted(same, key=lambda row: (not row.option_sku, not row.partner_sku, row.pk))


def names_of(route: Route, among: Q | None = None) -> dict[str, list[int]]:
    """The SKUs that a route's listings are shown under, with the ids of those that share it; a row is a few bytes."""
    rows = route.listings.filter(among) if among is not None else route.listings.all()
    named: dict[str, list[int]] = {}
    of_names = rows.order_by("pk").values_list("pk", *NAMES)
    for pk, name, partner, option in of_names.iterator(chunk_size=LOADED_AT_ONCE):
        named.setdefault(shown_as(route, name, partner, option), []).append(pk)
    return named


def load(groups: Sequence[Sequence[int]]) -> dict[int, Listing]:
    """Listings by id, given in groups that share a SKU. One that shares none comes without its long explanation."""
    alone = [pks[0] for pks in groups if len(pks) == 1]
    shared = [pk for pks in groups if len(pks) > 1 for pk in pks]
    found = Listing.objects.defer("explanation").in_bulk(alone)
    return {**found, **Listing.objects.in_bulk(shared)} if shared else found


def changed_since(route: Route, since: datetime, most: int) -> dict[str, datetime]:
    """The names of listings that were made or changed, or their aliases or rules, with the time; at most so many."""
    aliases = SkuAlias.objects.filter(connection=route.marketplace_id, changed_at__gt=since).order_by("-changed_at")
    rules = route.inventory_rules.filter(changed_at__gt=since, listing__isnull=False).order_by("-changed_at")
    own = route.listings.filter(changed_at__gt=since).order_by("-changed_at")
    named: dict[str, datetime] = {}
    for rows, name in ((aliases, "marketplace_sku"), (rules, "listing__marketplace_sku"), (own, "marketplace_sku")):
        for sku, at in rows.values_list(name, "changed_at")[:most]:
            named[sku] = max(at, named.get(sku, at))
    return named


def by_names(names: Any) -> Q:
    """Listings that go by one of these names, a list or a query of them."""
    return Q(marketplace_sku__in=names) | Q(partner_sku__in=names) | Q(option_sku__in=names)


def called(route: Route, names: Iterable[str]) -> list[Listing]:
    """The active listings of a route that go by one of these names."""
    some = list(names)
    rows: dict[int, Listing] = {}
    for start in range(0, len(some), LOADED_AT_ONCE):
        few = some[start : start + LOADED_AT_ONCE]
        found = route.listings.filter(by_names(few), is_active=True).defer("explanation")
        rows.update({row.pk: row for row in found})
    return list(rows.values())
