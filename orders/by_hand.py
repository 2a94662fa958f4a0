"""Lines of the warehouse's order that staff changed there themselves: our books follow, and so do the holds.

What was to be done there and is found done closes its hold; what is missing of a line that is to ship opens one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, prefetch_related_objects
from django.utils import timezone

from integrations.errors import Misconfigured, Refused, Unavailable, Unreadable
from integrations.models import Connection
from integrations.ports import Warehouse
from integrations.runs import Run
from integrations.sent_orders import ListedLine, PlacedOrder, Receipt, are_others
from orders import cancelled_late, change_plan, change_steps, counted_there, edits, parcels, told, warehouse_changes
from orders.change_steps import NotPossible
from orders.changes import Told
from orders.models import Hold, Order, WarehouseChange, WarehouseSubmission

K, T = Hold.Kind, WarehouseChange.Status
HELD_FOR_IT = (K.CANCELLED_LATE, K.CHANGED_ORDER, K.DIFFERENT_THERE)
BATCH = 500


# --- which are read -----------------------------------------------------------------------------------------------


def note_changed(submissions: Iterable[WarehouseSubmission], receipts: Mapping[str, Receipt]) -> None:
    """Have those read of which the warehouse says that their lines, or their sum, are others than when last looked at.

    `receipts` by their id. Where none was told before, the first is taken as it was sent, if it has all of its lines.
    """
    known = [one for one in submissions if one.remote_contents != one.UNREAD and receipts[one.remote_id].contents]
    others = [one for one in known if are_others(one.remote_contents, receipts[one.remote_id].contents)]
    new = [one for one in known if not one.remote_contents]
    prefetch_related_objects(new, "lines")
    for one in new:
        receipt = receipts[one.remote_id]
        has_all = {line.remote_id for line in one.lines.all()} <= {*receipt.line_ids, ""}
        one.remote_contents = receipt.contents if has_all else one.UNREAD
    for one in others:
        one.remote_contents, one.remote_updated_at = one.UNREAD, receipts[one.remote_id].updated_at
    WarehouseSubmission.objects.bulk_update([*new, *others], ["remote_contents", "remote_updated_at"])


def note_lines(run: Run, warehouse: Warehouse, since: datetime) -> None:
    """Have those read of which a line has other units than we know: not all that changes shows in their sum.

    It is a net under the orders' own sums: an account that does not list its lines is no trouble of each look.
    """
    try:
        listed = list(warehouse.changed_lines(since))
    except (Refused, Unreadable, Misconfigured) as exc:
        if isinstance(exc, Misconfigured) and exc.credentials:
            raise
        run.note(f"which lines were changed by hand is not told, and seen by the orders' sums only: {exc}")
        return
    for start in range(0, len(listed), BATCH):
        run.beat()
        _note_lines(run.connection, listed[start : start + BATCH])


def _note_lines(connection: Connection, listed: Sequence[ListedLine]) -> None:
    of: dict[str, list[ListedLine]] = defaultdict(list)
    for line in listed:
        of[line.order_id].append(line)
    mine = WarehouseSubmission.objects.filter(connection=connection, remote_id__in=list(of), status=T.ACCEPTED)
    others: list[int] = []
    for one in mine.exclude(remote_status__in=WarehouseSubmission.ENDED).prefetch_related("lines"):
        known = {row.remote_id: row.quantity for row in one.lines.all()}
        if any(known.get(line.remote_id) != line.quantity for line in of[one.remote_id]):
            others.append(one.pk)
    WarehouseSubmission.objects.filter(pk__in=others).update(remote_contents=WarehouseSubmission.UNREAD)


def note_all(connection: Connection, receipts: Mapping[str, Receipt]) -> None:
    """The same of all orders of ours among these: a change that the list of changed orders did not tell of."""
    ids = list(receipts)
    for start in range(0, len(ids), BATCH):
        mine = WarehouseSubmission.objects.filter(
            connection=connection, remote_id__in=ids[start : start + BATCH], status=T.ACCEPTED
        ).exclude(remote_status__in=WarehouseSubmission.ENDED)
        note_changed(mine.only("connection", "remote_id", "remote_contents", "remote_updated_at"), receipts)


def note_held(changed: Iterable[WarehouseSubmission], receipts: Mapping[str, Receipt]) -> None:
    """Have those read of these, which the warehouse has just told, that wait for such a change, whatever it was.

    Once for each change: one look overlaps the next, and tells it again.
    """
    news = {one.order_id: one for one in changed if _is_news(one, receipts[one.remote_id])}
    held = Hold.objects.filter(order__in=list(news), kind__in=HELD_FOR_IT, resolved_at=None)
    waiting = [news[order] for order in held.values_list("order", flat=True).distinct()]
    for one in waiting:
        one.remote_contents, one.remote_updated_at = one.UNREAD, receipts[one.remote_id].updated_at
    WarehouseSubmission.objects.bulk_update(waiting, ["remote_contents", "remote_updated_at"])


def _is_news(submission: WarehouseSubmission, receipt: Receipt) -> bool:
    return receipt.updated_at is None or receipt.updated_at != submission.remote_updated_at


def look_at_all(run: Run, warehouse: Warehouse) -> None:
    """After what is more urgent: each costs a call or two. What cannot be read now, the next run reads."""
    mine = WarehouseSubmission.objects.filter(connection=run.connection, status=T.ACCEPTED)
    unread = mine.filter(remote_contents=WarehouseSubmission.UNREAD).select_related("order", "connection")
    for submission in unread.order_by("pk"):
        if run.hands_over():
            break
        run.beat()
        with run.isolated(f"order {submission.order}"):
            look(run, warehouse, submission)
    counted_there.look_again(run.connection)


def look(run: Run, warehouse: Warehouse, submission: WarehouseSubmission) -> None:
    """Read the order as it is there."""
    if _is_open(submission.order_id):
        return  # our own change reads it, and has it read once more
    began = timezone.now()
    try:
        _follow(submission, warehouse, warehouse.order(submission.remote_id), began)
    except (Refused, Unreadable, Unavailable) as exc:  # perhaps of this order only: the next run reads it
        if isinstance(exc, Unavailable) and exc.throttled:
            raise
        run.problem(f"order {submission.order}: {exc}")


def _is_open(order_id: int, since: datetime | None = None) -> bool:
    """Whether a change of ours is on its way, or was done since then."""
    ours = Q(status__in=WarehouseChange.OPEN) | (Q(finished_at__gte=since) if since else Q())
    return WarehouseChange.objects.filter(ours, order=order_id).exists()


# --- what follows -------------------------------------------------------------------------------------------------


@transaction.atomic
def _follow(
    submission: WarehouseSubmission, warehouse: Warehouse, placed: PlacedOrder | None, began: datetime
) -> None:  # fmt: skip
    """`placed` was asked for at `began`."""
    order = edits.locked(submission.order_id)
    if _is_open(order.pk, since=began):
        return  # it is another one by now
    mine = WarehouseSubmission.objects.filter(pk=submission.pk)
    mine.update(remote_contents=placed.contents if placed is not None else "")
    if placed is None or placed.is_ended:
        return
    seen = counted_there.count(order, submission, placed)
    if order.status == Order.Status.CONFIRMED:
        edits.follow_left(order)  # what is wanted on top may be there now
    _find_done(order, submission, warehouse, placed, seen.lines)
    order = edits.locked(order.pk)
    if seen.lines:
        told.hold_beyond(order, parcels.recount(order, submission))
        _say_again(order)
    counted_there.hold_astray(order, submission, seen)


def _find_done(
    order: Order, submission: WarehouseSubmission, warehouse: Warehouse, placed: PlacedOrder, others: set[int]
) -> None:
    """As after a change of ours, which would find nothing to do any more. `others` are ids of lines that changed."""
    change = WarehouseChange(
        order=order, connection=submission.connection, lines=_taken_out(order, others),
        told=_as_told(order, submission, warehouse, placed),
    )  # fmt: skip
    if not change.lines and change.told is None:
        return
    plan = change_plan.plan(change, submission, warehouse, placed)
    if change_steps.leaves_nothing(placed, plan.target):
        return  # an order that is empty is not done with: it is to be voided
    warehouse_changes.call_off_parked(order)  # done by hand, as its hold said
    change.status, change.claimed_at = T.IN_FLIGHT, timezone.now()
    change.save()
    numbers = ", ".join(order.lines.filter(pk__in=map(int, change.lines)).values_list("number", flat=True))
    what = [*[f"line {numbers} taken out"] * bool(numbers), *map(str, plan.found)]
    order.note(f"done by hand in {submission.connection}: {'; '.join(what)}")
    warehouse_changes.changed(change, submission, plan, placed)


def _taken_out(order: Order, others: set[int]) -> dict[str, int]:
    """Units that have left of each cancelled line that is held, and of which no more is there since it was changed."""
    held = set(order.holds.filter(kind=K.CANCELLED_LATE, resolved_at=None).values_list("subject", flat=True))
    mine = {line.pk for line in order.lines.all() if line.pk in others and held & {line.number, ""}}
    rests = cancelled_late.rests(order)
    return {str(line.pk): rest.left for line, rest in rests.items() if line.pk in mine and not rest.there}


def _as_told(
    order: Order, submission: WarehouseSubmission, warehouse: Warehouse, placed: PlacedOrder
) -> Told | None:  # fmt: skip
    """What the marketplace says now and waits for a decision, if it is of quantities alone and is so there."""
    found = edits.found_in(order) if order.status != Order.Status.CONFIRMED else ()
    there = set(submission.lines.values_list("order_line__number", flat=True))
    if not found or any(one.field not in ("quantity", "line") or one.opens or one.line not in there for one in found):
        return None
    change = WarehouseChange(order=order, connection=submission.connection, told=order.told_now)
    try:
        todo = change_steps.steps(placed, change_plan.plan(change, submission, warehouse, placed).target)
    except NotPossible:
        return None
    return None if todo else order.told_now


def _say_again(order: Order) -> None:
    """What can be done about what was cancelled, or changed, is another thing now."""
    late = order.holds.filter(kind=K.CANCELLED_LATE, resolved_at=None)
    for subject in late.values_list("subject", flat=True):
        cancelled_late.hold(order, subject)
    edits.say_again(order)
