"""Both systems are read, and every order of the period is told of once, whatever happened to it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import CommandError
from django.utils import timezone

from integrations.dispatch import dispatch
from integrations.models import Connection, JobPlan, Route, SyncRun
from integrations.sandbox.server import Sandbox
from orders.models import (
    Hold,
    Order,
    ReconciledOrder,
    Reconciliation,
    ShipmentConfirmation,
    WarehouseSubmission,
)
from orders.reconciliation import ours
from tests.orders.world import placed, ship

Run = Callable[..., str]
DENVER = ZoneInfo("America/Denver")
MUG = {"partner_sku": "MUG-BLK"}
AS_IT_IS = ("company_id", "reference_number", "status", "shipping_address_id", "billing_address_id", "issued_at")


def reconciled(manage: Run) -> Reconciliation:
    with suppress(CommandError):
        manage("run", "reconcile")
    return Reconciliation.objects.latest("pk")


def row(report: Reconciliation, number: str) -> ReconciledOrder:
    return report.orders.get(number=number)


def buckets(report: Reconciliation) -> dict[str, str]:
    """Bucket by number; a number that was told of twice would be missed here, so it must not be."""
    rows = list(report.orders.values_list("number", "bucket"))
    assert len(rows) == len(dict(rows)) == report.total
    return dict(rows)


def left_long_ago(box: Sandbox, parcel: int) -> None:
    """The warehouse shipped it two hours ago."""
    at = f"{datetime.now(UTC) - timedelta(hours=2):%Y-%m-%dT%H:%M:%S}.000Z"
    box.tradegecko.tables["fulfillments"][parcel].update(created_at=at, updated_at=at, shipped_at=at)


def once_more(box: Sandbox, number: str) -> int:
    """Somebody enters the order by hand in the warehouse, where it is already."""
    given = {name: placed(box, number)[name] for name in AS_IT_IS}
    return int(box.tradegecko.create_order(given)["id"])


@pytest.fixture
def world(shop: Sandbox, manage: Run, overstock: Connection) -> dict[str, str]:
    """An order for every bucket: number → bucket."""
    new: Callable[..., str] = shop.oasis.add_order
    of: dict[str, str] = {
        new(MUG): "sent", new(MUG, number="DOUBLED"): "doubled", new(MUG, number="VOIDED"): "missing_there",
        new(MUG, number="SHIPPED"): "sent", new(MUG, number="UNTOLD"): "unconfirmed",
        new(MUG, number="RETOLD"): "different", new(MUG, number="GONE"): "gone",
        new({"partner_sku": "MYSTERY-9"}): "held", new(MUG, status="COMPLETE"): "skipped",
        new({"partner_sku": "MYSTERY-9"}, number="CANCELLED"): "cancelled", new(MUG, number="LOST"): "missing_here",
        new({**MUG, "quantity": "two"}): "unreadable",
    }  # fmt: skip
    manage("run", "all")
    _disturb(shop, manage)
    of[new(MUG, number="REFUSED")] = "held"
    shop.faults.add("tradegecko", "422", path="/orders", method="POST")
    with pytest.raises(CommandError, match="REFUSED"):
        manage("run", "all")
    of[new(MUG, number="YOUNG")] = "being_sent"
    manage("run", "pull_orders")
    of[new(MUG, number="ELSEWHERE", warehouse="Reno DC")] = "held"
    manage("run", "pull_orders")
    Order.objects.filter(full_number="LOST").delete()
    Route.objects.update(read_until=datetime.now(UTC) - timedelta(seconds=30))
    of[new(MUG, number="NEWEST", created_at=datetime.now(UTC) - timedelta(seconds=10))] = "being_sent"
    return of


def _disturb(box: Sandbox, manage: Run) -> None:
    gecko = box.tradegecko
    once_more(box, "DOUBLED")
    gecko.void(placed(box, "VOIDED"))
    box.oasis.cancel("CANCELLED")
    parcels = [ship(box, number, tracking=f"1Z-{number}") for number in ("SHIPPED", "RETOLD")]
    manage("run", "all")
    for parcel in (*parcels, ship(box, "UNTOLD", tracking="1Z-UNTOLD")):
        left_long_ago(box, parcel)
    ShipmentConfirmation.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    [shown] = box.oasis.orders["RETOLD"].lines[0].parcels
    shown.tracking_number = "1Z-OTHER"
    box.oasis.remove("GONE")
    gecko.void(placed(box, "LOST"))


def test_every_bucket_happens_and_the_counts_add_up(shop: Sandbox, manage: Run, world: dict[str, str]) -> None:
    before = WarehouseSubmission.objects.count(), Hold.objects.count(), len(shop.tradegecko.orders)
    report = reconciled(manage)
    assert buckets(report) == world
    assert report.counts == dict(Counter(world.values()))
    assert report.total == len(world) == report.orders.count()
    assert set(report.counts) == set(ReconciledOrder.Bucket.values) - {"unchecked"}
    assert (report.is_complete, report.exceptions) == (True, 7)
    assert (WarehouseSubmission.objects.count(), Hold.objects.count(), len(shop.tradegecko.orders)) == before


def test_each_exception_says_what_is_wrong_and_what_mends_it(shop: Sandbox, manage: Run, world: dict[str, str]) -> None:
    report = reconciled(manage)
    wrong = report.orders.filter(bucket__in=ReconciledOrder.EXCEPTIONS)
    assert all(one.text and one.action for one in wrong)
    assert "1Z-RETOLD, which is not shown" in row(report, "RETOLD").text
    assert "line 1, 0 of 1 units" in row(report, "UNTOLD").text
    assert f"(id {placed(shop, 'UNTOLD')['id']})" in row(report, "UNTOLD").remote_orders
    run = SyncRun.objects.filter(job="reconcile").latest("pk")
    assert run.status == "partial"
    assert "order LOST is on Overstock but not here" in run.error
    assert report.run == run


def test_only_the_report_says_where_a_changed_order_goes(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order(MUG, address={"contactName": "Quirinia Zauberwald"})
    manage("run", "all")
    shop.oasis.edit(number, address={"contactName": "Hieronyma Quack", "address1": "9 Tintagel Rise"})
    report = reconciled(manage)
    assert "name 'Quirinia Zauberwald' → 'Hieronyma Quack'" in row(report, number).text
    run = SyncRun.objects.get(job="reconcile")  # its words go to logs, too
    assert f"order {number} was changed on Overstock after it was sent: name (redacted); address line 1" in run.error
    assert not any(word in run.error + run.summary for word in ("Quirinia", "Quack", "Tintagel"))


def test_status_tells_the_last_report(shop: Sandbox, manage: Run, world: dict[str, str]) -> None:
    assert json.loads(manage("status", "--json"))["reconciliation"] == {}
    reconciled(manage)
    report = reconciled(manage)
    Reconciliation.objects.create(connection=report.connection, since=report.since, until=report.until)  # unfinished
    last = json.loads(manage("status", "--json"))["reconciliation"]["Overstock"]
    assert (last["exceptions"], last["is_complete"]) == (7, True)
    assert last["buckets"] == dict.fromkeys(ReconciledOrder.EXCEPTIONS, 1)
    assert report.finished_at
    assert last["finished_at"][:19] == f"{report.finished_at:%Y-%m-%dT%H:%M:%S}"
    assert "reconciliation Overstock: " in manage("status")
    assert "missing_here 1" in manage("status")


@pytest.mark.long
def test_a_missing_order_is_there_once_it_was_read_again_as_the_report_says(
    shop: Sandbox, manage: Run, world: dict[str, str]
) -> None:
    assert row(reconciled(manage), "LOST").mend == "read_again"
    with suppress(CommandError):
        manage("run", "revisit_orders")
    assert row(reconciled(manage), "LOST").bucket == "being_sent"


def test_what_could_not_be_read_is_not_called_missing(shop: Sandbox, manage: Run, world: dict[str, str]) -> None:
    shop.faults.add("tradegecko", "503", times=1000)
    report = reconciled(manage)
    assert not report.is_complete
    assert "503" in report.notes
    assert "missing_there" not in report.counts
    # What needs one side only is still told.
    assert {row(report, number).bucket for number in ("LOST", "GONE", "RETOLD")} == {
        "missing_here",
        "gone",
        "different",
    }
    assert row(report, "VOIDED").bucket == "held"  # by the hold that was opened when it was seen
    assert row(report, "SHIPPED").bucket == "unchecked"
    buckets(report)


@pytest.mark.long
def test_parcels_that_cannot_be_read_leave_orders_unchecked(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order(MUG)
    manage("run", "all")
    shop.faults.add("tradegecko", "500_html", path="/fulfillments", times=1000)
    assert row(reconciled(manage), number).bucket == "unchecked"


@pytest.mark.long
def test_an_order_of_the_warehouse_that_cannot_be_read_makes_nothing_missing(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order(MUG)
    manage("run", "all")
    shop.tradegecko.orders[placed(shop, number)["id"]]["order_number"] = ["odd"]
    report = reconciled(manage)
    assert (row(report, number).bucket, report.is_complete) == ("unchecked", False)


@pytest.mark.long
def test_a_parcel_that_has_just_left_is_being_told_and_unconfirmed_minutes_later(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        number = shop.oasis.add_order(MUG)
        manage("run", "all")
        ship(shop, number, tracking="1Z1")
        clock.shift(timedelta(minutes=4))
        report = reconciled(manage)
        assert buckets(report) == {number: "sent"}
        assert row(report, number).text == "was shipped 4 min ago, Overstock is being told"
        clock.shift(timedelta(minutes=2))
        report = reconciled(manage)
        assert (buckets(report), row(report, number).mend) == ({number: "unconfirmed"}, "pull")
        manage("run", "all")
        report = reconciled(manage)
        assert (buckets(report), row(report, number).text) == ({number: "sent"}, "")


@pytest.mark.long
def test_where_the_jobs_run_seldom_a_parcel_has_as_long_to_be_told(shop: Sandbox, overstock: Connection) -> None:
    dispatch()
    assert ours.grace(overstock) == timedelta(minutes=5)
    JobPlan.objects.filter(job="pull_shipments").update(every_minutes=30)
    JobPlan.objects.filter(job="pull_levels").update(every_minutes=600)
    assert timedelta(minutes=60) <= ours.grace(overstock) <= timedelta(minutes=61)
    JobPlan.objects.filter(job="pull_shipments").update(is_enabled=False)
    assert ours.grace(overstock) == timedelta(minutes=5)


@pytest.mark.long
def test_what_was_confirmed_minutes_ago_need_not_be_shown_yet(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order(MUG)
    manage("run", "all")
    parcel = ship(shop, number, tracking="1Z1")
    manage("run", "all")
    left_long_ago(shop, parcel)
    line = shop.oasis.orders[number].lines[0]
    line.parcels, line.status, shop.oasis.orders[number].status = [], "PROCESSING", "PROCESSING"
    assert buckets(reconciled(manage)) == {number: "sent"}
    ShipmentConfirmation.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    report = reconciled(manage)
    assert buckets(report) == {number: "different"}
    assert "0 units shipped, 1 were told" in row(report, number).text


@pytest.mark.long
def test_an_order_that_was_just_sent_need_not_be_in_the_list_yet(shop: Sandbox, manage: Run, settings: Any) -> None:
    number = shop.oasis.add_order(MUG)
    manage("run", "all")
    shop.tradegecko.void(placed(shop, number))
    settings.LOOKUP_GRACE_SECONDS = 30
    assert buckets(reconciled(manage)) == {number: "sent"}


def test_when_the_marketplace_cannot_be_asked_nothing_is_gone(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order(MUG)
    manage("run", "all")
    shop.faults.add("oasis", "503", path="/salesorders", times=1000)
    report = reconciled(manage)
    assert (row(report, number).bucket, report.is_complete) == ("unchecked", False)
    assert SyncRun.objects.filter(job="reconcile").latest("pk").status == "failed"


def test_an_answer_that_lacks_orders_makes_none_of_them_gone(shop: Sandbox, manage: Run) -> None:
    numbers = [shop.oasis.add_order(MUG) for _ in range(3)]
    manage("run", "all")
    at = datetime.now(UTC) - timedelta(hours=2)
    for number in numbers:
        shop.oasis.edit(number, created_at=at)
    Order.objects.update(marketplace_created_at=at)
    shop.oasis.switch(cap=1)
    report = reconciled(manage)
    assert not report.is_complete
    assert "lacks orders" in report.notes
    assert "gone" not in report.counts


@pytest.mark.long
def test_orders_of_two_routes_are_told_apart(shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    manage("connect", "tradegecko", "Second", "--token-env", "GECKO_TOKEN", "--base-url", shop.tradegecko_url)
    manage("route", "Reno", "--marketplace", "Overstock", "--warehouse-name", "Reno DC", "--warehouse", "Second",
           "--location", "East Store", "--live")  # fmt: skip
    first, second = shop.oasis.add_order(MUG), shop.oasis.add_order(MUG, warehouse="Reno DC")
    manage("run", "all")
    assert buckets(reconciled(manage)) == {first: "sent", second: "sent"}
    Route.objects.filter(name="Reno").update(state="paused")
    waits, third = shop.oasis.add_order(MUG), shop.oasis.add_order(MUG, warehouse="Reno DC")
    manage("run", "pull_orders")
    report = reconciled(manage)
    assert buckets(report) == {first: "sent", second: "sent", waits: "being_sent", third: "skipped"}
    assert "route Reno is paused" in row(report, third).text


@pytest.mark.long
def test_the_same_number_on_another_marketplace_is_another_order(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    number = shop.oasis.add_order(MUG)
    manage("run", "all")
    twin = Connection.objects.create(name="Other", provider="supplier_oasis", base_url=shop.oasis_url)
    copy = Order.objects.create(connection=twin, sales_channel="OSTK", full_number=number, ordered_at=timezone.now(),
                                ordered_on=timezone.now().date(), status="submitted")  # fmt: skip
    other = once_more(shop, number)
    WarehouseSubmission.objects.create(
        order=copy, connection=Connection.objects.get(name="Gecko"), remote_id=str(other), status="accepted",
        finished_at=timezone.now(),
    )  # fmt: skip
    assert buckets(reconciled(manage)) == {number: "sent"}


@pytest.mark.long
def test_a_route_that_was_not_pulled_yet_is_not_missing_anything_for_minutes(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order(MUG, created_at=datetime.now(UTC) - timedelta(days=2), ordered_at=datetime.now(UTC))
    report = reconciled(manage)
    assert (buckets(report), "not been pulled yet" in row(report, number).text) == ({number: "being_sent"}, True)
    Route.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    assert buckets(reconciled(manage)) == {number: "missing_here"}


@pytest.mark.long
def test_orders_before_the_earliest_order_date_are_skipped(shop: Sandbox, manage: Run) -> None:
    at = datetime.now(UTC) - timedelta(days=5)
    number = shop.oasis.add_order(MUG, ordered_at=at, created_at=at)
    Route.objects.update(earliest_order_date=timezone.now().date(), read_until=timezone.now())
    assert "earliest order date of route Main" in row(reconciled(manage), number).text
    assert buckets(reconciled(manage)) == {number: "skipped"}


@pytest.mark.long
def test_what_waits_too_long_to_be_sent_is_held_with_the_reason(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order(MUG)
    manage("run", "pull_orders")
    assert buckets(reconciled(manage)) == {number: "being_sent"}
    order = Order.objects.get()
    order.events.update(at=timezone.now() - timedelta(hours=2))
    WarehouseSubmission.objects.update(last_error="location 'Main DC' is archived")
    report = reconciled(manage)
    assert (row(report, number).bucket, row(report, number).mend) == ("held", "submit")
    assert "location 'Main DC' is archived" in row(report, number).text
