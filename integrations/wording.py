"""How numbers are said in texts for people."""

from __future__ import annotations

import re

PLURALS = re.compile(r"\b(attempt|call|level|line|order|parcel|row|SKU|time|unit)s\b|\b(quantit)ies\b")


def counted(number: int, what: str) -> str:
    """A number with what it counts, given in the plural: `parcels`, `orders in the warehouse`."""
    if number == 1:
        what = PLURALS.sub(lambda found: found[1] or f"{found[2]}y", what, count=1)
    return f"{number} {what}"
