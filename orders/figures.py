"""The figures of the start page, each from the database with one query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from integrations.transmissions import Transmission
from integrations.wording import lasted
from orders.models import Order, Shipment, ShipmentConfirmation, WarehouseSubmission

T = Transmission.Status
AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
DAYS = 30
LATENCY_DAYS = 7
SAMPLE = 2_000  # the newest of a leg; more make p95 no truer and the page slower


@dataclass(frozen=True, slots=True)
class Standing:
    """The orders of one status: how many, and how many were placed longer ago than each of AGES."""

    status: str
    number: int
    older: tuple[int, ...]


def standings(now: datetime) -> list[Standing]:
    """Of the statuses that some order has, in their order."""
    older = {f"older_{place}": Count("pk", filter=Q(ordered_at__lt=now - age)) for place, age in enumerate(AGES)}
    rows: Any = Order.objects.order_by().values("status").annotate(number=Count("pk"), **older)
    found: dict[str, Any] = {row["status"]: row for row in rows}
    return [
        Standing(status, found[status]["number"], tuple(found[status][name] for name in older))
        for status in Order.Status.values
        if status in found
    ]


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    number: int


def orders_per_day(today: date) -> list[Day]:
    """By the day of the order, today last."""
    first = today - timedelta(days=DAYS - 1)
    rows = Order.objects.filter(ordered_on__gte=first, ordered_on__lte=today).order_by()
    return _every_day(first, rows.values_list("ordered_on").annotate(Count("pk")))


def parcels_per_day(today: date) -> list[Day]:
    """By the day in UTC on which they left the warehouse, today last."""
    first = today - timedelta(days=DAYS - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=timezone.get_default_timezone())
    rows = Shipment.objects.filter(state=Shipment.State.SHIPPED, shipped_at__gte=since).order_by()
    return _every_day(first, rows.annotate(day=TruncDate("shipped_at")).values_list("day").annotate(Count("pk")))


def _every_day(first: date, rows: Any) -> list[Day]:
    found: dict[date, int] = dict(rows)
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return [Day(day, found.get(day, 0)) for day in days]


@dataclass(frozen=True, slots=True)
class Leg:
    """How long one step takes: of `number` orders, parcels or confirmations of the last days, the middle one and the
    slowest 5 %.
    """

    title: str
    number: int
    p50: timedelta | None
    p95: timedelta | None

    @property
    def p50_text(self) -> str:
        return lasted(self.p50)

    @property
    def p95_text(self) -> str:
        return lasted(self.p95)


def latency(now: datetime) -> list[Leg]:
    """Of each step of an order, from what ended in the last LATENCY_DAYS days; at most the newest SAMPLE of it."""
    since = now - timedelta(days=LATENCY_DAYS)
    return [_leg(title, rows) for title, rows in _legs(since)]


def _legs(since: datetime) -> Iterator[tuple[str, QuerySet[Any, Any]]]:
    """Begin and end of each, the newest first."""
    pulled = Order.objects.filter(received_at__gte=since).order_by("-received_at")
    yield "Placed → pulled", pulled.values_list("ordered_at", "received_at")
    sent = WarehouseSubmission.objects.filter(status=T.ACCEPTED, finished_at__gte=since).order_by("-finished_at")
    yield "Pulled → sent", sent.values_list("order__received_at", "finished_at")
    left = Shipment.objects.filter(state=Shipment.State.SHIPPED, shipped_at__gte=since).order_by("-shipped_at")
    parcels = Shipment.objects.filter(pk__in=left[:SAMPLE].values("pk")).order_by()
    yield "Sent → shipped", parcels.values_list("order__submission__finished_at", "shipped_at")
    told = ShipmentConfirmation.objects.filter(status=T.ACCEPTED, finished_at__gte=since).order_by("-finished_at")
    newest = ShipmentConfirmation.objects.filter(pk__in=told[:SAMPLE].values("pk")).order_by()
    began = newest.annotate(began=Min("lines__shipped_at"))  # of several parcels the one that has waited longest
    yield "Shipped → confirmed", began.values_list("began", "finished_at")


def _leg(title: str, rows: QuerySet[Any, Any]) -> Leg:
    taken = sorted(max(end - begin, timedelta(0)) for begin, end in rows[:SAMPLE] if begin and end)
    return Leg(title, len(taken), percentile(taken, 50), percentile(taken, 95))


def percentile(ordered: list[timedelta], per_cent: int) -> timedelta | None:
    """The smallest that so many per cent of them do not exceed (nearest rank). None of nothing."""
    return ordered[max(-(-len(ordered) * per_cent // 100), 1) - 1] if ordered else None
