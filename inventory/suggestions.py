"""What an unknown SKU may be in the warehouse, from what is known here: a fixed number of small queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from integrations.errors import IntegrationError
from integrations.models import Connection, Route
from inventory import catalogue, likeness
from inventory.likeness import Clue, Goods, Parts, Suggestion, plain, plain_title
from inventory.listings import NAMES
from inventory.models import Listing, SkuAlias, WarehouseItem

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
    carried = [
        WarehouseItem.objects.filter(connection=warehouse, matches=1)
        for warehouse in Connection.objects.filter(warehouse_routes__marketplace=marketplace).distinct()
    ]
    items = [rows.filter(sellable=True).exclude(sku=asked.sku) for rows in carried]
    goods = dict.fromkeys(one for rows in items for one in _candidates(rows, asked))
    found = [clue for one in goods for clue in likeness.clues(asked, one)]
    found += _by_aliases(marketplace, asked, items)
    return Suggestions(likeness.ranked(found, SHOWN), sum(rows.count() for rows in carried))


def spelt_alike(marketplace: Connection, sku: str) -> list[str]:
    """What the marketplace's warehouses sell that differs from this SKU only in case, blanks and punctuation.

    Where nothing of that is known, the warehouses are asked for it.
    """
    if known := _alike(marketplace, sku):
        return known
    look(marketplace, sku)  # what cannot be asked was said when the SKU itself was asked for
    return _alike(marketplace, sku)


def _alike(marketplace: Connection, sku: str) -> list[str]:
    same = WarehouseItem.objects.filter(
        connection__warehouse_routes__marketplace=marketplace, plain_sku=plain(sku), matches=1, sellable=True
    )
    return list(same.exclude(sku=sku).order_by("sku").values_list("sku", flat=True).distinct()[:SHOWN])


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
    """Items of a warehouse worth comparing: each kind by an index, so that a large catalogue costs no more."""
    text, title = plain(asked.sku), plain_title(asked.title)
    kinds = [items.filter(plain_title=title)] if title else []
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


def _by_aliases(marketplace: Connection, asked: Goods, items: Sequence[QuerySet[WarehouseItem]]) -> Iterator[Clue]:
    """What other SKUs of the marketplace are that are spelt alike, or have the same UPC."""
    aliases = SkuAlias.objects.filter(connection=marketplace, is_active=True).exclude(marketplace_sku=asked.sku)
    text = plain(asked.sku)
    for sku, parts in _kits(aliases.filter(plain_sku=text)).items() if text else ():
        yield Clue(parts, 85, f"alias of “{sku}”, which is spelt alike")
    names = _names_of_upc(marketplace, asked.upc.strip())
    for sku, parts in _kits(aliases.filter(marketplace_sku__in=names)).items() if names else ():
        yield Clue(parts, 85, f"alias of “{sku}”, which has the same UPC")
    known = (rows.filter(sku__in=names).order_by().values_list("sku", flat=True) for rows in items if names)
    for sku in (sku for skus in known for sku in skus):
        yield Clue(((sku, 1),), 85, "sold under the same UPC")


def _names_of_upc(marketplace: Connection, upc: str) -> set[str]:
    """What listings with this UPC are called."""
    if not upc:
        return set()
    same = Listing.objects.filter(route__in=Route.objects.filter(marketplace=marketplace), upc=upc).order_by()
    return {name for row in same.values_list(*NAMES)[:MOST_OF_A_KIND] for name in row if name}


def _kits(aliases: QuerySet[SkuAlias]) -> dict[str, Parts]:
    """What the first of the SKUs are made of, each with all of its components."""
    ordered = aliases.order_by("marketplace_sku")
    skus = list(ordered.values_list("marketplace_sku", flat=True).distinct()[:MOST_OF_A_KIND])
    rows: dict[str, list[tuple[str, int]]] = defaultdict(list)
    whole = aliases.filter(marketplace_sku__in=skus).order_by().values_list("marketplace_sku", "warehouse_sku", "units")
    for sku, of, units in whole if skus else ():
        rows[sku].append((of, units))
    return {sku: tuple(sorted(parts)) for sku, parts in rows.items()}
