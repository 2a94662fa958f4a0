"""The tabs of the list of orders, as conditions on them. What waits for a person, by record: `orders.worklists`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Exists, F, OuterRef, Q

from integrations.transmissions import Transmission
from orders.models import (
    OUTBOXES,
    Hold,
    Order,
    OrderLine,
    ShipmentConfirmation,
)

T = Transmission.Status


@dataclass(frozen=True, slots=True)
class Worklist:
    title: str
    condition: Q


def _own(rows: object) -> Q:
    return Q(Exists(rows))  # type: ignore[arg-type]


_HOLDS = Hold.objects.filter(order=OuterRef("pk"), resolved_at=None)
_REFUSED = [box.model._default_manager.filter(order=OuterRef("pk"), status=T.PARKED) for box in OUTBOXES]
_UNTOLD = OrderLine.objects.filter(
    order=OuterRef("pk"), quantity_shipped__gt=F("quantity_confirmed"), is_cancelled=False
)
_OPEN = ShipmentConfirmation.objects.filter(order=OuterRef("pk")).exclude(status__in=(T.ACCEPTED, T.WITHDRAWN))

OF_ORDERS = {
    "held": Worklist("On hold", _own(_HOLDS)),
    "refused": Worklist("Refused", reduce(or_, map(_own, _REFUSED))),
    "unconfirmed": Worklist("To confirm", _own(_UNTOLD) | _own(_OPEN)),
}


@dataclass(frozen=True, slots=True)
class Tab:
    title: str
    query: str
    count: int
    is_active: bool


def tabs(chosen: str) -> list[Tab]:
    """The worklists with how many orders each holds, and all orders."""
    found = counts()
    shown = [Tab(one.title, f"?list={name}", found[name], chosen == name) for name, one in OF_ORDERS.items()]
    return [*shown, Tab("All", "?", Order.objects.count(), not chosen)]


def counts() -> dict[str, int]:
    return {name: Order.objects.filter(one.condition).count() for name, one in OF_ORDERS.items()}
