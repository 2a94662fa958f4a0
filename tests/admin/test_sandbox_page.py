"""The sandbox's page does what the retailer and the warehouse would, only in a sandbox, and leaves who did it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client

from integrations.models import Connection
from integrations.sandbox import gecko_stock
from integrations.sandbox.server import Sandbox
from integrations.sandbox_control import Control
from orders.models import Order
from tests.admin.test_mapping import text_of

PAGE = "/admin/sandbox/"
PLAIN = "One line, all known: goes out by itself"


def do(client: Client, connection: Connection, deed: str, **values: object) -> str:
    return text_of(client.post(PAGE, {"connection": connection.pk, "deed": deed, **values}, follow=True))


def test_a_trainee_places_ships_and_cancels_orders(
    shop: Sandbox, overstock: Connection, gecko: Connection, manage: Callable[..., str], admin_client: Client
) -> None:
    assert "No order waits there" in text_of(admin_client.get(PAGE))
    assert "2 orders added" in do(admin_client, overstock, "add", kind=PLAIN, number=2)
    first, second = shop.oasis.orders
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    [sent] = shop.tradegecko.by_reference(first)

    assert "1 order shipped by UPS" in do(admin_client, gecko, "ship", orders=sent["id"], carrier="UPS, Ground")
    assert f"Order {second} cancelled" in do(admin_client, overstock, "cancel", order=second)
    manage("run", "pull_shipments")

    assert Order.objects.get(full_number=first).status == Order.Status.SHIPPED
    assert shop.oasis.orders[second].status == "CANCELLED"
    assert "1 order shipped by Wagon" in do(
        admin_client, gecko, "ship", carrier="One that nobody knows: Carrier unknown"
    )
    logged = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert logged[0].startswith("Sandbox: 2 orders added")
    assert len(logged) == 4


def test_a_trainee_takes_a_line_out_of_an_order_in_the_warehouse(
    shop: Sandbox, overstock: Connection, gecko: Connection, manage: Callable[..., str], admin_client: Client
) -> None:
    do(admin_client, overstock, "add", kind="Two lines, all known: goes out by itself", number=1)
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    [number] = shop.oasis.orders
    [sent] = shop.tradegecko.by_reference(number)
    first, second = shop.tradegecko.lines(sent["id"])
    assert "Take a line out of an order" in text_of(admin_client.get(PAGE))
    assert f"Taken out: {number}" in do(admin_client, gecko, "take_out", line=second["id"])
    assert shop.tradegecko.lines(sent["id"]) == [first]
    manage("run", "pull_shipments")
    assert Order.objects.get().holds.get(resolved_at=None).kind == "different_there"


def test_what_nobody_knows_is_another_sku_and_carrier_each_time_so_that_mapping_it_does_not_end_the_training(
    shop: Sandbox, overstock: Connection, gecko: Connection, manage: Callable[..., str], admin_client: Client
) -> None:
    for _ in range(2):
        do(admin_client, overstock, "add", kind="A SKU that nobody knows: Needs mapping", number=2)
    skus = [order.lines[0].partner_sku for order in shop.oasis.orders.values()]
    assert (skus[0], skus[2]) == (skus[1], skus[3])
    assert skus[0] != skus[2]
    for _ in range(2):
        do(admin_client, overstock, "add", kind=PLAIN, number=1)
        manage("run", "pull_orders")
        manage("run", "submit_orders")
        do(admin_client, gecko, "ship", carrier="One that nobody knows: Carrier unknown")
    parcels = shop.tradegecko.tables["fulfillments"].values()
    assert len({(row["tracking_company"], row["service"]) for row in parcels}) == 2


def test_stock_is_set_and_what_the_sandbox_refuses_is_said(
    shop: Sandbox, gecko: Connection, admin_client: Client
) -> None:
    [mug] = [row for row in shop.tradegecko.tables["variants"].values() if row["sku"] == "MUG-BLK"]
    place = shop.tradegecko.location_id("")
    assert "7 of MUG-BLK are on hand" in do(admin_client, gecko, "stock", sku="MUG-BLK", quantity=7)
    assert gecko_stock.levels(shop.tradegecko, mug["id"])[place].on_hand == 7
    assert "there is no variant with SKU" in do(admin_client, gecko, "stock", sku="<b>", quantity=7)
    assert LogEntry.objects.count() == 1


def test_each_fault_is_switched_on_and_off_alone(
    shop: Sandbox, overstock: Connection, gecko: Connection, admin_client: Client
) -> None:
    do(admin_client, overstock, "break", name="503", times=3)
    do(admin_client, overstock, "break", name="reset_after_apply", times=1)
    said = do(admin_client, gecko, "break", name="slow", times=1)
    assert "503, for 3 more calls" in said
    assert [(one.system, one.name, one.times) for one in shop.faults.table] == [
        ("oasis", "503", 3), ("oasis", "reset_after_apply", 1), ("tradegecko", "slow", 1),
    ]  # fmt: skip
    do(admin_client, overstock, "mend", name="503")
    assert [one.name for one in shop.faults.table] == ["reset_after_apply", "slow"]
    do(admin_client, overstock, "mend")
    assert [one.name for one in shop.faults.table] == ["slow"]


def test_the_page_is_only_there_with_a_sandbox_and_for_administrators(
    shop: Sandbox, client: Client, settings: object
) -> None:
    for role, status in (("Administrator", 200), ("Manager", 403)):
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        assert client.get(PAGE).status_code == status
        assert (PAGE in text_of(client.get("/admin/"))) == (status == 200)
    client.force_login(User.objects.get(username="Administrator"))
    shop.faults.clear()
    Connection.objects.filter(name="Gecko").update(base_url="http://127.0.0.1:9")
    assert "cannot be played with" in text_of(client.get(PAGE))
    Connection.objects.update(base_url="https://sandbox.example/127.0.0.1")
    assert client.get(PAGE).status_code == client.post(PAGE).status_code == 404
    assert PAGE not in text_of(client.get("/admin/"))


@pytest.mark.django_db
@pytest.mark.parametrize("told", [{"status": "up"}, [1], None])
def test_something_else_that_answers_on_this_machine_is_no_sandbox(
    told: object, overstock: Connection, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Control, "look", lambda _self, _what: told)
    assert "is no sandbox" in text_of(admin_client.get(PAGE))
    assert "is no sandbox" in do(admin_client, overstock, "add", kind=PLAIN, number=1)


def test_without_custom_endpoints_there_is_no_sandbox(admin_client: Client, settings: object) -> None:
    Connection.objects.create(name="Gecko", provider="tradegecko", base_url="http://127.0.0.1:9")
    assert admin_client.get(PAGE).status_code == 200
    settings.ALLOW_CUSTOM_ENDPOINTS = False  # type: ignore[attr-defined]
    assert admin_client.get(PAGE).status_code == 404
