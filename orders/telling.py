"""What a marketplace is to be told: shipped lines gathered into confirmations, and kept true until they leave.

Every change here holds the order's row, as the recount of its parcels does, so that the two never pass each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations import registry
from integrations.models import Connection, Route
from integrations.runs import Run
from orders import parcels, settling
from orders.carriers import CarrierMap, spoken
from orders.models import (
    ConfirmedLine,
    Hold,
    Order,
    OrderLine,
    Shipment,
    ShipmentConfirmation,
    ShipmentLine,
    WarehouseSubmission,
)
from orders.readiness import Reason

Codes = tuple[str, str]


def gather(run: Run, carriers: CarrierMap) -> None:
    """Turn shipped lines that can be told now into confirmations; hold what names a carrier we do not know."""
    untold = Q(
        lines__shipment_lines__confirmed=None, lines__shipment_lines__shipment__state=Shipment.State.SHIPPED,
        lines__is_cancelled=False,
    )  # fmt: skip
    held = Q(holds__kind=Hold.Kind.UNKNOWN_CARRIER, holds__resolved_at=None)
    mine = Order.objects.filter(untold | held, connection=run.connection)
    for pk in sorted(set(mine.values_list("pk", flat=True))):
        with run.isolated(f"order {pk}"):
            run.count("to confirm", gather_order(pk, run.connection, carriers))


def may_reach(route: Route, connection: Connection) -> bool:
    """A test route tells the marketplace nothing, unless that is a sandbox on this machine."""
    return not route.is_test or is_sandbox(connection)


def is_sandbox(connection: Connection) -> bool:
    """Whether it leads to this machine, where no customer waits."""
    host = urlsplit(registry.base_url_of(connection)).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@transaction.atomic
def refresh(confirmation: ShipmentConfirmation, lines: Iterable[ConfirmedLine], carriers: CarrierMap) -> None:
    """Bring what was not told yet up to date; what can no longer be told goes back to be gathered again."""
    order = Order.objects.select_for_update().get(pk=confirmation.order_id)
    given_back = False
    for line in lines:
        parcel = line.shipment_line.shipment
        codes = _codes(parcel, order, carriers)
        if codes is None or not _is_tellable(parcel):
            _give_back(line)
            given_back = True
            continue
        facts = {
            "carrier_code": codes[0], "service_code": codes[1], "tracking_number": parcel.tracking_number,
            "shipped_at": parcel.shipped_at,
        }  # fmt: skip
        ConfirmedLine.objects.filter(pk=line.pk).update(**facts)
    if given_back:
        parcels.recount(order, WarehouseSubmission.objects.get(order=order))


@transaction.atomic
def split(confirmation: ShipmentConfirmation, lines: Sequence[ConfirmedLine]) -> None:
    """Give each of these a confirmation of its own, since nothing says which of them was refused.

    Each was sent with the others, and may show only later that it was taken: it is read back first too.
    """
    for line in lines:
        own = ShipmentConfirmation.objects.create(
            order=confirmation.order, connection=confirmation.connection, sent_at=confirmation.sent_at,
            status=ShipmentConfirmation.Status.UNCONFIRMED,
        )  # fmt: skip
        ConfirmedLine.objects.filter(pk=line.pk).update(confirmation=own)


@transaction.atomic
def gather_order(order_id: int, connection: Connection, carriers: CarrierMap) -> int:
    """Write down what will be told, in one transaction with the quantities that it uses up. How many parcels."""
    order = Order.objects.select_for_update().get(pk=order_id)
    rows = ShipmentLine.objects.filter(
        order_line__order=order, order_line__is_cancelled=False, confirmed=None,
        shipment__state=Shipment.State.SHIPPED,
    ).select_related("shipment").order_by("shipment_id", "order_line_id")  # fmt: skip
    known = [(row, _codes(row.shipment, order, carriers)) for row in rows if _is_tellable(row.shipment)]
    unknown = [_unknown(row.shipment) for row, codes in known if codes is None]
    settling.sync_holds(order, unknown, [Hold.Kind.UNKNOWN_CARRIER])
    tellable = [(row, codes) for row, codes in known if codes is not None]
    was_test = WarehouseSubmission.objects.filter(order=order, is_test=True).exists()
    if not tellable or not may_tell(order, connection, was_test=was_test):
        return 0
    confirmation = ShipmentConfirmation.objects.create(order=order, connection=connection)
    for row, codes in tellable:
        _intend(confirmation, row, codes)
    return len({row.shipment_id for row, _ in tellable})


def _intend(confirmation: ShipmentConfirmation, row: ShipmentLine, codes: Codes) -> None:
    ConfirmedLine.objects.create(
        confirmation=confirmation, shipment_line=row, quantity=row.quantity, carrier_code=codes[0],
        service_code=codes[1], tracking_number=row.shipment.tracking_number,
        shipped_at=row.shipment.shipped_at or timezone.now(),
    )  # fmt: skip
    mine = OrderLine.objects.filter(pk=row.order_line_id)
    mine.update(quantity_confirmed=F("quantity_confirmed") + row.quantity)


def _give_back(line: ConfirmedLine) -> None:
    mine = OrderLine.objects.filter(pk=line.shipment_line.order_line_id)
    mine.update(quantity_confirmed=F("quantity_confirmed") - line.quantity)
    line.delete()


def may_tell(order: Order, connection: Connection, *, was_test: bool) -> bool:
    """Whether the marketplace is to be told of what an order has shipped by now."""
    if order.route is None or not may_reach(order.route, connection):
        return False
    if was_test and not is_sandbox(connection):
        return False  # the parcel of a test order, whatever its route is by now
    waits = order.route.partial_shipments == Route.Partial.WHEN_COMPLETE
    return order.status == Order.Status.SHIPPED or (not waits and order.status == Order.Status.PARTLY_SHIPPED)


def _is_tellable(parcel: Shipment) -> bool:
    """The marketplace wants tracking with every parcel; it may come later than the parcel itself."""
    return parcel.state == Shipment.State.SHIPPED and bool(parcel.tracking_number) and parcel.shipped_at is not None


def _codes(parcel: Shipment, order: Order, carriers: CarrierMap) -> Codes | None:
    return carriers.codes(parcel.carrier, parcel.service, ordered_service=order.service_code)


def _unknown(parcel: Shipment) -> Reason:
    text = spoken(parcel)
    says = (
        f"The warehouse shipped by {text!r}, which is not in the carrier map. Add it"
        if parcel.carrier
        else "The warehouse names no carrier for a parcel. Name one there, or add a row with an empty carrier text"
    )
    return Reason(Hold.Kind.UNKNOWN_CARRIER, text, f"{says}, and the parcel is confirmed.")
