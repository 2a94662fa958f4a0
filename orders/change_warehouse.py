"""What was cancelled or changed after sending is done in the warehouse too: by the route's rule or a person's decision.

Claim (committed), read the order as it is there, do what differs, read it back: only then it counts as done. An answer
that was lost is found by the same reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from integrations.errors import (
    KeyRefused,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Unreadable,
)
from integrations.models import Route
from integrations.ports import Warehouse
from integrations.runs import MAX_FAILURES_IN_A_ROW, Run
from integrations.sent_orders import OrderChange, PlacedOrder
from integrations.transmissions import KEY_REFUSED_GRACES, PATIENT_ATTEMPTS, due, lookup_grace, recover
from orders import cancelled_late, change_plan, change_steps, edits, warehouse_changes
from orders.change_steps import NotPossible
from orders.models import Hold, IllegalTransition, Order, WarehouseChange, WarehouseSubmission

S, T, K = Order.Status, WarehouseChange.Status, Hold.Kind
# Of a run's turn.
CHANGES_FOR = 0.5
PARTS = (
    "order__lines",
    "order__warehouse_changes",
    "order__submission__lines",
    "order__shipments",
    "order__short_ships",
)


def carry_out(run: Run, warehouse: Warehouse) -> bool:
    """Ask for what the routes' rules want, then take each change as far as it goes now, oldest first.

    Whether they all had their turn: as much of the run's is left for orders that are to be sent.
    """
    mine = WarehouseChange.objects.filter(connection=run.connection)
    run.outboxes.append(mine)
    run.count("changes found in doubt after a crash", recover(mine))
    _by_rule(run)
    _end_empty(run)
    return Changer(run, warehouse).take_all(list(due(mine).values_list("pk", flat=True)))


def _by_rule(run: Run) -> None:
    """Where cancellations are to be done, each that was not asked for yet."""
    late = Hold.objects.filter(
        kind=K.CANCELLED_LATE, resolved_at=None, order__submission__connection=run.connection,
        order__submission__status=T.ACCEPTED, order__route__cancels_after_sending=Route.CancelsAfter.DO,
        order__status__in=Order.SENT,
    ).exclude(subject="", order__status=S.CONFIRMED)  # fmt: skip
    for hold in late.select_related("order__submission").prefetch_related(*PARTS).order_by("pk"):
        with run.isolated(f"order {hold.order}"):
            if not _was_asked(hold) and _is_to_be_asked(hold):
                _ask(hold)  # else its text says what is left to do


def _is_to_be_asked(hold: Hold) -> bool:
    """An order of which nothing has left is ended there, also where its lines are gone."""
    ends = not hold.subject and hold.order.status == S.SUBMITTED and not cancelled_late.has_left(hold.order)
    return ends or cancelled_late.is_there(hold.order, hold.subject)


def _was_asked(hold: Hold) -> bool:
    """Whether what it is about was asked of the warehouse since it was opened, and is not done yet, or was refused.

    What is there again after it was done, as a parcel was voided, is asked for again.
    """
    lines = {str(line.pk) for line in hold.order.lines.all() if line.number == hold.subject or not hold.subject}
    known = [one for one in hold.order.warehouse_changes.all() if one.status not in WarehouseChange.OVER]
    since = [one for one in known if one.created_at >= hold.opened_at]
    # What is left of it is to be taken out, and not voided.
    if not hold.subject and cancelled_late.has_left(hold.order):
        return any(lines & one.lines.keys() for one in since)
    return any(one.cancels_order or lines & one.lines.keys() for one in since)


@transaction.atomic
def _ask(hold: Hold) -> None:
    order = edits.locked(hold.order_id)
    if not order.holds.filter(pk=hold.pk, resolved_at=None).exists():
        return  # a person has settled it since
    try:
        warehouse_changes.cancel(order, hold.subject, None)
    except IllegalTransition as exc:
        cancelled_late.hold(order, hold.subject, str(exc))


def _end_empty(run: Run) -> None:
    """Orders whose last line was taken out while another was to come, which was then called off."""
    mine = WarehouseChange.objects.filter(order=OuterRef("order"))
    is_open = mine.filter(status__in=WarehouseChange.OPEN)
    asked = mine.filter(told__isnull=True, lines={}).exclude(status=T.WITHDRAWN)
    empty = WarehouseSubmission.objects.filter(
        Exists(mine.filter(status=T.ACCEPTED)), ~Exists(is_open), ~Exists(asked), connection=run.connection,
        status=T.ACCEPTED, lines=None, order__status=S.SUBMITTED, order__told_now__isnull=True,
    ).exclude(remote_status__in=WarehouseSubmission.ENDED)  # fmt: skip
    for submission in empty.select_related("order").order_by("pk"):
        with run.isolated(f"order {submission.order}"), suppress(IllegalTransition):
            warehouse_changes.end_empty(submission.order)


class Changer:
    """Does one warehouse's changes in one run."""

    def __init__(self, run: Run, warehouse: Warehouse) -> None:
        self._run = run
        self._warehouse = warehouse
        self._failures_in_a_row = 0

    def take_all(self, pks: Sequence[int]) -> bool:
        """Whether none is left that could have been taken now."""
        for place, pk in enumerate(pks):
            self._run.beat()
            if place and self._run.is_past(CHANGES_FOR):
                self._run.count("changes left for the next run", len(pks) - place)
                return False
            with self._run.isolated(f"change {pk}"):
                self.take(pk)
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                self._run.unreachable()
                break
        return True

    def take(self, pk: int) -> None:
        """Take one change as far as it goes now. Raises Misconfigured or a rate limit's Unavailable: stop."""
        change = WarehouseChange.objects.select_related("order__route", "order__connection").get(pk=pk)
        was = change.claim(connection=self._run.connection)
        if was is None:
            return
        try:
            self._advance(change)
            self._failures_in_a_row = 0
        except Misconfigured as exc:
            if exc.credentials:
                change.release(change.status_after(was), costs_attempt=False)
                raise
            self._wait(change, was, exc)  # perhaps a right that only this needs: orders go out all the same
        except Refused as exc:
            self._park(change, str(exc))
        except Unavailable as exc:
            self._later(change, was, exc)
        except Unreadable as exc:  # this order waits, the others go on
            self._failures_in_a_row += 1
            self._run.problem(f"order {change.order}: {exc}")
            self._back_off(change, change.status_after(was), str(exc))

    def _advance(self, change: WarehouseChange) -> None:
        submission = WarehouseSubmission.objects.get(order=change.order_id)
        if submission.status != T.ACCEPTED or not _may_go_on(change):
            change.finish(T.WITHDRAWN)
            return
        placed = self._warehouse.order(submission.remote_id)
        try:
            if change.cancels_order and not _is_wanted_again(change, placed):
                self._cancel(change, placed, submission)
            else:
                self._change(change, placed, submission)
        except NotPossible as exc:
            self._park(change, str(exc))
        except Refused as exc:
            self._refused(change, submission, exc)

    def _cancel(self, change: WarehouseChange, placed: PlacedOrder | None, submission: WarehouseSubmission) -> None:
        if placed is not None and not placed.is_ended:
            if placed.has_shipped:
                raise NotPossible(HAS_SHIPPED)
            change.intend(request={"cancel": placed.remote_id, "unpack": list(placed.packed)})
            self._warehouse.cancel_order(placed)
            placed = self._warehouse.order(submission.remote_id)
            if placed is not None and not placed.is_ended:
                raise OutcomeUnknown(f"{self._run.connection} shows order {placed.number} as {placed.status} still")
        warehouse_changes.cancelled(change, "deleted" if placed is None else placed.status)
        self._run.count("cancelled there")

    def _change(self, change: WarehouseChange, placed: PlacedOrder | None, submission: WarehouseSubmission) -> None:
        if placed is None:
            raise NotPossible(f"{self._run.connection} has no order {submission.remote_number} any more.")
        plan = change_plan.plan(change, submission, self._warehouse, placed)
        if change_steps.leaves_nothing(placed, plan.target) and not warehouse_changes.more_waits(change):
            # An order without lines would wait there for ever.
            change.note(cancels_order=True)
            self._cancel(change, placed, submission)
            return
        todo = change_steps.steps(placed, plan.target)
        if todo:
            change.intend(request=warehouse_changes.as_json(todo))
            refused = self._ask(placed, todo, _key(change, submission))
            placed = self._warehouse.order(submission.remote_id)
            if placed is None or change_steps.steps(placed, plan.target):
                raise refused or OutcomeUnknown(f"{self._run.connection} does not show all of the change yet")
        warehouse_changes.changed(change, submission, plan, placed)
        self._run.count("changed there")
        self._run.wake("confirm_shipments", change.order.connection_id)

    def _ask(self, placed: PlacedOrder, todo: OrderChange, key: str) -> Refused | None:
        """How it was refused, if it was: a look must say whether none of it was done all the same."""
        try:
            self._warehouse.change_order(placed, todo, idempotency_key=key)
        except Refused as exc:
            return exc
        return None

    def _refused(self, change: WarehouseChange, submission: WarehouseSubmission, exc: Refused) -> None:
        """The answer is clear, but somebody may have been faster: shipped it, or done just that."""
        change.note(generation=change.generation + 1)
        placed = self._warehouse.order(submission.remote_id) if change.cancels_order else None
        if change.cancels_order and (placed is None or placed.is_ended):
            warehouse_changes.cancelled(change, "deleted" if placed is None else placed.status)
        elif placed is not None and placed.has_shipped:
            self._park(change, HAS_SHIPPED)
        else:
            by_hand = "try again, which finds it done; or keep the order as it is"
            then = "resolve this, or try again" if change.told is None else by_hand
            self._park(change, f"{exc}. Do it there by hand, then {then}.")

    def _park(self, change: WarehouseChange, why: str) -> None:
        with transaction.atomic():
            Order.objects.select_for_update().get(pk=change.order_id)
            change.finish(T.PARKED, error=why)
            warehouse_changes.say_why_not(change, why)
        self._run.problem(f"order {change.order}: {change}: {why}")

    @transaction.atomic
    def _back_off(self, change: WarehouseChange, status: str, error: str, **pauses: Any) -> None:
        """Later; out of attempts, the holds say so."""
        Order.objects.select_for_update().get(pk=change.order_id)
        change.back_off(status, error, **pauses)
        if change.status == T.PARKED:
            warehouse_changes.say_why_not(change, change.last_error)

    def _wait(self, change: WarehouseChange, was: str, exc: Misconfigured) -> None:
        with transaction.atomic():
            warehouse_changes.say_why_not(change, f"{exc} It is tried again.")
            self._back_off(change, change.status_after(was), str(exc))
        self._run.problem(f"order {change.order}: {change}: {exc}")

    def _later(self, change: WarehouseChange, was: str, exc: Unavailable) -> None:
        if exc.throttled:
            change.release(change.status_after(was), after=exc.retry_after, error=str(exc), costs_attempt=False)
            raise exc
        self._failures_in_a_row += 1
        self._run.problem(f"order {change.order}: {exc}")
        wait = exc.retry_after or timedelta(0)
        if isinstance(exc, OutcomeUnknown) and change.sent_at:
            graces = 1
            if isinstance(exc, KeyRefused):
                change.note(generation=change.generation + 1)
                graces = KEY_REFUSED_GRACES
            self._back_off(change, T.UNCONFIRMED, str(exc), at_least=max(wait, lookup_grace() * graces))
            return
        self._back_off(change, change.status_after(was), str(exc), at_least=wait, attempts=PATIENT_ATTEMPTS)


def _may_go_on(change: WarehouseChange) -> bool:
    """Once all was confirmed, nothing is left to do but to take out lines that are not wanted."""
    takes_out = change.told is None and not change.cancels_order
    return change.order.status in Order.SENT and (takes_out or change.order.status != S.CONFIRMED)


def _is_wanted_again(change: WarehouseChange, placed: PlacedOrder | None) -> bool:
    """Whether goods are to come to an order that was only to end because it was empty, and that stands still."""
    stands = placed is not None and not placed.is_ended and not change.order.cancel_requested_at
    if not stands or not warehouse_changes.more_waits(change):
        return False
    change.note(cancels_order=False)
    return True


HAS_SHIPPED = (
    "The warehouse has shipped of it, so that it is not voided there. Have it called back, or settle it with the "
    "marketplace; then resolve this."
)


def _key(change: WarehouseChange, submission: WarehouseSubmission) -> str:
    sent = submission.request.get("idempotency_key", submission.remote_id)
    return f"{sent}-{change.pk}-{change.generation}"
