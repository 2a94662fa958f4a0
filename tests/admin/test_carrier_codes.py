"""A code that Overstock is not known to take frees no parcel before a person has said that it is meant."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from integrations.models import Connection
from orders.models import CarrierService
from tests.admin.pages import opened

ADD = "/admin/orders/carrierservice/add/"
WORDS = {"carrier_text": "Wagon", "service_text": "*"}


@pytest.fixture
def form(overstock: Connection, admin_client: Client) -> dict[str, str]:
    OrmQ.objects.all().delete()
    return {**opened(admin_client, ADD), "connection": str(overstock.pk), **WORDS, "_save": "1"}


def errors(answer: Any) -> str:
    assert answer.status_code == 200
    return unescape(str(answer.context["adminform"].form.errors))


def test_a_slip_is_refused_with_the_codes_that_are_near(form: dict[str, str], admin_client: Client) -> None:
    said = errors(admin_client.post(ADD, {**form, "carrier_code": "FEDX", "service_code": "GROUN"}))
    assert "The code “FEDX” is not known; near ones are FEDEX" in said
    assert "The code “GROUN” is not known; near ones are GROUND" in said
    assert "known are" in errors(admin_client.post(ADD, {**form, "carrier_code": "§§§"}))
    assert not CarrierService.objects.filter(carrier_text="Wagon").exists()
    assert not OrmQ.objects.exists()


def test_it_is_taken_when_it_is_meant(form: dict[str, str], admin_client: Client) -> None:
    assert admin_client.post(ADD, {**form, "carrier_code": "FEDX", "anyway": "on"}).status_code == 302
    row = CarrierService.objects.get(carrier_text="Wagon")
    assert row.carrier_code == "FEDX"
    assert OrmQ.objects.count() == 1
    page = reverse("admin:orders_carrierservice_change", args=[row.pk])
    assert admin_client.post(page, {**opened(admin_client, page), "service_text": "slow"}).status_code == 302
    said = errors(admin_client.post(page, {**opened(admin_client, page), "carrier_code": "FEDXX"}))
    assert "near ones are FEDEX" in said


def test_a_carrier_that_is_there_in_other_capitals_is_not_added_again(
    form: dict[str, str], overstock: Connection, admin_client: Client
) -> None:
    row = CarrierService.objects.create(
        connection=overstock, carrier_text="WAGON", service_text="*", carrier_code="UPS"
    )
    said = errors(admin_client.post(ADD, {**form, "carrier_text": "Wagon", "carrier_code": "FEDEX"}))
    assert "“WAGON * → UPS” stands for the same: capitals and repeated blanks make no difference" in said
    assert [one.pk for one in CarrierService.objects.filter(carrier_text__iexact="wagon")] == [row.pk]


def test_of_two_that_contradicted_each_other_from_before_each_can_be_put_right(
    overstock: Connection, admin_client: Client
) -> None:
    for text in ("WAGON", "wagon"):
        CarrierService.objects.create(connection=overstock, carrier_text=text, carrier_code="UPS")
    row = CarrierService.objects.get(carrier_text="wagon")
    page = reverse("admin:orders_carrierservice_change", args=[row.pk])
    assert admin_client.post(page, {**opened(admin_client, page), "carrier_code": "FEDEX"}).status_code == 302
    assert "stands for the same" in errors(
        admin_client.post(page, {**opened(admin_client, page), "carrier_text": "WaGon"})
    )
    assert admin_client.post(page, {**opened(admin_client, page), "carrier_text": "Cart"}).status_code == 302
