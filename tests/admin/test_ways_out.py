"""A way out that a hold names is a link, on the page of its order and on its own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from lxml import html

from integrations.models import Route
from orders.models import Hold, Order
from tests.admin.pages import address_of
from tests.admin.test_mapping import waiting_orders


def test_the_way_to_skip_that_a_hold_names_is_a_link_on_both_pages(
    route: Route, admin_client: Client, client: Client
) -> None:
    waiting_orders(route, 1, lambda _: "MUG-BLK")
    order = Order.objects.get()
    Hold.objects.update(kind="unusable_address", subject="city", message="Correct the address here, or skip the order.")
    hold = Hold.objects.get()
    skip = reverse("admin:orders_order_skip", args=[order.pk])
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    for record in (order, hold):
        page: Any = html.fromstring(admin_client.get(address_of(record)).content.decode())
        assert [link.text for link in page.xpath(f"//*[contains(@class, 'waits')]//a[@href='{skip}']")] == [
            "Skip the order"
        ]
        assert skip not in client.get(address_of(record)).content.decode()
    Order.objects.update(status="submitted")
    assert skip not in admin_client.get(address_of(hold)).content.decode()
