"""An order that TradeGecko holds: read whole, changed step by step, ended (tradegecko 3.10 to 3.13, 4.2, 5.7, 5.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from integrations.errors import Refused, Unreadable
from integrations.ports import Address, Parcel, ParcelState, UnreadableParcel
from integrations.sent_orders import LineChange, OrderChange, PlacedLine, PlacedOrder, Rounding
from integrations.tradegecko import errors, fulfillments, messages
from integrations.tradegecko.client import Client

ENDED = ("void", "deleted")
PARCEL_LINES = "fulfillment_line_items"


def read(client: Client, remote_id: str) -> PlacedOrder | None:
    """The order with its lines, its address and its parcels. None when there is no such order (any more)."""
    path = f"/orders/{quote(remote_id, safe='')}"
    try:
        body = client.get(path, [("include", "order_line_items,shipping_address")])
    except errors.NotThere:
        return None
    row = messages.record(body.get("order"), "an order")
    parcels = [] if row.get("status") in ENDED else _parcels(client, remote_id)
    return _placed(row, _lines(client, body, row), _address_row(client, body, row), parcels)


def _lines(client: Client, body: Mapping[str, Any], order: messages.Row) -> list[messages.Row]:
    """All of them: one that did not come is not taken for one that somebody took out."""
    remote_id, announced = messages.identity(order, "an order"), set(messages.line_ids(order))
    beside = body.get("order_line_items")
    lines = _of(beside, remote_id) if isinstance(beside, list) else None
    if lines is None or _lacks(lines, announced):
        lines = _of(client.rows("/order_line_items", [("order_id", remote_id)]), remote_id)
    if _lacks(lines, announced):
        raise Unreadable(f"TradeGecko names {len(announced)} lines of order {remote_id} and shows {len(lines)}")
    return lines


def _of(rows: Iterable[Any], order_id: str) -> list[messages.Row]:
    return [row for row in rows if _is_of(row, order_id)]


def _lacks(lines: Sequence[messages.Row], announced: Set[str]) -> bool:
    return not announced <= {str(line.get("id")) for line in lines}


def end(client: Client, placed: PlacedOrder) -> None:
    """A draft is deleted, what commits stock is voided; what lies packed is taken apart first (4.2)."""
    _unpack(client, placed.packed)
    path = f"/orders/{quote(placed.remote_id, safe='')}"
    if placed.status == "draft":
        client.write("DELETE", path)
    else:
        client.write("POST", f"{path}/actions/void")


def change(client: Client, placed: PlacedOrder, wanted: OrderChange, key: str) -> None:
    """Each step says how it shall be; only appended lines need the key (2.7). Refused, before any, for one unpriced.

    Roundings come first: once all that is left of the order has shipped, it takes none any more (4.1).
    """
    new = [_new_line(placed, line) for line in wanted.lines if not line.remote_id]
    _unpack(client, wanted.unpack)
    path = f"/orders/{quote(placed.remote_id, safe='')}"
    if wanted.ship_to is not None:
        address = f"/addresses/{quote(placed.address_id, safe='')}"
        client.write("PUT", address, {"address": messages.address_fields(wanted.ship_to)})
    if wanted.notes is not None:
        client.write("PUT", path, {"order": {"notes": wanted.notes}})
    _round(client, path, wanted.roundings, f"{key}-rounding")
    for line in wanted.lines:
        if line.remote_id:
            _change_line(client, line)
    if new:
        client.write("PUT", path, {"order": {"order_line_items": new}}, key=key)


def _new_line(placed: PlacedOrder, line: LineChange) -> messages.Row:
    """TradeGecko would take a missing price for the item's own (3.11)."""
    if line.unit_price is None:
        raise Refused(
            f"order {placed.number}: {line.quantity} of item {line.item_id} are to be added without a price; nothing "
            "was changed. Have the marketplace tell the line's cost"
        )
    return messages.new_line(line.item_id, line.quantity, line.unit_price)


def _change_line(client: Client, line: LineChange) -> None:
    path = _line_path(line.remote_id)
    if line.quantity:
        price = {} if line.unit_price is None else {"price": messages.price(line.unit_price)}
        client.write("PUT", path, {"order_line_item": {"quantity": str(line.quantity), **price}})
    else:
        client.write("DELETE", path)


def _round(client: Client, path: str, roundings: Iterable[Rounding], key: str) -> None:
    new = []
    for one in roundings:
        if not one.remote_id:
            new.append(messages.rounding(one.label, one.amount))
        elif one.amount:
            client.write("PUT", _line_path(one.remote_id), {"order_line_item": {"price": messages.price(one.amount)}})
        else:
            client.write("DELETE", _line_path(one.remote_id))
    if new:
        client.write("PUT", path, {"order": {"order_line_items": new}}, key=key)


def _line_path(remote_id: str) -> str:
    return f"/order_line_items/{quote(remote_id, safe='')}"


def _unpack(client: Client, parcels: Iterable[str]) -> None:
    for parcel in parcels:
        client.write("DELETE", f"/fulfillments/{quote(parcel, safe='')}")


def _parcels(client: Client, remote_id: str) -> list[Parcel]:
    params = [("order_id", remote_id), ("include", PARCEL_LINES), ("status[]", "packed"), ("status[]", "fulfilled")]
    found: list[Parcel] = []
    for page in client.pages("/fulfillments", params):
        batch = fulfillments.Batch(page.rows, page.body.get(PARCEL_LINES))
        batch.add(client.rows_about(f"/{PARCEL_LINES}", "fulfillment_id", batch.without_lines()))
        for one in batch.parcels():
            if isinstance(one, UnreadableParcel):
                raise Unreadable(f"parcel {one.remote_id or 'without an id'} of order {remote_id}: {one.reason}")
            found += [one] if one.order_id == remote_id else []
    return found


def _address_row(client: Client, body: Mapping[str, Any], row: messages.Row) -> messages.Row:
    wanted = messages.reference(row, "shipping_address_id", "an order")
    beside = body.get("addresses")
    for address in beside if isinstance(beside, list) else []:
        if isinstance(address, Mapping) and str(address.get("id")) == wanted:
            return address
    if not wanted:
        return {}
    return messages.record(client.get(f"/addresses/{quote(wanted, safe='')}").get("address"), "an address")


def _placed(row: messages.Row, lines: list[messages.Row], address: messages.Row, parcels: list[Parcel]) -> PlacedOrder:
    status = messages.text(row, "status")
    left = [one for one in parcels if one.state == ParcelState.SHIPPED]
    packed = [one for one in parcels if one.state == ParcelState.PACKED]
    return PlacedOrder(
        remote_id=messages.identity(row, "an order"), number=messages.text(row, "order_number"), status=status,
        lines=tuple(_line(line, left, packed) for line in lines if line.get("variant_id")), ship_to=_ship_to(address),
        address_id=messages.reference(address, "id", "an address"), address_label=messages.text(address, "label"),
        notes=messages.text(row, "notes"),
        packed={one.remote_id: tuple(part.line_id for part in one.contents) for one in packed},
        is_ended=status in ENDED, has_shipped=bool(left) or status == "fulfilled",
        roundings=tuple(_rounding(line) for line in lines if _is_rounding(line)), contents=messages.contents(row),
    )  # fmt: skip


def _line(row: messages.Row, left: list[Parcel], packed: list[Parcel]) -> PlacedLine:
    remote_id = messages.identity(row, "a line of an order")
    quantity = messages.decimal(row.get("quantity"), "quantity")
    if quantity is None:
        raise Unreadable(f"TradeGecko sent line {remote_id} without a quantity")
    item = messages.reference(row, "variant_id", "a line of an order")
    price = messages.decimal(row.get("price"), "price")
    return PlacedLine(remote_id, item, quantity, _units(left, remote_id), _units(packed, remote_id), price)


def _is_rounding(row: messages.Row) -> bool:
    return not row.get("variant_id") and row.get("line_type") == messages.ROUNDING


def _rounding(row: messages.Row) -> Rounding:
    amount = messages.decimal(row.get("price"), "price") or Decimal(0)
    return Rounding(messages.text(row, "label"), amount, messages.identity(row, "a line of an order"))


def _units(parcels: list[Parcel], line_id: str) -> Decimal:
    parts = (part for parcel in parcels for part in parcel.contents if part.line_id == line_id)
    return sum((part.quantity for part in parts), Decimal(0))


def _ship_to(row: messages.Row) -> Address:
    name = f"{messages.text(row, 'first_name')} {messages.text(row, 'last_name')}".strip()
    country = messages.text(row, "country_code") or messages.text(row, "country")
    told = {name: messages.text(row, name) for name in ("address1", "address2", "city", "state")}
    return Address(
        name=name, postal_code=messages.text(row, "zip_code"), country_code=country,
        phone=messages.text(row, "phone_number"), **told,
    )  # fmt: skip


def _is_of(row: object, order_id: str) -> bool:
    return isinstance(row, Mapping) and str(row.get("order_id", order_id)) == order_id
