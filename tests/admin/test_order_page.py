"""The page of an order: five sides line by line, one story, the next step, and the way through a list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from lxml import html

from integrations.models import Connection, Exchange, Route
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import actions, bulk, forgetting, ship_dates, tasks
from orders.admin import walking
from orders.models import BulkAction, Hold, Order, OrderEvent, ShippingMethod, WarehouseSubmission
from tests.orders.world import ship

Run = Callable[..., str]


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def page_of(client: Client, order: Order, query: str = "") -> Any:
    return client.get(reverse("admin:orders_order_change", args=[order.pk]) + query)


def hrefs(answer: Any) -> list[str]:
    page: Any = html.fromstring(answer.content.decode())
    return list(page.xpath("//a/@href"))


def way(answer: Any, rel: str) -> str:
    """Where the link to the record before or after leads; empty where there is none."""
    page: Any = html.fromstring(answer.content.decode())
    return "".join(page.xpath(f"//a[@rel='{rel}']/@href"))


def cells(answer: Any) -> dict[str, str]:
    """The first line of the order, by side."""
    page: Any = html.fromstring(answer.content.decode())
    row = page.xpath("//table[contains(@class, 'compared')]/tbody/tr")[0]
    return {cell.get("data-label"): " ".join(cell.text_content().split()) for cell in row.xpath("td")}


def story_of(answer: Any) -> str:
    page: Any = html.fromstring(answer.content.decode())
    return str(page.get_element_by_id("story").text_content())


@pytest.fixture
def shipped(shop: Sandbox, manage: Run) -> Order:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    [placed] = shop.tradegecko.by_reference(number)
    shop.tradegecko.ship(placed["id"], tracking="1Z77", carrier="UPS", service="Ground")
    manage("run", "all")
    return Order.objects.get()


@pytest.fixture
def held(shop: Sandbox, manage: Run) -> Order:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    return Order.objects.get()


def test_a_test_order_says_on_its_own_page_that_it_is_one(shipped: Order, admin_client: Client) -> None:
    mark = "Sent while its route was in test"
    assert mark not in text_of(page_of(admin_client, shipped))
    WarehouseSubmission.objects.update(is_test=True)
    assert mark in text_of(page_of(admin_client, shipped))


def test_what_was_ordered_sent_held_shipped_and_confirmed_stands_side_by_side(
    shipped: Order, admin_client: Client
) -> None:
    found = cells(page_of(admin_client, shipped))
    quantity = shipped.lines.get().quantity or 0
    assert f"{quantity} × MUG-BLK" in found["Ordered"]
    assert found["Sent to the warehouse"] == found["Warehouse holds"]
    assert "1Z77" in found["Shipped"]
    assert found["Confirmed"].startswith(str(quantity))

    shipped.submission.lines.update(quantity=quantity + 2)
    assert "2 more than sent" in cells(page_of(admin_client, shipped))["Warehouse holds"]


def test_the_story_has_requests_comments_and_settings_and_can_be_filtered(shipped: Order, admin_client: Client) -> None:
    address = reverse("admin:orders_order_comment", args=[shipped.pk])
    admin_client.post(address, {"text": "Customer called <b>twice</b>"})
    route = Route.objects.get()
    route.tag = "Other"
    route.save()

    page = page_of(admin_client, shipped)
    story = story_of(page)
    assert "Customer called <b>twice</b> by admin" in " ".join(story.split())
    assert "POST http" in story
    assert "tag: Overstock → Other" in story
    assert "<b>twice" not in page.content.decode()
    only = story_of(page_of(admin_client, shipped, "?show=comment"))
    assert ("Customer called" in only, "POST" in only) == (True, False)
    assert OrderEvent.objects.get(kind="comment").actor == User.objects.get(username="admin")


def test_the_story_tells_the_aliases_and_codes_that_were_in_force_and_what_became_of_them(
    shop: Sandbox, manage: Run, overstock: Connection, admin_client: Client
) -> None:
    for sku, units in (("MUG-6", 6), ("OTHER", 1)):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku="MUG-BLK", units=units)
    gone = SkuAlias.objects.create(connection=overstock, marketplace_sku="MUG-6", warehouse_sku="TEE-RED-M")
    gone.delete()
    shop.oasis.add_order({"partner_sku": "MUG-6"})
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    order = Order.objects.get()
    method = ShippingMethod.objects.get(connection=overstock, code=order.shipping_code)
    alias = SkuAlias.objects.get(marketplace_sku="MUG-6")
    alias.units = 4
    alias.save()
    alias.delete()
    ship(shop, order.full_number, tracking="1Z1", carrier="UPS", service="Ground")
    manage("run", "pull_shipments")

    story = " ".join(story_of(page_of(admin_client, order, "?show=setting")).split())

    assert "SKU alias MUG-6 in force when the order came in: 6 × MUG-BLK" in story
    assert "SKU alias MUG-6 changed: 4 × MUG-BLK" in story
    assert "SKU alias MUG-6 removed: 4 × MUG-BLK" in story
    assert f"Shipping method {method.code} in force when the order came in: {method.name}" in story
    assert "Carrier UPS" in story
    assert ("OTHER" in story, "TEE-RED-M" in story) == (False, False)


def test_a_long_story_costs_no_more_than_a_short_one_and_is_paged(shipped: Order, admin_client: Client) -> None:
    page_of(admin_client, shipped)
    with CaptureQueriesContext(connection) as few:
        page_of(admin_client, shipped)
    OrderEvent.objects.bulk_create(
        OrderEvent(order=shipped, new_status=shipped.status, text=f"note {number}") for number in range(200)
    )
    with CaptureQueriesContext(connection) as many:
        page = page_of(admin_client, shipped, "?page=2")
    assert len(many) <= len(few) + 1
    assert "Page 2 of 5" in text_of(page)
    assert page_of(admin_client, shipped, "?page=99&show=nothing").status_code == 200


def test_requests_belong_to_the_order_that_they_were_made_for(shop: Sandbox, manage: Run) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    for number in numbers:
        about = f"order {Order.objects.get(full_number=number).pk}"
        mine = Exchange.objects.filter(about=about, method="POST", url__contains="/orders")
        assert [number in one.request_body for one in mine] == [True]
    assert not Exchange.objects.exclude(about="").filter(url__contains="salesOrders?").exists()


def test_payloads_are_downloaded_and_run_in_no_browser(shipped: Order, admin_client: Client, client: Client) -> None:
    address = reverse("admin:orders_order_payload", args=[shipped.pk, "request"])
    answer = admin_client.get(address)
    assert answer["Content-Type"].startswith("text/plain")
    assert f"{shipped.full_number}-request.json" in answer["Content-Disposition"]
    assert shipped.full_number in answer.content.decode()
    assert admin_client.get(reverse("admin:orders_order_payload", args=[shipped.pk, "other"])).status_code == 404
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(address).status_code == 403


def test_the_next_step_is_a_button_with_what_follows(held: Order, admin_client: Client) -> None:
    assert "Mend what holds it" in text_of(page_of(admin_client, held))
    admin_client.post(reverse("admin:orders_order_skip", args=[held.pk]), {"reason": "fraud"})
    page = text_of(page_of(admin_client, held))
    assert "The order is judged like a new one, and goes out if nothing holds it." in page
    admin_client.post(reverse("admin:orders_order_unskip", args=[held.pk]))
    assert "Nothing to do: it is judged with the next run." in text_of(page_of(admin_client, held))


def test_what_blocks_an_order_is_the_large_button_and_its_release_stands_beside_it(
    held: Order, admin_client: Client, client: Client
) -> None:
    actions.hold(held, "stock count", None)
    facts = page_of(admin_client, held).context["facts"]
    assert [label for label, _ in facts["mends"]] == ["Map it", "Release"]
    assert facts["step"].action == ""

    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    facts = page_of(client, held).context["facts"]
    assert (facts["mends"], "Who may: Mapper and Operator" in facts["step"].text) == ([], True)

    viewer.user_permissions.add(Permission.objects.get(codename="change_order"))
    assert [label for label, _ in page_of(client, held).context["facts"]["mends"]] == ["Release"]


def test_what_an_address_lacks_leads_to_its_field_and_an_empty_day_is_said_to_have_nothing(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    Order.objects.update(ship_city="", full_number="A" * 60 + "-FIRST", short_reference="A" * 60 + "-OTHER")
    manage("run", "submit_orders")
    page = page_of(admin_client, Order.objects.get())
    assert page.context["facts"]["mends"] == [("Correct it", "#id_ship_city")]
    assert 'id="id_ship_city"' in text_of(page)
    listed = reverse("admin:orders_order_changelist")
    shown = text_of(admin_client.get(listed))
    assert (">AAAAAAAAAAA…AA-FIRST<" in shown, ">AAAAAAAAAAA…AA-OTHER<" in shown) == (True, True)
    empty = text_of(admin_client.get(f"{listed}?ordered_on=2001-01-01"))
    assert ("Nothing matches" in empty, "Orders come with the next pull" in empty) == (True, False)


def test_a_late_order_says_since_when_and_what_there_is_to_do(
    shop: Sandbox, manage: Run, admin_client: Client, client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    Order.objects.update(ordered_on=ship_dates.today() - timedelta(days=30))
    order = Order.objects.get()
    day = ship_dates.of_order(order)
    assert day is not None
    said = f"It is late since {day + timedelta(days=1)}, as it was to ship by {day}. Ask the warehouse when it ships."
    step = page_of(admin_client, order).context["facts"]["step"].text
    assert step.startswith(said)
    assert "Short ship…" in step
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    assert page_of(client, order).context["facts"]["step"].text == said


def test_an_order_that_was_sent_without_a_clear_answer_is_not_said_to_be_sent_with_the_next_run(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders*", method="POST", times=1)
    with pytest.raises(CommandError):
        manage("run", "all")
    page = text_of(page_of(admin_client, Order.objects.get()))
    assert "no clear answer came to what was sent. It is looked up before anything is sent again." in page
    assert "it is sent with the next run" not in page


def test_a_skipped_order_without_its_customer_says_why_it_cannot_be_taken_after_all(
    held: Order, admin_client: Client, settings: Any
) -> None:
    settings.PERSONAL_DATA_DAYS = 90
    admin_client.post(reverse("admin:orders_order_skip", args=[held.pk]), {"reason": "fraud"})
    forgetting.redact_old(timezone.now() + timedelta(days=100))
    page = text_of(page_of(admin_client, held))
    assert "It cannot be un-skipped: its personal data was redacted at" in page
    assert "Enter it in the warehouse by hand, with the address that the marketplace has." in page
    assert reverse("admin:orders_order_unskip", args=[held.pk]) not in page


def test_a_held_order_is_taken_and_given_back(held: Order, admin_client: Client, client: Client) -> None:
    address = reverse("admin:orders_order_take", args=[held.pk])
    listed = reverse("admin:orders_order_changelist")
    Order.objects.update(full_number="OS-1A")
    held.refresh_from_db()
    assert held.full_number in text_of(admin_client.get(f"{listed}?owner=nobody"))
    assert "Order OS-1A is yours." in text_of(admin_client.post(address, {"take": "1"}, follow=True))
    assert Order.objects.get().owner == User.objects.get(username="admin")
    assert held.full_number in text_of(admin_client.get(f"{listed}?owner=me"))
    assert held.full_number not in text_of(admin_client.get(f"{listed}?owner=nobody")).replace("is yours", "")
    assert "is yours already" in text_of(admin_client.post(address, {"take": "1"}, follow=True))
    admin_client.post(address, {"give_back": "1"})
    assert Order.objects.get().owner is None

    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    comment = reverse("admin:orders_order_comment", args=[held.pk])
    assert [client.post(one, {"text": "x"}).status_code for one in (address, comment)] == [403, 403]
    assert "comment-form" not in text_of(page_of(client, held))


def test_one_goes_through_a_list_also_when_an_order_has_left_it(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    for _ in range(3):
        shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    first, second, third = Order.objects.order_by("-ordered_at", "-pk")
    listed = hrefs(admin_client.get(reverse("admin:orders_order_changelist"), {"list": "held"}))
    opened = next(link for link in listed if f"/{second.pk}/change" in link)

    page = admin_client.get(opened)
    assert "2 of 3 in On hold" in text_of(page)
    assert f"/{first.pk}/change" in way(page, "prev")
    skip = next(link for link in hrefs(page) if f"/{second.pk}/skip" in link)
    page = admin_client.post(skip, {"reason": "x"}, follow=True)
    assert "no longer in On hold, which has 2 now" in text_of(page)
    page = admin_client.get(way(page, "next"))
    assert (f"/{third.pk}/change" in page.request["PATH_INFO"], "2 of 2 in On hold" in text_of(page)) == (True, True)
    assert 'rel="prev"' not in text_of(page_of(admin_client, first))  # who came from no list


def test_one_goes_through_a_worklist_and_stays_in_it(
    shop: Sandbox, manage: Run, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    for order in Order.objects.all():
        order.holds.create(kind=Hold.Kind.MANUAL, message="wait")
    address = reverse("admin:worklist_holds")
    links = [link for link in hrefs(admin_client.get(address)) if "/order/" in link and "_worklist" in link]
    page = admin_client.get(links[0])
    assert "1 of 3 in Other holds" in text_of(page)
    shown: Any = html.fromstring(page.content)
    page = admin_client.post(shown.get_element_by_id("take-form").get("action"), {"take": "1"}, follow=True)
    assert "1 of 3 in Other holds" in text_of(page)
    page = admin_client.get(way(admin_client.get(way(page, "next")), "next"))
    assert "3 of 3 in Other holds" in text_of(page)
    with django_assert_max_num_queries(2):
        assert walking.walk(None, page.wsgi_request, Order.objects.get(pk=page.context["original"].pk))


def test_the_box_opens_the_one_order_and_lists_several(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    find = reverse("admin:orders_find")
    opened = admin_client.get(find, {"q": numbers[0]})
    assert opened.status_code == 302
    assert opened["Location"] == reverse(
        "admin:orders_order_change", args=[Order.objects.get(full_number=numbers[0]).pk]
    )
    both = text_of(admin_client.get(find, {"q": "mug-blk"}))
    assert all(number in both for number in numbers)
    assert "partner SKU MUG-BLK" in both
    assert "No order is known by" in text_of(admin_client.get(find, {"q": "<script>"}))
    assert 'id="find-orders"' in text_of(admin_client.get(reverse("admin:index")))


def test_many_are_done_in_the_background_and_undone(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    for _ in range(3):
        shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    user = User.objects.get(username="admin")
    bulk_action = bulk.propose("skip", Order.objects.all(), user)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bulk, "AT_ONCE", 2)
        admin_client.post(reverse("admin:orders_bulkaction_change", args=[bulk_action.pk]), {"reason": "fraud"})
    page = text_of(admin_client.get(reverse("admin:orders_bulkaction_change", args=[bulk_action.pk])))
    assert ("0 of 3" in page, "No worker is running" in page) == (True, True)
    assert "3 skipped" in tasks.carry_on_bulk(bulk_action.pk)
    assert tasks.carry_on_bulk(bulk_action.pk) == "nothing to do"
    assert Order.objects.filter(status="skipped").count() == 3

    back = admin_client.post(reverse("admin:orders_bulkaction_change", args=[bulk_action.pk]), {"undo": "1"})
    admin_client.post(back["Location"], {"reason": ""})
    assert not Order.objects.filter(status="skipped").exists()
    assert BulkAction.objects.filter(state="done").count() == 2
    assert "3 un-skipped" in text_of(admin_client.get(reverse("admin:orders_bulkaction_changelist")))


def test_lists_are_exported_as_filtered_with_cells_that_nothing_runs(held: Order, admin_client: Client) -> None:
    Order.objects.update(ship_name="=HYPERLINK(1)")
    address = reverse("admin:orders_order_download", args=["csv"])
    lines = b"".join(admin_client.get(address, {"status": "on_hold"})).decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("full number,short reference,status")
    assert "'=HYPERLINK(1)" in lines[1]
    nothing = b"".join(admin_client.get(address, {"status": "skipped"})).decode("utf-8-sig").splitlines()
    assert len(nothing) == 1
    xlsx = admin_client.get(reverse("admin:orders_order_download", args=["xlsx"]))
    assert b"".join(xlsx)[:2] == b"PK"
    for name in ("hold", "shipment", "shipmentconfirmation", "warehousesubmission", "warehousechange", "shortship",
                 "unreadablerecord"):  # fmt: skip
        assert admin_client.get(reverse(f"admin:orders_{name}_download", args=["csv"])).status_code == 200
    for name in ("integrations_syncrun", "integrations_exchange", "inventory_publication"):
        assert b"".join(admin_client.get(reverse(f"admin:{name}_download", args=["csv"])))
    assert Hold.objects.exists()
