"""Lines that are replaced, or cancelled when some of them has left: nothing is overlooked, and the price is right."""

from __future__ import annotations

from decimal import Decimal

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import decisions
from tests.orders.test_changes import Run, again, order
from tests.orders.world import placed


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
    assert [(row["quantity"], Decimal(row["price"])) for row in lines] == [("2.0", 12)]
