"""What a change of rules or of a route's settings would do to quantities, before it is saved. Nothing of it stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from integrations import places
from integrations.errors import IntegrationError
from integrations.models import Route
from inventory import catalogue, listings, now
from inventory.catalogued import Origin
from inventory.decisions import Decision, decide
from inventory.models import Listing, WarehouseItem
from inventory.rules import InventoryRule

NAMES_OF_PLACES = ("warehouse_id", "location_name", "counted_locations")
MOST_LISTINGS = 10_000  # more are not judged before a save, and it says so


@dataclass(frozen=True, slots=True)
class Changed:
    """A listing whose quantity would be another one. None: nothing is published, what is shown stays."""

    listing: int
    sku: str
    before: int | None
    after: int | None

    @property
    def by(self) -> int:
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The biggest drops first. `note` says what was not judged, or from when it holds."""

    rows: tuple[Changed, ...]
    judged: int
    note: str = ""

    @property
    def zeroed(self) -> int:
        return sum(row.after == 0 for row in self.rows)

    @property
    def raised(self) -> int:
        return sum(row.by > 0 for row in self.rows)

    @property
    def lowered(self) -> int:
        return sum(row.by < 0 and row.after is not None for row in self.rows)

    @property
    def ended(self) -> int:
        """What is not published any more: it is shown as it was."""
        return sum(row.after is None and row.before is not None for row in self.rows)


def of_settings(stored: Route, changed: Route) -> Foreseen:
    """`changed` is the route as it would be saved."""
    found = _of_quantities(stored, changed)
    return replace(found, note=" ".join(filter(None, (_of_catalogue(stored, changed), found.note))))


def _of_catalogue(stored: Route, changed: Route) -> str:
    """How many listings would come, or go."""
    if stored.publish_catalogue and not changed.publish_catalogue:
        gone = stored.listings.filter(origin=Origin.CATALOGUE, is_active=True).count()
        return f"{gone:,} listings that only the catalogue made are switched off; what is shown of them stays as it is."
    if stored.publish_catalogue or not changed.publish_catalogue:
        return ""
    try:
        page = next(iter(catalogue.port(changed.warehouse).catalogue()))
    except IntegrationError as exc:
        return f"How many listings would come is not known: {exc}"
    items = max(page.announced, len(page.items))
    known = WarehouseItem.objects.filter(connection=changed.warehouse, matches__gt=0).count()
    other = known - listings.unlisted(changed).count()
    return (
        f"About {max(items - other, 0):,} listings would come: {changed.warehouse} has {items:,} active items, of "
        f"which {other:,} are known to have an alias or a listing, or are not to be published."
    )


def _of_quantities(stored: Route, changed: Route) -> Foreseen:
    refusal = _why_not(stored)
    if refusal:
        return Foreseen((), 0, refusal)
    try:
        trial, note = _located(stored, changed)
    except IntegrationError as exc:
        return Foreseen((), 0, f"No quantity can be foreseen, since the locations could not be asked for: {exc}")
    if not trial.location_id:
        return Foreseen((), 0, f"No quantity can be foreseen: {note}")
    rows = list(stored.listings.order_by("pk")[:MOST_LISTINGS])
    before, after = (decide(route, now.pending(), rows) for route in (stored, trial))
    return _compared(before, after, " ".join(filter(None, (note, _left_out(stored, rows)))))


def of_rule(rule: InventoryRule) -> Foreseen:
    """A rule as it would be saved. One that starts later is tried as if it started now."""
    refusal = _why_not(rule.route)
    if refusal:
        return Foreseen((), 0, refusal)
    at = timezone.now()
    trial, note = _trial(rule, at)
    rows = _listings_of(rule)
    return _tried(rule, rows, trial.save, note)


def of_removal(rule: InventoryRule) -> Foreseen:
    """A rule taken away."""
    refusal = _why_not(rule.route)
    return Foreseen((), 0, refusal) if refusal else _tried(rule, _listings_of(rule), copy(rule).delete, "")


def _tried(rule: InventoryRule, rows: Sequence[Listing], change: Callable[[], object], note: str) -> Foreseen:
    before = decide(rule.route, now.pending(), rows)
    with transaction.atomic():
        change()
        after = decide(rule.route, now.pending(), rows)
        transaction.set_rollback(True)
    left_out = "" if rule.listing_id else _left_out(rule.route, rows)
    return _compared(before, after, " ".join(filter(None, (note, left_out))))


def _located(stored: Route, changed: Route) -> tuple[Route, str]:
    """The route with the ids of its locations, asked for where their names changed; and what is wrong with them."""
    if all(getattr(stored, name) == getattr(changed, name) for name in NAMES_OF_PLACES):
        return changed, ""
    trial, known = copy(changed), catalogue.port(changed.warehouse).locations()
    trial.location_id, problem = places.named(trial, trial.location_name.strip(), known)
    found = {name: places.named(trial, name, known) for name in trial.counted_names}
    trial.counted_location_ids = {name: place for name, (place, _) in found.items() if place}
    return trial, " ".join(filter(None, (problem, *(text for _, text in found.values()))))


def _trial(rule: InventoryRule, at: datetime) -> tuple[InventoryRule, str]:
    trial = copy(rule)
    if rule.ends_at and rule.ends_at <= at:
        return trial, "It has ended: nothing changes by it any more."
    if rule.starts_at and rule.starts_at > at:
        trial.starts_at = at
        return trial, f"Judged as if it held now; it starts {rule.starts_at:%Y-%m-%d %H:%M} UTC."
    return trial, ""


def _listings_of(rule: InventoryRule) -> list[Listing]:
    if rule.listing is not None:
        return now.of_one_sku(rule.listing)
    return list(rule.route.listings.order_by("pk")[:MOST_LISTINGS])


def _why_not(route: Route) -> str:
    if route.location_id:
        return ""
    return "No quantity can be foreseen: the location is not known yet, and nothing is published before it is."


def _left_out(route: Route, rows: Sequence[Listing]) -> str:
    total = route.listings.count() if len(rows) == MOST_LISTINGS else len(rows)
    return f"Only the first {len(rows):,} of {total:,} listings were judged." if total > len(rows) else ""


def _compared(before: Iterable[Decision], after: Iterable[Decision], note: str) -> Foreseen:
    """By listing: the SKU that it is shown under may be another one then."""
    was = {one.listing.pk: one for one in before}
    found = [(was.get(one.listing.pk), one) for one in after]
    rows = [
        Changed(one.listing.pk, one.sku, old.quantity, one.quantity)
        for old, one in found
        if old is not None and (old.quantity, old.sku) != (one.quantity, one.sku)
    ]
    return Foreseen(tuple(sorted(rows, key=lambda row: (row.by, row.listing))), len(found), note)
