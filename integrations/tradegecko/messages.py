"""JSON ↔ values of TradeGecko (tradegecko 2.2, 3). Pure. Raises Unreadable for what the contract does not allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from integrations.errors import Unreadable
from integrations.http import storable
from integrations.ports import Address, Item, Location, OrderRequest, Parcel, ParcelContent, ParcelState
from integrations.sent_orders import ListedLine, Receipt, ReceiptLine
from integrations.stock import BundlePart, StockLevel, UnreadableBundlePart, as_told
from integrations.tradegecko.options import Options

Row = Mapping[str, Any]
MAX_ID_CHARS = 40
MAX_SKU_CHARS = 120
MAX_NUMBER_CHARS = 80
MAX_STATUS_CHARS = 20
MAX_COUNT = 2**31 - 1
ROUNDING = "rounding"
TOO_LARGE = 10**11
# No order is older, and no calendar that staff look at goes further.
YEARS = range(1970, 3000)
STATES = {"fulfilled": ParcelState.SHIPPED, "void": ParcelState.VOID, "deleted": ParcelState.VOID}


def order_body(request: OrderRequest, options: Options) -> dict[str, Any]:
    """One body with lines and address nested, so that an order is one call (3.10)."""
    order: dict[str, Any] = {
        "status": request.status,
        "company_id": _id_out(request.company_id),
        "stock_location_id": _id_out(request.location_id),
        "issued_at": request.ordered_on.isoformat(),
        "order_number": request.short_reference,
        "reference_number": request.full_number,
        "notes": request.notes,
        "tags": list(request.tags),
        "shipping_address": _address(request),
        "order_line_items": [
            {**new_line(line.item_id, line.quantity, line.unit_price), "position": position}
            for position, line in enumerate(request.lines, start=1)
        ],
    }
    if request.currency and options.send_currency:
        order["currency_iso"] = request.currency
    if options.tax_treatment:
        order["tax_treatment"] = options.tax_treatment
    return {"order": order}


def new_line(item_id: str, quantity: int, unit_price: Decimal) -> dict[str, Any]:
    """A line to be created, with the order or later (3.10, 5.7)."""
    return {
        "variant_id": _id_out(item_id),
        "quantity": str(quantity),
        "price": price(unit_price),
        "line_type": "product",
    }


def rounding(label: str, amount: Decimal) -> dict[str, Any]:
    """A line of text, which needs no shipping and may be negative (3.11, 4.1)."""
    return {"freeform": True, "line_type": ROUNDING, "label": label, "quantity": "1", "price": price(amount)}


def price(unit_price: Decimal) -> str:
    return f"{unit_price.normalize():f}"


def receipt(given: object) -> Receipt:
    """An order that TradeGecko holds; line ids come in the order of the lines, or not at all if one is odd."""
    row = record(given, "an order")
    remote_id = identity(row, "an order")
    try:
        return Receipt(
            remote_id=remote_id,
            number=text(row, "order_number")[:MAX_NUMBER_CHARS],
            full_number=text(row, "reference_number"),
            status=text(row, "status")[:MAX_STATUS_CHARS],
            line_ids=line_ids(row),
            created_at=time_if_any(row, "created_at"),
            updated_at=time_if_any(row, "updated_at"),
            currency=_word_if_any(row, "currency_iso").upper(),
            currency_id=_word_if_any(row, "currency_id"),
            contents=contents(row),
        )
    except Unreadable as exc:
        raise Unreadable(f"order {remote_id}: {exc}") from None


def line_ids(order: Row) -> tuple[str, ...]:
    """In the order of its lines, or none if one is odd."""
    ids = order.get("order_line_item_ids")
    return tuple(map(str, ids)) if isinstance(ids, list) and all(map(_is_id, ids)) else ()


def contents(order: Row) -> str:
    """Its lines by their ids, and their sum: an answer has both without being asked (3.10)."""
    ids, total = " ".join(sorted(line_ids(order))), _sum(order)
    known = sha256(ids.encode()).hexdigest()[:40] if ids else ""
    return f"{known}/{total}" if known or total else ""


def _sum(order: Row) -> str:
    """As a number, since one answer may tell it with other zeros than another; empty where it is none."""
    try:
        total = decimal(order.get("total"), "total")
    except Unreadable:
        return ""
    return "" if total is None else f"{total.normalize():f}"[:20]


def receipt_line(given: object) -> tuple[str, ReceiptLine | None]:
    """The id of its order, and what is ordered; None for a charge, which names no variant."""
    row = record(given, "a line of an order")
    order_id, item_id = identity(row, "a line of an order", "order_id"), reference(row, "variant_id", "a line")
    quantity = decimal(row.get("quantity"), "quantity")
    if not item_id:
        return order_id, None
    if quantity is None:
        raise Unreadable(f"TradeGecko sent a line of order {order_id} without a quantity")
    return order_id, ReceiptLine(item_id, quantity)


def listed_line(given: object) -> tuple[ListedLine | None, datetime | None]:
    """A line, or None for a charge, and when it was changed."""
    row = record(given, "a line of an order")
    order_id, line = receipt_line(row)
    at = time_if_any(row, "updated_at")
    if line is None:
        return None, at
    return ListedLine(order_id, identity(row, "a line of an order"), line.quantity), at


def currency(given: object) -> tuple[str, str]:
    """Its code and its id."""
    row = record(given, "a currency")
    return text(row, "iso").strip().upper(), reference(row, "id", "a currency")


def location(given: object) -> Location:
    row = record(given, "a location")
    return Location(identity(row, "a location"), text(row, "label"), row.get("holds_stock") is not False)


def item(given: object) -> Item:
    """A variant. What the answer leaves out counts as sellable and tracked; a cap beyond counting is none."""
    row = record(given, "a variant")
    cap = decimal(row.get("max_online"), "max_online")
    product, variant = text(row, "product_name"), text(row, "name")
    name = " ".join(part for part in (product, variant) if part) if product != variant else product
    return Item(
        remote_id=identity(row, "a variant"),
        sku=text(row, "sku").strip(),
        title=name,
        upc=text(row, "upc"),
        sellable=row.get("sellable") is not False,
        stock_managed=row.get("manage_stock") is not False,
        keep_selling=row.get("keep_selling") is True,
        max_online=max(int(cap), 0) if cap is not None and cap <= MAX_COUNT else None,
    )


def parcel(row: Row, lines: Sequence[Row]) -> Parcel:
    """A fulfillment with its lines. Only `fulfilled` has left the house (5.9)."""
    return Parcel(
        remote_id=identity(row, "a fulfillment"),
        order_id=reference(row, "order_id", "a fulfillment"),
        state=STATES.get(text(row, "status"), ParcelState.PACKED),
        contents=tuple(_content(line) for line in lines),
        tracking_number=text(row, "tracking_number"),
        tracking_url=text(row, "tracking_url"),
        carrier=text(row, "tracking_company"),
        service=text(row, "service"),
        shipped_at=timestamp(row, "shipped_at"),
        updated_at=timestamp(row, "updated_at"),
    )


def stock_levels(given: object) -> tuple[str, list[StockLevel]]:
    """An item's id, and its stock per location; available is computed, since the rows have none (3.8)."""
    row = record(given, "a stock level")
    item_id = identity(row, "a stock level", "variant_id" if "variant_id" in row else "id")
    places = [] if row.get("locations", "") is None else row.get("locations")
    if not isinstance(places, list) or not all(isinstance(place, Mapping) for place in places):
        raise Unreadable(f"TradeGecko sent the stock of variant {item_id} without a list of locations")
    try:
        return item_id, [_stock_level(item_id, place) for place in places]
    except Unreadable as exc:
        raise Unreadable(f"stock of variant {item_id}: {exc}") from None


def bundle_part(given: object) -> BundlePart | UnreadableBundlePart:
    """A component of a bundle."""
    try:
        return _bundle_part(given)
    except Unreadable as exc:
        bundle_id = given.get("bundle_id") if isinstance(given, Mapping) else None
        return UnreadableBundlePart(str(bundle_id) if _is_id(bundle_id) else "", str(exc))


def _bundle_part(given: object) -> BundlePart:
    row = record(given, "a bundle's component")
    bundle_id = identity(row, "a bundle's component", "bundle_id")
    item_id = identity(row, f"a component of bundle {bundle_id}", "component_id")
    quantity = decimal(row.get("quantity"), "quantity")
    if quantity is None or not 0 < quantity <= MAX_COUNT:
        raise Unreadable(f"TradeGecko sent bundle {bundle_id} with {quantity} of component {item_id}")
    sku = text(row, "component_sku").strip()
    if len(sku) > MAX_SKU_CHARS:
        raise Unreadable(f"TradeGecko sent bundle {bundle_id} with a component SKU of {len(sku)} characters")
    return BundlePart(bundle_id, item_id, sku, as_told(quantity))


def record(row: object, what: str) -> Row:
    if not isinstance(row, Mapping):
        raise Unreadable(f"TradeGecko sent {what} {str(row)[:100]!r}, which is no object")
    return row


def identity(row: Row, what: str, name: str = "id") -> str:
    value = row.get(name)
    if not _is_id(value):
        raise Unreadable(f"TradeGecko sent {what} with {name} {str(value)[:60]!r}, which is no id")
    return str(value)


def reference(row: Row, name: str, what: str) -> str:
    """The id of another record, empty if the row names none."""
    return "" if row.get(name) in (None, "") else identity(row, what, name)


def text(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, (list, dict, bool)):
        raise Unreadable(f"TradeGecko sent {name} {str(value)[:40]!r}, which is no text")
    return "" if value is None else storable(str(value))


def decimal(value: object, name: str) -> Decimal | None:
    """None, an integer or a string on the wire (fact 4); None when there is no figure."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise Unreadable(f"TradeGecko sent {name} {str(value)[:40]!r}, which is no number")
    if abs(number) >= TOO_LARGE:
        raise Unreadable(f"TradeGecko sent {name} {str(value)[:40]!r}, which is too large a number")
    return number


def timestamp(row: Row, name: str) -> datetime | None:
    value = text(row, name).strip()
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        at = datetime.min
    if at.year not in YEARS:
        raise Unreadable(f"TradeGecko sent {name} {value[:40]!r}, which is no time")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _is_id(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    return 0 < len(str(value)) <= MAX_ID_CHARS and str(value).isprintable() and value != 0


def _stock_level(item_id: str, place: Row) -> StockLevel:
    on_hand = decimal(place.get("stock_on_hand"), "stock_on_hand") or Decimal(0)
    booked = place.get("committed", place.get("committed_stock"))
    committed = decimal(booked, "committed") or Decimal(0)
    given = decimal(place.get("available"), "available")
    available = on_hand - committed if given is None else given
    return StockLevel(item_id, identity(place, "stock", "location_id"), on_hand, committed, available)


def time_if_any(row: Row, name: str) -> datetime | None:
    try:
        return timestamp(row, name)
    except Unreadable:
        return None


def _word_if_any(row: Row, name: str) -> str:
    value = row.get(name)
    return str(value).strip() if _is_id(value) else ""


def _content(given: object) -> ParcelContent:
    row = record(given, "a line of a fulfillment")
    quantity = decimal(row.get("quantity"), "quantity")
    if quantity is None or quantity < 0:
        raise Unreadable(f"TradeGecko sent quantity {str(row.get('quantity'))[:40]!r} of a line, which is none")
    reference(row, "id", "a line of a fulfillment")
    line_id = reference(row, "order_line_item_id", "a line of a fulfillment")
    return ParcelContent(line_id, reference(row, "variant_id", "a line of a fulfillment"), quantity)


def address_fields(to: Address) -> dict[str, str | None]:
    """Every field of an address, also those that shall be empty: what is left out of an update stays (2.1)."""
    first, _, last = to.name.strip().rpartition(" ")
    fields = {
        "first_name": first.strip() or last,
        "last_name": last if first.strip() else "",
        "address1": to.address1,
        "address2": to.address2,
        "city": to.city,
        "state": to.state,
        "zip_code": to.postal_code,
        "country": to.country_code,
        "country_code": to.country_code,
        "phone_number": to.phone,
    }
    return {name: value or None for name, value in fields.items()}


def _address(request: OrderRequest) -> dict[str, str]:
    address = {"label": request.address_label, **address_fields(request.ship_to)}
    return {name: value for name, value in address.items() if value}


def _id_out(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdigit() else value
