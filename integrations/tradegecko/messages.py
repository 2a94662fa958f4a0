"""JSON ↔ values of TradeGecko (tradegecko 2.2, 3). Pure. Raises Unreadable for what the contract does not allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.errors import Unreadable
from integrations.http import storable
from integrations.ports import (
    Item,
    Location,
    OrderRequest,
    Parcel,
    ParcelContent,
    ParcelState,
    Receipt,
    StockLevel,
)
from integrations.tradegecko.options import Options

Row = Mapping[str, Any]
MAX_ID_CHARS = 40
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
            {
                "variant_id": _id_out(line.item_id),
                "quantity": str(line.quantity),
                "price": f"{line.unit_price.normalize():f}",
                "line_type": "product",
                "position": position,
            }
            for position, line in enumerate(request.lines, start=1)
        ],
    }
    if request.currency and options.send_currency:
        order["currency_iso"] = request.currency
    if options.tax_treatment:
        order["tax_treatment"] = options.tax_treatment
    return {"order": order}


def receipt(row: Row) -> Receipt:
    """An order that TradeGecko holds; line ids come in the order of the lines."""
    ids = row.get("order_line_item_ids")
    return Receipt(
        remote_id=identity(row, "order"),
        number=text(row, "order_number"),
        full_number=text(row, "reference_number"),
        status=text(row, "status"),
        line_ids=tuple(str(one) for one in ids) if isinstance(ids, list) else (),
        created_at=timestamp(row, "created_at"),
    )


def location(row: Row) -> Location:
    return Location(identity(row, "location"), text(row, "label"), row.get("holds_stock") is not False)


def item(row: Row) -> Item:
    """A variant. What the answer leaves out counts as sellable and tracked."""
    cap = decimal(row.get("max_online"), "max_online")
    name = " ".join(part for part in (text(row, "product_name"), text(row, "name")) if part)
    return Item(
        remote_id=identity(row, "variant"),
        sku=text(row, "sku").strip(),
        title=name,
        upc=text(row, "upc"),
        sellable=row.get("sellable") is not False,
        stock_managed=row.get("manage_stock") is not False,
        keep_selling=row.get("keep_selling") is True,
        max_online=int(cap) if cap is not None else None,
    )


def parcel(row: Row, lines: Sequence[Row]) -> Parcel:
    """A fulfillment with its lines. Only `fulfilled` has left the house (5.9)."""
    return Parcel(
        remote_id=identity(row, "fulfillment"),
        order_id=str(row.get("order_id") or ""),
        state=STATES.get(text(row, "status"), ParcelState.PACKED),
        contents=tuple(_content(line) for line in lines),
        tracking_number=text(row, "tracking_number"),
        tracking_url=text(row, "tracking_url"),
        carrier=text(row, "tracking_company"),
        service=text(row, "service"),
        shipped_at=timestamp(row, "shipped_at"),
        updated_at=timestamp(row, "updated_at"),
    )


def stock_levels(row: object) -> tuple[str, list[StockLevel]]:
    """An item's id, and its stock per location; available is computed, since the rows have none (3.8)."""
    if not isinstance(row, Mapping):
        raise Unreadable(f"TradeGecko sent a stock level that is no object: {str(row)[:200]}")
    item_id = identity(row, "stock level", "variant_id" if "variant_id" in row else "id")
    places = [] if row.get("locations", "") is None else row.get("locations")
    if not isinstance(places, list) or not all(isinstance(place, Mapping) for place in places):
        raise Unreadable(f"TradeGecko sent the stock of variant {item_id} without a list of locations")
    try:
        return item_id, [_stock_level(item_id, place) for place in places]
    except Unreadable as exc:
        raise Unreadable(f"stock of variant {item_id}: {exc}") from None


def identity(row: object, what: str, name: str = "id") -> str:
    """The id of a row. Raises Unreadable for what is no object, or has an id that none can be."""
    if not isinstance(row, Mapping):
        raise Unreadable(f"TradeGecko sent a {what} that is no object: {str(row)[:200]}")
    value = row.get(name)
    if not _is_id(value):
        raise Unreadable(f"TradeGecko sent a {what} whose {name} is {str(value)[:60]!r}, which is no id")
    return str(value)


def text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else storable(str(value))


def decimal(value: object, name: str) -> Decimal | None:
    """None, an integer or a string on the wire (fact 4); None when there is no figure."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or abs(number) >= 10**11:
        raise Unreadable(f"TradeGecko sent {name} {str(value)[:40]!r}, which is no number")
    return number


def timestamp(row: Row, name: str) -> datetime | None:
    value = text(row, name).strip()
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise Unreadable(f"TradeGecko sent {name} {value[:40]!r}, which is no time") from None
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
    return StockLevel(item_id, identity(place, "location of stock", "location_id"), on_hand, committed, available)


def _content(line: Row) -> ParcelContent:
    quantity = decimal(line.get("quantity"), "quantity") or Decimal(0)
    return ParcelContent(text(line, "order_line_item_id"), text(line, "variant_id"), quantity)


def _address(request: OrderRequest) -> dict[str, str]:
    to = request.ship_to
    first, _, last = to.name.strip().rpartition(" ")
    address = {
        "label": request.address_label,
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
    return {name: value for name, value in address.items() if value}


def _id_out(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdigit() else value
