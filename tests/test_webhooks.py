"""TradeGecko tells what changed, and is believed so much and no more (tradegecko 3.17, 5.11)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from integrations import sign_in
from integrations.models import Connection, JobPlan, SyncRun
from integrations.oauth_grant import OAuthGrant
from integrations.sandbox.gecko_webhooks import signature
from integrations.sandbox.server import Sandbox
from tests.admin.pages import address_of

SECRET = "sim-application-secret"
CONTRACT = (
    b'{"object_id":660001,"event":"fulfillment.create","timestamp":1633075200,'
    b'"resource_url":"https://api.tradegecko.com/fulfillments/660001.json","order_id":440001}'
)


@pytest.fixture
def app(db: None) -> Connection:
    """A connection with an application, not more: nothing of what is told asks the other side."""
    connection = Connection.objects.create(name="Gecko", provider="tradegecko")
    sign_in.as_application(connection, "app", SECRET)
    for job in ("pull_shipments", "refresh_levels"):
        JobPlan.objects.create(connection=connection, job=job, every_minutes=60, next_run_at=in_an_hour())
    return connection


def in_an_hour() -> Any:
    return timezone.now() + timedelta(hours=1)


def tell(connection: Connection, body: bytes, secret: str = SECRET, **headers: str) -> tuple[int, str]:
    """What TradeGecko is answered; a client without a session, which also lacks the token of a form."""
    signed = {"X-Gecko-Signature": signature(secret, body), **headers}
    answer = Client(enforce_csrf_checks=True).post(
        reverse("webhooks", args=["tradegecko", connection.pk]), body, "application/json", headers=signed
    )
    assert not answer.cookies
    return answer.status_code, answer.content.decode()


def queued() -> list[str]:
    return sorted(row.task["name"].partition(":")[0] for row in OrmQ.objects.all())


def work_off() -> list[str]:
    """Do what waits in the queue, and what that enqueues, as a worker would; the jobs in their order."""
    done = []
    while row := OrmQ.objects.order_by("pk").first():
        task = row.task
        row.delete()
        import_string(task["func"])(*task["args"])
        done.append(task["func"].rpartition(".")[2])
    return done


def deliveries_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "webhook":
            thread.join(timeout=20)


@pytest.mark.parametrize(("body", "jobs"), [
    (CONTRACT, ["pull_shipments"]), (b'{"event":"fulfillment.fulfilled"}', ["pull_shipments"]),
    (b'{"event":"fulfillments.create"}', ["pull_shipments"]), (b'{"fulfillment":{"id":1}}', ["pull_shipments"]),
    (b'{"event":"variant.stock_level_update"}', ["refresh_levels"]),
    (b'{"event":"order.fulfilled"}', []), (b'{"event":"fulfillment_return.create"}', []), (b'{"event":7}', []),
    (b"[]", []), (b"", []), (b"\xff", []), (b"[" * 60_000, []),
])  # fmt: skip
def test_what_is_told_has_the_job_run_that_reads_it(app: Connection, body: bytes, jobs: list[str]) -> None:
    assert tell(app, body) == (200, "")
    assert queued() == jobs


def test_the_signature_is_that_of_the_contract(app: Connection) -> None:
    signed = {"X-Gecko-Signature": " 7wuHwWFBcGvvjnQUhelcPbCZc51QXe3k7Q8DS08qXwc=\t"}
    assert tell(app, CONTRACT, **signed)[0] == 200
    assert queued() == ["pull_shipments"]


@pytest.mark.parametrize("signed", ["", "x", "é", signature("another", CONTRACT), signature(SECRET, CONTRACT + b" ")])
def test_a_flood_that_is_not_signed_costs_one_query_each_and_does_nothing(
    app: Connection, signed: str, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        with django_assert_num_queries(1):
            status, text = tell(app, CONTRACT, **{"X-Gecko-Signature": signed})
        assert (status, text) == (403, "This is not signed with the secret of the connection's application.")
    assert queued() == []
    assert OAuthGrant.objects.get().webhook_at is None


def test_a_connection_with_an_access_token_cannot_be_told_anything_and_says_so(db: None) -> None:
    connection = Connection.objects.create(name="Gecko", provider="tradegecko")
    status, text = tell(connection, CONTRACT)
    assert status == 403
    assert "cannot be signed" in text


def test_what_is_too_long_comes_from_nowhere_or_has_no_key_is_refused_and_never_with_410(
    app: Connection, client: Client, settings: Any
) -> None:
    at = reverse("webhooks", args=["tradegecko", app.pk])
    assert tell(app, b"x" * 65_537)[0] == 413
    assert client.get(at).status_code == 405
    for path in (
        f"/hooks/tradegecko/{app.pk + 1}/",
        f"/hooks/supplier_oasis/{app.pk}/",
        f"/hooks/tradegecko/{10**30}/",
    ):
        assert client.post(path, CONTRACT, "application/json").status_code == 404
    settings.CREDENTIALS_KEYS = ["kCqjTgBgDfWpUHtNbrX7hUNvJ1xOWyHGBJTlRWGo8RM="]
    assert tell(app, CONTRACT)[0] == 503
    assert queued() == []


def test_an_address_without_its_last_slash_is_no_redirect_that_would_pass_for_an_answer(
    app: Connection, client: Client
) -> None:
    signed = {"X-Gecko-Signature": signature(SECRET, CONTRACT)}
    path = reverse("webhooks", args=["tradegecko", app.pk]).rstrip("/")
    assert client.post(path, CONTRACT, "application/json", headers=signed).status_code == 200
    assert queued() == ["pull_shipments"]


def test_many_announcements_make_one_task_and_what_comes_while_it_waits_is_looked_for_once_more(
    app: Connection,
) -> None:
    plan = JobPlan.objects.filter(job="pull_shipments")
    for _ in range(20):
        tell(app, CONTRACT)
    assert queued() == ["pull_shipments"]
    assert plan.get().next_run_at <= timezone.now()


def test_a_job_that_ran_just_now_is_due_with_the_next_minute(app: Connection) -> None:
    run = SyncRun.objects.create(connection=app, job="pull_shipments", status="succeeded")
    tell(app, CONTRACT)
    assert queued() == []
    assert JobPlan.objects.get(job="pull_shipments").next_run_at <= timezone.now()
    SyncRun.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(seconds=11))
    tell(app, CONTRACT)
    assert queued() == ["pull_shipments"]


def test_a_task_that_was_lost_keeps_no_later_one_away(app: Connection) -> None:
    JobPlan.objects.update(queued_at=timezone.now() - timedelta(hours=3))
    tell(app, CONTRACT)
    assert queued() == ["pull_shipments"]


def test_a_queue_that_cannot_be_reached_is_no_task_that_waits(app: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("integrations.dispatch.async_task", refuse)
    with pytest.raises(ConnectionError):
        tell(app, CONTRACT)
    monkeypatch.undo()
    tell(app, CONTRACT)
    assert queued() == ["pull_shipments"]


@pytest.mark.parametrize("off", [{"health": "stopped"}, {"is_active": False}])
def test_a_connection_that_is_stopped_or_switched_off_is_left_alone(app: Connection, off: dict[str, Any]) -> None:
    Connection.objects.update(**off)
    assert tell(app, CONTRACT)[0] == 200
    JobPlan.objects.update(is_enabled=False)
    Connection.objects.update(health="working", is_active=True)
    assert tell(app, CONTRACT)[0] == 200
    assert queued() == []


def test_the_page_names_the_address_and_what_is_missing_for_it(
    app: Connection, admin_client: Client, settings: Any
) -> None:
    settings.SITE_URL = ""
    assert "Needs SITE_URL" in page_of(app, admin_client)
    settings.SITE_URL = "https://hub.example"
    page = page_of(app, admin_client)
    assert f"https://hub.example/hooks/tradegecko/{app.pk}/" in page
    assert "None came yet" in page
    tell(app, CONTRACT)
    assert "The last one came <time" in page_of(app, admin_client)
    sign_in.as_application(app, "another", "secret")
    assert "None came yet" in page_of(app, admin_client)
    sign_in.with_secret(app, "token")
    page = page_of(app, admin_client)
    assert "Needs an OAuth application" in page
    assert "/announce" not in page
    market = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    assert "told at once" not in page_of(market, admin_client).lower()


def page_of(connection: Connection, client: Client) -> str:
    return client.get(address_of(connection)).content.decode()


@pytest.fixture
def linked(shop: Sandbox, gecko: Connection, settings: Any) -> Connection:
    """The sandbox's connection, signed in as its application."""
    known = shop.tradegecko.oauth
    sign_in.as_application(gecko, known.client_id, known.client_secret, refresh_token=known.refresh_token)
    settings.SITE_URL = "https://hub.example"
    return gecko


def press(connection: Connection, client: Client) -> str:
    answer: Any = client.post(reverse("admin:integrations_connection_announce", args=[connection.pk]))
    assert answer.status_code == 302
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def test_a_button_enters_the_address_once_however_often_it_is_pressed(
    shop: Sandbox, linked: Connection, admin_client: Client
) -> None:
    assert "/announce" in page_of(linked, admin_client)
    shop.faults.add("tradegecko", "reset_after_apply", path="/webhooks", method="POST")
    press(linked, admin_client)  # the first one's answer got lost
    rows = shop.tradegecko.tables["webhooks"]
    assert len(rows) == 1
    assert "tells Gecko at once" in press(linked, admin_client)
    assert "has told Gecko at once before" in press(linked, admin_client)
    entered = sorted((row["event"], row["address"]) for row in rows.values())
    at = f"https://hub.example/hooks/tradegecko/{linked.pk}/"
    names = ("fulfillment.create", "fulfillment.fulfilled", "variant.stock_level_update")
    assert entered == [(name, at) for name in names]


def test_a_button_says_what_is_missing_and_what_was_refused(
    shop: Sandbox, linked: Connection, admin_client: Client, settings: Any
) -> None:
    shop.faults.add("tradegecko", "403", path="/webhooks")
    assert "403" in press(linked, admin_client)
    settings.SITE_URL = ""
    assert "Needs SITE_URL" in press(linked, admin_client)
    sign_in.with_secret(linked, "token")
    assert "Needs an OAuth application" in press(linked, admin_client)
    assert shop.tradegecko.tables["webhooks"] == {}


@pytest.mark.long
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_parcel_that_leaves_is_told_to_the_marketplace_without_waiting_for_any_schedule(
    live_server: Any, shop: Sandbox, linked: Connection, admin_client: Client,
    settings: Any, manage: Callable[..., str],
) -> None:  # fmt: skip
    settings.SITE_URL = live_server.url
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    press(linked, admin_client)  # not before: on SQLite the server and the run would share one connection at once
    deliveries_end()
    SyncRun.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    OrmQ.objects.all().delete()
    JobPlan.objects.update(queued_at=None, next_run_at=in_an_hour())

    shop.tradegecko.ship(shop.tradegecko.by_reference(number)[0]["id"], tracking="1Z999")
    deliveries_end()

    assert queued() == ["pull_shipments", "refresh_levels"]
    assert {"pull_shipments", "confirm_shipments"} <= set(work_off())
    [(_, parcel)] = shop.oasis.shipments(number)
    assert parcel.tracking_number == "1Z999"
