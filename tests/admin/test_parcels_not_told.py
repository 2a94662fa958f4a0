"""What has left of a line that takes no more: its page says so, and which parcel each of its holds is about."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from lxml import html

from integrations.sandbox.server import Sandbox
from orders.models import Hold, Order
from tests.admin.pages import address_of
from tests.orders.test_changes import Run, again
from tests.orders.world import ship


def lowered(box: Sandbox, manage: Run) -> str:
    """Of three mugs one is wanted still."""
    number = box.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    box.oasis.edit(number, "1", quantity=1)
    again(manage)
    return number


def parcels_on(page: Any) -> list[dict[str, str]]:
    """The rows of the page's parcels, by column."""
    parsed: Any = html.fromstring(page.content.decode())
    [table] = parsed.xpath("//table[.//td[@data-label='Tracking number']]")
    return [
        {cell.get("data-label"): " ".join(cell.text_content().split()) for cell in row.xpath("td")}
        for row in table.xpath("./tbody/tr")
    ]


def shipped(page: Any) -> list[str]:
    """What stands in the first line's cell, from above."""
    parsed: Any = html.fromstring(page.content.decode())
    cell = parsed.xpath("//td[@data-label='Shipped']")[0]
    return ["".join(part.xpath("text()")).strip() for part in cell.xpath("./div/div")]


def test_holds_name_the_parcel_by_its_tracking_number_where_it_has_one(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = lowered(shop, manage)
    ship(shop, number, 1, 2, tracking="1Z1")
    other = ship(shop, number, 1, 1)
    manage("run", "pull_shipments")
    over = [hold for hold in Hold.objects.filter(resolved_at=None) if hold.kind == Hold.Kind.OVER_SHIPPED]
    assert [str(hold) for hold in over] == [
        "More shipped than ordered: parcel 1Z1", f"More shipped than ordered: parcel {other}"
    ]  # fmt: skip
    for address in (address_of(Order.objects.get()), reverse("admin:worklist_holds")):
        page = admin_client.get(address).content.decode()
        assert all(str(hold) in page for hold in over)
    listed = admin_client.get(reverse("admin:orders_hold_changelist")).content.decode()
    assert "parcel 1Z1" in listed
    assert over[0].subject not in listed


def test_of_a_lowered_line_the_page_says_what_left_and_is_not_told(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = lowered(shop, manage)
    ship(shop, number, 1, 2, tracking="1Z1")
    ship(shop, number, 1, 1, tracking="1Z2")
    manage("run", "all")
    page = admin_client.get(address_of(Order.objects.get()))
    assert shipped(page) == ["3", "2 in 1Z1", "1 in 1Z2", "2 not told"]
    first, second = parcels_on(page)
    assert (first["Units"], second["Units"]) == ("line 1: 2", "line 1: 1")
    assert first["The marketplace was told"].startswith("Accepted as UPS")
    assert first["The marketplace was told"].endswith("not told of 1 unit of line 1: it takes no more")
    assert second["The marketplace was told"] == "not told of 1 unit of line 1: it takes no more"


def test_what_was_shipped_in_place_of_a_voided_parcel_is_not_said_to_be_told_later(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    first = ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.tradegecko.void_parcel(shop.tradegecko.tables["fulfillments"][first])
    ship(shop, number, 1, 1, tracking="1Z2")
    manage("run", "pull_shipments")
    told = {row["Tracking number"]: row["The marketplace was told"] for row in parcels_on(
        admin_client.get(address_of(Order.objects.get()))
    )}  # fmt: skip
    assert told["1Z1"].startswith("Accepted")
    assert told["1Z2"] == "not told of 1 unit of line 1: it takes no more"


@pytest.mark.parametrize("line", ["1", ""])
def test_a_parcel_of_a_cancelled_line_is_not_said_to_be_told_later(
    line: str, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.cancel(number, *line)
    again(manage)
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    page = admin_client.get(address_of(Order.objects.get()))
    assert shipped(page)[:2] == ["1", "1 in 1Z1"]
    [parcel] = parcels_on(page)
    assert (parcel["Units"], parcel["The marketplace was told"]) == (
        "line 1: 1", "not told of 1 unit of line 1: cancelled"
    )  # fmt: skip
