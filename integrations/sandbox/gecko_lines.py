"""Rules for the lines of sales orders (tradegecko 3.11)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox import gecko_parcels, gecko_stock
from integrations.sandbox.gecko_checks import accepted, positive
from integrations.sandbox.gecko_tables import ENDED, GeckoTables
from integrations.sandbox.gecko_values import BLANK, Invalid, Row

CLOSED = (*ENDED, "fulfilled")
CENT, HUNDRED = Decimal("0.01"), Decimal(100)
DEFAULT_LISTS = {"retail": "retail_price", "wholesale": "wholesale_price", "buy": "buy_price"}


def create(state: GeckoTables, given: Row) -> Row:
    order = state.find("orders", given.get("order_id"))
    if order is None:
        raise Invalid(order_id=BLANK)
    return append(state, order, given)


def append(state: GeckoTables, order: Row, given: Row, *, with_order: bool = False) -> Row:
    """One more line, or one that the order is created with; without a price it has that of the order's price list."""
    values = accepted(state, "order_line_items", {**given, "order_id": order["id"]}, creating=True)
    if not with_order:
        _check_open(state, order)
    _check_figures(values)
    variant = _variant(state, values)
    if values.get("price") is None:
        values["price"] = price_of(variant, order["default_price_list_id"]) or "0.0"
    standard: dict[str, Any] = {"tax_type_id": state.account["default_sales_order_tax_type_id"]}
    if values.get("position") is None:
        values["position"] = _next_position(state, order)
    line = state.add("order_line_items", **{**standard, **values, "variant_id": variant["id"] if variant else None})
    _touch(state, order, line)
    return line


def update(state: GeckoTables, line: Row, given: Row) -> None:
    """Not below what is in parcels, and not in an order that has ended."""
    order = state.tables["orders"][line["order_id"]]
    values = accepted(state, "order_line_items", given, creating=False)
    changed = {name: value for name, value in values.items() if value != line[name]}
    if changed.keys() & {"quantity", "price", "freeform"}:
        _check_open(state, order)
    _check_figures(changed)
    if Decimal({**line, **changed}["quantity"]) < gecko_stock.in_parcels(state, line["id"]):
        raise Invalid(quantity="is less than what is in parcels")
    if "freeform" in changed:
        _variant(state, {**line, **changed})
    state.change(line, **values)
    _touch(state, order, line)
    gecko_parcels.settle(state, order)


def delete(state: GeckoTables, line: Row) -> None:
    order = state.tables["orders"][line["order_id"]]
    _check_open(state, order)
    uses = {"fulfillment": gecko_stock.PACKED, "invoice": ("active",)}
    if any(gecko_stock.units_in(state, document, line["id"], statuses) for document, statuses in uses.items()):
        raise Invalid(base="Line item is in a fulfillment or an invoice")
    state.remove("order_line_items", line)
    _touch(state, order, line)
    gecko_parcels.settle(state, order)


def price_of(variant: Row | None, price_list: str) -> str | None:
    """A variant's price in a list (3.7)."""
    if variant is None:
        return None
    prices = {name: variant[column] for name, column in DEFAULT_LISTS.items()}
    own = {one["price_list_id"]: one["value"] for one in variant["variant_prices"]}
    return {**own, **prices}.get(price_list)


def amount(state: GeckoTables, order: Row, line: Row) -> Decimal:
    """A line's part of the total: an absolute discount wins over the percent, tax is added where it is not included."""
    price, cut = Decimal(line["price"]), Decimal(line["discount_amount"] or 0)
    price = price - cut if cut else price * (1 - Decimal(line["discount"] or 0) / HUNDRED)
    tax = Decimal(0)
    if order["tax_treatment"] == "exclusive":
        tax = _tax_rate(state, line)
    return (price * Decimal(line["quantity"]) * (1 + tax / HUNDRED)).quantize(CENT, ROUND_HALF_UP)


def _tax_rate(state: GeckoTables, line: Row) -> Decimal:
    if line["tax_rate_override"] is not None:
        return Decimal(line["tax_rate_override"])
    kind = state.tables["tax_types"].get(line["tax_type_id"])
    return Decimal(kind["effective_rate"]) if kind else Decimal(0)


def _variant(state: GeckoTables, values: Row) -> Row | None:
    """What the line sells; nothing if it is a line of text."""
    if values.get("freeform"):
        return None
    variant = state.tables["variants"].get(values.get("variant_id"))
    if variant is None or variant["status"] != "active":
        raise Invalid(variant_id="is invalid")
    if not variant["sellable"]:
        raise Invalid(variant="is not sellable")
    return variant


def _check_open(state: GeckoTables, order: Row) -> None:
    if order["status"] in CLOSED or (state.finalized_lines_stay and order["status"] == "finalized"):
        raise Invalid(base=f"Order is {order['status']}")


def _check_figures(values: Row) -> None:
    positive(values, "quantity", zero=True)
    discount = values.get("discount")
    if discount is not None and abs(Decimal(discount)) > HUNDRED:
        raise Invalid(discount="must be from -100 to 100")


def _next_position(state: GeckoTables, order: Row) -> int:
    taken = [line["position"] for line in state.children("order_line_items", "order_id", order["id"])]
    return max(taken, default=0) + 1


def _touch(state: GeckoTables, order: Row, line: Row) -> None:
    state.change(order)
    if order["status"] != "draft":
        gecko_stock.touch(state, [line["variant_id"]])
