"""Several clusters at the same parcels, the same purse and the same runs at the same time (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import connection, transaction
from django.utils import timezone

from integrations import processes
from integrations.budget import ASSUMED_LIMIT, SharedBudget
from integrations.errors import Unavailable
from integrations.models import Connection, SyncRun
from integrations.runs import Run, reap
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from orders import jobs, telling
from orders.carriers import CarrierMap
from orders.models import ConfirmedLine, ShipmentConfirmation, ShipmentLine
from tests.children import PATIENCE
from tests.orders.world import parcels, ship
from tests.threads import at_once, beside

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
ORDERS, GATHERED_TOGETHER = 12, 3


def gather(market: Connection, job: str) -> Run:
    """As a run of that name would."""
    record = SyncRun.objects.create(connection=market, job=job, owner=processes.own_name())
    run = Run(record, market)
    telling.gather(run, CarrierMap(market))
    return run


def test_parcels_that_two_runs_gather_while_they_are_read_again_are_gathered_once(
    shop: Sandbox, manage: Callable[..., str], overstock: Connection, gecko: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}) for _ in range(ORDERS)]
    manage("run", "all")
    left = [ship(shop, number, 1, tracking=f"1Z{number}") for number in numbers]
    manage("run", "pull_shipments")
    for parcel in left:
        shop.tradegecko.change(shop.tradegecko.tables["fulfillments"][parcel], tracking_url="https://example.com")
    both, find = Barrier(2), telling._to_gather

    def found_at_once(market: Connection) -> list[int]:
        found = find(market)
        both.wait(PATIENCE)
        return found

    monkeypatch.setattr(telling, "_to_gather", found_at_once)
    monkeypatch.setattr(telling, "GATHERED_TOGETHER", GATHERED_TOGETHER)
    first, second, read = at_once(
        lambda: gather(overstock, "confirm_shipments"),
        lambda: gather(overstock, "one that was taken for dead"),
        lambda: jobs.pull_shipments(gecko),
    )
    assert (first.problems, second.problems, read.failed) == ([], [], False)
    assert first.counts["to confirm"] + second.counts["to confirm"] == ORDERS
    assert ShipmentConfirmation.objects.count() == ORDERS
    assert ConfirmedLine.objects.count() == ShipmentLine.objects.count() == ORDERS
    monkeypatch.setattr(telling, "_to_gather", find)
    SyncRun.objects.update(status=SyncRun.Status.INTERRUPTED)
    manage("run", "confirm_shipments")
    assert [parcels(shop, number) for number in numbers] == [[("1", f"1Z{number}", 1)] for number in numbers]


def spend(account: Connection) -> int:
    """How many calls could be made."""
    budget, spent = SharedBudget(account), 0
    with suppress(Unavailable):
        while True:
            budget.take()
            spent += 1
    return spent


def test_three_clusters_spend_each_call_of_a_window_once(gecko: Connection) -> None:
    SharedBudget(gecko).learn(limit=60, remaining=60, resets_at=timezone.now() + timedelta(minutes=20))
    assert sum(at_once(*[lambda: spend(gecko)] * 3)) == 60


def test_three_clusters_that_begin_at_once_open_one_window(gecko: Connection) -> None:
    at_once(*[lambda: SharedBudget(gecko).take()] * 3)
    assert RateWindow.objects.get().remaining == ASSUMED_LIMIT - 3


def test_a_run_in_whose_transaction_a_machine_got_lost_keeps_no_other_job_waiting(gecko: Connection) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    SyncRun.objects.create(connection=gecko, job="pull_levels", owner="elsewhere 1 0 1", heartbeat_at=hour_ago)
    is_held, go_on = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            SyncRun.objects.update(counts={})
            is_held.set()
            go_on.wait(PATIENCE)

    other = beside(hold)
    assert is_held.wait(PATIENCE)
    with connection.cursor() as cursor:
        cursor.execute("set lock_timeout = '5s'")
        try:
            assert reap() == 0
        finally:
            go_on.set()
            cursor.execute("reset lock_timeout")
    other.result(PATIENCE)
    assert reap() == 1
