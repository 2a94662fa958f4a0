"""The page of an order that is wholly cancelled or skipped: its lines are not open, and one cause has its buttons once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from integrations.sandbox.server import Sandbox
from orders import actions
from orders.models import Hold, Order
from tests.admin.pages import address_of
from tests.admin.test_deciding import button, staff
from tests.orders.test_changes import sent, set_rule, two_lines

Run = Callable[..., str]


def parsed(client: Client, number: str) -> Any:
    return html.fromstring(client.get(address_of(Order.objects.get(full_number=number))).content.decode())


def compared(page: Any) -> str:
    [table] = page.xpath("//table[contains(@class, 'compared')]")
    return " ".join(table.text_content().split())


def column(page: Any, name: str) -> list[str]:
    """What the table of lines shows in it."""
    cells = page.xpath(f"//*[@id='lines-group']//td[contains(@class, 'field-{name}')]")
    return [" ".join(cell.text_content().split()) for cell in cells]


def holds_of(page: Any) -> list[list[str]]:
    """The texts of each hold's links."""
    return [[link.text for link in one.xpath(".//a")] for one in page.xpath("//li[contains(@class, 'waits')]")]


def end(how: str, box: Sandbox, manage: Run) -> str:
    """An order that ended like this, of two lines."""
    if how == "cancelled before it was seen":
        number = two_lines(box)
        box.oasis.cancel(number)
        manage("run", "pull_orders")
        return number
    if how in ("cancelled before sending", "skipped"):
        number = two_lines(box)
        manage("run", "pull_orders")
        if how == "skipped":
            actions.skip(Order.objects.get(full_number=number), "fraud", None)
            return number
    else:
        set_rule(cancels_after_sending="do" if "there too" in how else "never")
        number = sent(box, manage)
    box.oasis.cancel(number)
    for job in ("revisit_orders", "submit_orders"):
        manage("run", job)
    return number


@pytest.mark.parametrize(("how", "state"), [
    ("cancelled after sending, there too", "Cancelled"), ("skipped", "Skipped"), ("cancelled after sending", "Cancelled"),
    ("cancelled before sending", "Cancelled"), ("cancelled before it was seen", "Cancelled"),
])  # fmt: skip
def test_lines_that_will_never_be_sent_say_so_and_are_not_open(
    how: str, state: str, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    page = parsed(admin_client, end(how, shop, manage))
    assert " open" not in compared(page)
    assert compared(page).count(state.lower()) == 2
    assert (column(page, "state"), column(page, "to_ship")) == ([state] * 2, ["0"] * 2)


def test_what_shipped_without_us_says_so(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    for line in ("", "1", "2"):
        shop.oasis.edit(number, line, status="SHIPPED")
    manage("run", "revisit_orders")
    assert Order.objects.get().skip_reason == "shipped on the marketplace without us"
    page = parsed(admin_client, number)
    assert column(page, "state") == ["Shipped without us"] * 2
    assert " open" not in compared(page)


def test_lines_that_are_cancelled_together_have_one_button_and_each_its_own_note(
    shop: Sandbox, manage: Run, admin_client: Client, client: Client
) -> None:
    number = shop.oasis.add_order(*({"partner_sku": sku} for sku in ("MUG-BLK", "TEE-RED-M", "MUG-BLK")))
    manage("run", "all")
    for line in ("1", "2"):
        shop.oasis.cancel(number, line)
    manage("run", "revisit_orders")
    both = "Cancel in the warehouse (2 reasons at once)"
    assert holds_of(parsed(admin_client, number)) == [[both, "Resolve"], ["Resolve"]]
    assert holds_of(parsed(staff(client, "view_order", "view_hold"), number)) == [[], []]


def test_a_release_of_several_holds_is_one_button(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    number = two_lines(shop)
    manage("run", "pull_orders")
    order = Order.objects.get()
    actions.hold(order, "ask the customer", None)
    Hold.objects.create(order=order, kind=Hold.Kind.GONE, message="gone")
    assert holds_of(parsed(admin_client, number)) == [["Release (2 reasons at once)"], []]


def test_what_has_shipped_in_part_offers_to_take_out_the_rest_of_the_whole(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = sent(shop, manage)
    order = Order.objects.get()
    for subject in ("", "2"):
        Hold.objects.create(order=order, kind=Hold.Kind.CANCELLED_LATE, subject=subject, message="cancelled")
    order.lines.filter(number="2").update(is_cancelled=True)
    Order.objects.update(status="partly_shipped", cancel_requested_at=timezone.now())
    page = parsed(admin_client, number)
    assert holds_of(page) == [["Cancel in the warehouse", "Resolve"], ["Resolve"]]
    assert button("void", order) in page.xpath("//a/@href")
    assert reverse("admin:orders_hold_resolve", args=[order.holds.get(subject="").pk]) in page.xpath("//a/@href")
