"""A listing's page says what it shows, why, and what is wrong; the list finds what is the matter."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from openpyxl import load_workbook

from integrations.models import Connection, Exchange, Route, SyncRun
from inventory import listing_states
from inventory.admin import listing_page
from inventory.availability import Figure, Origin, Part, Rules, offer
from inventory.checked import DriftedListing, InventoryCheck
from inventory.models import (
    GuardedPublish,
    GuardedQuantity,
    InventoryLevel,
    Listing,
    Publication,
    SkuAlias,
    StockReading,
    WarehouseItem,
)
from inventory.rules import InventoryRule
from orders.models import Order

UGLY = '<script>alert("x")</script>' + "Ω" * 60
S = Publication.Status


@pytest.fixture
def route(db: None) -> Route:
    """A live route with stock that was read a moment ago, and nothing to talk to."""
    overstock = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    now = timezone.now()
    StockReading.objects.create(connection=gecko, began_at=now, ended_at=now, items=1)
    return Route.objects.create(
        name="Main", state="live", marketplace=overstock, warehouse=gecko, marketplace_warehouse_name="Riverside DC",
        location_name="Main DC", location_id="1",
    )  # fmt: skip


@pytest.fixture
def listing(route: Route) -> Listing:
    """Ten in the warehouse, one in an order, two kept back by a rule: seven were published an hour ago."""
    rule = InventoryRule.objects.create(route=route, reserve=2, note="Safety stock")
    ten = Decimal(10)
    figures = (Figure("Main DC", ten, timezone.now()),)
    part = Part("MUG", 1, ten, pending=1, figures=figures, orders={"700100201-1": 1})
    why = offer([part], Rules(reserve=2, origins={"reserve": Origin(rule.pk, rule.note, "route")})).explanation
    at = timezone.now() - timedelta(hours=1)
    made = Listing.objects.create(
        route=route, marketplace_sku="MUG-OS", published_sku="MUG-OS", published_quantity=7, published_at=at,
        observed_at=at, explanation=why,
    )  # fmt: skip
    run = SyncRun.objects.create(connection=route.marketplace, job="publish_inventory", status="succeeded")
    for hours, quantity in ((30, 12), (20, 9), (1, 7)):
        sent = timezone.now() - timedelta(hours=hours)
        Publication.objects.create(
            listing=made, sku="MUG-OS", quantity=quantity, observed_at=sent, status=S.ACCEPTED, created_at=sent,
            sent_at=sent, finished_at=sent + timedelta(seconds=2),
        )  # fmt: skip
    Exchange.objects.create(
        connection=route.marketplace,
        run=run,
        method="POST",
        url="http://x/inventory",
        milliseconds=5,
        at=sent + timedelta(seconds=1),
    )
    return made


@pytest.fixture
def stocked(listing: Listing) -> Listing:
    """The same, and the warehouse has ten now."""
    gecko, now = listing.route.warehouse, timezone.now()
    SkuAlias.objects.create(connection=listing.route.marketplace, marketplace_sku="MUG-OS", warehouse_sku="MUG")
    WarehouseItem.objects.create(connection=gecko, sku="MUG", matches=1, remote_id="5", checked_at=now)
    InventoryLevel.objects.create(
        connection=gecko, item_id="5", location_id="1", on_hand=10, committed=0, available=10, observed_at=now
    )
    return listing


def page_of(listing: Listing, name: str = "change") -> str:
    return reverse(f"admin:inventory_listing_{name}", args=[listing.pk])


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def person(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def listed(client: Client, **query: str) -> set[str]:
    answer = client.get(reverse("admin:inventory_listing_changelist"), query)
    assert answer.status_code == 200
    return {row.marketplace_sku for row in answer.context["cl"].result_list}


def test_the_page_adds_up_and_leads_to_every_order_and_rule(listing: Listing, admin_client: Client) -> None:
    page = admin_client.get(page_of(listing))
    rule = InventoryRule.objects.get()
    assert "Available at Main DC" in text_of(page)
    assert "Reserve (rule of the route: Safety stock)" in text_of(page)
    assert page.context["facts"]["reckoned"] == 7
    for address in (
        reverse("admin:inventory_inventoryrule_change", args=[rule.pk]),
        reverse("admin:orders_order_by_number", args=["700100201-1"]),
        reverse("admin:integrations_exchange_change", args=[Exchange.objects.get().pk]),
    ):
        assert f'href="{address}"' in page.content.decode()
    assert "3 published quantities since" in page.content.decode()


def test_who_may_not_see_orders_rules_or_answers_is_led_to_none(listing: Listing, client: Client) -> None:
    page = person(client, "view_listing").get(page_of(listing)).content.decode()
    assert "700100201-1" in page
    assert "/orders/order/number/" not in page
    assert "/inventoryrule/" not in page
    assert "/exchange/" not in page
    assert "/publication/" not in page
    assert "publish-now" not in page


def test_an_order_number_leads_to_the_order_or_to_those_it_may_be(route: Route, admin_client: Client) -> None:
    made = Order.objects.create(
        connection=route.marketplace, sales_channel="OSTK", full_number="700/1", short_reference="700/1",
        ordered_at=timezone.now(), ordered_on=timezone.localdate(), marketplace_created_at=timezone.now(),
    )  # fmt: skip
    found = admin_client.get(reverse("admin:orders_order_by_number", args=["700/1"]))
    assert found["Location"] == reverse("admin:orders_order_change", args=[made.pk])
    unknown = admin_client.get(reverse("admin:orders_order_by_number", args=["8&x=1"]))
    assert unknown["Location"].endswith("?q=8%26x%3D1")


def test_what_is_wrong_is_said_first_with_what_to_do(listing: Listing, admin_client: Client) -> None:
    Listing.objects.update(problem=f"SKU {UGLY} has no alias. Add an alias.")
    Publication.objects.create(
        listing=listing, sku="MUG-OS", quantity=3, observed_at=timezone.now(), status=S.PARKED, times_parked=1,
        finished_at=timezone.now(), last_error="UNKNOWN_SKU: No SKU MUG-OS.",
    )  # fmt: skip
    StockReading.objects.update(partial_reason="the reading covered 1 items where 9 were expected")
    page = admin_client.get(page_of(listing))
    said = text_of(page)
    assert said.index("Not known in the warehouse") < said.index("Refused by the marketplace") < said.index("in doubt")
    assert "UNKNOWN_SKU" in said
    assert "<script>alert" not in page.content.decode()


def test_recalculating_shows_what_it_would_be_and_changes_nothing(stocked: Listing, admin_client: Client) -> None:
    said = text_of(admin_client.get(page_of(stocked, "recalculate")))
    assert "Published 7 It would show 8" in said
    stocked.refresh_from_db()
    assert stocked.published_quantity == 7
    assert not Publication.objects.filter(status=S.PENDING).exists()
    Route.objects.update(location_id="")
    assert "run Pull levels" in text_of(admin_client.get(page_of(stocked, "recalculate")))


@pytest.mark.parametrize("before", [7, None])
def test_what_is_not_known_to_have_arrived_is_not_called_published(
    stocked: Listing, admin_client: Client, before: int | None
) -> None:
    """Eight were sent, as many as it would show, and no answer came."""
    Publication.objects.create(
        listing=stocked,
        sku="MUG-OS",
        quantity=8,
        observed_at=timezone.now(),
        sent_at=timezone.now(),
        status=S.UNCONFIRMED,
    )
    Listing.objects.update(published_quantity=before)
    said = text_of(admin_client.get(page_of(stocked, "recalculate")))
    assert f"What is shown is not known {', 7 before ' if before else ''}It would show 8" in said
    assert "The next run publishes that" in said
    assert "Published" not in said
    page = text_of(admin_client.get(page_of(stocked)))
    assert "Whether 8 has arrived is not known" in page
    assert "Not known 7 before, published" in page or before is None


def test_publishing_now_needs_the_permission_and_asks_first(
    stocked: Listing, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    may_not = person(client, "view_listing", "change_listing")
    assert may_not.post(page_of(stocked, "publish_now")).status_code == 403
    User.objects.get(username="somebody").user_permissions.add(Permission.objects.get(codename="publish_listing"))
    assert "What the guard would hold back" in text_of(client.get(page_of(stocked, "publish_now")))
    asked = Listing.objects.exclude(publish_asked_at=None)
    assert not asked.exists()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(page_of(stocked, "publish_now"))
    assert asked.exists()
    assert [task.name() for task in OrmQ.objects.all()] == [f"publish_inventory:{stocked.route.marketplace_id}"]


def test_publishing_now_says_why_it_cannot(listing: Listing, admin_client: Client) -> None:
    Route.objects.update(publish_by="file")
    page = admin_client.get(page_of(listing, "publish_now"), follow=True)
    assert "publishes by file" in text_of(page)
    assert "publishes by file" in text_of(admin_client.post(page_of(listing, "publish_now"), follow=True))
    Route.objects.update(publish_by="api", state="test")
    assert "is told nothing of it before it is live" in text_of(
        admin_client.post(page_of(listing, "publish_now"), follow=True)
    )
    assert not OrmQ.objects.exists()


def test_each_filter_finds_its_listings(listing: Listing, admin_client: Client) -> None:
    route, now = listing.route, timezone.now()
    shown = {"published_quantity": 1, "published_at": now, "published_sku": "x"}
    names = ("STALE", "REFUSED", "DRIFTED", "MENDED", "GUARDED", "LOST", "NEVER", "TWIN", "OFF", "SILENT")
    made = {name: Listing.objects.create(route=route, marketplace_sku=name, **shown) for name in names}
    Listing.objects.filter(marketplace_sku="STALE").update(published_at=now - timedelta(hours=26))
    never = Listing.objects.filter(marketplace_sku__in=("NEVER", "TWIN", "OFF"))
    never.update(published_at=None, published_quantity=None)
    Listing.objects.filter(marketplace_sku="TWIN").update(explanation={"shown_by": "MUG-OS"})
    Listing.objects.filter(marketplace_sku="OFF").update(is_active=False)
    Listing.objects.filter(marketplace_sku="LOST").update(problem="No alias.")
    Listing.objects.filter(marketplace_sku="SILENT").update(
        not_published="a rule of the route says so", published_at=now - timedelta(hours=26)
    )
    Publication.objects.create(listing=made["REFUSED"], sku="x", quantity=2, observed_at=now, status=S.PARKED)
    check = InventoryCheck.objects.create(
        connection=route.marketplace, read_at=now + timedelta(minutes=1), finished_at=now, compared=9
    )
    for name in ("DRIFTED", "MENDED"):
        DriftedListing.objects.create(inventory_check=check, listing=made[name], sku=name, cause="refused", shown=3)
    Listing.objects.filter(marketplace_sku="MENDED").update(published_at=now + timedelta(minutes=2))
    guarded = GuardedPublish.objects.create(route=route, reason="x", changed=1, zeroed=0, raised=1, fingerprint="x")
    GuardedQuantity.objects.create(guarded=guarded, listing=made["GUARDED"], sku="x", before=1, after=900)
    for state, name in (
        ("stale", "STALE"), ("refused", "REFUSED"), ("drifted", "DRIFTED"), ("guarded", "GUARDED"), ("problem", "LOST"),
        ("never", "NEVER"), ("silent", "SILENT"),
    ):  # fmt: skip
        assert listed(admin_client, state=state) == {name}
    tile = listing_states.coverage()
    assert (tile.listings, tile.published, tile.share) == (10, 8, 80)
    assert {name: number for name, _, number in tile.states} == dict.fromkeys(listing_states.STATES, 1)
    start = admin_client.get(reverse("admin:start_stock")).content.decode()
    assert f"{reverse('admin:inventory_listing_changelist')}?state=drifted" in start


def test_stock_that_is_in_doubt_makes_all_of_its_listings_stale(listing: Listing, admin_client: Client) -> None:
    assert listed(admin_client, state="stale") == set()
    StockReading.objects.update(began_at=timezone.now() - timedelta(hours=7))
    assert listed(admin_client, state="stale") == {"MUG-OS"}


def test_any_sku_finds_a_listing(stocked: Listing, admin_client: Client) -> None:
    SkuAlias.objects.filter(marketplace_sku="MUG-OS").update(warehouse_sku="WH-4711")
    Listing.objects.filter(pk=stocked.pk).update(option_sku="30012345-000", upc="000000000017")
    Listing.objects.create(route=stocked.route, marketplace_sku="OTHER")
    for word in ("mug-os", "wh-4711", "30012345", "0000017"):
        assert listed(admin_client, q=word) == {"MUG-OS"}


WHY = "MUG: 10 available at Main DC − 1 in orders − 2 reserve (rule {} of the route: Safety stock)"


def test_the_list_is_exported_with_reasons_and_without_formulas(listing: Listing, admin_client: Client) -> None:
    Listing.objects.create(route=listing.route, marketplace_sku="=cmd()")
    address = reverse("admin:inventory_listing_export")
    rows = list(csv.DictReader(StringIO(admin_client.post(address, {"format": "0"}).content.decode())))
    assert [(row["marketplace_sku"], row["published_quantity"], row["why"]) for row in rows] == [
        ("'=cmd()", "", ""), ("MUG-OS", "7", WHY.format(InventoryRule.objects.get().pk)),
    ]  # fmt: skip
    sheet = load_workbook(BytesIO(admin_client.post(address, {"format": "1"}).content)).active
    assert sheet.max_row == 3


def test_the_pages_cost_the_same_few_queries_for_many(
    listing: Listing, admin_client: Client, settings: Any, django_assert_max_num_queries: Any
) -> None:
    settings.ALLOW_CUSTOM_ENDPOINTS = False  # where it is on, the menu looks for a sandbox
    Listing.objects.bulk_create(Listing(route=listing.route, marketplace_sku=f"M{place}") for place in range(60))
    with django_assert_max_num_queries(12):
        listed(admin_client)
    with django_assert_max_num_queries(16):
        admin_client.get(page_of(listing))


def test_what_is_said_of_an_unknown_outcome_is_two_sentences() -> None:
    for error in ("Remote end closed connection without response", "No answer came."):
        row = Publication(status="unconfirmed", quantity=3, last_error=error)
        trouble = listing_page.unclear(row, AnonymousUser(), "/")
        assert trouble is not None
        assert f"is not known: {error.rstrip('.')}. It is sent once more" in trouble.text
