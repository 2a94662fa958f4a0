"""What was settled, opened by its address or in an old tab, says so and only leads back; a cancellation names its units."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse
from lxml import html

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from orders import actions
from orders.models import Hold, Order
from tests.orders.world import ship

Run = Callable[..., str]
BUTTONS = "//form[contains(@class, 'max-w-3xl')]//button"


def buttons(answer: Any) -> list[str]:
    page: Any = html.fromstring(answer.content.decode())
    return [str(one.text_content()) for one in page.xpath(BUTTONS)]


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


@pytest.fixture
def cancelled(shop: Sandbox, manage: Run) -> Order:
    """One of three mugs has left, then all of the order is cancelled."""
    Route.objects.update(order_status="finalized", cancels_after_sending="ask")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    return Order.objects.get()


def test_a_cancellation_of_what_has_left_in_part_names_lines_and_units(cancelled: Order, admin_client: Client) -> None:
    address = reverse("admin:orders_order_void", args=[cancelled.pk])
    asked = admin_client.get(address)
    assert "line 1: 2 units, line 2: 1 unit" in text_of(asked)
    seen = asked.context["form"]["seen"].value()
    done = text_of(admin_client.post(address, {"seen": seen}, follow=True))
    assert ("if it is unshipped then" in done, "what is cancelled and has not left by then" in done) == (False, True)


@pytest.mark.parametrize("name", ["void", "amend", "keep", "apply", "retry"])
def test_a_decision_that_nothing_waits_for_has_no_button(
    name: str, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    answer = admin_client.get(reverse(f"admin:orders_order_{name}", args=[Order.objects.get().pk]))
    assert (buttons(answer), "waits for this now" in text_of(answer)) == ([], True)


@pytest.mark.parametrize("name", ["hold", "skip", "release", "unskip"])
def test_what_an_order_does_not_allow_any_more_has_no_button(
    name: str, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    address = reverse(f"admin:orders_order_{name}", args=[Order.objects.get().pk])
    answer = admin_client.get(address)
    assert (buttons(answer), "is submitted by now" in text_of(answer)) == ([], True)
    admin_client.post(address, {"reason": "late"})
    assert Order.objects.get().status == "submitted"


def test_a_hold_that_is_closed_is_not_resolved_again(cancelled: Order, admin_client: Client) -> None:
    hold = Hold.objects.get(kind="cancelled_late", resolved_at=None)
    address = reverse("admin:orders_hold_resolve", args=[hold.pk])
    assert buttons(admin_client.get(address)) == ["Resolve"]
    actions.resolve(hold, "by telephone", None)
    answer = admin_client.get(address)
    assert (buttons(answer), "This is settled since" in text_of(answer)) == ([], True)
    assert "by telephone" in text_of(answer)
    assert hold.message not in text_of(answer)


def test_a_refused_order_says_so_to_who_may_not_send_it_again(shop: Sandbox, manage: Run, client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewer"))
    client.force_login(viewer)
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "422", path="/orders", method="POST")
    with suppress(CommandError):
        manage("run", "all")
    page = text_of(client.get(reverse("admin:orders_order_change", args=[Order.objects.get().pk])))
    assert "Nothing is sent again until somebody who may has looked at it and pressed “Retry”." in page
    assert "it is sent with the next run" not in page


def test_an_order_of_many_unknown_skus_has_a_few_links_at_its_head_that_are_told_apart(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order(*({"partner_sku": f"MYSTERY-{place}"} for place in range(9)))
    manage("run", "all")
    answer = admin_client.get(reverse("admin:orders_order_change", args=[Order.objects.get().pk]))
    labels = [label for label, _ in answer.context["facts"]["mends"]]
    assert labels == [f"Map it: MYSTERY-{place}" for place in range(3)]
