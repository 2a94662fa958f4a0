"""A SKU that differs in case only is never taken for the other one; the hold names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.aliases import Resolver, Wanted
from inventory.models import SkuAlias
from orders.models import Hold

Run = Callable[..., str]


@pytest.fixture
def stocked(shop: Sandbox, manage: Run) -> Sandbox:
    """MUG-BLK is known to be in the warehouse."""
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    return shop


def held(shop: Sandbox, manage: Run, *skus: str) -> list[str]:
    shop.oasis.add_order(*({"partner_sku": sku} for sku in skus))
    manage("run", "pull_orders")
    return list(Hold.objects.filter(kind=Hold.Kind.UNKNOWN_SKU).values_list("message", flat=True))


def test_the_warehouses_own_spelling_is_named(stocked: Sandbox, manage: Run) -> None:
    near, far = held(stocked, manage, "Mug-Blk", "NOPE")
    assert near.endswith("Gecko does not carry it. Correct the alias or add one. "
                         "Gecko has 'MUG-BLK'; the difference is in case only.")  # fmt: skip
    assert "case" not in far


def test_an_alias_that_differs_in_case_only_is_named(stocked: Sandbox, manage: Run, overstock: Connection) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="Cup-1", warehouse_sku="MUG-BLK")
    [message] = held(stocked, manage, "CUP-1")
    assert message.endswith("There is an alias of 'Cup-1'; the difference is in case only.")


def test_what_an_alias_names_is_found_too(stocked: Sandbox, manage: Run, overstock: Connection) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="CUP-1", warehouse_sku="mug-blk")
    [message] = held(stocked, manage, "CUP-1")
    assert message.endswith("Gecko has 'MUG-BLK'; the difference is in case only.")


def test_nothing_is_suggested_between_two(stocked: Sandbox, manage: Run, overstock: Connection) -> None:
    for name in ("Cup-1", "cUP-1"):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=name, warehouse_sku="MUG-BLK")
    [message] = held(stocked, manage, "CUP-1")
    assert "case" not in message


def test_many_unknown_skus_are_looked_for_at_once(stocked: Sandbox, django_assert_max_num_queries: Any) -> None:
    route = Route.objects.select_related("warehouse").get()
    wanted = [Wanted(f"mug-{place}") for place in range(100)]
    with django_assert_max_num_queries(4):
        resolver = Resolver(route, wanted)
        assert not any(resolver.resolve(want).is_known for want in wanted)
