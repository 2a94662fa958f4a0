"""Start page, worklists, runs and exchanges: every figure leads to its list, and a row leaves with its cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django_q.models import OrmQ
from lxml import html

from integrations.models import Connection, Exchange, Route, SyncRun
from integrations.sandbox.server import Sandbox
from orders import figures, ship_dates, worklists
from orders.models import Alert, Hold, Order, ShipmentConfirmation, WarehouseSubmission
from tests.orders.world import ship

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Connection:
    return Connection.objects.create(name="Overstock", provider="supplier_oasis", health="working")


@pytest.fixture
def route(market: Connection) -> Route:
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko", health="working")
    return Route.objects.create(name="Main", state="live", marketplace=market, warehouse=gecko, location_name="DC",
                                marketplace_warehouse_name="DC")  # fmt: skip


def placed(route: Route, number: str, on: date | None = None, status: str = "submitted") -> Order:
    now = timezone.now()
    return Order.objects.create(
        connection=route.marketplace, route=route, sales_channel="OSTK", full_number=number, status=status,
        ordered_at=now, ordered_on=on or now.date(),
    )  # fmt: skip


def parked(order: Order, error: str) -> WarehouseSubmission:
    assert order.route is not None
    return WarehouseSubmission.objects.create(
        order=order, connection=order.route.warehouse, status="parked", last_error=error, finished_at=timezone.now()
    )


def opened(client: Client, name: str, **asked: str) -> Any:
    return client.get(reverse(f"admin:worklist_{name}"), asked).context


@pytest.fixture
def looker(client: Client) -> Client:
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


def test_what_was_refused_for_one_reason_is_one_cause_and_leaves_when_it_is_sent_again(
    route: Route, admin_client: Client
) -> None:
    for number in ("1001", "1002"):
        parked(placed(route, number), f"refused order {number}: no such company")
    parked(placed(route, "1003"), "refused order 1003: no such location")

    page = opened(admin_client, "refused")

    assert [(one.text, one.number) for one in page["causes"]] == [
        ("Order: refused order …: no such company", 2), ("Order: refused order 1003: no such location", 1),
    ]  # fmt: skip
    [_, other] = page["causes"]
    [row] = admin_client.get(reverse("admin:worklist_refused") + other.url).context["rows"]
    order = Order.objects.get(full_number="1003")
    assert (row.title, row.action) == ("1003", "Retry")
    assert row.action_url.startswith(reverse("admin:orders_order_retry", args=[order.pk]) + "?_worklist=refused")
    admin_client.post(row.action_url)
    assert {one.title for one in opened(admin_client, "refused")["rows"]} == {"1001", "1002"}
    assert worklists.tallies()["refused"].number == 2


def test_who_resolves_a_hold_from_a_worklist_comes_back_to_their_place_in_it(
    route: Route, admin_client: Client
) -> None:
    for number in ("1001", "1002", "1003"):
        placed(route, number).holds.create(kind=Hold.Kind.VOIDED_ORDER, message="It was voided.")
    _, row, after = opened(admin_client, "changes")["rows"]
    assert row.action == "Resolve"
    here = reverse("admin:worklist_changes")
    asked: Any = html.fromstring(admin_client.get(row.action_url).content)
    assert asked.xpath("//a[text()='Back']/@href") == [here]
    answer = admin_client.post(row.action_url, {"note": "sent by hand"}, follow=True)
    assert answer.redirect_chain == [(here, 302)]
    assert [one.title for one in answer.context["rows"]] == ["1001", after.title]


def test_who_opened_an_order_from_a_worklist_closes_it_into_that(route: Route, admin_client: Client) -> None:
    order = placed(route, "1001")
    order.holds.create(kind=Hold.Kind.VOIDED_ORDER, message="It was voided.")
    Order.objects.update(status="submitted")
    [row] = opened(admin_client, "changes")["rows"]
    page: Any = html.fromstring(admin_client.get(row.url).content)
    [close] = page.xpath("//div[@id='submit-row']//a[normalize-space()='Close']/@href")
    assert close.partition("?")[0] == reverse("admin:worklist_changes")


def test_the_list_of_orders_offers_the_years_and_months_from_its_first_order_to_its_last(
    route: Route, admin_client: Client
) -> None:
    address = reverse("admin:orders_order_changelist")
    assert admin_client.get(address).status_code == 200, "also where there is none"
    for number, at in (("1001", "2024-11-30T23:00Z"), ("1002", "2026-01-31T12:00Z"), ("1003", "2026-03-01T00:00Z")):
        placed(route, number)
        Order.objects.filter(full_number=number).update(ordered_at=at)

    def offered(**asked: str) -> list[str]:
        page: Any = html.fromstring(admin_client.get(address, asked).content)
        return [" ".join(link.text_content().split()) for link in page.xpath("//ul[contains(@class, 'toplinks')]//a")]

    assert offered() == ["2024", "2025", "2026"]
    assert offered(ordered_at__year="2026")[-3:] == ["January 2026", "February 2026", "March 2026"]


def test_the_list_of_orders_says_what_went_out_as_a_test(route: Route, admin_client: Client) -> None:
    placed(route, "700-2")
    parked(placed(route, "700-3"), "refused")
    tried = parked(placed(route, "700-4"), "refused")
    WarehouseSubmission.objects.filter(pk=tried.pk).update(is_test=True)
    page: Any = html.fromstring(admin_client.get(reverse("admin:orders_order_changelist")).content.decode())
    numbers = [cell.text_content().split() for cell in page.find_class("field-number")]
    assert numbers == [["700-4", "Test"], ["700-3"], ["700-2"]]


def test_show_all_is_offered_only_where_not_all_is_shown(route: Route, admin_client: Client) -> None:
    for number in ("700-2", "700-3"):
        placed(route, number)
    address = reverse("admin:orders_order_changelist")
    for asked, is_offered in (({"o": "1"}, False), ({"q": "700-3"}, True), ({"ordered_at__year": "2020"}, True)):
        page: Any = html.fromstring(admin_client.get(address, asked).content.decode())
        assert ("(Show all)" in page.xpath("//h1")[0].text_content()) == is_offered


def test_each_trouble_is_on_its_own_worklist_and_counted_in_the_menu(route: Route, admin_client: Client) -> None:
    order = placed(route, "1001", on=timezone.now().date() - timedelta(days=20))
    for kind in ("cancelled_late", "changed_order", "unknown_carrier", "unknown_sku", "manual"):
        Hold.objects.create(order=order, kind=kind, subject=kind, message="why")
    parked(order, "no")
    ShipmentConfirmation.objects.create(order=order, connection=route.marketplace, status="unconfirmed")
    Connection.objects.filter(pk=route.warehouse_id).update(health="stopped", health_message="wrong token")

    found = {name: one.number for name, one in worklists.tallies().items()}

    assert found == {**dict.fromkeys(found, 1), "guarded": 0, "found": 0}
    page: Any = html.fromstring(admin_client.get("/admin/").content.decode())
    for name in worklists.BY_NAME:
        [entry] = page.xpath(f"//*[@id='nav-sidebar-apps']//a[@href='{reverse(f'admin:worklist_{name}')}']")
        assert "".join(entry.text_content().split()).endswith("1") == (found[name] == 1), name
        assert len(opened(admin_client, name)["rows"]) == found[name]
    mapping = admin_client.get(reverse("admin:orders_needs_mapping"))
    assert [one.subject for one in mapping.context["rows"]] == ["unknown_carrier", "unknown_sku"]
    assert reverse("admin:worklist_carriers") in mapping.content.decode().partition("<table")[2]


def test_the_start_page_of_a_new_installation_leads_to_what_must_be_added_first(
    admin_client: Client, looker: Client
) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert "/admin/integrations/connection/add/" in page
    assert "/admin/integrations/route/add/" in page
    assert "/add/" not in looker.get("/admin/").content.decode()


def test_an_empty_worklist_says_what_that_means(admin_client: Client) -> None:
    for one in worklists.ALL:
        page = admin_client.get(reverse(f"admin:worklist_{one.name}")).content.decode()
        assert escape(one.empty) in page
    for section in ("wrong", "figures", "stock", "jobs"):
        assert admin_client.get(reverse(f"admin:start_{section}")).status_code == 200
    assert admin_client.get("/admin/").status_code == 200


def test_a_worklist_is_searched_and_filtered_and_paged(route: Route, admin_client: Client) -> None:
    orders = [placed(route, f"10{place:02}") for place in range(60)]
    Hold.objects.bulk_create(Hold(order=one, kind="manual", message="stock count") for one in orders)
    page = opened(admin_client, "holds")
    assert (len(page["rows"]), page["pages"]["after"], page["number"]) == (50, "?page=2", "60 rows")
    assert [one.title for one in opened(admin_client, "holds", q="1007")["rows"]] == ["1007"]
    assert opened(admin_client, "holds", connection=str(route.warehouse_id))["rows"] == []
    assert opened(admin_client, "holds", connection="x", page="99")["rows"]


def test_who_may_only_look_has_no_buttons_and_nobody_else_sees_anything(route: Route, looker: Client) -> None:
    parked(placed(route, "1001"), "no")
    [row] = opened(looker, "refused")["rows"]
    assert (row.action, row.action_url) == ("", "")
    order = placed(route, "1002", status="shipped")
    order.holds.create(kind=Hold.Kind.UNKNOWN_CARRIER, subject="Wagon / Slow", message="not in the map")
    [row] = opened(looker, "carriers")["rows"]
    assert (row.action, row.action_url) == ("", "")
    User.objects.get(username="looker").user_permissions.clear()
    assert looker.get(reverse("admin:worklist_refused")).status_code == 403
    assert looker.get(reverse("admin:start_wrong")).status_code == 403


@pytest.mark.parametrize(
    ("ordered", "days", "ship_date"),
    [
        (date(2026, 11, 26), 0, date(2026, 11, 26)), (date(2026, 11, 26), 1, date(2026, 11, 27)),
        (date(2026, 11, 27), 1, date(2026, 11, 30)), (date(2026, 11, 28), 2, date(2026, 12, 1)),
        (date(2026, 11, 28), 0, date(2026, 11, 30)),
    ],
)  # fmt: skip
def test_business_days_make_the_ship_date(ordered: date, days: int, ship_date: date) -> None:
    assert ship_dates.ship_date(ordered, days) == ship_date
    first = ship_dates.first_with(ship_date, days)
    assert ship_dates.ship_date(first, days) >= ship_date > ship_dates.ship_date(first - timedelta(days=1), days)


def test_what_is_late_and_due_is_counted_by_each_routes_own_days(route: Route) -> None:
    day = ship_dates.today()
    Route.objects.update(ship_within_days=1)
    for number, on in (("1", day - timedelta(days=9)), ("2", day), ("3", day - timedelta(days=9))):
        placed(route, number, on, "shipped" if number == "3" else "on_hold")
    found = ship_dates.risk()
    assert (found.late, found.oldest, found.today + found.next) == (1, day - timedelta(days=9), 1)
    Route.objects.update(ship_within_days=30)
    assert ship_dates.risk().late == 0


def test_late_orders_are_grouped_by_how_far_they_are(route: Route, admin_client: Client) -> None:
    day = ship_dates.today()
    for number, status in (("1", "on_hold"), ("2", "submitted"), ("3", "submitted")):
        placed(route, number, day - timedelta(days=9 + int(number)), status)
    page = opened(admin_client, "late")
    assert [(one.text, one.number) for one in page["causes"]] == [("Submitted", 2), ("On hold", 1)]
    assert [row.wrong.partition("days ago; ")[2] for row in page["rows"]] == [
        "it is on hold.", "the warehouse has it, and has shipped none of it.",
        "the warehouse has it, and has shipped none of it.",
    ]  # fmt: skip


def test_latency_is_of_what_ended_lately(route: Route) -> None:
    now = timezone.now()
    for place, minutes in enumerate((1, 2, 3, 100)):
        order = placed(route, str(place))
        Order.objects.filter(pk=order.pk).update(received_at=now, ordered_at=now - timedelta(minutes=minutes))
    old = placed(route, "old")
    Order.objects.filter(pk=old.pk).update(received_at=now - timedelta(days=8), ordered_at=now - timedelta(days=80))
    pulled, *others = figures.latency(now)
    assert (pulled.number, pulled.p50, pulled.p95) == (4, timedelta(minutes=2), timedelta(minutes=100))
    assert {leg.p50_text for leg in others} == {"–"}
    assert figures.orders_per_day(now.date())[-1].number == 5


def test_a_bar_of_the_chart_leads_to_the_orders_of_its_day(route: Route, admin_client: Client) -> None:
    order = placed(route, "1001", on=ship_dates.today())
    chart = admin_client.get(reverse("admin:start_figures")).context["orders"]
    found = admin_client.get(chart.bars[-1].url).context["cl"].result_list
    assert [one.pk for one in found] == [order.pk]
    for standing in admin_client.get("/admin/").context["standings"]:
        for one in (standing.all, *standing.older):
            assert len(admin_client.get(one.url).context["cl"].result_list) == one.number


def test_a_run_tells_its_errors_by_cause_and_is_run_again(
    market: Connection, admin_client: Client, looker: Client
) -> None:
    errors = "\n".join([*(f"order {number}: not read" for number in range(3)), "no answer"])
    run = SyncRun.objects.create(connection=market, job="pull_orders", status="partial", error=errors,
                                 finished_at=timezone.now(), counts={"orders": 7, "calls": 2})  # fmt: skip
    Exchange.objects.create(connection=market, run=run, method="GET", url="https://x/", milliseconds=1, status=500)
    Exchange.objects.create(connection=market, method="GET", url="https://x/", milliseconds=1, status=200)
    page = admin_client.get(reverse("admin:integrations_syncrun_change", args=[run.pk]))
    facts = page.context["facts"]
    assert facts.problems == (("order 0: not read", 3), ("no answer", 1))
    assert (facts.counts, facts.calls, facts.failed_calls) == ((("orders", 7),), 2, 1)
    assert len(admin_client.get(facts.exchanges_url).context["cl"].result_list) == 1

    again = reverse("admin:integrations_syncrun_run_again", args=[run.pk])
    assert looker.post(again).status_code == 403
    assert not OrmQ.objects.exists()
    assert again in page.content.decode()


def test_run_again_queues_the_job(market: Connection, admin_client: Client) -> None:
    run = SyncRun.objects.create(connection=market, job="pull_orders", status="failed", finished_at=timezone.now())
    admin_client.post(reverse("admin:integrations_syncrun_run_again", args=[run.pk]))
    assert [one.task["name"] for one in OrmQ.objects.all()] == [f"pull_orders:{market.pk}"]


def test_a_running_runs_page_follows_it_and_loads_anew_at_its_end(market: Connection, admin_client: Client) -> None:
    run = SyncRun.objects.create(connection=market, job="pull_orders", counts={"orders": 12, "calls": 3})
    address = reverse("admin:integrations_syncrun_progress", args=[run.pk])
    page = admin_client.get(reverse("admin:integrations_syncrun_change", args=[run.pk])).content.decode()
    assert f'hx-get="{address}"' in page
    told = admin_client.get(address)
    assert ("HX-Refresh" in told, "12" in told.content.decode()) == (False, True)
    SyncRun.objects.update(status="succeeded", finished_at=timezone.now())
    assert admin_client.get(address)["HX-Refresh"] == "true"


def test_the_start_page_tells_of_muted_alerts_credentials_about_to_end_and_messages_that_do_not_arrive(
    looker: Client,
) -> None:
    section, now = reverse("admin:start_wrong"), timezone.now()
    assert "Alerts" not in looker.get(section).content.decode()
    mia = User.objects.create_user("mia")
    muted = Alert.objects.create(kind="held", severity="warning", text="3 orders wait", muted_by=mia,
                                 muted_until=now + timedelta(hours=4), path="/admin/orders/order/")  # fmt: skip
    for kind, text in (("credential", "the credential of Gecko ends tomorrow"), ("delivery", "2 alerts are not delivered"),
                       ("late", "1 order is late")):  # fmt: skip
        Alert.objects.create(kind=kind, severity="warning", text=text, path=f"/admin/?{kind}")
    Alert.objects.create(kind="credential", severity="warning", text="long over", closed_at=now)

    page: Any = html.fromstring(looker.get(section).content.decode())

    [told] = [one for one in page.iter("section") if "Alerts" in one.text_content()]
    lines = {str(one.get("href")): one.text_content() for one in told.iter("a")}
    page_of_muted = reverse("admin:orders_alert_change", args=[muted.pk])
    assert set(lines) == {"/admin/?credential", "/admin/?delivery", page_of_muted}
    said = lines[page_of_muted]
    assert "Muted until" in said
    assert "by mia" in said
    User.objects.get(username="looker").user_permissions.remove(Permission.objects.get(codename="view_alert"))
    assert "credential" not in looker.get(section).content.decode()


def test_exchanges_are_filtered_by_how_they_were_answered_and_downloaded(
    market: Connection, admin_client: Client
) -> None:
    for status in (200, 404, 503, None):
        Exchange.objects.create(connection=market, method="GET", url="https://x/", milliseconds=1, status=status,
                                request_body='{"a":1}', response_body="<a><b>1</b></a>")  # fmt: skip
    listed = reverse("admin:integrations_exchange_changelist")
    for name, status in (("ok", 200), ("refused", 404), ("failed", 503), ("none", None)):
        assert [one.status for one in admin_client.get(listed, {"answer": name}).context["cl"].result_list] == [status]
    assert not admin_client.get(listed, {"run": "x"}).context["cl"].result_list
    one = Exchange.objects.latest("pk")
    asked, answered = (
        admin_client.get(reverse(f"admin:integrations_exchange_{part}", args=[one.pk]))
        for part in ("request", "response")
    )
    assert asked.content.decode() == '{\n  "a": 1\n}'
    assert answered.content.decode() == "<a>\n  <b>1</b>\n</a>\n"
    assert answered["Content-Disposition"] == f'attachment; filename="exchange-{one.pk}-response.xml"'


def test_each_step_and_each_stock_lead_to_what_they_are_of(route: Route, admin_client: Client) -> None:
    order, old = placed(route, "1001"), placed(route, "1002")
    Order.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=8))
    page = admin_client.get(reverse("admin:start_figures"))
    listed = [admin_client.get(url).context["cl"].result_list for _, url in page.context["legs"]]
    assert [[one.pk for one in rows] for rows in listed] == [[order.pk], [], [], []]
    levels = f"{reverse('admin:inventory_inventorylevel_changelist')}?connection__id__exact={route.warehouse_id}"
    assert levels in admin_client.get(reverse("admin:start_stock")).content.decode()
    assert admin_client.get(levels).status_code == 200


def test_the_title_of_a_cause_names_no_single_order(route: Route, admin_client: Client) -> None:
    for number in ("1001", "1002"):
        parked(placed(route, number), f"Gecko refused order {number} (422): no such address")
    parked(placed(route, "1003"), "Gecko refused order 1003: it is closed")
    causes = [(one.text, one.number) for one in opened(admin_client, "refused")["causes"]]
    assert causes == [
        ("Order: Gecko refused order … (422): no such address", 2), ("Order: Gecko refused order 1003: it is closed", 1),
    ]  # fmt: skip


def test_the_steps_of_an_order_count_what_their_lists_show(
    shop: Sandbox, manage: Callable[..., str], admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(shop, number, tracking="1Z-1")
    manage("run", "all")
    legs = admin_client.get(reverse("admin:start_figures")).context["legs"]
    for leg, url in legs:
        assert leg.number == admin_client.get(url).context["cl"].result_count == 1, leg.title


def test_the_late_tell_when_they_were_ordered_and_call_it_that(route: Route, admin_client: Client) -> None:
    placed(route, "1001", ship_dates.today() - timedelta(days=9))
    page = admin_client.get(reverse("admin:worklist_late")).content.decode()
    assert ('data-label="Ordered"' in page, 'data-label="Since"' in page) == (True, False)
