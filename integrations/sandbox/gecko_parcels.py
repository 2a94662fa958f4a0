"""Rules for fulfillments and their lines: packed, shipped, ended (tradegecko 3.12, 3.13, 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from integrations.sandbox import gecko_stock
from integrations.sandbox.gecko_checks import accepted, nested, positive
from integrations.sandbox.gecko_stock import PACKED, SHIPPED, in_parcels
from integrations.sandbox.gecko_tables import ENDED, GeckoTables
from integrations.sandbox.gecko_values import BLANK, Invalid, Row, not_found, now

NO_LINES = "Cannot create or update a Fulfillment without line items"


def create(state: GeckoTables, given: Row) -> Row:
    """A parcel with these lines, packed or at once shipped."""
    values = accepted(state, "fulfillments", given, creating=True)
    order = state.tables["orders"][values["order_id"]]
    status = values.pop("status", "packed")
    if status in ENDED:
        raise Invalid(status="is not included in the list")
    check_ready(state, order, "packed")
    lines = nested(given, "fulfillment_line_items")
    if not lines:
        raise Invalid(base=NO_LINES)
    parcel = state.add("fulfillments", **{**_standard(order), **values})
    for line in lines:
        _pack(state, parcel, line)
    state.change(order)
    if status == "fulfilled":
        ship(state, parcel)
    return parcel


def update(state: GeckoTables, parcel: Row, given: Row) -> None:
    """The status goes forward only: packed, then fulfilled or ended."""
    values = accepted(state, "fulfillments", given, creating=False)
    status, was = values.pop("status", parcel["status"]), parcel["status"]
    if status != was and (was in ENDED or status == "packed"):
        raise Invalid(status=f"cannot change from {was}")
    if was != "packed":
        values.pop("stock_location_id", None)
    for line in nested(given, "fulfillment_line_items"):
        _pack(state, _still_packed(parcel), line)
    state.change(parcel, **values)
    if status == "fulfilled" != was:
        ship(state, parcel)
    if status in ENDED and was not in ENDED:
        end(state, parcel, status)


def delete(state: GeckoTables, parcel: Row) -> None:
    """A packed one becomes deleted, a shipped one void; what has ended stays as it is."""
    if parcel["status"] not in ENDED:
        end(state, parcel, "deleted" if parcel["status"] == "packed" else "void")


def ship(state: GeckoTables, parcel: Row) -> None:
    """The parcel leaves: on hand falls, and a wholly shipped order is fulfilled."""
    order = state.tables["orders"][parcel["order_id"]]
    check_ready(state, order, "shipped")
    at = parcel["shipped_at"] or (None if state.omit_shipped_at else now())
    state.change(parcel, status="fulfilled", shipped_at=at)
    state.announce("fulfillment.fulfilled", parcel)
    _move_goods(state, parcel, Decimal(-1))
    state.change(order)
    settle(state, order)


def settle(state: GeckoTables, order: Row) -> None:
    """An order of which something left and nothing more is to leave is fulfilled."""
    lines = state.children("order_line_items", "order_id", order["id"])
    begun = any(in_parcels(state, line["id"], SHIPPED) for line in lines)
    if begun and order["status"] not in (*ENDED, "fulfilled") and not left(state, order, SHIPPED):
        state.change(order, status="fulfilled")
        state.announce("order.fulfilled", order)


def end(state: GeckoTables, parcel: Row, status: str) -> None:
    """Void or deleted: what had left comes back into stock, and the order is no longer fulfilled."""
    order = state.tables["orders"][parcel["order_id"]]
    if parcel["status"] == "fulfilled":
        if any(row["status"] not in ENDED for row in state.children("fulfillment_returns", "order_id", order["id"])):
            raise Invalid(base="A fulfillment with returns cannot be deleted")
        _move_goods(state, parcel, Decimal(1))
    state.change(parcel, status=status)
    state.change(order, status="finalized" if order["status"] == "fulfilled" else order["status"])


def left(state: GeckoTables, order: Row, statuses: tuple[str, ...] = PACKED) -> dict[int, Decimal]:
    """Units of each line that are in no parcel of these statuses; lines of text need none."""
    lines = [row for row in state.children("order_line_items", "order_id", order["id"]) if row["variant_id"]]
    units = {row["id"]: Decimal(row["quantity"]) - in_parcels(state, row["id"], statuses) for row in lines}
    return {line: open_ for line, open_ in units.items() if open_ > 0}


def fill(state: GeckoTables, order: Row, given: Mapping[str, object]) -> None:
    """One parcel of everything that is in none. Raises Invalid if there is nothing."""
    units = left(state, order)
    if not units:
        raise Invalid(base="Nothing is left to pack")
    lines = [{"order_line_item_id": line, "quantity": str(open_)} for line, open_ in units.items()]
    create(state, {**given, "order_id": order["id"], "fulfillment_line_items": lines})


def check_ready(state: GeckoTables, order: Row, what: str) -> None:
    """Only finalized orders can be packed, shipped, invoiced (4.1)."""
    status = order["status"]
    if status in ENDED or (state.finalize_before_packing and status not in ("finalized", "fulfilled")):
        raise Invalid(base=f"Only finalized orders can be {what}; this one is {status}")


# --- lines ------------------------------------------------------------------------------------------------------


def create_line(state: GeckoTables, given: Row) -> Row:
    parcel = state.find("fulfillments", given.get("fulfillment_id"))
    if parcel is None:
        raise Invalid(fulfillment_id=BLANK)
    return _pack(state, _still_packed(parcel), given)


def update_line(state: GeckoTables, line: Row, given: Row) -> None:
    values = accepted(state, "fulfillment_line_items", given, creating=False)
    if values.get("quantity", line["quantity"]) != line["quantity"]:
        parcel = _still_packed(state.tables["fulfillments"][line["fulfillment_id"]])
        state.change(line, quantity="0.0")
        _check_units(state, parcel, line["order_line_item_id"], values)
    state.change(line, **values)


def delete_line(state: GeckoTables, line: Row) -> None:
    parcel = _still_packed(state.tables["fulfillments"][line["fulfillment_id"]])
    if len(state.children("fulfillment_line_items", "fulfillment_id", parcel["id"])) == 1:
        raise Invalid(base=NO_LINES)
    state.remove("fulfillment_line_items", line)
    state.change(parcel)


def _pack(state: GeckoTables, parcel: Row, given: Row) -> Row:
    row = state.find("order_line_items", given.get("order_line_item_id"))
    if given.get("order_line_item_id") and (row is None or row["order_id"] != parcel["order_id"]):
        raise not_found(f"OrderLineItem with id {given['order_line_item_id']}")
    given = {**given, "fulfillment_id": parcel["id"]}
    values = accepted(state, "fulfillment_line_items", given, creating=True)
    _check_units(state, parcel, values["order_line_item_id"], values)
    if values.get("position") is None:
        values["position"] = len(state.children("fulfillment_line_items", "fulfillment_id", parcel["id"])) + 1
    return state.add("fulfillment_line_items", **values)


def _check_units(state: GeckoTables, parcel: Row, line_id: int, values: Row) -> None:
    """No more than was ordered."""
    positive(values, "quantity")
    line = state.tables["order_line_items"][line_id]
    if Decimal(values["quantity"]) + in_parcels(state, line_id) > Decimal(line["quantity"]):
        raise Invalid(quantity=f"is more than what is left of line item {line_id} in order {parcel['order_id']}")


def _still_packed(parcel: Row) -> Row:
    if parcel["status"] != "packed":
        raise Invalid(base=f"Fulfillment is {parcel['status']}")
    return parcel


def _standard(order: Row) -> Row:
    same = ("shipping_address_id", "billing_address_id", "stock_location_id")
    return {**{name: order[name] for name in same}, "packed_at": datetime.now(UTC).date().isoformat()}


def _move_goods(state: GeckoTables, parcel: Row, sign: Decimal) -> None:
    for row in state.children("fulfillment_line_items", "fulfillment_id", parcel["id"]):
        variant = state.tables["order_line_items"][row["order_line_item_id"]]["variant_id"]
        if variant:
            gecko_stock.move(state, variant, parcel["stock_location_id"], sign * Decimal(row["quantity"]))
