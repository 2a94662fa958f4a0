"""Windows are Denver's local time; both clock changes lose nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.supplier_oasis.windows import FORMAT, bounds

DENVER = ZoneInfo("America/Denver")
FAR = datetime(2030, 1, 1, tzinfo=UTC)


def readings(text: str) -> list[datetime]:
    """Every instant that a local time without offset may mean."""
    naive = datetime.strptime(text, FORMAT)
    return [naive.replace(tzinfo=DENVER, fold=fold).astimezone(UTC) for fold in (0, 1)]


def test_an_ordinary_window_is_local_time_in_whole_seconds() -> None:
    since, until = datetime(2024, 7, 9, 18, 0, tzinfo=UTC), datetime(2024, 7, 9, 19, 0, 0, 500_000, tzinfo=UTC)
    assert bounds(since, until, DENVER, now=FAR) == ("2024-07-09T12:00:00", "2024-07-09T13:00:01")


def test_the_end_never_lies_in_the_future() -> None:
    now = datetime(2024, 7, 9, 19, 0, 0, 700_000, tzinfo=UTC)
    assert bounds(now - timedelta(hours=1), now + timedelta(hours=1), DENVER, now=now)[1] == "2024-07-09T13:00:00"


@given(st.datetimes(datetime(2024, 10, 30), datetime(2024, 11, 6)), st.integers(1, 300))
def test_the_repeated_hour_of_autumn_is_covered_however_the_server_reads_it(start: datetime, minutes: int) -> None:
    since = start.replace(tzinfo=UTC, microsecond=0)
    until = since + timedelta(minutes=minutes)
    first, last = bounds(since, until, DENVER, now=FAR)
    assert max(readings(first)) <= since or min(readings(first)) <= since
    # Read the start as late and the end as early as it can be meant: the local labels still enclose the window's.
    local = {(since + timedelta(minutes=m)).astimezone(DENVER).strftime(FORMAT) for m in range(minutes + 1)}
    assert all(first <= label <= last for label in local)


@given(st.datetimes(datetime(2024, 3, 8), datetime(2024, 3, 12)), st.integers(1, 300))
def test_the_missing_hour_of_spring_loses_nothing(start: datetime, minutes: int) -> None:
    since = start.replace(tzinfo=UTC, microsecond=0)
    first, last = bounds(since, since + timedelta(minutes=minutes), DENVER, now=FAR)
    assert min(readings(first)) <= since
    assert max(readings(last)) >= since + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "created", [datetime(2024, 11, 3, 7, 30, tzinfo=UTC), datetime(2024, 11, 3, 8, 30, tzinfo=UTC)]
)
def test_both_half_past_ones_are_inside_the_window_around_them(created: datetime) -> None:
    first, last = bounds(created, created + timedelta(minutes=10), DENVER, now=FAR)
    assert (first, last) == ("2024-11-03T01:00:00", "2024-11-03T01:59:59")
