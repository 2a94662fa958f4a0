"""An order comes through whatever the unknown parts of Supplier Oasis turn out to be."""

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
