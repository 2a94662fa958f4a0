"""Units of orders that are on their way are taken off once, and only where they will be taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory import kits
from inventory.models import SkuAlias
from orders import actions, decisions
from orders.models import Hold, Order, WarehouseSubmission
from tests.inventory.conftest import tried as tried
from tests.orders.world import ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


@pytest.fixture
def reno(shop: Sandbox, manage: Run, overstock: Connection) -> Sandbox:
    """A second route, to another location of the same warehouse."""
    manage(
        "route", "East", "--marketplace", "Overstock", "--warehouse-name", "Reno", "--warehouse", "Gecko",
        "--location", "East Store", "--live",
    )  # fmt: skip
    shop.oasis.add_listing("X", warehouse="Reno")
    shop.tradegecko.set_stock("MUG-BLK", 50, location="East Store")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="X", warehouse_sku="MUG-BLK")
    manage("run", "all")
    return shop


def shown(box: Sandbox) -> dict[str, int]:
    return {warehouse: quantity for (sku, warehouse), quantity in box.oasis.quantities.items() if sku == "X"}


def test_a_held_order_takes_nothing_off_another_location(reno: Sandbox, manage: Run) -> None:
    reno.oasis.add_order({"partner_sku": "X", "quantity": 10}, address={"city": ""})
    manage("run", "all")
    manage("run", "all")
    assert shown(reno) == {"Riverside DC": 110, "Reno": 50}


def test_a_sent_order_takes_nothing_off_another_location(reno: Sandbox, manage: Run) -> None:
    reno.oasis.add_order({"partner_sku": "X", "quantity": 10}, warehouse="Reno")
    for job in ("pull_orders", "submit_orders", "publish_inventory"):
        manage("run", job)
    assert shown(reno) == {"Riverside DC": 120, "Reno": 40}


def test_two_marketplace_names_of_one_location_share_its_stock(reno: Sandbox, manage: Run) -> None:
    Route.objects.filter(name="East").update(location_name="Main DC", location_id="")
    reno.oasis.add_order({"partner_sku": "X", "quantity": 10}, address={"city": ""})
    manage("run", "all")
    manage("run", "all")
    assert shown(reno) == {"Riverside DC": 110, "Reno": 110}


def test_what_a_paused_route_holds_is_taken_off_another_ones_listings_and_its_own_once_it_is_live_again(
    reno: Sandbox, manage: Run
) -> None:
    Route.objects.filter(name="East").update(location_name="Main DC", location_id="")
    reno.oasis.add_order({"partner_sku": "X", "quantity": 10}, address={"city": ""})
    reno.oasis.add_order({"partner_sku": "X", "quantity": 5})
    manage("run", "pull_orders")
    Route.objects.filter(name="Main").update(state="paused")
    manage("run", "all")
    manage("run", "all")
    assert shown(reno) == {"Riverside DC": 120, "Reno": 105}
    Route.objects.filter(name="Main").update(state="live")
    manage("run", "publish_inventory")
    assert shown(reno) == {"Riverside DC": 105, "Reno": 105}


def test_a_draft_is_taken_off_until_the_warehouse_approves_it(shop: Sandbox, manage: Run) -> None:
    Route.objects.update(order_status="draft")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 10})
    manage("run", "all")
    manage("run", "all")
    assert shop.oasis.quantities == {("MUG-BLK", "Riverside DC"): 110}
    [placed] = shop.tradegecko.by_reference(number)
    shop.tradegecko.change(placed, status="active")
    WarehouseSubmission.objects.update(remote_status="active")
    manage("run", "pull_levels")
    manage("run", "publish_inventory")
    assert shop.oasis.quantities == {("MUG-BLK", "Riverside DC"): 110}


@pytest.mark.parametrize("rule", ["apply", "ask"])
@pytest.mark.parametrize("is_sent", [True, False])
def test_what_was_sold_more_of_an_order_is_taken_off_before_it_is_decided_on(
    rule: str, is_sent: bool, reno: Sandbox, manage: Run
) -> None:
    """A line is raised and another one added; only what the warehouse was left with counts once that is kept."""
    Route.objects.update(changes_before_sending=rule)
    number = reno.oasis.add_order(
        {"partner_sku": "X", "quantity": 10}, address={"city": "" if not is_sent else "Boise"}
    )
    manage("run", "all")
    manage("run", "publish_inventory")
    assert shown(reno) == {"Riverside DC": 110, "Reno": 50}
    reno.oasis.edit(number, "1", quantity=45)
    reno.oasis.add_line(number, {"partner_sku": "X", "quantity": 5})
    for job in ("revisit_orders", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert shown(reno) == {"Riverside DC": 70, "Reno": 50}
    mine = Order.objects.get(full_number=number)
    if mine.told_now:
        decisions.keep(mine, None)
        manage("run", "publish_inventory")
        assert shown(reno) == {"Riverside DC": 110, "Reno": 50}


def test_what_was_sold_more_is_never_on_sale_while_the_warehouse_is_updated(reno: Sandbox, manage: Run) -> None:
    number = reno.oasis.add_order({"partner_sku": "X", "quantity": 10})
    manage("run", "all")
    reno.oasis.edit(number, "1", quantity=45)
    manage("run", "revisit_orders")
    decisions.amend(Order.objects.get(), None)
    for job in ("publish_inventory", "submit_orders", "publish_inventory", "pull_levels", "publish_inventory"):
        manage("run", job)
        assert shown(reno)["Riverside DC"] <= 75
    assert shown(reno)["Riverside DC"] == 75


def test_what_is_wanted_of_an_order_that_was_voided_in_the_warehouse_is_not_on_sale(reno: Sandbox, manage: Run) -> None:
    """Until a person has settled it."""
    number = reno.oasis.add_order({"partner_sku": "X", "quantity": 10})
    manage("run", "all")
    reno.tradegecko.change(reno.tradegecko.by_reference(number)[0], status="void")
    for job in ("pull_shipments", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert shown(reno) == {"Riverside DC": 110, "Reno": 50}
    actions.resolve(Hold.objects.get(resolved_at=None), "it ships from elsewhere", None)
    manage("run", "publish_inventory")
    assert shown(reno) == {"Riverside DC": 120, "Reno": 50}


@pytest.mark.parametrize(("refusals", "left"), [(1, 110), (0, 120)])
def test_of_a_voided_order_what_the_marketplace_did_not_take_for_shipped_is_not_on_sale(
    reno: Sandbox, manage: Run, tried: Run, refusals: int, left: int
) -> None:
    """A parcel left; telling of it was refused, or it was not. Then it is voided, and its order too."""
    number = reno.oasis.add_order({"partner_sku": "X", "quantity": 10})
    manage("run", "all")
    parcel = ship(reno, number, tracking="1Z1")
    if refusals:
        reno.faults.add("oasis", "422", path="/shipments", times=refusals)
    tried("run", "all")
    reno.tradegecko.void_parcel(reno.tradegecko.tables["fulfillments"][parcel])
    reno.tradegecko.void(reno.tradegecko.by_reference(number)[0])
    for job in ("pull_shipments", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert Hold.objects.filter(kind=Hold.Kind.VOIDED_ORDER, resolved_at=None).exists()
    assert shown(reno) == {"Riverside DC": left, "Reno": 50}


def test_what_staff_took_out_of_an_order_that_is_to_ship_is_not_on_sale(reno: Sandbox, manage: Run) -> None:
    """It is sold, and is put back, or told as a short ship."""
    number = reno.oasis.add_order({"partner_sku": "X", "quantity": 10})
    manage("run", "all")
    order = reno.tradegecko.by_reference(number)[0]
    reno.tradegecko.change_line(reno.tradegecko.lines(order["id"])[0], quantity=4)
    for job in ("pull_shipments", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert shown(reno) == {"Riverside DC": 110, "Reno": 50}
    reno.tradegecko.change_line(reno.tradegecko.lines(order["id"])[0], quantity=10)
    for job in ("pull_shipments", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert shown(reno) == {"Riverside DC": 110, "Reno": 50}


def test_of_a_kit_only_the_component_that_staff_took_out_is_not_on_sale(
    reno: Sandbox, manage: Run, overstock: Connection
) -> None:
    for sku in ("SHADE", "STAND"):
        reno.tradegecko.add_variant(sku)
        reno.tradegecko.set_stock(sku, 50, location="Main DC")
        kits.put(overstock, f"ONE-{sku}", ((sku, 1),), seen=kits.parts_of(overstock, f"ONE-{sku}"))
        reno.oasis.add_listing(f"ONE-{sku}")
    parts = (("STAND", 2), ("SHADE", 1))
    kits.put(overstock, "KIT", parts, seen=kits.parts_of(overstock, "KIT"))
    number = reno.oasis.add_order({"partner_sku": "KIT", "quantity": 5})
    reno.oasis.add_order({"partner_sku": "ONE-STAND"}, {"partner_sku": "ONE-SHADE"})
    manage("run", "all")
    order = reno.tradegecko.by_reference(number)[0]
    line = reno.tradegecko.lines(order["id"])[1]
    reno.tradegecko.delete_line(line)
    for job in ("pull_shipments", "pull_levels", "publish_inventory"):
        manage("run", job)
    shown = {sku: units for (sku, place), units in reno.oasis.quantities.items() if place == "Riverside DC"}
    assert (shown["ONE-STAND"], shown["ONE-SHADE"]) == (39, 44)
