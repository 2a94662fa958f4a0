"""Which marketplace SKUs we publish quantities for: those with an alias, and those seen on an order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from integrations.models import Connection, Route
from inventory.aliases import Wanted
from inventory.models import Listing, SkuAlias


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
    news = {field: value for field, value in taught.items() if value and getattr(listing, field) != value}
    if news and not is_new:
        Listing.objects.filter(pk=listing.pk).update(**news)


def learn_from_aliases(marketplace: Connection) -> None:
    """Every SKU with an active alias is a listing on each of the marketplace's routes."""
    aliased = set(
        SkuAlias.objects.filter(connection=marketplace, is_active=True).values_list("marketplace_sku", flat=True)
    )
    for route in Route.objects.filter(marketplace=marketplace).exclude(state=Route.State.PAUSED):
        known = set(route.listings.values_list("marketplace_sku", flat=True))
        fresh = [Listing(route=route, marketplace_sku=sku) for sku in sorted(aliased - known)]
        Listing.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1000)


def wanted(listing: Listing) -> Wanted:
    """The names by which a listing resolves, as a line of an order would: what orders taught us, or its own name."""
    name = listing.marketplace_sku
    return Wanted(partner_sku=listing.partner_sku or name, option_sku=listing.option_sku or name)


def published_name(listing: Listing, route: Route) -> str:
    """The SKU that its quantity is shown under: the route's choice where an order taught us that name."""
    if route.published_sku == Route.PublishedSku.OPTION and listing.option_sku:
        return listing.option_sku
    return listing.partner_sku or listing.marketplace_sku


def by_published_name(rows: Iterable[Listing], route: Route) -> dict[str, list[Listing]]:
    """The listings that would be shown under the same SKU, the one that orders taught us most about first."""
    named: dict[str, list[Listing]] = defaultdict(list)
    for row in rows:
        named[published_name(row, route)].append(row)
    for same in named.values():
        same.sort(key=lambda row: (not row.option_sku, not row.partner_sku, row.pk))
    return dict(named)
