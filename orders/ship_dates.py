"""By when an order is to ship, and which ones are late: from the day of the order and its route's business days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Min, Q
from django.utils import timezone

from integrations.models import Route
from orders.models import Order

# Marketplaces in America are at their last day until then, in UTC; before, nothing of that day is late.
DAY_ENDS = timedelta(hours=8)
SATURDAY = 5


def today(now: datetime | None = None) -> date:
    """The day that is not over yet where the customers are."""
    return ((now or timezone.now()) - DAY_ENDS).date()


def ship_date(ordered_on: date, business_days: int) -> date:
    """The last day on which an order of that day ships in time. Monday to Friday count; holidays are not known."""
    day, left = ordered_on, business_days
    while left or day.weekday() >= SATURDAY:
        day += timedelta(days=1)
        left -= 1 if left and day.weekday() < SATURDAY else 0
    return day


def of_order(order: Order) -> date | None:
    """An order's ship date; None before it has a route."""
    return ship_date(order.ordered_on, order.route.ship_within_days) if order.route else None


def days_late(order: Order) -> int:
    """How many days ago an order that has not shipped had to; 0 for one that is in time or has left."""
    day = of_order(order)
    return max((today() - day).days, 0) if day and order.status in Order.UNSHIPPED else 0


def first_with(day: date, business_days: int) -> date:
    """The first day of an order whose ship date is `day` or later: orders from before then had to ship before it."""
    earliest = day
    while ship_date(earliest - timedelta(days=1), business_days) >= day:
        earliest -= timedelta(days=1)
    return earliest


def unshipped() -> Q:
    return Q(status__in=Order.UNSHIPPED)


@dataclass(frozen=True, slots=True)
class Windows:
    """Conditions on unshipped orders of routes: too late, to be shipped today, and on the next business day."""

    late: Q
    today: Q
    next: Q


def windows(routes: Iterable[Route], day: date) -> Windows:
    """By each route's own days. Of no routes: conditions that nothing meets."""
    nothing = Q(pk__in=())
    late, due, soon = nothing, nothing, nothing
    following = ship_date(day, 1)
    for route in routes:
        days = route.ship_within_days
        first, then, after = (first_with(one, days) for one in (day, following, following + timedelta(days=1)))
        late |= Q(route=route, ordered_on__lt=first)
        due |= Q(route=route, ordered_on__gte=first, ordered_on__lt=then)
        soon |= Q(route=route, ordered_on__gte=then, ordered_on__lt=after)
    return Windows(late & unshipped(), due & unshipped(), soon & unshipped())


def current() -> Windows:
    """Those of all routes, today."""
    return windows(Route.objects.only("pk", "ship_within_days"), today())


@dataclass(frozen=True, slots=True)
class Risk:
    """How many unshipped orders are late, since which day of order, and how many are due today and next."""

    late: int
    oldest: date | None
    today: int
    next: int


def risk() -> Risk:
    """Two queries: the routes and the orders."""
    when = current()
    found = Order.objects.filter(unshipped(), route__isnull=False).aggregate(
        late=Count("pk", filter=when.late), oldest=Min("ordered_on", filter=when.late),
        today=Count("pk", filter=when.today), next=Count("pk", filter=when.next),
    )  # fmt: skip
    return Risk(found["late"], found["oldest"], found["today"], found["next"])
