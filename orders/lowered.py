"""Lines of which the marketplace wants fewer by now than we were to ship: it takes no more, so no more of them is told.

What has left beyond that, nobody can decide on any more; it is for a person as more than was ordered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from orders import cancelled_late, parcels, refusals, reopening, side_by_side
from orders.changes import Told
from orders.models import Order, OrderLine, ShipmentConfirmation, WarehouseChange, WarehouseSubmission

T = WarehouseSubmission.Status
WANTED_AGAIN = "the marketplace wants more of it again"
ToldLine = tuple[OrderLine, Told]  # a line of ours, and what the marketplace says of it by now


def follow(order: Order, *, is_kept: bool = False) -> list[str]:
    """Have only what is wanted count as to be shipped, of lines of which more has left; the numbers of what changed.

    What is wanted again, and is in the warehouse's order all the time, ships as before. `is_kept`: of all lines, since
    the warehouse's order stays as it is. What was gathered beyond that is looked up by the next run, and given back if
    it was not taken. In a transaction that holds the order.
    """
    lines = _told(order)
    _call_off(order, lines)
    changed = _raise_again(order, lines, is_kept=is_kept)
    for line, told, units in _wanted_less(order, lines, is_kept=is_kept):
        if line.quantity_confirmed > units:
            refusals.look_up_again(order, {line.number})
            continue
        ordered = max(told["quantity"], units + (line.shipped_before or 0))
        OrderLine.objects.filter(pk=line.pk).update(quantity=ordered, quantity_to_ship=units)
        order.note(f"line {line.number}: {units} to ship, as the marketplace takes no more of it")
        changed.append(line.number)
    _hold_rests(order, () if is_kept else changed)
    if changed and order.told:
        order.told = {**order.told, "lines": _as_followed(order.told, order.told_now or order.told, changed)}
        Order.objects.filter(pk=order.pk).update(told=order.told)
    return changed


def _hold_rests(order: Order, numbers: Collection[str]) -> None:
    """What the warehouse has of them beyond what has left is taken out, as what is left of a cancelled line."""
    for number in numbers:
        if cancelled_late.is_there(order, number):
            cancelled_late.hold(order, number)


def _call_off(order: Order, lines: Sequence[ToldLine]) -> None:
    """More is wanted again of lines whose rest was to be taken out: that is a change like any other."""
    for line, told in lines:
        wanted = told["is_open"] and _limit(line, told) > line.quantity_to_ship
        if wanted and cancelled_late.is_held(order, line.number):
            reopening.call_off(order, line)
            cancelled_late.close_lines(order, WANTED_AGAIN, [line.number])


def gathered_too_many(order: Order) -> set[int]:
    """Ids of lines of which more was gathered than the marketplace takes, and has left."""
    found = _wanted_less(order, _told(order))
    return {line.pk for line, _, units in found if line.quantity_confirmed > units}


def _raise_again(order: Order, lines: Sequence[ToldLine], *, is_kept: bool) -> list[str]:
    """Lines of which more is wanted than is to ship, as the warehouse was left with more than was wanted then.

    Where yet more is wanted than it was left with, that is decided on; `is_kept`: then what it has ships, also of what
    has left as far as nothing of it was told.
    Not once more has left than was wanted: it may be in a parcel that was told. Nor while the warehouse is asked to
    change the order. A line that was complete over there meanwhile is like one that was open all the time.
    """
    is_open = [(line, told) for line, told in lines if told["is_open"]]
    more = [(line, told) for line, told in is_open if line.quantity_to_ship < _limit(line, told)]
    is_settled = is_kept and order.status == Order.Status.CONFIRMED  # the hold has it shipped and told by hand
    submission = _living(order) if more and not is_settled else None
    if submission is None or order.warehouse_changes.filter(status__in=WarehouseChange.OPEN).exists():
        return []
    ours, left = side_by_side.short_ships(order), parcels.units_left(order, submission)
    raised: list[str] = []
    for line, told in more:
        there, wanted = parcels.whole_units_there(submission.lines.filter(order_line=line)), _limit(line, told)
        units = min(wanted, there) if is_kept else wanted
        is_untold = is_kept and line.quantity_confirmed == 0
        is_free = line.pk not in ours and (left[line.pk] <= line.quantity_to_ship or is_untold)
        if is_free and line.quantity_to_ship < units <= there:
            ordered = units + (line.shipped_before or 0)
            OrderLine.objects.filter(pk=line.pk).update(quantity=ordered, quantity_to_ship=units)
            order.note(f"line {line.number}: {units} to ship again, as the marketplace wants them")
            raised.append(line.number)
    if raised and order.status == Order.Status.CONFIRMED:
        order.move_to(Order.Status.PARTLY_SHIPPED, reason=WANTED_AGAIN)
    return raised


def _living(order: Order) -> WarehouseSubmission | None:
    mine = WarehouseSubmission.objects.filter(order=order, status=T.ACCEPTED)
    return mine.exclude(remote_status__in=WarehouseSubmission.ENDED).first()


def _wanted_less(
    order: Order, lines: Sequence[ToldLine], *, is_kept: bool = False
) -> Iterator[tuple[OrderLine, Told, int]]:
    """Lines that were sent with more than is wanted now, and units of each that stay: wanted still, or taken before."""
    fewer = [(line, told) for line, told in lines if 0 <= _limit(line, told) < line.quantity_to_ship]
    submission = WarehouseSubmission.objects.filter(order=order, status=T.ACCEPTED).first() if fewer else None
    if submission is None:
        return
    left = parcels.units_left(order, submission)
    for line, told in fewer:
        units = max(_limit(line, told), _accepted(line))
        # One that is wanted no more at all, and was kept, may still be taken out there by a person.
        is_decided = is_kept and units > 0
        if units < line.quantity_to_ship and (is_decided or left[line.pk] > units):
            yield line, told, units


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


def _as_followed(before: Told, now: Told, numbers: list[str]) -> dict[str, Told]:
    """Their quantities are no change that waits any more."""
    lines = dict(before["lines"])
    for number in numbers:
        new = now["lines"][number]
        was = lines.get(number, new)  # one that vanished and was kept is new
        lines[number] = {**was, "quantity": new["quantity"], "is_open": was["is_open"] or new["is_open"]}
    return lines
