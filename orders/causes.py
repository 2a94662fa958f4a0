"""What orders wait for that one mapping mends: a SKU, a shipping code, a carrier's text. Read from open holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Min, Q, QuerySet, Sum, When
from django.db.models.functions import Trim

from integrations.models import Connection, Route
from orders import ship_dates
from orders.models import Hold, Order

K = Hold.Kind
SKU_KINDS = (K.UNKNOWN_SKU, K.AMBIGUOUS_SKU)
BEFORE_SENDING = (*SKU_KINDS, K.UNMAPPED_SHIPPING)
MAPPED = (*BEFORE_SENDING, K.UNKNOWN_CARRIER)
KEY = ("order__connection", "kind", "subject")


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing to map, of one marketplace."""

    marketplace: Connection
    kind: Hold.Kind
    subject: str

    def holds(self) -> QuerySet[Hold]:
        return Hold.objects.filter(
            resolved_at=None, order__connection=self.marketplace, kind=self.kind, subject=self.subject
        )

    def orders(self) -> QuerySet[Order]:
        """The orders that wait for it, oldest first."""
        return Order.objects.filter(pk__in=self.holds().values("order")).order_by("ordered_at", "pk")

    @property
    def concerns_parcels(self) -> bool:
        """Whether the orders were sent already: it is the marketplace that waits."""
        return self.kind == K.UNKNOWN_CARRIER


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for a cause. `units` are those to be shipped, or to be told of.

    `ship_by` is the first of the orders' ship dates, and `paused` is how many of them wait for their route to be
    switched on, by its name.
    """

    cause: Cause
    orders: int
    units: int
    since: datetime
    ship_by: date | None
    paused: Mapping[str, int]


def grouped(search: str = "") -> Any:
    """A query set with a row (a dictionary) per cause that orders wait for, the one with most orders first."""
    open_holds = Hold.objects.filter(resolved_at=None, kind__in=MAPPED)
    if search:
        open_holds = open_holds.filter(subject__icontains=search)
    rows = open_holds.order_by().values(*KEY)
    counted = rows.annotate(orders=Count("pk"), since=Min("opened_at"), oldest=Min("order__ordered_at"))
    return counted.order_by("-orders", "oldest", *KEY)


def count() -> int:
    """Of those that orders wait for before they are sent; carriers are the worklist *Carrier unknown*'s to count."""
    return int(grouped().filter(kind__in=BEFORE_SENDING).count())


def waiting(rows: Sequence[dict[str, Any]]) -> list[Waiting]:
    """These rows of `grouped` with their units, whatever their number with four queries."""
    units, paused, ship_by = _units(rows), _paused(rows), _ship_by(rows)
    marketplaces = Connection.objects.in_bulk([row["order__connection"] for row in rows])
    return [
        Waiting(
            Cause(marketplaces[row["order__connection"]], K(row["kind"]), row["subject"]),
            row["orders"], units.get(_key(row), 0), row["since"], ship_by.get(_key(row)), paused.get(_key(row), {}),
        )
        for row in rows
    ]  # fmt: skip


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _open(rows: Sequence[dict[str, Any]]) -> QuerySet[Hold]:
    """The open holds of these causes, and perhaps of others that share a part of the key."""
    return Hold.objects.filter(resolved_at=None, **{f"{name}__in": {row[name] for row in rows} for name in KEY})


def _ship_by(rows: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], date]:
    """Routes have days of their own, so that the oldest order need not be the first to ship."""
    days = "order__route__ship_within_days"
    mine = _open(rows).exclude(order__route=None).order_by().values(*KEY, days)
    found: dict[tuple[Any, ...], date] = {}
    for row in mine.annotate(day=Min("order__ordered_on")):
        first = ship_dates.ship_date(row["day"], row[days])
        found[_key(row)] = min(first, found.get(_key(row), first))
    return found


def _paused(rows: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, int]]:
    """Parcels of a paused route are told of all the same."""
    held = _open(rows).filter(order__route__state=Route.State.PAUSED).exclude(kind=K.UNKNOWN_CARRIER)
    found: dict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for row in held.order_by("order__route__name").values(*KEY, "order__route__name").annotate(orders=Count("pk")):
        found[_key(row)][row["order__route__name"]] = row["orders"]
    return found


def _units(rows: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], int]:
    mine = _open(rows).filter(order__lines__is_cancelled=False)
    spelt = mine.alias(partner=Trim("order__lines__partner_sku"), option=Trim("order__lines__option_sku"))
    concerned = spelt.filter(~Q(kind__in=SKU_KINDS) | Q(partner=F("subject")) | Q(option=F("subject")))
    left = Case(
        When(kind=K.UNKNOWN_CARRIER, then=F("order__lines__quantity_shipped") - F("order__lines__quantity_confirmed")),
        default=F("order__lines__quantity_to_ship"),
        output_field=IntegerField(),
    )
    sums = concerned.order_by().values(*KEY).annotate(units=Sum(left))
    return {_key(row): row["units"] for row in sums}
