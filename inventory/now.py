"""One listing as it is at this moment: what it would show, and having it published by a person's word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from integrations import registry
from integrations.dispatch import enqueue
from integrations.models import Route
from inventory import listings, outbox
from inventory.decisions import Decision, Pending, decide
from inventory.models import Listing, Publication


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
        raise NotPublished(f"The location of route {route} is not known yet: run Pull levels of {route.warehouse}.")
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
    return f"{listing} is published as soon as a worker is free."


def retry(parked: Sequence[Publication]) -> tuple[int, Counter[str]]:
    """Take up again what can be published: how many are, and why each other one is left as it is."""
    refusals = {row.pk: why_not(row.listing) for row in parked}
    taken_up = outbox.retry([row for row in parked if not refusals[row.pk]])
    return taken_up, Counter(filter(None, refusals.values()))


def why_not(listing: Listing) -> str:
    """Why it cannot be published now, in words; empty if it can."""
    if not listing.is_active:
        return f"{listing} is switched off: switch it on first."
    refusal = why_nothing_of(listing.route)
    if refusal:
        return refusal
    if listing.route.publish_by == Route.PublishBy.FILE:
        return f"Route {listing.route} publishes by file: make an inventory file there and upload it."
    if "shown_by" in listing.explanation:
        return f"Listing {listing.explanation['shown_by']} shows the quantity of this SKU: publish that one."
    return ""


def why_nothing_of(route: Route) -> str:
    """Why the marketplace is told nothing of a route now, in words; empty if it is."""
    if route.state == Route.State.PAUSED:
        return f"Route {route} is paused: nothing of it is published."
    if not registry.may_reach(route, route.marketplace):
        return f"Route {route} is in test: {route.marketplace} is told nothing of it before it is live."
    return ""


def of_one_sku(listing: Listing) -> list[Listing]:
    """The listings of the route that are shown under the same SKU: they are decided together."""
    name = listings.published_name(listing, listing.route)
    rows = listing.route.listings.filter(listings.by_names([name])).order_by("pk")
    return [row for row in rows if listings.published_name(row, listing.route) == name]
