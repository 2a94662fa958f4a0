"""Lines that the marketplace cancelled after the order was sent, and opened again while the warehouse still has them.

Nothing was done about their cancellation yet, so that nothing is to be decided: they ship as if they had never been
cancelled. What the warehouse let go of, or is just asked to, is a change like any other.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from orders import changes, parcels, told_lines
from orders.changes import Told
from orders.models import Hold, Order, OrderLine, SubmittedLine, WarehouseChange, WarehouseSubmission

T = WarehouseChange.Status
TAKEN_BACK = "the marketplace took it back"


def take_back(order: Order, now: Told) -> None:
    """Ship again what is open again there. In a transaction that holds the order."""
    before: Any = order.told
    taken = (
        [number for number in changes.reopened(before, now) if _take_back_line(order, number, now)] if before else []
    )
    for number in taken:  # what else is told of it now is compared by itself
        before["lines"][number] = {**before["lines"].get(number, now["lines"][number]), "is_open": True}
    if taken:
        Order.objects.filter(pk=order.pk).update(told=before)
        submission = WarehouseSubmission.objects.filter(order=order, status=T.ACCEPTED).first()
        if submission is not None:
            parcels.recount(order, submission)


def _take_back_line(order: Order, number: str, now: Told) -> bool:
    """Whether it was, since the warehouse has it still and is not just asked to take it out."""
    hold = order.holds.filter(kind=Hold.Kind.CANCELLED_LATE, subject=number, resolved_at=None).first()
    line = order.lines.filter(number=number).first()
    if hold is None or line is None:
        return False
    units = told_lines.to_ship(line, {**now["lines"][number], "quantity": line.quantity})
    if _has_let_go(line, units) or not call_off(order, line):
        return False
    OrderLine.objects.filter(pk=line.pk).update(is_cancelled=False, quantity_to_ship=units)
    Hold.objects.filter(pk=hold.pk).update(resolved_at=timezone.now(), resolution=TAKEN_BACK)
    order.note(f"the marketplace opened line {number} again; it ships as before")
    return True


def _has_let_go(line: OrderLine, units: int) -> bool:
    """Whether the warehouse's order holds less of it, since its rest was taken out."""
    return parcels.whole_units_there(SubmittedLine.objects.filter(order_line=line)) < units


def is_let_go(line: OrderLine, told: Told | None) -> bool:
    """Whether less of an open line is there than the marketplace wants, when it is told like this."""
    return (
        told is not None
        and told["is_open"]
        and not line.is_cancelled
        and _has_let_go(line, told_lines.to_ship(line, told))
    )


def call_off(order: Order, line: OrderLine) -> bool:
    """Take the line out of what the warehouse is to be asked; False when that may be on its way."""
    rows = WarehouseChange.objects.select_for_update().filter(order=order)
    row = rows.exclude(status__in=WarehouseChange.OVER).first()
    if row is None or (str(line.pk) not in row.lines and not row.cancels_order):
        return True
    if row.cancels_order or row.sent_at or row.status == T.IN_FLIGHT:
        return False
    del row.lines[str(line.pk)]
    if not row.lines and row.told is None:
        row.status, row.finished_at = T.WITHDRAWN, timezone.now()
    row.save(update_fields=["lines", "status", "finished_at"])
    return True
