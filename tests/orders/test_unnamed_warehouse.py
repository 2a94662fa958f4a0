"""An order may name no warehouse (supplier-oasis 3.2): which one is meant, the connection's options say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from orders.models import Order
from tests.orders.world import holds, parcels, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


def test_an_order_that_names_no_warehouse_is_freed_by_the_option_and_shipped(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, without=["warehouseName"])
    manage("run", "all")
    [hold] = told(number)["holds"]
    assert (hold["kind"], "default_warehouse_name" in hold["message"]) == ("no_route", True)
    page = admin_client.get(reverse("admin:orders_order_change", args=[Order.objects.get().pk])).content.decode()
    assert reverse("admin:integrations_connection_change", args=[overstock.pk]) in page
    assert reverse("admin:integrations_route_add") not in page

    Connection.objects.filter(pk=overstock.pk).update(options={"default_warehouse_name": "Riverside DC"})
    manage("run", "all")
    assert holds(told(number)) == []
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    assert (told(number)["status"], parcels(shop, number)) == ("confirmed", [("1", "1Z1", 1)])
