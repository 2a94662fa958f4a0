"""Tell the marketplace what shipped: one message per order, never twice for a parcel, never more than was ordered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from integrations.errors import (
    IntegrationError,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TakenIn,
    Unavailable,
    Unreadable,
)
from integrations.models import Connection
from integrations.ports import Marketplace, MarketplaceOrder, ShipmentNotice, ShippedLine
from integrations.runs import MAX_FAILURES_IN_A_ROW, Run, stop_if_refused
from integrations.transmissions import PATIENT_ATTEMPTS, due, lookup_grace, recover
from orders import edits, readback, refusals, shipping, tell_short_ships, telling, told
from orders.carriers import CarrierMap, seed
from orders.models import (
    ConfirmedLine,
    IllegalTransition,
    Order,
    OrderLine,
    Shipment,
    ShipmentConfirmation,
    ShortShip,
)

T = ShipmentConfirmation.Status
ON_A_PERSONS_WORD = "Look for the parcel there; if it was not told, retry: it is then told without a look"


def confirm(run: Run) -> None:
    """Gather what shipped and was not told yet, then send what is due, oldest first."""
    mine = ShipmentConfirmation.objects.filter(connection=run.connection)
    run.outboxes.append(mine)
    run.count("found in doubt after a crash", recover(mine))
    seed(run.connection)
    carriers = CarrierMap(run.connection)
    is_all_gathered = telling.gather(run, carriers)
    run.count("to be looked up first, as perhaps told already", readback.doubt(mine, run.connection.dark_until))
    _tell(run, mine, carriers)
    tell_short_ships.tell(run)
    _close_orders(run)
    if not is_all_gathered and not run.is_unreachable:
        run.hand_over()


def _tell(run: Run, mine: QuerySet[ShipmentConfirmation], carriers: CarrierMap) -> None:
    pks = list(due(mine).values_list("pk", flat=True))
    if not pks:
        return
    _catch_up(run, mine)
    if not run.is_handed_over:
        Teller(run, run.marketplace(), carriers).tell(pks)


def _catch_up(run: Run, mine: QuerySet[ShipmentConfirmation]) -> None:
    """A parcel that was voided since the last look is not told.

    A warehouse that cannot be asked keeps nothing back: the marketplace pays on this message.
    """
    parcels = Shipment.objects.filter(lines__confirmed__confirmation__in=due(mine).values("pk"))
    for warehouse in Connection.objects.filter(pk__in=parcels.values("connection")):
        try:
            shipping.catch_up(run, warehouse)
        except IntegrationError as exc:
            stop_if_refused(warehouse, exc)


class Teller:
    """Sends one marketplace's confirmations in one run."""

    def __init__(self, run: Run, market: Marketplace, carriers: CarrierMap) -> None:
        self._run = run
        self._market = market
        self._carriers = carriers
        self._shown = readback.SharedReading(market, _unsent_in_doubt(run.connection))
        self._failures_in_a_row = 0

    def tell(self, pks: Sequence[int]) -> None:
        for place, pk in enumerate(pks):
            self._run.beat()
            if place and self._run.hands_over():
                self._run.count("left for the next run", len(pks) - place)
                return
            with self._run.isolated(f"confirmation {pk}"):
                self._take(pk)
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                self._run.unreachable()
                return

    def _take(self, pk: int) -> None:
        """Take one confirmation as far as it goes now. Raises Misconfigured or a rate limit's Unavailable: stop."""
        confirmation = ShipmentConfirmation.objects.select_related("order").get(pk=pk)
        was = confirmation.claim()
        if was is None:
            return
        try:
            self._advance(confirmation, was)
        except Misconfigured:
            confirmation.release(confirmation.status_after(was), costs_attempt=False)
            raise
        except Unavailable as exc:
            self._later(confirmation, was, exc)
        except Unreadable as exc:  # a read-back that could not be read: this order waits, the others go on
            self._failures_in_a_row += not isinstance(exc, readback.NotShown)
            text = str(exc) if confirmation.sent_at else f"{exc}. {ON_A_PERSONS_WORD}"
            self._run.problem(f"order {confirmation.order}: {text}")
            confirmation.back_off(was, text)

    def _advance(self, confirmation: ShipmentConfirmation, was: str) -> None:
        lines = list(confirmation.lines.select_related("shipment_line__order_line", "shipment_line__shipment"))
        if was == T.UNCONFIRMED:
            shown = self._read(confirmation)
            lines = _not_told(shown, lines)
            if lines and _too_early(confirmation):
                known = confirmation.last_error  # why it is looked up is as true as before
                confirmation.release(T.UNCONFIRMED, after=lookup_grace(), error=known, costs_attempt=False)
                return
            lines = telling.still_wanted(confirmation.order, lines, shown)
        telling.refresh(confirmation, lines, self._carriers)
        lines = list(
            confirmation.lines.filter(pk__in=[line.pk for line in lines]).select_related("shipment_line__order_line")
        )
        if lines and not self._send(confirmation, lines):
            return
        self._accept(confirmation)
        self._failures_in_a_row = 0

    def _read(self, confirmation: ShipmentConfirmation) -> MarketplaceOrder:
        """The order as it is told now. What was sent and may arrive late is read as late as possible."""
        was_sent = confirmation.sent_at is not None
        return readback.read(self._market, confirmation.order) if was_sent else self._shown.read(confirmation.order)

    def _send(self, confirmation: ShipmentConfirmation, lines: Sequence[ConfirmedLine]) -> bool:
        """Whether the marketplace said yes. A refused message goes line by line: a bad one keeps only itself."""
        before = confirmation.sent_at
        confirmation.intend()
        try:
            self._market.confirm(_notice(confirmation.order, lines))
        except Unavailable as exc:
            if exc.unsent:
                confirmation.note(sent_at=before)
            raise
        except Refused as exc:
            self._failures_in_a_row = 0
            if len(lines) > 1:
                self._split(confirmation, lines, str(exc))
                return False
            if self._missing(confirmation, lines) != []:
                self._park(confirmation, str(exc))
                return False
            # It was taken, whatever the answer says (supplier-oasis 4.5).
        return True

    def _park(self, confirmation: ShipmentConfirmation, why: str) -> None:
        """A person's, unless the marketplace was heard meanwhile to want less than that."""
        with transaction.atomic():
            order = edits.locked(confirmation.order_id)
            confirmation.finish(T.PARKED, error=why)
            order.note(f"confirmation refused: {why}")
            edits.follow_left(order)
        if ShipmentConfirmation.objects.filter(pk=confirmation.pk, status=T.PARKED).exists():
            self._run.problem(f"order {order}: {why}")

    def _split(self, confirmation: ShipmentConfirmation, lines: Sequence[ConfirmedLine], error: str) -> None:
        """What was taken all the same stays here and is read back again; each of the others is sent by itself."""
        missing = self._missing(confirmation, lines)
        confirmation.release(T.UNCONFIRMED, error=refusals.of_several(error), costs_attempt=False)
        self._run.wake("confirm_shipments", self._run.connection.pk)
        if missing is None:
            return
        taken = confirmation.lines.count() > len(missing)
        refusals.split(confirmation, missing if taken else missing[1:])

    def _missing(
        self, confirmation: ShipmentConfirmation, lines: Sequence[ConfirmedLine]
    ) -> list[ConfirmedLine] | None:  # fmt: skip
        """Which lines the marketplace does not show now; None when that could not be read."""
        try:
            return readback.missing(readback.read(self._market, confirmation.order), lines)
        except (Unavailable, Unreadable) as exc:
            self._run.problem(f"order {confirmation.order}: {exc}")
            return None

    @transaction.atomic
    def _accept(self, confirmation: ShipmentConfirmation) -> None:
        """The marketplace has it. A parcel that was changed while that was in doubt is for a person."""
        Order.objects.select_for_update().get(pk=confirmation.order_id)
        lines = list(confirmation.lines.select_related("shipment_line__shipment"))
        if not lines:
            confirmation.finish(T.WITHDRAWN)
            return
        confirmation.finish(T.ACCEPTED)
        numbers = sorted({line.tracking_number for line in lines})
        when = "was told" if confirmation.sent_at else "had been told already"
        confirmation.order.note(f"{self._run.connection} {when} of {', '.join(numbers)}")
        for line in lines:
            parcel = line.shipment_line.shipment
            if parcel.state == Shipment.State.VOID:
                told.hold_voided(confirmation.order, parcel)
            elif parcel.tracking_number != line.tracking_number and not _is_of_another(parcel, line.tracking_number):
                told.hold_changed(confirmation.order, parcel, "tracking number")
        self._run.count("confirmed")

    def _later(self, confirmation: ShipmentConfirmation, was: str, exc: Unavailable) -> None:
        if exc.throttled:
            after = exc.retry_after
            confirmation.release(confirmation.status_after(was), after=after, error=str(exc), costs_attempt=False)
            raise exc
        wait = exc.retry_after or timedelta(0)
        if isinstance(exc, TakenIn):
            self._failures_in_a_row = 0
            self._run.count("taken in and to be read back")
            confirmation.back_off(T.UNCONFIRMED, str(exc), at_least=max(wait, lookup_grace()))
            return
        self._failures_in_a_row += 1
        self._run.problem(f"order {confirmation.order}: {exc}")
        if isinstance(exc, OutcomeUnknown):
            confirmation.back_off(T.UNCONFIRMED, str(exc), at_least=max(wait, lookup_grace()))
        else:
            confirmation.back_off(was, str(exc), at_least=wait, attempts=PATIENT_ATTEMPTS)


def _not_told(shown: MarketplaceOrder, lines: Sequence[ConfirmedLine]) -> list[ConfirmedLine]:
    """Which lines the marketplace does not show."""
    missing = readback.missing(shown, lines)
    otherwise = readback.told_otherwise(shown, missing)
    for pk, number in otherwise.items():
        ConfirmedLine.objects.filter(pk=pk).update(tracking_number=number)
    return [line for line in missing if line.pk not in otherwise]


def _notice(order: Order, lines: Sequence[ConfirmedLine]) -> ShipmentNotice:
    return ShipmentNotice(
        order.full_number, order.sales_channel, order.warehouse_name,
        tuple(
            ShippedLine(
                line.shipment_line.order_line.number, line.quantity, line.carrier_code, line.service_code,
                line.tracking_number, line.shipped_at,
            )
            for line in lines
        ),
    )  # fmt: skip


def _is_of_another(parcel: Shipment, number: str) -> bool:
    """Whether its units were told with another parcel of the order, as a kit's or multi-pack's may be."""
    left = Shipment.objects.filter(order=parcel.order_id, state=Shipment.State.SHIPPED).exclude(pk=parcel.pk)
    return left.filter(tracking_number=number).exists()


def _too_early(confirmation: ShipmentConfirmation) -> bool:
    return confirmation.sent_at is not None and timezone.now() < confirmation.sent_at + lookup_grace()


def _unsent_in_doubt(connection: Connection) -> QuerySet[Order]:
    """Orders of what is to be looked up now, though this database did not send it."""
    unsent = ShipmentConfirmation.objects.filter(connection=connection, status=T.UNCONFIRMED, sent_at=None)
    orders = Order.objects.filter(confirmations__in=due(unsent).values("pk"))
    return orders.only("full_number", "sales_channel", "marketplace_created_at", "ordered_at")


def _close_orders(run: Run) -> None:
    """SHIPPED → CONFIRMED, once every unit was told and the marketplace said yes to all of it."""
    shipped = Order.objects.filter(connection=run.connection, status=Order.Status.SHIPPED)
    untold = OrderLine.objects.filter(quantity_confirmed__lt=F("quantity_to_ship"), is_cancelled=False)
    waiting = ShipmentConfirmation.objects.exclude(status__in=ShipmentConfirmation.OVER)
    short = ShortShip.objects.exclude(status__in=ShortShip.OVER)
    told = shipped.exclude(lines__in=untold).exclude(confirmations__in=waiting)
    for order in told.exclude(short_ships__in=short).only("full_number", "status"):
        run.beat()
        try:
            order.move_to(Order.Status.CONFIRMED)
        except IllegalTransition:
            continue
