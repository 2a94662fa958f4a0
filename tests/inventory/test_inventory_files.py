"""Inventory files: the same numbers and guard as a publish, kept, and published once somebody uploaded them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.utils import timezone
from django_q.models import OrmQ
from openpyxl import load_workbook

from integrations.models import Connection, Route, SyncRun
from integrations.processes import RunLost
from integrations.runs import Run
from integrations.sandbox.server import Sandbox
from inventory import files, guarding
from inventory.file_formats import as_csv, as_xlsx
from inventory.filed import InventoryFile
from inventory.models import GuardedPublish, Listing, Publication, SkuAlias, WarehouseItem
from inventory.rules import InventoryRule
from orders import demand
from orders.jobs import write_inventory_files
from tests.inventory.test_listings import asked_long_ago, change_variant

Manage = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"


@pytest.fixture
def by_file(shop: Sandbox, manage: Manage, alias: Alias, route: Route) -> Route:
    """A route that publishes by file, with three listings, one of them ugly; its stock is read."""
    route.publish_by = Route.PublishBy.FILE
    route.save(update_fields=["publish_by"])
    for name, stock in (("007", 7), ("=1+1", 3), ("M2", 5)):
        shop.tradegecko.add_variant(f"V{name}", stock=stock)
        alias(name, f"V{name}")
    manage("run", "all")
    route.refresh_from_db()
    return route


def made(route: Route) -> InventoryFile:
    files.ask_quietly(route)
    write_inventory_files(route.marketplace)
    return InventoryFile.objects.filter(route=route).latest("asked_at")


def lines(record: InventoryFile) -> list[list[str]]:
    return list(csv.reader(StringIO(as_csv(record).decode())))


def asked_for_nothing(route: Route, sku: str) -> None:
    """The warehouse was asked for this SKU, and has none."""
    WarehouseItem.objects.create(connection=route.warehouse, sku=sku, matches=0, checked_at=timezone.now())


def posts(box: Sandbox) -> int:
    return len([call for call in box.calls("oasis") if call == ("POST", "/inventory")])


def test_a_file_says_what_a_publish_would_and_nothing_is_sent(by_file: Route, shop: Sandbox) -> None:
    record = made(by_file)
    assert lines(record) == [
        ["Supplier SKU", "Option SKU", "UPC", "Warehouse", "Quantity"],
        ["007", "", "", DC, "7"], ["'=1+1", "", "", DC, "3"], ["M2", "", "", DC, "5"],
    ]  # fmt: skip
    assert (record.listings, record.changed, record.held) == (3, 3, 0)
    assert posts(shop) == 0
    assert not Publication.objects.exists()


def test_a_spreadsheet_keeps_zeros_and_runs_nothing(by_file: Route) -> None:
    by_file.inventory_file_columns = "Sku, Option, Upc, Facility, Qty"
    by_file.save(update_fields=["inventory_file_columns"])
    sheet = load_workbook(BytesIO(as_xlsx(made(by_file)))).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["Sku", "Option", "Upc", "Facility", "Qty"]
    assert [row[0] for row in rows[1:]] == ["007", "=1+1", "M2"]
    assert {cell.data_type for row in sheet.iter_rows(min_row=2, max_col=1) for cell in row} == {"s"}


def test_what_was_uploaded_counts_as_published_once(by_file: Route, shop: Sandbox) -> None:
    record = made(by_file)
    assert files.mark_uploaded(record, None) == "3 quantities of route Main count as published."
    assert dict(Listing.objects.values_list("marketplace_sku", "published_quantity")) == {"007": 7, "=1+1": 3, "M2": 5}
    assert set(Publication.objects.values_list("status", "file")) == {("accepted", record.pk)}
    with pytest.raises(files.NotUploaded):
        files.mark_uploaded(record, None)
    again = made(by_file)
    assert again.changed == 0
    files.mark_uploaded(again, None)
    assert Publication.objects.count() == 3
    assert Listing.objects.get(marketplace_sku="M2").explanation["quantity"] == 5


def test_a_long_file_is_noted_by_a_worker_once(
    by_file: Route, overstock: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "NOTED_AT_ONCE", 2)
    record = made(by_file)
    assert "as soon as a worker" in files.mark_uploaded(record, None)
    assert not Publication.objects.exists()
    write_inventory_files(overstock)
    write_inventory_files(overstock)
    assert Publication.objects.count() == 3
    record.refresh_from_db()
    assert record.state == "uploaded"
    assert set(Listing.objects.values_list("published_at", flat=True)) == {record.uploaded_at}


def test_a_run_that_was_taken_for_dead_leaves_the_file_to_the_next_one(by_file: Route, overstock: Connection) -> None:
    files.ask_quietly(by_file)
    record = SyncRun.objects.create(connection=overstock, job="write_inventory_files", status="interrupted")
    with pytest.raises(RunLost):
        files.make_due(Run(record, overstock), [by_file], demand.pending)
    assert InventoryFile.objects.get().state == "waiting"
    write_inventory_files(overstock)
    assert InventoryFile.objects.get().state == "made"


def two_made(route: Route, box: Sandbox, manage: Manage) -> tuple[InventoryFile, InventoryFile]:
    """One file with 5 of M2, and a newer one with 2."""
    older = made(route)
    box.tradegecko.set_stock("VM2", 2)
    manage("run", "pull_levels")
    return older, made(route)


def believed(sku: str = "M2") -> int | None:
    return Listing.objects.get(marketplace_sku=sku).published_quantity


def test_of_two_files_the_one_made_last_counts_though_it_was_made_before_the_other_was_uploaded(
    by_file: Route, shop: Sandbox, manage: Manage
) -> None:
    older, newer = two_made(by_file, shop, manage)
    files.mark_uploaded(older, None)
    assert files.mark_uploaded(newer, None) == "3 quantities of route Main count as published."
    assert believed() == 2
    assert not InventoryFile.objects.filter(state="waiting").exists()


def test_an_older_file_never_overwrites_a_newer_one_and_what_it_may_have_is_in_a_file_again(
    by_file: Route, shop: Sandbox, manage: Manage
) -> None:
    older, newer = two_made(by_file, shop, manage)
    files.mark_uploaded(newer, None)
    said = files.mark_uploaded(older, None)
    assert "3 listings were left out" in said
    assert "1 quantity is in the inventory file that is made now" in said
    assert believed() == 2
    write_inventory_files(by_file.marketplace)
    again = InventoryFile.objects.latest("asked_at")
    assert again not in (older, newer)
    assert lines(again)[-1][-1] == "2"
    files.mark_uploaded(again, None)
    assert not InventoryFile.objects.filter(state__in=("waiting", "made")).exists()


def test_what_was_sent_before_an_older_file_is_said_to_be_uploaded_is_sent_again(
    by_file: Route, shop: Sandbox, manage: Manage
) -> None:
    older, _ = two_made(by_file, shop, manage)
    Route.objects.filter(pk=by_file.pk).update(publish_by="api")
    manage("run", "publish_inventory")
    shop.oasis.quantities["M2", DC] = 5  # as the file says, which is uploaded now
    older.refresh_from_db()
    assert "1 quantity is published again with the next run" in files.mark_uploaded(older, None)
    assert believed() == 2
    manage("run", "publish_inventory")
    assert shop.oasis.quantities["M2", DC] == 2


def test_files_that_a_worker_notes_are_noted_as_they_were_uploaded(
    by_file: Route, shop: Sandbox, manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = two_made(by_file, shop, manage)
    monkeypatch.setattr(files, "NOTED_AT_ONCE", 0)
    for record in (newer, older):
        files.mark_uploaded(record, None)
    write_inventory_files(by_file.marketplace)
    assert believed() == 2
    assert InventoryFile.objects.filter(state="made").exclude(pk__in=(older.pk, newer.pk)).exists()


def test_what_the_guard_holds_back_is_repeated_as_it_is(by_file: Route, shop: Sandbox, manage: Manage) -> None:
    Route.objects.filter(pk=by_file.pk).update(guard_listings=2)
    files.mark_uploaded(made(by_file), None)
    for sku in ("V007", "V=1+1", "VM2"):
        shop.tradegecko.set_stock(sku, 0)
    manage("run", "pull_levels")
    OrmQ.objects.all().delete()
    record = made(by_file)
    assert record.held == 3
    assert [row[-1] for row in lines(record)[1:]] == ["7", "3", "5"]
    waiting = GuardedPublish.objects.get(state="waiting")
    said = guarding.release(waiting, waiting.fingerprint, None)
    assert said == "3 quantities of route Main are in the inventory file that is made now."
    assert [task.name() for task in OrmQ.objects.all()] == [f"write_inventory_files:{by_file.marketplace_id}"]
    write_inventory_files(by_file.marketplace)
    assert [row[-1] for row in lines(InventoryFile.objects.latest("asked_at"))[1:]] == ["0", "0", "0"]


def test_a_listing_that_is_not_known_is_set_to_0_once_it_was_shown(by_file: Route, shop: Sandbox, alias: Alias) -> None:
    files.mark_uploaded(made(by_file), None)
    SkuAlias.objects.filter(marketplace_sku="M2").update(warehouse_sku="GONE")
    alias("NEW", "GONE")
    asked_for_nothing(by_file, "GONE")
    record = made(by_file)
    assert {row[0]: row[-1] for row in lines(record)[1:]} == {"007": "7", "'=1+1": "3", "M2": "0"}
    assert "does not carry it" in Listing.objects.get(marketplace_sku="M2").problem
    assert record.changed == 1


def test_a_file_is_made_on_schedule(by_file: Route, overstock: Connection) -> None:
    write_inventory_files(overstock)
    assert not InventoryFile.objects.exists()
    Route.objects.filter(pk=by_file.pk).update(inventory_file_hours=24)
    write_inventory_files(overstock)
    write_inventory_files(overstock)
    assert InventoryFile.objects.get().state == "made"


def test_a_daily_file_is_not_an_hour_later_each_day(by_file: Route, overstock: Connection) -> None:
    Route.objects.filter(pk=by_file.pk).update(inventory_file_hours=24)
    write_inventory_files(overstock)
    a_little_after_yesterdays_run = timezone.now() - timedelta(hours=24) + timedelta(seconds=20)
    InventoryFile.objects.update(made_at=a_little_after_yesterdays_run)
    write_inventory_files(overstock)
    assert InventoryFile.objects.count() == 2


def test_a_paused_route_says_why_there_is_no_file(by_file: Route, tried: Manage) -> None:
    Route.objects.filter(pk=by_file.pk).update(state="paused")
    assert "no inventory file of route Main: route Main is paused" in tried("inventory_file", "Main")
    assert InventoryFile.objects.get().state == "failed"


def test_the_command_writes_the_file_or_says_what_is_wrong(
    by_file: Route, manage: Manage, tried: Manage, tmp_path: Path
) -> None:
    assert manage("inventory_file", "Main").splitlines()[3] == f"M2,,,{DC},5"
    path = tmp_path / "stock.xlsx"
    assert "3 listings of route Main" in manage("inventory_file", "Main", "--format", "xlsx", "--output", str(path))
    assert load_workbook(path).active.max_row == 4
    with pytest.raises(CommandError, match="--output") as caught:
        manage("inventory_file", "Main", "--format", "xlsx")
    assert caught.value.returncode == 2
    assert "known are 'Main'" in tried("inventory_file", "Mian")
    assert "cannot be written" in tried("inventory_file", "Main", "--output", str(tmp_path / "no" / "x.csv"))


@pytest.mark.parametrize("names", ["A,B,C,D", "A,B,C,D,A", "A,,C,D,E"])
def test_five_different_columns_are_named(names: str) -> None:
    with pytest.raises(ValidationError):
        Route._meta.get_field("inventory_file_columns").run_validators(names)


def test_a_file_leaves_out_what_is_not_to_be_published(by_file: Route, shop: Sandbox, manage: Manage) -> None:
    files.mark_uploaded(made(by_file), None)
    InventoryRule.objects.create(route=by_file, listing=Listing.objects.get(marketplace_sku="M2"), do_not_publish=True)
    change_variant(shop, "V007", manage_stock=False)
    asked_long_ago()
    manage("run", "pull_levels")
    assert [line[0] for line in lines(made(by_file))[1:]] == ["'=1+1"]
    assert set(Listing.objects.exclude(not_published="").values_list("marketplace_sku", flat=True)) == {"M2", "007"}
