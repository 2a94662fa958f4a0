"""Which windows of creation time a pull reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo

FURTHEST_BACK = timedelta(days=30)
RECENT = timedelta(days=1)


def resume_point(
    read_until: datetime | None, earliest: date, zone: tzinfo, *, overlap: timedelta, now: datetime
) -> datetime:
    """Where a route's next pull starts: a little before what was read, or on its earliest day; 30 days at most.

    A watermark in the future is that of a clock that was ahead: nothing after now has been read.
    """
    start = datetime.combine(earliest, time.min, zone) if read_until is None else min(read_until, now) - overlap
    return min(max(start, now - FURTHEST_BACK), now)


def joined(
    windows: Iterable[tuple[datetime, datetime]], *, gap: timedelta = timedelta(0), longest: timedelta = timedelta.max
) -> Iterator[tuple[datetime, datetime]]:
    """Windows that touch, or are no more than `gap` apart, as one; none begins more than `longest` after its first."""
    current: tuple[datetime, datetime] | None = None
    for since, until in sorted(windows):
        if current and since - current[1] <= gap and since - current[0] <= longest:
            current = current[0], max(until, current[1])
            continue
        if current:
            yield current
        current = since, until
    if current:
        yield current


def slices(
    since: datetime, until: datetime, *, recent: timedelta, older: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Touching windows from `since` to `until`: `recent` long in the last day before `until`, `older` before that."""
    border = until - RECENT
    start = since
    while start < until:
        end = min(start + older, border) if start < border else min(start + recent, until)
        yield start, end
        start = end
