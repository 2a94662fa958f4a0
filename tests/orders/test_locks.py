"""Two jobs at the same order lock in the same order, so that one waits and neither is thrown out (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory import listings
from orders import actions, jobs, settling
from orders.models import Order, OrderLine, UnreadableRecord, WarehouseSubmission
from orders.submission import Sender
from tests.children import PATIENCE, wait_for
from tests.threads import beside, somebody_waits

Run = Callable[..., str]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time, and no deadlocks")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_order_that_is_seen_while_it_is_accepted(
    shop: Sandbox, manage: Run, gecko: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    is_sent, go_on, real = Event(), Event(), Sender._accept

    def accept(self: Sender, *args: Any) -> None:
        is_sent.set()
        go_on.wait(PATIENCE)
        real(self, *args)

    monkeypatch.setattr(Sender, "_accept", accept)
    sender = beside(lambda: jobs.submit_orders(gecko))
    assert is_sent.wait(PATIENCE)
    with transaction.atomic():  # as a pull does that sees the order again
        Order.objects.select_for_update().get()
        go_on.set()
        wait_for(somebody_waits, "the sender waits for the order")
        WarehouseSubmission.objects.select_for_update(nowait=True).get()
    sender.result(PATIENCE)
    assert Order.objects.get().status == "submitted"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_line_that_is_put_right_while_a_pull_meets_its_order(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "pull_orders")
    line = OrderLine.objects.get()
    with transaction.atomic():  # as a pull does that sees the order again
        Order.objects.select_for_update().get()
        person = beside(lambda: actions.correct_line(line, 3, None))
        wait_for(somebody_waits, "the person waits for the order")
        OrderLine.objects.select_for_update(nowait=True).get()
    person.result(PATIENCE)
    assert OrderLine.objects.get().quantity == 3


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_order_that_is_removed_while_a_pull_meets_it_is_stored_anew(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    before = Order.objects.get().pk
    with transaction.atomic():  # as the removal of a test order does
        order = Order.objects.select_for_update().get()
        puller = beside(lambda: jobs.pull_orders(overstock))
        wait_for(somebody_waits, "the pull waits for the order")
        order.delete()
    puller.result(PATIENCE)
    assert Order.objects.get(full_number=number).pk != before
    assert not UnreadableRecord.objects.exists()


def test_all_processes_teach_the_listings_of_several_routes_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Any] = [SimpleNamespace(pk=pk, route=Route(pk=pk)) for pk in range(8, 0, -1)]
    line: Any = SimpleNamespace(partner_sku="MUG", option_sku="", upc="")
    found: Any = SimpleNamespace(sku="MUG", by_alias=False)
    taught: list[int] = []
    monkeypatch.setattr(listings, "learn_from_line", lambda route, sku, **_: taught.append(route.pk))
    settling._learn_listings(orders, {order.pk: settling.Plan(((line, found),), ()) for order in orders})
    assert taught == list(range(1, 9))
