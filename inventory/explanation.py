"""The reason for a listing's quantity, in words: what `availability` and `decisions` noted on the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.timesince import timesince


def in_words(explanation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what it is about, how it was reckoned): one pair per component, then the result."""
    if "shown_by" in explanation:
        return [("Not shown", f"listing {explanation['shown_by']} has the same SKU there and shows the quantity")]
    if "problem" in explanation:
        return [("0", str(explanation["problem"]))]
    parts = [(f"{part['units']} × {part['sku']}", _part(part)) for part in explanation.get("components", ())]
    return [*parts, ("Shown", _result(explanation))] if parts else []


def briefly(explanation: Mapping[str, Any]) -> str:
    """The scarcest component in a few words, or what is wrong."""
    if "problem" in explanation:
        return str(explanation["problem"])
    tracked = [part for part in explanation.get("components", ()) if part.get("tracked")]
    if not tracked:
        return "stock not tracked"
    part = min(tracked, key=lambda one: int(one["sells"]))
    return f"{part['sku']}: {part['available']} available{_where(part)} − {part['pending']} in orders"


def _part(part: Mapping[str, Any]) -> str:
    if not part.get("tracked"):
        return "stock not tracked"
    counted = f"{part['available']} available{_where(part)}{_when(part)}"
    taken = f"{counted} − {part['pending']} in orders on their way − {part['reserve']} reserve"
    left = f"{taken} = {part['left']}" if "left" in part else taken
    return f"{left}; ÷ {part['units']} per unit = {part['sells']}" if part["units"] > 1 else left


def _where(part: Mapping[str, Any]) -> str:
    return f" at {part['place']}" if part.get("place") else ""


def _when(part: Mapping[str, Any]) -> str:
    if not part.get("observed_at"):
        return ""
    observed_at = datetime.fromisoformat(part["observed_at"])
    return f" (observed {timesince(observed_at, timezone.now()).split(',')[0]} ago)"


def _result(explanation: Mapping[str, Any]) -> str:
    steps = [f"sells {explanation['sells']}" if explanation.get("sells") is not None else "nothing tracked to sell"]
    if explanation.get("cap") is not None:
        steps.append(f"cap {explanation['cap']}")
    if explanation.get("minimum_level"):
        below = ", which it is below" if explanation.get("cut_off") else ""
        steps.append(f"minimum level {explanation['minimum_level']}{below}")
    return f"{'; '.join(steps)} → {explanation.get('quantity')}"
