"""What each listing of a route must show, and why. Reads what we know; writes nothing and asks nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from math import floor
from typing import Any, TypeVar

from django.utils import timezone

from integrations.models import Route
from integrations.stock import as_told
from inventory import bundles, listings
from inventory.aliases import KnownItem, Resolution, Resolver
from inventory.availability import Figure, Offer, Part, Rules, offer
from inventory.bundles import Piece
from inventory.models import InventoryLevel, Listing
from inventory.on_their_way import Units
from inventory.rulebook import Rulebook

# What the figures of the route's locations do not know yet. It is asked before those figures are read: what moves in
# between is taken off twice until the next run, never missed.
Pending = Callable[[Route], Units]
AT_ONCE = 1_000  # listings: memory stays flat, and a query takes only so many names
Row = TypeVar("Row")
Left = Callable[[Figure, Piece], Decimal]  # what is left of a component by its figure at one place


@dataclass(frozen=True, slots=True)
class Decision:
    """What a listing is to show under a SKU. `quantity` None: whatever it shows stays as it is for now.

    With a `problem` it is not known what the listing is: if it was ever shown, it must be shown as 0. `twins` are
    listings that would be shown under the same SKU; this one speaks for them. `noted` goes before what `offered` tells:
    only a part of the change is published.
    """

    listing: Listing
    sku: str
    quantity: int | None = None
    observed_at: datetime = field(default_factory=timezone.now)
    offered: Offer | None = None
    problem: str = ""
    twins: tuple[Listing, ...] = ()
    noted: Mapping[str, Any] | None = None
    orders_at: datetime | None = None

    @property
    def explanation(self) -> dict[str, Any]:
        if self.noted is not None:
            return {**self.noted, **self._asked}
        if self.problem:
            return {"problem": self.problem, "quantity": 0}
        return {**self.offered.explanation, **self._asked} if self.offered else {}

    @property
    def _asked(self) -> dict[str, str]:
        """When its orders were: one that came later is none that it knows."""
        return {"orders_at": self.orders_at.isoformat()} if self.orders_at else {}

    @property
    def not_published(self) -> str:
        """Why nothing is published of it on purpose, to go after "since"; empty where something is, or is not known."""
        return self.offered.why_nothing if self.offered else ""

    @property
    def not_published_by(self) -> int | None:
        """The rule that says so."""
        return self.offered.silenced_by if self.offered else None

    @property
    def is_fixed(self) -> bool:
        """Whether a rule made the quantity, whatever the stock is."""
        return self.offered is not None and self.offered.rules.fixed_quantity is not None


def decide(route: Route, pending: Pending, only: Sequence[Listing] | None = None) -> list[Decision]:
    """One decision per published SKU. A SKU of which a listing is switched off is left alone.

    With `only`, those listings of the route are decided, as if it had no others.
    """
    on_their_way = pending(route)
    if only is None:
        return list(decide_all(route, on_their_way))
    desk = _Desk(route, on_their_way, timezone.now())
    groups = listings.by_published_name(only, route)
    return [one for some in _some_at_a_time(groups.items()) for one in desk.decide(some)]


def decide_all(route: Route, on_their_way: Units) -> Iterator[Decision]:
    """The same for every listing of the route, some at a time."""
    return decide_rows(route, on_their_way, listings.names_of(route))


def decide_rows(route: Route, on_their_way: Units, names: Mapping[str, Sequence[int]]) -> Iterator[Decision]:
    """For these listings, by the SKU that they are published under; all of one SKU must be there."""
    desk = _Desk(route, on_their_way, timezone.now())
    for some in _some_at_a_time(names.items()):
        rows = listings.load([pks for _, pks in some])
        groups = [(name, [rows[pk] for pk in pks if pk in rows]) for name, pks in some]
        yield from desk.decide([(name, listings.by_knowledge(same)) for name, same in groups if same])


def _some_at_a_time(groups: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(groups)
    while some := list(islice(left, AT_ONCE)):
        yield some


class _Desk:
    """Decides groups of listings, each under one SKU, with the figures of what they are loaded once per call."""

    def __init__(self, route: Route, on_their_way: Units, at: datetime) -> None:
        self._route = route
        self._places = route.places
        self._uncounted = tuple(route.uncounted_names)
        self._ids = {name: place for place, name in self._places.items()}
        self._on_their_way = on_their_way
        self._rules = Rulebook(route, at)
        self._resolver = Resolver(route, [])
        self._bundles = bundles.of(route.warehouse_id)
        self._inside: Mapping[str, KnownItem] = {}
        self._figures: dict[str, list[Figure]] = {}

    def decide(self, groups: Iterable[tuple[str, Sequence[Listing]]]) -> Iterator[Decision]:
        active = [(sku, same) for sku, same in groups if all(row.is_active for row in same)]
        wanted = {row.pk: listings.wanted(row) for _, same in active for row in same}
        self._resolver = Resolver(self._route, wanted.values())
        found = {pk: self._resolver.resolve(want) for pk, want in wanted.items()}
        parts = [part for one in found.values() for part in bundles.opened(self._bundles, one.components)]
        self._figures = self._load({part.item_id for part in parts})
        self._inside = bundles.known_inside(self._route.warehouse_id, self._skus_inside(found.values()))
        found = {pk: self._judged(one) for pk, one in found.items()}
        for sku, same in active:
            speaker = next((row for row in same if found[row.pk].is_known), same[0])
            twins = tuple(row for row in same if row is not speaker)
            yield self._decide(speaker, sku, found[speaker.pk], twins)

    def _load(self, items: set[str]) -> dict[str, list[Figure]]:
        """Per item, its figure at each location that counts, the one that ships first.

        Most are alike, and each is held once: what is decided of a large route has to fit into memory.
        """
        levels = InventoryLevel.objects.filter(
            connection_id=self._route.warehouse_id, location_id__in=self._places, item_id__in=items
        )
        same: dict[tuple[str, Decimal, datetime], Figure] = {}
        told: dict[str, dict[str, Figure]] = defaultdict(dict)
        for item, place, available, at in levels.values_list("item_id", "location_id", "available", "observed_at"):
            figure = Figure(self._places[place], available, at)
            told[item][place] = same.setdefault((place, available, at), figure)
        ships = self._route.location_id
        return {
            item: [here[place] for place in self._places if place in here]
            for item, here in told.items()
            if ships in here
        }

    def _decide(self, listing: Listing, sku: str, found: Resolution, twins: tuple[Listing, ...]) -> Decision:
        rules = self._rules.of(listing.pk, {row.pk: row.marketplace_sku for row in twins})
        if not found.is_known:
            return self._lost(listing, sku, found, rules, twins)
        items = {part.item_id: self._resolver.item(part.sku) for part in found.components}
        known = self._parts(found, items)
        if known is None:
            if rules.fixed_quantity is None and not rules.do_not_publish:
                return Decision(listing, sku, twins=twins)
            known = []
        offered = offer(known, rules, self._uncounted)
        seen = [figure.observed_at for part in known for figure in part.figures]
        return Decision(
            listing, sku, offered.quantity, min(seen, default=min(item.checked_at for item in items.values())), offered,
            twins=twins, orders_at=self._on_their_way.asked_at,
        )  # fmt: skip

    def _parts(self, found: Resolution, items: Mapping[str, KnownItem]) -> list[Part] | None:
        """Its components and what is in bundles among them; None when the stock of one of them was never read."""
        parts = bundles.opened(self._bundles, found.components)
        made = [self._part(part, items.get(part.item_id) or self._inside[part.sku]) for part in parts]
        known = [part for part in made if part is not None]
        return self._with_bundles(known, found) if len(known) == len(made) else None

    def _with_bundles(self, known: list[Part], found: Resolution) -> list[Part]:
        """The same, and how many units of each are inside which bundle of the listing."""
        inside = {
            part.sku: {one.sku: part.units * one.units for one in self._bundles[part.item_id]}
            for part in found.components
            if part.item_id in self._bundles
        }
        if not inside:
            return known
        return [
            replace(part, bundles={bundle: units[part.sku] for bundle, units in inside.items() if part.sku in units})
            for part in known
        ]

    def _judged(self, found: Resolution) -> Resolution:
        """Not known either when that is so of something inside its bundles: what is unknown is not plenty."""
        own = {part.item_id for part in found.components}
        for part in bundles.opened(self._bundles, found.components) if self._bundles else ():
            item = self._inside.get(part.sku)
            problem = "" if part.item_id in own else bundles.problem_with(part, item, str(self._route.warehouse))
            if problem:
                text = f"a bundle in {found.sku!r} consists of {problem}"
                return replace(found, problem=text, is_asked=item is not None or not part.sku)
        return found

    def _skus_inside(self, found: Iterable[Resolution]) -> set[str]:
        """The SKUs of what is in the bundles among these."""
        items = {part.item_id for one in found for part in one.components}
        return {part.sku for item in items & self._bundles.keys() for part in self._bundles[item]}

    def _lost(
        self, listing: Listing, sku: str, found: Resolution, rules: Rules, twins: tuple[Listing, ...]
    ) -> Decision:
        if rules.do_not_publish:
            return Decision(listing, sku, offered=offer([], rules), twins=twins)
        if not found.is_asked:
            return Decision(listing, sku, twins=twins)
        return Decision(listing, sku, 0, problem=found.problem[:1].upper() + found.problem[1:], twins=twins)

    def _part(self, part: Piece, item: KnownItem) -> Part | None:
        """None when its stock counts and was never read."""
        if not self._is_limited(item):
            return Part(part.sku, part.units, None, max_online=item.max_online, keep_selling=item.stock_managed)
        figures = self._figures.get(part.item_id)
        if figures is None:
            return None
        orders = self._on_their_way.of(part.item_id)
        return Part(
            part.sku,
            part.units,
            sum((figure.available for figure in figures), Decimal(0)),
            sum(orders.values()),
            item.max_online,
            tuple(figures),
            orders,
            self._lacking(part, figures, self._left_at),
            self._lacking(part, figures, lambda figure, _: figure.available),
            counted=tuple(self._on_their_way.counted(part.item_id)),
        )

    def _is_limited(self, item: KnownItem) -> bool:
        return item.stock_managed and not (item.keep_selling and self._route.untracked_quantity is not None)

    def _lacking(self, bundle: Piece, figures: Sequence[Figure], left: Left) -> Decimal:
        """How many fewer than a bundle's figures tell can be made of what is left of its components, place by place.

        An order that takes components at one place leaves those at another as they were, and a bundle is not made of
        components that lie apart: parts of one at two places are none.
        """
        if bundle.item_id not in self._bundles:
            return Decimal(0)
        parts = self._bundles[bundle.item_id]
        inside = [one for one in parts if one.sku in self._inside and self._is_limited(self._inside[one.sku])]
        lacks = Decimal(0)
        for figure in figures:
            own = left(figure, bundle)
            made = [left(seen, one) / one.units for one in inside for seen in self._at(figure.place, one)]
            can = min(own, as_told(min(made, default=own)))
            lacks += own - (can if len(figures) == 1 else floor(can))
        return lacks

    def _at(self, place: str, part: Piece) -> Iterator[Figure]:
        return (one for one in self._figures.get(part.item_id, ()) if one.place == place)

    def _left_at(self, figure: Figure, part: Piece) -> Decimal:
        return figure.available - self._on_their_way.at(part.item_id, self._ids[figure.place])
