"""Values → XML messages of Supplier Oasis (supplier-oasis 4.1, 5.2). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from lxml import etree

from integrations.ports import ListedQuantity, ShipmentNotice, ShippedLine
from integrations.sent_orders import ShortShipNotice
from integrations.supplier_oasis.options import InventoryNames

NAMESPACE = "api.supplieroasis.com"


def shipment_message(notice: ShipmentNotice, zone: tzinfo) -> bytes:
    """One `supplierShipment` per line and parcel; the order of the elements is the schema's."""
    root = _root("supplierShipmentMessage")
    for line in notice.lines:
        _confirmation(_shipment(root, notice, line.line_number), line, zone)
    return _bytes(root)


def short_ship_message(notice: ShortShipNotice) -> bytes:
    """A whole line's remainder: the message has no quantity (4.1)."""
    root = _root("supplierShipmentMessage")
    short = _add(_shipment(root, notice, notice.line_number), "shortShip")
    _add(_add(short, "reasonCode"), "code", notice.reason_code)
    return _bytes(root)


def inventory_message(quantities: Sequence[ListedQuantity], names: InventoryNames) -> bytes:
    """The assumed message; every name comes from one table."""
    root = _root(names.root)
    for listed in quantities:
        row = _add(root, names.row)
        for name, sku in _skus(listed, names):
            _add(row, name, sku)
        if names.barcode:
            _add(row, names.barcode, listed.option_sku or listed.upc or listed.sku)
        _add(_add(row, names.warehouse), "code", listed.warehouse_name)
        _add(row, names.quantity, str(listed.quantity))
    return _bytes(root)


def _shipment(root: etree._Element, notice: ShipmentNotice | ShortShipNotice, line_number: str) -> etree._Element:
    shipment = _add(root, "supplierShipment")
    _add(shipment, "salesChannelName", notice.sales_channel)
    _add(shipment, "salesChannelOrderNumber", notice.order_number)
    _add(shipment, "salesChannelLineNumber", line_number)
    _add(_add(shipment, "warehouse"), "code", notice.warehouse_name)
    return shipment


def _skus(listed: ListedQuantity, names: InventoryNames) -> list[tuple[str, str]]:
    """The SKUs that have a name and are known; a row is never without one."""
    named = [
        (names.sku, listed.sku), (names.partner_sku, listed.partner_sku), (names.option_sku, listed.option_sku),
    ]  # fmt: skip
    return [(name, sku) for name, sku in named if name and sku] or [(names.skus[0], listed.sku)]


def _confirmation(shipment: etree._Element, line: ShippedLine, zone: tzinfo) -> None:
    shipped = _add(shipment, "supplierShipConfirmation")
    _add(shipped, "quantity", str(line.quantity))
    _add(_add(shipped, "carrier"), "code", line.carrier_code)
    _add(shipped, "trackingNumber", line.tracking_number)
    _add(shipped, "shipDate", ship_date(line.shipped_at, zone))
    _add(_add(shipped, "serviceLevel"), "code", line.service_code)


def ship_date(at: datetime, zone: tzinfo) -> str:
    """As in the vendor's sample: milliseconds and the marketplace's own offset."""
    return at.astimezone(zone).isoformat(timespec="milliseconds")


def _root(name: str) -> etree._Element:
    return etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={None: NAMESPACE})  # type: ignore[dict-item]


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
