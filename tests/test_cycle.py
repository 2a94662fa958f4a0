"""One order all the way, over real HTTP to both systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.sandbox.server import Sandbox
from orders.models import Order, WarehouseSubmission

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


def test_an_order_goes_to_the_warehouse_and_its_tracking_comes_back(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2, "unit_cost": "4.25"})

    manage("run", "all")

    placed = shop.tradegecko.by_reference(number)
    assert len(placed) == 1
    assert told(number)["warehouse_order"]["remote_id"] == str(placed[0]["id"])
    [line] = shop.tradegecko.lines(placed[0]["id"])
    assert (line["quantity"], line["price"]) == ("2.0", "4.25")

    shop.tradegecko.ship(placed[0]["id"], tracking="1Z999", carrier="UPS", service="Ground")
    manage("run", "all")

    [(line_number, parcel)] = shop.oasis.shipments(number)
    assert (line_number, parcel.quantity, parcel.tracking_number) == ("1", 2, "1Z999")
    assert (parcel.carrier, parcel.service) == ("UPS", "GROUND")
    assert told(number)["status"] == "confirmed"


def test_a_second_identical_cycle_changes_nothing_and_sends_nothing(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "THROW-WL"})
    manage("run", "all")
    shop.tradegecko.ship(shop.tradegecko.by_reference(number)[0]["id"], tracking="1Z1")
    manage("run", "all")
    manage("run", "all")
    before = shop.oasis.shipments(number), dict(shop.oasis.quantities), len(shop.tradegecko.orders)
    writes = [call for call in shop.log if call[1] != "GET"]

    manage("run", "all")

    assert (shop.oasis.shipments(number), dict(shop.oasis.quantities), len(shop.tradegecko.orders)) == before
    assert [call for call in shop.log if call[1] != "GET"] == writes


def test_the_quantity_on_the_marketplace_follows_the_warehouse(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    assert shop.oasis.quantities == {("MUG-BLK", "Riverside DC"): 118}

    shop.tradegecko.set_stock("MUG-BLK", 50)
    manage("run", "all")

    assert shop.oasis.quantities == {("MUG-BLK", "Riverside DC"): 48}


def test_an_unknown_sku_holds_its_order_until_an_alias_frees_it(
    shop: Sandbox, manage: Run, told: Told, tmp_path: Any
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MYSTERY-9", "quantity": 3})
    manage("run", "all")
    assert told(number)["status"] == "on_hold"
    assert told(number)["holds"][0]["subject"] == "MYSTERY-9"
    file = tmp_path / "aliases.csv"
    file.write_text("marketplace_sku,warehouse_sku\nMYSTERY-9,MUG-BLK\n")

    manage("import_aliases", "Overstock", str(file))
    manage("run", "all")

    assert told(number)["status"] == "submitted"
    assert told(number)["holds"] == []


@pytest.mark.long
def test_a_hundred_orders_cost_at_most_110_calls(shop: Sandbox, manage: Run) -> None:
    for place in range(100):
        shop.oasis.add_order({"partner_sku": "MUG-BLK" if place % 2 else "PILLOW-DN"})
    shop.tradegecko.set_stock("MUG-BLK", 1000)

    manage("run", "all")

    assert len(shop.tradegecko.orders) == 100
    assert len(shop.calls("tradegecko")) <= 110


def test_a_lost_answer_to_an_order_does_not_double_it(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with pytest.raises(CommandError, match=number):
        manage("run", "all")
    assert told(number)["warehouse_order"]["status"] == WarehouseSubmission.Status.UNCONFIRMED

    manage("run", "all")

    assert len(shop.tradegecko.by_reference(number)) == 1
    assert told(number)["status"] == Order.Status.SUBMITTED
