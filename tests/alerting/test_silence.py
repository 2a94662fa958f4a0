"""When no orders at all is unusual: by the same hours of earlier weeks, and never on little knowledge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as some

from orders.alerting.silence import FEWEST_WEEKS, SHORTEST, USUAL_AT_LEAST, WEEK, WEEKS, is_silence, windows

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
HOURS = some.integers(1, 24 * 60).map(lambda hours: timedelta(hours=hours))
COUNTS = some.lists(some.integers(0, 200), max_size=WEEKS)
DENVER = ZoneInfo("America/Denver")


@given(silent_for=HOURS, known_for=HOURS)
def test_only_hours_before_the_silence_in_which_we_watched_are_compared(
    silent_for: timedelta, known_for: timedelta
) -> None:
    last, first = NOW - silent_for, NOW - silent_for - known_for
    found = windows(last, NOW, first, DENVER)
    assert len(found) <= WEEKS
    for start, end in found:
        assert first <= start < end <= last
        assert (start.astimezone(DENVER).weekday(), end.astimezone(DENVER).time()) == (
            max(last, NOW - WEEK).astimezone(DENVER).weekday(),
            NOW.astimezone(DENVER).time(),
        )


@given(counts=COUNTS, silent_for=HOURS)
def test_without_enough_weeks_or_enough_time_nothing_is_said(counts: list[int], silent_for: timedelta) -> None:
    assert not is_silence(counts[: FEWEST_WEEKS - 1], silent_for)
    assert not is_silence(counts, SHORTEST - timedelta(seconds=1))


@given(counts=COUNTS, more=some.lists(some.integers(0, 50), min_size=WEEKS, max_size=WEEKS), silent_for=HOURS)
def test_where_more_orders_are_usual_no_silence_goes_unnoticed(
    counts: list[int], more: list[int], silent_for: timedelta
) -> None:
    busier = [one + extra for one, extra in zip(counts, more, strict=False)]
    assert is_silence(busier, silent_for) >= is_silence(counts, silent_for)


@given(counts=some.permutations([0, 9, 9, 9, 10, 12, 400]), silent_for=HOURS)
def test_neither_a_holiday_nor_a_rush_says_what_is_usual(counts: list[int], silent_for: timedelta) -> None:
    assert is_silence(counts, silent_for)
    assert not is_silence([*counts, 0], silent_for)


@given(some.integers(0, USUAL_AT_LEAST - 1), some.integers(0, WEEKS - 1))
def test_where_few_orders_are_usual_none_is_no_alarm(usual: int, place: int) -> None:
    counts = [usual] * WEEKS
    counts[place] = 1000
    assert not is_silence(counts, timedelta(days=1))
