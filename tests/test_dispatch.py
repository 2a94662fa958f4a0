"""What is due is enqueued once; one job's work wakes the next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from integrations.dispatch import dispatch
from integrations.models import Connection, JobPlan
from integrations.sandbox.server import Sandbox
from orders import tasks


def queued() -> list[str]:
    return sorted(row.task["name"] for row in OrmQ.objects.all())


def test_there_is_one_schedule_and_it_dispatches(db: None) -> None:
    assert list(Schedule.objects.values_list("func", flat=True)) == ["integrations.dispatch.dispatch"]


def test_every_job_of_a_connection_is_due_first_and_then_waits(
    shop: Sandbox, overstock: Connection, settings: Any
) -> None:
    assert dispatch() == len(settings.JOBS)
    assert dispatch() == 0
    assert f"pull_orders:{overstock.pk}" in queued()
    JobPlan.objects.filter(job="pull_orders").update(next_run_at=timezone.now() - timedelta(days=1))
    assert dispatch() == 0  # one waits for a worker already
    tasks.pull_orders(overstock.pk)
    assert dispatch() == 1


def test_a_stopped_or_switched_off_connection_is_left_alone(
    shop: Sandbox, overstock: Connection, gecko: Connection
) -> None:
    overstock.note_health("stopped", "refused")
    Connection.objects.filter(pk=gecko.pk).update(is_active=False)
    assert dispatch() == 0


def test_a_pull_wakes_the_submission_and_that_sends(shop: Sandbox, overstock: Connection, gecko: Connection) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    tasks.pull_orders(overstock.pk)
    assert queued() == [f"submit_orders:{gecko.pk}"]
    tasks.submit_orders(gecko.pk)
    assert len(shop.tradegecko.orders) == 1


def test_a_saved_alias_has_the_orders_that_wait_for_it_judged(
    shop: Sandbox, overstock: Connection, gecko: Connection, admin_client: Client
) -> None:
    form = {"connection": overstock.pk, "marketplace_sku": "X", "warehouse_sku": "MUG-BLK", "units": 1}
    admin_client.post(reverse("admin:inventory_skualias_add"), form)
    assert queued() == [f"submit_orders:{gecko.pk}"]


def test_a_caretaker_that_fails_keeps_no_job_from_its_turn(shop: Sandbox, settings: Any) -> None:
    settings.CARETAKERS = ("nowhere.at_all",)
    assert dispatch() > 0
