"""Whether no orders for so long is unusual for that weekday and hour. Pure.

The time without orders is laid over the same hours of earlier weeks. If orders came then nearly every time, and many,
it is a silence. The second-lowest count of those weeks decides, so that neither a holiday nor a day on which everything
came at once says what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

WEEK = timedelta(weeks=1)
WEEKS = 8
FEWEST_WEEKS = 4
FURTHEST_WEEKS = 26
# With so many usual, none at all happens by chance less than once in a year of looking every minute.
USUAL_AT_LEAST = 8
SHORTEST = timedelta(minutes=30)

Window = tuple[datetime, datetime]


def windows(last: datetime, now: datetime, first: datetime, zone: tzinfo) -> list[Window]:
    """The same hours by the clock of `zone` in earlier weeks, the latest first: those in which we were watching.

    `last` is when the last order came, `first` when the first ever did. Of a longer silence only its last week is
    compared, with weeks that ended before it began.
    """
    since = max(last, now - WEEK)
    nearest = int((now - last) / WEEK) + 1
    found = [(_weeks_before(since, week, zone), _weeks_before(now, week, zone))
             for week in range(nearest, FURTHEST_WEEKS)]  # fmt: skip
    return [(start, end) for start, end in found if start >= first and end <= last][:WEEKS]


def is_silence(counts: Sequence[int], silent_for: timedelta) -> bool:
    """Whether so many orders in each of those windows make a silence of this length unusual."""
    if silent_for < SHORTEST or len(counts) < FEWEST_WEEKS:
        return False
    return sorted(counts)[1] >= USUAL_AT_LEAST


def _weeks_before(at: datetime, weeks: int, zone: tzinfo) -> datetime:
    """By the clock on the wall: a change to summer time moves no window."""
    return (at.astimezone(zone) - weeks * WEEK).astimezone(at.tzinfo)
