"""What only a comparison of both sides finds is on a worklist and on the order's page, until it is mended."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from lxml import html

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from orders import tasks, worklists
from orders.alerting import worklists as alarms_of
from orders.models import Order, ReconciledOrder, Reconciliation, WarehouseSubmission
from orders.reconciliation import findings
from tests.orders.test_reconciliation import MUG, Run, once_more, reconciled
from tests.orders.test_reconciliation import world as world

B = ReconciledOrder.Bucket
FOUND = "admin:worklist_found"


def text_of(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def page_of(client: Client, order: Order) -> Any:
    return client.get(reverse("admin:orders_order_change", args=[order.pk]))


@pytest.fixture
def viewer(client: Client) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


@pytest.fixture
def twice(shop: Sandbox, manage: Run) -> tuple[Order, int]:
    """An order that somebody entered once more in the warehouse, found by a comparison; the id of the second one."""
    number = shop.oasis.add_order(MUG)
    manage("run", "all")
    second = once_more(shop, number)
    reconciled(manage)
    return Order.objects.get(), second


def test_an_order_that_only_the_comparison_found_twice_is_where_people_work(
    twice: tuple[Order, int], admin_client: Client, manage: Run
) -> None:
    order, second = twice
    first = WarehouseSubmission.objects.get().remote_id
    [row] = admin_client.get(reverse(FOUND)).context["rows"]
    shown = page_of(admin_client, order)
    for said in (row.wrong, shown.context["facts"]["found"].text):
        assert f"(id {first})" in said
        assert f"(id {second})" in said
        assert f"Void all but the order with id {first} in Gecko before they ship." in said
    assert (row.action, row.action_url.partition("?")[0]) == (
        "Open the order",
        reverse("admin:orders_order_change", args=[order.pk]),
    )
    assert "Nothing to do" not in text_of(shown)
    assert reverse(FOUND) in text_of(admin_client.get("/admin/"))
    assert json.loads(manage("status", "--json"))["worklists"]["found_by_reconciliation"] == 1
    names = dict(Connection.objects.values_list("pk", "name"))
    [alarm] = [one for one in alarms_of.alarms(names) if one.path.startswith(reverse(FOUND))]
    assert alarm.text == "1 order of Overstock is not the same on both sides"


def test_it_leaves_once_it_was_voided_and_compared_again_from_its_page(
    twice: tuple[Order, int], shop: Sandbox, admin_client: Client
) -> None:
    order, second = twice
    shop.tradegecko.void(shop.tradegecko.tables["orders"][second])
    page: Any = html.fromstring(page_of(admin_client, order).content)
    [again] = page.xpath("//a[text()='Compare again']/@href")
    form = admin_client.get(again).context["form"]
    answer = admin_client.post(again, {name: form[name].value() for name in form.fields})
    assert answer.url == reverse("admin:orders_order_change", args=[order.pk])  # type: ignore[attr-defined]
    tasks.reconcile(*OrmQ.objects.latest("pk").args())
    assert not admin_client.get(reverse(FOUND)).context["rows"]
    shown = page_of(admin_client, order)
    assert shown.context["facts"]["found"] is None
    assert "Nothing to do: the warehouse has it" in text_of(shown)


def test_who_may_only_look_is_offered_no_comparison(twice: tuple[Order, int], viewer: Client) -> None:
    shown = text_of(page_of(viewer, twice[0]))
    assert "Void all but the order" in shown
    assert "Compare again" not in shown


@pytest.mark.long
@pytest.mark.usefixtures("world")
def test_every_exception_of_a_report_is_on_a_list_where_people_work(
    manage: Run, admin_client: Client, world: dict[str, str]
) -> None:
    report = reconciled(manage)
    wrong = set(report.orders.filter(bucket__in=ReconciledOrder.EXCEPTIONS).values_list("number", flat=True))
    shown = {row.title for row in admin_client.get(reverse(FOUND)).context["rows"]}
    unreadable = {number for number, bucket in world.items() if bucket == "unreadable"}
    assert shown == wrong - unreadable  # those are on a list of their own
    assert all(number in text_of(admin_client.get("/admin/orders/unreadablerecord/")) for number in unreadable)


def test_an_order_that_is_cancelled_here_and_lives_there_is_found(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order(MUG)
    manage("run", "all")
    Order.objects.update(status=Order.Status.CANCELLED)
    reconciled(manage)
    assert "Void it in Gecko." in text_of(admin_client.get(reverse(FOUND)))


def found_by(connection: Connection, number: str, bucket: str, **given: Any) -> Reconciliation:
    """A report that says only this."""
    now = timezone.now()
    report = Reconciliation.objects.create(
        connection=connection, since=now - timedelta(days=7), until=now, started_at=now, finished_at=now
    )
    ReconciledOrder.objects.create(report=report, bucket=bucket, number=number, text="is so", **given)
    return report


def left() -> list[str]:
    return [row.number for row in findings.found().order_by("pk")]


def test_a_later_report_of_other_days_hides_nothing(overstock: Connection) -> None:
    found_by(overstock, "A", B.DOUBLED)
    found_by(overstock, "B", B.SENT)
    assert left() == ["A"]
    found_by(overstock, "A", B.UNCHECKED)  # it could not be looked at
    assert left() == ["A"]
    found_by(overstock, "A", B.MISSING_THERE)
    assert [row.bucket for row in findings.found()] == [B.MISSING_THERE]
    found_by(overstock, "A", B.SENT)
    assert left() == []


def test_what_was_asked_for_first_and_read_last_counts(overstock: Connection) -> None:
    asked = found_by(overstock, "A", B.SENT)
    found_by(overstock, "A", B.DOUBLED)
    assert left() == ["A"]
    Reconciliation.objects.filter(pk=asked.pk).update(started_at=timezone.now())
    assert left() == []


def test_what_has_no_number_is_on_the_newest_report_only(overstock: Connection) -> None:
    found_by(overstock, "", B.UNREADABLE)
    assert left() == [""]
    found_by(overstock, "B", B.SENT)
    assert left() == []


def test_what_has_come_in_since_is_missing_no_more(shop: Sandbox, manage: Run, overstock: Connection) -> None:
    number = shop.oasis.add_order(MUG)
    found_by(overstock, number, B.MISSING_HERE, sales_channel="OSTK")
    assert left() == [number]
    manage("run", "pull_orders")
    assert left() == []


def test_the_daily_comparison_reaches_back_to_what_is_not_mended(overstock: Connection) -> None:
    now = timezone.now()
    week, month = timedelta(days=7), timedelta(days=30)
    assert findings.since(overstock, week, month, now) == now - week
    found_by(overstock, "A", B.DOUBLED, created_on_marketplace=now - timedelta(days=20))
    found_by(overstock, "OLD", B.DOUBLED, created_on_marketplace=now - timedelta(days=90))
    assert now - timedelta(days=21) < findings.since(overstock, week, month, now) < now - timedelta(days=20)


def test_what_waits_on_another_worklist_is_not_found_once_more(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    reconciled(manage)
    assert ReconciledOrder.objects.get().mend == "listed"
    assert worklists.tallies()["found"].number == 0
