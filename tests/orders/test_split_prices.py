"""A multi-pack whose cost its units do not divide is sent as two lines; it is changed and shipped like one."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from django.core.management import CommandError

from integrations.models import Connection
from integrations.sandbox.gecko_order_rows import order as figures
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import decisions
from orders.models import Order
from tests.conftest import Run
from tests.orders.test_changes import Told
from tests.orders.world import holds, parcels, placed, ship


@pytest.fixture
def packs(shop: Sandbox, overstock: Connection, manage: Run) -> str:
    """Four packs of three mugs at 10.00 a pack, in the warehouse."""
    SkuAlias.objects.create(connection=overstock, marketplace_sku="PACK-3", warehouse_sku="MUG-BLK", units=3)
    number = shop.oasis.add_order({"partner_sku": "PACK-3", "quantity": 4, "unit_cost": "10.00"})
    manage("run", "all")
    assert sum(Decimal(price) * units for units, price in lines(shop, number)) == 40
    return number


def lines(shop: Sandbox, number: str) -> list[tuple[int, str]]:
    """Units and price of each line that sells something."""
    rows = [row for row in shop.tradegecko.lines(placed(shop, number)["id"]) if row["variant_id"]]
    return [(int(float(row["quantity"])), row["price"]) for row in rows]


def total(shop: Sandbox, number: str) -> Decimal:
    return Decimal(figures(shop.tradegecko, placed(shop, number))["total"])


@pytest.mark.parametrize("packs_now", [1, 2, 3, 5])
def test_another_quantity_is_that_many_units_over_both_lines(
    packs: str, shop: Sandbox, manage: Run, packs_now: int
) -> None:
    assert len(lines(shop, packs)) == 2
    shop.oasis.edit(packs, "1", quantity=packs_now)
    manage("run", "revisit_orders")
    decisions.amend(Order.objects.get(), None)
    manage("run", "submit_orders")
    assert sum(units for units, _ in lines(shop, packs)) == packs_now * 3
    assert sum(Decimal(price) * units for units, price in lines(shop, packs)) == packs_now * 10
    ship(shop, packs, tracking="1Z1")
    manage("run", "all")
    assert parcels(shop, packs) == [("1", "1Z1", packs_now)]
    assert Order.objects.get().status == "confirmed"


def test_one_that_is_raised_when_some_has_left_costs_exactly_what_it_shall(
    packs: str, shop: Sandbox, manage: Run
) -> None:
    ship(shop, packs, 1, 3, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.oasis.edit(packs, "1", quantity=5)
    manage("run", "revisit_orders")
    decisions.amend(Order.objects.get(), None)
    manage("run", "submit_orders")
    assert sum(Decimal(price) * units for units, price in lines(shop, packs)) == 50


@pytest.mark.parametrize(("position", "gone", "packs_now"), [(1, 7, 3), (2, 4, 3), (2, 3, 1), (1, 3, 1)])
def test_one_that_is_lowered_when_some_has_left_costs_exactly_what_it_shall(
    packs: str, shop: Sandbox, manage: Run, position: int, gone: int, packs_now: int
) -> None:
    ship(shop, packs, position, gone, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.oasis.edit(packs, "1", quantity=packs_now)
    manage("run", "revisit_orders")
    decisions.amend(Order.objects.get(), None)
    manage("run", "submit_orders")
    assert sum(units for units, _ in lines(shop, packs)) == packs_now * 3
    assert total(shop, packs) == packs_now * 10
    if gone < packs_now * 3:
        ship(shop, packs, tracking="1Z2")
    manage("run", "all")
    assert sum(units for _, _, units in parcels(shop, packs)) == packs_now
    assert Order.objects.get().status == "confirmed"


def lower(packs: str, shop: Sandbox, manage: Run, packs_now: int) -> None:
    shop.oasis.edit(packs, "1", quantity=packs_now)
    manage("run", "revisit_orders")
    decisions.amend(Order.objects.get(), None)
    manage("run", "submit_orders")


def test_what_is_rounded_once_is_rounded_anew_with_each_change_and_not_at_all_where_it_need_not_be(
    packs: str, shop: Sandbox, manage: Run
) -> None:
    shop.oasis.add_line(packs, {"partner_sku": "TEE-RED-M", "unit_cost": "5.00"})
    manage("run", "revisit_orders")
    decisions.amend(Order.objects.get(), None)
    manage("run", "submit_orders")
    ship(shop, packs, 2, 3, tracking="1Z1")
    manage("run", "pull_shipments")
    for packs_now in (1, 2, 1, 3):
        lower(packs, shop, manage, packs_now)
        assert total(shop, packs) == packs_now * 10 + 5
    assert all(row["variant_id"] for row in shop.tradegecko.lines(placed(shop, packs)["id"]))


@pytest.mark.long
def test_a_lost_answer_rounds_once(packs: str, shop: Sandbox, manage: Run) -> None:
    ship(shop, packs, 2, 3, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders/*", method="PUT")
    with suppress(CommandError):
        lower(packs, shop, manage, 1)
    manage("run", "submit_orders")
    assert total(shop, packs) == 10
    assert len(shop.tradegecko.lines(placed(shop, packs)["id"])) == 2


@pytest.mark.long
def test_one_that_is_lowered_to_less_than_has_left_keeps_what_has_left_at_its_price(
    packs: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    ship(shop, packs, 1, 7, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.oasis.edit(packs, "1", quantity=2)
    manage("run", "revisit_orders")
    before = lines(shop, packs)
    decisions.amend(Order.objects.get(), None)
    manage("run", "submit_orders")
    assert sum(units for units, _ in lines(shop, packs)) == 7
    assert {price for _, price in lines(shop, packs)} <= {price for _, price in before}
    assert holds(told(packs)) == ["cancelled_late"]
