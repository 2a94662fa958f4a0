"""What an unknown SKU may be in the warehouse, from what is known here: a fixed number of small queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from integrations.errors import IntegrationError
from integrations.models import Connection
from inventory import catalogue, likeness
from inventory.likeness import Clue, Goods, Parts, Suggestion, plain
from inventory.models import Listing, SkuAlias, WarehouseItem, plain_of

SHOWN = 5
NEIGHBOURS = 100  # to each side in the order of the alphabet: they share the longest beginnings
MOST_OF_A_KIND = 50
LONGEST = 60  # of a longer SKU no near spellings are tried: there would be thousands


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The surest first, and how many SKUs of the warehouses are known to choose from."""

    best: list[Suggestion]
    known: int


def suggest(marketplace: Connection, asked: Goods) -> Suggestions:
    """What the SKU may be in the warehouses that this marketplace's routes lead to. Nobody is asked."""
    carried = WarehouseItem.objects.filter(
        connection__in=Connection.objects.filter(warehouse_routes__marketplace=marketplace), matches=1
    )
    items = carried.filter(sellable=True).exclude(sku=asked.sku)
    found = [clue for one in _candidates(items, asked) for clue in likeness.clues(asked, one)]
    found += _by_aliases(marketplace, asked, items)
    return Suggestions(likeness.ranked(found, SHOWN), carried.count())


def look(marketplace: Connection, sku: str) -> str:
    """Ask the warehouses for the usual other spellings of a SKU, one call each; what went wrong, if anything did."""
    problems = []
    for warehouse in Connection.objects.filter(warehouse_routes__marketplace=marketplace).distinct():
        try:
            catalogue.look_for(warehouse, likeness.spellings(sku))
        except IntegrationError as exc:
            problems.append(f"{warehouse} could not be asked: {exc}")
    return "; ".join(problems)


def _candidates(items: QuerySet[WarehouseItem], asked: Goods) -> Iterator[Goods]:
    """Items worth comparing: by index where there may be many, so that a large catalogue costs no more."""
    text = plain(asked.sku)
    kinds = [items.filter(title__iexact=asked.title.strip())] if asked.title.strip() else []
    kinds += [items.filter(upc=asked.upc.strip())] if asked.upc.strip() else []
    if text:
        kinds += [items.filter(plain_sku__in=[text, *likeness.ends(text)])]
        kinds += [items.filter(plain_sku__in=likeness.near(text))] if len(text) <= LONGEST else []
    found = [row for kind in kinds for row in _goods(kind.order_by()[:MOST_OF_A_KIND])]
    if text:
        found += _goods(items.filter(plain_sku__gte=text).order_by("plain_sku")[:NEIGHBOURS])
        found += _goods(items.filter(plain_sku__lt=text).order_by("-plain_sku")[:NEIGHBOURS])
    yield from dict.fromkeys(found)


def _goods(items: QuerySet[WarehouseItem]) -> list[Goods]:
    return [Goods(*row) for row in items.values_list("sku", "title", "upc")]


def _by_aliases(marketplace: Connection, asked: Goods, items: QuerySet[WarehouseItem]) -> Iterator[Clue]:
    """What other SKUs of the marketplace are that are spelt alike, or have the same UPC."""
    aliases = SkuAlias.objects.filter(connection=marketplace, is_active=True).exclude(marketplace_sku=asked.sku)
    alike = aliases.annotate(plain_sku=plain_of("marketplace_sku")).filter(plain_sku=plain(asked.sku) or None)
    for sku, parts in _kits(alike[:MOST_OF_A_KIND]).items():
        yield Clue(parts, 85, f"alias of “{sku}”, which is spelt alike")
    same = Listing.objects.filter(route__marketplace=marketplace, upc=asked.upc.strip()).exclude(upc="")
    names = _names(same.values_list("partner_sku", "option_sku", "marketplace_sku")[:MOST_OF_A_KIND])
    for sku, parts in _kits(aliases.filter(marketplace_sku__in=names)[:MOST_OF_A_KIND]).items():
        yield Clue(parts, 85, f"alias of “{sku}”, which has the same UPC")
    for sku in items.filter(sku__in=names).order_by().values_list("sku", flat=True)[:MOST_OF_A_KIND]:
        yield Clue(((sku, 1),), 85, "sold under the same UPC")


def _names(rows: Iterable[tuple[str, str, str]]) -> set[str]:
    return {name for row in rows for name in row if name}


def _kits(aliases: Iterable[SkuAlias]) -> dict[str, Parts]:
    rows: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for alias in aliases:
        rows[alias.marketplace_sku].append((alias.warehouse_sku, alias.units))
    return {sku: tuple(sorted(parts)) for sku, parts in rows.items()}
