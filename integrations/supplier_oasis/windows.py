"""Query values of a window of creation time: local time without offset (supplier-oasis 1.2). Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

FORMAT = "%Y-%m-%dT%H:%M:%S"
SECOND = timedelta(seconds=1)


def bounds(since: datetime, until: datetime, zone: ZoneInfo, *, now: datetime) -> tuple[str, str]:
    """`startTime` and `endTime` that cover the window whatever the clocks do, and never lie in the future.

    A local time without offset is ambiguous in the hour that autumn repeats, and the server may read it as either: the
    window is widened to the whole repeated hour. Reading an order twice is harmless.
    """
    start, end = since.astimezone(zone), min(until, now).astimezone(zone)
    first = start.replace(minute=0, second=0, microsecond=0) if _is_repeated(start) else start
    last = end
    if _is_repeated(end):
        widened = end.replace(minute=59, second=59, microsecond=0)
        last = widened if _second_reading(widened) <= now else end
    elif end.microsecond and end + SECOND <= now.astimezone(zone):
        last = end + SECOND
    return first.strftime(FORMAT), last.strftime(FORMAT)


def _is_repeated(at: datetime) -> bool:
    """Whether this wall-clock time happens twice. In the hour that spring skips the readings differ the other way."""
    early, late = at.replace(fold=0).astimezone(UTC), at.replace(fold=1).astimezone(UTC)
    return early < late


def _second_reading(at: datetime) -> datetime:
    return at.replace(fold=1).astimezone(UTC)
