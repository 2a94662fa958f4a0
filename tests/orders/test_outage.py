"""A day without the other side, with orders coming in all the while: the backlog drains by itself, oldest first.

BACKLOG=3000 python -m pytest tests/orders/test_outage.py   # thousands of orders, at the vendor's own limit of calls
"""

from __future__ import annotations

import os
import pydoc
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django_q.models import OrmQ

from integrations.dispatch import dispatch
from integrations.models import Exchange, SyncRun
from integrations.sandbox.server import Sandbox
from orders.models import Order, ShipmentConfirmation, WarehouseSubmission
from tests.orders.world import parcels, ship

pytestmark = pytest.mark.long

Pass = Callable[[timedelta], None]
MINUTE = timedelta(minutes=1)
BACKLOG = int(os.environ.get("BACKLOG", "20"))
LIMIT = 30 if BACKLOG < 100 else 300  # calls per 300 s; of the lower one a few dozen orders are many


@pytest.fixture
def wait(settings: Any) -> Iterator[Pass]:
    """Let so much time pass; then the dispatcher and a worker do what is due, as the queue would."""
    settings.RETRY_BASE_SECONDS, settings.LOOKUP_GRACE_SECONDS = 30, 30
    start = (timezone.now() + timedelta(hours=1)).replace(minute=2, second=0)
    with time_machine.travel(start, tick=False) as clock:

        def let_pass(span: timedelta) -> None:
            clock.shift(span)
            dispatch()
            while (row := OrmQ.objects.order_by("pk").first()) is not None:
                row.delete()
                pydoc.locate(row.task["func"])(*row.task["args"])  # type: ignore[operator]

        yield let_pass


def add(shop: Sandbox, number: int) -> list[str]:
    return [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(number)]


def worst_window() -> int:
    """The most calls that were made to the warehouse in one window of its limit."""
    windows: dict[int, int] = {}
    for at in Exchange.objects.filter(connection__name="Gecko", status__isnull=False).values_list("at", flat=True):
        windows[int(at.timestamp()) // 300] = windows.get(int(at.timestamp()) // 300, 0) + 1
    return max(windows.values())


def test_a_day_without_the_warehouse(shop: Sandbox, wait: Pass) -> None:
    shop.tradegecko.limit = LIMIT
    shop.tradegecko.set_stock("MUG-BLK", 25 * BACKLOG)
    numbers = add(shop, 1)
    wait(MINUTE)
    wait(MINUTE)
    shop.faults.add("tradegecko", "503", times=10**6)
    calls_before = len(shop.calls("tradegecko"))
    for _ in range(12):
        numbers += add(shop, BACKLOG // 10) if len(numbers) < BACKLOG else []
        wait(120 * MINUTE)
    in_vain = len(shop.calls("tradegecko")) - calls_before
    shop.faults.clear()

    minutes = 0
    while WarehouseSubmission.objects.exclude(status="accepted").exists() or Order.objects.count() < len(numbers):
        wait(MINUTE)
        minutes += 1
        assert minutes < 16 + BACKLOG / LIMIT * 5 * 3

    assert [len(shop.tradegecko.by_reference(number)) for number in numbers] == [1] * len(numbers)
    ids = [shop.tradegecko.by_reference(number)[0]["id"] for number in numbers[5:]]
    assert ids == sorted(ids)
    assert in_vain < 200
    assert worst_window() <= LIMIT
    assert max(WarehouseSubmission.objects.values_list("attempts", flat=True)) < 40
    assert not Order.objects.exclude(status="submitted").exists()


def test_a_day_without_the_marketplace(shop: Sandbox, wait: Pass) -> None:
    shop.tradegecko.limit = 10**6
    shop.tradegecko.set_stock("MUG-BLK", 25 * BACKLOG)
    numbers = add(shop, BACKLOG // 2)
    wait(MINUTE)
    wait(MINUTE)
    shop.faults.add("oasis", "503", times=10**6)
    shipped = [*numbers]
    for number in shipped:
        ship(shop, number, tracking=f"1Z{number}")
    calls_before = len(shop.calls("oasis"))
    for _ in range(12):
        numbers += add(shop, BACKLOG // 20)
        wait(120 * MINUTE)
    assert len(shop.calls("oasis")) - calls_before < 200
    shop.faults.clear()

    for _ in range(20):
        wait(MINUTE)

    assert [len(shop.tradegecko.by_reference(number)) for number in numbers] == [1] * len(numbers)
    assert [parcels(shop, number) for number in shipped] == [[("1", f"1Z{number}", 1)] for number in shipped]
    assert not ShipmentConfirmation.objects.exclude(status="accepted").exists()
    assert SyncRun.objects.filter(status="partial").count() < 1000
