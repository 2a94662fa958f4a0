"""One mapping frees every order that waits for it: counted before the click, sent after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from lxml import html

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias, WarehouseItem
from orders import causes
from orders.models import Hold, Order, OrderEvent, OrderLine, ShippingMethod
from tests.admin.pages import address_of

Run = Callable[..., str]
LIST = "/admin/orders/hold/needs-mapping/"


def text_of(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def forms(page: Any) -> list[Any]:
    found: Any = html.fromstring(page.content.decode())
    return [form for form in found.forms if "map/?" in (form.get("action") or "")]


def page_of(kind: str, subject: str) -> str:
    market = Connection.objects.get(name="Overstock")
    return f"{LIST}map/?{urlencode({'marketplace': market.pk, 'kind': kind, 'subject': subject})}"


def send(client: Client, address: str, follow: bool = True, **values: Any) -> Any:
    """Fill in the page's main form and save it."""
    [form] = [one for one in forms(client.get(address)) if one.get("id") == "map_form"]
    kept: dict[str, Any] = {one.name: one.value or "" for one in form.inputs if one.type == "hidden"}
    return client.post(address, {**kept, **values}, follow=follow)


def waiting_orders(route: Route, number: int, sku: Callable[[int], str]) -> None:
    """As many orders of one line that wait for its SKU."""
    now = timezone.now()
    orders = Order.objects.bulk_create(
        Order(connection=route.marketplace, route=route, sales_channel="OSTK", full_number=f"7-{one}", ordered_at=now,
              ordered_on=now.date(), status=Order.Status.ON_HOLD, ship_name="Ann", ship_address1="1 Road",
              ship_city="Reno", ship_postal_code="89501", ship_country_code="US")
        for one in range(number)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, position=1, number="1", partner_sku=sku(place), quantity=2, quantity_to_ship=2)
        for place, order in enumerate(orders)
    )
    Hold.objects.bulk_create(
        Hold(order=order, kind=Hold.Kind.UNKNOWN_SKU, subject=sku(place), message="unknown")
        for place, order in enumerate(orders)
    )


@pytest.fixture
def viewer(client: Client) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


@pytest.fixture
def held(shop: Sandbox, manage: Run) -> list[str]:
    """Three orders that wait for one SKU, the last one for another one too."""
    numbers = [shop.oasis.add_order({"partner_sku": "MYSTERY-9", "quantity": 2}) for _ in range(2)]
    numbers.append(shop.oasis.add_order({"partner_sku": "MYSTERY-9"}, {"partner_sku": "OTHER"}))
    manage("run", "all")
    return numbers


def test_the_worklist_has_a_row_per_cause_that_leaves_by_itself(
    shop: Sandbox, held: list[str], overstock: Connection, admin_client: Client, manage: Run
) -> None:
    rows = admin_client.get(LIST).context["rows"]
    assert [(row.kind, "MYSTERY-9" in row.subject, row.orders, row.units) for row in rows] == [
        ("Unknown SKU", True, 3, 5), ("Unknown SKU", False, 1, 1),
    ]  # fmt: skip
    assert len(admin_client.get(rows[0].orders_url).context["cl"].result_list) == 3
    assert [row.orders for row in admin_client.get(LIST, {"q": "oth"}).context["rows"]] == [1]
    for sku in ("MYSTERY-9", "OTHER"):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku="MUG-BLK")
    manage("run", "submit_orders")
    assert admin_client.get(LIST).context["rows"] == []
    assert "Nothing: every SKU" in text_of(admin_client.get(LIST))


def test_the_worklist_says_by_when_the_first_order_is_to_ship(route: Route, admin_client: Client) -> None:
    slow = Route.objects.create(
        name="Slow", marketplace=route.marketplace, marketplace_warehouse_name="Elm Street", warehouse=route.warehouse,
        ship_within_days=9,
    )  # fmt: skip
    waiting_orders(route, 2, lambda _: "MYSTERY-9")
    monday = date(2026, 11, 2)
    first, second = Order.objects.all()
    Order.objects.filter(pk=first.pk).update(route=slow, ordered_on=monday)
    Order.objects.filter(pk=second.pk).update(ordered_on=monday + timedelta(days=1))
    [row] = admin_client.get(LIST).context["rows"]
    assert row.ship_by == "2026-11-05"  # two business days after Tuesday; the older order has nine


def test_three_clicks_and_one_typed_value_send_the_orders(
    shop: Sandbox, held: list[str], admin_client: Client, manage: Run
) -> None:
    start: Any = html.fromstring(admin_client.get("/admin/").content.decode())
    assert LIST in start.xpath("//a/@href")  # the first click
    [row, _] = admin_client.get(LIST).context["rows"]
    page = admin_client.get(row.url)  # the second one
    assert "Frees 2 orders; 1 waits for something else too" in text_of(page)
    OrmQ.objects.all().delete()

    said = text_of(send(admin_client, row.url, warehouse_sku="MUG-BLK", units="1"))  # the value, and the third one

    assert "MYSTERY-9 is 1 × MUG-BLK now: 2 orders are freed and being sent; 1 still waits." in said
    assert [one.task["name"] for one in OrmQ.objects.all()] == [f"submit_orders:{Route.objects.get().warehouse_id}"]
    manage("run", "submit_orders")
    assert [len(shop.tradegecko.by_reference(number)) for number in held] == [1, 1, 0]
    assert [hold.subject for hold in Hold.objects.filter(resolved_at=None)] == ["OTHER"]


def test_an_order_leads_to_the_form_and_back(shop: Sandbox, held: list[str], admin_client: Client) -> None:
    order = Order.objects.get(full_number=held[0])
    page: Any = html.fromstring(admin_client.get(address_of(order)).content.decode())
    [link] = {one.get("href") for one in page.xpath("//a") if one.text == "Map it"}  # the button, and at the reason
    answer = send(admin_client, link, follow=False, warehouse_sku="MUG-BLK")
    assert answer.url == address_of(order)
    assert Order.objects.get(pk=order.pk).status == Order.Status.READY


def test_a_kit_is_mapped_in_one_go(shop: Sandbox, held: list[str], admin_client: Client, manage: Run) -> None:
    address = page_of("unknown_sku", "MYSTERY-9")
    send(admin_client, address, warehouse_sku=["MUG-BLK", "", "TEE-RED-M"], units=["2", "", "3"])
    assert sorted(SkuAlias.objects.values_list("warehouse_sku", "units")) == [("MUG-BLK", 2), ("TEE-RED-M", 3)]


@pytest.mark.long
def test_what_the_warehouse_does_not_carry_is_refused(shop: Sandbox, held: list[str], admin_client: Client) -> None:
    address = page_of("unknown_sku", "MYSTERY-9")
    assert "Gecko does not carry “MUG-BLACK”" in text_of(send(admin_client, address, warehouse_sku="MUG-BLACK"))
    assert "is there twice" in text_of(send(admin_client, address, warehouse_sku=["MUG-BLK", "MUG-BLK"], units="1"))
    assert "Enter the warehouse SKU" in text_of(send(admin_client, address, warehouse_sku=" "))
    assert not SkuAlias.objects.exists()


def test_a_suggestion_is_accepted_with_one_click(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    number = shop.oasis.add_order({"partner_sku": "mug blk"})
    manage("run", "all")
    address = page_of("unknown_sku", "mug blk")
    assert "It carries “MUG-BLK”." in text_of(send(admin_client, address, warehouse_sku="mug-blk"))
    page = admin_client.get(address)
    assert "Same SKU but for capitals, blanks and punctuation" in text_of(page)
    assert not SkuAlias.objects.exists()
    [accept] = [one for one in forms(page) if "Use it and send" in one.text_content()]

    admin_client.post(address, {one.name: one.value for one in accept.inputs if one.name})
    manage("run", "submit_orders")

    assert len(shop.tradegecko.by_reference(number)) == 1


@pytest.mark.long
def test_the_warehouse_is_asked_for_other_spellings(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order({"partner_sku": "mug_blk"})
    manage("run", "all")
    address = page_of("unknown_sku", "mug_blk")
    assert "Of 0 warehouse SKUs known here" in text_of(admin_client.get(address))
    page = text_of(admin_client.post(address, {"look": "1"}, follow=True))
    assert "MUG-BLK" in page
    assert "90 % (high)" in page


@pytest.mark.long
def test_an_alias_to_what_is_not_there_is_corrected_in_the_same_place(
    shop: Sandbox, overstock: Connection, held: list[str], admin_client: Client, manage: Run
) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="MYSTERY-9", warehouse_sku="GONE", units=2)
    manage("run", "submit_orders")
    address = page_of("unknown_sku", "MYSTERY-9")
    assert 'value="GONE"' in admin_client.get(address).content.decode()
    send(admin_client, address, warehouse_sku="MUG-BLK", units="2")
    assert set(SkuAlias.objects.values_list("warehouse_sku", "is_active")) == {("GONE", False), ("MUG-BLK", True)}


def test_two_people_do_not_undo_each_other(
    shop: Sandbox, overstock: Connection, held: list[str], admin_client: Client
) -> None:
    address = page_of("unknown_sku", "MYSTERY-9")
    old = {"shown": json.dumps([]), "warehouse_sku": "TEE-RED-M", "units": "1"}
    SkuAlias.objects.create(connection=overstock, marketplace_sku="MYSTERY-9", warehouse_sku="MUG-BLK")
    assert "Meanwhile somebody else made MYSTERY-9 1 × MUG-BLK" in text_of(admin_client.post(address, old, follow=True))
    assert SkuAlias.objects.get().warehouse_sku == "MUG-BLK"


@pytest.mark.long
def test_a_warehouse_that_cannot_be_asked_does_not_lose_the_mapping(
    shop: Sandbox, held: list[str], admin_client: Client, manage: Run
) -> None:
    Connection.objects.filter(name="Gecko").update(base_url="http://127.0.0.1:9")
    said = text_of(send(admin_client, page_of("unknown_sku", "MYSTERY-9"), warehouse_sku="MUG-BLK"))
    assert "could not be asked" in said
    assert SkuAlias.objects.get().warehouse_sku == "MUG-BLK"
    told = set(Hold.objects.filter(resolved_at=None, subject="MYSTERY-9").values_list("message", flat=True))
    assert told == {
        "The alias of 'MYSTERY-9' names 'MUG-BLK', and Gecko could not be asked for it yet. It is asked with the next run."
    }


def test_a_shipping_code_is_mapped_for_all(shop: Sandbox, route: Route, manage: Run, admin_client: Client) -> None:
    Route.objects.update(unmapped_shipping=Route.Unmapped.REFUSE)
    manage("run", "all")
    ShippingMethod.objects.all().delete()
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    [cause] = causes.waiting(list(causes.grouped()))
    address = page_of("unmapped_shipping", cause.cause.subject)
    assert "Frees 2 orders" in text_of(admin_client.get(address))
    said = text_of(send(admin_client, address, name="Ground, 5 days"))
    assert "2 orders are freed and being sent" in said
    manage("run", "submit_orders")
    assert ["Ground, 5 days" in shop.tradegecko.by_reference(one)[0]["notes"] for one in numbers] == [True, True]


def test_who_may_only_look_sees_the_list_alone(shop: Sandbox, held: list[str], viewer: Client) -> None:
    page = viewer.get(LIST)
    assert [row.url for row in page.context["rows"]] == ["", ""]
    address = page_of("unknown_sku", "MYSTERY-9")
    assert viewer.get(address).status_code == 403
    assert viewer.post(address, {"warehouse_sku": "MUG-BLK", "shown": "[]"}).status_code == 403
    assert not SkuAlias.objects.exists()
    User.objects.get(username="viewer").user_permissions.clear()
    assert viewer.get(LIST).status_code == 403


@pytest.mark.long
def test_what_is_not_a_cause_is_not_found(shop: Sandbox, held: list[str], admin_client: Client) -> None:
    for query in ("", "kind=manual&marketplace=1&subject=x", "kind=unknown_sku&marketplace=a", "kind=unknown_sku&"
                  "marketplace=99"):  # fmt: skip
        assert admin_client.get(f"{LIST}map/?{query}").status_code == 404
    answer = admin_client.get(page_of("unknown_sku", "<b>never</b>"), follow=True)
    assert "Nothing waits for the SKU “<b>never</b>” any more" in text_of(answer)
    assert b"<b>never" not in answer.content


@pytest.mark.long
def test_ten_thousand_waiting_orders_cost_no_more_queries(
    route: Route, overstock: Connection, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    waiting_orders(route, 10_000, lambda place: f"SKU-{place % 150}")
    with django_assert_max_num_queries(15):
        page = admin_client.get(LIST)
    assert page.context["page"].paginator.count == 150
    assert len(page.context["rows"]) == 50
    assert "?page=2" in page.content.decode()


@pytest.mark.long
def test_five_hundred_orders_are_freed_in_a_few_queries(
    shop: Sandbox, route: Route, overstock: Connection, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    waiting_orders(route, 500, lambda _: "MYSTERY-9")
    address = page_of("unknown_sku", "MYSTERY-9")
    shown = json.dumps([])
    with django_assert_max_num_queries(92):
        answer = admin_client.post(address, {"shown": shown, "warehouse_sku": "MUG-BLK"}, follow=True)
    assert "500 orders are freed and being sent." in text_of(answer)
    assert Order.objects.filter(status=Order.Status.READY, submission__status="pending").count() == 500
    assert set(OrderEvent.objects.values_list("new_status", "text")) == {("ready", "what held it is gone")}


@pytest.mark.long
@pytest.mark.parametrize("kind", [Hold.Kind.MANUAL, Hold.Kind.CHANGED])
def test_what_waits_for_a_persons_decision_too_is_not_freed(
    shop: Sandbox, held: list[str], admin_client: Client, kind: Hold.Kind
) -> None:
    order = Order.objects.get(full_number=held[0])
    order.holds.create(kind=kind, message="somebody must decide")
    address = page_of("unknown_sku", "MYSTERY-9")
    assert "Frees 1 order; 2 wait for something else too" in text_of(admin_client.get(address))
    assert "1 order is freed and being sent; 2 still wait" in text_of(
        send(admin_client, address, warehouse_sku="MUG-BLK")
    )
    order.refresh_from_db()
    assert order.status == Order.Status.ON_HOLD
    assert list(order.holds.filter(resolved_at=None).values_list("kind", flat=True)) == [kind]


def test_a_paused_route_sends_nothing(shop: Sandbox, held: list[str], admin_client: Client) -> None:
    Route.objects.update(state=Route.State.PAUSED)
    address = page_of("unknown_sku", "MYSTERY-9")
    waits = "3 wait until route Main, which is paused, is switched on"
    assert f"Frees 0 orders; {waits}" in text_of(admin_client.get(address))
    assert "Route Main is paused" in text_of(admin_client.get(LIST))
    said = text_of(send(admin_client, address, warehouse_sku="MUG-BLK"))
    assert f"0 orders are freed and being sent; {waits}." in said
    assert WarehouseItem.objects.filter(sku="MUG-BLK", matches=1).exists()
    assert not Order.objects.filter(status=Order.Status.READY).exists()
    assert reverse("admin:orders_needs_mapping") == LIST


@pytest.mark.long
def test_the_order_says_the_same_number_as_the_page_that_maps_it(
    shop: Sandbox, route: Route, held: list[str], admin_client: Client, manage: Run
) -> None:
    other = Route.objects.create(
        name="Other", marketplace=route.marketplace, warehouse=route.warehouse, location_name="Main DC",
        marketplace_warehouse_name="Elsewhere", state=Route.State.PAUSED,
    )  # fmt: skip
    Order.objects.filter(full_number=held[0]).update(route=other)
    says = "rees 1 order; 1 waits for something else too; 1 waits until route Other, which is paused, is switched on"
    assert f"F{says}" in text_of(admin_client.get(page_of("unknown_sku", "MYSTERY-9")))
    for number in held[1:]:
        hold = Hold.objects.get(order__full_number=number, subject="MYSTERY-9", resolved_at=None)
        assert f"f{says}" in text_of(admin_client.get(reverse("admin:orders_hold_frees", args=[hold.pk])))
    assert "Route Other is paused (1 of 3 orders)" in text_of(admin_client.get(LIST))


@pytest.mark.long
def test_a_code_that_was_mapped_while_its_route_is_paused_can_be_mapped_otherwise(
    shop: Sandbox, route: Route, manage: Run, admin_client: Client
) -> None:
    """Nothing judges the orders of a paused route, so that the code stays on the worklist."""
    Route.objects.update(unmapped_shipping=Route.Unmapped.REFUSE)
    manage("run", "all")
    ShippingMethod.objects.all().delete()
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    Route.objects.update(state=Route.State.PAUSED)
    address = page_of("unmapped_shipping", Hold.objects.get(resolved_at=None).subject)
    send(admin_client, address, name="Ground, 7 days")
    [form] = [one for one in forms(admin_client.get(address)) if one.get("id") == "map_form"]
    assert form.fields["name"] == "Ground, 7 days"
    assert "→ Ground, 5 days is mapped" in text_of(send(admin_client, address, name="Ground, 5 days"))
    assert ShippingMethod.objects.get().name == "Ground, 5 days"


@pytest.mark.long
def test_the_pages_say_where_one_is_and_the_field_to_fill_in_is_ready_for_typing(
    route: Route, admin_client: Client
) -> None:
    waiting_orders(route, 1, lambda _: "MYSTERY")
    assert ">Needs mapping</h2>" in text_of(admin_client.get(LIST))
    page: Any = html.fromstring(admin_client.get(page_of("unknown_sku", "MYSTERY")).content.decode())
    assert [field.name for field in page.xpath("//*[@autofocus]")] == ["warehouse_sku"]
    assert page.xpath(f"//main//a[@href='{LIST}'] | //section//a[@href='{LIST}']")
