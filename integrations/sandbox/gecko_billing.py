"""Rules for invoices, payments and returns of sales orders (tradegecko 3.14, 3.15)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from integrations.sandbox import gecko_lines, gecko_parcels, gecko_stock
from integrations.sandbox.gecko_checks import accepted, nested, positive
from integrations.sandbox.gecko_stock import SHIPPED, in_parcels, units_in
from integrations.sandbox.gecko_tables import ENDED, GeckoTables
from integrations.sandbox.gecko_values import BLANK, Invalid, Row, bad_request, not_found, now

LIVING = {"invoice": ("active",), "fulfillment_return": ("returning", "received")}


# --- invoices ---------------------------------------------------------------------------------------------------


def create_invoice(state: GeckoTables, given: Row) -> Row:
    values = accepted(state, "invoices", given, creating=True)
    order = state.tables["orders"][values["order_id"]]
    gecko_parcels.check_ready(state, order, "invoiced")
    lines = nested(given, "invoice_line_items")
    if not lines:
        raise bad_request("Required parameter missing: invoice")
    standard = {
        "invoice_number": f"INV{len(state.tables['invoices']) + 1:04}",
        "invoiced_at": datetime.now(UTC).date().isoformat(),
        "shipping_address_id": order["shipping_address_id"],
        "billing_address_id": order["billing_address_id"],
    }
    invoice = state.add("invoices", **{**standard, **values})
    for line in lines:
        _enter(state, "invoice", invoice, line)
    state.change(order)
    return invoice


def invoice_rest(state: GeckoTables, order: Row, given: Row) -> Row:
    """One invoice of everything that is in none. Raises Invalid if there is nothing."""
    lines = [
        {"order_line_item_id": line["id"], "quantity": str(left)}
        for line in state.children("order_line_items", "order_id", order["id"])
        if (left := Decimal(line["quantity"]) - units_in(state, "invoice", line["id"], LIVING["invoice"])) > 0
    ]
    if not lines:
        raise Invalid(base="Nothing is left to invoice")
    return create_invoice(state, {**given, "order_id": order["id"], "invoice_line_items": lines})


def total(state: GeckoTables, invoice: Row) -> Decimal:
    """Each line's part of the order's total, by the units that this invoice has of it."""
    order = state.tables["orders"][invoice["order_id"]]
    found = Decimal(0)
    for row in state.children("invoice_line_items", "invoice_id", invoice["id"]):
        line = state.tables["order_line_items"].get(row["order_line_item_id"])
        if line is not None:
            found += gecko_lines.amount(state, order, {**line, "quantity": row["quantity"]})
    return found


def payments(state: GeckoTables, invoice: Row) -> list[Row]:
    return [row for row in state.children("payments", "invoice_id", invoice["id"]) if row["status"] == "active"]


def paid(state: GeckoTables, invoice: Row) -> Decimal:
    return sum((Decimal(row["amount"]) for row in payments(state, invoice)), Decimal(0))


def invoices(state: GeckoTables, order: Row) -> list[Row]:
    return [row for row in state.children("invoices", "order_id", order["id"]) if row["status"] not in ENDED]


def delete_invoice(state: GeckoTables, invoice: Row) -> None:
    if paid(state, invoice):
        raise Invalid(base="Invoice has payments")
    state.change(invoice, status="deleted")
    state.announce("invoice.destroy", invoice)


# --- payments ---------------------------------------------------------------------------------------------------


def create_payment(state: GeckoTables, given: Row) -> Row:
    values = accepted(state, "payments", given, creating=True)
    positive(values, "amount")
    return state.add("payments", **{"paid_at": now(), **values})


def pay_rest(state: GeckoTables, order: Row, given: Row) -> None:
    """Open invoices are paid, the rest is invoiced and paid. Raises Invalid if nothing is open."""
    lines = state.children("order_line_items", "order_id", order["id"])
    bare = [one for one in lines if units_in(state, "invoice", one["id"], LIVING["invoice"]) < Decimal(one["quantity"])]
    if bare:
        invoice_rest(state, order, {})
    open_ = {row["id"]: total(state, row) - paid(state, row) for row in invoices(state, order)}
    due = {invoice: amount for invoice, amount in open_.items() if amount > 0}
    if not due and not bare:
        raise Invalid(base="Nothing is left to pay")
    method = _method(state, given.get("payment_method_name"))
    for invoice, amount in due.items():
        body = {"invoice_id": invoice, "amount": str(amount), "paid_at": given.get("paid_at")}
        create_payment(state, {**body, "payment_method_id": method})


def _method(state: GeckoTables, name: object) -> int | None:
    rows = state.tables["payment_methods"].values()
    return next((row["id"] for row in rows if name and row["name"] == name), None)


# --- returns ----------------------------------------------------------------------------------------------------


def create_return(state: GeckoTables, given: Row) -> Row:
    """Goods that left come back; once received they are in stock again."""
    values = accepted(state, "fulfillment_returns", given, creating=True)
    order = state.tables["orders"][values["order_id"]]
    lines = nested(given, "fulfillment_return_line_items")
    if not lines:
        raise Invalid(base="Cannot create or update a Fulfillment Return without line items")
    status = values.pop("status", "returning")
    back = state.add("fulfillment_returns", **{"location_id": order["stock_location_id"], **values})
    for line in lines:
        _enter(state, "fulfillment_return", back, line)
    _return_to(state, back, status)
    return back


def update_return(state: GeckoTables, back: Row, given: Row) -> None:
    values = accepted(state, "fulfillment_returns", given, creating=False)
    status = values.pop("status", back["status"])
    for line in nested(given, "fulfillment_return_line_items"):
        _enter(state, "fulfillment_return", _open(back), line)
    if back["status"] != "returning":
        values.pop("location_id", None)
    state.change(back, **values)
    _return_to(state, back, status)


def delete_return(state: GeckoTables, back: Row) -> None:
    if back["status"] not in ENDED:
        _return_to(state, back, "deleted")


def _return_to(state: GeckoTables, back: Row, status: str) -> None:
    was = back["status"]
    if status == was:
        return
    if was in ENDED or status == "returning":
        raise Invalid(status=f"cannot change from {was}")
    if status == "received":
        state.change(back, received_at=back["received_at"] or now())
        state.announce("fulfillment_return.received", back)
    sign = {"received": 1}.get(status, 0) - {"received": 1}.get(was, 0)
    state.change(back, status=status)
    for row in state.children("fulfillment_return_line_items", "fulfillment_return_id", back["id"]):
        variant = state.tables["order_line_items"][row["order_line_item_id"]]["variant_id"]
        if variant and sign:
            gecko_stock.move(state, variant, back["location_id"], sign * Decimal(row["quantity"]))


# --- lines of both ----------------------------------------------------------------------------------------------


def create_line(state: GeckoTables, document: str, given: Row) -> Row:
    parent = state.find(f"{document}s", given.get(f"{document}_id"))
    if parent is None:
        raise Invalid(**{f"{document}_id": BLANK})
    return _enter(state, document, _open(parent), given)


def update_line(state: GeckoTables, document: str, line: Row, given: Row) -> None:
    values = accepted(state, f"{document}_line_items", given, creating=False)
    if values.get("quantity", line["quantity"]) != line["quantity"]:
        _open(state.tables[f"{document}s"][line[f"{document}_id"]])
        state.change(line, quantity="0.0")
        _check_units(state, document, line["order_line_item_id"], values)
    state.change(line, **values)


def delete_line(state: GeckoTables, document: str, line: Row) -> None:
    parent = _open(state.tables[f"{document}s"][line[f"{document}_id"]])
    if len(state.children(f"{document}_line_items", f"{document}_id", parent["id"])) == 1:
        raise Invalid(base="The last line item cannot be deleted")
    state.remove(f"{document}_line_items", line)


def _enter(state: GeckoTables, document: str, parent: Row, given: Row) -> Row:
    table, column = f"{document}_line_items", f"{document}_id"
    row = state.find("order_line_items", given.get("order_line_item_id"))
    if given.get("order_line_item_id") and (row is None or row["order_id"] != parent["order_id"]):
        raise not_found(f"OrderLineItem with id {given['order_line_item_id']}")
    values = accepted(state, table, {**given, column: parent["id"]}, creating=True)
    _check_units(state, document, values["order_line_item_id"], values)
    if values.get("position") is None:
        values["position"] = len(state.children(table, column, parent["id"])) + 1
    return state.add(table, **values)


def _check_units(state: GeckoTables, document: str, line_id: int, values: Row) -> None:
    """No more is invoiced than was ordered, no more comes back than left."""
    positive(values, "quantity")
    ordered = Decimal(state.tables["order_line_items"][line_id]["quantity"])
    most = ordered if document == "invoice" else in_parcels(state, line_id, SHIPPED)
    if Decimal(values["quantity"]) + units_in(state, document, line_id, LIVING[document]) > most:
        raise Invalid(quantity=f"is more than what is left of line item {line_id}")


def _open(parent: Row) -> Row:
    if parent["status"] not in ("active", "returning"):
        raise Invalid(base=f"It is {parent['status']}")
    return parent
