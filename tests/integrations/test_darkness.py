"""When a database must not believe that it knows what was done: it rested for longer than usual, or is a copy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import darkness
from integrations.dispatch import ensure_plans
from integrations.models import Connection, JobPlan, SyncRun

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def ran(connection: Connection, *ago: timedelta) -> None:
    """Runs that were written one after the other, each with its last sign of life so long ago by our clock."""
    for one in ago:
        at = timezone.now() - one
        SyncRun.objects.create(
            connection=connection, job="pull_orders", status=SyncRun.Status.SUCCEEDED, started_at=at, heartbeat_at=at
        )


def is_noticed(connection: Connection) -> bool:
    darkness.notice()
    connection.refresh_from_db()
    return connection.dark_until is not None


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        ([], False),
        ([4 * MINUTE], False),
        ([6 * MINUTE], True),
        ([4 * MINUTE, 6 * MINUTE], False),
        ([-DAY, -DAY], True),
        ([-DAY, -DAY, MINUTE], False),
    ],
    ids=["new", "a restart", "a copy", "a long run that began first", "a clock set back", "and the run after that"],
)
def test_a_rest_of_more_than_a_few_minutes_is_noticed(
    overstock: Connection, ago: list[timedelta], expected: bool
) -> None:
    ran(overstock, *ago)
    assert is_noticed(overstock) is expected


@pytest.mark.parametrize(("every", "ago", "expected"), [(15, 40 * MINUTE, False), (24 * 60, 2 * HOUR, True)])
def test_jobs_that_are_to_run_seldom_make_a_rest_usual_but_no_long_one(
    overstock: Connection, every: int, ago: timedelta, expected: bool
) -> None:
    ensure_plans(overstock)
    JobPlan.objects.update(every_minutes=every)
    ran(overstock, ago)
    assert is_noticed(overstock) is expected


def test_a_copy_is_noticed_though_all_frequent_jobs_were_switched_off_before_the_first_run(
    overstock: Connection,
) -> None:
    ensure_plans(overstock)
    JobPlan.objects.exclude(job="reconcile").update(is_enabled=False)
    ran(overstock, DAY)
    assert is_noticed(overstock)


@pytest.mark.parametrize("ago", [-DAY, MINUTE])
def test_what_a_clock_that_was_ahead_noted_is_put_right_once_it_is_set_back(
    overstock: Connection, ago: timedelta
) -> None:
    Connection.objects.update(dark_until=timezone.now() + DAY)
    ran(overstock, ago)
    assert is_noticed(overstock)
    assert overstock.dark_until is not None
    assert overstock.dark_until <= timezone.now()
