"""What a pull would load, skip and hold, before anything is stored.

The very code that stores is run, inside a transaction that is rolled back, so that the preview cannot disagree with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from integrations.budget import RunJournal, SharedBudget
from integrations.connection_test import plain_name
from integrations.errors import Unavailable
from integrations.models import Connection, Route
from integrations.ports import MarketplaceOrder, UnreadableOrder
from integrations.registry import marketplace_for, warehouse_for
from inventory import catalogue
from inventory.aliases import Resolver, Wanted
from orders import arrivals, checklist, intake, settling
from orders.carriers import seed
from orders.models import Order
from orders.windows import resume_point

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Told = MarketplaceOrder | UnreadableOrder


@dataclass(frozen=True, slots=True)
class Row:
    """One order of a preview: load, hold, skip, known, elsewhere, unreadable or not found, and why."""

    number: str
    verdict: str
    ordered_at: datetime | None = None
    reasons: tuple[str, ...] = ()


def look_from(route: Route) -> datetime:
    """Where the route's next pull begins: at its earliest order date, or a little before what was read already."""
    overlap = timedelta(minutes=route.marketplace.overlap_minutes)
    zone = marketplace_for(route.marketplace).time_zone
    return resume_point(route.read_until, route.earliest_order_date, zone, overlap=overlap, now=timezone.now())


def preview_first_pull(route: Route, by: User | None = None) -> list[Row]:
    """What the route would load if it were switched on now; its set-up checklist remembers what was seen."""
    told = _read(route.marketplace, look_from(route), timezone.now())
    rows = _rows(route.marketplace, [route], told)
    checklist.remember(route, [one for one in told.values() if isinstance(one, MarketplaceOrder)], by)
    return rows


def preview(
    connection: Connection, routes: Sequence[Route], since: datetime, until: datetime, *,
    numbers: Collection[str] = (),
) -> list[Row]:  # fmt: skip
    """What a backfill of this window, or of these numbers in it, would do. Raises IntegrationError."""
    told = _read(connection, since, min(until, timezone.now()))
    if numbers:
        told = {number: told[number] for number in numbers if number in told}
    rows = _rows(connection, routes, told, too_old_too=True)
    missing = [number for number in numbers if number not in told]
    return [*rows, *(Row(n, "not found", None, (f"{connection} tells of none in that time",)) for n in missing)]


def _read(connection: Connection, since: datetime, until: datetime) -> dict[str, Told]:
    """Each order of the window once; the last telling counts."""
    market = marketplace_for(connection, journal=RunJournal(connection))
    told: dict[str, Told] = {}
    for start, end in intake.windows_of(connection, since, until):
        for order in market.orders(start, end):
            told[order.number or f"unreadable {len(told)}"] = order
    return told


def _rows(
    connection: Connection, routes: Sequence[Route], told: dict[str, Told], *, too_old_too: bool = False
) -> list[Row]:
    seed(connection)
    _learn(routes, told)
    others = list(Route.objects.filter(marketplace=connection).exclude(pk__in=[route.pk for route in routes]))
    with transaction.atomic():
        rows = [_row(connection, routes, others, one, too_old_too) for one in told.values()]
        transaction.set_rollback(True)
    return rows


def _learn(routes: Sequence[Route], told: dict[str, Told]) -> None:
    """Ask for the SKUs beforehand: no request leaves while the transaction is open."""
    lines = [line for order in told.values() if isinstance(order, MarketplaceOrder) for line in order.lines]
    for route in routes:
        resolver = Resolver(route, [Wanted(line.partner_sku, line.option_sku) for line in lines])
        budget, journal = SharedBudget(route.warehouse), RunJournal(route.warehouse)
        try:
            port = warehouse_for(route.warehouse, budget=budget, journal=journal)
            catalogue.learn(route.warehouse, port, resolver.warehouse_skus())
        except Unavailable:
            continue  # the preview says then which SKUs are not known


def _row(
    connection: Connection, routes: Sequence[Route], others: Sequence[Route], told: Told, too_old_too: bool
) -> Row:  # fmt: skip
    if isinstance(told, UnreadableOrder):
        return Row(told.number or "(no number)", "unreadable", None, (told.reason,))
    known = Order.objects.filter(
        connection=connection, sales_channel=told.sales_channel, full_number=told.number
    ).first()
    route = settling.match_route(told.warehouse_name, routes)
    if route is None and settling.match_route(told.warehouse_name, others):
        return Row(told.number, "elsewhere", told.ordered_at, (f"warehouse name {told.warehouse_name!r}",))
    if known is not None:
        is_taken_over = known.status in Order.UNSENT and known.route is None and route is not None
        taken = (f"it has no route yet: {route} takes it over",) if is_taken_over else ()
        return Row(told.number, "known", told.ordered_at, (known.get_status_display(), *taken))
    try:
        with transaction.atomic():
            order = arrivals.store_new(connection, route, told, too_old_too=too_old_too)
    except intake.UNSTORABLE as exc:
        return Row(told.number, "unreadable", told.ordered_at, (intake.reason_of(exc),))
    if order.status == Order.Status.SKIPPED:
        return Row(told.number, "skip", told.ordered_at, (order.skip_reason,))
    settling.settle([order], None, routes)
    holds = tuple(order.holds.filter(resolved_at=None).values_list("message", flat=True))
    near = tuple(_nearly(told.warehouse_name, [*routes, *others])) if route is None else ()
    return Row(told.number, "hold" if holds else "load", told.ordered_at, near + holds)


def _nearly(name: str, routes: Sequence[Route]) -> Iterator[str]:
    """That a route's name differs in capitals or blanks only: people take the two for one."""
    for route in routes:
        own = route.marketplace_warehouse_name
        if name.strip() and own != name and plain_name(own) == plain_name(name):
            yield f"Route {route} takes {own!r}, which differs in capitals or blanks only: write it as {name!r} there."
