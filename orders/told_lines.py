"""What a line, told like this by the marketplace, makes of ours: its units to ship and its columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orders import arrivals, changes
from orders.changes import SKUS, Told
from orders.models import Order, OrderLine, ShortShip


def to_ship(line: OrderLine | None, told: Told) -> int:
    """Units of a line that are to be shipped by us, when it is told like this; never less than were told as shipped.

    Those that a short ship keeps back, until it is told or called off, are not.
    """
    before = line.shipped_before if line is not None and line.quantity_confirmed else told["shipped"]
    left = 0 if before is None or told["quantity"] is None else max(told["quantity"] - before, 0)
    if line is None:
        return left
    return max(left - _kept_back(line), line.quantity_confirmed)


def is_as_told(line: OrderLine, told: Told) -> bool:
    """Whether ours ships just what is told of it, at its cost."""
    sells = (line.partner_sku, line.option_sku) == (told["partner_sku"], told["option_sku"])
    costs = changes.unit_cost(told) in (None, line.unit_cost)
    ships = line.quantity == told["quantity"] and line.quantity_to_ship == to_ship(line, told)
    return sells and costs and ships and not line.is_cancelled


def brings_goods(order: Order, now: Told) -> bool:
    """Whether anything of the order is to be shipped by us, when it is told like this.

    A line that we left out is not, as long as the marketplace does not open it again.
    """
    mine = {line.number: line for line in order.lines.all()}
    again = changes.reopened(order.told, now) if order.told else []
    out = {number for number, line in mine.items() if line.is_cancelled and number not in again}
    left = {number: told for number, told in now["lines"].items() if told["is_open"] and number not in out}
    return any(to_ship(mine.get(number), told) for number, told in left.items())


def raised(order: Order) -> Iterator[tuple[Told, int]]:
    """Lines as they are told by now, and units of each beyond what is to ship, until that is decided on."""
    now, mine = order.told_now or {"lines": {}}, {line.number: line for line in order.lines.all()}
    again = changes.reopened(order.told, now) if order.told and order.told_now else []
    for number, told in now["lines"].items():
        line = mine.get(number)
        if not told["is_open"] or (line is not None and line.is_cancelled and number not in again):
            continue
        is_same = line is not None and (line.partner_sku, line.option_sku) == (told["partner_sku"], told["option_sku"])
        more = to_ship(line, told) - (line.quantity_to_ship if line is not None and is_same else 0)
        if more > 0:
            yield told, more


def line_for(order: Order, number: str, told: Told, position: int) -> OrderLine:
    """A line that the marketplace added. Not saved. Raises ValidationError when a value does not fit."""
    line = OrderLine(
        order=order, position=position, number=number, quantity=told["quantity"], quantity_to_ship=to_ship(None, told),
        shipped_before=told["shipped"], marketplace_status=told["status"], notes=told["notes"], **_goods(told),
    )  # fmt: skip
    arrivals.check_fits(line)
    return line


def write(order: Order, number: str, told: Told | None) -> None:
    """Bring the line with this number to what is told; one that is told no more is left out."""
    line = order.lines.filter(number=number).first()
    if line is None:
        if told is not None:
            line_for(order, number, told, _next_position(order)).save()
        return
    before = order.told["lines"].get(number) if order.told else None
    new = _written(line, told, before) if told is not None else _left_out(line)
    OrderLine.objects.filter(pk=line.pk).update(**new)


def _kept_back(line: OrderLine) -> int:
    mine = (one for one in line.order.short_ships.all() if one.order_line_id == line.pk)
    return sum(one.quantity for one in mine if one.status not in ShortShip.OVER)


def _next_position(order: Order) -> int:
    return max((line.position for line in order.lines.all()), default=0) + 1


def _left_out(line: OrderLine) -> dict[str, Any]:
    return {"is_cancelled": True, "quantity_to_ship": line.quantity_confirmed}


def _written(line: OrderLine, told: Told, before: Told | None) -> dict[str, Any]:
    """Only what the marketplace changed: what a person corrected otherwise stands."""
    is_reopened = before is None or not before["is_open"]
    new = _new_goods(told, before)
    if before and not is_reopened and before["quantity"] == told["quantity"]:
        return new
    ships = 0 if line.is_cancelled and not is_reopened else to_ship(line, told)
    is_dropped = told["quantity"] == 0 and before is not None
    # Without it a line is not incomplete, but left out.
    shipped = {} if line.quantity_confirmed else {"shipped_before": None if is_dropped else told["shipped"]}
    again = {"is_cancelled": False} if is_reopened else {}
    ordered = max(told["quantity"] or 0, ships) or told["quantity"]  # what was told as shipped counts as ordered
    return {**new, **shipped, **again, "quantity": ordered, "quantity_to_ship": ships}


def _new_goods(told: Told, before: Told | None) -> dict[str, Any]:
    if before is None or any(before[name] != told[name] for name in SKUS):
        return _goods(told)
    return _cost(told) if changes.costs_otherwise(before, told) else {}


def _goods(told: Told) -> dict[str, Any]:
    return {
        "partner_sku": told["partner_sku"], "option_sku": told["option_sku"], "upc": told["upc"],
        "title": told["title"][:300], **_cost(told),
    }  # fmt: skip


def _cost(told: Told) -> dict[str, Any]:
    return {"unit_cost": changes.unit_cost(told), "currency": told["currency"]}
