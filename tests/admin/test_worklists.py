"""What waits for a person has a button, one for many, and leads to the page that mends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from lxml import html

from integrations.admin.legible import indented, legible
from integrations.models import Connection, Exchange, Route
from integrations.sandbox.server import Sandbox
from inventory.models import Listing, Publication, SkuAlias
from orders.admin import remedies
from orders.models import (
    BulkAction,
    Hold,
    Order,
    ShipmentConfirmation,
    ShortShip,
    UnreadableRecord,
    WarehouseChange,
    WarehouseSubmission,
)
from tests.access import one_of_each
from tests.admin.pages import address_of, opened

Run = Callable[..., str]


@pytest.fixture
def order(shop: Sandbox, manage: Run) -> Order:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    return Order.objects.get(full_number=number)


@pytest.fixture
def viewer(client: Client) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_causes_that_read_alike_are_told_apart_and_late_orders_say_where_they_are(
    db: None, admin_client: Client
) -> None:
    long_ago, there = timezone.now() - timedelta(days=30), Connection.objects.create(name="G", provider="tradegecko")
    for name in ("Shop A", "Shop B"):
        shop = Connection.objects.create(name=name, provider="supplier_oasis")
        route = Route.objects.create(name=name, marketplace=shop, warehouse=there, marketplace_warehouse_name="Main")
        Order.objects.create(
            connection=shop, route=route, full_number=f"{name} 1", short_reference=name, status="submitted",
            ordered_at=long_ago, ordered_on=long_ago.date(),
        )  # fmt: skip
    ready = Order.objects.create(
        connection=shop, route=route, full_number="Shop B 2", short_reference="B2", status="ready",
        ordered_at=long_ago, ordered_on=long_ago.date(),
    )  # fmt: skip
    page = text_of(admin_client.get(reverse("admin:worklist_late")))
    assert "route Shop B is paused, so it is not sent" in page
    assert "Route Shop B is paused: the order is sent once" in text_of(admin_client.get(address_of(ready)))
    assert "Submitted · Shop A" in page.replace("</strong>", "")
    assert "Submitted · Shop B" in page
    assert "the warehouse has it, and has shipped none of it" in page
    assert "Ship date" in page
    there.note_health("stopped", "no")
    assert "Ship date" not in text_of(admin_client.get(reverse("admin:worklist_connections")))


def many(client: Client, name: str, action: str, rows: Any, **answer: str) -> str:
    """The page after an action on many was chosen, and with an answer after that was confirmed too."""
    address = reverse(f"admin:orders_{name}_changelist") + "?state=all" * (name != "order")
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    page = client.post(address, data, follow=True)
    if answer and page.redirect_chain:
        page = client.post(page.redirect_chain[-1][0], answer, follow=True)
    return text_of(page)


def test_a_hold_of_a_sent_order_is_resolved_with_a_note(order: Order, admin_client: Client) -> None:
    hold = order.holds.get(kind="cancelled_late")
    address = reverse("admin:orders_hold_resolve", args=[hold.pk])
    assert "Say what was done" in text_of(admin_client.get(address))
    assert address in text_of(admin_client.get(reverse("admin:orders_order_change", args=[order.pk])))

    admin_client.post(address, {"note": "voided in TradeGecko by phone"})

    hold.refresh_from_db()
    assert hold.resolved_at is not None
    assert hold.resolution == "admin: voided in TradeGecko by phone"
    event = order.events.latest("pk")
    assert (str(event.actor), "by phone" in event.text) == ("admin", True)
    admin_client.get(reverse("admin:orders_hold_changelist"))  # shows the message of what was just done
    assert str(hold.order) not in text_of(admin_client.get(reverse("admin:orders_hold_changelist")))
    assert "resolved already" in text_of(admin_client.post(address, {"note": "again"}, follow=True))


def test_what_was_asked_of_the_warehouse_is_not_said_to_be_done_yet_by_hand(order: Order, admin_client: Client) -> None:
    page = admin_client.get(address_of(order))
    assert "there while it is unshipped" in page.context["facts"]["holds"][0].hold.message
    seen = admin_client.get(reverse("admin:orders_order_void", args=[order.pk])).context["form"]["seen"].value()
    admin_client.post(reverse("admin:orders_order_void", args=[order.pk]), {"seen": seen})
    page = admin_client.get(address_of(order))
    [hold] = page.context["facts"]["holds"]
    assert "It is cancelled there too, while it is unshipped, with the next run." in hold.hold.message
    assert "Cancel it there" not in text_of(page)


def test_a_hold_whose_cause_is_mended_elsewhere_is_not_resolved_by_hand(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    hold = Hold.objects.get()
    assert reverse("admin:orders_hold_resolve", args=[hold.pk]) not in text_of(
        admin_client.get(reverse("admin:orders_hold_change", args=[hold.pk]))
    )
    page = many(admin_client, "hold", "resolve_many", [hold])
    assert "It cannot be done to any of them" in page
    assert "by itself once its cause is mended" in page
    assert Hold.objects.get().resolved_at is None
    assert not BulkAction.objects.exists()  # none waits for a yes that nobody could say


def test_what_no_clear_answer_came_to_is_looked_up_for_its_order_and_one_comes_back(
    shop: Sandbox, manage: Run, admin_client: Client, viewer: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders*", method="POST", times=1)
    with suppress(CommandError):
        manage("run", "all")
    sent = WarehouseSubmission.objects.get()
    own = reverse("admin:orders_warehousesubmission_change", args=[sent.pk])
    for page, here in ((f"{reverse('admin:worklist_unknown')}?q={sent.order}",) * 2, (own, own)):
        shown: Any = html.fromstring(admin_client.get(page).content)
        [link] = shown.xpath("//a[text()='Look it up now']/@href")
        said = text_of(admin_client.get(link))
        assert f"Look up order {sent.order} at Gecko" in said
        assert "is asked now whether it has arrived" in said
        OrmQ.objects.all().delete()
        assert admin_client.post(link).url == here  # type: ignore[attr-defined]
        assert [row.task["name"] for row in OrmQ.objects.all()] == [f"submit_orders:{sent.connection_id}"]
    assert [one.get_edited_object() for one in LogEntry.objects.all()] == [sent.order, sent.order]
    look_up = reverse("admin:orders_order_look_up", args=[sent.order_id, "submission"])
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        assert admin_client.post(f"{look_up}?{urlencode({'back': elsewhere})}").url == address_of(sent.order)  # type: ignore[attr-defined]
    assert viewer.post(look_up).status_code == 403
    manage("run", "submit_orders")
    WarehouseSubmission.objects.update(status="accepted")
    assert "it is known by now whether" in text_of(admin_client.get(look_up, follow=True))


def test_a_quantity_without_a_clear_answer_is_looked_up_by_its_name_and_one_comes_back_to_where_it_was_asked(
    shop: Sandbox, manage: Run, admin_client: Client, viewer: Client
) -> None:
    shop.oasis.add_listing("X")
    overstock = Connection.objects.get(name="Overstock")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="X", warehouse_sku="MUG-BLK", units=1)
    shop.faults.add("oasis", "reset_after_apply", path="/inventory", times=1)
    with suppress(CommandError):
        manage("run", "all")
    lost = Publication.objects.filter(status="unconfirmed").earliest("pk")
    listing = reverse("admin:inventory_listing_change", args=[lost.listing_id])
    own = reverse("admin:inventory_publication_change", args=[lost.pk])
    for page in (f"{reverse('admin:worklist_unknown')}?q={lost.sku}", listing, own):
        shown: Any = html.fromstring(admin_client.get(page).content)
        [link] = shown.xpath("//a[text()='Look it up now']/@href")
        said = text_of(admin_client.get(link))
        assert f"Look up {lost.sku} at Overstock" in said
        assert f"Of {lost.sku}, the quantity {lost.quantity} was sent, and no clear answer came" in said
        OrmQ.objects.all().delete()
        assert admin_client.post(link).url == page  # type: ignore[attr-defined]
        assert [row.task["name"] for row in OrmQ.objects.all()] == [
            f"publish_inventory:{lost.listing.route.marketplace_id}"
        ]
    look_up = reverse("admin:inventory_publication_look_up", args=[lost.pk])
    assert admin_client.post(look_up).url == listing  # type: ignore[attr-defined]
    assert viewer.post(look_up).status_code == 403
    assert "Look it up now" not in text_of(viewer.get(listing))
    manage("run", "publish_inventory")
    assert "it is known by now what became of" in text_of(admin_client.get(look_up, follow=True))


def test_a_part_of_a_refused_confirmation_says_so_until_it_is_known_whether_it_arrived(
    shop: Sandbox, manage: Run, admin_client: Client, settings: Any
) -> None:
    settings.LOOKUP_GRACE_SECONDS = 30
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "THROW-WL"})
    manage("run", "all")
    shop.tradegecko.ship(shop.tradegecko.by_reference(number)[0]["id"], tracking="1Z1", carrier="UPS", service="Ground")
    shop.faults.add("oasis", "400_xml", path="/shipments*", method="POST", times=1)
    with suppress(CommandError):
        manage("run", "pull_shipments")
        manage("run", "confirm_shipments")
    rows = admin_client.get(reverse("admin:worklist_unknown")).context["rows"]
    said = "Confirmation: it was refused together with other lines; it is looked up, and sent by itself if it has not"
    assert [row.wrong.startswith(said) for row in rows] == [True, True]
    with suppress(CommandError):
        manage("run", "confirm_shipments")  # too early to believe that it has not arrived
    assert [one.last_error.startswith(said[14:]) for one in ShipmentConfirmation.objects.all()] == [True, True]


def test_unreadable_records_are_dismissed_with_a_note(shop: Sandbox, admin_client: Client) -> None:
    market = Connection.objects.get(name="Overstock")
    rows = [
        UnreadableRecord.objects.create(connection=market, digest=digest, full_number=digest, reason="odd", raw="<a/>")
        for digest in "abc"
    ]
    admin_client.post(reverse("admin:orders_unreadablerecord_dismiss", args=[rows[0].pk]), {"note": "typed by hand"})
    page = many(admin_client, "unreadablerecord", "dismiss_many", rows, reason="all done")
    assert ("Done: 2" in page, "Will not: 1" in page) == (True, True)
    assert set(UnreadableRecord.objects.values_list("resolution", flat=True)) == {
        "admin: typed by hand", "admin: all done",
    }  # fmt: skip


def test_who_may_only_look_sees_no_buttons_and_can_do_nothing(order: Order, viewer: Client) -> None:
    hold = order.holds.get()
    pages = [("orders_order", order.pk), ("orders_hold", hold.pk), ("integrations_connection", order.connection_id),
             ("integrations_route", order.route_id)]  # fmt: skip
    doings = ("skip", "release", "resolve", "/test", "run-now", "preview")
    for name, pk in pages:
        page = text_of(viewer.get(reverse(f"admin:{name}_change", args=[pk])))
        assert not [doing for doing in doings if f"{pk}/{doing.strip('/')}" in page]
        assert 'name="_save"' not in page
    for name, pk in (("hold_resolve", hold.pk), ("order_skip", order.pk)):
        assert viewer.post(reverse(f"admin:orders_{name}", args=[pk]), {"note": "x", "reason": "x"}).status_code == 403
    many(viewer, "hold", "resolve_many", [hold], reason="x")
    assert Hold.objects.get().resolved_at is None


def test_what_will_happen_to_many_is_shown_first_and_what_came_of_each_then(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    for _ in range(4):
        shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    for _ in range(3):
        shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    orders = Order.objects.order_by("pk")

    asked = many(admin_client, "order", "hold_many", orders)
    assert ("Will be done: 4" in asked, "Will not: 3" in asked) == (True, True)
    assert "Nothing is done yet" in asked
    assert not Hold.objects.filter(kind="manual").exists()

    held = many(admin_client, "order", "hold_many", orders, reason="stock count")
    assert ("Done: 4" in held, "Will not: 3" in held, "it is being sent, or was" in held) == (True, True, True)
    assert Hold.objects.filter(kind="manual", message="stock count").count() == 4

    assert "Done: 4" in many(admin_client, "order", "release_many", orders, reason="")
    assert "Done: 4" in many(admin_client, "order", "skip_many", orders, reason="fraud")
    assert set(Order.objects.filter(status="skipped").values_list("skip_reason", flat=True)) == {"fraud"}
    assert "Done: 4" in many(admin_client, "order", "unskip_many", orders, reason="")


def test_an_address_with_a_text_for_a_number_is_not_found(shop: Sandbox, admin_client: Client) -> None:
    for name in (
        "orders_order_skip",
        "orders_hold_resolve",
        "integrations_connection_test",
        "integrations_route_preview",
    ):
        assert admin_client.get(reverse(f"admin:{name}", args=["abc"])).status_code == 404
    assert admin_client.get("/admin/orders/order/abc/change/").status_code == 404


def test_holds_lead_to_the_page_that_mends_them(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    for _ in range(2):
        shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"}, {"partner_sku": "OTHER"})
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse=" Elsewhere & Co ")
    manage("run", "all")
    user = User.objects.get(username="admin")
    shown = {
        str(one.hold): one for order in Order.objects.all() for one in remedies.with_remedies(order, user, {})
    }  # fmt: skip

    alias = shown["Unknown SKU: MYSTERY-9"]
    assert parse_qs(urlsplit(alias.url).query)["subject"] == ["MYSTERY-9"]
    assert text_of(admin_client.get(alias.frees_url)) == "frees 2 orders; 1 waits for something else too"
    assert alias.frees_url in text_of(
        admin_client.get(reverse("admin:orders_order_change", args=[alias.hold.order_id]))
    )
    assert "Map the SKU “MYSTERY-9”" in text_of(admin_client.get(alias.url))
    route = next(one for name, one in shown.items() if name.startswith("No route"))
    values = opened(admin_client, route.url)
    assert values["marketplace_warehouse_name"].strip() == "Elsewhere & Co"
    assert values["earliest_order_date"] == str(route.hold.order.ordered_on)


def test_a_parcel_without_a_carrier_is_mapped_from_its_hold(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    [placed] = shop.tradegecko.by_reference(number)
    shop.tradegecko.ship(placed["id"], tracking="1Z1", carrier=None, service=None)
    manage("run", "all")
    order = Order.objects.get()
    assert "(no carrier)" in str(order.holds.get())
    [one] = remedies.with_remedies(order, User.objects.get(username="admin"), {})
    values = opened(admin_client, one.url)

    codes = {"carrier_code": "WAGON", "service_code": "GROUND", "anyway": "on", "_save": "1"}
    assert admin_client.post(one.url, {**values, **codes}).status_code == 302
    manage("run", "all")

    assert [parcel.carrier for _, parcel in shop.oasis.shipments(number)] == ["WAGON"]


def test_the_tabs_count_and_show_what_waits(shop: Sandbox, order: Order, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "pull_orders")
    page = admin_client.get(reverse("admin:orders_order_changelist"), {"list": "held"})
    assert [(tab.title, tab.count) for tab in page.context["tabs"]] == [
        ("On hold", 2), ("Refused", 0), ("To confirm", 0), ("All", 2),
    ]  # fmt: skip
    assert len(page.context["cl"].result_list) == 2
    assert len(admin_client.get("/admin/orders/order/?list=refused").context["cl"].result_list) == 0


def test_orders_that_are_held_for_a_cause_are_found_without_comparing_whole_rows(
    order: Order, admin_client: Client
) -> None:
    Hold.objects.create(order=order, kind="cancelled_late", subject="1")  # held twice, and listed once
    with CaptureQueriesContext(connection) as asked:
        page = admin_client.get(reverse("admin:orders_order_changelist"), {"held": "cancelled_late"})
    assert [row.pk for row in page.context["cl"].result_list] == [order.pk]
    assert not any("DISTINCT" in query["sql"] and "ship_name" in query["sql"] for query in asked)


def test_the_start_page_counts_by_cause(
    order: Order, admin_client: Client, viewer: Client, django_assert_max_num_queries: Any
) -> None:
    # Four are of the sign-in (session, user, second factor, last use); where there may be a sandbox, one looks for it.
    with django_assert_max_num_queries(17):
        page = text_of(admin_client.get("/admin/"))
    assert "?held=cancelled_late" in page
    assert reverse("admin:worklist_cancellations") in page
    jobs = reverse("admin:start_jobs")
    assert "Pull orders" in text_of(admin_client.get(jobs))
    User.objects.get(username="viewer").user_permissions.clear()
    assert jobs not in text_of(viewer.get("/admin/"))
    assert viewer.get(jobs).status_code == 403


def test_requests_and_answers_are_legible(order: Order, admin_client: Client) -> None:
    asked = Exchange.objects.filter(request_body__startswith="{").latest("pk")
    page = text_of(admin_client.get(reverse("admin:integrations_exchange_change", args=[asked.pk])))
    assert '{\n  "' in page
    assert legible("<a><b>1</b><c>cut o").endswith(
        "&lt;b&gt;1&lt;/b&gt;\n  &lt;c&gt;cut o&lt;/c&gt;\n&lt;/a&gt;\n\n(kept up to here)</pre>"
    )
    assert "503 &lt;br" in legible("503 <br")
    answered = Exchange.objects.filter(response_body__contains="salesChannelOrderNumber").latest("pk")
    Exchange.objects.filter(pk=answered.pk).update(response_body="<a><b>&lt;script&gt;</b></a>")
    page = admin_client.get(reverse("admin:integrations_exchange_change", args=[answered.pk])).content.decode()
    assert "&lt;a&gt;\n  &lt;b&gt;&amp;lt;script" in page


def test_half_a_character_in_an_answer_leaves_its_page_and_its_download_whole() -> None:
    text = indented('{"name": "Zo\\ud83d"}')
    assert text.encode().decode() == '{\n  "name": "Zo\\ud83d"\n}'


@pytest.mark.parametrize(("sent", "label"), [(False, "Refused"), (True, "Waits for a person")])
def test_an_order_whose_sending_has_stopped_is_not_called_ready(
    shop: Sandbox, manage: Run, admin_client: Client, sent: bool, label: str
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "422", path="/orders", method="POST")
    with suppress(CommandError):
        manage("run", "all")
    if sent:
        WarehouseSubmission.objects.update(sent_at=timezone.now())
    order = Order.objects.get(full_number=number)
    assert order.status == "ready"
    assert label in labels_of(admin_client, reverse("admin:orders_order_change", args=[order.pk]))
    assert {label, "Ready"} & labels_of(admin_client, reverse("admin:orders_order_changelist")) == {label}


def labels_of(client: Client, address: str) -> set[str]:
    page: Any = html.fromstring(text_of(client.get(address)))
    return {" ".join(one.text_content().split()) for one in page.xpath("//*[@id='content']//span")}


def test_what_was_refused_is_retried_and_a_hold_is_mended_from_its_own_page_by_who_may(
    db: None, admin_client: Client, viewer: Client
) -> None:
    made = one_of_each.make()
    again = reverse("admin:orders_order_retry", args=[made[Order].pk])
    for model in (WarehouseSubmission, WarehouseChange, ShipmentConfirmation, ShortShip):
        here = urlencode({"back": address_of(made[model])})
        assert way_out(admin_client, made[model]) == ("Retry", f"{again}?{here}")
        assert way_out(viewer, made[model]) is None
    hold = made[Hold]
    label, where = way_out(admin_client, hold) or ("", "")
    assert (label, urlsplit(where).path) == ("Map it", reverse("admin:orders_map_cause"))
    assert "X-9 has no alias" in admin_client.get(where).content.decode()
    assert way_out(admin_client, made[Publication]) == ("The listing", address_of(made[Listing]))

    Hold.objects.update(resolved_at=timezone.now())
    WarehouseSubmission.objects.update(status="accepted")
    assert way_out(admin_client, hold) is way_out(admin_client, made[WarehouseSubmission]) is None


def way_out(client: Client, record: Any) -> tuple[str, str] | None:
    """The button with which a record's own page mends what it waits for, and where it leads."""
    page: Any = html.fromstring(client.get(address_of(record)).content.decode())
    found = page.xpath("//*[@id='content-main']//*[contains(@class, 'waits')]//a")
    return (found[0].text, found[0].get("href")) if found else None
