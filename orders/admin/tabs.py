"""The tabs of the list of orders: conditions on orders. What waits for a person, by record: `orders.worklists`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Value

from integrations.transmissions import Transmission
from orders.models import (
    OUTBOXES,
    Hold,
    Order,
    OrderLine,
    ShipmentConfirmation,
)

T = Transmission.Status
ALL = "all"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the orders of a tab have in common."""

    title: str
    means: Q


def _own(rows: object) -> Q:
    return Q(Exists(rows))  # type: ignore[arg-type]


_HOLDS = Hold.objects.filter(order=OuterRef("pk"), resolved_at=None)
_REFUSED = [box.model._default_manager.filter(order=OuterRef("pk"), status=T.PARKED) for box in OUTBOXES]
_UNTOLD = OrderLine.objects.filter(
    order=OuterRef("pk"), quantity_shipped__gt=F("quantity_confirmed"), is_cancelled=False
)
_OPEN = ShipmentConfirmation.objects.filter(order=OuterRef("pk")).exclude(status__in=(T.ACCEPTED, T.WITHDRAWN))

CONDITIONS = {
    "held": Condition("On hold", _own(_HOLDS)),
    "refused": Condition("Refused", reduce(or_, map(_own, _REFUSED))),
    "unconfirmed": Condition("To confirm", _own(_UNTOLD) | _own(_OPEN)),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab as it is shown."""

    title: str
    query: str
    count: int
    is_active: bool


def tabs(chosen: str) -> list[Tab]:
    """The tabs with how many orders each holds, and all orders."""
    found = counts()
    shown = [Tab(one.title, f"?list={name}", found[name], chosen == name) for name, one in CONDITIONS.items()]
    return [*shown, Tab("All", "?", found[ALL], not chosen)]


def counts() -> dict[str, int]:
    """How many orders each has, and how many there are; one query."""
    first, *others = (
        Order.objects.filter(condition).order_by().annotate(tab=Value(name)).values("tab").annotate(orders=Count("pk"))
        for name, condition in ((ALL, Q()), *((name, one.means) for name, one in CONDITIONS.items()))
    )
    rows: Any = first.union(*others, all=True).values_list("tab", "orders")
    return dict.fromkeys((ALL, *CONDITIONS), 0) | dict(rows)
