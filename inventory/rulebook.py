"""Which rules hold for a listing now: a listing's go before a route's, and those before the route's settings.

Where several listings are shown under one SKU, the rules of all count, whichever of them speaks: a person made them for
what is shown under it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from django.db.models import Q, QuerySet

from integrations.models import Route
from inventory.availability import Origin, Rules
from inventory.rules import FIGURES, InventoryRule

STRICTER = {"reserve": 1, "minimum_level": 1, "max_online": -1, "fixed_quantity": -1, "do_not_publish": 1}
NO_TWINS: Mapping[int, str] = MappingProxyType({})


class Rule(Protocol):
    """What `combine` looks at of a rule."""

    pk: int
    listing_id: int | None
    starts_at: datetime | None
    note: str


def combine(settings: Rules, rules: Sequence[Rule], twins: Mapping[int, str] = NO_TWINS) -> Rules:
    """The figures that hold when these rules are in force, whatever their order. Pure.

    Field by field: a listing's rule before a route's, then the later start, then the one made last; of several
    listings the stricter figure. `twins` are the names, by id, of the listings that another one speaks for.
    """
    ranked = sorted(rules, key=_rank, reverse=True)
    said = {name: rule for name in FIGURES if (rule := _deciding(name, ranked))}
    values = {name: getattr(rule, name) for name, rule in said.items()}
    return Rules(
        reserve=values.get("reserve", settings.reserve),
        minimum_level=values.get("minimum_level", settings.minimum_level),
        max_online=values.get("max_online", settings.max_online),
        untracked_quantity=settings.untracked_quantity,
        fixed_quantity=values.get("fixed_quantity", settings.fixed_quantity),
        do_not_publish=bool(values.get("do_not_publish", settings.do_not_publish)),
        origins={name: Origin(rule.pk, rule.note, _whose(rule, twins)) for name, rule in said.items()},
    )


def _deciding(name: str, ranked: Sequence[Rule]) -> Rule | None:
    """The rule that makes this figure: of what each listing says of it the strictest, else what the route says."""
    first: dict[int | None, Rule] = {}
    for rule in ranked:
        if getattr(rule, name) is not None:
            first.setdefault(rule.listing_id, rule)
    of_route = first.pop(None, None)
    return max(first.values(), key=lambda rule: STRICTER[name] * getattr(rule, name), default=of_route)


def _whose(rule: Rule, twins: Mapping[int, str]) -> str:
    """To go after "rule of the"."""
    if rule.listing_id is None:
        return "route"
    return f"listing {twins[rule.listing_id]}" if rule.listing_id in twins else "listing"


def _rank(rule: Rule) -> tuple[bool, float, int]:
    return rule.listing_id is not None, rule.starts_at.timestamp() if rule.starts_at else 0.0, rule.pk


def settings_of(route: Route) -> Rules:
    """A route's own settings, which rules go before."""
    return Rules(
        reserve=route.reserve,
        minimum_level=route.minimum_level,
        max_online=route.max_online,
        untracked_quantity=route.untracked_quantity,
    )


def in_force(at: datetime) -> Q:
    return (Q(starts_at=None) | Q(starts_at__lte=at)) & (Q(ends_at=None) | Q(ends_at__gt=at))


class Rulebook:
    """One route's rules at a time, read with one query; with `listings`, only those and the route's own."""

    def __init__(self, route: Route, at: datetime, listings: Sequence[int] | None = None) -> None:
        self._settings = settings_of(route)
        self._of_listing: dict[int, list[InventoryRule]] = defaultdict(list)
        self._of_route: list[InventoryRule] = []
        for rule in _read(route, at, listings):
            if rule.listing_id is None:
                self._of_route.append(rule)
            else:
                self._of_listing[rule.listing_id].append(rule)
        self._usual = combine(self._settings, self._of_route)

    def of(self, listing_id: int, twins: Mapping[int, str] = NO_TWINS) -> Rules:
        """With the names, by id, of the listings that it speaks for."""
        own = [rule for pk in (listing_id, *twins) for rule in self._of_listing.get(pk, ())]
        return combine(self._settings, [*self._of_route, *own], twins) if own else self._usual


def _read(route: Route, at: datetime, listings: Sequence[int] | None) -> QuerySet[InventoryRule]:
    rows = InventoryRule.objects.filter(in_force(at), route=route)
    return rows if listings is None else rows.filter(Q(listing=None) | Q(listing__in=listings))
