"""An order found in TradeGecko is taken for ours only when nobody else's can be meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.sandbox.server import Sandbox
from orders import readiness
from orders.models import Order, WarehouseSubmission

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


def attempt(manage: Run, *args: str) -> str:
    try:
        return manage(*args)
    except CommandError as exc:
        return str(exc)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["reset", "reset_after_apply", "503", "503_after_apply"])
def test_two_marketplaces_may_use_one_number(shop: Sandbox, manage: Run, fault: str) -> None:
    manage(
        "connect", "supplier_oasis", "Second", "--username", shop.oasis.username, "--password-env", "OASIS_PASSWORD",
        "--base-url", shop.oasis_url,
    )  # fmt: skip
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    manage(
        "route", "Other", "--marketplace", "Second", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
        "--location", "Main DC", "--live",
    )  # fmt: skip
    shop.faults.add("tradegecko", fault, path="/orders", method="POST")
    for _ in range(3):
        attempt(manage, "run", "all")
    assert set(Order.objects.values_list("status", flat=True)) == {"submitted"}
    assert len(shop.tradegecko.by_reference(number)) == 2
    assert WarehouseSubmission.objects.exclude(remote_id="").values("remote_id").distinct().count() == 2


def test_a_strangers_order_with_the_same_reference_holds_ours(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    gecko = shop.tradegecko
    company, variant = next(iter(gecko.tables["companies"])), next(iter(gecko.tables["variants"]))
    stranger = gecko.create_order({
        "company_id": company, "issued_at": "2020-01-01", "status": "active", "reference_number": number,
        "order_number": "SO-77", "shipping_address": {"address1": "1 Larch", "label": "theirs"},
        "order_line_items": [{"variant_id": variant, "quantity": 1}],
    })  # fmt: skip
    gecko.change(stranger, created_at="2020-01-01T00:00:00.000Z")
    shop.faults.add("tradegecko", "reset", path="/orders", method="POST")
    for _ in range(3):
        attempt(manage, "run", "all")
    assert [hold["kind"] for hold in told(number)["holds"]] == ["doubled"]
    assert f"SO-77 (id {stranger['id']})" in told(number)["warehouse_order"]["last_error"]
    assert len(gecko.by_reference(number)) == 1


def test_an_order_that_was_renumbered_there_is_still_ours(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    attempt(manage, "run", "all")
    [order] = shop.tradegecko.by_reference(number)
    shop.tradegecko.change(order, order_number="SO-78")
    attempt(manage, "run", "all")
    assert told(number)["warehouse_order"]["remote_id"] == str(order["id"])
    assert len(shop.tradegecko.by_reference(number)) == 1


def test_an_order_is_created_again_though_the_voided_one_keeps_its_address(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    attempt(manage, "run", "all")
    shop.tradegecko.void(shop.tradegecko.by_reference(number)[0])
    for _ in range(3):
        attempt(manage, "run", "submit_orders")
    assert told(number)["status"] == "submitted"
    assert len(shop.tradegecko.by_reference(number)) == 1


def test_an_order_of_too_many_lines_is_held(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MAX_WAREHOUSE_LINES", 2)
    small, large = (shop.oasis.add_order(*[{"partner_sku": "MUG-BLK"}] * lines) for lines in (2, 3))
    manage("run", "all")
    assert told(small)["status"] == "submitted"
    [hold] = told(large)["holds"]
    assert hold["kind"] == "too_many_lines"
    assert "3 lines" in hold["message"]
