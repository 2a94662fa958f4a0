"""One search for everything that an order is known by: exactly, else by its beginning.

Beginnings are found in indexes of folded texts (`orders.folding`), each of which serves one column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan

from orders.folding import Folded, FoldedSurname, fold
from orders.models import Order, OrderLine, Shipment, SubmittedLine, WarehouseSubmission

# By what columns of what table, and the way from there to the order.
PLACES: tuple[tuple[type[Model], str, dict[str, str]], ...] = (
    (Order, "pk", {"full_number": "order number", "short_reference": "short reference", "ship_name": "name",
                   "ship_postal_code": "postal code", "ship_phone": "phone"}),
    (WarehouseSubmission, "order_id", {"remote_number": "warehouse order", "remote_id": "warehouse order's id"}),
    (Shipment, "order_id", {"tracking_number": "tracking number"}),
    (OrderLine, "order_id", {"partner_sku": "partner SKU", "option_sku": "option SKU"}),
    (SubmittedLine, "submission__order_id", {"sku": "warehouse SKU"}),
)  # fmt: skip
NAME = "ship_name"
LEAST_CHARS = 3  # of a beginning: fewer begin half of everything
LAST = chr(0x10FFFF)
Condition = Callable[[str, str], Q]
EXACTLY, BEGINS = "is exactly this", "begins with this"


@dataclass(frozen=True, slots=True)
class Found:
    """The orders' keys, newest first, each with what of it is so; `how` it is, and whether there are more.

    Where there are, those whose beginning is meant need not be the newest of all.
    """

    how: str
    keys: dict[int, str]
    is_cut_off: bool = False


def find(text: str, limit: int = 50) -> Found:
    """The orders of the first way of looking that finds any. NUL characters, which no database keeps, find nothing."""
    wanted = fold(text)
    if not wanted or "\x00" in text:
        return Found(EXACTLY, {})
    return _looked(*_way(wanted), wanted, limit)


def found_by(text: str) -> Q:
    """The condition on orders that all fulfil which `find` would find without a limit."""
    wanted = fold(text)
    if not wanted or "\x00" in text:
        return Q(pk__in=[])
    return Q(pk__in=_keys(_way(wanted)[1], wanted))


def _way(wanted: str) -> tuple[str, Condition]:
    """How to look for it, in words and as a condition on a column."""
    if len(wanted) < LEAST_CHARS or _keys(_is_exactly, wanted).exists():
        return EXACTLY, _is_exactly
    return BEGINS, _begins_with


def _keys(condition: Condition, wanted: str) -> QuerySet[Any]:
    """Of the orders that one of their columns is so: each is found by that column's index."""
    first, *others = (
        model._default_manager.filter(condition(column, wanted)).order_by().values(order)
        for model, order, columns in PLACES
        for column in columns
    )
    return first.union(*others, all=True)


def _looked(how: str, condition: Condition, wanted: str, limit: int) -> Found:
    keys: dict[int, str] = {}
    is_cut_off = False
    for model, order, columns in PLACES:
        rows: QuerySet[Model] = model._default_manager.filter(reduce(or_, (condition(one, wanted) for one in columns)))
        rows = rows.order_by("-pk") if condition is _is_exactly else rows.order_by()
        looked_at = list(rows.values_list(order, *columns)[: limit + 1])
        is_cut_off |= len(looked_at) > limit  # of fewer orders perhaps, each by several of its lines
        for pk, *values in looked_at:
            keys.setdefault(pk, _matching(columns, values, wanted))
    kept = sorted(keys, reverse=True)[:limit]
    return Found(how, {pk: keys[pk] for pk in kept}, is_cut_off or len(keys) > limit)


def _matching(columns: dict[str, str], values: list[str | None], wanted: str) -> str:
    """What of a record begins with what was looked for, in words."""
    for (column, title), value in zip(columns.items(), values, strict=True):
        surname = (value or "").partition(" ")[2] if column == NAME else ""
        if fold(value or "").startswith(wanted) or (surname and fold(surname).startswith(wanted)):
            return f"{title} {value}"
    return ""


def _ways(column: str) -> list[Folded]:
    return [Folded(column), *([FoldedSurname(column)] if column == NAME else [])]


def _is_exactly(column: str, wanted: str) -> Q:
    return reduce(or_, (Q(Exact(way, wanted)) for way in _ways(column)))


def _begins_with(column: str, wanted: str) -> Q:
    return reduce(or_, (Q(GreaterThanOrEqual(way, wanted)) & Q(LessThan(way, wanted + LAST)) for way in _ways(column)))
