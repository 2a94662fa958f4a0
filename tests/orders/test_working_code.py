"""What the marketplace asked for stays as it was told; a person may work with another shipping code."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from orders.models import CarrierService, Hold, Order, ShippingMethod
from tests.admin.pages import address_of, opened
from tests.orders.world import placed, ship

Run = Callable[..., str]


@pytest.fixture
def order(shop: Sandbox, overstock: Connection, manage: Run) -> Order:
    """An order that waits because its shipping code is not mapped."""
    manage("run", "all")
    ShippingMethod.objects.exclude(code="THRESHOLD").delete()
    Route.objects.update(unmapped_shipping=Route.Unmapped.REFUSE)
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    return Order.objects.get()


def test_a_person_replaces_the_code_and_the_original_stays(
    shop: Sandbox, overstock: Connection, order: Order, manage: Run, admin_client: Client
) -> None:
    asked = order.shipping_code
    assert Hold.objects.get(resolved_at=None).subject == asked
    page = address_of(order)
    admin_client.post(page, {**opened(admin_client, page), "working_shipping_code": "THRESHOLD"})
    manage("run", "all")

    name = ShippingMethod.objects.get(code="THRESHOLD").name
    assert f"Service: {name}" in placed(shop, order.full_number)["notes"]
    order.refresh_from_db()
    assert (order.shipping_code, order.working_shipping_code) == (asked, "THRESHOLD")
    assert "corrected by hand: use this shipping code" in [event.text for event in order.events.all()]

    CarrierService.objects.create(connection=overstock, carrier_text="Wagon", service_text="*", carrier_code="UPS")
    ship(shop, order.full_number, tracking="1Z1", carrier="Wagon", service="slow")
    manage("run", "all")
    [(_, parcel)] = shop.oasis.shipments(order.full_number)
    assert parcel.service == "THRESHOLD"


def test_a_route_passes_unmapped_codes_through_or_refuses_them(shop: Sandbox, order: Order, manage: Run) -> None:
    assert order.status == Order.Status.ON_HOLD
    assert json.loads(manage("status", "--json"))["worklists"]["needs_mapping"] == 1
    assert "needs_mapping 1" in manage("status")
    Route.objects.update(unmapped_shipping=Route.Unmapped.PASS)
    manage("run", "all")
    assert f"Service: {order.shipping_code}" in placed(shop, order.full_number)["notes"]
    assert json.loads(manage("status", "--json"))["worklists"]["needs_mapping"] == 0
