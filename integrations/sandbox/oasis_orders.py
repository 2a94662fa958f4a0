"""Orders as Supplier Oasis writes them (supplier-oasis 2, 3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from lxml import etree

from integrations.sandbox.oasis_state import ADDRESS_FIELDS, DENVER, Line, Order, Parcel
from integrations.sandbox.oasis_xml import NS, OWN

# What SOFS adds to what the channel sent: without prefix in form M (supplier-oasis 2). That the parts of
# shipConfirmationDetail belong here is an assumption; no sample of form M has one.
SOFS_FIELDS = frozenset({
    "orderId", "status", "retailChannelCode", "retailerOrderCode", "retailOrderNumber", "actionRequired",
    "processedSalesOrderLine", "lineId", "itemId", "itemName", "lineStatus", "unitCost", "unitCostCurrencyCode",
    "firstCost", "firstCostCurrencyCode", "additionalShippingCost", "additionalShippingCostCurrencyCode",
    "shipConfirmationDetail", "quantityShipped", "packageDetail", "packageID", "packageType", "packageNumber",
    "packageWeight", "trackingNumber", "shipmentDetail", "shipmentID", "shipmentCarrier", "billingAccountNumber",
    "dateShipped", "dateConfirmed",
})  # fmt: skip
# Orders name the carrier of a shipment by SCAC. FDEG and FXFE are the vendor's; the others are our choice.
SCAC = {
    "FEDEX": "FDEG", "FEDSP": "FDEG", "UPS": "UPSN", "UPSSP": "UPSN", "UPSMI": "UPSN", "USPSFC": "USPS",
    "ONTRAC": "ONTR", "DHL": "DHLC",
}  # fmt: skip
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


def listing(orders: Sequence[Order], form: str, total: int) -> etree._Element:
    """The whole answer, in form M, D or N; only D has another root and no total (supplier-oasis 2)."""
    if form == "D":
        root = etree.Element(f"{{{NS}}}processedSalesOrderMessage", nsmap=OWN)
    else:
        root = etree.Element("processedSalesOrderTypeList", nsmap={"ns2": NS})
        etree.SubElement(root, "totalCount").text = str(total)
    writer = Writer(form)
    for order in orders:
        writer.order(root, order)
    return root


class Writer:
    """Writes an order in one of the three forms: the prefix follows the type hierarchy in M (supplier-oasis 2)."""

    def __init__(self, form: str) -> None:
        self._form = form

    def order(self, root: etree._Element, order: Order) -> None:
        element = etree.SubElement(root, f"{{{NS}}}processedSalesOrder" if self._form == "D" else "list")
        self._from_the_channel(element, order)
        waits = not order.is_closed if order.action_required is None else order.action_required
        self._texts(
            element,
            orderId=order.order_id,
            status=order.status,
            retailChannelCode=order.retail_channel,
            retailerOrderCode=order.retailer_order_code,
            retailOrderNumber=order.retail_order_number,
            actionRequired=_flag(waits),
        )
        for line in order.lines:
            self._line(element, line)
        if order.without:
            _leave_out(element, order.without)

    def _from_the_channel(self, element: etree._Element, order: Order) -> None:
        self._texts(
            element,
            salesChannelOrderNumber=order.number,
            salesChannelName=order.channel,
            orderDate=stamp(order.ordered_at),
            sofsCreatedDate=stamp(order.created_at),
        )
        self._code(element, "warehouseName", order.warehouse)
        self._address(element, "shipToAddress", order.address)
        self._address(element, "returnAddress", order.return_address)
        self._shipping(self._add(element, "shippingSpecifications"), order)
        self._add(element, "branding", order.branding or None)
        self._texts(element, orderFulfillment=order.fulfillment)

    def _address(self, element: etree._Element, tag: str, address: dict[str, str]) -> None:
        values = {field: address.get(field, "") for field in ADDRESS_FIELDS}
        if any(values.values()):
            self._texts(self._add(element, tag), **values)

    def _shipping(self, group: etree._Element, order: Order) -> None:
        self._texts(
            group,
            isThirdPartyBilling=_flag(order.third_party_billing),
            isSignatureRequired=_flag(order.signature_required),
            isDeclaredValueRequired=_flag(order.declared_value_required),
        )
        if order.is_freight:
            self._code(self._add(group, "ltlShipment"), "ltlServiceLevel", order.service)
        else:
            parcel = self._add(group, "smallParcelShipment")
            self._code(parcel, "shippingServiceLevel", order.service)
            self._texts(parcel, shippingAccountNumber=order.shipping_account)
            self._code(parcel, "carrier", order.carrier)
        self._texts(group, isExport=_flag(order.export))

    def _line(self, element: etree._Element, line: Line) -> None:
        row = self._add(element, "processedSalesOrderLine")
        documented = self._form == "D"
        self._texts(
            row,
            # The documented form knows no line number: there the id is what a shipment names.
            salesChannelLineId=line.number if documented else line.channel_line_id,
            salesChannelLineNumber="" if documented else line.number,
            partnerSKU=line.partner_sku,
            barcode=line.barcode,
            upc=line.upc,
            salesChannelSKU=line.option_sku,
            quantity="" if line.quantity is None else str(line.quantity),
            itemPrice=line.item_price,
        )
        self._code(row, "specialHandling", line.special_handling)
        self._texts(
            row,
            notes=line.notes,
            lineId=line.line_id,
            itemId=line.item_id,
            itemName=line.title or line.partner_sku,
            lineStatus=line.status,
        )
        self._costs(row, line)
        for position, parcel in enumerate(line.parcels, start=1):
            self._parcel(row, line, position, parcel)

    def _costs(self, row: etree._Element, line: Line) -> None:
        first, shipping = line.first_cost, line.additional_shipping_cost
        costs = {
            "unitCost": line.unit_cost,
            "firstCost": line.unit_cost if first is None else first,
            "additionalShippingCost": (line.unit_cost and "0.00") if shipping is None else shipping,
        }
        for tag, cost in costs.items():
            if cost:
                self._texts(row, **{tag: cost, f"{tag}CurrencyCode": line.currency})

    def _parcel(self, row: etree._Element, line: Line, position: int, parcel: Parcel) -> None:
        detail = self._add(row, "shipConfirmationDetail")
        self._texts(detail, quantityShipped=str(parcel.quantity))
        package = self._add(detail, "packageDetail")
        self._texts(package, packageID=parcel.package_id or f"{line.line_id}{position:02}")
        self._code(package, "packageType", parcel.package_type)
        self._texts(
            package,
            packageNumber=str(position),
            packageWeight=parcel.weight,
            trackingNumber=parcel.tracking_number,
        )
        self._texts(
            self._add(detail, "shipmentDetail"),
            shipmentID=parcel.shipment_id or f"3{line.line_id}{position:02}",
            shipmentCarrier=parcel.shipment_carrier or SCAC.get(parcel.carrier, parcel.carrier[:4]),
            billingAccountNumber=parcel.billing_account,
            dateShipped=_restamped(parcel.shipped_at),
            dateConfirmed=_restamped(parcel.confirmed_at or parcel.shipped_at),
        )

    def _texts(self, parent: etree._Element, **values: str | None) -> None:
        for tag, value in values.items():
            if value:
                self._add(parent, tag, value)

    def _code(self, parent: etree._Element, tag: str, value: str) -> None:
        if value:
            self._add(self._add(parent, tag), "code", value)

    def _add(self, parent: etree._Element, tag: str, value: str | None = None) -> etree._Element:
        plain = self._form == "M" and tag in SOFS_FIELDS
        child = etree.SubElement(parent, tag if plain else f"{{{NS}}}{tag}")
        child.text = value
        return child


def stamp(at: datetime) -> str:
    """As the vendor writes times: milliseconds and Denver's offset (supplier-oasis 3.7)."""
    return at.astimezone(DENVER).isoformat(timespec="milliseconds")


def instant(given: str) -> datetime | None:
    """The instant of an XML dateTime with any number of fractional digits; None if it is none."""
    match = DATE_TIME.fullmatch(given)
    if match is None:
        return None
    fraction, offset = match[1] or "", match[2] or ""
    try:
        at = datetime.fromisoformat(f"{given[:19]}{fraction[:7].ljust(7, '0') if fraction else ''}{offset}")
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=DENVER)
    except (ValueError, OverflowError):
        return None


def _restamped(given: str) -> str:
    at = instant(given)
    return stamp(at) if at else given


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _leave_out(element: etree._Element, tags: Sequence[str]) -> None:
    for gone in [one for one in element.iter() if etree.QName(one).localname in tags]:
        parent = gone.getparent()
        if parent is not None:
            parent.remove(gone)
