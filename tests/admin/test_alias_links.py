"""The page of an order leads to the aliases that its SKUs are read by."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from lxml import html

from integrations.models import Connection, Route
from inventory.models import SkuAlias
from orders.models import Order, OrderLine
from tests.admin.pages import address_of
from tests.admin.test_mapping import waiting_orders


def alias_links(client: Client, order: Order) -> list[tuple[str, str]]:
    page: Any = html.fromstring(client.get(address_of(order)).content.decode())
    links = page.xpath("//table[contains(@class, 'compared')]//a")
    return [(link.text, link.get("href")) for link in links]


def test_a_line_links_to_the_aliases_that_its_sku_is_read_by(
    route: Route, overstock: Connection, admin_client: Client, client: Client
) -> None:
    waiting_orders(route, 1, lambda _: "mug-blk")
    order = Order.objects.get()
    OrderLine.objects.create(order=order, position=2, number="2", partner_sku="mug-blk", option_sku="O-1", quantity=1)
    made = {"connection": overstock, "warehouse_sku": "MUG-BLK"}
    for name in ("mug-blk", "O-1"):
        SkuAlias.objects.create(marketplace_sku=name, units=2, **made)
    SkuAlias.objects.create(marketplace_sku="mug-blk", connection=overstock, warehouse_sku="OFF", is_active=False)
    OrderLine.objects.create(order=order, position=3, number="3", partner_sku="MUG-BLK", quantity=1)
    links = alias_links(admin_client, order)
    assert [text for text, _ in links] == ["Alias of mug-blk", "Alias of O-1"]
    listed = admin_client.get(links[1][1]).context["cl"].result_list
    assert [str(alias) for alias in listed] == ["O-1 → 2 × MUG-BLK"]
    person = User.objects.create_user("clerk", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=("view_order", "change_order")))
    client.force_login(person)
    assert alias_links(client, order) == []
