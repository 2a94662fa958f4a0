"""What the marketplace must be told about one listing, and why it is that number. Pure (product rule 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from math import floor
from typing import Any

from inventory.on_their_way import Counted

# More than anybody sells, and a whole number that every database and marketplace can hold.
MOST_SHOWN = 999_999_999


@dataclass(frozen=True, slots=True)
class Figure:
    """What is available of an item at one location, and when that was so."""

    place: str
    available: Decimal
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a listing; `max_online` is its cap.

    `available` is None for an item whose stock is not tracked, or not counted since it is kept selling below zero. Else
    it is the sum of the `figures` of all locations that count, negative ones included, and `pending` that of the
    `orders` (units by order number) which those figures do not know yet; both are only told, and so are the `bundles`
    of the listing that it is inside of, with its units in each. Of a bundle, `lacking` is how many fewer than its own
    figures tell its components leave where they lie, and `lacking_without_orders` how many if no order took any.
    `counted` are orders of the last hours that the figures do know; they are told, so that none is taken off later.
    """

    sku: str
    units: Decimal | int
    available: Decimal | None
    pending: int = 0
    max_online: int | None = None
    figures: tuple[Figure, ...] = ()
    orders: Mapping[str, int] = field(default_factory=dict)
    lacking: Decimal = Decimal(0)
    lacking_without_orders: Decimal = Decimal(0)
    counted: tuple[Counted, ...] = ()
    keep_selling: bool = False
    bundles: Mapping[str, Decimal | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """The rule that a figure comes from, and whose it is: "route", "listing", or "listing X" for one it speaks for."""

    rule: int
    note: str
    of: str

    @property
    def told(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"rule": self.rule, "note": self.note, "of": self.of}


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in force for a listing. `origins` tells of each figure that is not the route's own setting.

    `fixed_quantity` goes before everything but `do_not_publish`.
    """

    reserve: int = 0
    minimum_level: int = 0
    max_online: int | None = None
    untracked_quantity: int | None = None
    fixed_quantity: int | None = None
    do_not_publish: bool = False
    origins: Mapping[str, Origin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """The quantity to show, None for "show nothing", and what it was made of.

    `uncounted` are locations that should count and that the warehouse has not.
    """

    quantity: int | None
    parts: tuple[Part, ...]
    rules: Rules
    uncounted: tuple[str, ...] = ()

    @property
    def explanation(self) -> dict[str, Any]:
        """Each step on the way to the quantity, ready for JSON; reckoned again from it, it is the same number."""
        rules = self.rules
        steps = [_step(part, rules) for part in self.parts]
        sells, caps = _sells(self.parts, rules), _caps(self.parts, rules)
        told: dict[str, Any] = {
            "components": steps,
            "sells": sells,
            "cap": min(caps) if caps else None,
            "minimum_level": rules.minimum_level,
            "cut_off": _is_cut_off(_capped(sells, caps), rules),
            "quantity": self.quantity,
        }
        if rules.fixed_quantity is not None:
            told["fixed_quantity"] = rules.fixed_quantity
        if rules.do_not_publish:
            told["do_not_publish"] = True
        origins = {
            name: origin.told
            for name, origin in rules.origins.items()
            if name != "max_online" or told["cap"] == rules.max_online  # else an item's own cap is lower
        }
        if origins:
            told["rules"] = origins
        if self.uncounted:
            told["uncounted"] = list(self.uncounted)
        return told

    @property
    def why_nothing(self) -> str:
        """Why nothing is shown though all is known, to go after "since"; empty where a quantity is."""
        if self.quantity is not None:
            return ""
        if not self.rules.do_not_publish:
            skus = ", ".join(part.sku for part in self.parts)
            return f"the warehouse does not track the stock of {skus}, and the route has no untracked quantity"
        origin = self.rules.origins.get("do_not_publish")
        if origin is None:
            return "it is not to be published"
        return f"a rule of the {origin.of} says so{f' ({origin.note})' if origin.note else ''}"

    @property
    def silenced_by(self) -> int | None:
        """The rule that says so."""
        origin = self.rules.origins.get("do_not_publish") if self.rules.do_not_publish else None
        return origin.rule if origin else None

    @property
    def counted(self) -> int:
        """How many the warehouse's figures alone would sell; -1 where there are none."""
        tracked = ((floor(part.available), part.units) for part in self.parts if part.available is not None)
        return min((int(available // units) for available, units in tracked), default=-1)

    def without(self, orders: Mapping[str, Mapping[str, int]]) -> int | None:
        """The quantity if these had not come (by SKU and number, the units), by the same figures and rules."""
        return _quantity([_without(part, orders.get(part.sku, {})) for part in self.parts], self.rules)


def _without(part: Part, orders: Mapping[str, int]) -> Part:
    if part.available is None:
        return part
    return replace(part, available=part.available + sum(orders.values()), lacking=part.lacking_without_orders)


def offer(parts: Sequence[Part], rules: Rules, uncounted: tuple[str, ...] = ()) -> Offer:
    """The scarcest component decides; the caps and the cut-off come last."""
    return Offer(_quantity(parts, rules), tuple(parts), rules, uncounted)


def _quantity(parts: Sequence[Part], rules: Rules) -> int | None:
    if rules.do_not_publish:
        return None
    if rules.fixed_quantity is not None:
        return min(rules.fixed_quantity, MOST_SHOWN)
    capped = _capped(_sells(parts, rules), _caps(parts, rules))
    return 0 if _is_cut_off(capped, rules) else capped


def _sells(parts: Sequence[Part], rules: Rules) -> int | None:
    tracked = [int(_left(part, rules) // part.units) for part in parts if part.available is not None]
    return min(tracked) if tracked else rules.untracked_quantity


def _left(part: Part, rules: Rules) -> int:
    return max(floor((part.available or 0) - part.lacking) - part.pending - rules.reserve, 0)


def _caps(parts: Sequence[Part], rules: Rules) -> list[int]:
    own = [int(max(part.max_online, 0) // part.units) for part in parts if part.max_online is not None]
    return own if rules.max_online is None else [rules.max_online, *own]


def _capped(sells: int | None, caps: Sequence[int]) -> int | None:
    return None if sells is None else min([sells, *caps, MOST_SHOWN])


def _is_cut_off(capped: int | None, rules: Rules) -> bool:
    return capped is not None and capped < rules.minimum_level


def _step(part: Part, rules: Rules) -> dict[str, Any]:
    step: dict[str, Any] = {"sku": part.sku, "units": _number(part.units), "tracked": part.available is not None}
    if part.bundles:
        step["bundles"] = {bundle: _number(units) for bundle, units in part.bundles.items()}
    if part.available is None:
        return {**step, "sells": None, **({"keep_selling": True} if part.keep_selling else {})}
    return {**step, **_counted_step(part, part.available, rules)}


def _counted_step(part: Part, available: Decimal, rules: Rules) -> dict[str, Any]:
    left, seen = _left(part, rules), [one.observed_at for one in part.figures]
    step: dict[str, Any] = {
        "place": " + ".join(one.place for one in part.figures),
        "observed_at": min(seen).isoformat() if seen else None,
        "available": _plain(available),
        "pending": part.pending,
        "reserve": rules.reserve,
        "left": left,
        "sells": int(left // part.units),
    }
    if len(part.figures) > 1:
        step["places"] = [[one.place, _plain(one.available), one.observed_at.isoformat()] for one in part.figures]
    if part.lacking:
        step["lacking"] = _plain(part.lacking)
    if part.orders:
        step["orders"] = dict(sorted(part.orders.items()))
    if part.counted:
        step["counted"] = _by_order(part.counted)
    return step


def _by_order(counted: Sequence[Counted]) -> dict[str, int]:
    units = Counter[str]()
    for one in counted:
        units[one.order] += one.units
    return dict(sorted(units.items()))


def _number(units: Decimal | int) -> int | float:
    """Ready for JSON: a fraction only where it is one."""
    return int(units) if units == int(units) else float(units)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
