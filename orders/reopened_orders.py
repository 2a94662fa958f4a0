"""Orders that the marketplace cancelled as a whole and opened again: what they come back to.

Where the warehouse was never asked to cancel, nothing is to be decided. What was not sent is judged like a new order,
or waits for a person, by the route's rule for changes. What has ended in the warehouse is sent by nobody but a person.
"""

from __future__ import annotations

from django.utils import timezone

from integrations.models import Route
from integrations.ports import MarketplaceOrder, SaleState
from orders import arrivals, edits, settling
from orders.models import NOT_SENT, Hold, IllegalTransition, Order, WarehouseChange, WarehouseSubmission
from orders.reopening import TAKEN_BACK

S, K, T = Order.Status, Hold.Kind, WarehouseChange.Status


def notice(order: Order, told: MarketplaceOrder) -> bool:
    """Whether it was cancelled and is wanted again, and that was followed. In a transaction that holds the order.

    Raises IllegalTransition while it is being cancelled in the warehouse: it is looked at again when that has ended.
    """
    if order.cancel_requested_at is None or told.state != SaleState.OPEN or not arrivals.ships_any(told):
        return False
    if order.status == S.CANCELLED:
        _come_back(order)
    elif arrivals.is_unsent(order):
        return False  # it is being cancelled here
    else:
        _take_back(order)
    Order.objects.filter(pk=order.pk).update(cancel_requested_at=None, cancel_resolved_at=None)
    order.cancel_requested_at = order.cancel_resolved_at = None
    return True


def _come_back(order: Order) -> None:
    submission = WarehouseSubmission.objects.filter(order=order).exclude(NOT_SENT).first()
    text = "The marketplace cancelled the order and opened it again."
    if submission is not None:
        order.note("the marketplace opened the order again, which has ended in the warehouse")
        todo = f"It has ended in {submission.connection}: enter it there by hand, or settle it with the marketplace"
        settling.open_hold(order, K.VOIDED_ORDER, "", f"{text} {todo}; then resolve this.")
        return
    if order.route is None or order.route.changes_before_sending == Route.ChangesBefore.APPLY:
        order.move_to(S.RECEIVED, reason="the marketplace opened the order again")
    else:
        order.move_to(S.ON_HOLD, reason="the marketplace opened the order again")
        settling.open_hold(order, K.REOPENED, "", f"{text} Release it to have it sent, or skip it.")
    _open_left_out(order)


def _open_left_out(order: Order) -> None:
    """Lines whose short ship was withdrawn when the order was cancelled: nobody was told that they do not ship."""
    for line in order.lines.filter(is_cancelled=True).prefetch_related("short_ships"):
        short_ships = line.short_ships.all()
        if short_ships and all(one.status == T.WITHDRAWN for one in short_ships):
            edits.open_again(order, line.number)


def _take_back(order: Order) -> None:
    """It ships as before: nobody has asked the warehouse to cancel it, or that was refused."""
    _call_off(order)
    late = order.holds.filter(kind=K.CANCELLED_LATE, subject="", resolved_at=None)
    late.update(resolved_at=timezone.now(), resolution=TAKEN_BACK)
    order.note("the marketplace opened the order again; it ships as before")
    edits.say_again(order)


def _call_off(order: Order) -> None:
    rows = WarehouseChange.objects.select_for_update().filter(order=order, cancels_order=True)
    row = rows.exclude(status__in=edits.DONE).first()
    if row is None:
        return
    if row.status != T.PARKED and (row.sent_at or row.status == T.IN_FLIGHT):
        raise IllegalTransition(f"order {order} is being cancelled in {row.connection} right now")
    row.cancels_order = False
    if not row.lines and row.told is None:
        row.status, row.finished_at = T.WITHDRAWN, timezone.now()
    row.save(update_fields=["cancels_order", "status", "finished_at"])
