"""Kits and multi-packs cost in the warehouse what the marketplace pays for them, to the cent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders.models import Hold, SubmittedLine
from orders.parcels import whole_units
from orders.pricing import PRICE_STEP, rest, split
from tests.orders.world import parcels, placed, ship

Run = Callable[..., str]
UNITS = some.lists(some.integers(1, 100_000), min_size=1, max_size=8)


@given(some.decimals(0, 999_999, places=4), some.integers(1, 1_000_000), UNITS)
def test_nothing_of_the_cost_is_lost_or_added(cost: Decimal, quantity: int, units: list[int]) -> None:
    lines = split(cost, quantity, units)
    assert sum(number * price for component in lines for number, price in component) == cost * quantity
    assert [sum(number for number, _ in component) for component in lines] == [quantity * one for one in units]
    assert all(price >= 0 and price == price.quantize(PRICE_STEP) for component in lines for _, price in component)


@given(some.decimals(0, 9_999, places=2), some.integers(1, 1_000), UNITS)
def test_each_line_of_a_cost_that_is_not_divisible_is_whole_cents(cost: Decimal, many: int, units: list[int]) -> None:
    for component in split(cost, many, units):
        assert len(component) == 1 or all(price == price.quantize(Decimal("0.01")) for _, price in component)


@pytest.mark.parametrize(
    ("cost", "quantity", "units", "lines"),
    [
        ("10.00", 2, [1], ["2 × 10"]),
        ("10.00", 1, [4], ["4 × 2.5"]),
        ("10.01", 1, [4], ["4 × 2.5025"]),
        ("10.00", 100, [3], ["200 × 3.33", "100 × 3.34"]),
        ("10.00", 3, [3], ["6 × 3.33", "3 × 3.34"]),
        ("0.01", 1, [3], ["2 × 0", "1 × 0.01"]),
        ("10.00", 2, [3, 2], ["6 × 0", "4 × 5"]),
        ("0", 5, [3, 7], ["15 × 0", "35 × 0"]),
    ],
)
def test_costs_are_split(cost: str, quantity: int, units: list[int], lines: list[str]) -> None:
    made = [one for component in split(Decimal(cost), quantity, units) for one in component]
    assert [f"{number} × {price.normalize():f}" for number, price in made] == lines


@given(
    some.lists(some.tuples(some.integers(0, 50), some.decimals(0, 50, places=2)), min_size=1, max_size=4),
    some.integers(1, 1_000),
    some.decimals(0, 9_999, places=2),
)
def test_the_rest_of_a_line_makes_its_sum_exact_and_what_has_left_keeps_its_price(
    left: list[tuple[int, Decimal]], more: int, cost: Decimal
) -> None:
    units, paid = sum(number for number, _ in left), sum(number * price for number, price in left)
    lines = rest(paid + cost, units + more, left)
    assert sum(number * price for number, price in lines) == paid + cost
    assert sum(number for number, _ in lines) == units + more
    kept = [(number, price) for number, price in left if number]
    assert all(any(there >= number and at == price for there, at in lines) for number, price in kept)


@pytest.fixture
def three_pack(shop: Sandbox, overstock: Connection, manage: Run) -> str:
    """An order of two packs of three mugs, each pack for 10.00, sent to the warehouse."""
    SkuAlias.objects.create(connection=overstock, marketplace_sku="MUG-3PK", warehouse_sku="MUG-BLK", units=3)
    number = shop.oasis.add_order({"partner_sku": "MUG-3PK", "quantity": 2, "unit_cost": "10.00"})
    manage("run", "all")
    return number


def test_the_warehouse_order_is_exact_to_the_cent(shop: Sandbox, three_pack: str) -> None:
    order = placed(shop, three_pack)
    lines = [(one["quantity"], one["price"]) for one in shop.tradegecko.lines(order["id"])]
    assert lines == [("4.0", "3.33"), ("2.0", "3.34")]
    assert sum(Decimal(quantity) * Decimal(price) for quantity, price in lines) == Decimal("20.00")


@pytest.mark.parametrize("first", [1, 2])
def test_a_pack_is_shipped_from_either_of_its_lines(shop: Sandbox, three_pack: str, manage: Run, first: int) -> None:
    """A parcel of two mugs completes no pack, whichever line it is of; the rest completes both."""
    ship(shop, three_pack, first, 2, tracking="1Z1")
    manage("run", "all")
    assert parcels(shop, three_pack) == []
    ship(shop, three_pack, 3 - first, 2 if first == 1 else 4, tracking="1Z2")
    if first == 1:
        manage("run", "all")
        assert parcels(shop, three_pack) == [("1", "1Z2", 1)]
        ship(shop, three_pack, 1, 2, tracking="1Z3")
    manage("run", "all")
    assert sum(units for _, _, units in parcels(shop, three_pack)) == 2
    assert not Hold.objects.exists()


@given(some.data())
def test_whole_units_do_not_depend_on_the_line_that_a_parcel_names(data: Any) -> None:
    lines = [
        SubmittedLine(pk=1, order_line_id=1, position=1, item_id="7", units=3, quantity=4, remote_id="a"),
        SubmittedLine(pk=2, order_line_id=1, position=2, item_id="7", units=3, quantity=2, remote_id="b"),
        SubmittedLine(pk=3, order_line_id=1, position=3, item_id="8", units=1, quantity=2, remote_id="c"),
    ]
    named = data.draw(some.lists(some.sampled_from(["a", "b", "", "zz"]), min_size=6, max_size=6))
    mugs = [{"line_id": name, "item_id": "7", "quantity": "1"} for name in named]
    tray = {"line_id": "c", "item_id": "8", "quantity": "2"}
    for number in range(7):
        assert whole_units([mugs[:number], [tray]], lines) == {1: number // 3}
