"""What a change of aliases would do beyond them, to orders and quantities, which the layer above knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from integrations.models import Connection
from integrations.wording import counted
from inventory.alias_plan import Change

ASKED_LATER = ", once the warehouse was asked for their SKUs"


@dataclass(frozen=True, slots=True)
class Effect:
    """One sentence on what would come of it, and the (text, address) of orders that it names."""

    text: str
    links: list[list[str]]
    more: int = 0


def foresee(connection: Connection, changes: Sequence[Change]) -> dict[str, Any]:
    """Ask the function that settings.ALIAS_EFFECTS names; its docstring gives the keys."""
    found: dict[str, Any] = import_string(settings.ALIAS_EFFECTS)(connection, changes)
    return found


def told(found: dict[str, Any]) -> list[Effect]:
    """What a change of aliases would do to orders and quantities, in sentences; nothing where nothing was foreseen."""
    if not found:
        return []
    freed = found["frees"]
    sentences = [
        Effect(f"frees {counted(freed, 'waiting orders')}", found["orders"], freed - len(found["orders"]))
        if freed else None,
        _effect("may free", found["may_free"], "orders", ASKED_LATER),
        _effect("holds", found["holds"], "orders", " that could be sent as it is now"),
        _effect("changes the quantity of", found["quantities"], "listings", f": {_named(found)}"),
        _effect("may change or set to 0 the quantity of", found.get("may_change", 0), "listings", ASKED_LATER),
        _effect("adds", found["new_listings"], "listings", " whose quantity is then published"),
        *(Effect(f"was not judged for {text}", []) for text in found["left_out"]),
    ]  # fmt: skip
    return [one for one in sentences if one] or [Effect("touches no waiting order and no published quantity", [])]


def _effect(verb: str, number: int, what: str, rest: str) -> Effect | None:
    return Effect(f"{verb} {counted(number, what)}{rest}", []) if number else None


def _named(found: dict[str, Any]) -> str:
    named = [f"{sku} {'–' if before is None else before} → {after}" for sku, before, after in found["listings"]]
    more = found["quantities"] - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
