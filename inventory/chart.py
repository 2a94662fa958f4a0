"""Quantities over time as the points of a drawing: a line that steps, since a quantity stands until the next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 720, 180
LEFT, RIGHT, TOP, BOTTOM = 56, 712, 12, 152
LEAST = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """A label of an axis, and where it stands."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws. `line` is the `d` of an SVG path; all in units of WIDTH × HEIGHT."""

    line: str
    levels: tuple[Mark, ...]
    times: tuple[Mark, ...]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    bottom: int = BOTTOM


def draw(points: Sequence[tuple[datetime, int]], until: datetime) -> Chart | None:
    """`points` are in order of time. None when there are too few to draw."""
    if len(points) < LEAST:
        return None
    first, most = points[0][0], max(max(quantity for _, quantity in points), 1)
    span = max((until - first).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return round(LEFT + (RIGHT - LEFT) * (at - first).total_seconds() / span, 1)

    def y(quantity: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * quantity / most, 1)

    steps = "".join(f"H{x(at)}V{y(quantity)}" for at, quantity in points[1:])
    line = f"M{x(first)} {y(points[0][1])}{steps}H{x(until)}"
    levels = tuple(Mark(y(level), f"{level:,}") for level in dict.fromkeys((0, most // 2, most)))
    middle = first + (until - first) / 2
    times = tuple(Mark(x(at), f"{at:%Y-%m-%d %H:%M}") for at in (first, middle, until))
    return Chart(line, levels, times, _summary(points))


def _summary(points: Sequence[tuple[datetime, int]]) -> str:
    """For who cannot see it."""
    quantities = [quantity for _, quantity in points]
    return (
        f"{len(points)} published quantities since {points[0][0]:%Y-%m-%d %H:%M} UTC, between {min(quantities)} and "
        f"{max(quantities)}, the last one {quantities[-1]}."
    )
