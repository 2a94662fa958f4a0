"""Orders for a warehouse name that no route takes wait for one, which does not send what is too old for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.sandbox.server import Sandbox
from orders import actions
from orders.models import Order
from tests.orders.world import holds, placed

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


def test_an_order_for_a_warehouse_name_without_route_waits_for_one(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse="Reno DC")
    manage("run", "all")
    assert [hold["kind"] for hold in told(number)["holds"]] == ["no_route"]
    manage("route", "Reno", "--marketplace", "Overstock", "--warehouse-name", "Reno DC", "--warehouse", "Gecko",
           "--location", "East Store", "--live")  # fmt: skip
    manage("run", "all")
    assert placed(shop, number)["stock_location_id"] == shop.tradegecko.location_id("East Store")


def test_an_order_from_before_the_route_that_comes_for_it_is_skipped(shop: Sandbox, manage: Run, told: Told) -> None:
    days_ago = datetime.now(UTC) - timedelta(days=2)
    old = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse="Reno DC", ordered_at=days_ago)
    new = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse="Reno DC")
    manage("run", "all")
    manage("route", "Reno", "--marketplace", "Overstock", "--warehouse-name", "Reno DC", "--warehouse", "Gecko",
           "--location", "East Store", "--earliest-order-date", str(Order.objects.latest("ordered_at").ordered_on),
           "--live")  # fmt: skip
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(new)) == 1
    assert shop.tradegecko.by_reference(old) == []
    assert (told(old)["status"], holds(told(old))) == ("skipped", [])
    assert "the earliest order date of route Reno" in told(old)["skip_reason"]
    actions.unskip(Order.objects.get(full_number=old), None)
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(old)) == 1
