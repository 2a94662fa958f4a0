"""Orders that the marketplace cancelled as a whole and opened again, once or more often: what they come back to.

Where the warehouse was never asked to cancel, nothing is to be decided. What was not sent is judged like a new order,
or waits for a person, by the route's rule for changes; so is what was skipped since it was cancelled when it was first
seen. What has ended in the warehouse is sent by nobody but a person.
"""

from __future__ import annotations

from django.utils import timezone

from integrations.models import Route
from integrations.ports import MarketplaceOrder, SaleState
from orders import arrivals, cancelled_late, changes, edits, reopening, settling
from orders.changes import Told
from orders.models import NOT_SENT, Hold, IllegalTransition, Order, WarehouseChange, WarehouseSubmission
from orders.reopening import TAKEN_BACK

S, K, T = Order.Status, Hold.Kind, WarehouseChange.Status
CAME_BACK = "The marketplace cancelled the order and opened it again."
RAISED = "The marketplace wanted none of the order any more, and wants of it again."  # and never cancelled it
LINES_CAME = "The marketplace opened lines of the order, or raised them, after it had ended."
MORE_CAME = "the marketplace opened lines of the order after it had ended"
OPENED_AGAIN = "the marketplace opened the order again"
WANTS_NONE = "the marketplace wants none of the order any more"


def notice(order: Order, told: MarketplaceOrder) -> bool:
    """Whether it was cancelled and is wanted again, or the other way round, and that was followed.

    In a transaction that holds the order.

    Raises IllegalTransition while it is being cancelled in the warehouse: it is looked at again when that has ended.
    """
    if order.cancel_requested_at is None:
        return order.status == S.CANCELLED and _after_the_end(order, told)
    if told.state != SaleState.OPEN or not arrivals.ships_any(told):
        return False
    if order.status == S.CANCELLED:
        _come_back(order, told)
    elif order.status == S.SKIPPED:
        _come_back_skipped(order, told)
    elif arrivals.is_unsent(order):
        return False  # it is being cancelled here
    else:
        _take_back(order)
    Order.objects.filter(pk=order.pk).update(cancel_requested_at=None, cancel_resolved_at=None)
    order.cancel_requested_at = order.cancel_resolved_at = None
    return True


def _after_the_end(order: Order, told: MarketplaceOrder) -> bool:
    """It ended here before the marketplace cancelled all of it, by a short ship of the rest, or came back once."""
    if _wants_none(told):
        return _end_again(order)
    if told.state != SaleState.OPEN or not _brings_more(order, changes.facts(told)):
        return False
    if not _tell_it_has_ended(order, told, LINES_CAME):
        order.move_to(S.RECEIVED, reason=MORE_CAME)  # it was never sent: `edits` follows the lines by the route's rule
    return True


def _wants_none(told: MarketplaceOrder) -> bool:
    """Also where its lines stand open over there, each with a quantity of 0."""
    over = (
        line.state == SaleState.CANCELLED or (line.state == SaleState.OPEN and line.quantity == 0)
        for line in told.lines
    )
    return told.state == SaleState.CANCELLED or all(over)


def _brings_more(order: Order, now: Told) -> bool:
    """Whether lines are opened, or units come to what has ended in the warehouse."""
    if not order.told:
        return False
    was_sent = WarehouseSubmission.objects.filter(order=order).exclude(NOT_SENT).exists()
    return bool((changes.more_wanted if was_sent else changes.reopened)(order.told, now))


def _come_back(order: Order, told: MarketplaceOrder) -> None:
    what = _what_happened(order)
    if not _tell_it_has_ended(order, told, what):
        _by_rule(order, what)
        _open_left_out(order)


def _what_happened(order: Order) -> str:
    """What it last said is kept where it lowered the lines to nothing, and not where it cancelled the order."""
    return RAISED if order.told and not changes.is_any_wanted(order.told) else CAME_BACK


def _tell_it_has_ended(order: Order, told: MarketplaceOrder, what: str) -> bool:
    """Whether it has ended in the warehouse: a person is told so, once, and nothing is sent."""
    submission = WarehouseSubmission.objects.filter(order=order).exclude(NOT_SENT).first()
    if submission is None:
        return False
    Order.objects.filter(pk=order.pk).update(told=changes.facts(told))
    order.note(f"{OPENED_AGAIN}, which has ended in the warehouse")
    todo = f"It has ended in {submission.connection}: enter it there by hand, or settle it with the marketplace"
    settling.open_hold(order, K.VOIDED_ORDER, "", f"{what} {todo}; then resolve this.")
    return True


def _by_rule(order: Order, what: str) -> None:
    if order.route is None or order.route.changes_before_sending == Route.ChangesBefore.APPLY:
        order.move_to(S.RECEIVED, reason=OPENED_AGAIN)
        return
    order.move_to(S.ON_HOLD, reason=OPENED_AGAIN)
    settling.open_hold(order, K.REOPENED, "", f"{what} Release it to have it sent, or skip it.")


def _come_back_skipped(order: Order, told: MarketplaceOrder) -> None:
    """What was cancelled when it was first seen is judged like a new order; what a person skipped stays so."""
    if WarehouseSubmission.objects.filter(order=order).exists():
        order.note(f"{OPENED_AGAIN}; it stays skipped")
        return
    order.lines.all().delete()
    arrivals.store_lines(order, told)
    now = changes.facts(told)
    order.told = {**(order.told or now), "lines": now["lines"]}
    order.skip_reason = arrivals.skip_reason(told, order.route)
    order.save(update_fields=["told", "skip_reason"])
    if order.skip_reason:
        order.note(f"{OPENED_AGAIN}; it stays skipped: {order.skip_reason}")
    else:
        _by_rule(order, CAME_BACK)


def _end_again(order: Order) -> bool:
    """What was open again, or closed here by us, is cancelled: who entered it by hand meanwhile must know."""
    now = timezone.now()
    Order.objects.filter(pk=order.pk).update(cancel_requested_at=now, cancel_resolved_at=now)
    order.note(WANTS_NONE)
    voided = order.holds.filter(kind=K.VOIDED_ORDER)
    if voided.exists() and not voided.filter(resolved_at=None).update(resolved_at=now, resolution=WANTS_NONE):
        text = "The marketplace cancelled the order once more. If it was entered by hand, stop that; then resolve this."
        settling.open_hold(order, K.VOIDED_ORDER, "", text)
    return True


def _open_left_out(order: Order) -> None:
    """Lines whose short ship was withdrawn when the order was cancelled: nobody was told that they do not ship."""
    for line in order.lines.filter(is_cancelled=True).prefetch_related("short_ships"):
        short_ships = line.short_ships.all()
        if short_ships and all(one.status == T.WITHDRAWN for one in short_ships):
            edits.open_again(order, line.number)


def _take_back(order: Order) -> None:
    """It ships as before: nobody has asked the warehouse to cancel it, or that was refused."""
    _call_off(order)
    _call_off_rests(order)
    _open_let_go(order)
    late = order.holds.filter(kind=K.CANCELLED_LATE, subject="", resolved_at=None)
    late.update(resolved_at=timezone.now(), resolution=TAKEN_BACK)
    order.note(f"{OPENED_AGAIN}; it ships as before")
    cancelled_late.hold_lines_again(order)
    edits.say_again(order)


def _call_off_rests(order: Order) -> None:
    """What had not left of its lines was to be taken out, and ships again; but of those that were cancelled alone."""
    for line in order.lines.filter(is_cancelled=False):
        if not reopening.call_off(order, line):
            raise IllegalTransition(f"lines of order {order} are being taken out in the warehouse right now")


def _open_let_go(order: Order) -> None:
    """Of what the warehouse's order has let go of meanwhile, each line is a change that is to be decided on."""
    told = order.told
    gone = {
        line.number for line in order.lines.all() if told and reopening.is_let_go(line, told["lines"].get(line.number))
    }
    if told and gone:
        order.told = changes.with_closed(told, gone)
        Order.objects.filter(pk=order.pk).update(told=order.told)


def _call_off(order: Order) -> None:
    rows = WarehouseChange.objects.select_for_update().filter(order=order, cancels_order=True)
    row = rows.exclude(status__in=WarehouseChange.OVER).first()
    if row is None:
        return
    if row.status != T.PARKED and (row.sent_at or row.status == T.IN_FLIGHT):
        raise IllegalTransition(f"order {order} is being cancelled in {row.connection} right now")
    row.cancels_order = False
    if not row.lines and row.told is None:
        row.status, row.finished_at = T.WITHDRAWN, timezone.now()
    row.save(update_fields=["cancels_order", "status", "finished_at"])
