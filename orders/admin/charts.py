"""The geometry of a small bar chart, drawn by a template as SVG: no script, and each bar a link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orders.figures import Day

WIDTH, HEIGHT, GAP = 600, 120, 0.2
LEAST = 2  # so that one order is seen beside a thousand


@dataclass(frozen=True, slots=True)
class Bar:
    day: Day
    url: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...]
    most: int
    total: int


def bars(days: Sequence[Day], url: Callable[[Day], str]) -> Chart:
    """One bar a day, the highest as high as the chart."""
    most, step = max((one.number for one in days), default=0), WIDTH / max(len(days), 1)
    drawn = []
    for place, one in enumerate(days):
        height = max(one.number * HEIGHT / most, LEAST) if one.number else 0
        left, width = step * (place + GAP / 2), step * (1 - GAP)
        drawn.append(Bar(one, url(one), *(round(it, 2) for it in (left, HEIGHT - height, width, height))))
    return Chart(tuple(drawn), most, sum(one.number for one in days))
