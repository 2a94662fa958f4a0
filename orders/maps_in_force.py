"""The aliases and codes that an order is read by: those in force when it came in, and what became of them till its end.

A row of a map that was called otherwise then, and was renamed since, is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce, Concat

from inventory.models import SkuAlias
from orders.models import CarrierService, Order, OrderEvent, ShippingMethod

FIRST = "in force when the order came in"
BECAME = {"+": "made", "~": "changed", "-": "removed"}


class States(NamedTuple):
    """States of rows of one map, with what each was called, and what it said after the sign of what was done to it."""

    rows: QuerySet[Any]
    title: Concat
    said: Concat


def states(order: Order) -> Iterator[States]:
    """Of each map that the order needs."""
    lines = order.lines.all()
    skus = {sku for line in lines for sku in (line.partner_sku, line.option_sku) if sku}
    switched_off = Case(When(is_active=False, then=Value(", switched off")), default=Value(""))
    yield States(
        _of(SkuAlias, order, Q(marketplace_sku__in=skus)), _text(Value("SKU alias "), "marketplace_sku"),
        _text("history_type", Value(" "), "units", Value(" × "), "warehouse_sku", switched_off),
    )  # fmt: skip
    yield States(
        _of(ShippingMethod, order, Q(code=order.service_code)), _text(Value("Shipping method "), "code"),
        _text("history_type", Value(" "), "name"),
    )  # fmt: skip
    parcels = Q(pk__in=[])
    for one in order.shipments.all():
        parcels |= Q(Q(service_text__iexact=one.service) | Q(service_text="*"), carrier_text__iexact=one.carrier)
    yield States(
        _of(CarrierService, order, parcels),
        _text(Value("Carrier "), "carrier_text", Value(" "), "service_text"),
        _text("history_type", Value(" "), "carrier_code", Value(" "), "service_code"),
    )  # fmt: skip


def in_words(order: Order, at: Any, said: str) -> str:
    """A state as `States` says it, in the order's story."""
    sign, _, text = said.partition(" ")
    return f"{BECAME[sign] if at > order.received_at else FIRST}: {text.strip()}"


def _text(*parts: Any) -> Concat:
    return Concat(*parts, output_field=TextField())


def _of(model: Any, order: Order, named: Q) -> QuerySet[Any]:
    """By the key of the rows that there are, or were since then: their names have no index in the history."""
    since, mine = Q(history_date__gt=order.received_at), Q(connection=order.connection_id) & named
    known = Q(id__in=model.objects.filter(mine).values("pk"))
    gone = Q(id__in=model.history.filter(since, mine).values("id"))
    states: QuerySet[Any] = model.history.filter(known | gone)
    return states.filter(since & _until_it_ended(order) | _in_force(model, order))


def _in_force(model: Any, order: Order) -> Q:
    before = model.history.filter(id=OuterRef("id"), history_date__lte=order.received_at)
    same_time = Q(history_date=OuterRef("history_date"), pk__gt=OuterRef("pk"))
    later = before.filter(Q(history_date__gt=OuterRef("history_date")) | same_time)
    return Q(history_date__lte=order.received_at) & ~Q(history_type="-") & ~Q(Exists(later))


def _until_it_ended(order: Order) -> Q:
    if order.status not in Order.CLOSED:
        return Q()
    last = OrderEvent.objects.filter(order=order).order_by("-at").values("at")[:1]
    return Q(history_date__lte=Coalesce(Subquery(last), order.received_at))
