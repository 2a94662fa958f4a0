"""Units in orders that the warehouse's figures do not know yet. The layer above fills it; quantities rest on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

STORED_WITHIN = timedelta(minutes=1)
NONE: Mapping[str, int] = {}


class Counted(NamedTuple):
    """An order that was sent lately, or more of it, at that time, and that the figures do know."""

    at: datetime
    order: str
    units: int


class Units(dict[str, Counter[str]]):
    """Per warehouse item, the units of each order by its number; and of all orders, where they are taken."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_at = timezone.now() - STORED_WITHIN  # an order that is received later may not be among them
        self._at = Counter[tuple[str, str]]()
        self._counted: dict[str, list[Counted]] = {}

    def add(self, item: str, order: str, units: int, place: str) -> None:
        """`place` is the id of the location that ships them."""
        self.setdefault(item, Counter())[order] += units
        self._at[item, place] += units

    def note_counted(self, item: str, order: Counted) -> None:
        self._counted.setdefault(item, []).append(order)

    def counted(self, item: str) -> Sequence[Counted]:
        return self._counted.get(item, ())

    def of(self, item: str) -> Mapping[str, int]:
        return self.get(item, NONE)

    def at(self, item: str, place: str) -> int:
        """The units of all orders that take it there."""
        return self._at[item, place]
