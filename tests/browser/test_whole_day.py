"""A whole working day in a real browser, from nothing to a setting that is put back; it makes the guide's pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from inventory.models import Listing, SkuAlias
from orders.models import Order
from tests.browser.desk import Desk
from tests.browser.test_working_day import browser as browser
from tests.browser.test_working_day import pytestmark as of_a_browser
from tests.browser.test_working_day import signed_in as signed_in
from tests.orders.workers import workers_alive

Run = Callable[..., str]
pytestmark = [*of_a_browser, pytest.mark.long]


@pytest.fixture
def desk(live_server: Any, signed_in: webdriver.Chrome) -> Desk:
    return Desk(signed_in, live_server.url)


def test_a_whole_working_day(desk: Desk, box: Sandbox, manage: Run, tmp_path: Path) -> None:
    workers_alive(minutes=60)  # of a slow machine
    box.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    connect_both(desk, box)
    lay_a_route(desk)
    look_before_anything_loads(desk)
    go_live(desk)
    map_what_waits(desk, box, manage)
    put_an_address_right(desk, box, manage)
    watch_it_ship(desk, box, manage)
    let_go_of_what_was_cancelled(desk, box, manage)
    read_why_a_quantity_is_three(desk, box, manage)
    import_aliases(desk, tmp_path)
    take_a_setting_back(desk)
    play_the_other_side(desk, box)
    assert not desk.faults, "\n".join(dict.fromkeys(desk.faults))


def connect_both(desk: Desk, box: Sandbox) -> None:
    for name, provider, url, values in (
        ("Overstock", "Overstock (Supplier Oasis)", box.oasis_url,
         {"username": box.oasis.username, "secret": box.oasis.password}),
        ("Gecko", "TradeGecko", box.tradegecko_url, {"secret": box.tradegecko.token}),
    ):  # fmt: skip
        desk.open("/admin/integrations/connection/add/")
        for field, value in {"name": name, "provider": provider, "base_url": url, **values}.items():
            desk.enter(field, value)
        desk.press("Save and continue editing")
        desk.sees("was added successfully")
        desk.follow("Test")
        desk.press("Test")
        desk.sees("checks went well")
    desk.look("connection")


def lay_a_route(desk: Desk) -> None:
    desk.open("/admin/integrations/route/add/")
    for field, value in {
        "name": "Main", "marketplace": "Overstock", "marketplace_warehouse_name": "Riverside DC", "warehouse": "Gecko",
        "location_name": "Main DC",
    }.items():  # fmt: skip
        desk.enter(field, value)
    desk.press("Save and continue editing")
    desk.sees("was added successfully")
    desk.follow("Set-up")
    desk.sees("1 of these must be done before it can go live")
    desk.look("set-up")


def look_before_anything_loads(desk: Desk) -> None:
    desk.follow("Open the preview")
    desk.press("Look now")
    desk.sees("Preview of the first pull", "1 load")
    desk.look("preview")
    assert not Order.objects.exists()


def go_live(desk: Desk) -> None:
    desk.follow("Set-up")
    desk.sees("Nothing stands in the way of going live")
    desk.follow("Go live")
    desk.sees("sent to the warehouse for real")
    desk.press("Go live")
    desk.sees("The route is live.")
    assert Route.objects.get().state == "live"


def map_what_waits(desk: Desk, box: Sandbox, manage: Run) -> None:
    numbers = [box.oasis.add_order({"partner_sku": "MYSTERY-9"}) for _ in range(3)]
    manage("run", "all")
    desk.open("/admin/")
    desk.look("start")
    desk.follow("To map")
    desk.sees("MYSTERY-9")
    desk.look("needs-mapping")
    desk.follow("Map it")
    desk.enter("warehouse_sku", "MUG-BLK")
    desk.sees("Frees 3 orders")
    desk.look("map")
    desk.press("Save and send")
    desk.sees("3 orders are freed and being sent")
    manage("run", "submit_orders")
    assert [len(box.tradegecko.by_reference(number)) for number in numbers] == [1, 1, 1]


def put_an_address_right(desk: Desk, box: Sandbox, manage: Run) -> None:
    number = box.oasis.add_order({"partner_sku": "RUG-5X8"}, address={"city": ""})
    manage("run", "all")
    desk.open("/admin/orders/order/")
    desk.follow(number)
    desk.sees("has no city")
    desk.look("address")
    desk.enter("ship_city", "Reno")
    desk.press("Save and continue editing")
    desk.sees("changed successfully")
    manage("run", "submit_orders")
    [order] = box.tradegecko.by_reference(number)
    address = box.tradegecko.tables["addresses"][order["shipping_address_id"]]
    assert address["city"] == "Reno"


def watch_it_ship(desk: Desk, box: Sandbox, manage: Run) -> None:
    number = Order.objects.get(ship_city="Reno").full_number
    [order] = box.tradegecko.by_reference(number)
    box.tradegecko.ship(order["id"], tracking="1ZDAY0001", carrier="UPS", service="Ground")
    for job in ("pull_shipments", "confirm_shipments"):
        manage("run", job)
    desk.open("/admin/")
    desk.enter("q", "1ZDAY0001\n")
    desk.sees(number, "Confirmed", "1ZDAY0001")
    desk.look("order")
    assert [one.tracking_number for _, one in box.oasis.shipments(number)] == ["1ZDAY0001"]


def let_go_of_what_was_cancelled(desk: Desk, box: Sandbox, manage: Run) -> None:
    number = box.oasis.add_order({"partner_sku": "CHAIR-ASH"})
    manage("run", "all")
    Route.objects.update(cancels_after_sending=Route.CancelsAfter.ASK)
    box.oasis.cancel(number)
    manage("run", "revisit_orders")
    desk.open("/admin/")
    desk.follow("Cancel requests")
    desk.sees(number)
    desk.look("cancel-requests")
    desk.follow("Decide")
    desk.follow("Cancel in the warehouse")
    desk.sees("the order is voided")
    desk.press("Cancel in the warehouse")
    desk.sees("What happened")
    manage("run", "submit_orders")
    assert box.tradegecko.by_reference(number) == []
    desk.open("/admin/worklists/cancellations/")
    desk.sees("Nothing was cancelled")


def read_why_a_quantity_is_three(desk: Desk, box: Sandbox, manage: Run) -> None:
    box.tradegecko.set_stock("SOFA-3S-GRY", 5)
    number = box.oasis.add_order({"partner_sku": "SOFA-3S-GRY", "quantity": 2})
    for job in ("pull_orders", "pull_levels", "publish_inventory"):
        manage("run", job)
    desk.open("/admin/inventory/listing/")
    desk.follow("SOFA-3S-GRY")
    desk.sees(number, "5")
    desk.look("quantity")
    assert Listing.objects.get(marketplace_sku="SOFA-3S-GRY").published_quantity == 3


def import_aliases(desk: Desk, folder: Path) -> None:
    file = folder / "aliases.csv"
    file.write_text(
        "marketplace_sku,warehouse_sku,units\nOS-LAMP,LAMP-OAK-01,1\nOS-SET,MUG-BLK,4\nOS-SET,TEE-RED-M,1\n"
    )
    desk.open("/admin/inventory/skualias/")
    desk.follow("Import")
    desk.enter("import_file", str(file))
    desk.press("Submit")
    desk.sees("3 new", "What would come of it")
    desk.look("import")
    desk.press("Confirm import")
    desk.sees("imported: 3 new")
    assert SkuAlias.objects.filter(marketplace_sku="OS-SET").count() == 2


def take_a_setting_back(desk: Desk) -> None:
    route = Route.objects.get()
    desk.open(f"/admin/integrations/route/{route.pk}/change/")
    desk.enter("reserve", "1")
    desk.press("Save")
    desk.sees("quantities would change")
    desk.look("dry-run")
    desk.enter("_reason", "Count in doubt")
    desk.press("Save")
    desk.sees("was changed successfully")
    desk.open(f"/admin/integrations/route/{route.pk}/history/")
    desk.sees("Count in doubt")
    desk.look("history")
    desk.open(f"/admin/integrations/route/{route.pk}/history/{route.history.earliest().pk}/")
    desk.enter("_reason", "Counted again")
    desk.press("Put these back")
    desk.sees("quantities would change")
    desk.press("Save")
    desk.sees("was changed successfully")
    assert Route.objects.get().reserve == 0


def play_the_other_side(desk: Desk, box: Sandbox) -> None:
    before = len(box.oasis.orders)
    desk.open("/admin/sandbox/")
    desk.press("Add")
    desk.sees("1 order added")
    desk.press("Switch on")
    desk.sees("Faults that are on")
    desk.look("sandbox")
    desk.press("Switch all off")
    desk.sees("All faults switched off")
    assert len(box.oasis.orders) == before + 1
