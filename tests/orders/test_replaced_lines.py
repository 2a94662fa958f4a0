"""Lines that are replaced, or cancelled when some of them has left: nothing is overlooked, and the price is right."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import decisions
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule
from tests.orders.world import holds, parcels, placed, ship


@pytest.mark.long
def test_a_kit_that_is_swapped_for_one_of_its_components_costs_what_that_costs(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    for sku, units in (("MUG-BLK", 3), ("TEE-RED-M", 2)):
        SkuAlias.objects.create(connection=overstock, marketplace_sku="GIFT", warehouse_sku=sku, units=units)
    shop.oasis.add_listing("GIFT")
    number = shop.oasis.add_order({"partner_sku": "GIFT", "quantity": 2, "unit_cost": "12.00"})
    manage("run", "all")
    shop.oasis.edit(number, "1", partner_sku="TEE-RED-M", barcode=None)
    again(manage)
    decisions.amend(order(number), None)
    shop.faults.add("tradegecko", "reset_after_apply", method="PUT", path="/orders/*")
    again(manage)
    lines = shop.tradegecko.lines(placed(shop, number)["id"])
    assert [(row["quantity"], Decimal(row["price"])) for row in lines] == [("2.0", Decimal(12))]


@pytest.mark.long
@pytest.mark.parametrize("rule", ["ask", "never"])
def test_the_rest_of_a_line_that_is_cancelled_after_some_of_it_was_told_is_a_hold(
    shop: Sandbox, manage: Run, told: Told, rule: str
) -> None:
    set_rule(cancels_after_sending=rule)
    number = sent(shop, manage)
    ship(shop, number, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.cancel(number, "1")
    again(manage)
    again(manage)
    assert holds(told(number)) == ["cancelled_late"]
    ship(shop, number, 2, tracking="1Z2")
    manage("run", "all")
    assert told(number)["status"] == "confirmed"
    assert parcels(shop, number) == [("1", "1Z1", 1), ("2", "1Z2", 1)]
    ship(shop, number, tracking="1Z3")
    manage("run", "pull_shipments")
    assert "over_shipped" in holds(told(number))


def test_a_new_line_in_place_of_the_only_one_that_is_cancelled_is_sent(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    shop.oasis.cancel(number, "1")
    again(manage)
    again(manage)
    assert goods(shop, number) == {"TEE-RED-M": "4.0"}


@pytest.mark.long
def test_a_new_line_waits_for_its_decision_though_all_that_was_sent_is_cancelled(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(cancels_after_sending="do")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    again(manage)
    shop.oasis.cancel(number, "1")
    again(manage)
    assert "changed_order" in holds(told(number))
    decisions.amend(order(number), None)
    again(manage)
    assert goods(shop, number) == {"TEE-RED-M": "4.0"}
    assert holds(told(number)) == []
