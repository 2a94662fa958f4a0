"""XML answers → values. Matches by local name only, since three forms of the same message exist (supplier-oasis 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from lxml import etree

from integrations.ports import Address, ConfirmedParcel, MarketplaceLine, MarketplaceOrder, SaleState, UnreadableOrder
from integrations.supplier_oasis import envelope
from integrations.supplier_oasis.options import Options

MAX_QUANTITY = 1_000_000
# What lies outside is a mistake, and near the ends of the calendar no database can keep it with an offset.
YEARS = range(1990, 2101)
BLANKS_BEFORE_OFFSET = re.compile(r"\s+(?=[Z+-])")


class OrderError(Exception):
    """Why one order cannot be read."""


def orders(body: bytes, options: Options) -> Iterator[MarketplaceOrder | UnreadableOrder]:
    """The orders of an answer, one at a time. A bad one comes as UnreadableOrder; its neighbours are good.

    Raises what `envelope.elements` raises: what was yielded before is good.
    """
    for element in envelope.elements(body, counted=options.check_total_count):
        if isinstance(element, envelope.Broken):
            yield UnreadableOrder(element.number, element.reason, element.raw)
        else:
            yield _guarded(element, options)


def _guarded(element: etree._Element, options: Options) -> MarketplaceOrder | UnreadableOrder:
    raw = etree.tostring(element, encoding="unicode", with_tail=False)[: envelope.MAX_RAW_CHARS]
    try:
        return _order(element, options, raw)
    except OrderError as exc:
        return UnreadableOrder(_text(element, "salesChannelOrderNumber"), str(exc), raw)


def _order(element: etree._Element, options: Options, raw: str) -> MarketplaceOrder:
    number = _text(element, "salesChannelOrderNumber")
    if not number:
        raise OrderError("the order has no salesChannelOrderNumber")
    created = _when(element, "sofsCreatedDate", options)
    ordered = _when(element, "orderDate", options) or created
    if ordered is None:
        raise OrderError("the order has neither orderDate nor sofsCreatedDate")
    status = _text(element, "status")
    parts = [child for child in element if _name(child) == "processedSalesOrderLine"]
    lines = tuple(_line(part, options) for part in parts)
    if len({line.number for line in lines}) != len(lines):
        raise OrderError("two lines have the same salesChannelLineNumber")
    return MarketplaceOrder(
        number=number,
        sales_channel=_text(element, "salesChannelName") or options.default_channel,
        ordered_at=ordered,
        created_at=created,
        warehouse_name=_warehouse(element) or options.default_warehouse_name,
        ship_to=_address(_child(element, "shipToAddress")),
        lines=lines,
        state=_order_state(status, options),
        status=status,
        shipping_code=_service(element),
        is_freight=_anywhere(element, "ltlServiceLevel") is not None,
        signature_required=_flag(_anywhere(element, "shippingSpecifications"), "isSignatureRequired") is True,
        billing_account=_billing_account(_anywhere(element, "shippingSpecifications")),
        carrier_code=_code(_anywhere(_anywhere(element, "smallParcelShipment"), "carrier")),
        raw=raw,
    )


def _line(element: etree._Element, options: Options) -> MarketplaceLine:
    number = _text(element, "salesChannelLineNumber") or _text(element, "salesChannelLineId")
    if not number:
        raise OrderError("a line has neither salesChannelLineNumber nor salesChannelLineId")
    parcels = tuple(_parcel(child, number) for child in element if _name(child) == "shipConfirmationDetail")
    status = _text(element, "lineStatus")
    cost = "unitCost" if _text(element, "unitCost") else "firstCost"
    handling = _code(_child(element, "specialHandling"))
    return MarketplaceLine(
        number=number,
        partner_sku=_text(element, "partnerSKU") or _text(element, "partnerSku"),
        option_sku=_text(element, "salesChannelSKU"),
        upc=_text(element, "upc"),
        title=_text(element, "itemName"),
        quantity=_quantity(element, "quantity", number),
        quantity_shipped=sum(parcel.quantity for parcel in parcels),
        state=_line_state(status, options),
        status=status,
        unit_cost=_money(element, cost, number),
        currency=_text(element, f"{cost}CurrencyCode"),
        notes="; ".join(text for text in (_text(element, "notes"), handling) if text),
        parcels=parcels,
    )


def _parcel(detail: etree._Element, line: str) -> ConfirmedParcel:
    return ConfirmedParcel(_inner(detail, "trackingNumber"), _quantity(detail, "quantityShipped", line) or 0)


def _order_state(status: str, options: Options) -> SaleState:
    word = status.upper()
    if word in options.cancelled_order_statuses:
        return SaleState.CANCELLED
    return SaleState.SHIPPED if word in options.closed_order_statuses else SaleState.OPEN


def _line_state(status: str, options: Options) -> SaleState:
    word = status.upper()
    if word in options.cancelled_line_statuses:
        return SaleState.CANCELLED
    return SaleState.SHIPPED if word in options.shipped_line_statuses else SaleState.OPEN


def _address(element: etree._Element | None) -> Address:
    return Address(
        name=_text(element, "contactName"),
        address1=_text(element, "address1"),
        address2=_text(element, "address2"),
        city=_text(element, "city"),
        state=_text(element, "stateOrProvince"),
        postal_code=_text(element, "postalCode"),
        country_code=_text(element, "countryCode"),
        phone=_text(element, "phone"),
    )


def _warehouse(element: etree._Element) -> str:
    """Exactly as received, since it is echoed; only what pretty-printing added is taken off."""
    code = _child(_child(element, "warehouseName"), "code")
    text = (code.text or "") if code is not None else _text(element, "warehouseName")
    if "\n" in text:
        text = text.strip()
    return "" if text.strip().lower() == "null" else text


def _billing_account(specifications: etree._Element | None) -> str:
    """The account to bill; one may be named though the supplier's own is billed (supplier-oasis 3.4)."""
    own = _flag(specifications, "isThirdPartyBilling") is False
    return "" if own or specifications is None else _inner(specifications, "shippingAccountNumber")


def _flag(element: etree._Element | None, name: str) -> bool | None:
    """Both spellings that XML Schema has for each; None for what is absent or neither."""
    return {"true": True, "1": True, "false": False, "0": False}.get(_text(element, name).lower())


def _service(element: etree._Element) -> str:
    return _code(_anywhere(element, "shippingServiceLevel")) or _code(_anywhere(element, "ltlServiceLevel"))


def _quantity(element: etree._Element, name: str, line: str) -> int | None:
    text = _text(element, name)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise OrderError(f"line {line}: {name} is {text[:40]!r}, not a number") from None
    if not value.is_finite() or value != value.to_integral_value() or not 0 <= value <= MAX_QUANTITY:
        raise OrderError(f"line {line}: {name} is {text[:40]!r}, not a whole number from 0 to {MAX_QUANTITY}")
    return int(value)


def _money(element: etree._Element, name: str, line: str) -> Decimal | None:
    text = _text(element, name)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise OrderError(f"line {line}: {name} is {text[:40]!r}, not a number") from None
    if not value.is_finite() or abs(value) >= 10**9:
        raise OrderError(f"line {line}: {name} is {text[:40]!r}, which cannot be")
    return round(value, 4)


def _when(element: etree._Element, name: str, options: Options) -> datetime | None:
    """Any ISO 8601, in the marketplace's zone; without an offset it is its local time (supplier-oasis 3.7)."""
    text = _text(element, name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(BLANKS_BEFORE_OFFSET.sub("", text.upper()))
    except ValueError:
        raise OrderError(f"{name} is {text[:40]!r}, not a date and time") from None
    if at.year not in YEARS:
        raise OrderError(f"{name} is {text[:40]!r}; the year must be from {YEARS[0]} to {YEARS[-1]}")
    at = at if at.tzinfo else at.replace(tzinfo=options.zone)
    return at.astimezone(UTC).astimezone(options.zone)


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _child(element: etree._Element | None, name: str) -> etree._Element | None:
    return next((child for child in element if _name(child) == name), None) if element is not None else None


def _anywhere(element: etree._Element | None, name: str) -> etree._Element | None:
    return next((one for one in element.iter() if _name(one) == name), None) if element is not None else None


def _text(element: etree._Element | None, name: str) -> str:
    """A child's text; absent, empty and the literal text "null" are all the empty string (supplier-oasis 8.4)."""
    return _own_text(_child(element, name))


def _inner(element: etree._Element, name: str) -> str:
    return _own_text(_anywhere(element, name))


def _code(element: etree._Element | None) -> str:
    return _text(element, "code") or _own_text(element)


def _own_text(element: etree._Element | None) -> str:
    text = (element.text or "").strip() if element is not None else ""
    return "" if text.lower() == "null" else text
