"""One account's calls, shared by all workers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.db import transaction
from django.utils import timezone

from integrations.budget import SharedBudget
from integrations.errors import Unavailable
from integrations.models import Connection, Route
from integrations.registry import warehouse_for
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from tests.loopback import loopback
from tests.orders.world import ship

Run = Callable[..., str]


def test_two_workers_spend_from_one_purse(gecko: Connection) -> None:
    reset = timezone.now() + timedelta(seconds=60)
    first, second = SharedBudget(gecko), SharedBudget(gecko)
    first.learn(limit=300, remaining=3, resets_at=reset + timedelta(minutes=10))
    for budget in (first, second, first):
        budget.take()
    with pytest.raises(Unavailable) as caught:
        second.take()
    assert caught.value.throttled


def test_inventory_leaves_calls_to_orders(gecko: Connection) -> None:
    patient, urgent = SharedBudget(gecko, reserved=0.25), SharedBudget(gecko)
    urgent.learn(limit=100, remaining=20, resets_at=timezone.now() + timedelta(minutes=20))
    with pytest.raises(Unavailable):
        patient.take()
    urgent.take()


def test_a_late_answer_never_gives_calls_back(gecko: Connection) -> None:
    budget, reset = SharedBudget(gecko), timezone.now() + timedelta(minutes=20)
    budget.learn(limit=300, remaining=10, resets_at=reset)
    budget.learn(limit=300, remaining=50, resets_at=reset)
    assert RateWindow.objects.get(connection=gecko).remaining == 10


@pytest.mark.parametrize(("limit", "hours"), [(99_999_999_999, 0.05), (0, 0.05), (300, 24 * 365 * 3000)])
def test_a_limit_that_no_account_has_is_not_believed(gecko: Connection, limit: int, hours: float) -> None:
    budget = SharedBudget(gecko)
    budget.learn(limit=limit, remaining=0, resets_at=timezone.now() + timedelta(hours=hours))
    budget.take()
    assert RateWindow.objects.get(connection=gecko).limit == 300


def test_more_calls_left_than_the_limit_are_the_limit(gecko: Connection) -> None:
    SharedBudget(gecko).learn(limit=300, remaining=10**11, resets_at=timezone.now() + timedelta(hours=1))
    assert RateWindow.objects.get(connection=gecko).remaining == 300


def test_odd_headers_stop_no_order(gecko: Connection) -> None:
    with loopback() as server:
        Connection.objects.filter(pk=gecko.pk).update(base_url=server.url)
        counts = {"X_Rate_Limit_Limit": "99999999999", "X_Rate_Limit_Remaining": "0"}
        server.will(200, '{"orders": []}', X_Rate_Limit_Reset="99999999999", **counts)
        connection = Connection.objects.get(pk=gecko.pk)
        warehouse = warehouse_for(connection, budget=SharedBudget(connection))
        for _ in range(2):
            assert list(warehouse.changed_orders(timezone.now())) == []


def test_the_limit_is_obeyed_and_the_rest_goes_later(shop: Sandbox, manage: Run, gecko: Connection) -> None:
    shop.tradegecko.limit = 20
    for _ in range(30):
        shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    with pytest.raises(CommandError, match="call limit"):
        manage("run", "all")
    sent = len(shop.tradegecko.orders)
    assert 0 < sent < 20
    assert len(shop.calls("tradegecko")) <= 22

    shop.tradegecko.limit, shop.tradegecko.calls_in_window = 300, {}
    RateWindow.objects.update(resets_at=timezone.now())
    gecko.submissions.update(not_before=None)
    manage("run", "submit_orders")
    assert len(shop.tradegecko.living()) == 30


def test_a_pause_that_the_marketplace_asks_for_is_kept_by_all_its_jobs(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("oasis", "429", path="/inventory", retry_after="600")
    with pytest.raises(CommandError, match="pause of 600 s"):
        manage("run", "all")
    before = len(shop.calls("oasis"))
    with pytest.raises(CommandError, match="Overstock asked for a pause until"):
        manage("run", "pull_orders")
    assert len(shop.calls("oasis")) == before
    RateWindow.objects.update(resets_at=timezone.now())
    manage("run", "pull_orders")
    assert len(shop.calls("oasis")) > before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_no_call_is_made_while_a_transaction_keeps_others_waiting(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call would be counted only at the end, and whoever shares the account would wait until then."""
    held, take = set(), SharedBudget.take

    def watched(budget: SharedBudget) -> None:
        held.add(transaction.get_connection().in_atomic_block)
        take(budget)

    monkeypatch.setattr(SharedBudget, "take", watched)
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}) for _ in range(3)]
    Route.objects.update(cancels_after_sending=Route.CancelsAfter.DO)
    manage("run", "all")
    ship(shop, numbers[0], 1, tracking="1Z1")
    shop.oasis.cancel(numbers[1])
    shop.oasis.edit(numbers[2], "1", quantity=3)
    with suppress(CommandError):
        manage("run", "all")
    for job in ("revisit_orders", "submit_orders", "refresh_levels", "reconcile"):
        with suppress(CommandError):
            manage("run", job)
    assert held == {False}
