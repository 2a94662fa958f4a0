"""Orders are read again after their first day: right before they are sent, and all of them by a slower job.

A window shows orders by creation, so a later cancellation comes only to who asks for that time again
(supplier-oasis 8.2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from integrations.errors import IntegrationError
from integrations.models import Connection
from integrations.runs import Run
from orders import arrivals, intake, readback, settling
from orders.models import Hold, Order
from orders.windows import FURTHEST_BACK

S = Order.Status
# An order seen within this time may go out unread when the marketplace is in trouble.
SEEN_LATELY = timedelta(minutes=30)


def revisit(run: Run) -> None:
    """Read the last 30 days again: what was cancelled or came late. A call for each 24 hours (a setting)."""
    routes, now = intake.active_routes(run.connection), timezone.now().replace(microsecond=0)
    read = [route.read_until for route in routes if route.read_until]
    if not read:
        _follow_sent(run)
        return
    market = run.marketplace()
    earliest = datetime.combine(min(route.earliest_order_date for route in routes), time.min, market.time_zone)
    since, until = max(earliest, now - FURTHEST_BACK), min(now, *read)
    if since < until:
        run.window(since, until)
        intake.read(run, market, routes, since, until, in_long_slices=True)
        intake.settle_arrivals(run, routes)


def _follow_sent(run: Run) -> None:
    """Where every route is paused, or nothing was pulled yet: what the warehouse has may be cancelled all the same."""
    sent = Order.objects.filter(connection=run.connection, status__in=(S.SUBMITTED, S.PARTLY_SHIPPED))
    recent, now = list(sent.filter(received_at__gt=timezone.now() - FURTHEST_BACK)), timezone.now()
    numbers = frozenset(order.full_number for order in recent)
    for since, until in readback.windows(recent):
        intake.read(run, run.marketplace(), (), since, min(until, now), only=numbers, in_long_slices=True)


def before_sending(run: Run, orders: Sequence[Order], soon: Set[str]) -> set[int]:
    """Look at these orders on their marketplaces once more; the ids of those that must not go out now.

    Of the others that the same answers show, those with the numbers in `soon` are compared too.
    """
    by_marketplace: dict[Connection, list[Order]] = defaultdict(list)
    for order in orders:
        by_marketplace[order.connection].append(order)
    unclear: set[int] = set()
    for marketplace, group in by_marketplace.items():
        started = timezone.now()
        complete = _read_again(run, marketplace, group, soon)
        seen = Order.objects.filter(pk__in=[order.pk for order in group], last_seen_at__gte=started)
        shown = set(seen.values_list("pk", flat=True))
        unseen = [order for order in group if order.pk not in shown]
        unclear |= {one.pk for one in unseen if _must_wait(run, one, complete, is_outage=not marketplace.is_stopped)}
    return unclear


def _read_again(run: Run, marketplace: Connection, orders: Sequence[Order], soon: Set[str]) -> bool:
    """Whether all of it could be read; what is wanted of it is compared as in any pull."""
    if marketplace.is_stopped or not marketplace.is_active:
        return False
    taker = intake.Intake(run, marketplace, intake.active_routes(marketplace))
    wanted = soon | {order.full_number for order in orders}
    try:
        market = run.other_marketplace(marketplace)
        for since, until in readback.windows(orders):
            run.beat()
            for told in market.orders(since, min(until, timezone.now())):
                if told.number in wanted:  # thousands may have been created in the same minutes
                    taker.take(told)
    except IntegrationError as exc:  # the marketplace's trouble is not this warehouse's
        run.trouble_with(marketplace, exc)
        return False
    return True


def _must_wait(run: Run, order: Order, complete: bool, *, is_outage: bool) -> bool:
    """An order that was not shown again: sent if it was seen lately, else it waits, or a person looks.

    Where our credentials are refused it waits in any case: that lasts until a person has entered others.
    """
    if is_outage and order.last_seen_at > timezone.now() - SEEN_LATELY:
        return False
    if not complete:
        run.problem(f"order {order} waits: {order.connection} cannot be asked whether it still stands")
    elif order.marketplace_created_at and not order.holds.filter(kind=Hold.Kind.GONE).exists():
        _hold_gone(order)
    else:
        return False
    return True


@transaction.atomic
def _hold_gone(order: Order) -> None:
    if not arrivals.withdraw(order):
        return
    settling.open_hold(
        order, Hold.Kind.GONE, "",
        f"{order.connection} no longer shows this order, last seen {order.last_seen_at:%Y-%m-%d %H:%M} UTC. "
        "Look for it there, then release or skip it.",
    )  # fmt: skip
    order.move_to(Order.Status.ON_HOLD, reason="gone from the marketplace")
