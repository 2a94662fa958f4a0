"""A map that somebody else has answered meanwhile says what it was mapped to, by whom and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders.models import CarrierService, Hold, Shipment
from tests.admin.test_mapping import page_of, send, text_of
from tests.admin.test_saved_twice import waits_for

Run = Callable[..., str]


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def test_who_comes_late_reads_what_it_was_mapped_to_by_whom_and_when(
    shop: Sandbox, manage: Run, admin_client: Client, boss: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    address = page_of("unknown_sku", "MYSTERY-9")
    late = admin_client.get(address)
    send(boss, address, warehouse_sku="MUG-BLK", units="6")
    for answer in (
        admin_client.get(address, follow=True),
        admin_client.post(address, {"shown": late.context["form"].shown, "warehouse_sku": "TEE-RED-M"}, follow=True),
    ):
        told = text_of(answer)
        assert "Nothing waits for the SKU “MYSTERY-9” any more. It is 6 × MUG-BLK, mapped by boss at 20" in told
    assert SkuAlias.objects.get().warehouse_sku == "MUG-BLK"


def test_what_is_answered_but_waits_on_says_so_on_its_page_and_to_who_answers_otherwise(
    route: Route, admin_client: Client, boss: Client
) -> None:
    waits_for(route, Hold.Kind.UNKNOWN_SKU, "NEW-9")
    address = page_of("unknown_sku", "NEW-9")
    late = admin_client.get(address)
    assert "mapped by" not in text_of(late)
    send(boss, address, warehouse_sku="MUG-BLK", units="1")
    values = {"shown": late.context["form"].shown, "warehouse_sku": "TEE-RED-M", "units": "1"}
    refused = text_of(admin_client.post(address, values, follow=True))
    assert "Nothing was saved; look again. It is 1 × MUG-BLK, mapped by boss at 20" in refused
    assert "unknown It is 1 × MUG-BLK, mapped by boss at 20" in text_of(admin_client.get(address))


def test_a_shipping_code_and_a_carrier_say_it_too(route: Route, admin_client: Client, boss: Client) -> None:
    order = waits_for(route, Hold.Kind.UNMAPPED_SHIPPING, "NEW-9")
    send(boss, page_of("unmapped_shipping", "NEW-9"), name="Fast")
    Hold.objects.update(resolved_at=timezone.now())
    told = text_of(admin_client.get(page_of("unmapped_shipping", "NEW-9"), follow=True))
    assert "It is “Fast”, mapped by boss at 20" in told
    Shipment.objects.create(
        connection=route.warehouse, remote_id="1", order=order, state="shipped", carrier="UPS", service="Ground",
        shipped_at=timezone.now(),
    )  # fmt: skip
    Hold.objects.create(
        order=order, kind="unknown_carrier", subject="UPS / Ground", message="unknown", resolved_at=timezone.now()
    )
    CarrierService.objects.create(
        connection=order.connection, carrier_text="ups", service_text="*", carrier_code="UPS", service_code="GRND"
    )
    told = text_of(admin_client.get(page_of("unknown_carrier", "UPS / Ground"), follow=True))
    assert "Nothing waits for the carrier “UPS / Ground” any more. It is UPS GRND, mapped at 20" in told
