"""One refusal of our credentials stops the connection's jobs, whichever job meets it, and changes no record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.core.management import CommandError

from integrations.models import Connection, SyncRun
from integrations.sandbox.server import Sandbox
from orders import jobs
from orders.models import Order, ShipmentConfirmation, WarehouseSubmission
from tests.orders.test_second_look import old_order
from tests.orders.world import parcels, ship

Run = Callable[..., str]


def is_left_alone(box: Sandbox, system: str, connection: Connection, *rest: Callable[[Connection], object]) -> bool:
    """Whether these jobs of a connection ask nothing of its system any more."""
    before = len(box.calls(system))
    connection.refresh_from_db()
    for job in rest:
        job(connection)
    return connection.is_stopped and len(box.calls(system)) == before


def test_a_marketplace_that_refuses_us_when_an_order_is_looked_at_before_it_goes_out(
    shop: Sandbox, manage: Run, overstock: Connection, gecko: Connection
) -> None:
    old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    shop.faults.add("oasis", "401", times=100)
    before = len(shop.calls("oasis"))
    assert "refused the user name or password" in jobs.submit_orders(gecko).text
    assert len(shop.calls("oasis")) == before + 1
    assert is_left_alone(shop, "oasis", overstock, jobs.pull_orders, jobs.confirm_shipments)
    gecko.refresh_from_db()
    assert not gecko.is_stopped
    assert (Order.objects.get().status, shop.tradegecko.living()) == ("ready", [])
    assert WarehouseSubmission.objects.get().attempts == 0
    assert "cannot be asked whether it still stands" in jobs.submit_orders(gecko).text
    shop.faults.clear()
    manage("run", "all")
    assert Order.objects.get().status == "submitted"


def test_a_warehouse_that_refuses_us_when_new_orders_are_judged(
    shop: Sandbox, manage: Run, overstock: Connection, gecko: Connection
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "401", times=100)
    jobs.pull_orders(overstock)
    assert is_left_alone(shop, "tradegecko", gecko, jobs.submit_orders, jobs.pull_shipments)
    assert (Order.objects.get().status, overstock.is_stopped) == ("received", False)


@pytest.mark.parametrize("job", [jobs.confirm_shipments, jobs.reconcile])
def test_a_warehouse_that_refuses_us_when_a_job_of_the_marketplace_asks_it(
    shop: Sandbox, manage: Run, overstock: Connection, gecko: Connection, job: Callable[[Connection], object]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.faults.add("tradegecko", "401", times=100)
    job(overstock)
    assert is_left_alone(shop, "tradegecko", gecko, jobs.pull_shipments)


def test_a_marketplace_that_refuses_us_when_a_refused_message_is_read_back(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.faults.add("oasis", "400_xml", path="/shipments", method="POST")
    shop.faults.add("oasis", "401", path="/salesorders", times=100)
    jobs.confirm_shipments(overstock)
    assert SyncRun.objects.filter(job="confirm_shipments").latest("pk").status == SyncRun.Status.FAILED
    assert is_left_alone(shop, "oasis", overstock, jobs.pull_orders, jobs.confirm_shipments)
    told = ShipmentConfirmation.objects.get()
    assert (told.status, told.attempts, told.lines.count()) == ("unconfirmed", 0, 2)
    shop.faults.clear()
    for _ in range(2):
        with suppress(CommandError):
            manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1Z1", 1), ("2", "1Z1", 1)]
