"""Tell the marketplace what shipped: one message per order, never twice for a parcel, never more than was ordered."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations import registry
from integrations.errors import Misconfigured, OutcomeUnknown, Refused, Unavailable, Unreadable
from integrations.models import Connection, Route, due, recover
from integrations.ports import Marketplace, ShipmentNotice, ShippedLine
from integrations.runs import Run
from orders import readback, settling
from orders.carriers import CarrierMap, seed
from orders.models import (
    ConfirmedLine,
    Hold,
    IllegalTransition,
    Order,
    OrderLine,
    Shipment,
    ShipmentConfirmation,
    ShipmentLine,
)
from orders.readiness import Reason

T = ShipmentConfirmation.Status
MAX_FAILURES_IN_A_ROW = 3


def confirm(run: Run) -> None:
    """Gather what shipped and was not told yet, then send what is due, oldest first."""
    mine = ShipmentConfirmation.objects.filter(connection=run.connection)
    run.count("found in doubt after a crash", recover(mine))
    gather(run)
    pks = list(due(mine).values_list("pk", flat=True))
    market = run.marketplace() if pks else None
    failures = 0
    for pk in pks:
        run.beat()
        with run.isolated(f"confirmation {pk}"):
            failures = 0 if market is None or _send(run, market, pk) else failures + 1
        if failures >= MAX_FAILURES_IN_A_ROW:
            run.problem(f"{run.connection} is not answering; the rest is left for later")
            break
    _close_orders(run)


def gather(run: Run) -> None:
    """Turn shipped lines that can be told now into confirmations; hold what names a carrier we do not know."""
    seed(run.connection)
    carriers = CarrierMap(run.connection)
    untold = ShipmentLine.objects.filter(
        confirmed=None, shipment__state=Shipment.State.SHIPPED, order_line__order__connection=run.connection
    ).select_related("shipment", "order_line__order__route")
    by_order: dict[Order, list[ShipmentLine]] = defaultdict(list)
    for row in untold.order_by("order_line__order_id", "shipment_id", "order_line_id"):
        by_order[row.order_line.order].append(row)
    for order, rows in by_order.items():
        if _may_tell(order, run.connection):
            run.count("to confirm", _intend(order, rows, carriers))


def may_reach(route: Route, connection: Connection) -> bool:
    """A test route tells the marketplace nothing, unless that is a sandbox on this machine."""
    if not route.is_test:
        return True
    host = urlsplit(registry.base_url_of(connection)).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _may_tell(order: Order, connection: Connection) -> bool:
    if order.route is None or not may_reach(order.route, connection):
        return False
    waits = order.route.partial_shipments == Route.Partial.WHEN_COMPLETE
    return order.status == Order.Status.SHIPPED or (not waits and order.status == Order.Status.PARTLY_SHIPPED)


def _intend(order: Order, rows: list[ShipmentLine], carriers: CarrierMap) -> int:
    """Write down what will be told, in one transaction with the quantities that it uses up."""
    tellable, unknown = [], []
    for row in rows:
        parcel = row.shipment
        if not parcel.tracking_number or parcel.shipped_at is None:
            continue
        codes = carriers.codes(parcel.carrier, parcel.service, ordered_service=order.shipping_code)
        if codes is None:
            unknown.append(parcel)
        else:
            tellable.append((row, codes))
    settling.sync_holds(order, [_unknown(parcel) for parcel in unknown], [Hold.Kind.UNKNOWN_CARRIER])
    if not tellable:
        return 0
    with transaction.atomic():
        confirmation = ShipmentConfirmation.objects.create(order=order, connection=order.connection)
        for row, (carrier_code, service_code) in tellable:
            ConfirmedLine.objects.create(
                confirmation=confirmation, shipment_line=row, quantity=row.quantity, carrier_code=carrier_code,
                service_code=service_code, tracking_number=row.shipment.tracking_number,
                shipped_at=row.shipment.shipped_at or timezone.now(),
            )  # fmt: skip
            OrderLine.objects.filter(pk=row.order_line_id).update(
                quantity_confirmed=F("quantity_confirmed") + row.quantity
            )
    return len({row.shipment_id for row, _ in tellable})


def _unknown(parcel: Shipment) -> Reason:
    text = " / ".join(part for part in (parcel.carrier, parcel.service) if part) or "(no carrier)"
    return Reason(
        Hold.Kind.UNKNOWN_CARRIER, text,
        f"The warehouse shipped by {text!r}, which is not in the carrier map. Add it, and the parcel is confirmed.",
    )  # fmt: skip


def _send(run: Run, market: Marketplace, pk: int) -> bool:
    """Take one confirmation as far as it goes; whether the marketplace gave a clear answer."""
    confirmation = ShipmentConfirmation.objects.select_related("order").get(pk=pk)
    was = confirmation.claim()
    if was is None:
        return True
    try:
        lines = list(confirmation.lines.select_related("shipment_line__order_line"))
        if was == T.UNCONFIRMED:
            lines = readback.missing(market, confirmation.order, lines)
            if lines and _too_early(confirmation):
                confirmation.release(T.UNCONFIRMED, after=_grace(), costs_attempt=False)
                return True
        if lines and not _told(run, market, confirmation, lines):
            return True
    except Misconfigured:
        confirmation.release(was, costs_attempt=False)
        raise
    except Unavailable as exc:
        return _later(run, confirmation, was, exc)
    except Unreadable as exc:  # a read-back that could not be read: this order waits, the others go on
        run.problem(f"order {confirmation.order}: {exc}")
        confirmation.back_off(was, str(exc))
        return True
    _accept(run, confirmation)
    return True


def _told(run: Run, market: Marketplace, confirmation: ShipmentConfirmation, lines: list[ConfirmedLine]) -> bool:
    """Whether the marketplace said yes. A message that it refuses is sent line by line: a bad one keeps only itself."""
    try:
        _tell(market, confirmation, lines)
    except Refused as exc:
        if len(lines) > 1:
            _split(run, confirmation, readback.missing(market, confirmation.order, lines), str(exc))
            return False
        confirmation.finish(T.PARKED, error=str(exc))
        confirmation.order.note(f"confirmation refused: {exc}")
        run.problem(f"order {confirmation.order}: {exc}")
        return False
    return True


@transaction.atomic
def _split(run: Run, confirmation: ShipmentConfirmation, missing: list[ConfirmedLine], error: str) -> None:
    """Give each line that was not taken a confirmation of its own; what was taken stays and is read back."""
    everything = confirmation.lines.count() == len(missing)
    for line in missing[1:] if everything else missing:
        own = ShipmentConfirmation.objects.create(order=confirmation.order, connection=confirmation.connection)
        ConfirmedLine.objects.filter(pk=line.pk).update(confirmation=own)
    confirmation.release(T.UNCONFIRMED, error=error, costs_attempt=False)
    run.wake("confirm_shipments", run.connection.pk)


def _tell(market: Marketplace, confirmation: ShipmentConfirmation, lines: list[ConfirmedLine]) -> None:
    confirmation.intend()
    order = confirmation.order
    market.confirm(
        ShipmentNotice(
            order.full_number, order.sales_channel, order.warehouse_name,
            tuple(
                ShippedLine(
                    line.shipment_line.order_line.number, line.quantity, line.carrier_code, line.service_code,
                    line.tracking_number, line.shipped_at,
                )
                for line in lines
            ),
        )
    )  # fmt: skip


def _accept(run: Run, confirmation: ShipmentConfirmation) -> None:
    confirmation.finish(T.ACCEPTED)
    numbers = sorted(set(confirmation.lines.values_list("tracking_number", flat=True)))
    confirmation.order.note(f"{run.connection} was told of {', '.join(numbers)}")
    run.count("confirmed")


def _later(run: Run, confirmation: ShipmentConfirmation, was: str, exc: Unavailable) -> bool:
    if exc.throttled:
        confirmation.release(was, after=exc.retry_after, error=str(exc), costs_attempt=False)
        raise exc
    run.problem(f"order {confirmation.order}: {exc}")
    status = T.UNCONFIRMED if isinstance(exc, OutcomeUnknown) else was
    confirmation.back_off(status, str(exc), at_least=exc.retry_after or timedelta(0))
    return False


def _too_early(confirmation: ShipmentConfirmation) -> bool:
    return timezone.now() < (confirmation.sent_at or confirmation.created_at) + _grace()


def _grace() -> timedelta:
    return timedelta(seconds=settings.LOOKUP_GRACE_SECONDS)


def _close_orders(run: Run) -> None:
    """SHIPPED → CONFIRMED, once every unit was told and the marketplace said yes to all of it."""
    shipped = Order.objects.filter(connection=run.connection, status=Order.Status.SHIPPED)
    untold = OrderLine.objects.filter(quantity_confirmed__lt=F("quantity_to_ship"))
    waiting = ShipmentConfirmation.objects.exclude(status=T.ACCEPTED)
    for order in shipped.exclude(lines__in=untold).exclude(confirmations__in=waiting):
        try:
            order.move_to(Order.Status.CONFIRMED)
        except IllegalTransition:
            continue
