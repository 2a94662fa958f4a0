"""Pull: store what is new, notice what changed. One record that cannot be read or stored never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from integrations.errors import IntegrationError
from integrations.models import Connection, Route
from integrations.ports import Marketplace, MarketplaceOrder, UnreadableOrder
from integrations.redaction import named
from integrations.runs import Run
from orders import arrivals, confirmed_orders, edits, forgetting, personal_data, reopened_orders, settling
from orders.carriers import seed
from orders.models import Backfill, IllegalTransition, Order, UnreadableRecord
from orders.models.order import MAX_NUMBER_CHARS as NUMBER_CHARS
from orders.windows import resume_point, slices

MAX_RAW_CHARS = 64_000
READ_LATER = "read well later"
# What makes one order unfit for our tables; anything else is trouble of the whole pull.
UNSTORABLE = (ValidationError, DataError, IntegrityError, ValueError, ArithmeticError)


def pull(run: Run) -> None:
    """Read every window since the last look, move the watermarks, and judge what came in."""
    routes = active_routes(run.connection)
    if not routes:
        return
    # The systems count in whole seconds: what is promised as read must have been asked for.
    market, now = run.marketplace(), timezone.now().replace(microsecond=0)
    overlap = timedelta(minutes=run.connection.overlap_minutes)
    start = min(
        resume_point(r.read_until, r.earliest_order_date, market.time_zone, overlap=overlap, now=now) for r in routes
    )
    run.window(start, now)
    read(run, market, routes, start, now, on_read=lambda until: _move_watermarks(routes, until), is_over=run.hands_over)
    settle_arrivals(run, routes)


def active_routes(connection: Connection) -> list[Route]:
    routes = Route.objects.filter(marketplace=connection).exclude(state=Route.State.PAUSED)
    return list(routes.select_related("warehouse", "marketplace"))


def read(
    run: Run, market: Marketplace, routes: Sequence[Route], since: datetime, until: datetime, *,
    too_old_too: bool = False, on_read: Callable[[datetime], None] = lambda until: None, in_long_slices: bool = False,
    only: frozenset[str] = frozenset(), is_over: Callable[[], bool] = lambda: False,
) -> set[str]:  # fmt: skip
    """Store the orders of a window, slice by slice; with `only` those of these numbers. The numbers that were told.

    `on_read` is told after each slice up to when everything is committed; once `is_over`, the rest is left unread.
    """
    seed(run.connection)
    intake = Intake(run, run.connection, routes, too_old_too=too_old_too)
    taken: set[str] = set()
    for start, end in windows_of(run.connection, since, until, in_long_slices=in_long_slices):
        run.beat()
        # Asked before the read: what is certain then stays so, whatever the clock does meanwhile.
        certain = market.certain_until(end)
        for told in market.orders(start, end):
            if not only or told.number in only:
                intake.take(told)
                taken.add(told.number)
            if is_over():
                break
        else:
            on_read(certain)
        if is_over():
            run.note("not read to the end; the next run goes on")
            break
    return taken


def windows_of(
    connection: Connection, since: datetime, until: datetime, *, in_long_slices: bool = False
) -> Iterator[tuple[datetime, datetime]]:
    """One request's window after the other, as long as the connection's settings say."""
    recent = timedelta(minutes=connection.recent_slice_minutes)
    older = timedelta(hours=connection.older_slice_hours)
    return slices(since, until, recent=older if in_long_slices else recent, older=older)


def settle_arrivals(run: Run, routes: Sequence[Route]) -> None:
    """Judge what came in now, so that it is on its way within seconds; a warehouse in trouble only delays that."""
    for warehouse in {route.warehouse for route in routes}:
        own = [route for route in routes if route.warehouse_id == warehouse.pk]
        arrived = [o for o in settling.waiting(own) if o.status == Order.Status.RECEIVED]
        if not arrived:
            continue
        try:
            port = None if warehouse.is_stopped else run.other_warehouse(warehouse)
            run.count("ready", settling.settle(arrived, port, own) if port else 0)
        except IntegrationError as exc:  # the warehouse's trouble is not this marketplace's
            run.count("left to judge later", len(arrived))
            run.trouble_with(warehouse, exc)
        run.wake("submit_orders", warehouse.pk)


class Intake:
    """Stores orders of one marketplace as it tells them. `routes` are those that are switched on."""

    def __init__(
        self, run: Run, marketplace: Connection, routes: Sequence[Route], *, too_old_too: bool = False
    ) -> None:
        self._run = run
        self._marketplace = marketplace
        self._routes = routes
        self._others = list(Route.objects.filter(marketplace=marketplace).exclude(pk__in=[r.pk for r in routes]))
        self._too_old_too = too_old_too

    def take(self, told: MarketplaceOrder | UnreadableOrder) -> None:
        """Store one order in its own transaction; what cannot be stored is kept as it came, with the reason."""
        if isinstance(told, UnreadableOrder):
            self._keep_unreadable(told)
            return
        try:
            with transaction.atomic():
                verdict = self._store(told)
        except UNSTORABLE as exc:
            self._keep_unreadable(UnreadableOrder(told.number, reason_of(exc), told.raw))
            return
        except IllegalTransition:
            return  # a person or another worker moved it meanwhile; it is looked at again with the next window
        self._run.count(verdict)

    def _store(self, told: MarketplaceOrder) -> str:
        if arrivals.seen_unchanged(self._marketplace, told):
            resolve_unreadable(self._marketplace, told.number)
            return "seen again"
        # Locked, since a test order may be removed this moment: it is then stored anew, or seen while it still stands.
        known = Order.objects.select_for_update().filter(
            connection=self._marketplace, sales_channel=told.sales_channel, full_number=told.number
        ).first()  # fmt: skip
        if known is not None:
            resolve_unreadable(self._marketplace, told.number)
            return self._seen_again(known, told)
        route = settling.match_route(told.warehouse_name, self._routes)
        other = settling.match_route(told.warehouse_name, self._others) if route is None else None
        if other is not None:
            return "of paused routes" if other.state == Route.State.PAUSED else "of other routes"
        too_old_too = self._too_old_too or self._is_asked_for(told, route)
        order = arrivals.store_new(self._marketplace, route, told, too_old_too=too_old_too)
        resolve_unreadable(self._marketplace, told.number)
        return "skipped" if order.status == Order.Status.SKIPPED else "new"

    def _is_asked_for(self, told: MarketplaceOrder, route: Route | None) -> bool:
        """Whether a person wants it by its number, though it is too old for its route: whoever sees it first."""
        if route is None or not settling.too_old(told.ordered_at.date(), route):
            return False
        asked = Backfill.objects.filter(route=route, finished_at=None).values_list("numbers", flat=True)
        return any(told.number in numbers for numbers in asked)

    def _seen_again(self, known: Order, told: MarketplaceOrder) -> str:
        is_reopened = reopened_orders.notice(known, personal_data.as_kept(known, told))
        forgetting.give_back(known, told)
        told = personal_data.as_kept(known, told)
        verdict = arrivals.seen_again(known, told)
        if is_reopened and verdict == "seen again":
            verdict = "changed"
        if edits.notice(known, told) or confirmed_orders.notice(known, told):
            verdict = "changed"
        if verdict in ("cancelled", "changed") and known.route is not None:
            self._run.wake("submit_orders", known.route.warehouse_id)
        return verdict

    def _keep_unreadable(self, told: UnreadableOrder) -> None:
        digest = sha256((told.number or told.raw).encode()).hexdigest()
        raw = told.raw[:MAX_RAW_CHARS].replace("\x00", "")
        again = UnreadableRecord.objects.filter(connection=self._marketplace, digest=digest, resolution=READ_LATER)
        again.update(resolved_at=None, resolution="")
        _, is_new = UnreadableRecord.objects.update_or_create(
            connection=self._marketplace,
            digest=digest,
            defaults={"last_seen_at": timezone.now(), "reason": told.reason[:2000], "raw": raw},
            create_defaults={"full_number": told.number[:NUMBER_CHARS], "reason": told.reason[:2000], "raw": raw},
        )
        self._run.count("unreadable" if is_new else "unreadable as before")


def resolve_unreadable(connection: Connection, number: str) -> None:
    unread = UnreadableRecord.objects.filter(full_number=number, connection=connection, resolved_at=None)
    unread.update(resolved_at=timezone.now(), resolution=READ_LATER)


def _move_watermarks(routes: Iterable[Route], until: datetime) -> None:
    """Forwards, never beyond now; back only from where a clock that was ahead has put them.

    One that somebody else has moved since this run has read it stays where it was put: its time is to be read again.
    """
    now = timezone.now()
    for route in routes:
        was, new = route.read_until, min(until, now)
        if was is not None and new <= was <= now:
            continue
        if Route.objects.filter(pk=route.pk, read_until=was).update(read_until=new):
            route.read_until = new


def reason_of(exc: Exception) -> str:
    return arrivals.misfits(exc) if isinstance(exc, ValidationError) else named(exc)
