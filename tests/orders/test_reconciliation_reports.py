"""Reports of a reconciliation: their periods, files and costs, what persons dismissed, and the quantities compared."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.models import Listing
from orders import actions, jobs
from orders.models import (
    Reconciliation,
    UnreadableRecord,
)
from orders.reconciliation import job
from tests.orders.test_reconciliation import DENVER, MUG, Run, buckets, reconciled, row
from tests.orders.test_reconciliation import world as world


@pytest.mark.long
def test_a_dismissed_record_is_skipped_with_the_note(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({**MUG, "quantity": "two"})
    manage("run", "pull_orders")
    assert buckets(reconciled(manage)) == {number: "unreadable"}
    actions.dismiss(UnreadableRecord.objects.get(), "typed by hand", None)
    report = reconciled(manage)
    assert (row(report, number).bucket, row(report, number).text) == (
        "skipped",
        "cannot be read; dismissed: typed by hand",
    )
    assert report.exceptions == 0


@pytest.mark.long
def test_a_file_that_cannot_be_written_is_told_and_the_report_kept(shop: Sandbox, manage: Run, tmp_path: Path) -> None:
    day = str(datetime.now(DENVER).date())
    with pytest.raises(CommandError, match="the report is kept, but cannot be written"):
        manage("reconcile", "Overstock", "--from", day, "--to", day, "--csv", str(tmp_path))
    assert Reconciliation.objects.exists()


def test_a_period_of_any_days_is_compared_and_written_to_a_file(
    shop: Sandbox, manage: Run, tmp_path: Path, overstock: Connection
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=60)
    old = shop.oasis.add_order(MUG, created_at=long_ago, ordered_at=long_ago, number="=1+1")
    shop.oasis.add_order(MUG)
    Route.objects.update(earliest_order_date=(long_ago - timedelta(days=5)).date(), read_until=timezone.now())
    days = [(long_ago + timedelta(days=d)).date().isoformat() for d in (-1, 1)]
    file = tmp_path / "report.csv"
    with pytest.raises(CommandError, match="is on Overstock but not here"):
        manage("reconcile", "Overstock", "--from", days[0], "--to", days[1], "--csv", str(file))
    report = Reconciliation.objects.get()
    assert (buckets(report), row(report, old).mend) == ({old: "missing_here"}, "backfill")
    header, line = file.read_text(encoding="utf-8-sig").splitlines()
    assert header.startswith("bucket,order,")
    assert line.startswith("Missing here,'=1+1,OSTK,")
    assert f"--from {long_ago.astimezone(DENVER):%Y-%m-%d}" in line


@pytest.mark.parametrize(("arguments", "said"), [
    (("Gecko", "--from", "2026-01-01", "--to", "2026-01-02"), "starts from a marketplace"),
    (("Overstock", "--from", "2026-01-02", "--to", "2026-01-01"), "lies before"),
    (("Overstock", "--from", "2020-01-01", "--to", "2026-01-01"), "longer than 366 days"),
    (("Overstock", "--from", "2999-01-01", "--to", "2999-01-01"), "future"),
])  # fmt: skip
def test_days_that_cannot_be_compared_are_refused(shop: Sandbox, manage: Run, arguments: Any, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        manage("reconcile", *arguments)
    assert not Reconciliation.objects.exists()


@pytest.mark.long
def test_what_people_asked_for_is_compared_also_when_the_job_was_busy(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    shop.oasis.add_order(MUG)
    manage("run", "all")
    now = timezone.now()
    asked = [
        Reconciliation.objects.create(connection=overstock, since=now - timedelta(days=d), until=now) for d in (1, 2)
    ]
    assert not jobs.reconcile_asked(overstock).failed
    for one in asked:
        one.refresh_from_db()
        assert (one.counts, one.is_complete) == ({"sent": 1}, True)
    assert Reconciliation.objects.count() == 2


@pytest.mark.long
def test_a_week_costs_a_call_a_day_and_two_of_the_warehouse(shop: Sandbox, manage: Run, world: dict[str, str]) -> None:
    before = len(shop.log)
    report = reconciled(manage)
    calls = Counter((system, path) for system, _, path in shop.log[before:])
    assert calls == {("oasis", "/salesorders"): 7, ("tradegecko", "/orders"): 1, ("tradegecko", "/fulfillments"): 1}
    assert report.read["calls"] == 9


@pytest.mark.long
def test_reports_of_more_than_a_month_ago_are_forgotten(shop: Sandbox, manage: Run) -> None:
    old = reconciled(manage)
    Reconciliation.objects.filter(pk=old.pk).update(finished_at=timezone.now() - job.KEPT - timedelta(days=1))
    reconciled(manage)
    assert not Reconciliation.objects.filter(pk=old.pk).exists()


def published(manage: Run, overstock: Connection, **options: Any) -> None:
    Connection.objects.filter(pk=overstock.pk).update(options=options)
    manage("run", "all")
    manage("run", "all")


@pytest.mark.long
def test_quantities_are_compared_where_the_marketplace_lets_them_be_read(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    shop.oasis.add_order(MUG)
    published(manage, overstock, read_inventory=True)
    [(sku, place)] = shop.oasis.quantities
    assert reconciled(manage).quantities == []
    was = Listing.objects.get().published_quantity
    shop.oasis.quantities[sku, place] = 999
    [drifted] = reconciled(manage).quantities
    assert drifted == {"sku": sku, "warehouse_name": place, "published": was, "shown": 999}
    del shop.oasis.quantities[sku, place]
    assert [one["shown"] for one in reconciled(manage).quantities] == [None]


@pytest.mark.long
@pytest.mark.parametrize("fault", ["404", "html_200", "empty_200", "truncated", "error_in_200"])
def test_quantities_that_cannot_be_read_are_a_note_and_no_failure(
    shop: Sandbox, manage: Run, overstock: Connection, fault: str
) -> None:
    shop.oasis.add_order(MUG)
    published(manage, overstock, read_inventory=True)
    shop.faults.add("oasis", fault, path="/inventory", method="GET")
    assert "sent" in manage("run", "reconcile")
    report = Reconciliation.objects.get()
    assert (report.quantities, report.is_complete) == ([], True)
    assert report.notes.startswith("Quantities are not compared: ")
