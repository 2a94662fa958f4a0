"""An order that was found in the warehouse against the one that was sent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from integrations.sent_orders import Receipt


def difference(request: Mapping[str, Any], found: Receipt) -> str:
    """Each item whose quantity there is not the one sent, in words; empty if all agree, or the lines are not known."""
    if found.lines is None:
        return ""
    sent: Counter[str] = Counter()
    there: dict[str, Decimal] = {}
    names: dict[str, str] = {}
    for line in request.get("lines", ()):
        sent[line["item_id"]] += line["quantity"]
        names[line["item_id"]] = line["sku"]
    for held in found.lines:
        there[held.item_id] = there.get(held.item_id, Decimal(0)) + held.quantity
    return ", ".join(
        f"{_units(there.get(item, Decimal(0)))} of {names.get(item) or f'item {item}'}, sent were {sent[item]}"
        for item in dict.fromkeys([*sent, *there])
        if there.get(item, 0) != sent[item]
    )


def _units(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
