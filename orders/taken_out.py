"""A cancelled line that staff took out of the warehouse's order by hand: our books follow, and its hold closes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils import timezone

from integrations.errors import Refused, Unavailable, Unreadable
from integrations.ports import Warehouse
from integrations.runs import Run
from integrations.sent_orders import PlacedOrder
from orders import cancelled_late, change_plan, change_steps, edits, warehouse_changes
from orders.change_plan import Plan
from orders.models import Hold, Order, SubmittedLine, WarehouseChange, WarehouseSubmission

T = WarehouseChange.Status
Units = Mapping[str, int]  # by the id of an order line, as a change keeps them


def waiting(submissions: Iterable[WarehouseSubmission]) -> set[int]:
    """Ids of the orders among these that are held for a cancelled line."""
    orders = [one.order_id for one in submissions]
    held = Hold.objects.filter(order__in=orders, kind=Hold.Kind.CANCELLED_LATE, resolved_at=None)
    return set(held.exclude(subject="").values_list("order", flat=True))


def look_at(run: Run, warehouse: Warehouse, submissions: Iterable[WarehouseSubmission]) -> None:
    """After what is more urgent: each costs a call."""
    for submission in submissions:
        with run.isolated(f"order {submission.order}"):
            look(run, warehouse, submission)


def look(run: Run, warehouse: Warehouse, submission: WarehouseSubmission) -> None:
    """Read the order as it is there. What a change of ours is open for is followed by that."""
    waits = _waits(submission.order)
    if not waits:
        return
    try:
        placed = warehouse.order(submission.remote_id)
    except (Refused, Unreadable, Unavailable) as exc:  # perhaps of this order only: its hold stays for a person
        if isinstance(exc, Unavailable) and exc.throttled:
            raise
        run.problem(f"order {submission.order}: {exc}")
        return
    if placed is not None and not placed.is_ended:
        _follow(submission, warehouse, placed, waits)


def _waits(order: Order) -> Units:
    """Units that are to be left of each cancelled line that is held, and of which more is there by our books."""
    if order.warehouse_changes.filter(status__in=WarehouseChange.OPEN).exists():
        return {}
    numbers = order.holds.filter(kind=Hold.Kind.CANCELLED_LATE, resolved_at=None).values_list("subject", flat=True)
    rests = cancelled_late.rests(order)
    there = {line.number: line for line in order.lines.all() if line.number in rests and rests[line.number].there}
    return {str(there[number].pk): rests[number].left for number in numbers if number in there}


@transaction.atomic
def _follow(submission: WarehouseSubmission, warehouse: Warehouse, placed: PlacedOrder, waits: Units) -> None:
    """As after a change of ours, which would find nothing to do any more."""
    order = edits.locked(submission.order_id)
    if _waits(order) != waits:
        return  # something else came of it meanwhile
    change = WarehouseChange(order=order, connection=submission.connection, lines=waits)
    out = _taken_out(change_plan.plan(change, submission, warehouse, placed), placed)
    change.lines = {pk: units for pk, units in waits.items() if int(pk) in out}
    plan = change_plan.plan(change, submission, warehouse, placed)
    if not change.lines or change_steps.leaves_nothing(placed, plan.target):
        return  # an order that is empty is not done with: it is to be voided
    warehouse_changes.call_off_parked(order)  # done by hand, as its hold said
    change.status, change.claimed_at = T.IN_FLIGHT, timezone.now()
    change.save()
    numbers = ", ".join(order.lines.filter(pk__in=map(int, change.lines)).values_list("number", flat=True))
    order.note(f"what was cancelled of line {numbers} is not in {submission.connection} any more: taken out by hand")
    warehouse_changes.changed(change, submission, plan, placed)


def _taken_out(plan: Plan, placed: PlacedOrder) -> set[int]:
    """Ids of order lines of which no more is there than shall be; none where staff changed anything else too.

    Another line may be of the same item: only where all the rest is as we know it, is it sure which one is gone.
    """
    owners = dict(
        SubmittedLine.objects.filter(pk__in=[one.key for one in plan.target.lines]).values_list("pk", "order_line")
    )
    still: set[int] = set()
    for wanted, there in zip(plan.target.lines, change_steps.matches(placed.lines, plan.target.lines), strict=True):
        units = there.quantity if there is not None else 0
        if wanted.quantity is not None and units == wanted.quantity:
            continue
        if units != wanted.sent or wanted.key not in owners:
            return set()
        still.add(owners[wanted.key])
    return set(owners.values()) - still
