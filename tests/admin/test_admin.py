"""Every page of the admin opens, and what staff do there has its effect."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from orders.models import Order
from tests.admin.pages import opened

Run = Callable[..., str]


@pytest.fixture
def order(shop: Sandbox, manage: Run) -> Order:
    number = shop.oasis.add_order({"partner_sku": "MYSTERY-9", "option_sku": "3001", "title": "<b>Mystery</b>"})
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    return Order.objects.get(full_number=number)


@pytest.mark.long
def test_every_list_and_record_opens(order: Order, admin_client: Client) -> None:
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        pages = [(reverse(f"admin:{name}_changelist") + query, (200,)) for query in ("?q=x", "")]
        if record := model._default_manager.first():
            pages.append((reverse(f"admin:{name}_change", args=[record.pk]), (200,)))
        for address, wanted in [*pages, (reverse(f"admin:{name}_add"), (200, 403))]:
            assert admin_client.get(address).status_code in wanted, address


NUL_PAGES = (
    "orders/order/?q=7%00", "orders/order/?status__exact=%00", "orders/order/number/7%00/", "worklists/holds/?q=%00",
)  # fmt: skip


def test_a_nul_character_in_an_address_is_refused_in_words_whatever_the_page(db: None, admin_client: Client) -> None:
    for address in NUL_PAGES:
        answer = admin_client.get(f"/admin/{address}")
        assert answer.status_code == 400, address
        assert "NUL character" in answer.content.decode()


def test_an_address_whose_id_is_no_number_is_not_found(db: None, admin_client: Client) -> None:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for address in (reverse(f"{name}_history", args=["x"]), f"{reverse(f'{name}_changelist')}2/foo/"):
            assert admin_client.get(address).status_code == 404, address


def test_a_person_without_rights_sees_no_order(order: Order, client: Client) -> None:
    client.force_login(User.objects.create_user("viewer", is_staff=True))
    for name in ("order_change", "order_release", "order_hold", "order_skip"):
        address = reverse(f"admin:orders_{name}", args=[order.pk])
        assert client.get(address).status_code == 403
        assert client.post(address, {"reason": "x"}).status_code == 403


def test_the_secret_of_a_connection_is_never_shown(shop: Sandbox, admin_client: Client) -> None:
    connection = Connection.objects.get(name="Overstock")
    page = admin_client.get(reverse("admin:integrations_connection_change", args=[connection.pk])).content.decode()
    assert shop.oasis.password not in page
    assert "p&amp;ss" not in page
    assert connection.encrypted_secret not in page


def test_the_proxy_that_requests_leave_through_is_shown_without_its_password(
    shop: Sandbox, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://clerk:s3cret@proxy.example.com:3128")
    connection = Connection.objects.get(name="Overstock")
    page = admin_client.get(reverse("admin:integrations_connection_change", args=[connection.pk])).content.decode()
    assert "not set (EGRESS_ADDRESS), through the proxy proxy.example.com" in page
    assert "s3cret" not in page


def test_who_may_only_look_at_a_connection_does_not_see_its_secret(shop: Sandbox, client: Client) -> None:
    looker = User.objects.create_user("looker", password="x", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client.force_login(looker)
    for connection in Connection.objects.all():
        page = client.get(reverse("admin:integrations_connection_change", args=[connection.pk]))
        assert page.status_code == 200
        assert connection.decrypted_secret not in unescape(page.content.decode())


def test_saving_a_form_does_not_undo_a_workers_write(shop: Sandbox, admin_client: Client) -> None:
    connection = Connection.objects.get(name="Overstock")
    address = reverse("admin:integrations_connection_change", args=[connection.pk])
    values = opened(admin_client, address)
    Connection.objects.filter(pk=connection.pk).update(health="stopped", health_message="refused meanwhile")

    answer = admin_client.post(address, {**values, "overlap_minutes": 20})

    assert answer.status_code == 302
    connection.refresh_from_db()
    assert (connection.overlap_minutes, connection.health, connection.decrypted_secret) == (
        20,
        "stopped",
        shop.oasis.password,
    )


def test_an_order_is_held_and_released(order: Order, admin_client: Client, manage: Run) -> None:
    ready = Order.objects.exclude(pk=order.pk).get()
    hold, skip = (reverse(f"admin:orders_order_{what}", args=[order.pk]) for what in ("hold", "skip"))
    assert b"not sent until" in admin_client.get(hold).content
    admin_client.post(hold, {"reason": "customer called"})
    assert set(order.holds.filter(resolved_at=None).values_list("kind", flat=True)) == {"manual", "unknown_sku"}

    admin_client.post(skip, {"reason": "fraud"})
    order.refresh_from_db()
    assert (order.status, order.skip_reason) == ("skipped", "fraud")

    admin_client.post(reverse("admin:orders_order_unskip", args=[order.pk]))
    manage("run", "submit_orders")
    order.refresh_from_db()
    assert order.status == "on_hold"

    answer = admin_client.post(reverse("admin:orders_order_hold", args=[ready.pk]), {"reason": "late"}, follow=True)
    assert b"only one that was not sent" in answer.content


def test_what_a_customer_typed_is_escaped(order: Order, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
    assert "<b>Mystery</b>" not in page


def test_the_preview_shows_what_a_first_pull_would_do_and_stores_nothing(shop: Sandbox, admin_client: Client) -> None:
    Route.objects.update(state="paused")
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    route = Route.objects.get()

    page = admin_client.post(reverse("admin:integrations_route_preview", args=[route.pk])).content.decode()

    assert "1 hold<" in page
    assert "1 load<" in page
    assert Order.objects.count() == 0


def test_a_connection_is_tested_from_its_page(shop: Sandbox, admin_client: Client) -> None:
    connection = Connection.objects.get(name="Gecko")
    address = reverse("admin:integrations_connection_test", args=[connection.pk])
    page = unescape(admin_client.post(address, follow=True).content.decode())
    assert "location 'Main DC' of route Main: found" in page
    connection.refresh_from_db()
    assert connection.health == "working"


def test_aliases_are_imported_with_a_preview_and_row_errors(shop: Sandbox, admin_client: Client) -> None:
    marketplace = Connection.objects.get(name="Overstock")
    address = reverse("admin:inventory_skualias_import")
    bad = SimpleUploadedFile("a.csv", b"marketplace_sku,warehouse_sku,units\nA,MUG-BLK,1\nB,MUG-BLK,0\n")
    page = admin_client.post(address, {"connection": marketplace.pk, "format": "0", "import_file": bad})
    assert "must be a whole number from 1" in page.content.decode()
    assert marketplace.aliases.count() == 0

    good = SimpleUploadedFile("a.csv", "\ufeffMarketplace SKU;Warehouse SKU\n007;MUG-BLK\n".encode())
    page = admin_client.post(address, {"connection": marketplace.pk, "format": "0", "import_file": good})
    confirm = page.context["confirm_form"]
    values = {name: confirm[name].value() for name in confirm.fields}
    admin_client.post(reverse("admin:inventory_skualias_process_import"), values)
    assert list(marketplace.aliases.values_list("marketplace_sku", "warehouse_sku", "units")) == [("007", "MUG-BLK", 1)]


def test_an_ugly_order_does_not_break_the_list(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order(*[{"partner_sku": f"<i>{place}{'X' * 60}"} for place in range(40)], number="N" * 190)
    manage("run", "all")
    page = admin_client.get(reverse("admin:orders_order_changelist")).content.decode()
    assert "and 39 more" in page
    assert "&lt;span" not in page
    assert "<i>0" not in page
