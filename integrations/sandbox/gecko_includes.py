"""Sideloading: records that belong to those of an answer, beside them under their own plural (tradegecko 2.5)."""

from __future__ import annotations

from werkzeug.wrappers import Request

from integrations.sandbox.gecko_resources import RESOURCES, Resource
from integrations.sandbox.gecko_rows import shown
from integrations.sandbox.gecko_state import GeckoState
from integrations.sandbox.gecko_tables import HIDDEN
from integrations.sandbox.gecko_values import Row

ONLY_ON_SHOW = ("orders", "purchase_orders")
PARCEL_LINES = "fulfillment_line_items"


def included(state: GeckoState, request: Request, resource: Resource, rows: list[Row]) -> dict[str, list[Row]]:
    """What `include` asks for; unknown names are ignored."""
    found: dict[str, dict[int, Row]] = {}
    for name in _names(state, request, resource):
        for row in rows:
            for table, one in _related(state, resource, row, name):
                found.setdefault(table, {})[one["id"]] = one
    return {table: [shown(state, table, one) for one in ones.values()] for table, ones in found.items()}


def _names(state: GeckoState, request: Request, resource: Resource) -> list[str]:
    """Lists of orders sideload nothing; the lines of parcels come by switch."""
    names = [name.strip() for name in request.args.get("include", "").split(",") if name.strip()]
    if resource.table in ONLY_ON_SHOW and request.path.strip("/").removesuffix(".json") == resource.table:
        return []
    if resource.table == "fulfillments" and state.sideload_lines == "never":
        names = [name for name in names if name != PARCEL_LINES]
    if resource.table == "fulfillments" and state.sideload_lines == "always":
        names.append(PARCEL_LINES)
    return names


def _related(state: GeckoState, resource: Resource, row: Row, name: str) -> list[tuple[str, Row]]:
    """`company` by its id in the row, `order_line_items` by the row's id in them."""
    reference = resource.attributes.get(f"{name}_id")
    if reference is not None and reference.kind == "ref":
        one = state.find(reference.target, row[reference.name])
        return [(reference.target, one)] if one else []
    column = f"{resource.root}_id"
    child = RESOURCES[name].attributes.get(column) if name in RESOURCES else None
    if child is None or not child.parent:
        return []
    living = state.children(name, column, row["id"])
    return [(name, one) for one in living if one.get("status") not in HIDDEN or name == "fulfillments"]
