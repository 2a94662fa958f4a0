"""Rows of the sandbox's TradeGecko as they look on the wire, quirks included (tradegecko 2.2, 3)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from integrations.sandbox import gecko_billing, gecko_goods, gecko_stock
from integrations.sandbox.gecko_order_rows import order
from integrations.sandbox.gecko_resources import RESOURCES, SINGULAR, Attribute
from integrations.sandbox.gecko_stock import Level
from integrations.sandbox.gecko_tables import HIDDEN, GeckoTables
from integrations.sandbox.gecko_values import Row, figure, plain


def shown(state: GeckoTables, table: str, row: Row) -> Row:
    """One row of a table as an answer holds it: every attribute of the contract, whatever is in the row."""
    worked_out = DERIVED[table](state, row) if table in DERIVED else {}
    values = {"id": row["id"], "created_at": row["created_at"], "updated_at": row["updated_at"]}
    for name, attribute in RESOURCES[table].attributes.items():
        if attribute.kind == "alias":
            values[name] = worked_out.get(attribute.target, row.get(attribute.target))
        elif attribute.kind == "ids":
            values[name] = ids(state, table, row, attribute)
        else:
            values[name] = worked_out[name] if name in worked_out else row[name]
    return values


def value(state: GeckoTables, table: str, row: Row, attribute: Attribute) -> Any:
    """One attribute of `shown`, without the work for the others where it is stored."""
    return shown(state, table, row)[attribute.name] if attribute.derived else row[attribute.name]


def ids(state: GeckoTables, table: str, row: Row, attribute: Attribute) -> list[int]:
    """Ids of the living rows that belong to this one."""
    column = f"{SINGULAR.get(table, table.removesuffix('s'))}_id"
    return [one["id"] for one in state.children(attribute.target, column, row["id"]) if one.get("status") not in HIDDEN]


# --- stock ------------------------------------------------------------------------------------------------------


def stock_level(state: GeckoTables, variant: Row) -> Row:
    """A row of /stock_levels: no id, no SKU, no available per location (3.8)."""
    levels = gecko_stock.levels(state, variant["id"])
    places = [
        {
            "location_id": place,
            "stock_on_hand": figure(level.on_hand),
            "committed": figure(level.committed) if level.committed else 0,
            "incoming": 0,
        }
        for place, level in levels.items()
    ]
    return {"variant_id": variant["id"], **_figures(levels), "locations": places}


def stock_time(variant: Row) -> str:
    """When the stock of a variant changed last; its own time does not tell (9)."""
    return str(variant.get("stock_updated_at") or variant["created_at"])


def component(state: GeckoTables, row: Row) -> Row:
    """A row of /variants/composition (3.9)."""
    variants = state.tables["variants"]
    return {
        "bundle_id": row["bundle_id"],
        "bundle_sku": variants[row["bundle_id"]]["sku"],
        "component_id": row["component_id"],
        "component_sku": variants[row["component_id"]]["sku"],
        "quantity": row["quantity"],
    }


def _figures(levels: dict[int, Level]) -> Row:
    on_hand = sum((level.on_hand for level in levels.values()), Decimal(0))
    committed = sum((level.committed for level in levels.values()), Decimal(0))
    return {
        "stock_on_hand": figure(on_hand),
        "committed_stock": figure(committed),
        "available_stock": figure(on_hand - committed),
        "incoming_stock": "0",
    }


def _place(variant: Row, place: int, level: Level) -> Row:
    """A location within a variant: what was never touched is null there, else text or the integer 0."""
    return {
        "location_id": place,
        "stock_on_hand": figure(level.on_hand),
        "committed": figure(level.committed) if level.committed else None,
        "incoming": 0 if level.committed else None,
        "available": figure(level.available),
        "production_committed": 0,
        "production_incoming": 0,
        "bin_location": None,
        "reorder_point": variant["reorder_point"],
        "lead_time": None,
        "safety_stock": None,
        "stock_cover": None,
    }


# --- worked out per table ---------------------------------------------------------------------------------------


def _variant(state: GeckoTables, row: Row) -> Row:
    levels = gecko_stock.levels(state, row["id"])
    product, figures = state.tables["products"][row["product_id"]], _figures(levels)
    prices = gecko_goods.variant_prices(row)
    return {
        **figures,
        "product_name": product["name"],
        "product_status": product["status"],
        "product_type": product["product_type"],
        "total_committed_stock": figures["committed_stock"],
        "total_incoming_stock": figures["incoming_stock"],
        "locations": [_place(row, place, level) for place, level in levels.items()],
        "variant_prices": prices,
        "prices": {one["price_list_id"]: one["value"] for one in prices},
        "stock_levels": {str(place): figure(level.on_hand) for place, level in levels.items()},
        "committed_stock_levels": {str(place): figure(level.committed) for place, level in levels.items()},
    }


def _product(state: GeckoTables, row: Row) -> Row:
    variants = state.children("variants", "product_id", row["id"])
    units = sum((one.on_hand for v in variants for one in gecko_stock.levels(state, v["id"]).values()), Decimal(0))
    images = [one["id"] for v in variants for one in state.children("images", "variant_id", v["id"])]
    return {"quantity": figure(units), "image_ids": images}


def _fulfillment(state: GeckoTables, row: Row) -> Row:
    owner = state.tables["orders"][row["order_id"]]
    return {"order_number": owner["order_number"], "company_id": owner["company_id"]}


def _fulfillment_line(state: GeckoTables, row: Row) -> Row:
    """What it says of the order's line is null once that line is gone."""
    line = state.tables["order_line_items"].get(row["order_line_item_id"], {})
    variant = state.tables["variants"].get(line.get("variant_id"), {})
    return {"base_price": line.get("price"), "variant_id": line.get("variant_id"), "variant_sku": variant.get("sku")}


def _return(state: GeckoTables, row: Row) -> Row:
    return {"company_id": state.tables["orders"][row["order_id"]]["company_id"]}


def _invoice(state: GeckoTables, row: Row) -> Row:
    owner = state.tables["orders"][row["order_id"]]
    total, paid = gecko_billing.total(state, row), gecko_billing.paid(state, row)
    return {
        "total": plain(total),
        "payment_status": "paid" if paid >= total else ("partial" if paid else "unpaid"),
        "order_number": owner["order_number"],
        "company_id": owner["company_id"],
        "currency_id": owner["currency_id"],
        "document_url": f"https://documents.example/invoices/{row['id']}",
    }


def _account(state: GeckoTables, _row: Row) -> Row:
    tables = state.tables
    return {f"{table}_ids": list(tables[f"{table}s"]) for table in ("location", "user")}


def _adjustment(state: GeckoTables, row: Row) -> Row:
    return _sums(state.children("stock_adjustment_line_items", "stock_adjustment_id", row["id"]), "cached_total")


def _purchase_order(state: GeckoTables, row: Row) -> Row:
    return _sums(state.children("purchase_order_line_items", "purchase_order_id", row["id"]), "total")


def _sums(lines: list[Row], total: str) -> Row:
    units = sum((Decimal(line["quantity"]) for line in lines), Decimal(0))
    worth = sum((Decimal(line["quantity"]) * Decimal(line["price"] or 0) for line in lines), Decimal(0))
    return {"cached_quantity": plain(units), total: plain(worth)}


DERIVED: dict[str, Callable[[GeckoTables, Row], Row]] = {
    "accounts": _account,
    "fulfillment_line_items": _fulfillment_line,
    "fulfillment_return_line_items": _fulfillment_line,
    "fulfillment_returns": _return,
    "fulfillments": _fulfillment,
    "invoices": _invoice,
    "order_line_items": lambda _state, row: {"shippable": row["variant_id"] is not None},
    "orders": order,
    "products": _product,
    "purchase_orders": _purchase_order,
    "stock_adjustments": _adjustment,
    "variants": _variant,
}
