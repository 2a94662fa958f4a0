"""A short ship is told, once the warehouse has let go of the units and the marketplace knows all that has left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations.errors import Misconfigured, OutcomeUnknown, Refused, TakenIn, Unavailable, Unreadable
from integrations.ports import Marketplace, MarketplaceLine, SaleState
from integrations.runs import MAX_FAILURES_IN_A_ROW, Run
from integrations.sent_orders import ShortShipNotice
from integrations.transmissions import MAX_ATTEMPTS, PATIENT_ATTEMPTS, due, lookup_grace, recover
from integrations.wording import counted
from orders import arrivals, edits, parcels, readback, short_shipping, told_lines, warehouse_changes
from orders.models import Order, ShortShip, WarehouseChange, WarehouseSubmission

S, T = Order.Status, ShortShip.Status


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
        for place, pk in enumerate(pks):
            self._run.beat()
            if place and self._run.hands_over():
                self._run.count("short ships left for the next run", len(pks) - place)
                return
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
        has_let_go = short_shipping.has_let_go(short.order, short.order_line)
        if has_let_go and short_shipping.is_told(short.order_line):
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
    is_open = changes.filter(status__in=WarehouseChange.OPEN).exists()
    if submission is None or is_open or short_shipping.has_let_go(order, short.order_line):
        return ""
    parked = changes.filter(status=T.PARKED).first()
    if parked and parcels.units_left(order, submission)[short.order_line_id] <= short.order_line.quantity_to_ship:
        return ""  # it is under Refused: a person tries again, or calls the short ship off
    why = parked.last_error if parked else f"{submission.connection} holds the units, and nothing takes them out"
    short.finish(T.WITHDRAWN, error=why)
    short_shipping.free(short.order_line_id)
    warehouse_changes.call_off_parked(order)
    order.note(f"short ship of line {short.order_line.number} called off: {why}")
    parcels.recount(order, submission)
    return why
