"""A line that somebody took out in the warehouse: what to do about it is the large button, with the line chosen."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from lxml import html

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from orders.models import Hold, Order

Run = Callable[..., str]
MAIN = "//a[contains(@class, 'bg-primary-600')][contains(text(), '{}')]/@href"


def links(answer: Any, label: str) -> list[str]:
    page: Any = html.fromstring(answer.content.decode())
    return list(page.xpath(MAIN.format(label)))


@pytest.fixture
def lacking(shop: Sandbox, manage: Run) -> Hold:
    Route.objects.update(short_ship_reasons="OOS Out of stock")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "CHAIR-ASH"})
    manage("run", "all")
    [sent] = shop.tradegecko.by_reference(number)
    shop.tradegecko.delete_line(shop.tradegecko.lines(sent["id"])[1])
    manage("run", "pull_shipments")
    return Hold.objects.get(resolved_at=None)


def test_a_short_ship_from_the_hold_of_a_line_begins_with_that_line(lacking: Hold, admin_client: Client) -> None:
    order = Order.objects.get()
    shown = admin_client.get(reverse("admin:orders_order_change", args=[order.pk]))
    [address] = links(shown, "Short ship")
    line = order.lines.get(number=lacking.subject)
    form: Any = html.fromstring(admin_client.get(address).content.decode())
    [chosen] = form.xpath("//select[@name='line']/option[@selected]/@value")
    assert chosen == str(line.pk)


def test_the_hold_of_a_line_leads_to_the_decision_and_not_to_its_closing(lacking: Hold, admin_client: Client) -> None:
    own = admin_client.get(reverse("admin:orders_hold_change", args=[lacking.pk]))
    listed = admin_client.get(reverse("admin:worklist_changes"))
    page = reverse("admin:orders_order_change", args=[lacking.order_id])
    for answer in (own, listed):
        [address] = links(answer, "Decide")
        assert address.startswith(page)
    assert "Short ship…" in unescape(own.content.decode())


def test_who_maps_a_carrier_from_its_worklist_comes_back_to_that(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    [sent] = shop.tradegecko.by_reference(number)
    shop.tradegecko.ship(sent["id"], tracking="1Z1", carrier="Wagon", service="Slow")
    manage("run", "all")
    here = reverse("admin:worklist_carriers")
    [row] = admin_client.get(here).context["rows"]
    assert row.action == "Map it"
    page: Any = html.fromstring(admin_client.get(row.action_url).content.decode())
    assert page.xpath("//a[text()='Back']/@href") == [here]
