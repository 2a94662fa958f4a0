"""Shipment messages as Supplier Oasis reads them: strict where the contract is sure (supplier-oasis 4, 9)."""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import etree

from integrations.sandbox.oasis_orders import instant, stamp
from integrations.sandbox.oasis_state import Line, OasisState, Order, Parcel
from integrations.sandbox.oasis_xml import Problem, count, name, names, text, untrimmed

SHIPMENT = ["salesChannelName", "salesChannelOrderNumber", "salesChannelLineNumber", "warehouse"]
CONFIRMATION = ["quantity", "carrier", "trackingNumber", "shipDate", "serviceLevel"]
CARRIERS = {"UPS", "UPSSP", "UPSMI", "USPS", "USPSFC", "FEDEX", "FEDSP", "FXFE", "ONTRAC", "DHL"}
SERVICE_LEVELS = {
    "GROUND", "NEXT_DAY", "TWO_DAY", "THREE_DAY", "FIRSTCLASS", "PRIORITY", "MEDIA_MAIL", "DOCK", "THRESHOLD",
}  # fmt: skip


def take(state: OasisState, root: etree._Element) -> list[Problem]:
    """Apply a supplierShipmentMessage; what was refused. All or nothing, unless the state says otherwise."""
    plan, problems = _Plan(state), []
    for shipment in root:
        try:
            plan.read(shipment)
        except Problem as problem:
            number, line = text(shipment, "salesChannelOrderNumber"), text(shipment, "salesChannelLineNumber")
            problems.append(problem.about(number, line))
    if not (problems and state.atomic):
        plan.apply()
    return problems


class _Plan:
    """What a message will do, judged line by line as if what came before it in the message had been done."""

    def __init__(self, state: OasisState) -> None:
        self._state = state
        self._steps: list[tuple[Order, Line, Parcel | str]] = []
        self._left: dict[int, int] = {}

    def read(self, shipment: etree._Element) -> None:
        """Take one supplierShipment into the plan. Raises Problem."""
        if name(shipment) != "supplierShipment" or names(shipment)[:-1] != SHIPMENT:
            raise Problem("BAD_SEQUENCE", f"A supplierShipment has {', '.join(SHIPMENT)}, then what happened")
        order = self._order(shipment)
        line = _line(order, shipment)
        _check_warehouse(order, shipment)
        if order.is_closed and not line.is_closed:
            raise Problem("LINE_CLOSED", f"The order is {order.status}")
        match name(shipment[-1]):
            case "supplierShipConfirmation":
                step: Parcel | str = self._confirmation(line, shipment[-1])
            case "shortShip":
                step = self._short_ship(line, shipment[-1])
            case other:
                raise Problem("BAD_SEQUENCE", f"{other} is neither supplierShipConfirmation nor shortShip")
        self._steps.append((order, line, step))

    def apply(self) -> None:
        for order, line, step in self._steps:
            if isinstance(step, Parcel):
                line.ship(step)
            else:
                line.short_ship(step)
            order.settle()

    def _order(self, shipment: etree._Element) -> Order:
        number, channel = text(shipment, "salesChannelOrderNumber"), text(shipment, "salesChannelName")
        order = self._state.orders.get(number)
        if order is None or order.channel != channel:
            raise Problem("UNKNOWN_ORDER", f"No order {number} in channel {channel}")
        return order

    def _confirmation(self, line: Line, detail: etree._Element) -> Parcel:
        parcel = self._parcel(detail)
        told = (parcel.quantity, parcel.carrier, parcel.tracking_number)
        repeated = any((one.quantity, one.carrier, one.tracking_number) == told for one in line.parcels)
        left = self._open(line)
        if repeated and (self._state.refuse_repeated or parcel.quantity > left):
            raise Problem("ALREADY_SHIPPED", f"Tracking number {parcel.tracking_number} of this line was taken before")
        _check_not_cancelled(line)
        if parcel.quantity > left:
            raise Problem("OVER_CONFIRMED", f"Quantity {parcel.quantity} of a line of which {left} are open")
        self._left[id(line)] = left - parcel.quantity
        return parcel

    def _short_ship(self, line: Line, detail: etree._Element) -> str:
        """Whole line only: what is open of it is closed, whatever has shipped before (supplier-oasis 4.1)."""
        if names(detail) != ["reasonCode"]:
            raise Problem("BAD_SEQUENCE", "shortShip has a reasonCode and nothing else")
        reason = text(detail, "reasonCode", "code")
        if not reason:
            raise Problem("MISSING", "A reason code is required")
        _check_not_cancelled(line)
        if line.is_closed or self._left.get(id(line)) == 0:
            raise Problem("LINE_CLOSED", "Nothing of the line is open")
        self._left[id(line)] = 0
        return reason

    def _parcel(self, detail: etree._Element) -> Parcel:
        if names(detail) != CONFIRMATION:
            raise Problem("BAD_SEQUENCE", f"A supplierShipConfirmation has {', '.join(CONFIRMATION)}")
        quantity = count(text(detail, "quantity"))
        if quantity < 1:
            raise Problem("BAD_QUANTITY", f"Quantity {text(detail, 'quantity')!r} is not a whole number from 1")
        carrier, service = text(detail, "carrier", "code"), text(detail, "serviceLevel", "code")
        tracking, shipped_at = text(detail, "trackingNumber"), text(detail, "shipDate")
        if not (carrier and service and tracking):
            raise Problem("MISSING", "Carrier, service level and tracking number are required")
        if instant(shipped_at) is None:
            raise Problem("BAD_DATE", f"shipDate {shipped_at!r} is not a dateTime")
        if self._state.strict_codes and not (carrier in CARRIERS and service in SERVICE_LEVELS):
            raise Problem("UNKNOWN_CODE", f"Carrier {carrier} or service level {service} is not in the list")
        return Parcel(quantity, carrier, service, tracking, shipped_at, stamp(datetime.now(UTC)))

    def _open(self, line: Line) -> int:
        return self._left.get(id(line), line.open_quantity)


def _line(order: Order, shipment: etree._Element) -> Line:
    number = text(shipment, "salesChannelLineNumber")
    try:
        return order.line(number)
    except KeyError:
        raise Problem("UNKNOWN_LINE", f"No line {number} in order {order.number}") from None


def _check_warehouse(order: Order, shipment: etree._Element) -> None:
    """The order's own name, blanks around it included; indentation around it does no harm."""
    given = untrimmed(shipment, "warehouse", "code")
    if not given.strip():
        raise Problem("MISSING", "A warehouse code is required")
    if order.warehouse not in ("", given, given.strip()):
        raise Problem("WRONG_WAREHOUSE", f"The order is for warehouse {order.warehouse!r}")


def _check_not_cancelled(line: Line) -> None:
    if line.is_cancelled:
        raise Problem("LINE_CLOSED", f"The line is {line.status}")
