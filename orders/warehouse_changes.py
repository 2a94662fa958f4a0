"""A change of the warehouse's order in our books: how it is asked for, and what follows once it is done.

Everything here holds the order's row first.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Container
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from integrations.sent_orders import OrderChange, PlacedOrder
from orders import arrivals, cancelled_late, change_steps, changes, edits, parcels, told_lines
from orders.change_plan import Plan
from orders.change_steps import TargetLine
from orders.changes import Told
from orders.models import (
    Hold,
    IllegalTransition,
    Order,
    OrderLine,
    SubmittedLine,
    WarehouseChange,
    WarehouseSubmission,
)
from orders.told import hold_beyond

if TYPE_CHECKING:
    from django.contrib.auth.models import User

S, T, K = Order.Status, WarehouseChange.Status, Hold.Kind


# --- asked for --------------------------------------------------------------------------------------------------


@transaction.atomic
def cancel(order: Order, line_number: str, actor: User | None) -> None:
    """Do in the warehouse what the marketplace cancelled: this line or, without one, what has not left of the order.

    Raises IllegalTransition when it is too late, or not now.
    """
    mine = edits.locked(order.pk)
    has_left = cancelled_late.has_left(mine)
    if not line_number and mine.status == S.SUBMITTED and not has_left:
        _ask(mine, actor, cancels_order=True)
        return
    rests = {line: rest for line, rest in cancelled_late.rests(mine).items() if line_number in ("", line.number)}
    left = {str(line.pk): rest.left for line, rest in rests.items() if rest.there}
    if line_number and not left:
        raise IllegalTransition(f"line {line_number} of order {mine} has shipped; it is not taken out any more")
    if not left or (not line_number and not has_left):
        raise IllegalTransition(f"order {mine} is {mine.get_status_display().lower()}; it is not voided any more")
    _ask(mine, actor, lines=left)


@transaction.atomic
def update(order: Order, actor: User | None) -> None:
    """Make the warehouse's order what the marketplace says now. Raises IllegalTransition as `cancel` does."""
    mine = edits.locked(order.pk)
    if not mine.told_now or mine.status not in (S.SUBMITTED, S.PARTLY_SHIPPED):
        raise IllegalTransition(f"order {mine} has nothing to update there: {mine.get_status_display().lower()}")
    _ask(mine, actor, told=mine.told_now)


def lower(order: Order, line: OrderLine, units: int, actor: User | None) -> None:
    """Leave only so many units of a line there. In a transaction that holds the order."""
    _ask(order, actor, lines={str(line.pk): units})


@transaction.atomic
def end_empty(order: Order) -> None:
    """Nothing of the order is left there: it is voided, unless the warehouse shows lines that we do not know of."""
    mine = edits.locked(order.pk)
    if mine.status == S.SUBMITTED and not mine.told_now:
        _ask(mine, None)


def call_off_parked(order: Order) -> None:
    """What could not be done there is not to be tried again. In a transaction that holds the order."""
    WarehouseChange.objects.filter(order=order, status=T.PARKED).update(status=T.WITHDRAWN)


def _ask(
    order: Order, actor: User | None, *, cancels_order: bool = False, lines: dict[str, int] | None = None,
    told: Told | None = None,
) -> None:  # fmt: skip
    """Commit the intent; one that is open already takes it in too."""
    submission = WarehouseSubmission.objects.select_for_update().filter(order=order, status=T.ACCEPTED).first()
    if submission is None:
        raise IllegalTransition(f"order {order} is being sent right now; look again in a minute")
    row = _open_one(order) or WarehouseChange(order=order, connection=submission.connection)
    row.cancels_order = row.cancels_order or cancels_order
    row.told = None if order.cancel_requested_at else told if told is not None else row.told
    again = _wanted_again(order, told) if told is not None else ()
    row.lines = {pk: units for pk, units in {**row.lines, **(lines or {})}.items() if int(pk) not in again}
    row.actor = actor or row.actor
    row.status = T.UNCONFIRMED if row.sent_at else T.PENDING
    row.attempts, row.not_before, row.finished_at, row.created_at = 0, None, None, timezone.now()
    row.save()
    what = "to be cancelled" if row.cancels_order else "to be changed"
    order.note(f"{what} in {submission.connection}", actor=actor)


def _open_one(order: Order) -> WarehouseChange | None:
    """The change that waits, if there is one. Raises IllegalTransition while it is done."""
    known = WarehouseChange.objects.select_for_update().filter(order=order)
    row = known.exclude(status__in=WarehouseChange.OVER).first()
    if row is not None and row.status == T.IN_FLIGHT:
        raise IllegalTransition(f"order {order} is being changed in {row.connection} right now; look again in a minute")
    if row is not None and row.status == T.PARKED:  # what it could not do waits with its hold
        call_off_parked(order)
        return None
    return row


def _wanted_again(order: Order, told: Told) -> set[int]:
    """Ids of lines that were to be taken out, or the rest of them, and are wanted again."""
    numbers = changes.more_wanted(order.told, told) if order.told else []
    return set(order.lines.filter(number__in=numbers).values_list("pk", flat=True))


def more_waits(change: WarehouseChange) -> bool:
    """Whether the marketplace says something else by now that waits for a decision, and brings goods."""
    later = change.order.told_now
    if later is None or (change.told is not None and not changes.compare(change.told, later)):
        return False
    return told_lines.brings_goods(change.order, later)


def as_json(todo: OrderChange) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(json.dumps(asdict(todo), cls=DjangoJSONEncoder))
    return kept


# --- done, or not -----------------------------------------------------------------------------------------------


@transaction.atomic
def cancelled(change: WarehouseChange, status: str) -> None:
    """The warehouse shows it as ended."""
    order = edits.locked(change.order_id)
    change.finish(T.ACCEPTED)
    WarehouseSubmission.objects.filter(order=order).update(remote_status=status[:20])
    text = f"order is {status} in {change.connection}, as it was to be"
    if order.status == S.SUBMITTED:
        _keep_followed(order, change)
        arrivals.close_cancelled(order, text)
    else:
        order.note(text)


def _keep_followed(order: Order, change: WarehouseChange) -> None:
    """Whatever the marketplace wants after all is noticed against what it was voided for."""
    mine = Order.objects.filter(pk=order.pk)
    if not changes.is_any_wanted(order.told_now or order.told or {}):
        mine.filter(cancel_requested_at=None).update(cancel_requested_at=timezone.now())
    if change.told is not None:
        mine.update(told=change.told)


@transaction.atomic
def changed(change: WarehouseChange, submission: WarehouseSubmission, plan: Plan, placed: PlacedOrder) -> None:
    """The warehouse shows it as it shall be: our books follow."""
    order = edits.locked(change.order_id)
    change.finish(T.ACCEPTED)
    # What staff changed beside it is read next.
    WarehouseSubmission.objects.filter(pk=submission.pk).update(remote_contents=WarehouseSubmission.UNREAD)
    if change.told is not None:
        edits.write(order, change.told, plan.found)
    _follow_lines(submission, plan, placed)
    if plan.new or any((line.quantity or 0) > line.sent for line in plan.target.lines):
        # Stock that was seen before now may not know what was added.
        known = WarehouseSubmission.objects.filter(pk=submission.pk, committed_at__isnull=False)
        known.update(committed_at=timezone.now())
    _close_lines(order, change)
    if change.told is not None:
        _follow_told(order, change, plan)
    else:
        order.note(f"changed in {change.connection}", actor=change.actor)
    order = edits.locked(order.pk)
    hold_beyond(order, parcels.recount(order, submission))
    _hold_parts(order, {one.line for one in plan.found if one.line and one.field == "quantity"})
    edits.say_again(order)


def _hold_parts(order: Order, numbers: Container[str]) -> None:
    """What has left of lines that were lowered, and makes no whole unit, is told by no parcel: a person settles it."""
    for line, rest in cancelled_late.rests(order).items():
        if rest.in_part and line.number in numbers:
            cancelled_late.hold(order, line.number)


def _follow_lines(submission: WarehouseSubmission, plan: Plan, placed: PlacedOrder) -> None:
    """The submitted lines say what is there now, under the ids that it has there."""
    found = change_steps.matches(placed.lines, plan.target.lines)
    sent = submission.lines.in_bulk()
    stay = {
        (sent[one.key].order_line_id, one.item_id) for one in plan.target.lines if one.key in sent and one.quantity != 0
    }
    numbers = {line.number: line for line in submission.order.lines.all()}
    position = max((line.position for line in sent.values()), default=0)
    for wanted, there in zip(plan.target.lines, found, strict=True):
        remote_id = there.remote_id if there else ""
        if wanted.key in sent:
            _follow_line(sent[wanted.key], wanted, remote_id, stay)
            continue
        new, position = plan.new[-wanted.key - 1], position + 1
        SubmittedLine.objects.create(
            submission=submission, order_line=numbers[new.number], position=position, item_id=wanted.item_id,
            sku=new.sku, units=new.units, quantity=wanted.quantity or 0, unit_price=wanted.unit_price,
            remote_id=remote_id,
        )  # fmt: skip


def _follow_line(line: SubmittedLine, wanted: TargetLine, remote_id: str, stay: Collection[tuple[int, str]]) -> None:
    """One that was taken out is none any more: a kit is complete by the components that it has now.

    But where another component stays, as it has left, that makes no unit without this one.
    """
    is_part = any(pk == line.order_line_id for pk, _ in stay) and (line.order_line_id, line.item_id) not in stay
    if wanted.quantity == 0 and not is_part:
        line.delete()
        return
    line.quantity = line.quantity if wanted.quantity is None else wanted.quantity
    line.unit_price = line.unit_price if wanted.unit_price is None else wanted.unit_price
    line.remote_id = remote_id or line.remote_id
    line.save(update_fields=["quantity", "unit_price", "remote_id"])


def _close_lines(order: Order, change: WarehouseChange) -> None:
    """Lines that were cancelled are closed here, as far as nothing of them was told, and no part of a unit has left."""
    in_part = {line.pk for line, rest in cancelled_late.rests(order).items() if rest.in_part}
    for line in order.lines.filter(pk__in=map(int, change.lines)):
        left = max(change.lines[str(line.pk)], line.quantity_confirmed)
        OrderLine.objects.filter(pk=line.pk).update(quantity_to_ship=min(left, line.quantity_to_ship))
        is_untold = left > line.quantity_confirmed or line.pk in in_part
        is_over = is_untold and cancelled_late.is_cancelled(line)
        if is_over and cancelled_late.is_held(order, line.number):
            cancelled_late.hold(order, line.number)  # the marketplace takes none of what has left: a person settles it
        else:
            cancelled_late.close_lines(order, f"changed in {change.connection}", [line.number])
        order.note(f"line {line.number}: {left} left in {change.connection}", actor=change.actor)
    if cancelled_late.is_held(order, ""):
        cancelled_late.hold(order, "")


def _follow_told(order: Order, change: WarehouseChange, plan: Plan) -> None:
    later = order.told_now
    text = f"updated in {change.connection}: {changes.in_words(plan.found)}"
    told = change.told or {}
    again = [one.line for one in plan.found if one.opens or one.field == "quantity"]
    cancelled_late.close_lines(order, f"wanted again: {text}", again)
    edits.decided(order, changes.closing(told, later) if later and told else told, text, change.actor)
    if later and change.told and changes.compare(change.told, later):
        Order.objects.filter(pk=order.pk).update(told_now=later)
        edits.hold_changed(order, changes.in_words(changes.compare(change.told, later)))


def say_why_not(change: WarehouseChange, why: str) -> None:
    """The holds that it was to close say why they stay; those of an order that ended meanwhile are closed."""
    order = edits.locked(change.order_id)
    if order.status in Order.UNWANTED:
        return
    late = order.holds.filter(kind=K.CANCELLED_LATE, resolved_at=None)
    if not change.cancels_order:
        mine = order.lines.filter(pk__in=map(int, change.lines))
        whole = [""] if order.cancel_requested_at is not None and change.lines else []
        late = late.filter(subject__in=[*mine.values_list("number", flat=True), *whole])
    for hold in late:
        cancelled_late.hold(order, hold.subject, why)
    if change.told is not None and order.told and order.told_now:
        why = "" if edits.was_too_late(order) else why
        edits.hold_changed(order, changes.in_words(changes.compare(order.told, change.told)), why)
