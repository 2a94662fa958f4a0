"""Connections and routes: what would stop every job is refused in the form; what was used is not deleted."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from integrations.models import Connection, JobPlan, Route
from integrations.sandbox.server import Sandbox
from tests.admin.pages import address_of, error_texts, opened

Run = Callable[..., str]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("base_url", "https://[::1", "is not an address"),
        ("base_url", "http://127.0.0.1:99999", "is not an address"),
        ("base_url", "ftp://127.0.0.1", "http(s)"),
        ("options", "null", "in braces"),
        ("options", "[]", "in braces"),
        ("options", '"x"', "in braces"),
        ("options", '{"colour": "red"}', "no option 'colour'"),
        ("options", '{"time_zone": "America/Nowhere"}', "is not a time zone"),
        ("options", '{"time_zone": "America"}', "America"),
        ("options", '{"publish_batch_size": "many"}', "must be of type int"),
        ("username", "a:b", "no colon"),
        ("username", "", "Overstock (Supplier Oasis) needs a user name"),
        ("username", "   ", "Overstock (Supplier Oasis) needs a user name"),
        ("overlap_minutes", "100000", "less than or equal to 1440"),
        ("recent_slice_minutes", "1", "greater than or equal to 5"),
        ("older_slice_hours", "9999", "less than or equal to 168"),
    ],
)
def test_what_no_job_could_work_with_is_refused_at_its_field(
    field: str, value: str, says: str, shop: Sandbox, overstock: Connection, admin_client: Client
) -> None:
    values = opened(admin_client, address_of(overstock))
    answer = admin_client.post(address_of(overstock), {**values, field: value})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert says in unescape(error_texts(answer))


def test_a_warehouse_that_signs_in_without_a_user_name_keeps_none(
    shop: Sandbox, gecko: Connection, admin_client: Client
) -> None:
    add = reverse("admin:integrations_connection_add")
    typed = {**opened(admin_client, add), "name": "New", "provider": gecko.provider, "base_url": gecko.base_url}
    admin_client.post(add, {**typed, "username": "a:b", "secret": shop.tradegecko.token})
    assert Connection.objects.get(name="New").username == ""
    assert "username" not in opened(admin_client, address_of(gecko))


def test_options_are_emptied_by_emptying_the_field(shop: Sandbox, overstock: Connection, admin_client: Client) -> None:
    Connection.objects.filter(pk=overstock.pk).update(options={"default_channel": "X"})
    values = opened(admin_client, address_of(overstock))
    assert admin_client.post(address_of(overstock), {**values, "options": ""}).status_code == 302
    overstock.refresh_from_db()
    assert overstock.options == {}


def test_a_test_that_fails_is_an_error(shop: Sandbox, gecko: Connection, admin_client: Client) -> None:
    Route.objects.update(location_name="Nowhere")
    answer = admin_client.post(reverse("admin:integrations_connection_test", args=[gecko.pk]))
    told = [(one.level_tag, str(one)) for one in get_messages(answer.wsgi_request)]
    assert [level for level, text in told if "checks went well" in text] == ["error"]


def test_what_was_used_is_not_deleted_and_says_what_to_do_instead(
    shop: Sandbox, manage: Run, route: Route, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "NOPE"})
    manage("run", "all")
    instead = "Switch it off instead"
    for record, said in ((route.marketplace, instead), (route.warehouse, instead), (route, "Pause it instead")):
        delete = address_of(record).replace("/change/", "/delete/")
        assert delete not in admin_client.get(address_of(record)).content.decode()
        answer = admin_client.post(delete, {"post": "yes"}, follow=True)  # from a page that was open before
        assert answer.redirect_chain == [(address_of(record), 302)]
        assert f"Nothing was deleted: {record} is in use. {said}" in unescape(answer.content.decode())
    Route.objects.get()


def test_a_connection_that_was_only_tried_is_deleted(
    shop: Sandbox, manage: Run, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    manage("connect", "tradegecko", "Spare", "--token-env", "GECKO_TOKEN", "--base-url", shop.tradegecko_url)
    spare = Connection.objects.get(name="Spare")
    admin_client.post(reverse("admin:integrations_connection_test", args=[spare.pk]))
    assert JobPlan.objects.filter(connection=spare).exists()
    admin_client.post(address_of(spare).replace("/change/", "/delete/"), {"post": "yes"})
    assert not Connection.objects.filter(name="Spare").exists()


def test_the_preview_says_what_to_put_right_and_shows_holds_first(
    shop: Sandbox, route: Route, admin_client: Client
) -> None:
    Route.objects.update(location_name="Nowhere", state="paused")
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    held = shop.oasis.add_order(*({"partner_sku": f"NOPE-{place}"} for place in range(4)))

    page = admin_client.post(reverse("admin:integrations_route_preview", args=[route.pk]))

    text = unescape(page.content.decode())
    assert "put right first" in text
    assert "location 'Nowhere' of route Main: not found" in text
    assert "Preview of the first pull" in text
    assert "and 3 more" in text
    assert [(group.verdict, len(group.rows)) for group in page.context["groups"]] == [("hold", 1), ("load", 1)]
    assert page.context["groups"][0].rows[0].number == held


def test_a_route_that_was_read_is_previewed_from_there(
    shop: Sandbox, manage: Run, route: Route, admin_client: Client
) -> None:
    manage("run", "all")
    route.refresh_from_db()
    page: Any = admin_client.post(reverse("admin:integrations_route_preview", args=[route.pk]))
    assert "first pull" not in page.context["title"]
    assert route.read_until is not None
    assert page.context["since"] < route.read_until
