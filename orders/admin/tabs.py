"""The tabs of the list of orders: conditions on orders. What waits for a person, by record: `orders.worklists`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Value

from integrations.transmissions import Transmission
from orders.models import OUTBOXES, TO_CONFIRM, Hold, Order, OrderLine, ShipmentConfirmation

T = Transmission.Status
ALL = "all"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the orders of a tab have in common."""

    title: str
    means: Q


def _of(*sources: QuerySet[Any]) -> Q:
    """The orders of these rows. They are few and found by indexes of their own: no order is looked at for nothing."""
    first, *others = (rows.order_by().values("order") for rows in sources)
    return Q(pk__in=first.union(*others, all=True) if others else first)


_REFUSED = [box.model._default_manager.filter(status=T.PARKED) for box in OUTBOXES]
_OPEN = ShipmentConfirmation.objects.filter(status__in=(T.PENDING, T.IN_FLIGHT, T.UNCONFIRMED, T.PARKED))

CONDITIONS = {
    "held": Condition("On hold", _of(Hold.objects.filter(resolved_at=None))),
    "refused": Condition("Refused", _of(*_REFUSED)),
    "unconfirmed": Condition("To confirm", _of(OrderLine.objects.filter(TO_CONFIRM), _OPEN)),
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
