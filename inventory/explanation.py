"""The reason for a listing's quantity, in words: what `availability` and `decisions` noted on the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.timesince import timesince

from inventory.chain import HELD, in_bundles

NOTHING: Mapping[str, int] = {}


def in_words(explanation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what it is about, how it was reckoned): one pair per component, then the result."""
    if "shown_by" in explanation:
        return [("Not shown", f"listing {explanation['shown_by']} has the same SKU there and shows the quantity")]
    if "problem" in explanation:
        return [("0", str(explanation["problem"]))]
    parts = [
        (f"{part['units']} × {part['sku']}{in_bundles(part)}", _part(part, explanation))
        for part in explanation.get("components", ())
    ]
    if explanation.get("held"):
        parts.append(("Held back", HELD))
    is_ruled = "fixed_quantity" in explanation or "do_not_publish" in explanation
    return [*parts, ("Shown", _result(explanation))] if parts or is_ruled else []


def briefly(explanation: Mapping[str, Any], counted: Mapping[str, int] = NOTHING) -> str:
    """The scarcest component in a few words and what made less of it, or what is wrong.

    `counted` are the units, by SKU, of orders that the warehouse took off since another quantity was shown.
    """
    if "problem" in explanation:
        return str(explanation["problem"])
    if "fixed_quantity" in explanation:
        return f"fixed quantity {explanation['fixed_quantity']}{_by_rule(explanation, 'fixed_quantity')}"
    tracked = [part for part in explanation.get("components", ()) if part.get("tracked")]
    if not tracked:
        reasons = dict.fromkeys(_untracked(part) for part in explanation.get("components", ()))
        sells = explanation.get("sells")
        shown = f": untracked quantity {sells}" if sells is not None else ""
        return f"{', '.join(reasons) or 'stock not tracked'}{shown}{_limits(explanation)}"
    part = min(tracked, key=lambda one: int(one["sells"]))
    figure = f"{part['available']} available{_where(part)}{_lacking(part)}{_uncounted(explanation)}"
    reserve = f" − {part['reserve']} reserve{_by_rule(explanation, 'reserve')}" if part.get("reserve") else ""
    each = f" ÷ {part['units']} per unit" if part["units"] != 1 else ""
    taken = _taken(part, counted.get(part["sku"], 0))
    return f"{part['sku']}{in_bundles(part)}: {figure}{taken}{reserve}{each}{_limits(explanation)}"


def _taken(part: Mapping[str, Any], counted: int) -> str:
    """What orders took of it: what the warehouse has counted since another was shown, and what it has not yet."""
    pending = f" − {part['pending']} in orders" if part["pending"] or not counted else ""
    return f", {counted} in orders taken off by the warehouse since{pending}" if counted else pending


def _limits(explanation: Mapping[str, Any]) -> str:
    """The cap and the minimum level, where they made the quantity."""
    sells, cap = explanation.get("sells"), explanation.get("cap")
    is_capped = sells is not None and cap is not None and cap < sells
    told = f"; cap {cap}{_by_rule(explanation, 'max_online')}" if is_capped else ""
    if explanation.get("cut_off"):
        level = f"{explanation['minimum_level']}{_by_rule(explanation, 'minimum_level')}"
        told += f"; below the minimum level {level}"
    return f"{told}; {HELD}" if explanation.get("held") else told


def _untracked(part: Mapping[str, Any]) -> str:
    return "may be sold below zero" if part.get("keep_selling") else "stock not tracked"


def _uncounted(explanation: Mapping[str, Any]) -> str:
    places = explanation.get("uncounted")
    return f" ({', '.join(places)} not counted)" if places else ""


def _part(part: Mapping[str, Any], explanation: Mapping[str, Any]) -> str:
    if not part.get("tracked"):
        return _untracked(part)
    counted = f"{part['available']} available{_where(part)}{_when(part)}"
    if part.get("places"):
        counted += f" ({' + '.join(f'{available} at {place}' for place, available, _ in part['places'])})"
    reserve = f"{part['reserve']} reserve{_by_rule(explanation, 'reserve')}"
    taken = f"{counted}{_lacking(part)}{_uncounted(explanation)} − {part['pending']} in orders on their way − {reserve}"
    left = f"{taken} = {part['left']}" if "left" in part else taken
    return f"{left}; ÷ {part['units']} per unit = {part['sells']}" if part["units"] != 1 else left


def _where(part: Mapping[str, Any]) -> str:
    return f" at {part['place']}" if part.get("place") else ""


def _lacking(part: Mapping[str, Any]) -> str:
    return f" − {part['lacking']} for which components are lacking" if part.get("lacking") else ""


def _when(part: Mapping[str, Any]) -> str:
    if not part.get("observed_at"):
        return ""
    observed_at = datetime.fromisoformat(part["observed_at"])
    return f" (observed {timesince(observed_at, timezone.now()).split(',')[0]} ago)"


def _by_rule(explanation: Mapping[str, Any], name: str) -> str:
    """Which rule a figure comes from; nothing where it is the route's own setting."""
    rule = explanation.get("rules", {}).get(name)
    if not rule:
        return ""
    note = f": {rule['note']}" if rule["note"] else ""
    return f" (rule {rule['rule']} of the {rule['of']}{note})"


def _result(explanation: Mapping[str, Any]) -> str:
    if explanation.get("do_not_publish"):
        return f"not published{_by_rule(explanation, 'do_not_publish')}; what is shown stays"
    if "fixed_quantity" in explanation:
        return f"fixed quantity {explanation['fixed_quantity']}{_by_rule(explanation, 'fixed_quantity')}"
    steps = [f"sells {explanation['sells']}" if explanation.get("sells") is not None else "nothing tracked to sell"]
    if explanation.get("cap") is not None:
        steps.append(f"cap {explanation['cap']}{_by_rule(explanation, 'max_online')}")
    if explanation.get("minimum_level"):
        below = ", which it is below" if explanation.get("cut_off") else ""
        level = f"{explanation['minimum_level']}{_by_rule(explanation, 'minimum_level')}"
        steps.append(f"minimum level {level}{below}")
    quantity = explanation.get("quantity")
    return f"{'; '.join(steps)} → {'nothing is published' if quantity is None else quantity}"
