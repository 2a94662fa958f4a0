"""What a marketplace line costs, as prices of the warehouse's lines for it. Pure.

The sum is exact: the cost of a line goes on one of its components, the first by whose units it can be divided, and the
others are free. A cost that none divides (three for 10.00) makes two lines of the first one, a step of a cent apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

PRICE_STEP = Decimal("0.0001")  # what a unit price may have; marketplaces tell costs no finer
CENT = Decimal("0.01")

Priced = tuple[int, Decimal]


def split(cost: Decimal, quantity: int, units: Sequence[int]) -> list[list[Priced]]:
    """Per component, its lines as (units of it, unit price). `units` of each component make one that costs `cost`.

    Prices times quantities add up to `cost` times `quantity`, cost being in steps of PRICE_STEP.
    """
    paid = next((place for place, one in enumerate(units) if not cost % (PRICE_STEP * one)), None)
    shares = [[(quantity * one, cost / one if place == paid else Decimal(0))] for place, one in enumerate(units)]
    if paid is None and units and quantity:
        shares[0] = _in_two(cost * quantity, quantity * units[0])
    return shares


def rest(total: Decimal, units: int, left: Sequence[Priced]) -> list[Priced]:
    """The lines of one item that shall be `units` for `total`, when of each line so many have `left` at its price.

    They come first, in their order, with no less than has left; what has left keeps its price. Where their prices make
    no exact sum, a line of which nothing has left takes another one, or further lines follow.
    """
    lines, open_units = list(left), units - sum(number for number, _ in left)
    cost = total - sum(number * price for number, price in left)
    shares = _in_two(cost, open_units) if open_units > 0 and cost >= 0 else [(open_units, left[-1][1])]
    known = [price for _, price in left]
    for number, price in sorted(shares, key=lambda share: share[1] not in known):
        place = next((at for at, line in enumerate(lines) if line[1] == price), None)
        free = next((at for at, line in enumerate(lines) if not line[0]), None) if place is None else place
        if free is None:
            lines.append((number, price))
        else:
            lines[free] = (lines[free][0] + number, price)
    return lines


def _in_two(total: Decimal, units: int) -> list[Priced]:
    """Two lines whose prices differ by one step, of cents where the total is in cents."""
    step = PRICE_STEP if total % CENT else CENT
    lower, dearer = divmod(int(total / step), units)
    lines = [(units - dearer, lower * step), (dearer, (lower + 1) * step)]
    return [(number, price) for number, price in lines if number]
