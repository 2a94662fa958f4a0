"""Query values of a window of creation time: local time without offset (supplier-oasis 1.2). Pure.

A bare local time in the hour that autumn repeats is two instants, and the server may take it for either. So a start
never lies in that hour, and an end there is relied on only as far as its earlier reading goes. The hour that spring
skips needs no care: no instant has a local time in it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

FORMAT = "%Y-%m-%dT%H:%M:%S"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def bounds(
    since: datetime, until: datetime, zone: ZoneInfo, *, now: datetime, form: str = FORMAT
) -> tuple[str, str]:  # fmt: skip
    """`startTime` and `endTime` that enclose the window as far as `now` allows, whether or not the ends belong to it.

    Reading an order twice is harmless.
    """
    return _start(since, zone).strftime(form), _end(until, zone, now).strftime(form)


def certain_until(until: datetime, zone: ZoneInfo, *, now: datetime) -> datetime:
    """Up to when an answer for a window that ends at `until` is complete, however the server reads its end."""
    return min(until, *_readings(_end(until, zone, now)))


def _start(since: datetime, zone: ZoneInfo) -> datetime:
    start = (since - SECOND).astimezone(zone)
    while _is_repeated(start):
        start = start.replace(minute=0, second=0) - SECOND
    return start


def _end(until: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    """In local time; a second later than asked, past a repeated hour, but never in the future."""
    end = min(until, now).astimezone(zone)
    after = (end.astimezone(UTC) + SECOND).astimezone(zone)
    while _is_repeated(after):
        after = after.replace(minute=0, second=0, microsecond=0) + HOUR
    return (after if after.astimezone(UTC) <= now else end).replace(microsecond=0)


def _is_repeated(at: datetime) -> bool:
    """Whether this wall-clock time happens twice. In the hour that spring skips the readings differ the other way."""
    early, late = _readings(at)
    return early < late


def _readings(at: datetime) -> tuple[datetime, datetime]:
    """The two instants that a wall-clock time may mean; nearly always the same."""
    return at.replace(fold=0).astimezone(UTC), at.replace(fold=1).astimezone(UTC)
