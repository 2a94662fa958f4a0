"""One account's calls, shared by all workers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations.budget import SharedBudget
from integrations.errors import Unavailable
from integrations.models import Connection, RateWindow
from integrations.sandbox.server import Sandbox

Run = Callable[..., str]


def test_two_workers_spend_from_one_purse(gecko: Connection) -> None:
    reset = timezone.now() + timedelta(seconds=60)
    first, second = SharedBudget(gecko, urgent=True), SharedBudget(gecko, urgent=True)
    first.learn(limit=300, remaining=3, resets_at=reset + timedelta(minutes=10))
    for budget in (first, second, first):
        budget.take()
    with pytest.raises(Unavailable) as caught:
        second.take()
    assert caught.value.throttled


def test_inventory_leaves_calls_to_orders(gecko: Connection) -> None:
    patient, urgent = SharedBudget(gecko, urgent=False), SharedBudget(gecko, urgent=True)
    urgent.learn(limit=100, remaining=20, resets_at=timezone.now() + timedelta(minutes=20))
    with pytest.raises(Unavailable):
        patient.take()
    urgent.take()


def test_a_late_answer_never_gives_calls_back(gecko: Connection) -> None:
    budget, reset = SharedBudget(gecko, urgent=True), timezone.now() + timedelta(minutes=20)
    budget.learn(limit=300, remaining=10, resets_at=reset)
    budget.learn(limit=300, remaining=50, resets_at=reset)
    assert RateWindow.objects.get(connection=gecko).remaining == 10


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
