"""One listing as it is at this moment: what it would show, and having it published by a person's word."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from integrations import registry
from integrations.dispatch import enqueue
from integrations.models import Route
from inventory import awaited, listings, outbox
from inventory.decisions import Decision, Pending, decide
from inventory.models import GuardedPublish, GuardedQuantity, Listing, Publication

T = Publication.Status
AT_ONCE = 500  # names in a query
NOT_ASKED = "The warehouse was not asked for its stock yet: run Pull levels."


class NotPublished(Exception):
    """It cannot be published now; the text says what to do."""


def pending() -> Pending:
    """Units on their way, which the layer above knows: the function that settings.PENDING names."""
    found: Pending = import_string(settings.PENDING)
    return found


def decision(listing: Listing) -> Decision | None:
    """What its SKU would show now, whichever listing speaks for that. None: one of its listings is switched off.

    Raises NotPublished when the route's location was not looked up yet.
    """
    route = listing.route
    if not route.location_id:
        raise NotPublished(_unlocated(route))
    made = decide(route, pending(), of_one_sku(listing))
    return next((one for one in made if listing.pk in (one.listing.pk, *(twin.pk for twin in one.twins))), None)


def publish(listing: Listing) -> str:
    """Have it published with the next run, even unchanged, under the same guard. Raises NotPublished."""
    refusal = why_not(listing)
    if refusal:
        raise NotPublished(refusal)
    with transaction.atomic():
        outbox.ask([listing.pk])
        transaction.on_commit(partial(enqueue, "publish_inventory", listing.route.marketplace_id))
    if held([listing.pk]):
        return f"A change of {listing} waits for a person: {listing} is published once that is decided."
    return f"{listing} is published as soon as a worker is free."


def held(pks: Sequence[int]) -> set[int]:
    """Those of which the guard holds back a change: nothing of them is sent but what orders take meanwhile."""
    waiting = GuardedQuantity.objects.filter(guarded__state=GuardedPublish.State.WAITING)
    return {
        pk
        for start in range(0, len(pks), AT_ONCE)
        for pk in waiting.filter(listing__in=pks[start : start + AT_ONCE]).values_list("listing", flat=True)
    }


def retry(parked: Sequence[Publication]) -> tuple[int, Counter[str]]:
    """Take up again what can be published: how many are, and why each other one is left as it is."""
    refusals = why_not_of([row.listing for row in parked])
    taken_up = outbox.retry([row for row in parked if row.listing_id not in refusals])
    return taken_up, Counter(refusals[row.listing_id] for row in parked if row.listing_id in refusals)


def why_not(listing: Listing) -> str:
    """Why it cannot be published now, in words; empty if it can."""
    return why_not_of([listing]).get(listing.pk, "")


def why_not_of(some: Iterable[Listing]) -> dict[int, str]:
    """The same of many, by id; those that can be published are not in it."""
    refusals, left = {}, defaultdict(list)
    for listing in some:
        refusal = _why_never(listing)
        if refusal:
            refusals[listing.pk] = refusal
        else:
            left[listing.route].append(listing)
    for route, rows in left.items():
        refusals |= _why_undecided(route, rows)
    return refusals


def _why_never(listing: Listing) -> str:
    """Why it cannot be published whatever its quantity is."""
    if not listing.is_active:
        return f"{listing} is switched off: switch it on first."
    refusal = why_nothing_of(listing.route)
    if refusal:
        return refusal
    if listing.route.publish_by == Route.PublishBy.FILE:
        return f"Route {listing.route} publishes by file: make an inventory file there and upload it."
    if "shown_by" in listing.explanation:
        return f"Listing {listing.explanation['shown_by']} shows the quantity of this SKU: publish that one."
    if not listing.route.location_id:
        return _unlocated(listing.route)
    return ""


def _why_undecided(route: Route, rows: Sequence[Listing]) -> dict[int, str]:
    """By id, why there is no quantity to be told of these listings, as everything is now."""
    waits = awaited.stock(route)
    if waits:
        return {row.pk: f"{waits[:1].upper()}{waits[1:]}." for row in rows}
    made = decide(route, pending(), _of_same_skus(route, rows))
    by_listing = {row.pk: one for one in made for row in (one.listing, *one.twins)}
    perhaps = outbox.perhaps_shown(route)
    shown = {row.pk for row in rows if row.published_quantity is not None or row.pk in perhaps}
    found = {row.pk: _why_nothing(by_listing.get(row.pk), is_shown=row.pk in shown) for row in rows}
    return {pk: why for pk, why in found.items() if why}


def _why_nothing(one: Decision | None, is_shown: bool) -> str:
    if one is None:
        return "A listing with the same SKU is switched off: what is shown stays as it is."
    if one.problem:
        return "" if is_shown else f"It was never shown, and is not before this is put right: {one.problem}"
    if one.not_published:
        return f"Nothing is published of it, since {one.not_published}."
    return "" if one.quantity is not None else NOT_ASKED


def why_nothing_of(route: Route) -> str:
    """Why the marketplace is told nothing of a route now, in words; empty if it is."""
    if route.state == Route.State.PAUSED:
        return f"Route {route} is paused: nothing of it is published."
    if not registry.may_reach(route, route.marketplace):
        return f"Route {route} is in test: {route.marketplace} is told nothing of it before it is live."
    return ""


def of_one_sku(listing: Listing) -> list[Listing]:
    """The listings of the route that are shown under the same SKU: they are decided together."""
    return _of_same_skus(listing.route, [listing])


def _of_same_skus(route: Route, some: Iterable[Listing]) -> list[Listing]:
    names = list(dict.fromkeys(listings.published_name(row, route) for row in some))
    found: dict[int, Listing] = {}
    for start in range(0, len(names), AT_ONCE):
        rows = route.listings.filter(listings.by_names(names[start : start + AT_ONCE])).order_by("pk")
        found |= {row.pk: row for row in rows}
    wanted = set(names)
    return [row for row in found.values() if listings.published_name(row, route) in wanted]


def _unlocated(route: Route) -> str:
    return f"The location of route {route} is not known yet: run Pull levels of {route.warehouse}."
