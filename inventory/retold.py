"""What a quantity rests on is kept up to date also where a cap, a pack or a delivery leaves the number as it is.

While another quantity waits for a person, orders are taken off the explanation of the one that is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from integrations.models import Route
from inventory.availability import Part
from inventory.decisions import Decision
from inventory.gathered import Memory
from inventory.models import Listing

AT_ONCE = 500  # listings: explanations are long


def followed(route: Route, decisions: Iterable[Decision], live: Collection[int]) -> Iterator[Decision]:
    """The same decisions; what those that change nothing rest on is written down. `live` are being published anyway."""
    memory, same = Memory.of(route), list[Decision]()
    for one in decisions:
        if one.listing.pk not in live and _hides_figures(one) and memory.is_shown(one):
            same.append(one)
        if len(same) >= AT_ONCE:
            _retell(same)
            same.clear()
        yield one
    _retell(same)


def _hides_figures(one: Decision) -> bool:
    """Whether other figures may make the same number."""
    if one.offered is None or one.twins or one.is_fixed:
        return False
    rules, parts = one.offered.rules, one.offered.parts
    is_limited = rules.max_online is not None or rules.minimum_level > 0
    return is_limited or len(parts) > 1 or any(_may_hide(part) for part in parts)


def _may_hide(part: Part) -> bool:
    return part.units > 1 or part.max_online is not None or bool(part.orders or part.counted)


def _retell(same: Collection[Decision]) -> None:
    told = dict(Listing.objects.filter(pk__in=[one.listing.pk for one in same]).values_list("pk", "explanation"))
    for one in same:
        now = one.explanation
        if _gist(told.get(one.listing.pk) or {}) == _gist(now):
            continue
        # Unless something else was shown meanwhile.
        shown = Listing.objects.filter(pk=one.listing.pk, published_at=one.listing.published_at)
        shown.update(explanation=now)


def _gist(explanation: Mapping[str, Any]) -> object:
    """All but when it was seen."""
    parts = [
        (part["sku"], part["units"], part.get("left"), part.get("orders") or {}, part.get("counted") or {})
        for part in explanation.get("components", ())
    ]
    return parts, explanation.get("cap"), explanation.get("minimum_level")
