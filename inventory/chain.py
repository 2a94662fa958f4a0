"""The way from the warehouse's figures to a quantity, step by step, and reckoned once more. Pure.

It goes by an explanation alone, as `availability` noted it: what a page shows of it can be added up by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import floor
from typing import Any

from inventory.availability import MOST_SHOWN

HELD = "the guard held back what else had changed: what was shown before, less orders since, by stricter rules"


@dataclass(frozen=True, slots=True)
class Step:
    """One line: what it is about, the number, and the order, rule or time that it comes from."""

    text: str
    amount: str
    order: str = ""
    rule: int | None = None
    at: datetime | None = None
    is_result: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """The steps of one component, or of what becomes of the scarcest."""

    title: str
    steps: tuple[Step, ...]


def sections(explanation: Mapping[str, Any]) -> list[Section]:
    """Nothing for a quantity that was never decided, or whose listing is not known in the warehouse."""
    parts = explanation.get("components")
    if parts is None:
        return []
    made = [Section(_title(part), tuple(_of_part(part, explanation))) for part in parts]
    return [*made, Section("What is shown", tuple(_of_result(explanation)))]


def reckoned(explanation: Mapping[str, Any]) -> int | None:
    """The quantity again, from the figures, the orders and the rules that are shown. None: nothing is shown."""
    if "problem" in explanation:
        return 0
    if explanation.get("do_not_publish") or "components" not in explanation:
        return None
    if explanation.get("fixed_quantity") is not None:
        return min(int(explanation["fixed_quantity"]), MOST_SHOWN)
    tracked = [sells_of(part) for part in explanation["components"] if part.get("tracked")]
    sells = min(tracked) if tracked else explanation.get("sells")
    if sells is None:
        return None
    cap = explanation.get("cap")
    capped: int = min(sells, MOST_SHOWN if cap is None else cap, MOST_SHOWN)
    return 0 if capped < (explanation.get("minimum_level") or 0) else capped


def sells_of(part: Mapping[str, Any]) -> int:
    return int(left_of(part) // Decimal(str(part["units"])))


def left_of(part: Mapping[str, Any]) -> int:
    return max(floor(_available(part)) - _pending(part) - int(part["reserve"]), 0)


def _available(part: Mapping[str, Any]) -> Decimal:
    places = part.get("places")
    told = sum((Decimal(figure) for _, figure, _ in places), Decimal(0)) if places else Decimal(part["available"])
    return told - Decimal(part.get("lacking", 0))


def _pending(part: Mapping[str, Any]) -> int:
    orders = part.get("orders")
    return sum(orders.values()) if orders else int(part["pending"])


def in_bundles(part: Mapping[str, Any]) -> str:
    """Which of the listing's bundles it is inside of, and how many of it if not all."""
    bundles = part.get("bundles")
    if not bundles:
        return ""
    units = sum(Decimal(str(one)) for one in bundles.values())
    some = "" if units == Decimal(str(part["units"])) else f"{units} of them "
    return f" ({some}in bundle {', '.join(bundles)})"


def _title(part: Mapping[str, Any]) -> str:
    sku = f"{part['units']} × {part['sku']}" if part["units"] != 1 else str(part["sku"])
    return f"{sku}{in_bundles(part)}"


def _of_part(part: Mapping[str, Any], explanation: Mapping[str, Any]) -> Iterator[Step]:
    if not part.get("tracked"):
        text = (
            "The warehouse lets it be sold below zero"
            if part.get("keep_selling")
            else "The warehouse does not track its stock"
        )
        yield Step(text, "–")
        return
    yield from _figures(part)
    for place in explanation.get("uncounted", ()):
        yield Step(
            f"{place}: not counted, since the warehouse has no single location of that name that holds stock", "–"
        )
    yield from _on_their_way(part)
    if part["reserve"]:
        text, rule = _source(explanation, "reserve", "Reserve")
        yield Step(text, f"− {part['reserve']}", rule=rule)
    yield Step("Left, never below 0", str(left_of(part)), is_result=part["units"] == 1)
    if part["units"] != 1:
        yield Step(f"Enough for, at {part['units']} each", str(sells_of(part)), is_result=True)


def _figures(part: Mapping[str, Any]) -> Iterator[Step]:
    places = part.get("places") or [[part.get("place", ""), part["available"], part.get("observed_at")]]
    for place, figure, at in places:
        text = f"Available at {place}" if place else "Available"
        yield Step(text, str(figure), at=datetime.fromisoformat(at) if at else None)
    if part.get("lacking"):
        yield Step("Its components, where they lie and after orders, are enough for fewer", f"− {part['lacking']}")
    if _available(part) != floor(_available(part)):
        yield Step("Whole units only", str(floor(_available(part))))


def _on_their_way(part: Mapping[str, Any]) -> Iterator[Step]:
    orders = part.get("orders") or {}
    for number, units in orders.items():
        yield Step("Order that the warehouse has not counted yet", f"− {units}", order=number)
    if not orders and part["pending"]:
        yield Step("Orders that the warehouse has not counted yet", f"− {part['pending']}")


def _of_result(explanation: Mapping[str, Any]) -> Iterator[Step]:
    if explanation.get("do_not_publish"):
        text, rule = _source(explanation, "do_not_publish", "Not published")
        yield Step(text, "stays as it is", rule=rule, is_result=True)
        return
    if explanation.get("fixed_quantity") is not None:
        text, rule = _source(explanation, "fixed_quantity", "Fixed quantity")
        yield Step(text, str(explanation["fixed_quantity"]), rule=rule)
    else:
        yield from _limited(explanation)
    if explanation.get("held"):
        yield Step(HELD[:1].upper() + HELD[1:], "–")
    quantity = explanation.get("quantity")
    yield Step("Quantity", "nothing is published" if quantity is None else str(quantity), is_result=True)


def _limited(explanation: Mapping[str, Any]) -> Iterator[Step]:
    sells = explanation.get("sells")
    tracked = [part for part in explanation["components"] if part.get("tracked")]
    text = "The scarcest of these" if len(tracked) > 1 else "Can be sold"
    yield Step(text if tracked else "Untracked quantity of the route", "–" if sells is None else str(sells))
    if explanation.get("cap") is not None:
        text, rule = _source(explanation, "max_online", "Cap: never more than")
        yield Step(text, str(explanation["cap"]), rule=rule)
    if explanation.get("minimum_level"):
        level, is_below = explanation["minimum_level"], explanation.get("cut_off")
        said = f"Below the minimum level of {level}" if is_below else "Minimum level"
        text, rule = _source(explanation, "minimum_level", said)
        yield Step(text, "0" if is_below else str(level), rule=rule)


def _source(explanation: Mapping[str, Any], name: str, text: str) -> tuple[str, int | None]:
    """What is said of a figure, with the note of the rule that it comes from."""
    origin = (explanation.get("rules") or {}).get(name)
    if origin is None:
        return text, None
    note = f": {origin['note']}" if origin.get("note") else ""
    return f"{text} (rule of the {origin['of']}{note})", int(origin["rule"])
