"""An order comes through whatever the unknown parts of Supplier Oasis and TradeGecko turn out to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integrations.sandbox.server import Sandbox


@pytest.mark.parametrize("switches", [
    {"shuffled": True}, {"shuffled": True, "form": "D"}, {"shuffled": True, "form": "N"}, {"inclusive": False},
    {"atomic": False}, {"strict_codes": True, "strict_namespace": True, "strict_inventory": True}, {"success": 201},
])  # fmt: skip
def test_an_order_is_confirmed_and_its_sku_published(
    shop: Sandbox, manage: Callable[..., str], told: Callable[[str], dict[str, Any]], switches: dict[str, object]
) -> None:
    shop.oasis.switch(**switches)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "THROW-WL"})
    manage("run", "all")
    shop.tradegecko.ship(shop.tradegecko.by_reference(number)[0]["id"], tracking="1Z1")
    manage("run", "all")
    assert [(line, parcel.quantity) for line, parcel in shop.oasis.shipments(number)] == [("1", 2), ("2", 1)]
    assert told(number)["status"] == "confirmed"
    assert {sku for sku, _ in shop.oasis.quantities} == {"MUG-BLK", "THROW-WL"}


@pytest.mark.parametrize("switches", [
    {"sideload_lines": "always"}, {"sideload_lines": "never"}, {"mix_line_ids": True}, {"omit_shipped_at": True},
    {"list_ended": True}, {"clamp_page_size": True}, {"reject_duplicate_order_numbers": True},
    {"refused_keys_stay_free": True}, {"finalize_before_packing": False}, {"index_lag": 60},
])  # fmt: skip
def test_an_order_comes_back_from_every_kind_of_warehouse(
    shop: Sandbox, manage: Callable[..., str], told: Callable[[str], dict[str, Any]], switches: dict[str, object]
) -> None:
    shop.tradegecko.switch(**switches)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "THROW-WL"})
    manage("run", "all")
    shop.tradegecko.ship(shop.tradegecko.by_reference(number)[0]["id"], tracking="1Z1")
    manage("run", "all")
    assert [(line, parcel.quantity) for line, parcel in shop.oasis.shipments(number)] == [("1", 2), ("2", 1)]
    assert told(number)["status"] == "confirmed"
