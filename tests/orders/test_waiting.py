"""When only writes fail: what waits says so, and a person who asks does not wait for our own back-off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from werkzeug import Response

from integrations.models import Connection
from integrations.sandbox import faults
from integrations.sandbox.server import Sandbox
from orders import jobs
from orders.alarms import alarms
from orders.models import Order, ShipmentConfirmation, ShortShip, WarehouseChange, WarehouseSubmission
from tests.orders.world import parcels, ship

Run = Callable[..., str]
T = WarehouseSubmission.Status


@pytest.fixture(autouse=True)
def unhurried(settings: Any) -> None:
    settings.RETRY_BASE_SECONDS = 30


def asked(manage: Run, job: str) -> str:
    with suppress(CommandError):
        return manage("run", job)
    return ""


def refuse_writes(shop: Sandbox, times: int = 1, fault: str = "503", **values: Any) -> None:
    shop.faults.add("tradegecko", fault, path="/orders", method="POST", times=times, **values)


@pytest.fixture
def waits(shop: Sandbox, manage: Run) -> str:
    """An order whose creation was answered with 503 while every read goes well."""
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    refuse_writes(shop)
    asked(manage, "submit_orders")
    assert not shop.tradegecko.by_reference(number)
    return number


def test_a_run_that_leaves_something_waiting_says_until_when(shop: Sandbox, gecko: Connection, waits: str) -> None:
    until = WarehouseSubmission.objects.get().not_before
    assert until
    assert f"1 waits until {until:%H:%M:%S} UTC" in jobs.submit_orders(gecko).text
    assert not shop.tradegecko.by_reference(waits)


@pytest.mark.long
def test_a_run_that_was_asked_for_does_not_wait_for_our_own_back_off(shop: Sandbox, manage: Run, waits: str) -> None:
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(waits)) == 1


@pytest.mark.long
def test_the_button_does_not_wait_for_it_either(
    shop: Sandbox, gecko: Connection, waits: str, admin_client: Client
) -> None:
    admin_client.post(reverse("admin:integrations_connection_run_now", args=[gecko.pk]), {"job": "submit_orders"})
    jobs.submit_orders(gecko)
    assert len(shop.tradegecko.by_reference(waits)) == 1


@pytest.mark.long
def test_tries_before_their_time_do_not_use_up_the_attempts(shop: Sandbox, manage: Run, waits: str) -> None:
    refuse_writes(shop, times=20)
    for _ in range(20):
        asked(manage, "submit_orders")
    row = WarehouseSubmission.objects.get()
    assert (row.status, row.attempts) == (T.UNCONFIRMED, 1)
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(waits)) == 1


@pytest.mark.parametrize("base", [0, 30])
def test_a_wait_that_the_other_side_asked_for_is_kept_though_it_answers_reads(
    shop: Sandbox, manage: Run, settings: Any, base: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRY_BASE_SECONDS = base
    monkeypatch.setitem(faults.ANSWERS, "503", lambda: Response("", 503, headers={"Retry-After": "600"}))
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    refuse_writes(shop)
    asked(manage, "submit_orders")
    manage("run", "pull_shipments")
    assert "1 waits until" in manage("run", "submit_orders")
    assert not shop.tradegecko.by_reference(number)


@pytest.mark.long
def test_a_limit_of_the_marketplace_is_kept_whoever_asks(shop: Sandbox, manage: Run, overstock: Connection) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.faults.add("oasis", "429", method="POST", retry_after="600")
    asked(manage, "confirm_shipments")
    assert "1 waits until" in manage("run", "confirm_shipments")
    assert parcels(shop, number) == []


def test_a_look_up_that_was_asked_for_looks_at_once_and_sends_nothing_before_its_time(
    shop: Sandbox, manage: Run, settings: Any
) -> None:
    settings.LOOKUP_GRACE_SECONDS = 300
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    refuse_writes(shop)
    asked(manage, "submit_orders")
    before = len(shop.log)
    assert "1 waits until" in manage("run", "submit_orders")
    assert shop.log[before:] == [("tradegecko", "GET", "/orders")]
    refuse_writes(shop, fault="reset_after_apply")
    WarehouseSubmission.objects.update(sent_at=timezone.now() - timedelta(minutes=6))
    asked(manage, "submit_orders")
    assert "sent" in manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(number)) == 1


@pytest.mark.long
def test_a_refused_key_is_looked_up_at_once_when_a_person_asks(shop: Sandbox, manage: Run, settings: Any) -> None:
    settings.LOOKUP_GRACE_SECONDS = 30
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    refuse_writes(shop, fault="reset_after_apply")
    asked(manage, "submit_orders")
    WarehouseSubmission.objects.update(key_refused=True, not_before=timezone.now() + timedelta(minutes=2))
    assert "1 sent" in manage("run", "submit_orders")


@pytest.mark.long
def test_shipments_do_not_wait_for_our_own_back_off_either(shop: Sandbox, manage: Run, overstock: Connection) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.faults.add("oasis", "503", method="POST")
    asked(manage, "confirm_shipments")
    assert "1 waits until" in jobs.confirm_shipments(overstock).text
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1Z1", 1)]


def test_orders_that_may_be_there_or_not_are_an_alarm_after_minutes(shop: Sandbox, waits: str) -> None:
    def doubts() -> list[str]:
        return [text for text in alarms() if "is not known" in text]

    assert doubts() == []
    WarehouseSubmission.objects.update(sent_at=timezone.now() - timedelta(minutes=6))
    [text] = doubts()
    assert text.startswith(f"whether Gecko took 1 order is not known; the first is that of order {waits}, ")
    WarehouseSubmission.objects.update(sent_at=timezone.now(), attempts=3)
    assert len(doubts()) == 1
    ShipmentConfirmation.objects.create(
        order=WarehouseSubmission.objects.get().order, connection=Connection.objects.get(name="Overstock"),
        status=T.UNCONFIRMED, sent_at=timezone.now() - timedelta(minutes=6),
    )  # fmt: skip
    assert "whether Overstock took 1 shipment is not known" in doubts()[1]


@pytest.mark.long
def test_changes_and_short_ships_in_doubt_are_an_alarm_and_waiting_ones_are_told(
    shop: Sandbox, waits: str, gecko: Connection, overstock: Connection
) -> None:
    order = Order.objects.prefetch_related("lines").get()
    late, doubt = timezone.now() + timedelta(minutes=9), timezone.now() - timedelta(minutes=6)
    facts = {"order": order, "status": T.UNCONFIRMED, "sent_at": doubt, "not_before": late}
    WarehouseChange.objects.create(connection=gecko, **facts)
    ShortShip.objects.create(connection=overstock, order_line=order.lines.all()[0], quantity=1, **facts)
    texts = " ".join(alarms())
    assert "whether Gecko took 1 change is not known" in texts
    assert "whether Overstock took 1 short ship is not known" in texts
    assert "2 wait, the first until" in jobs.submit_orders(gecko).text
    assert f"1 waits until {late:%H:%M:%S} UTC" in jobs.confirm_shipments(overstock).text
