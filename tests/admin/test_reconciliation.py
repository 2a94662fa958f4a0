"""Reports of the comparison of both sides: asked for, read, filtered, exported, and only by who may."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any
from unittest.mock import ANY

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from orders import tasks
from orders.models import Order, ReconciledOrder, Reconciliation, WarehouseSubmission
from tests.orders.world import placed

Run = Callable[..., str]
B = ReconciledOrder.Bucket
ASK = "admin:orders_reconciliation_reconcile"
UGLY = '<script>alert("x")</script>' + "Ω" * 100


def page(report: Reconciliation, **query: str) -> tuple[str, dict[str, str]]:
    return reverse("admin:orders_reconciliation_change", args=[report.pk]), query


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def cells(answer: Any) -> list[list[str]]:
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(StringIO(content)))


@pytest.fixture
def report(overstock: Connection) -> Reconciliation:
    """Ten thousand orders, ugly ones among them."""
    now = timezone.now()
    made = Reconciliation.objects.create(
        connection=overstock, since=now - timedelta(days=7), until=now, started_at=now, finished_at=now,
        is_complete=True, counts={"sent": 9_850, "gone": 150},
        read={"marketplace": 9_850, "here": 10_000, "warehouse": 9_850, "parcels": 0, "calls": 87, "quantities": None},
    )  # fmt: skip
    ReconciledOrder.objects.bulk_create(
        ReconciledOrder(report=made, bucket=B.GONE if place < 150 else B.SENT, number=f"7001{place:05d}",
                        text="is no longer shown" if place < 150 else "", action="Look for it" if place < 150 else "",
                        mend="order" if place < 150 else "")
        for place in range(10_000)
    )  # fmt: skip
    return made


def test_a_period_is_asked_for_and_made_in_the_background(
    shop: Sandbox, manage: Run, overstock: Connection, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.void(placed(shop, number))
    today = timezone.now().date()
    asked = text_of(admin_client.get(reverse(ASK)))
    assert "nothing is mended" in asked
    assert f'value="{today - timedelta(days=7)}"' in asked

    answer = admin_client.post(
        reverse(ASK), {"connection": overstock.pk, "first": today - timedelta(days=1), "last": today}, follow=True
    )
    assert "as soon as a worker is free" in text_of(answer)
    report = Reconciliation.objects.get()
    assert str(report.asked_by) == "admin"
    assert "Waiting" in text_of(answer)
    assert "A worker makes this report" in text_of(admin_client.get(*page(report)))
    queued = OrmQ.objects.latest("pk")
    assert (queued.func(), queued.args()) == ("orders.tasks.reconcile", (overstock.pk, ANY, "asked"))

    tasks.reconcile(*queued.args())
    shown = text_of(admin_client.get(*page(report)))
    assert "Was sent, but Gecko no longer holds it (it is void there)" in shown
    assert reverse("admin:orders_order_change", args=[Order.objects.get().pk]) in shown
    assert "Exceptions" in text_of(admin_client.get(reverse("admin:orders_reconciliation_changelist")))


@pytest.mark.parametrize(("first", "last", "said"), [
    ("2026-01-02", "2026-01-01", "lies before"), ("2020-01-01", "2026-01-01", "longer than"),
    ("2999-01-01", "2999-01-01", "future"), ("", "2026-01-01", "required"), ("soon", "2026-01-01", "valid date"),
])  # fmt: skip
def test_days_that_cannot_be_compared_are_refused_on_the_form(
    overstock: Connection, admin_client: Client, first: str, last: str, said: str
) -> None:
    answer = admin_client.post(reverse(ASK), {"connection": overstock.pk, "first": first, "last": last})
    assert said in text_of(answer)
    assert not Reconciliation.objects.exists()


def test_a_stopped_marketplace_is_not_waited_for(overstock: Connection, admin_client: Client) -> None:
    overstock.note_health(Connection.Health.STOPPED, "refused")
    day = str(timezone.now().date())
    answer = admin_client.post(reverse(ASK), {"connection": overstock.pk, "first": day, "last": day})
    assert "is stopped: test it first" in text_of(answer)


def test_ten_thousand_orders_are_one_sum_and_a_hundred_rows(
    report: Reconciliation, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(15):
        answer = admin_client.get(*page(report))
    assert sum(one.number for one in answer.context["counts"]) == report.total == 10_000
    assert (len(answer.context["rows"]), answer.context["page"].paginator.count) == (100, 150)
    assert "10,000" in text_of(answer)
    second = admin_client.get(*page(report, page="2"))
    assert len(second.context["rows"]) == 50
    assert len(admin_client.get(*page(report, bucket="all", page="100")).context["rows"]) == 100
    [found] = admin_client.get(*page(report, bucket="all", q="700109999")).context["rows"]
    assert found.row.bucket == "sent"
    for odd in ({"bucket": "nonsense"}, {"page": "x"}, {"q": "%'\";--"}):
        assert admin_client.get(*page(report, **odd)).status_code == 200


def test_the_export_has_every_order_once(report: Reconciliation, admin_client: Client) -> None:
    header, *rows = cells(admin_client.get(reverse("admin:orders_reconciliation_csv", args=[report.pk])))
    assert header[:3] == ["bucket", "order", "sales_channel"]
    assert len(rows) == len({row[1] for row in rows}) == 10_000


def test_an_empty_report_says_so(overstock: Connection, manage: Run, admin_client: Client) -> None:
    manage("run", "reconcile")
    shown = text_of(admin_client.get(*page(Reconciliation.objects.get())))
    assert "Nothing: every order is where it should be." in shown
    assert "Not compared: Overstock is not asked" in shown


def test_ugly_texts_are_shown_and_exported_harmlessly(report: Reconciliation, admin_client: Client) -> None:
    ReconciledOrder.objects.filter(bucket=B.GONE).update(text=UGLY, number='=HYPERLINK("x")', action="+1")
    answer = admin_client.get(*page(report))
    assert "<script>alert" not in answer.content.decode()
    [first, *_] = cells(admin_client.get(reverse("admin:orders_reconciliation_csv", args=[report.pk])))[1:]
    assert (first[1], first[8]) == ('\'=HYPERLINK("x")', "'+1")


def test_who_may_look_sees_the_report_and_asks_for_none(report: Reconciliation, client: Client) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    client.force_login(user)
    everything = [reverse("admin:orders_reconciliation_csv", args=[report.pk]), page(report)[0]]
    assert [client.get(address).status_code for address in everything] == [403, 403]
    user.user_permissions.add(Permission.objects.get(codename="view_reconciliation"))
    assert [client.get(address).status_code for address in everything] == [200, 200]
    listed = client.get(reverse("admin:orders_reconciliation_changelist"))
    assert reverse(ASK) not in text_of(listed)
    assert client.get(reverse(ASK)).status_code == 403
    assert client.post(reverse(ASK), {}).status_code == 403
    assert client.get(reverse("admin:orders_reconciliation_csv", args=[report.pk + 1])).status_code == 404


WAYS = {
    "order": "/admin/orders/order/{order}/change/", "retry": "/admin/orders/order/{order}/retry",
    "route": "/admin/integrations/route/{route}/change/", "read_again": "{market}/run-now/?job=revisit_orders",
    "submit": "{warehouse}/run-now/?job=submit_orders", "pull": "{warehouse}/run-now/?job=pull_shipments",
    "confirm": "{market}/run-now/?job=confirm_shipments", "connection": "{warehouse}/change/",
    "record": "/admin/orders/unreadablerecord/?state=all&q=", "backfill": "", "listed": "/admin/orders/order/{order}/change/",
}  # fmt: skip


def test_each_way_to_mend_leads_to_a_page(shop: Sandbox, manage: Run, gecko: Connection, admin_client: Client) -> None:
    assert set(WAYS) == set(ReconciledOrder.Mend.values)
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    manage("run", "reconcile")
    [row], order = ReconciledOrder.objects.all(), Order.objects.get()
    WarehouseSubmission.objects.update(status="parked")
    connections = "/admin/integrations/connection/"
    ids = {"order": order.pk, "route": order.route_id, "market": f"{connections}{order.connection_id}",
           "warehouse": f"{connections}{gecko.pk}"}  # fmt: skip
    for mend, address in WAYS.items():
        ReconciledOrder.objects.filter(pk=row.pk).update(bucket=B.GONE, mend=mend)
        [shown] = admin_client.get(*page(row.report)).context["rows"]
        assert shown.url.startswith(address.format(**ids))
        if shown.url:
            assert admin_client.get(shown.url).status_code == 200
