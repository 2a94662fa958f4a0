"""What a person decides about what the marketplace cancelled or changed. As in `orders.actions`."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import transaction

from integrations.dispatch import enqueue
from integrations.models import Route
from orders import arrivals, cancelled_late, changes, edits, settling, warehouse_changes
from orders.models import NOT_SENT, Hold, IllegalTransition, Order, WarehouseSubmission

if TYPE_CHECKING:
    from django.contrib.auth.models import User

S, K, T = Order.Status, Hold.Kind, WarehouseSubmission.Status


def possible(order: Order) -> set[str]:
    """The names of the decisions that this order waits for, for the buttons of its page."""
    names = {"void"} if cancellable(order) else set()
    waits = order.told_now and not _is_open(order, of_told=True)
    return names | _following(order) | {"keep"} if waits else names


def _following(order: Order) -> set[str]:
    """The decision that follows what the marketplace says, if that can be followed now."""
    if order.cancel_requested_at is not None or edits.misfit(order, order.told_now or {}):
        return set()
    if arrivals.was_unsent(order):
        return {"apply"}
    is_open = order.status in (S.SUBMITTED, S.PARTLY_SHIPPED) and not edits.has_ended(order)
    return {"amend"} if is_open and not edits.was_too_late(order) else set()


def cancellable(order: Order) -> list[str]:
    """Lines that the marketplace cancelled and a button can take out of the warehouse's order now; "" for all of it.

    That goes by what both sides have: a hold that a person closed too soon leaves a way back. What was settled stays as
    long as something else waits for that.
    """
    if order.route is None or order.route.cancels_after_sending == Route.CancelsAfter.NEVER or _is_open(order):
        return []
    submission = getattr(order, "submission", None)
    if submission is None or submission.status != T.ACCEPTED or submission.remote_status in submission.ENDED:
        return []
    if order.cancel_requested_at is not None and order.status in (S.SUBMITTED, *Order.LEFT):
        is_to_end = not cancelled_late.has_left(order) or cancelled_late.is_there(order, "")
        return [""] if is_to_end else []
    if order.status not in Order.SENT:
        return []
    rests = cancelled_late.rests(order)
    numbers = list(dict.fromkeys(line.number for line, rest in rests.items() if rest.there and line.number))
    waiting = {hold.subject for hold in settling.open_holds(order) if hold.kind == K.CANCELLED_LATE}
    return [number for number in numbers if number in waiting] or numbers


def state_of(order: Order) -> str:
    """What a decision is about, in short: who decides has seen this state, or decides on another one."""
    late = order.holds.filter(kind=K.CANCELLED_LATE, resolved_at=None).order_by("subject")
    waits = [order.told_now, list(late.values_list("subject", flat=True)), cancellable(order)]
    return sha256(json.dumps(waits, sort_keys=True).encode()).hexdigest()[:20]


@transaction.atomic
def apply(order: Order, actor: User | None, seen: str | None = None) -> str:
    """Take over what the marketplace changed of an order that was not sent; it is judged again."""
    mine = _waiting(order, seen)
    if not arrivals.stays_unsent(mine):
        raise IllegalTransition(f"order {order} was sent meanwhile; update the warehouse's order instead")
    _check_fits(mine)
    found = edits.found_in(mine)
    edits.take_over(mine, mine.told_now or {}, found, actor)
    if mine.status == S.ON_HOLD:
        mine.move_to(S.RECEIVED, reason="judged again", actor=actor)
    _wake(mine)
    return f"order {order}: {changes.in_words(found)}"


@transaction.atomic
def keep(order: Order, actor: User | None, seen: str | None = None) -> str:
    """Leave the order as we have it, until the marketplace changes it once more."""
    mine = _waiting(order, seen)
    if _is_open(mine, of_told=True):
        raise IllegalTransition(f"order {order} is being updated in the warehouse already")
    words = changes.in_words(edits.found_in(mine))
    edits.decided(mine, mine.told_now or {}, f"kept as it is, not: {words}", actor)
    warehouse_changes.call_off_parked(mine)
    edits.follow_left(mine, is_kept=True)
    if mine.status == S.ON_HOLD:
        mine.move_to(S.RECEIVED, reason="judged again", actor=actor)
        _wake(mine)
    return f"order {order} is kept as it is"


@transaction.atomic
def amend(order: Order, actor: User | None, seen: str | None = None) -> str:
    """Have the warehouse's order updated to what the marketplace says now."""
    mine = _waiting(order, seen)
    _check_fits(mine)
    if edits.was_too_late(mine):
        raise IllegalTransition(f"order {order} has shipped in the warehouse; keep it as it is")
    if edits.has_ended(mine):
        raise IllegalTransition(f"order {order} has ended in the warehouse; keep it as it is")
    warehouse_changes.update(order, actor)
    edits.say_again(mine)
    _wake(order)
    return f"order {order} is updated in the warehouse with the next run"


@transaction.atomic
def void(order: Order, actor: User | None, seen: str | None = None) -> str:
    """Have the warehouse's order cancelled, or the lines of it that the marketplace cancelled taken out."""
    mine = edits.locked(order.pk)
    numbers = cancellable(mine)
    if not numbers:
        raise IllegalTransition(f"order {order} has nothing that can be cancelled in the warehouse now")
    _check_seen(mine, seen)
    for number in numbers:
        cancelled_late.hold(mine, number)  # a person may have closed it, and it may be refused there
        warehouse_changes.cancel(mine, number, actor)
        cancelled_late.hold(mine, number)  # it says that this was asked for
    if "" in numbers:
        Order.objects.filter(pk=order.pk).update(cancel_resolved_at=None)
    _wake(order)
    if cancelled_late.has_left(mine) or "" not in numbers:
        return (
            f"order {order}: what is cancelled and has not left by then is taken out in the warehouse with the next run"
        )
    return f"order {order}: cancelled in the warehouse with the next run, if it is unshipped then"


def _waiting(order: Order, seen: str | None) -> Order:
    """The order, kept from changing. Who decides twice is told that it was decided, and not that it changed."""
    mine = edits.locked(order.pk)
    if not mine.told_now:
        raise IllegalTransition(f"order {order} has no change that waits for a decision any more")
    _check_seen(mine, seen)
    return mine


def _check_seen(order: Order, seen: str | None) -> None:
    """Whether it is still as the person who decides has seen it."""
    if seen is not None and seen != state_of(order):
        raise IllegalTransition(f"nothing was done: order {order} was changed since the page was opened; look again")


def _check_fits(order: Order) -> None:
    bad = edits.misfit(order, order.told_now or {})
    if bad:
        raise IllegalTransition(f"order {order} cannot be made what the marketplace says. {bad}")


def _is_open(order: Order, *, of_told: bool = False) -> bool:
    rows = [one for one in order.warehouse_changes.all() if one.status in one.OPEN]
    return any(one.told is not None or not of_told for one in rows)


def _wake(order: Order) -> None:
    """Have the warehouse's job run that has the order, or is to get it."""
    sent = (
        WarehouseSubmission.objects.filter(order=order).exclude(NOT_SENT).values_list("connection", flat=True).first()
    )
    warehouse = sent or (order.route.warehouse_id if order.route else None)
    if warehouse is not None:
        enqueue("submit_orders", warehouse)
