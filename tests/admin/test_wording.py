"""How pages name jobs, times, addresses and goods, and what the pages say that refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import unfold
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.text import capfirst
from lxml import html

from config.navigation import UNFOLD
from integrations.admin_base import ago
from integrations.models import Connection, Exchange, JobPlan, Route, SyncRun
from integrations.sandbox.server import Sandbox
from integrations.wording import address
from inventory.models import InventoryLevel, WarehouseItem
from orders.admin import machinery
from orders.models import Order
from tests.admin.pages import address_of

Run = Callable[..., str]
LEVELS, ITEMS, RUNS, PLANS, EXCHANGES = (
    reverse(f"admin:{name}_changelist")
    for name in ("inventory_inventorylevel", "inventory_warehouseitem", "integrations_syncrun", "integrations_jobplan",
                 "integrations_exchange")
)  # fmt: skip
# The theme's templates after which ours of the same name were written.
THEME = {
    "app_list_badge.html": "bc002ff5", "boolean.html": "ccaf312f", "empty_results.html": "5f4727a3",
    "header_title.html": "b126ed2a", "pagination_default.html": "a6c793ae", "userlinks.html": "b493fa5c",
    "welcomemsg.html": "e8eab025",
}  # fmt: skip


def text_of(node: Any) -> str:
    return " ".join(node.text_content().split())


def read(client: Client, where: str) -> Any:
    return html.fromstring(client.get(where).content.decode())


def rows(client: Client, where: str) -> list[list[str]]:
    """The cells of a list, as a person reads them."""
    found = read(client, where).xpath("//*[@id='result_list']//tr[td]")
    return [[text_of(cell) for cell in row.xpath("./td|./th")] for row in found]


def heading(page: Any) -> str:
    [one] = page.xpath("//*[self::h1 or self::h2][contains(@class, 'text-lg')]")
    return text_of(one)


def test_stock_is_listed_by_sku_and_location_name(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    for job in ("pull_orders", "submit_orders", "pull_levels"):
        manage("run", job)
    [mug] = [row for row in rows(admin_client, LEVELS) if "MUG-BLK" in row]
    level = InventoryLevel.objects.get()
    assert "Main DC" in mug
    assert "0.0000" not in " ".join(mug)
    assert level.item_id not in mug
    assert len(rows(admin_client, f"{LEVELS}?q=mug-b")) == 1
    assert not rows(admin_client, f"{LEVELS}?q=lamp")
    assert len(rows(admin_client, f"{LEVELS}?location={level.location_id}")) == 1
    assert not rows(admin_client, f"{LEVELS}?location=7")


def test_stock_of_what_has_no_name_here_says_its_ids(gecko: Connection, admin_client: Client) -> None:
    figures = {"on_hand": 1, "committed": 0, "available": 1}
    InventoryLevel.objects.create(
        connection=gecko, item_id="77", location_id="88", observed_at=timezone.now(), **figures
    )  # fmt: skip
    [row] = rows(admin_client, LEVELS)
    assert {"item 77", "location 88"} <= set(row)


def test_of_a_sku_that_the_warehouse_does_not_have_nothing_is_said_to_be_sellable(
    gecko: Connection, admin_client: Client
) -> None:
    for sku, matches in (("ONE", 1), ("NONE", 0), ("TWO", 2)):
        WarehouseItem.objects.create(connection=gecko, sku=sku, matches=matches, checked_at=timezone.now())
    seen = {row[0]: row[1:6] for row in rows(admin_client, ITEMS)}
    assert seen["ONE"] == ["1", "–", "Yes", "Yes", "No"]
    assert seen["NONE"] == ["none", "not in the warehouse", "–", "–", "–"]
    assert seen["TWO"] == ["2", "–", "–", "–", "–"]


def test_a_jobs_name_is_one_everywhere_and_the_command_lines_is_there_too(
    overstock: Connection, admin_client: Client
) -> None:
    run = SyncRun.objects.create(
        connection=overstock, job="pull_orders", status="succeeded", started_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    )
    plan = JobPlan.objects.get(connection=overstock, job="pull_orders")
    start = reverse("admin:start_jobs")
    for where in (start, RUNS, PLANS, address_of(overstock)):
        page = read(admin_client, where)
        assert "Pull orders" in text_of(page)
        assert "pull_orders" not in text_of((page.xpath("//*[@id='content']") or [page])[0]), where
        assert page.xpath("//*[@title='pull_orders']"), where
    for name, record in (("syncrun", run), ("jobplan", plan)):
        page = text_of(read(admin_client, reverse(f"admin:integrations_{name}_change", args=[record.pk])))
        assert "Pull orders (on the command line: pull_orders)" in page
    assert str(run) == "Pull orders of Overstock at 2026-03-01 09:30:00 UTC"
    assert len(rows(admin_client, f"{RUNS}?job=pull_orders")) == 1
    assert not rows(admin_client, f"{RUNS}?job=reconcile")


def test_a_list_says_how_long_ago_and_the_exact_time_on_hover() -> None:
    now = timezone.now()
    for at, said in ((now, "just now"), (now - timedelta(minutes=3, seconds=5), "3\xa0minutes ago"),
                     (now + timedelta(hours=2, minutes=5), "in 2\xa0hours")):  # fmt: skip
        assert f">{said}<" in ago(at)
        assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC"' in ago(at)
    assert ago(None) == "–"


def test_addresses_are_read_without_percent_encoding_and_escaped(overstock: Connection, admin_client: Client) -> None:
    url = "https://api.example.com/orders?at=2026-03-01T09%3A30&sku=%3Cb%3Ehi%3C%2Fb%3E"
    one = Exchange.objects.create(connection=overstock, method="GET", url=url, milliseconds=1)
    plain = "/orders?at=2026-03-01T09:30&sku=<b>hi</b>"
    for where in (EXCHANGES, reverse("admin:integrations_exchange_change", args=[one.pk])):
        page = admin_client.get(where).content.decode()
        assert plain in unescape(page)
        assert "<b>hi" not in page


def test_an_address_does_not_bring_out_what_cannot_be_seen() -> None:
    assert address("/a%20b%5B%5D") == "/a b[]"
    assert address("/a%0Ab") == "/a%0Ab"
    assert address("/a%E2%80%AEb") == "/a%E2%80%AEb"


def test_a_question_says_which_record_and_what_will_happen(
    overstock: Connection, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    order = Order.objects.get()
    for what, said in (("release", "judged again"), ("hold", "not sent until"), ("skip", "never sent")):
        page = read(admin_client, reverse(f"admin:orders_order_{what}", args=[order.pk]))
        assert heading(page) == f"{what.capitalize()} order {number}"
        assert said in text_of(page)
        assert page.xpath(f"//*[@id='header-inner']//a[@href='{address_of(order)}']")
    page = read(admin_client, reverse("admin:integrations_connection_test", args=[overstock.pk]))
    assert heading(page) == "Test connection Overstock"


def test_a_new_connection_shows_no_empty_table_of_jobs(overstock: Connection, admin_client: Client) -> None:
    add = admin_client.get(reverse("admin:integrations_connection_add")).content.decode()
    assert "Jobs: how often" not in add
    assert "Jobs: how often" in admin_client.get(address_of(overstock)).content.decode()


def test_who_may_not_is_told_so_in_the_admins_clothes(db: None, client: Client) -> None:
    client.force_login(User.objects.create_user("viewer", is_staff=True))
    answer = client.get(RUNS)
    page = html.fromstring(answer.content.decode())
    assert answer.status_code == 403
    assert heading(page) == "Not allowed"
    assert page.xpath("//*[@id='nav-sidebar'] | //*[@id='header-inner']")
    assert page.xpath("//link[contains(@href, 'unfold/css/styles')]")


@pytest.mark.parametrize("where", ["/admin/nothing/", "/nothing"])
def test_what_is_not_there_is_told_inside_and_outside(admin_client: Client, where: str) -> None:
    for client, way_on in ((admin_client, "To the start page"), (Client(), "Sign in")):
        answer = client.get(where, follow=False)
        if answer.status_code == 302:  # the admin asks strangers to sign in first
            continue
        page = html.fromstring(answer.content.decode())
        assert (answer.status_code, heading(page)) == (404, "Page not found")
        assert way_on in text_of(page)


def test_a_stranger_whose_form_is_refused_is_told_what_to_do(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {"username": "x", "password": "y"})
    page = html.fromstring(answer.content.decode())
    assert (answer.status_code, heading(page)) == (403, "This form is out of date")
    assert not page.xpath("//*[@id='header-inner']")
    assert "Sign in" in text_of(page)


def test_templates_in_place_of_the_themes_are_written_after_those_that_are_installed() -> None:
    own, theirs = (
        one / "templates" / "unfold" / "helpers" for one in (settings.BASE_DIR, Path(unfold.__file__).parent)
    )
    found = {one.name: sha256((theirs / one.name).read_bytes()).hexdigest()[:8] for one in own.iterdir()}
    assert found == THEME, "compare ours with the theme's that differ, then write theirs down here"


def test_every_list_says_where_its_rows_come_from() -> None:
    mute = [page for page in admin.site._registry.values() if not getattr(page, "empty_hint", "")]
    assert [type(page).__name__ for page in mute] == ["UserAdmin", "GroupAdmin", "AlertSettingsAdmin"]  # never empty


def test_the_way_to_a_record_calls_it_as_it_is_called_and_names_only_what_the_menu_has(
    db: None, admin_client: Client
) -> None:
    page = read(admin_client, address_of(Connection.objects.create(name="eBay", provider="tradegecko")))
    assert [text_of(one) for one in page.xpath("//h1/*[contains(@class, 'crumb ') or @class='crumb']")] == [
        "Connections", "eBay",
    ]  # fmt: skip


def test_a_job_that_does_not_come_says_what_it_waits_for(db: None, admin_client: Client) -> None:
    plans = [
        JobPlan.objects.create(
            connection=Connection.objects.create(name=f"{place}", provider="tradegecko", health=health), job="pull_levels",
            every_minutes=10, is_enabled=is_on, next_run_at=timezone.now() - timedelta(minutes=5),
        )
        for place, (health, is_on) in enumerate((("working", True), ("stopped", True), ("working", False)))
    ]  # fmt: skip
    assert len(plans) == 3
    said = {row[1]: row[-1] for row in rows(admin_client, PLANS)}
    assert said == {"0": "due", "1": "connection stopped", "2": "switched off"}
    assert [job.next for job in machinery.jobs()] == ["due", "connection stopped", "switched off"]


def test_a_list_without_rows_says_whether_nothing_is_there_or_nothing_matches(db: None, admin_client: Client) -> None:
    aliases = reverse("admin:inventory_skualias_changelist")
    for where, said in (
        (LEVELS, "Nothing here"), (f"{LEVELS}?q=x", "Nothing matches Show all"), (aliases, "Nothing here An alias says"),
    ):  # fmt: skip
        page = text_of(read(admin_client, where))
        assert said in page
        assert "Create a new item" not in page


@pytest.mark.parametrize(("number", "said"), [(0, "0 rows"), (1, "1 row"), (1_200, "1,200 rows")])
def test_a_list_counts_its_rows(number: int, said: str, db: None, admin_client: Client) -> None:
    gecko, now = Connection.objects.create(name="Gecko", provider="tradegecko"), timezone.now()
    WarehouseItem.objects.bulk_create(
        WarehouseItem(connection=gecko, sku=f"V{place}", matches=1, checked_at=now) for place in range(number)
    )
    page = text_of(read(admin_client, ITEMS))
    assert f" {said} " in page
    assert (f"Export {said}:" in page) == bool(number)


def test_the_preview_names_each_cell_for_narrow_screens(shop: Sandbox, admin_client: Client) -> None:
    Route.objects.update(state="paused")
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    where = reverse("admin:integrations_route_preview", args=[Route.objects.get().pk])
    page: Any = html.fromstring(admin_client.post(where).content.decode())
    [table] = page.xpath("//table[contains(@class, 'stacking')]")
    assert [cell.get("data-label") for cell in table.xpath(".//tbody//td")] == [
        text_of(head) for head in table.xpath(".//thead//th")
    ]


def test_each_page_is_called_what_the_menu_calls_it() -> None:
    items = [item for group in UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]]
    for item in items:
        of_model = getattr(resolve(str(item["link"])).func, "model_admin", None)
        if of_model is not None:  # else it is a page of its own
            assert capfirst(of_model.opts.verbose_name_plural) == item["title"]
