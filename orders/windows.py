"""Which windows of creation time a pull reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator
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
