"""What each control call may be given: what is not among it is refused, not passed over (docs/sandbox.md)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from integrations.sandbox.faults import Fault
from integrations.sandbox.gecko_resources import RESOURCES
from integrations.sandbox.oasis_state import Order


def _settable(table: str, *, creating: bool = False) -> set[str]:
    return {name for name, one in RESOURCES[table].attributes.items() if one.writable(creating=creating)}


_OF_ORDER = {"reference", "order_id"}
_LINES = {"fulfillment_line_items"}
# `orders/edit` is judged by the state: what it takes depends on whether a line is named.
NAMES: dict[str, set[str]] = {
    "faults": {one.name for one in fields(Fault)},
    "settings": {"oasis", "tradegecko"},
    "orders": {one.name for one in fields(Order)},
    "orders/remove": {"number"},
    "orders/lines/add": {"number", "line"},
    "orders/lines/remove": {"number", "line"},
    "cancel": {"number", "line"},
    "listings": {"sku", "barcode", "warehouse"},
    "ship": {*_OF_ORDER, "quantities", "tracking", "carrier", "service", "status"},
    "stock": {"sku", "quantity", "location"},
    "void": _OF_ORDER,
    "parcels/void": {"fulfillment_id"},
    "parcels/edit": {"fulfillment_id", *_settable("fulfillments"), *_LINES},
    "lines/add": {*_OF_ORDER, *_settable("order_line_items", creating=True)},
    "lines/edit": {"line_id", *_settable("order_line_items")},
    "lines/remove": {"line_id"},
}


def check(what: str, given: object) -> None:
    """Raise ValueError for what is no JSON object, and for fields that the call does not know."""
    if not isinstance(given, dict):
        raise ValueError("send a JSON object")
    known: Any = NAMES.get(what)
    unknown = sorted(set(given) - known) if known is not None else []
    if unknown:
        raise ValueError(f"{what} has no {', '.join(unknown)}; it takes {', '.join(sorted(known))}")
