"""Carriers that waiting parcels name, mapped from the worklist: by whatever spelling, for all orders at once."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from integrations.sandbox.server import Sandbox
from orders.models import CarrierService, Hold
from tests.admin.test_mapping import LIST, page_of, send, text_of
from tests.orders.world import placed, ship

Run = Callable[..., str]


def test_a_carrier_is_mapped_for_all(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    for place, number in enumerate(numbers):
        [placed] = shop.tradegecko.by_reference(number)
        shop.tradegecko.ship(placed["id"], tracking=f"1Z{place}", carrier="Wagon & Sons", service="slow")
    manage("run", "all")
    [row] = admin_client.get(LIST).context["rows"]
    assert (row.kind, row.orders, row.units) == ("Unknown carrier", 2, 2)
    page = text_of(admin_client.get(row.url))
    assert "Frees 2 orders" in page
    assert "The code “WAGN” is not known" in text_of(send(admin_client, row.url, carrier_code="WAGN"))
    said = text_of(send(admin_client, row.url, service_text="*", carrier_code="FEDEX", service_code="GROUND"))
    assert "2 orders are freed and being told to the marketplace" in said
    manage("run", "confirm_shipments")
    assert [one.carrier for number in numbers for _, one in shop.oasis.shipments(number)] == ["FEDEX", "FEDEX"]
    mapped = CarrierService.objects.get(carrier_text="Wagon & Sons")
    assert (mapped.service_text, mapped.carrier_code) == ("*", "FEDEX")


def test_one_carrier_in_other_capitals_is_one_cause_and_its_row_frees_all(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(3)]
    manage("run", "all")
    for number, carrier in zip(numbers, ("Pigeon Post", "PIGEON  POST", "pigeon post"), strict=True):
        ship(shop, number, tracking=f"1Z{number}", carrier=carrier)
        if number != numbers[0]:  # two of them are seen by one look
            manage("run", "all")
    [row] = admin_client.get(LIST).context["rows"]
    assert (row.kind, row.orders, row.units) == ("Unknown carrier", 3, 3)
    assert "Frees 3 orders" in text_of(admin_client.get(row.url))
    said = text_of(send(admin_client, row.url, service_text="*", carrier_code="FEDEX", service_code="GROUND"))
    assert "3 orders are freed and being told to the marketplace" in said
    manage("run", "confirm_shipments")
    assert [one.carrier for number in numbers for _, one in shop.oasis.shipments(number)] == ["FEDEX"] * 3


def test_an_order_with_another_unknown_carrier_still_waits_when_one_is_mapped(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    for carrier in ("Wagon", "Coach"):
        ship(shop, number, 1, tracking=f"1Z{carrier}", carrier=carrier)
    manage("run", "all")
    address = page_of("unknown_carrier", "Wagon / Ground")
    assert "Frees 0 orders" in text_of(admin_client.get(address))
    said = text_of(send(admin_client, address, service_text="*", carrier_code="FEDEX", service_code="GROUND"))
    assert "0 orders are freed and being told to the marketplace; 1 still waits" in said
    manage("run", "confirm_shipments")
    assert [one.tracking_number for _, one in shop.oasis.shipments(number)] == ["1ZWagon"]


def test_an_order_that_was_voided_since_is_not_counted_among_those_that_a_carrier_frees(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.tradegecko.switch(void_shipped=True)
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    for number in numbers:
        ship(shop, number, tracking=f"1Z{number}", carrier="Wagon")
    manage("run", "all")
    shop.tradegecko.void(placed(shop, numbers[0]))
    manage("run", "pull_shipments")
    page = text_of(admin_client.get(page_of("unknown_carrier", Hold.objects.filter(kind="unknown_carrier")[0].subject)))
    assert "Frees 1 order" in page
    assert "Frees 2 orders" not in page
