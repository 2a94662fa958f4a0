"""Doorways of the queue into this layer: a connection's id and the time of asking in, a line on how it went out."""

from __future__ import annotations

from django.utils import timezone
from django_q.tasks import async_task

from integrations.dispatch import take_up
from integrations.wording import counted
from orders import bulk, forgetting, jobs, map_upload
from orders.alerting import delivering, watch


def pull_orders(connection_id: int, asked_at: str = "") -> str:
    return _do("pull_orders", connection_id, asked_at)


def submit_orders(connection_id: int, asked_at: str = "") -> str:
    return _do("submit_orders", connection_id, asked_at)


def pull_shipments(connection_id: int, asked_at: str = "") -> str:
    return _do("pull_shipments", connection_id, asked_at)


def confirm_shipments(connection_id: int, asked_at: str = "") -> str:
    return _do("confirm_shipments", connection_id, asked_at)


def revisit_orders(connection_id: int, asked_at: str = "") -> str:
    return _do("revisit_orders", connection_id, asked_at)


def refresh_levels(connection_id: int, asked_at: str = "") -> str:
    return _do("refresh_levels", connection_id, asked_at)


def publish_inventory(connection_id: int, asked_at: str = "") -> str:
    return _do("publish_inventory", connection_id, asked_at)


def write_inventory_files(connection_id: int, asked_at: str = "") -> str:
    return _do("write_inventory_files", connection_id, asked_at)


def reconcile(connection_id: int, asked_at: str = "", which: str = "") -> str:
    """The last days and what people asked for; with `asked` only that, which does not stand for the daily one."""
    if which == "asked":
        return take_up("reconcile", connection_id, asked_at, jobs.reconcile_asked)
    return take_up("reconcile", connection_id, "", jobs.reconcile)


def carry_on_bulk(pk: int) -> str:
    """What waits of an action on many records; a second task for it finds each record done."""
    return bulk.carry_on(pk)


def take_care_of_bulk_actions() -> None:
    bulk.take_care()


def forget_map_previews() -> None:
    map_upload.forget_old()


def forget_personal_data() -> None:
    """Every hour: a first pass over all that ended long ago takes minutes, so whichever worker is free does it."""
    if forgetting.is_due(timezone.now()):
        async_task("orders.tasks.redact_personal_data", task_name="redact_personal_data")


def redact_personal_data() -> str:
    return f"{counted(forgetting.redact_old(timezone.now()), 'orders')} redacted"


def send_alerts() -> None:
    """Every minute: what is wrong becomes alerts, and what is to be told is sent by whichever worker is free."""
    watch.look(by_worker=True)
    if delivering.is_due():
        async_task("orders.tasks.deliver_alerts", task_name="deliver_alerts")


def deliver_alerts() -> str:
    return delivering.deliver()


def _do(job: str, connection_id: int, asked_at: str) -> str:
    return take_up(job, connection_id, asked_at, jobs.BY_NAME[job])
