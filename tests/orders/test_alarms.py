"""What does not run is told within two intervals, whatever keeps it from running."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task

from integrations.dispatch import dispatch
from integrations.models import Connection, JobPlan, Route, SyncRun
from integrations.sandbox.server import Sandbox
from integrations.wording import job_name
from inventory.models import WarehouseItem
from orders import jobs, tasks
from orders.alarms import alarms
from orders.models import Alert, WarehouseSubmission

Run = Callable[..., str]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def working(shop: Sandbox) -> None:
    """A cluster is at work: it was seen a moment ago, and every job of both connections has just run."""
    Schedule.objects.update(next_run=timezone.now() + MINUTE)
    worker_did_dispatch(timedelta(0))
    dispatch()
    for plan in JobPlan.objects.select_related("connection"):
        jobs.BY_NAME[plan.job](plan.connection)
    JobPlan.objects.update(queued_at=None, expected_since=timezone.now() - timedelta(days=9))


def worker_did_dispatch(ago: timedelta) -> None:
    at = timezone.now() - ago
    func = "integrations.dispatch.dispatch"
    Task.objects.filter(func=func).delete()
    Task.objects.create(id=f"t{at:%s%f}", name="dispatch", func=func, started=at, stopped=at, success=True)


def age(job: str, ago: timedelta) -> None:
    """The last run of this job was so long ago."""
    at = timezone.now() - ago
    SyncRun.objects.filter(job=job).update(started_at=at, finished_at=at, heartbeat_at=at)


def test_all_is_well(working: None) -> None:
    assert alarms() == []


@pytest.mark.long
def test_workers_that_never_did_anything_are_not_called_running(shop: Sandbox, manage: Run) -> None:
    Schedule.objects.update(next_run=timezone.now() + MINUTE)
    assert not json.loads(manage("status", "--json"))["workers"]["running"]
    worker_did_dispatch(timedelta(0))
    assert json.loads(manage("status", "--json"))["workers"]["running"]


def test_no_cluster_is_told_within_two_minutes(working: None) -> None:
    worker_did_dispatch(2 * MINUTE)
    Schedule.objects.update(next_run=timezone.now() - MINUTE)
    assert "no worker has been seen for 2 min 0 s" in alarms()[0]


def test_where_no_worker_was_ever_seen_nothing_says_for_how_long(
    working: None, manage: Run, admin_client: Client
) -> None:
    Schedule.objects.all().delete()
    Task.objects.all().delete()
    assert alarms()[0].startswith("no worker was seen yet; ")
    told = manage("status") + admin_client.get(reverse("admin:start_jobs")).content.decode()
    assert ("No worker was seen yet." in told, "999 d" in told) == (True, False)


@pytest.mark.long
def test_a_cluster_whose_workers_take_no_work_is_told_though_its_schedule_moves_on(working: None) -> None:
    worker_did_dispatch(2 * MINUTE)
    assert "no worker has been seen" in alarms()[0]


def test_a_job_that_is_queued_and_never_taken_up_is_told_within_two_intervals(working: None) -> None:
    age("pull_orders", 2 * MINUTE - timedelta(seconds=1))
    assert alarms() == []
    age("pull_orders", 2 * MINUTE)
    JobPlan.objects.filter(job="pull_orders").update(next_run_at=timezone.now() + MINUTE, queued_at=timezone.now())
    [text] = alarms()
    assert "Pull orders of Overstock is overdue: it should run every minute" in text


@pytest.mark.long
@pytest.mark.parametrize(("job", "minutes"), [("pull_levels", 10), ("publish_inventory", 5), ("reconcile", 24 * 60)])
def test_each_job_has_its_own_interval(working: None, job: str, minutes: int) -> None:
    age(job, (2 * minutes - 1) * MINUTE)
    assert alarms() == []
    age(job, 2 * minutes * MINUTE)
    assert [job_name(job) in text for text in alarms()] == [True]


def test_a_job_that_waits_since_the_other_side_asked_for_a_pause_is_told_only_two_intervals_after_that(
    working: None, shop: Sandbox, overstock: Connection
) -> None:
    shop.faults.add("oasis", "429", retry_after="600")
    jobs.BY_NAME["pull_orders"](overstock)
    age("pull_orders", 5 * MINUTE)
    assert alarms() == []
    JobPlan.objects.update(expected_since=timezone.now() - 2 * MINUTE)
    assert "Pull orders of Overstock is overdue" in alarms()[0]


def test_a_run_without_a_sign_of_life_is_told(working: None) -> None:
    age("pull_orders", 2 * MINUTE)
    SyncRun.objects.filter(job="pull_orders").update(status="running", finished_at=None)
    [text] = alarms()
    assert "Pull orders of Overstock has shown no sign of life" in text


def test_a_run_that_keeps_the_job_from_others_for_long_is_told(working: None, overstock: Connection) -> None:
    age("pull_orders", 16 * MINUTE)
    SyncRun.objects.filter(job="pull_orders").update(status="running", finished_at=None, heartbeat_at=timezone.now())
    assert jobs.pull_orders(overstock).started is False
    [text] = alarms()
    assert "Pull orders of Overstock has been running since" in text


@pytest.mark.long
def test_a_run_that_takes_its_time_and_lives_is_no_alarm(working: None) -> None:
    age("pull_orders", 10 * MINUTE)
    SyncRun.objects.filter(job="pull_orders").update(status="running", finished_at=None, heartbeat_at=timezone.now())
    assert alarms() == []


@pytest.mark.long
def test_a_new_connection_has_two_intervals_before_it_is_told_of(shop: Sandbox) -> None:
    worker_did_dispatch(timedelta(0))
    Schedule.objects.update(next_run=timezone.now() + MINUTE)
    dispatch()
    assert alarms() == []
    JobPlan.objects.update(expected_since=timezone.now() - 2 * MINUTE)
    assert len(alarms()) == 4


@pytest.mark.long
@pytest.mark.parametrize("how", ["switched off", "stopped", "plan switched off"])
def test_what_was_switched_on_again_has_two_intervals(working: None, overstock: Connection, how: str) -> None:
    age("pull_orders", 600 * MINUTE)
    if how == "switched off":
        Connection.objects.filter(pk=overstock.pk).update(is_active=False)
    elif how == "stopped":
        overstock.note_health("stopped", "refused")
    else:
        JobPlan.objects.filter(job="pull_orders").update(is_enabled=False)
    assert not [text for text in alarms() if "overdue" in text]
    dispatch()
    Connection.objects.update(is_active=True, health="working")
    JobPlan.objects.update(is_enabled=True)
    assert alarms() == []


def test_status_tells_what_is_looked_for_every_minute_too(working: None, manage: Run) -> None:
    Alert.objects.create(kind="silence", severity="critical", text="no order has come from Overstock since noon")
    Alert.objects.create(kind="silence", key="1", severity="critical", text="that is over", closed_at=timezone.now())
    assert [line for line in manage("status").splitlines() if line.startswith("ALARM")] == [
        "ALARM no order has come from Overstock since noon"
    ]


def test_the_start_page_and_status_show_it(working: None, manage: Run, admin_client: Client) -> None:
    age("pull_orders", 2 * MINUTE)
    text = "Pull orders of Overstock is overdue"
    assert text in unescape(admin_client.get(reverse("admin:start_wrong")).content.decode())
    assert f"ALARM {text}" in manage("status")
    assert any(text in alarm for alarm in json.loads(manage("status", "--json"))["alarms"])


def test_stock_that_nobody_got_to_read_is_told_until_it_was(shop: Sandbox, gecko: Connection) -> None:
    Route.objects.update(location_name="Nowhere", location_id="")
    WarehouseItem.objects.create(connection=gecko, sku="V", matches=1, remote_id="1", checked_at=timezone.now())
    told = "the stock of Gecko was never read; the runs of Pull levels say why"
    assert told not in alarms()
    jobs.BY_NAME["pull_levels"](gecko)
    assert told in alarms()
    Route.objects.update(location_name="Main DC")
    jobs.BY_NAME["pull_levels"](gecko)
    assert told not in alarms()


def test_many_orders_that_wait_are_one_alarm(working: None, shop: Sandbox, overstock: Connection) -> None:
    for _ in range(3):
        shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    jobs.pull_orders(overstock)
    for place, row in enumerate(WarehouseSubmission.objects.order_by("pk")):
        row.created_at, row.last_error = timezone.now() - timedelta(hours=1), f"reason {place}"
        row.save()
    assert alarms() == ["3 orders wait to be sent to Gecko; the first one: reason 0"]


@pytest.mark.long
def test_however_long_nobody_worked_each_job_runs_once_afterwards(shop: Sandbox, overstock: Connection) -> None:
    """The dispatcher ran, no worker took up a job, and each task was given up as lost in its time."""
    for _ in range(20):
        JobPlan.objects.update(next_run_at=timezone.now(), queued_at=timezone.now() - timedelta(hours=100))
        dispatch()
    waiting = [row.task for row in OrmQ.objects.all() if row.task["name"] == f"pull_orders:{overstock.pk}"]
    assert len(waiting) == 20
    for task in waiting:
        tasks.pull_orders(*task["args"])
    assert SyncRun.objects.filter(job="pull_orders").count() == 1


def test_a_task_that_got_lost_is_queued_again(shop: Sandbox) -> None:
    dispatch()
    OrmQ.objects.all().delete()
    JobPlan.objects.update(next_run_at=timezone.now())
    assert dispatch() == 0
    JobPlan.objects.filter(job="pull_orders").update(queued_at=timezone.now() - timedelta(minutes=6))
    assert dispatch() == 1


@pytest.mark.long
def test_a_job_that_is_running_is_not_queued_behind_itself(working: None, overstock: Connection) -> None:
    SyncRun.objects.filter(job="pull_orders").update(status="running", heartbeat_at=timezone.now())
    JobPlan.objects.filter(job="pull_orders").update(next_run_at=timezone.now())
    assert dispatch() == 0
    SyncRun.objects.filter(job="pull_orders").update(status="succeeded")
    assert dispatch() == 1
