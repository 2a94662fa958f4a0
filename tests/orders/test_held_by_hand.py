"""What a person does with an order by hand is in its story, with who and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import actions
from orders.models import IllegalTransition, Order
from tests.orders.world import holds

Run = Callable[..., str]


@pytest.fixture
def order(shop: Sandbox, manage: Run) -> Order:
    """Held already, for a SKU."""
    number = shop.oasis.add_order({"partner_sku": "NOPE"})
    manage("run", "all")
    return Order.objects.get(full_number=number)


def test_each_hold_by_a_person_is_told(order: Order, admin_user: User) -> None:
    actions.hold(order, "the customer called", admin_user)
    actions.hold(order, "and called again", admin_user)
    told: Any = order.events.filter(actor=admin_user).values_list("text", flat=True)
    assert list(told) == ["held by hand too: the customer called", "held by hand too: and called again"]


def test_a_skipped_order_is_un_skipped_before_it_is_held(order: Order, admin_user: User) -> None:
    actions.skip(order, "shipped by hand", admin_user)
    with pytest.raises(IllegalTransition, match="is skipped already, so it is not sent; to hold it, un-skip it first"):
        actions.hold(order, "wait", admin_user)


def test_the_history_button_leads_to_the_story(order: Order, admin_client: Client, client: Client) -> None:
    page = reverse("admin:orders_order_change", args=[order.pk])
    answer = admin_client.get(reverse("admin:orders_order_history", args=[order.pk]))
    assert (answer.status_code, answer["Location"]) == (302, f"{page}#story")
    assert 'id="story"' in admin_client.get(page).content.decode()
    assert admin_client.get(reverse("admin:orders_order_history", args=[0])).status_code == 404
    client.force_login(User.objects.create_user("visitor", is_staff=True))
    assert client.get(reverse("admin:orders_order_history", args=[order.pk])).status_code == 403


def test_a_cause_that_is_gone_is_no_longer_named_though_a_person_holds_the_order_too(
    shop: Sandbox, manage: Run, told: Callable[[str], dict[str, Any]]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "NOPE-Y"})
    manage("run", "all")
    actions.hold(Order.objects.get(full_number=number), "the customer asked to wait", None)
    SkuAlias.objects.create(
        connection=Connection.objects.get(name="Overstock"), marketplace_sku="NOPE-Y", warehouse_sku="MUG-BLK"
    )
    manage("run", "all")
    assert holds(told(number)) == ["manual"]
    assert told(number)["status"] == "on_hold"
