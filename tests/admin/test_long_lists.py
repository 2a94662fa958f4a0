"""Lists of a hundred thousand rows: what a page asks of the database does not grow with what it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import html

from integrations.models import Connection, Route
from inventory.models import Publication
from orders.admin.orders import OrderAdmin
from orders.models import Order, ShipmentConfirmation, WarehouseSubmission

pytestmark = pytest.mark.django_db
ORDERS = "admin:orders_order_changelist"


@pytest.fixture
def orders() -> list[Order]:
    """Of a year each: one that was sent, one that went out as a test, and one of freight that was not sent."""
    market = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    route = Route.objects.create(
        name="Main", state="live", marketplace=market, warehouse=gecko, marketplace_warehouse_name="Main DC",
        location_name="Main DC",
    )  # fmt: skip
    made = [
        Order.objects.create(
            connection=market, route=route, full_number=f"700-{year}", ordered_at=datetime(year, 5, 1, tzinfo=UTC),
            ordered_on=datetime(year, 5, 1, tzinfo=UTC).date(), is_freight=year == 2026,
        )
        for year in (2024, 2025, 2026)
    ]  # fmt: skip
    for order in made[:2]:
        WarehouseSubmission.objects.create(order=order, connection=gecko, is_test=order == made[1])
    return made


def _page(client: Client, **asked: str) -> Any:
    return html.fromstring(client.get(reverse(ORDERS), asked).content.decode())


def _numbers(page: Any) -> list[str]:
    return [cell.text_content().split()[0] for cell in page.find_class("field-number")]


def test_a_page_far_into_a_list_joins_to_its_own_rows_alone(
    orders: list[Order], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OrderAdmin, "list_per_page", 1)
    with CaptureQueriesContext(connection) as asked:
        page = _page(admin_client, p="2")
    assert _numbers(page) == ["700-2025"]
    passing = [one["sql"] for one in asked if "OFFSET 1" in one["sql"]]
    assert len(passing) == 1
    assert "JOIN" not in passing[0]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"submission__is_test__exact": "1"}, ["700-2025"]),
        ({"submission__is_test__exact": "0"}, ["700-2026", "700-2024"]),
        ({"is_freight__exact": "1"}, ["700-2026"]),
        ({"is_freight__exact": "0"}, ["700-2025", "700-2024"]),
    ],
)
def test_what_is_rarely_so_is_filtered_by_its_own_index(
    orders: list[Order], admin_client: Client, asked: dict[str, str], numbers: list[str]
) -> None:
    assert _numbers(_page(admin_client, **asked)) == numbers


def test_the_years_above_a_list_are_all_of_it_whatever_is_searched(orders: list[Order], admin_client: Client) -> None:
    years = _page(admin_client, q="700-2025").xpath("//ul[contains(@class, 'toplinks')]//a")
    assert [one.text_content().strip() for one in years] == ["2024", "2025", "2026"]


def test_the_head_of_a_filtered_list_tells_thousands_apart(
    orders: list[Order], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Paginator, "count", 12_345)
    head = _page(admin_client, status__exact="received").xpath("//h1")[0].text_content()
    assert "12,345 results (Show all)" in head


@pytest.mark.parametrize(
    ("model", "filters"),
    [
        (Order, {"route": 1}), (Order, {"connection": 1}),
        (WarehouseSubmission, {"connection": 1}), (WarehouseSubmission, {"status": "accepted"}),
        (ShipmentConfirmation, {"connection": 1}), (ShipmentConfirmation, {"status": "accepted"}), (Publication, {}),
    ],
)  # fmt: skip
def test_a_filtered_list_is_read_in_its_order(model: type[Model], filters: dict[str, Any]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL sorts what is little")
    newest = model._default_manager.filter(**filters).values("pk")
    assert "TEMP B-TREE" not in newest.explain()
