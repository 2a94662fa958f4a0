"""Rows of the sandbox's TradeGecko as they look on the wire, quirks included (tradegecko 2.2, 3.7 to 3.12)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integrations.sandbox.gecko_state import GeckoState, Row, figure, plain


def shown(state: GeckoState, table: str, row: Row) -> Row:
    """One row of a table as an answer holds it."""
    if table == "orders":
        return _order(state, row)
    if table == "variants":
        return {**row, **_stock(state, row["id"], with_available=True)}
    if table == "fulfillments":
        lines = state.tables["fulfillment_line_items"].values()
        ids = [line["id"] for line in lines if line["fulfillment_id"] == row["id"]]
        number = state.orders[row["order_id"]]["order_number"]
        return {**row, "order_number": number, "receipt": {}, "fulfillment_line_item_ids": ids}
    return dict(row)


def stock_level(state: GeckoState, variant_id: int) -> Row:
    """A row of /stock_levels: no id, no SKU, no available per location (3.8)."""
    return {"variant_id": variant_id, **_stock(state, variant_id, with_available=False)}


def _order(state: GeckoState, row: Row) -> Row:
    lines = state.lines(row["id"])
    total = sum((Decimal(line["quantity"]) * Decimal(line["price"]) for line in lines), Decimal(0))
    parcels = [one["id"] for one in state.tables["fulfillments"].values() if one["order_id"] == row["id"]]
    shipped = [state.in_parcels(line["id"], "fulfilled") for line in lines]
    whole = bool(lines) and all(units >= Decimal(line["quantity"]) for units, line in zip(shipped, lines, strict=True))
    progress = "shipped" if whole else ("partial" if any(shipped) else "unshipped")
    return {
        **row,
        "total": plain(total) if lines else 0,
        "cached_total": plain(total) if lines else 0,
        "order_line_item_ids": [line["id"] for line in lines],
        "fulfillment_ids": parcels,
        "fulfillment_status": progress,
        "payment_status": "unpaid",
        "invoice_status": "uninvoiced",
        "invoice_ids": [],
        "payment_ids": [],
        "currency_id": next(iter(state.tables["currencies"]), None),
    }


def _stock(state: GeckoState, variant_id: int, *, with_available: bool) -> dict[str, Any]:
    held = state.committed()
    places = []
    totals = [Decimal(0), Decimal(0)]
    for (variant, place), on_hand in state.stock.items():
        if variant != variant_id:
            continue
        booked = held.get((variant, place), Decimal(0))
        totals = [totals[0] + on_hand, totals[1] + booked]
        entry: dict[str, Any] = {
            "location_id": place,
            "stock_on_hand": figure(on_hand),
            "committed": figure(booked) if booked else 0,
            "incoming": 0,
        }
        if with_available:
            entry["available"] = figure(on_hand - booked)
        places.append(entry)
    return {
        "stock_on_hand": figure(totals[0]),
        "committed_stock": figure(totals[1]),
        "available_stock": figure(totals[0] - totals[1]),
        "incoming_stock": "0",
        "locations": places,
    }
