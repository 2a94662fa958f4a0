"""What a marketplace SKU is in the warehouse (product rule: option SKU's alias, partner SKU's alias, identity)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db import connection as database
from django.db.models import Model, QuerySet

from integrations.models import Connection, Route
from inventory.likeness import plain
from inventory.models import SkuAlias, WarehouseItem

MOST_NAMES = 5_000
Row = TypeVar("Row", bound=Model)


def lock(marketplace: Connection) -> None:
    """Until the transaction ends nobody else gives the marketplace's SKUs other components after looking at them.

    A row that is not there yet cannot be locked itself. SQLite has one writer at a time as it is.
    """
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"aliases {marketplace.pk}"])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A marketplace SKU by the names that a line or a listing gives it."""

    partner_sku: str
    option_sku: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """`units` of one warehouse item make one unit of the marketplace SKU."""

    item_id: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a marketplace SKU is, or why that is not known. `sku` is the name that it was found, or missed, by.

    `is_asked` is False while the warehouse was never asked for one of its SKUs: the problem may be none then.
    """

    sku: str
    components: tuple[Component, ...] = ()
    by_alias: bool = False
    problem: str = ""
    is_ambiguous: bool = False
    is_asked: bool = True

    @property
    def is_known(self) -> bool:
        return not self.problem


class KnownItem(NamedTuple):
    """What a warehouse answered of a SKU, as `WarehouseItem` keeps it; a row object for each would take far longer."""

    matches: int
    remote_id: str
    sellable: bool
    stock_managed: bool
    keep_selling: bool
    max_online: int | None
    checked_at: datetime


class Resolver:
    """Resolves many SKUs of one route with two queries, four if some are not found.

    What the warehouse carries must have been learned before.
    """

    def __init__(self, route: Route, wanted: Iterable[Wanted]) -> None:
        self._route = route
        self._wanted = list(wanted)
        self._aliases = self._load_aliases()
        self._items: dict[str, KnownItem] | None = None
        self._near: Near | None = None

    def warehouse_skus(self) -> set[str]:
        """The warehouse SKUs that must be known before `resolve` can answer."""
        return {sku for want in self._wanted for sku, _ in self._targets(want)[1]}

    def resolve(self, want: Wanted) -> Resolution:
        sku, targets, by_alias = *self._targets(want), bool(self._alias_name(want))
        if not targets:
            return Resolution(sku, problem=self._no_target(sku) + self._known_near().alias_of(sku))
        problem, ambiguous = self._problem_with(sku, targets, by_alias)
        if problem:
            asked = all(name in self._known_items() for name, _ in targets)
            return Resolution(sku, by_alias=by_alias, problem=problem, is_ambiguous=ambiguous, is_asked=asked)
        items = self._known_items()
        parts = tuple(Component(items[name].remote_id, name, units) for name, units in targets)
        return Resolution(sku, parts, by_alias)

    def item(self, sku: str) -> KnownItem:
        """What is known of a component of something that resolved."""
        return self._known_items()[sku]

    def _targets(self, want: Wanted) -> tuple[str, list[tuple[str, int]]]:
        """The name it goes by, and (warehouse SKU, units) of each component."""
        name = self._alias_name(want)
        if name:
            return name, self._aliases[name]
        own = want.partner_sku.strip() or want.option_sku.strip()
        return own, [(own, 1)] if own and self._route.allow_identity else []

    def _alias_name(self, want: Wanted) -> str:
        names = (want.option_sku.strip(), want.partner_sku.strip())
        return next((name for name in names if name in self._aliases), "")

    def _no_target(self, sku: str) -> str:
        return f"SKU {sku!r} has no alias, and route {self._route} takes no SKU without one. Add an alias."

    def _problem_with(self, sku: str, targets: list[tuple[str, int]], by_alias: bool) -> tuple[str, bool]:
        for name, _ in targets:
            item = self._known_items().get(name)
            if item is None or item.matches != 1 or not item.sellable:
                what = f"the alias of {sku!r} names {name!r}, and" if by_alias else f"SKU {sku!r} has no alias, and"
                why = self._why_not(name, item, by_alias)
                return f"{what} {self._route.warehouse} {why}", item is not None and item.matches > 1
        return "", False

    def _why_not(self, name: str, item: KnownItem | None, by_alias: bool) -> str:
        """What the warehouse answered; `item` is None while it was never asked."""
        if item is None:
            return "could not be asked for it yet. It is asked with the next run." + self._near_to(name, by_alias)
        if item.matches == 0:
            return "does not carry it. Correct the alias or add one." + self._near_to(name, by_alias)
        if item.matches > 1:
            return f"carries it {item.matches} times. Make it unique there."
        return "does not sell it. Make it sellable or add an alias."

    def _near_to(self, name: str, by_alias: bool) -> str:
        near = self._known_near()
        return near.item_of(name) or ("" if by_alias else near.alias_of(name))

    def _load_aliases(self) -> dict[str, list[tuple[str, int]]]:
        names = {name.strip() for want in self._wanted for name in (want.option_sku, want.partner_sku) if name.strip()}
        rows = SkuAlias.objects.filter(connection_id=self._route.marketplace_id, is_active=True).order_by("pk")
        aliases: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name, sku, units in _named(rows, "marketplace_sku", names, "warehouse_sku", "units"):
            aliases[name].append((sku, units))
        return dict(aliases)

    def _known_near(self) -> Near:
        if self._near is None:
            names = {self._targets(want)[0] for want in self._wanted} | self.warehouse_skus()
            self._near = Near.of(self._route, names)
        return self._near

    def _known_items(self) -> dict[str, KnownItem]:
        if self._items is None:
            rows = WarehouseItem.objects.filter(connection_id=self._route.warehouse_id)
            found = _named(rows, "sku", self.warehouse_skus(), *KnownItem._fields)
            self._items = {sku: KnownItem(*facts) for sku, *facts in found}
        return self._items


@dataclass(frozen=True, slots=True)
class Near:
    """SKUs that differ from wanted ones in case only, folded → as they are spelt. They are only suggested."""

    warehouse: str
    items: Mapping[str, Collection[str]]
    aliases: Mapping[str, Collection[str]]

    @classmethod
    def of(cls, route: Route, names: set[str]) -> Near:
        """What a route's two connections are known to have, with a query each."""
        items = WarehouseItem.objects.filter(connection_id=route.warehouse_id, matches=1, sellable=True)
        aliases = SkuAlias.objects.filter(connection_id=route.marketplace_id, is_active=True)
        return cls(str(route.warehouse), _spellings(items, "sku", names), _spellings(aliases, "marketplace_sku", names))

    def item_of(self, sku: str) -> str:
        """The suggestion as a sentence with a blank before it; empty where none, or more than one, is near."""
        near = _only(self.items, sku)
        return f" {self.warehouse} has {near!r}; the difference is in case only." if near else ""

    def alias_of(self, sku: str) -> str:
        near = _only(self.aliases, sku)
        return f" There is an alias of {near!r}; the difference is in case only." if near else ""


def _only(spellings: Mapping[str, Collection[str]], sku: str) -> str:
    others = [one for one in spellings.get(sku.casefold(), ()) if one != sku]
    return others[0] if len(others) == 1 else ""


def _spellings(rows: QuerySet[Row], field: str, names: set[str]) -> dict[str, set[str]]:
    """Found by what the column of plain SKUs has in common, whose index makes it quick."""
    wanted = {name.casefold() for name in names}
    found = rows if len(wanted) > MOST_NAMES else rows.filter(plain_sku__in={plain(name) for name in names})
    spellings: dict[str, set[str]] = defaultdict(set)
    for spelt in found.order_by().values_list(field, flat=True):
        if spelt.casefold() in wanted:
            spellings[spelt.casefold()].add(spelt)
    return spellings


def _named(rows: QuerySet[Row], field: str, names: set[str], *more: str) -> list[tuple[Any, ...]]:
    """The name and more columns of the rows of these names. A query takes only so many; for a whole catalogue all are
    read."""
    if len(names) <= MOST_NAMES:
        return list(rows.filter(**{f"{field}__in": names}).values_list(field, *more))
    return [row for row in rows.values_list(field, *more).iterator() if row[0] in names]
