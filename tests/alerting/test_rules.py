"""What is told of an alert, and when: pure rules, with the clock given."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from orders.alerting import rules
from orders.models import Alert, AlertSettings

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)


def alert(severity: str = "warning", **values: object) -> Alert:
    return Alert(**{"kind": "held", "severity": severity, "opened_at": NOW - HOUR, **values})


def told(ago: timedelta, **values: object) -> Alert:
    severity = str(values.pop("severity", "warning"))
    return alert(severity, **{"told_at": NOW - ago, "told_severity": "warning", "told_count": 1, **values})


def what(one: Alert, how: AlertSettings | None = None, now: datetime = NOW) -> str | None:
    due = rules.telling(one, how or AlertSettings(), now)
    return due.what.value if due else None


def test_a_new_alert_is_told_once_and_reminded_of_after_the_interval() -> None:
    assert what(alert()) == "opened"
    assert what(told(HOUR)) is None
    assert what(told(12 * HOUR)) == "reminder"
    assert what(told(99 * HOUR), AlertSettings(reminder_hours=0)) is None


def test_what_gets_worse_or_grows_is_told_before_the_reminder_is_due() -> None:
    assert what(told(timedelta(minutes=1), severity="critical")) == "reminder"
    assert what(told(HOUR, told_count=5, count=10)) == "reminder"
    assert what(told(timedelta(minutes=1), told_count=5, count=10)) is None  # the cool-down
    assert what(told(HOUR, told_count=5, count=9)) is None
    assert what(told(HOUR, severity="info"), AlertSettings(info="immediate")) is None


def test_nothing_is_told_while_it_is_muted_and_then_it_is() -> None:
    assert what(alert(muted_until=NOW + HOUR)) is None
    assert what(told(2 * HOUR, muted_until=NOW + HOUR)) is None
    assert what(told(2 * HOUR, muted_until=NOW - HOUR)) == "reminder"
    assert what(told(HOUR, muted_until=NOW - 2 * HOUR)) is None


def test_what_goes_into_the_digest_or_is_not_wanted_is_not_told_at_once() -> None:
    assert what(alert("info")) is None
    assert what(alert(), AlertSettings(warning="never")) is None
    assert what(alert(), AlertSettings(untold_kinds=["held"])) is None


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (datetime(2026, 3, 4, 4, 59, tzinfo=UTC), None),  # 21:59 in Denver
        (datetime(2026, 3, 4, 5, 0, tzinfo=UTC), datetime(2026, 3, 4, 14, 0, tzinfo=UTC)),
        (datetime(2026, 3, 4, 13, 59, tzinfo=UTC), datetime(2026, 3, 4, 14, 0, tzinfo=UTC)),
        (datetime(2026, 3, 4, 14, 0, tzinfo=UTC), None),
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), datetime(2026, 3, 8, 13, 0, tzinfo=UTC)),  # summer time begins
        (datetime(2026, 11, 1, 8, 30, tzinfo=UTC), datetime(2026, 11, 1, 14, 0, tzinfo=UTC)),  # and ends
    ],
)
def test_quiet_hours_are_those_of_the_time_zone_and_critical_passes(at: datetime, until: datetime | None) -> None:
    how = AlertSettings(quiet_from=time(22), quiet_until=time(7), time_zone="America/Denver")
    assert rules.held_until("warning", how, at) == until
    assert rules.held_until("critical", how, at) is None


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (datetime(2026, 11, 1, 7, 10, tzinfo=UTC), datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 1, 7, 40, tzinfo=UTC), None),
        (datetime(2026, 11, 1, 8, 10, tzinfo=UTC), datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),  # 01:10 for a second time
        (datetime(2026, 11, 1, 8, 30, tzinfo=UTC), None),
        (datetime(2026, 11, 1, 9, 0, tzinfo=UTC), None),
    ],
)
def test_quiet_hours_that_end_in_the_hour_which_comes_twice_last_no_day_longer(
    at: datetime, until: datetime | None
) -> None:
    how = AlertSettings(quiet_from=time(22), quiet_until=time(1, 30), time_zone="America/Denver")
    assert rules.held_until("warning", how, at) == until


def test_the_digest_before_is_a_day_earlier_by_the_clock() -> None:
    how = AlertSettings(digest_hour=8, time_zone="America/Denver")
    for day, hours in ((20261101, 25), (20261102, 24), (20260308, 23)):
        at = rules.time_of(day, how)
        assert at.timestamp() - rules.digest_before(at, how).timestamp() == hours * 3600


@given(
    at=some.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    start=some.times(),
    end=some.times(),
    zone=some.sampled_from(["UTC", "America/Denver", "Europe/Berlin"]),
)
def test_what_waits_for_the_end_of_the_quiet_hours_waits_a_day_at_most(
    at: datetime, start: time, end: time, zone: str
) -> None:
    now = at.replace(tzinfo=UTC)
    how = AlertSettings(quiet_from=start, quiet_until=end, time_zone=zone)
    until = rules.held_until("warning", how, now)
    assert until is None or now < until <= now + timedelta(hours=25)


def test_a_digest_belongs_to_the_day_of_its_hour() -> None:
    how = AlertSettings(digest_hour=8, time_zone="America/Denver")
    early, late = datetime(2026, 3, 4, 14, 59, tzinfo=UTC), datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
    assert [rules.day_of(rules.digest_at(how, at), how) for at in (early, late)] == [20260303, 20260304]
    assert rules.time_of(20260304, how) == late
