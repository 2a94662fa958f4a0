"""Rules for products, variants, and the documents that move stock without a sale (tradegecko 3.6, 3.7, 3.9, 3.16)."""

from __future__ import annotations

from decimal import Decimal

from integrations.sandbox import gecko_parties, gecko_stock
from integrations.sandbox.gecko_checks import accepted, nested
from integrations.sandbox.gecko_tables import GeckoTables
from integrations.sandbox.gecko_values import BLANK, Invalid, Row

# Documents of plain storage with their lines; the sandbox does not act on them.
STORED = {"stock_transfers": "stock_transfer_line_items", "purchase_orders": "purchase_order_line_items"}


def create_variant(state: GeckoTables, given: Row) -> Row:
    """With stock from the start if the client says how much (`initial_stock_level`)."""
    variant = gecko_parties.create(state, "variants", given)
    cost = variant["initial_cost_price"]
    state.change(variant, last_cost_price=cost, moving_average_cost=cost)
    if variant["initial_stock_level"] is not None:
        place = variant["initial_stock_location_id"] or state.account["primary_location_id"]
        gecko_stock.put(state, variant["id"], place, Decimal(variant["initial_stock_level"]))
    return variant


def variant_prices(variant: Row) -> list[Row]:
    """The three lists that every account has come from the `*_price` attributes and from nowhere else (3.7)."""
    lists = {"retail": "retail_price", "wholesale": "wholesale_price", "buy": "buy_price"}
    standard = [{"price_list_id": name, "value": variant[column]} for name, column in lists.items() if variant[column]]
    return standard + [one for one in variant["variant_prices"] if one["price_list_id"] not in lists]


# --- stock adjustments: the only way to set stock by API --------------------------------------------------------


def create_adjustment(state: GeckoTables, given: Row) -> Row:
    values = accepted(state, "stock_adjustments", given, creating=True)
    lines = nested(given, "stock_adjustment_line_items")
    if not lines:
        raise Invalid(base="Cannot create a Stock Adjustment without line items")
    number = f"SA{len(state.tables['stock_adjustments']) + 1:04}"
    adjustment = state.add("stock_adjustments", **{"adjustment_number": number, **values})
    for line in lines:
        create_adjustment_line(state, {**line, "stock_adjustment_id": adjustment["id"]})
    return adjustment


def create_adjustment_line(state: GeckoTables, given: Row) -> Row:
    """Goods that come in need a price (3.16)."""
    values = accepted(state, "stock_adjustment_line_items", given, creating=True)
    if Decimal(values["quantity"]) > 0 and values.get("price") is None:
        raise Invalid(price=BLANK)
    column = "stock_adjustment_id"
    if values.get("position") is None:
        values["position"] = len(state.children("stock_adjustment_line_items", column, values[column])) + 1
    line = state.add("stock_adjustment_line_items", **values)
    _adjust(state, line, 1)
    return line


def delete_adjustment(state: GeckoTables, adjustment: Row) -> None:
    for line in state.children("stock_adjustment_line_items", "stock_adjustment_id", adjustment["id"]):
        delete_adjustment_line(state, line)
    state.remove("stock_adjustments", adjustment)


def delete_adjustment_line(state: GeckoTables, line: Row) -> None:
    _adjust(state, line, -1)
    state.remove("stock_adjustment_line_items", line)


def _adjust(state: GeckoTables, line: Row, sign: int) -> None:
    place = state.tables["stock_adjustments"][line["stock_adjustment_id"]]["stock_location_id"]
    gecko_stock.move(state, line["variant_id"], place, sign * Decimal(line["quantity"]))


# --- transfers and purchase orders ------------------------------------------------------------------------------


def create_stored(state: GeckoTables, table: str, given: Row) -> Row:
    document = gecko_parties.create(state, table, given)
    if "order_number" in document and document["order_number"] is None:
        state.change(document, order_number=f"PO{len(state.tables[table]):04}")
    _append(state, table, document, given)
    return document


def update_stored(state: GeckoTables, table: str, document: Row, given: Row) -> None:
    gecko_parties.update(state, table, document, given)
    _append(state, table, document, given)


def _append(state: GeckoTables, table: str, document: Row, given: Row) -> None:
    for line in nested(given, STORED[table]):
        gecko_parties.create(state, STORED[table], {**line, f"{table.removesuffix('s')}_id": document["id"]})
