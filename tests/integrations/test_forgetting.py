"""What is kept of runs, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.dispatch import forget_old
from integrations.models import Connection, SyncRun
from inventory.models import SkuAlias

pytestmark = pytest.mark.django_db
S = SyncRun.Status


@pytest.fixture
def connection() -> Connection:
    return Connection.objects.create(name="Gecko", provider="tradegecko")


def ran(connection: Connection, status: str, days_ago: int, job: str = "submit_orders") -> int:
    at = timezone.now() - timedelta(days=days_ago)
    return SyncRun.objects.create(connection=connection, job=job, status=status, started_at=at).pk


@pytest.mark.parametrize(("status", "days"), [(S.SUCCEEDED, 30), (S.PARTIAL, 90), (S.FAILED, 90), (S.INTERRUPTED, 90)])
def test_runs_are_forgotten_after_their_time(connection: Connection, status: str, days: int) -> None:
    ran(connection, status, days + 1)
    kept = {ran(connection, status, days - 1), ran(connection, S.SUCCEEDED, 0)}
    forget_old(timezone.now())
    assert set(SyncRun.objects.values_list("pk", flat=True)) == kept


@pytest.mark.parametrize("status", [S.SUCCEEDED, S.FAILED])
def test_the_newest_of_each_job_is_kept_however_old_it_is(connection: Connection, status: str) -> None:
    ran(connection, status, 500)
    kept = {ran(connection, status, 400), ran(connection, status, 450, job="pull_shipments")}
    forget_old(timezone.now())
    assert set(SyncRun.objects.values_list("pk", flat=True)) == kept


def test_a_run_that_goes_on_is_never_forgotten(connection: Connection) -> None:
    running = ran(connection, S.RUNNING, 100)
    ran(connection, S.SUCCEEDED, 0)
    forget_old(timezone.now())
    assert SyncRun.objects.filter(pk=running).exists()


def test_a_state_of_an_alias_is_forgotten_a_year_after_the_next_one_and_the_last_never(connection: Connection) -> None:
    alias = SkuAlias.objects.create(connection=connection, marketplace_sku="M", warehouse_sku="V")
    for units in (2, 3, 4):
        alias.units = units
        alias.save()
    gone = SkuAlias.objects.create(connection=connection, marketplace_sku="GONE", warehouse_sku="V")
    gone.delete()
    SkuAlias.history.update(history_date=timezone.now() - timedelta(days=500))
    SkuAlias.history.filter(units=4).update(history_date=timezone.now() - timedelta(days=364))
    forget_old(timezone.now())
    assert set(SkuAlias.history.values_list("marketplace_sku", "units", "history_type")) == {
        ("M", 3, "~"), ("M", 4, "~"), ("GONE", 1, "-")
    }  # fmt: skip
