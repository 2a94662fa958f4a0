"""A worker that stood still while the world went on, or whose clock jumped: nothing is done twice when it wakes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError
from django.db.models import F
from django.utils import timezone

from integrations import processes
from integrations.http import Answer, Call, Door
from integrations.models import Connection, SyncRun
from integrations.runs import Run
from integrations.sandbox.server import Sandbox
from inventory.models import InventoryLevel
from orders import jobs
from tests.orders.test_restored import lost
from tests.orders.world import parcels, ship

Manage = Callable[..., str]
HOUR = timedelta(hours=1)


@pytest.fixture
def before_it_leaves(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have this happen while a worker stands still with the first request that changes something in its hands."""

    def arrange(happens: Callable[[], object]) -> None:
        real, waiting = Door._exchange, [happens]

        def exchange(self: Door, call: Call) -> Answer:
            if call.writes and waiting:
                waiting.pop()()
            return real(self, call)

        monkeypatch.setattr(Door, "_exchange", exchange)

    return arrange


def half_shipped(box: Sandbox, manage: Manage, tracking: str) -> str:
    """An order of which one of two units has left: the marketplace would take the same parcel once more."""
    number = box.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    ship(box, number, 1, tracking=tracking)
    return number


def replaced(job: Callable[[Connection], Any], connection: Connection) -> None:
    """The worker counts as dead, and another one does its job."""
    running = SyncRun.objects.filter(connection=connection, status=SyncRun.Status.RUNNING)
    running.update(heartbeat_at=F("heartbeat_at") - HOUR)
    job(connection)


def test_a_parcel_that_was_told_in_its_place_is_not_told_by_who_wakes_with_a_clock_that_stood_still(
    shop: Sandbox, manage: Manage, overstock: Connection, before_it_leaves: Any
) -> None:
    number = half_shipped(shop, manage, "1Z1")
    manage("run", "pull_shipments")
    before_it_leaves(lambda: replaced(jobs.confirm_shipments, overstock))
    jobs.confirm_shipments(overstock)
    assert parcels(shop, number) == [("1", "1Z1", 1)]


def test_a_worker_whose_clock_was_set_back_goes_on_showing_that_it_lives(overstock: Connection) -> None:
    now = timezone.now()
    with time_machine.travel(now + HOUR, tick=False) as clock:
        record = SyncRun.objects.create(connection=overstock, job="pull_orders", owner=processes.own_name())
        run = Run(record, overstock)
        clock.shift(-HOUR)
        run.beat()
    assert SyncRun.objects.get().heartbeat_at == now


def test_an_order_that_was_sent_in_its_place_is_not_sent_by_who_wakes_with_a_clock_that_stood_still(
    shop: Sandbox, manage: Manage, gecko: Connection, before_it_leaves: Any
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    second = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    sent = shop.calls("tradegecko").count(("POST", "/orders"))
    before_it_leaves(lambda: replaced(jobs.submit_orders, gecko))
    jobs.submit_orders(gecko)
    assert [len(shop.tradegecko.by_reference(one)) for one in (number, second)] == [1, 1]
    assert shop.calls("tradegecko").count(("POST", "/orders")) == sent + 1


def test_an_older_quantity_is_not_sent_by_who_wakes_after_a_newer_one_was(
    shop: Sandbox, manage: Manage, overstock: Connection, before_it_leaves: Any
) -> None:
    half_shipped(shop, manage, "1Z1")
    InventoryLevel.objects.update(available=F("available") - 7)
    manage("run", "publish_inventory")
    key = ("MUG-BLK", "Riverside DC")
    before = shop.oasis.quantities[key]

    def a_newer_one() -> None:
        InventoryLevel.objects.update(available=F("available") - 1, changed_at=F("changed_at") + HOUR)
        replaced(jobs.publish_inventory, overstock)
        manage("run", "publish_inventory")

    InventoryLevel.objects.update(available=F("available") - 1, changed_at=F("changed_at") + HOUR)
    before_it_leaves(a_newer_one)
    jobs.publish_inventory(overstock)
    assert shop.oasis.quantities[key] == before - 2


def test_a_machine_that_wakes_as_a_copy_of_itself_from_an_hour_ago_looks_before_it_tells(
    shop: Sandbox, manage: Manage, overstock: Connection, before_it_leaves: Any
) -> None:
    """Its memory was kept with its database: it wakes in the middle of a run."""
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}) for _ in range(2)]
    manage("run", "all")
    for number, tracking in zip(numbers, ("1Z1", "1Z2"), strict=True):
        ship(shop, number, 1, tracking=tracking)
    manage("run", "pull_shipments")

    def an_hour() -> None:
        with lost():
            replaced(jobs.confirm_shipments, overstock)

    before_it_leaves(an_hour)
    jobs.confirm_shipments(overstock)
    with suppress(CommandError):
        manage("run", "all")
    assert [parcels(shop, number) for number in numbers] == [[("1", "1Z1", 1)], [("1", "1Z2", 1)]]
    assert not SyncRun.objects.filter(status=SyncRun.Status.RUNNING).exists()


def test_a_run_of_somebody_elses_in_a_restored_database_is_not_mistaken_for_ones_own(
    shop: Sandbox, manage: Manage, overstock: Connection, before_it_leaves: Any
) -> None:
    number = half_shipped(shop, manage, "1Z1")
    manage("run", "pull_shipments")
    running = SyncRun.objects.filter(status=SyncRun.Status.RUNNING)
    before_it_leaves(lambda: running.update(owner="elsewhere 1 0 1"))
    jobs.confirm_shipments(overstock)
    assert parcels(shop, number) == []
    assert running.get().owner == "elsewhere 1 0 1"


def test_a_parcel_that_was_put_off_by_a_clock_that_was_ahead_is_told_once_it_is_right_again(
    shop: Sandbox, manage: Manage, overstock: Connection, settings: Any
) -> None:
    """Its answer was lost: it is looked up, and not before it must have arrived."""
    settings.LOOKUP_GRACE_SECONDS = 30
    number = half_shipped(shop, manage, "1Z1")
    manage("run", "pull_shipments")
    now = timezone.now()
    with time_machine.travel(now + 24 * HOUR, tick=False) as clock:
        shop.faults.add("oasis", "reset", path="/shipments", method="POST")
        jobs.confirm_shipments(overstock)
        told = []
        for later in (timedelta(0), timedelta(seconds=31)):
            clock.move_to(now + later)
            jobs.confirm_shipments(overstock)
            told.append(len(parcels(shop, number)))
    assert told == [0, 1]
