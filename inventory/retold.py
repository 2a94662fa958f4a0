"""What a quantity rests on is kept up to date also where the number stays as it is.

A cap, a reserve, a delivery that makes good what was sold, or an order that ends as stock goes: any of them may hide
that other figures make the same number. While another quantity waits for a person, orders are taken off the
explanation of the one that is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.db import transaction

from integrations.models import Route
from inventory import listings
from inventory.decisions import Decision
from inventory.gathered import Memory, shown_row
from inventory.models import Listing

AT_ONCE = 1_000  # listings: explanations are long
WRITTEN_AT_ONCE = 100
TOLD = ["explanation", "observed_at"]


def followed(route: Route, decisions: Iterable[Decision], live: Collection[int]) -> Iterator[Decision]:
    """The same decisions; what those that change nothing rest on is written down. `live` are being published anyway."""
    memory, same = Memory.of(route), list[Decision]()
    for one in decisions:
        if one.listing.pk not in live and memory.is_shown(one) and shown_row(one) is one.listing:
            same.append(one)
        if len(same) >= AT_ONCE:
            _retell(same)
            same.clear()
        yield one
    _retell(same)


def _retell(same: Collection[Decision]) -> None:
    rows = Listing.objects.filter(pk__in=[one.listing.pk for one in same])
    told = dict(rows.values_list("pk", "explanation"))
    differing = [one for one in same if _gist(told.get(one.listing.pk) or {}) != _gist(one.explanation)]
    if differing:
        _write(differing)


@transaction.atomic
def _write(differing: Collection[Decision]) -> None:
    """Of those that show what they showed when they were decided: what another one tells goes with its quantity."""
    pks = [one.listing.pk for one in differing]
    listings.lock(pks)
    shown = dict(Listing.objects.filter(pk__in=pks).values_list("pk", "published_at"))
    rows = [
        Listing(pk=one.listing.pk, explanation=one.explanation, observed_at=one.observed_at)
        for one in differing
        if shown.get(one.listing.pk) == one.listing.published_at
    ]
    Listing.objects.bulk_update(rows, TOLD, batch_size=WRITTEN_AT_ONCE)


def _gist(explanation: Mapping[str, Any]) -> Mapping[str, Any]:
    """All but when it was seen."""
    parts = [_figures(part) for part in explanation.get("components", ())]
    return {**explanation, "components": parts, "orders_at": ""}


def _figures(part: Mapping[str, Any]) -> Mapping[str, Any]:
    places = [(place, available) for place, available, _ in part.get("places", ())]
    return {**part, "places": places, "observed_at": ""}
