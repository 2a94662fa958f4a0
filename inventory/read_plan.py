"""How to read the stock that matters now with the fewest calls. Pure: figures in, a plan out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Means:
    """What a read costs and what may be spent: calls of a whole sweep (0: not known), items per call, calls left."""

    sweep_calls: int
    batch_size: int
    calls_left: int


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The items to read now, most urgent first; or all, by a sweep. `left_out` wait for calls."""

    items: tuple[str, ...] = ()
    by_sweep: bool = False
    left_out: int = 0


def plan(wanted: Sequence[str], means: Means) -> ReadPlan:
    """`wanted` are items in the order of their urgency; one that is named twice is read once.

    A sweep reads them all when that takes no more calls, since it makes the other figures fresh too.
    """
    items = tuple(dict.fromkeys(wanted))
    calls = ceil(len(items) / means.batch_size)
    if items and 0 < means.sweep_calls <= calls:
        return ReadPlan(by_sweep=True)
    taken = items[: means.calls_left * means.batch_size]
    return ReadPlan(taken, left_out=len(items) - len(taken))
