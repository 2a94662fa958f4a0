"""How far a marketplace has been read is never believed further than the clock and the answers allow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from integrations.supplier_oasis.adapter import SupplierOasis
from orders.models import Order
from orders.windows import resume_point

Run = Callable[..., str]
NOW = datetime(2024, 7, 9, 18, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize("ahead", [timedelta(minutes=-5), timedelta(0), timedelta(hours=6)])
def test_a_pull_starts_before_what_was_read_and_before_now(ahead: timedelta) -> None:
    start = resume_point(NOW + ahead, date(2024, 7, 1), UTC, overlap=QUARTER, now=NOW)
    assert start == min(NOW, NOW + ahead) - QUARTER


def test_a_clock_that_was_ahead_is_put_right_by_the_next_pull(shop: Sandbox, manage: Run) -> None:
    manage("run", "pull_orders")
    Route.objects.update(read_until=timezone.now() + timedelta(hours=6))
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    assert Order.objects.count() == 1
    read_until = Route.objects.get().read_until
    assert read_until is not None
    assert read_until <= timezone.now()


def test_only_what_is_certain_counts_as_read(shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    certain = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    monkeypatch.setattr(SupplierOasis, "certain_until", lambda _self, until: min(until, certain))
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    assert Order.objects.count() == 1
    assert Route.objects.get().read_until == certain


def test_what_is_to_be_read_again_is_not_overtaken_by_a_pull_that_runs(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test order is removed while a pull reads: its time is read again by the next one."""
    manage("run", "pull_orders")
    lowered = timezone.now().replace(microsecond=0) - timedelta(hours=3)

    def certain_until(_self: SupplierOasis, until: datetime) -> datetime:
        Route.objects.update(read_until=lowered)
        return until

    monkeypatch.setattr(SupplierOasis, "certain_until", certain_until)
    manage("run", "pull_orders")
    assert Route.objects.get().read_until == lowered
    monkeypatch.undo()
    manage("run", "pull_orders")
    read_until = Route.objects.get().read_until
    assert read_until is not None
    assert read_until > lowered
