"""An order that its route keeps from being sent says so, and leads to the route; a test says what it begins with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from orders import alarms
from orders.models import Order, WarehouseSubmission

Run = Callable[..., str]


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def page(name: str, route: Route) -> str:
    return reverse(f"admin:integrations_route_{name}", args=[route.pk])


@pytest.fixture
def stuck(shop: Sandbox, manage: Run) -> Order:
    """Of a route whose location is misspelt."""
    Route.objects.update(location_name="East store", location_id="")
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    with suppress(CommandError):
        manage("run", "submit_orders")
    return Order.objects.get()


def test_what_its_route_keeps_from_being_sent_says_so_and_leads_to_the_route(
    stuck: Order, manage: Run, admin_client: Client
) -> None:
    answer = admin_client.get(reverse("admin:orders_order_change", args=[stuck.pk]))
    shown: Any = html.fromstring(answer.content.decode())
    assert "it is sent with the next run" not in text_of(answer).partition("Once that is done")[0]
    assert "It cannot be sent. Its route is to be put right first" in text_of(answer)
    assert "Waits for a person" in text_of(answer)
    [link] = shown.xpath("//a[text()='Open the route']/@href")
    assert link.startswith(page("change", stuck.route))  # type: ignore[arg-type]

    listed = admin_client.get(reverse("admin:worklist_holds"))
    assert "Open the route" in text_of(listed)
    assert "Correct the route's location name" in text_of(listed)
    Route.objects.update(location_name="Main DC", location_id="")
    manage("run", "submit_orders")
    assert "Open the route" not in text_of(admin_client.get(reverse("admin:worklist_holds")))


def test_the_alert_of_one_order_that_waits_leads_to_that_one(
    stuck: Order, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    WarehouseSubmission.objects.update(created_at=timezone.now() - timedelta(hours=1))
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    assert WarehouseSubmission.objects.count() == 2
    [alarm] = [one for one in alarms.found(timezone.now()) if "to be sent" in one.text]
    assert (alarm.text, alarm.count) == ("1 order waits to be sent to Gecko", 1)
    assert admin_client.get(alarm.path).context["cl"].result_count == 1


def test_a_test_does_not_begin_with_a_location_that_is_not_there(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    Route.objects.update(state="paused", location_name="East store", location_id="")
    route = Route.objects.get()
    admin_client.post(page("preview", route))
    asked = admin_client.get(page("start_test", route))
    assert "The test cannot start yet. To be done first: Location" in text_of(asked)
    answer = admin_client.post(page("start_test", route), follow=True)
    assert "is not in test yet" in text_of(answer)
    assert Route.objects.get().state == "paused"


def test_a_test_says_how_many_waiting_orders_it_takes_over(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    Route.objects.update(marketplace_warehouse_name="Elsewhere")
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    Route.objects.update(state="paused", marketplace_warehouse_name="Riverside DC")
    route = Route.objects.get()
    said = "1 order that waits here already is taken over, and sent as a test too"
    assert said in text_of(admin_client.get(page("start_test", route)))
    Order.objects.update(status="skipped")
    assert "taken over" not in text_of(admin_client.get(page("start_test", route)))
