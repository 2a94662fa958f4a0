"""What is worked out about an order: its total, and how far it has come (tradegecko 3.10, 4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from integrations.sandbox import gecko_billing, gecko_lines, gecko_orders, gecko_parcels, gecko_stock
from integrations.sandbox.gecko_tables import ENDED, GeckoTables
from integrations.sandbox.gecko_values import Row, plain

# document, its statuses that count → the three words for nothing, some, all
PROGRESS = {
    "packed_status": ("fulfillment", gecko_stock.PACKED, ("unpacked", "partial", "packed")),
    "fulfillment_status": ("fulfillment", gecko_stock.SHIPPED, ("unshipped", "partial", "shipped")),
    "invoice_status": ("invoice", ("active",), ("uninvoiced", "partial", "invoiced")),
    "return_status": ("fulfillment_return", ("received",), ("unreturned", "partial", "returned")),
    "returning_status": ("fulfillment_return", ("returning",), ("unreturning", "partial", "returning")),
}


def order(state: GeckoTables, row: Row) -> Row:
    """The derived attributes of an order."""
    lines = gecko_orders.lines(state, row)
    total = sum((gecko_lines.amount(state, row, line) for line in lines), Decimal(0))
    invoices = gecko_billing.invoices(state, row)
    line_ids = [line["id"] for line in lines]
    return {
        **{name: _progress(state, lines, *how) for name, how in PROGRESS.items()},
        **_shippability(state, row),
        "total": plain(total) if lines else 0,
        "payment_status": _payment_status(state, invoices, total),
        "tax_label": state.account["tax_label"],
        "document_url": f"https://documents.example/orders/{row['id']}",
        "tracking_number": _tracking_number(state, row),
        "payment_ids": [one["id"] for bill in invoices for one in gecko_billing.payments(state, bill)],
        "invoices": [{"id": bill["id"], "invoice_number": bill["invoice_number"]} for bill in invoices],
        "invoice_numbers": {str(bill["id"]): bill["invoice_number"] for bill in invoices},
        "order_line_item_ids": line_ids[1:] + line_ids[:1] if state.mix_line_ids else line_ids,
    }


def _progress(
    state: GeckoTables, lines: list[Row], document: str, statuses: Iterable[str], words: tuple[str, str, str]
) -> str:
    """Lines of text are invoiced, but need no packing."""
    counted = [line for line in lines if document == "invoice" or line["variant_id"]]
    done = [gecko_stock.units_in(state, document, line["id"], statuses) for line in counted]
    nothing, some, everything = words
    if not any(done):
        return nothing
    whole = all(units >= Decimal(line["quantity"]) for units, line in zip(done, counted, strict=True))
    return everything if whole else some


def _shippability(state: GeckoTables, row: Row) -> Row:
    """By the goods on hand at the order's location, for what has not left yet."""
    lines = {line["id"]: line for line in state.children("order_line_items", "order_id", row["id"])}
    left = gecko_parcels.left(state, row, gecko_stock.SHIPPED)
    place = row["stock_location_id"]
    enough = [gecko_stock.is_enough(state, lines[line], place, units) for line, units in left.items()]
    if all(enough):
        return {
            "shippability_status": "shippable" if enough else "not_shippable", "backordering_status": "not_backordered",
        }  # fmt: skip
    if any(enough):
        return {"shippability_status": "partially_shippable", "backordering_status": "partially_backordered"}
    return {"shippability_status": "not_shippable", "backordering_status": "backordered"}


def _payment_status(state: GeckoTables, invoices: list[Row], total: Decimal) -> str:
    paid = sum((gecko_billing.paid(state, invoice) for invoice in invoices), Decimal(0))
    if not paid:
        return "unpaid"
    return "paid" if paid >= total else "partial"


def _tracking_number(state: GeckoTables, row: Row) -> str | None:
    """Of the latest parcel that has one; what several give together is not known."""
    parcels = state.children("fulfillments", "order_id", row["id"])
    numbers = [one["tracking_number"] for one in parcels if one["status"] not in ENDED and one["tracking_number"]]
    return numbers[-1] if numbers else None
