"""A short ship: the marketplace is told that what is open of a line will not ship. Only by a person, with a reason.

The units are kept from being sent and confirmed from the moment it is asked for; the warehouse lets go of them first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations.dispatch import enqueue
from integrations.errors import Misconfigured, OutcomeUnknown, Refused, TakenIn, Unavailable, Unreadable
from integrations.models import Route
from integrations.ports import Marketplace, MarketplaceLine, SaleState
from integrations.runs import MAX_FAILURES_IN_A_ROW, Run
from integrations.sent_orders import ShortShipNotice
from integrations.transmissions import MAX_ATTEMPTS, PATIENT_ATTEMPTS, due, lookup_grace, recover
from integrations.wording import counted
from orders import arrivals, edits, parcels, readback, reopening, telling, told_lines, warehouse_changes
from orders.models import (
    NOT_SENT,
    ConfirmedLine,
    IllegalTransition,
    Order,
    OrderLine,
    ShortShip,
    WarehouseChange,
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
    if order.status not in ASKABLE and not refused:
        return []
    lines = order.lines.all()
    return [one for one in lines if one.pk in refused or (order.status in ASKABLE and open_units(one))]


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
    is_askable = _call_off_refused(line) or order.status in ASKABLE
    known = OrderLine.objects.select_for_update().get(pk=line.pk)
    units = open_units(known) if is_askable else 0
    _check(order, known, units, code)
    known.quantity_to_ship, known.is_cancelled = _gone(known), _gone(known) == 0
    known.save(update_fields=["quantity_to_ship", "is_cancelled"])
    _take_from_the_warehouse(order, known, actor)
    ShortShip.objects.create(
        order=order, connection=order.connection, order_line=known, quantity=units, reason_code=code, actor=actor
    )
    order.note(f"line {known.number}: {counted(units, 'units')} to be short shipped, reason {code}", actor=actor)
    enqueue("confirm_shipments", order.connection_id)
    return (
        f"order {order}: {order.connection} is told that {counted(units, 'units')} of line {known.number} do not ship"
    )


def _call_off_refused(line: OrderLine) -> bool:
    """One that was refused is asked for anew: with another reason. Whether there was one."""
    refused = ShortShip.objects.select_for_update().filter(order_line=line, status=T.PARKED).first()
    if refused is None:
        return False
    ShortShip.objects.filter(pk=refused.pk).update(status=T.WITHDRAWN)
    _free(line.pk)
    return True


def _free(line_id: int) -> int:
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
        return f"{counted(_free(line.pk), 'units')} to ship if the order is un-skipped"
    if order.status in Order.CLOSED:
        return f"the order is {order.get_status_display().lower()} here; settle the line with {order.connection}"
    if order.status in Order.UNSENT:
        _withdraw(order)
        if order.status != S.RECEIVED:
            order.move_to(S.RECEIVED, reason=f"line {line.number} ships after all")
        return f"{counted(_free(line.pk), 'units')} ship after all"
    if _has_let_go(order, line):
        edits.open_again(order, line.number)
        return "the warehouse has let go of it; decide whether it is put in there again"
    if not reopening.call_off(order, line):
        raise IllegalTransition(f"line {line.number} is being taken out of order {order} there; look again in a minute")
    units = _free(line.pk)
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
    if not telling.may_reach(order.route, order.connection):
        raise IllegalTransition(f"route {order.route} is in test; the marketplace is told nothing")
    if units <= 0 or not line.number:
        raise IllegalTransition(f"{name} has nothing open that could be short shipped")
    if ShortShip.objects.filter(order_line=line).exclude(status=T.WITHDRAWN).exists():
        raise IllegalTransition(f"{name} was short shipped already; settle what is open there with {order.connection}")
    waits_for_all = order.route.partial_shipments == Route.Partial.WHEN_COMPLETE
    if not waits_for_all and not _is_told(line):
        raise IllegalTransition(f"{name} has parcels that the marketplace was not told of yet; confirm them first")


def _is_told(line: OrderLine) -> bool:
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
    if not _has_let_go(order, line):
        warehouse_changes.lower(order, line, line.quantity_to_ship, actor)
        enqueue("submit_orders", WarehouseSubmission.objects.get(order=order).connection_id)


def _has_let_go(order: Order, line: OrderLine) -> bool:
    """Whether the warehouse's order holds no more of the line than is to ship."""
    submission = WarehouseSubmission.objects.filter(order=order).exclude(NOT_SENT).first()
    if submission is None or submission.remote_status in WarehouseSubmission.ENDED or order.status == S.CANCELLED:
        return True
    there: Counter[tuple[str, int]] = Counter()  # a component may be two lines, of different prices
    for row in submission.lines.filter(order_line=line):
        there[row.item_id, row.units] += row.quantity
    return all(units <= line.quantity_to_ship * each for (_, each), units in there.items())


# --- told -------------------------------------------------------------------------------------------------------


def tell(run: Run) -> None:
    """Take each one as far as it goes now, oldest first."""
    mine = ShortShip.objects.filter(connection=run.connection)
    run.outboxes.append(mine)
    run.count("short ships found in doubt after a crash", recover(mine))
    _look_at_gone(mine)
    pks = list(due(mine).values_list("pk", flat=True))
    if pks:
        Teller(run, run.marketplace()).tell(pks)


def _look_at_gone(mine: QuerySet[ShortShip]) -> None:
    """A refused one whose line is closed or gone by now is looked at again, which withdraws it; but not for ever."""
    for short in mine.filter(status=T.PARKED, attempts__lt=MAX_ATTEMPTS).select_related("order", "order_line"):
        told = (short.order.told_now or short.order.told or {}).get("lines")
        if told is not None and not told.get(short.order_line.number, {}).get("is_open"):
            again = short.status_after(T.PENDING)
            mine.filter(pk=short.pk, status=T.PARKED).update(status=again, finished_at=None)


class Teller:
    """Sends one marketplace's short ships in one run; each is read back before it is sent, and once more if unclear."""

    def __init__(self, run: Run, market: Marketplace) -> None:
        self._run = run
        self._market = market
        self._failures_in_a_row = 0

    def tell(self, pks: Sequence[int]) -> None:
        for pk in pks:
            self._run.beat()
            with self._run.isolated(f"short ship {pk}"):
                self._take(pk)
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                self._run.unreachable()
                return

    def _take(self, pk: int) -> None:
        """Take one as far as it goes now. Raises Misconfigured or a rate limit's Unavailable: stop."""
        short = ShortShip.objects.select_related("order__route", "order_line").get(pk=pk)
        was = short.claim()
        if was is None:
            return
        try:
            self._advance(short, was)
        except Misconfigured:
            short.release(short.status_after(was), costs_attempt=False)
            raise
        except Refused as exc:
            self._park(short, str(exc))
        except Unavailable as exc:
            self._later(short, was, exc)
        except Unreadable as exc:
            self._failures_in_a_row += 1
            self._run.problem(f"order {short.order}: {exc}")
            short.back_off(short.status_after(was), str(exc))

    def _advance(self, short: ShortShip, was: str) -> None:
        if not self._may_go(short, was):
            return
        told = self._line(short)
        self._failures_in_a_row = 0
        gone = _why_gone(short, told)
        if told is None or gone:
            _wanted_no_more(short, gone)
            self._run.count("short ships of lines that are gone")
            return
        if told.state == SaleState.CANCELLED:
            _accept(short)
            self._run.count("short shipped")
            return
        if short.sent_at and timezone.now() < short.sent_at + lookup_grace():
            short.release(T.UNCONFIRMED, after=lookup_grace(), costs_attempt=False)
            return
        _check_open(short, told)
        short.intend()
        self._market.short_ship(_notice(short))
        _accept(short)
        self._run.count("short shipped")

    def _may_go(self, short: ShortShip, was: str) -> bool:
        """Whether the warehouse has let go of the units, and the others are told. Where they left, they ship after all.

        On a route that waits for whole orders, what has left is told with the last parcel.
        """
        has_let_go = _has_let_go(short.order, short.order_line)
        if has_let_go and _is_told(short.order_line):
            return True
        why = "" if has_let_go else _give_back(short)
        if why:
            self._run.problem(f"order {short.order}: {short} is called off: {why}")
        else:
            short.release(short.status_after(was), costs_attempt=False)
        return False

    def _line(self, short: ShortShip) -> MarketplaceLine | None:
        """The line as it is told now; None when its order is shown without it."""
        told = readback.read(self._market, short.order)
        lines = [line for line in told.lines if line.number == short.order_line.number]
        if len(lines) > 1:
            raise Unreadable(f"the marketplace does not show line {short.order_line.number}, so it cannot be checked")
        return lines[0] if lines else None

    def _park(self, short: ShortShip, why: str) -> None:
        short.finish(T.PARKED, error=why, sent_at=None)
        short.order.note(f"short ship of line {short.order_line.number} refused: {why}")
        self._run.problem(f"order {short.order}: {why}")

    def _later(self, short: ShortShip, was: str, exc: Unavailable) -> None:
        if exc.throttled:
            short.release(short.status_after(was), after=exc.retry_after, error=str(exc), costs_attempt=False)
            raise exc
        wait = exc.retry_after or timedelta(0)
        if not isinstance(exc, TakenIn):
            self._failures_in_a_row += 1
            self._run.problem(f"order {short.order}: {exc}")
        if isinstance(exc, OutcomeUnknown):
            short.back_off(T.UNCONFIRMED, str(exc), at_least=max(wait, lookup_grace()))
        else:
            short.back_off(short.status_after(was), str(exc), at_least=wait, attempts=PATIENT_ATTEMPTS)


def _why_gone(short: ShortShip, told: MarketplaceLine | None) -> str:
    """Why nothing of the line is to be told any more; empty if something is, or was perhaps told already."""
    if told is None:
        return "no longer shows it"
    if told.state == SaleState.SHIPPED:
        return "has nothing open of it any more"
    return "cancelled it" if told.state == SaleState.CANCELLED and not short.sent_at else ""


def _check_open(short: ShortShip, told: MarketplaceLine) -> None:
    """The message has no quantity: it closes all that is open there, which must be what was meant (4.1)."""
    ordered, line = told.quantity or 0, short.order_line
    left = ordered - told.quantity_shipped
    if left <= 0:
        raise Refused(f"{short}: the marketplace has nothing open of it any more")
    text = f"{short}: the marketplace has {left} open, and {short.quantity} are meant"
    if left > short.quantity and ordered - (line.shipped_before or 0) - line.quantity_confirmed > short.quantity:
        raise Refused(f"{text}: it raised the line. Call the short ship off, then decide on the change")
    if left > short.quantity:
        raise Unreadable(f"{text}; what has shipped is told first")


def _notice(short: ShortShip) -> ShortShipNotice:
    order = short.order
    return ShortShipNotice(
        order.full_number, order.sales_channel, order.warehouse_name, short.order_line.number, short.reason_code
    )


@transaction.atomic
def _accept(short: ShortShip) -> None:
    order = edits.locked(short.order_id)
    short.finish(T.ACCEPTED)
    what = f"{counted(short.quantity, 'units')} of line {short.order_line.number}"
    order.note(f"{short.connection} was told that {what} do not ship: {short.reason_code}", actor=short.actor)
    _go_on_without(order)


@transaction.atomic
def _wanted_no_more(short: ShortShip, what: str) -> None:
    """The line went by itself: nothing is told, and its units stay kept back."""
    order = edits.locked(short.order_id)
    why = f"{short.connection} {what}"
    short.finish(T.WITHDRAWN, error=why)
    order.note(f"short ship of line {short.order_line.number} called off: {why}")
    _go_on_without(order)


def _go_on_without(order: Order) -> None:
    """What is left of an order, now that some of it does not ship. In a transaction that holds it."""
    submission = WarehouseSubmission.objects.filter(order=order, status=T.ACCEPTED).first()
    waits = bool(order.told_now) and told_lines.brings_goods(order, order.told_now or {})
    is_over = not order.lines.filter(is_cancelled=False).exists() and not waits
    if is_over and order.status in Order.UNSENT and arrivals.withdraw(order):
        arrivals.close_cancelled(order, "nothing of it ships")
    elif submission is not None and order.status in (S.SUBMITTED, S.PARTLY_SHIPPED):
        parcels.recount(order, submission)


@transaction.atomic
def _give_back(short: ShortShip) -> str:
    """Free the units that the warehouse keeps for good: nothing that was asked of it takes them out. Why, or empty."""
    order = Order.objects.select_for_update().get(pk=short.order_id)
    submission = WarehouseSubmission.objects.filter(order=order, status=T.ACCEPTED).first()
    changes = WarehouseChange.objects.filter(order=order)
    is_open = changes.filter(status__in=warehouse_changes.OPEN).exists()
    if submission is None or is_open or _has_let_go(order, short.order_line):
        return ""
    parked = changes.filter(status=T.PARKED).first()
    if parked and parcels.units_left(order, submission)[short.order_line_id] <= short.order_line.quantity_to_ship:
        return ""  # it is under Refused: a person tries again, or calls the short ship off
    why = parked.last_error if parked else f"{submission.connection} holds the units, and nothing takes them out"
    short.finish(T.WITHDRAWN, error=why)
    _free(short.order_line_id)
    warehouse_changes.call_off_parked(order)
    order.note(f"short ship of line {short.order_line.number} called off: {why}")
    parcels.recount(order, submission)
    return why
