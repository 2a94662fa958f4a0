"""Lines of which the marketplace wants fewer by now than we were to ship: it takes no more, so no more of them is told.

What has left beyond that, nobody can decide on any more; it is for a person as more than was ordered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orders import cancelled_late, parcels, refusals, side_by_side
from orders.changes import Told
from orders.models import Order, OrderLine, ShipmentConfirmation, WarehouseSubmission

T = WarehouseSubmission.Status
ToldLine = tuple[OrderLine, Told]  # a line of ours, and what the marketplace says of it by now


def follow(order: Order, *, is_kept: bool = False) -> list[str]:
    """Have only what is wanted count as to be shipped, of lines of which more has left; the numbers of what changed.

    What is wanted again, and is in the warehouse's order all the time, ships as before. `is_kept`: of all lines, since
    the warehouse's order stays as it is. What was gathered beyond that is looked up by the next run, and given back if
    it was not taken. In a transaction that holds the order.
    """
    lines = _told(order)
    lowered = _raise_again(order, lines)
    for line, told in _beyond(order, lines, is_kept=is_kept):
        units = _limit(line, told)
        if line.quantity_confirmed > units:
            refusals.look_up_again(order, {line.number})
            continue
        ordered = {"quantity": told["quantity"], "quantity_to_ship": units}
        OrderLine.objects.filter(pk=line.pk).update(**ordered)
        order.note(f"line {line.number}: {units} to ship, as the marketplace takes no more of it")
        lowered.append(line.number)
    if lowered and order.told:
        order.told = {**order.told, "lines": _as_lowered(order.told, order.told_now or order.told, lowered)}
        Order.objects.filter(pk=order.pk).update(told=order.told)
    return lowered


def _raise_again(order: Order, lines: Sequence[ToldLine]) -> list[str]:
    """Lines of which more is wanted than is to ship, as the warehouse was left with more than was wanted then."""
    submission: WarehouseSubmission | None = getattr(order, "submission", None)
    more = [(line, told) for line, told in lines if told["is_open"] and line.quantity_to_ship < _limit(line, told)]
    ours = side_by_side.short_ships(order) if more else {}
    raised: list[str] = []
    for line, told in more:
        there = cancelled_late.beyond(submission.lines.filter(order_line=line), 0) if submission else 0
        if line.pk not in ours and there >= _limit(line, told):
            OrderLine.objects.filter(pk=line.pk).update(quantity=told["quantity"], quantity_to_ship=_limit(line, told))
            raised.append(line.number)
    return raised


def beyond(order: Order) -> set[int]:
    """Ids of lines of which more was gathered than the marketplace takes, and has left."""
    return {line.pk for line, told in _beyond(order, _told(order)) if line.quantity_confirmed > _limit(line, told)}


def _beyond(order: Order, lines: Sequence[ToldLine], *, is_kept: bool = False) -> Iterator[ToldLine]:
    """Lines that were sent with more than is wanted now."""
    fewer = [(line, told) for line, told in lines if 0 <= _limit(line, told) < line.quantity_to_ship]
    submission = WarehouseSubmission.objects.filter(order=order, status=T.ACCEPTED).first() if fewer else None
    if submission is None:
        return
    left = parcels.units_left(order, submission)
    for line, told in fewer:
        units = _limit(line, told)
        if _accepted(line) <= units and ((is_kept and units) or left[line.pk] > units):
            yield line, told


def _told(order: Order) -> list[ToldLine]:
    """Its lines with what the marketplace says of each by now, where it says how many; of an order that was sent."""
    now = order.told_now or order.told
    if not now or order.cancel_requested_at is not None or order.status not in Order.SENT:
        return []
    ours = [(line, now["lines"].get(line.number)) for line in order.lines.filter(is_cancelled=False)]
    return [(line, told) for line, told in ours if told is not None and told["quantity"] is not None]


def _limit(line: OrderLine, told: Told) -> int:
    """Units that the marketplace takes from us."""
    return int(told["quantity"]) - (line.shipped_before or 0)


def _accepted(line: OrderLine) -> int:
    told = ShipmentConfirmation.objects.filter(lines__shipment_line__order_line=line, status=T.ACCEPTED)
    return sum(told.values_list("lines__quantity", flat=True))


def _as_lowered(before: Told, now: Told, numbers: list[str]) -> dict[str, Told]:
    """Their quantities are no change that waits any more."""
    lines = dict(before["lines"])
    for number in numbers:
        new = now["lines"][number]
        lines[number] = {**lines.get(number, new), "quantity": new["quantity"]}  # one that vanished and was kept is new
    return lines
