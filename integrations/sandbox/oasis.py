"""Supplier Oasis over HTTP, as its contract describes it: strict where that is sure (supplier-oasis 9)."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree
from werkzeug.wrappers import Request, Response

from integrations.sandbox.oasis_state import Line, OasisState, Order, Parcel

NS = "api.supplieroasis.com"
OWN: Any = {None: NS}
DENVER = ZoneInfo("America/Denver")
SEQUENCE = ["salesChannelName", "salesChannelOrderNumber", "salesChannelLineNumber", "warehouse"]
DETAIL = ["quantity", "carrier", "trackingNumber", "shipDate", "serviceLevel"]
SOFS_FIELDS = {"orderId", "status", "actionRequired", "processedSalesOrderLine", "lineId", "itemId", "itemName",
               "lineStatus", "unitCost", "unitCostCurrencyCode", "shipConfirmationDetail"}  # fmt: skip


class Rejected(Exception):
    """(code, message, order number, line number) for the errors message."""


def handle(state: OasisState, request: Request) -> Response:
    """One request. The caller holds the world's lock."""
    if not _allowed(state, request):
        answer = Response("<html><body>Unauthorized</body></html>", 401, mimetype="text/html")
        answer.headers["WWW-Authenticate"] = 'Basic realm="Supplier Oasis"'
        return answer
    match (request.method, request.path.rstrip("/")):
        case ("GET", "/salesorders"):
            return _orders(state, request)
        case ("POST", "/shipments"):
            return _take(request, lambda root: _ship(state, root))
        case ("POST" | "PUT", "/inventory"):
            return _take(request, lambda root: _set_quantities(state, root))
        case ("GET", "/inventory"):
            return _inventory(state)
    return Response("<html><body>Not found</body></html>", 404, mimetype="text/html")


def _allowed(state: OasisState, request: Request) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        given = b64decode(token).decode() if kind == "Basic" else ""
    except ValueError:
        return False
    return given == f"{state.username}:{state.password}"


def _orders(state: OasisState, request: Request) -> Response:
    try:
        start = _when(request.args["startTime"], end=False)
        end = _when(request.args["endTime"], end=True)
    except (KeyError, ValueError):
        return _errors([("BAD_WINDOW", "startTime and endTime are required", "", "")], 400)
    found = state.between(start, end)
    root_name = "processedSalesOrderMessage" if state.form == "D" else "processedSalesOrderTypeList"
    root = etree.Element(f"{{{NS}}}{root_name}" if state.form == "D" else root_name, nsmap=_nsmap(state))
    if state.form != "D":
        etree.SubElement(root, "totalCount").text = str(len(found))
    for order in found:
        _Writer(state.form).order(root, order)
    return _xml(root)


def _nsmap(state: OasisState) -> Any:
    return OWN if state.form == "D" else {"ns2": NS}


def _when(text: str, *, end: bool) -> datetime:
    """A date, a compact date, or a time with or without offset; without one it is Denver's."""
    if text.isdigit() and len(text) == 8:
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    date_only = len(text) == 10
    whole, _, fraction = text.partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    at = datetime.fromisoformat((whole + fraction[len(digits) :]).replace("Z", "+00:00"))
    at = at.replace(microsecond=int((digits or "0")[:6].ljust(6, "0")))
    if at.tzinfo is None:
        at = at.replace(tzinfo=DENVER, fold=1 if end else 0)
    return at + timedelta(days=1, microseconds=-1) if date_only and end else at.astimezone(UTC)


class _Writer:
    """Writes an order in one of the three forms: the prefix follows the type hierarchy in M (supplier-oasis 2)."""

    def __init__(self, form: str) -> None:
        self._form = form

    def _tag(self, name: str) -> str:
        plain = self._form == "M" and name in SOFS_FIELDS
        return name if plain else f"{{{NS}}}{name}"

    def add(self, parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
        child = etree.SubElement(parent, self._tag(name))
        child.text = text
        return child

    def order(self, root: etree._Element, order: Order) -> None:
        name = f"{{{NS}}}processedSalesOrder" if self._form == "D" else "list"
        element = etree.SubElement(root, name)
        self.add(element, "salesChannelOrderNumber", order.number)
        self.add(element, "salesChannelName", order.channel)
        self.add(element, "orderDate", _stamp(order.ordered_at))
        self.add(element, "sofsCreatedDate", _stamp(order.created_at))
        self.add(self.add(element, "warehouseName"), "code", order.warehouse)
        address = self.add(element, "shipToAddress")
        for field, value in order.address.items():
            if value:
                self.add(address, field, value)
        self._shipping(element, order)
        self.add(element, "branding")
        self.add(element, "orderId", str(5_000_000 + sum(map(ord, order.number))))
        self.add(element, "status", order.status)
        self.add(element, "actionRequired", str(order.status == "PROCESSING").lower())
        for line in order.lines:
            self._line(element, line)

    def _shipping(self, element: etree._Element, order: Order) -> None:
        group = self.add(element, "shippingSpecifications")
        for flag in ("isThirdPartyBilling", "isSignatureRequired", "isDeclaredValueRequired"):
            self.add(group, flag, "false")
        if order.is_freight:
            self.add(self.add(self.add(group, "ltlShipment"), "ltlServiceLevel"), "code", order.service)
        else:
            parcel = self.add(group, "smallParcelShipment")
            self.add(self.add(parcel, "shippingServiceLevel"), "code", order.service)
        self.add(group, "isExport", "false")

    def _line(self, element: etree._Element, line: Line) -> None:
        row = self.add(element, "processedSalesOrderLine")
        values = {
            "salesChannelLineId" if self._form == "D" else "salesChannelLineNumber": line.number,
            "partnerSKU": line.partner_sku, "upc": line.upc, "salesChannelSKU": line.option_sku,
            "quantity": "" if line.quantity is None else str(line.quantity), "notes": line.notes,
            "lineId": f"88{line.number}", "itemId": "44001", "itemName": line.title or line.partner_sku,
            "lineStatus": line.status, "unitCost": line.unit_cost, "unitCostCurrencyCode": "USD",
        }  # fmt: skip
        for name, value in values.items():
            if value:
                self.add(row, name, value)
        for parcel in line.parcels:
            detail = self.add(row, "shipConfirmationDetail")
            self.add(detail, "quantityShipped", str(parcel.quantity))
            self.add(self.add(detail, "packageDetail"), "trackingNumber", parcel.tracking_number)
            shipment = self.add(detail, "shipmentDetail")
            self.add(shipment, "shipmentCarrier", parcel.carrier)
            self.add(shipment, "billingAccountNumber", "null")
            self.add(shipment, "dateShipped", parcel.shipped_at)


def _stamp(at: datetime) -> str:
    return at.astimezone(DENVER).isoformat(timespec="milliseconds")


def _take(request: Request, apply: object) -> Response:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(request.get_data(), parser)
    except etree.XMLSyntaxError as exc:
        return _errors([("BAD_XML", str(exc), "", "")], 400)
    assert callable(apply)  # noqa: S101
    problems: list[tuple[str, str, str, str]] = apply(root)
    if problems:
        return _errors(problems, 400)
    answer = etree.Element(f"{{{NS}}}response", nsmap=OWN)
    etree.SubElement(answer, f"{{{NS}}}status").text = "SUCCESS"
    return _xml(answer)


def _ship(state: OasisState, root: etree._Element) -> list[tuple[str, str, str, str]]:
    """Apply a shipment message; what was refused. All or nothing, unless the state says otherwise."""
    if _name(root) != "supplierShipmentMessage":
        return [("BAD_ROOT", f"{_name(root)} is not supplierShipmentMessage", "", "")]
    problems, planned = [], []
    claimed: dict[int, int] = {}
    for shipment in root:
        try:
            line, parcel = _planned(state, shipment, claimed)
            planned.append((line, parcel))
        except Rejected as exc:
            problems.append(exc.args)
    if problems and state.atomic:
        return problems
    for line, parcel in planned:
        line.parcels.append(parcel)
        if line.quantity == line.shipped:
            line.status = "SHIPPED"
    for order in state.orders.values():
        if order.status == "PROCESSING" and all(line.status in ("SHIPPED", "CANCELLED") for line in order.lines):
            order.status = "COMPLETE"
    return problems


def _planned(state: OasisState, shipment: etree._Element, claimed: dict[int, int]) -> tuple[Line, Parcel]:
    number, line_number = _text(shipment, "salesChannelOrderNumber"), _text(shipment, "salesChannelLineNumber")

    def no(code: str, message: str) -> Rejected:
        return Rejected(code, message, number, line_number)

    order = state.orders.get(number)
    if order is None or order.channel != _text(shipment, "salesChannelName"):
        raise no("UNKNOWN_ORDER", f"No order {number} in this channel")
    line = next((one for one in order.lines if one.number == line_number), None)
    if line is None:
        raise no("UNKNOWN_LINE", f"No line {line_number} in order {number}")
    if [_name(child) for child in shipment][:4] != SEQUENCE or len(shipment) != 5:
        raise no("BAD_SEQUENCE", "The elements of supplierShipment are not in order")
    if _text(_only(shipment, "warehouse"), "code") != order.warehouse:
        raise no("WRONG_WAREHOUSE", f"The order is for warehouse {order.warehouse!r}")
    detail = shipment[4]
    if _name(detail) != "supplierShipConfirmation" or [_name(child) for child in detail] != DETAIL:
        raise no("BAD_SEQUENCE", "The elements of supplierShipConfirmation are not in order")
    text = _text(detail, "quantity")
    quantity = int(text) if text.isdigit() else 0
    left = line.open_quantity - claimed.get(id(line), 0)
    if not 1 <= quantity <= left:
        raise no("BAD_QUANTITY", f"Quantity {text} of line {line_number}, of which {left} are open")
    carrier, service = _text(_only(detail, "carrier"), "code"), _text(_only(detail, "serviceLevel"), "code")
    tracking = _text(detail, "trackingNumber")
    if not (carrier and service and tracking):
        raise no("MISSING", "Carrier, service level and tracking number are required")
    claimed[id(line)] = claimed.get(id(line), 0) + quantity
    return line, Parcel(quantity, carrier, service, tracking, _text(detail, "shipDate"))


def _set_quantities(state: OasisState, root: etree._Element) -> list[tuple[str, str, str, str]]:
    problems, wanted = [], {}
    for row in root:
        sku = next((_own(child) for child in row if _name(child).lower() in ("partnersku", "saleschannelsku")), "")
        warehouse, quantity = _text(_only(row, "warehouse"), "code"), _text(row, "quantity")
        if not sku or not warehouse or not quantity.isdigit():
            problems.append(("BAD_ROW", f"SKU {sku!r}, warehouse {warehouse!r}, quantity {quantity!r}", "", ""))
        wanted[sku, warehouse] = int(quantity or 0) if quantity.isdigit() else 0
    if not problems:
        state.quantities.update(wanted)
    return problems


def _inventory(state: OasisState) -> Response:
    root = etree.Element(f"{{{NS}}}inventoryMessage", nsmap=OWN)
    for (sku, warehouse), quantity in state.quantities.items():
        row = etree.SubElement(root, f"{{{NS}}}inventory")
        etree.SubElement(row, f"{{{NS}}}partnerSku").text = sku
        etree.SubElement(etree.SubElement(row, f"{{{NS}}}warehouse"), f"{{{NS}}}code").text = warehouse
        etree.SubElement(row, f"{{{NS}}}quantity").text = str(quantity)
    return _xml(root)


def _errors(problems: list[tuple[str, str, str, str]], status: int) -> Response:
    root = etree.Element(f"{{{NS}}}errors", nsmap=OWN)
    names = ("code", "message", "salesChannelOrderNumber", "salesChannelLineNumber")
    for problem in problems:
        error = etree.SubElement(root, f"{{{NS}}}error")
        for name, value in zip(names, problem, strict=True):
            if value:
                etree.SubElement(error, f"{{{NS}}}{name}").text = value
    answer = _xml(root)
    answer.status_code = status
    return answer


def _xml(root: etree._Element) -> Response:
    body = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return Response(body, 200, mimetype="application/xml")


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _only(element: etree._Element, name: str) -> etree._Element:
    return next((child for child in element if _name(child) == name), etree.Element("none"))


def _text(element: etree._Element, name: str) -> str:
    return _own(_only(element, name))


def _own(element: etree._Element) -> str:
    return element.text or ""
