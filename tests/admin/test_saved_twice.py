"""A map that is saved twice, by a second press of the button, is noted once in its history."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from integrations.models import Connection, Route
from inventory.models import SkuAlias
from orders.models import CarrierService, Hold, Order, Shipment, ShippingMethod
from tests.admin.pages import address_of, opened
from tests.admin.test_mapping import page_of, send, waiting_orders


def waits_for(route: Route, kind: Hold.Kind, subject: str) -> Order:
    """An order that waits for this, and goes on doing so when it is mapped, since its route is paused."""
    waiting_orders(route, 1, lambda _: "MUG-BLK")
    Hold.objects.update(kind=kind, subject=subject)
    Route.objects.update(state=Route.State.PAUSED)
    return Order.objects.get()


@pytest.mark.parametrize("kind", [Hold.Kind.UNMAPPED_SHIPPING, Hold.Kind.UNKNOWN_SKU])
def test_a_map_that_is_saved_twice_is_noted_once(kind: Hold.Kind, route: Route, admin_client: Client) -> None:
    waits_for(route, kind, "NEW-9")
    field = "name" if kind == Hold.Kind.UNMAPPED_SHIPPING else "warehouse_sku"
    model: Any = ShippingMethod if kind == Hold.Kind.UNMAPPED_SHIPPING else SkuAlias
    first: dict[str, Any] = {field: "MUG-BLK"}
    for _ in range(2):
        send(admin_client, page_of(kind, "NEW-9"), **first)
    assert model.history.filter(history_change_reason="Mapped for the orders that waited for it.").count() == 1
    assert LogEntry.objects.filter(content_type__model=model._meta.model_name).count() == 1
    other: dict[str, Any] = {field: "TEE-RED-M"}
    send(admin_client, page_of(kind, "NEW-9"), **other)
    assert LogEntry.objects.filter(content_type__model=model._meta.model_name).count() > 1


def parcel_waits(route: Route) -> None:
    order = waits_for(route, Hold.Kind.UNKNOWN_CARRIER, "Pony / Express")
    Shipment.objects.create(
        connection=route.warehouse, remote_id="1", order=order, state="shipped", carrier="Pony", service="Express",
        shipped_at=timezone.now(),
    )  # fmt: skip


def test_a_carrier_that_is_saved_twice_is_noted_once(route: Route, admin_client: Client) -> None:
    parcel_waits(route)
    codes: dict[str, Any] = {"carrier_code": "UPS", "service_code": "GROUND", "service_text": "Express"}
    for _ in range(2):
        Hold.objects.update(resolved_at=None)
        send(admin_client, page_of("unknown_carrier", "Pony / Express"), **codes)
    row = CarrierService.objects.get(carrier_text="Pony")
    assert row.history.count() == 1
    assert LogEntry.objects.filter(content_type__model="carrierservice").count() == 1


@pytest.mark.parametrize(("service", "rows"), [
    ("express", {("pony", "express", "PONY", "FAST")}),
    ("*", {("pony", "*", "PONY", ""), ("Pony", "Express", "PONY", "FAST")}),
])  # fmt: skip
def test_what_a_carrier_is_mapped_to_is_completed_in_the_row_that_its_parcels_go_by(
    service: str, rows: set[tuple[str, ...]], route: Route, admin_client: Client
) -> None:
    """The row of any other service stays as it is."""
    parcel_waits(route)
    CarrierService.objects.create(
        connection=route.marketplace, carrier_text="pony", service_text=service, carrier_code="PONY"
    )
    address = page_of("unknown_carrier", "Pony / Express")
    shown = admin_client.get(address).context["form"].form
    send(
        admin_client, address, carrier_code="PONY", service_code="FAST", service_text=shown["service_text"].value(),
        anyway="on",
    )  # fmt: skip
    mine = CarrierService.objects.filter(carrier_text__iexact="pony")
    assert set(mine.values_list("carrier_text", "service_text", "carrier_code", "service_code")) == rows


@pytest.mark.parametrize("model", [SkuAlias, ShippingMethod])
def test_the_page_of_a_map_that_is_saved_unchanged_notes_nothing(
    model: Any, overstock: Connection, admin_client: Client
) -> None:
    values = {"marketplace_sku": "A", "warehouse_sku": "B"} if model is SkuAlias else {"code": "NEW-9", "name": "New"}
    row = model.objects.create(connection=overstock, **values)
    admin_client.post(address_of(row), opened(admin_client, address_of(row)))
    assert row.history.count() == 1
