"""A route's first day in the admin: the checklist, going live, and loading orders by day or by number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from orders.models import Backfill, Order, RouteLook
from tests.conftest import Run
from tests.orders.workers import workers_alive

PAGES = ("set_up", "preview", "backfill", "go_live", "start_test", "pause")


@pytest.fixture
def paused(shop: Sandbox, manage: Run) -> Route:
    Route.objects.update(state="paused")
    for name in ("Overstock", "Gecko"):
        manage("check_connection", name)
    workers_alive()
    return Route.objects.get()


def page(name: str, route: Route) -> str:
    return reverse(f"admin:integrations_route_{name}", args=[route.pk])


def test_from_a_paused_route_to_a_live_one(paused: Route, shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    assert "1 of these must be done before it can go live" in admin_client.get(page("set_up", paused)).content.decode()
    in_the_way = "Somebody has looked at what it would load"
    assert f"Go live waits for: {in_the_way}." in admin_client.get(page("set_up", paused)).content.decode()
    assert "A new route is paused" in admin_client.get(page("change", paused)).content.decode()
    before = admin_client.get(page("go_live", paused)).content.decode()
    assert f"It cannot go live yet. To be done first: {in_the_way}" in before
    assert ("From now on its orders" in before, 'type="submit" class="bg-primary' in before) == (False, False)
    [link] = [one.url for one in admin_client.get(page("set_up", paused)).context["points"] if "test" in one.link]
    assert link.startswith(page("start_test", paused) + "?back=")
    assert f'href="{page("set_up", paused)}"' in admin_client.get(link).content.decode()
    refused = admin_client.post(page("go_live", paused), follow=True).content.decode()
    assert "is not live yet" in refused
    assert "Look now" in admin_client.get(page("preview", paused)).content.decode()
    assert not RouteLook.objects.exists()
    assert "1 load" in admin_client.post(page("preview", paused)).content.decode()
    admin_client.post(page("start_test", paused))
    assert Route.objects.get().state == "test"
    manage("run", "all")
    shown = admin_client.get(page("set_up", paused)).content.decode()
    assert "Nothing stands in the way of going live" in shown
    assert "order TEST-" in shown
    assert (
        "unless they are removed first, stay as they are" in admin_client.get(page("go_live", paused)).content.decode()
    )
    admin_client.post(page("go_live", paused))
    assert Route.objects.get().state == "live"
    shown = admin_client.get(page("change", paused)).content.decode()
    assert ("A new route is paused" in shown, "has no guard against many changes" in shown) == (False, True)


def test_a_name_that_differs_in_capitals_only_is_named_by_the_preview(
    paused: Route, shop: Sandbox, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    Route.objects.update(marketplace_warehouse_name="riverside dc")
    shown = unescape(admin_client.post(page("preview", paused)).content.decode())
    assert "takes 'riverside dc', which differs in capitals or blanks only: write it as 'Riverside DC' there" in shown


def test_orders_are_loaded_by_number_after_a_preview(paused: Route, shop: Sandbox, admin_client: Client) -> None:
    created = datetime.now(UTC) - timedelta(days=12)
    number, other = (
        shop.oasis.add_order({"partner_sku": "MUG-BLK"}, created_at=created, ordered_at=created) for _ in range(2)
    )
    days = {"first": f"{created - timedelta(days=1):%Y-%m-%d}", "last": f"{created + timedelta(days=1):%Y-%m-%d}"}
    seen = admin_client.post(page("backfill", paused), {**days, "numbers": number}).content.decode()
    assert "Load 1 order" in seen
    assert other not in seen
    assert not Order.objects.exists()
    shown = admin_client.post(page("backfill", paused), {**days, "numbers": number}).context["previewed"]
    load = {**days, "previewed": shown, "load": "1"}
    other = admin_client.post(page("backfill", paused), {**load, "numbers": ""}).content.decode()
    assert "Nothing was loaded: days or numbers were changed after the preview" in other
    assert not Backfill.objects.exists()
    done = admin_client.post(page("backfill", paused), {**load, "numbers": number}, follow=True)
    assert "waits for the next pull" in done.content.decode()
    assert Backfill.objects.get().numbers == [number]


def test_days_that_are_none_are_said_on_the_form(paused: Route, admin_client: Client) -> None:
    wrong = admin_client.post(page("backfill", paused), {"first": "2026-02-02", "last": "2026-02-01"})
    assert "lies before the first" in wrong.content.decode()
    assert admin_client.get(page("backfill", paused), {"first": "x", "last": "2026-13-01"}).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_who_may_only_look_at_routes_gets_none_of_these_pages(paused: Route, client: Client, name: str) -> None:
    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_route"))
    client.force_login(looker)
    for answer in (client.get(page(name, paused)), client.post(page(name, paused))):
        assert answer.status_code == 403
    assert Route.objects.get().state == "paused"
    assert "Go live" not in client.get(reverse("admin:integrations_route_change", args=[paused.pk])).content.decode()
