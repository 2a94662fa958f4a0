"""A short ship: the marketplace is told that what is open of a line will not ship. Only by a person, with a reason.

The units are kept from being sent and confirmed from the moment it is asked for; the warehouse lets go of them first.
Then it is told: `tell_short_ships`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from integrations import registry
from integrations.dispatch import enqueue
from integrations.models import Route
from integrations.wording import counted
from orders import arrivals, edits, parcels, reopening, told_lines, warehouse_changes
from orders.models import (
    NOT_SENT,
    ConfirmedLine,
    IllegalTransition,
    Order,
    OrderLine,
    ShortShip,
    WarehouseSubmission,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

S, T = Order.Status, ShortShip.Status
PERMISSION = "orders.short_ship"
ASKABLE = (*Order.UNSENT, S.SUBMITTED, S.PARTLY_SHIPPED)


def open_lines(order: Order) -> list[OrderLine]:
    """Lines of which something is left that could be short shipped; refused ones wherever their order is by now."""
    refused = {one.order_line_id for one in order.short_ships.all() if one.status == T.PARKED}
    if not (_waits_for_goods(order) or refused):
        return []
    lines = order.lines.all()
    return [one for one in lines if one.pk in refused or (_waits_for_goods(order) and open_units(one))]


def _waits_for_goods(order: Order) -> bool:
    """Not of one that is cancelled: nothing of it is to ship."""
    return order.status in ASKABLE and order.cancel_requested_at is None


def open_units(line: OrderLine) -> int:
    """Units of it that a short ship would be of."""
    return 0 if line.is_cancelled else line.quantity_to_ship - _gone(line)


def _gone(line: OrderLine) -> int:
    """Units that ship in any case: told, or left the warehouse."""
    return max(line.quantity_confirmed, line.quantity_shipped)


@transaction.atomic
def ask(line: OrderLine, code: str, actor: User | None) -> str:
    """Commit the intent for all that is open of the line. Raises IllegalTransition when that may not be, or not now."""
    order = edits.locked(line.order_id)
    is_askable = _call_off_refused(line) or _waits_for_goods(order)
    known = OrderLine.objects.select_for_update().get(pk=line.pk)
    units = open_units(known) if is_askable else 0
    _check(order, known, units, code)
    known.quantity_to_ship, known.is_cancelled = _gone(known), _gone(known) == 0
    known.save(update_fields=["quantity_to_ship", "is_cancelled"])
    _take_from_the_warehouse(order, known, actor)
    ShortShip.objects.create(
        order=order, connection=order.connection, order_line=known, quantity=units, reason_code=code, actor=actor
    )
    what = counted(units, "units")
    order.note(f"line {known.number}: {what} to be short shipped, reason {code}", actor=actor)
    enqueue("confirm_shipments", order.connection_id)
    return f"order {order}: {order.connection} is told to expect no more of line {known.number} ({what})"


def _call_off_refused(line: OrderLine) -> bool:
    """One that was refused is asked for anew: with another reason. Whether there was one."""
    refused = ShortShip.objects.select_for_update().filter(order_line=line, status=T.PARKED).first()
    if refused is None:
        return False
    ShortShip.objects.filter(pk=refused.pk).update(status=T.WITHDRAWN)
    free(line.pk)
    return True


def free(line_id: int) -> int:
    """Its units are kept back no more; how many ship now, since the marketplace may have lowered or raised the line."""
    line = OrderLine.objects.get(pk=line_id)
    units = told_lines.to_ship(line, {"quantity": line.quantity, "shipped": line.shipped_before})
    OrderLine.objects.filter(pk=line_id).update(quantity_to_ship=units, is_cancelled=False)
    return units - line.quantity_to_ship


def callable_off(order: Order) -> list[ShortShip]:
    """Those that the marketplace was certainly not told of, as they were read with the order."""
    open_ones = (T.PENDING, T.UNCONFIRMED, T.PARKED)
    mine = (one for one in order.short_ships.all() if one.sent_at is None and one.status in open_ones)
    return sorted(mine, key=lambda one: one.pk)


@transaction.atomic
def call_off(short: ShortShip, actor: User | None) -> str:
    """The units ship after all. Raises IllegalTransition when the marketplace may have been told, or not now."""
    order = edits.locked(short.order_id)
    known = ShortShip.objects.select_for_update().select_related("order_line").get(pk=short.pk)
    name = f"the short ship of line {known.order_line.number} of order {order}"
    if known not in callable_off(order):
        raise IllegalTransition(f"{name} is {known.get_status_display().lower()}; it cannot be called off any more")
    ShortShip.objects.filter(pk=known.pk).update(status=T.WITHDRAWN, finished_at=timezone.now())
    order.note(f"short ship of line {known.order_line.number} called off: {_ship_after_all(order, known)}", actor=actor)
    return f"{name} is called off"


def _ship_after_all(order: Order, short: ShortShip) -> str:
    """Give the units back, or have a person decide on them where the warehouse has let go; what comes of them."""
    line = short.order_line
    if order.status == S.SKIPPED:
        return f"{counted(free(line.pk), 'units')} to ship if the order is un-skipped"
    if order.status in Order.CLOSED:
        return f"the order is {order.get_status_display().lower()} here; settle the line with {order.connection}"
    if order.status in Order.UNSENT:
        _withdraw(order)
        if order.status != S.RECEIVED:
            order.move_to(S.RECEIVED, reason=f"line {line.number} ships after all")
        return f"{counted(free(line.pk), 'units')} ship after all"
    if has_let_go(order, line):
        edits.open_again(order, line.number)
        return "the warehouse has let go of it; decide whether it is put in there again"
    if not reopening.call_off(order, line):
        raise IllegalTransition(f"line {line.number} is being taken out of order {order} there; look again in a minute")
    units = free(line.pk)
    parcels.recount(order, WarehouseSubmission.objects.get(order=order))
    return f"{counted(units, 'units')} ship after all"


def _withdraw(order: Order) -> None:
    """What is sent of it changes. Raises IllegalTransition when that may be on its way."""
    if not arrivals.withdraw(order):
        raise IllegalTransition(f"order {order} is being sent right now; look again in a minute")


def _check(order: Order, line: OrderLine, units: int, code: str) -> None:
    name = f"line {line.number} of order {order}"
    if order.route is None or code not in dict(order.route.short_ship_codes):
        raise IllegalTransition(f"route {order.route} has no short ship reason {code!r}; add it to the route")
    if not registry.may_reach(order.route, order.connection):
        raise IllegalTransition(f"route {order.route} is in test; the marketplace is told nothing")
    if units <= 0 or not line.number:
        raise IllegalTransition(f"{name} has nothing open that could be short shipped")
    if ShortShip.objects.filter(order_line=line).exclude(status=T.WITHDRAWN).exists():
        raise IllegalTransition(f"{name} was short shipped already; settle what is open there with {order.connection}")
    waits_for_all = order.route.partial_shipments == Route.Partial.WHEN_COMPLETE
    if not waits_for_all and not is_told(line):
        raise IllegalTransition(f"{name} has parcels that the marketplace was not told of yet; confirm them first")


def is_told(line: OrderLine) -> bool:
    """Whether the marketplace knows all that has left: the message of a short ship closes the rest (4.1)."""
    told = ConfirmedLine.objects.filter(shipment_line__order_line=line)
    return (
        line.quantity_shipped <= line.quantity_confirmed and not told.exclude(confirmation__status=T.ACCEPTED).exists()
    )


def _take_from_the_warehouse(order: Order, line: OrderLine, actor: User | None) -> None:
    """What was not sent is left out; what was sent is taken out there before the marketplace is told."""
    if order.status in Order.UNSENT:
        _withdraw(order)
        if order.status == S.READY:
            order.move_to(S.RECEIVED, reason=f"line {line.number} is left out", actor=actor)
        return
    if not has_let_go(order, line):
        warehouse_changes.lower(order, line, line.quantity_to_ship, actor)
        enqueue("submit_orders", WarehouseSubmission.objects.get(order=order).connection_id)


def has_let_go(order: Order, line: OrderLine) -> bool:
    """Whether the warehouse's order holds no more of the line than is to ship."""
    submission = WarehouseSubmission.objects.filter(order=order).exclude(NOT_SENT).first()
    if submission is None or submission.remote_status in WarehouseSubmission.ENDED or order.status == S.CANCELLED:
        return True
    there = parcels.components(submission.lines.filter(order_line=line))
    return all(units <= line.quantity_to_ship * each for (_, each), units in there.items())
