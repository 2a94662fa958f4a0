"""Which rules stand behind creating, changing and deleting a record, and behind actions (tradegecko 3.0, 3.10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from integrations.sandbox import gecko_billing, gecko_goods, gecko_lines, gecko_orders, gecko_parcels, gecko_parties
from integrations.sandbox.gecko_resources import RESOURCES
from integrations.sandbox.gecko_tables import GeckoTables
from integrations.sandbox.gecko_values import Row, not_found

Create = Callable[[GeckoTables, Row], Row]
Update = Callable[[GeckoTables, Row, Row], None]
Delete = Callable[[GeckoTables, Row], None]
Action = Callable[[GeckoTables, Row, Row], object]


@dataclass(frozen=True)
class Rules:
    create: Create
    update: Update
    delete: Delete


def rules(table: str) -> Rules:
    return RULES[table]


def act(state: GeckoTables, order: Row, action: str, body: Row) -> None:
    """An action on an order; its attributes come under a root of their own. Raises Problem for an unknown one."""
    if action not in ACTIONS:
        raise not_found(f"action {action}")
    root, rule = ACTIONS[action]
    given = body.get(root)
    rule(state, order, given if isinstance(given, dict) else {})


def _rules(
    table: str, create: Create | None = None, update: Update | None = None, delete: Delete | None = None
) -> Rules:
    """Where no rule of its own is named, those of its attributes alone."""
    return Rules(
        create or (lambda state, given: gecko_parties.create(state, table, given)),
        update or (lambda state, row, given: gecko_parties.update(state, table, row, given)),
        delete or (lambda state, row: gecko_parties.delete(state, table, row)),
    )


def _line_rules(document: str) -> Rules:
    return _rules(
        f"{document}_line_items",
        lambda state, given: gecko_billing.create_line(state, document, given),
        lambda state, row, given: gecko_billing.update_line(state, document, row, given),
        lambda state, row: gecko_billing.delete_line(state, document, row),
    )


def _stored_rules(table: str) -> Rules:
    return _rules(
        table,
        lambda state, given: gecko_goods.create_stored(state, table, given),
        lambda state, row, given: gecko_goods.update_stored(state, table, row, given),
    )


def _pack(state: GeckoTables, order: Row, given: Row) -> None:
    gecko_parcels.fill(state, order, {**given, "status": "packed"})


def _fulfil(state: GeckoTables, order: Row, given: Row) -> None:
    """Packed parcels leave; what is in none leaves in a new one."""
    gecko_parcels.check_ready(state, order, "shipped")
    parcels = state.children("fulfillments", "order_id", order["id"])
    packed = [parcel for parcel in parcels if parcel["status"] == "packed"]
    for parcel in packed:
        gecko_parcels.update(state, parcel, {**given, "status": "fulfilled"})
    if gecko_parcels.left(state, order) or not packed:
        gecko_parcels.fill(state, order, {**given, "status": "fulfilled"})


# action → the root of its body, and the rule; one sentence of the vendor's guides writes "fulfill"
ACTIONS: dict[str, tuple[str, Action]] = {
    "invoice": ("invoice", gecko_billing.invoice_rest),
    "pay": ("payment", gecko_billing.pay_rest),
    "pack": ("fulfillment", _pack),
    "fulfil": ("fulfillment", _fulfil),
    "fulfill": ("fulfillment", _fulfil),
    "void": ("order", lambda state, order, _given: gecko_orders.delete(state, order)),
}

OWN = {
    "orders": _rules("orders", gecko_orders.create, gecko_orders.update, gecko_orders.delete),
    "order_line_items": _rules("order_line_items", gecko_lines.create, gecko_lines.update, gecko_lines.delete),
    "fulfillments": _rules("fulfillments", gecko_parcels.create, gecko_parcels.update, gecko_parcels.delete),
    "fulfillment_line_items": _rules(
        "fulfillment_line_items", gecko_parcels.create_line, gecko_parcels.update_line, gecko_parcels.delete_line
    ),
    "fulfillment_returns": _rules(
        "fulfillment_returns", gecko_billing.create_return, gecko_billing.update_return, gecko_billing.delete_return
    ),
    "fulfillment_return_line_items": _line_rules("fulfillment_return"),
    "invoices": _rules("invoices", gecko_billing.create_invoice, delete=gecko_billing.delete_invoice),
    "invoice_line_items": _line_rules("invoice"),
    "payments": _rules("payments", gecko_billing.create_payment),
    "variants": _rules("variants", gecko_goods.create_variant),
    "stock_adjustments": _rules(
        "stock_adjustments", gecko_goods.create_adjustment, delete=gecko_goods.delete_adjustment
    ),
    "stock_adjustment_line_items": _rules(
        "stock_adjustment_line_items", gecko_goods.create_adjustment_line, delete=gecko_goods.delete_adjustment_line
    ),
    "stock_transfers": _stored_rules("stock_transfers"),
    "purchase_orders": _stored_rules("purchase_orders"),
}
RULES = {table: OWN.get(table) or _rules(table) for table in RESOURCES}
