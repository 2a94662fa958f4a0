"""What the marketplace must be told about one listing, and why it is that number. Pure (product rule 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import floor
from typing import Any

# More than anybody sells, and a whole number that every database and marketplace can hold.
MOST_SHOWN = 999_999_999


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a listing. `available` is None for an item whose stock is not tracked; `max_online` its cap.

    `place` and `observed_at` say where and when it was counted; they are only told.
    """

    sku: str
    units: int
    available: Decimal | None
    pending: int = 0
    max_online: int | None = None
    place: str = ""
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """A listing's rules: the route's, unless it has its own."""

    reserve: int = 0
    minimum_level: int = 0
    max_online: int | None = None
    untracked_quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """The quantity to show, None for "show nothing", and each step on the way to it."""

    quantity: int | None
    explanation: dict[str, Any]


def offer(parts: Sequence[Part], rules: Rules) -> Offer:
    """The scarcest component decides; the caps and the cut-off come last."""
    steps = [_step(part, rules) for part in parts]
    tracked = [step["sells"] for step in steps if step["sells"] is not None]
    sells = min(tracked) if tracked else rules.untracked_quantity
    caps = [cap for cap in (rules.max_online, *(_cap(part) for part in parts)) if cap is not None]
    capped = min([sells, *caps, MOST_SHOWN]) if sells is not None else None
    cut_off = capped is not None and capped < rules.minimum_level
    quantity = 0 if cut_off else capped
    return Offer(
        quantity,
        {
            "components": steps,
            "sells": sells,
            "cap": min(caps) if caps else None,
            "minimum_level": rules.minimum_level,
            "cut_off": cut_off,
            "quantity": quantity,
        },
    )


def _step(part: Part, rules: Rules) -> dict[str, Any]:
    if part.available is None:
        return {"sku": part.sku, "units": part.units, "tracked": False, "sells": None}
    left = max(floor(part.available - part.pending - rules.reserve), 0)
    return {
        "sku": part.sku,
        "units": part.units,
        "tracked": True,
        "place": part.place,
        "observed_at": part.observed_at.isoformat() if part.observed_at else None,
        "available": f"{part.available.normalize():f}",
        "pending": part.pending,
        "reserve": rules.reserve,
        "left": left,
        "sells": left // part.units,
    }


def _cap(part: Part) -> int | None:
    return max(part.max_online, 0) // part.units if part.max_online is not None else None
