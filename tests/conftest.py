"""A sandbox of both systems over real HTTP, with the two connections and a live route to it."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from copy import copy
from datetime import datetime, timedelta
from io import StringIO
from threading import Lock
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from bench.installation import set_up
from integrations.models import Connection, Exchange, JobPlan, Route
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from integrations.warehouse_facts import AccountCurrencies

Run = Callable[..., str]
Connected = tuple[datetime, list[list[Model]]]
MINUTES_OF_A_DAY = 24 * 60
CONNECTED: tuple[type[Model], ...] = (Connection, Route, Route.history.model, JobPlan)

hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Passwords that are hashed slowly and garbage that is looked for often are most of a short test's time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    gc.set_threshold(100_000)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several examples that each need a connected shop, the first is quick; `WHOLE=1` tries all."""
    for item in items:
        example: Any = getattr(item, "callspec", None)
        if example and any(example.indices.values()) and "shop" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def manage() -> Run:
    """Run a management command; its standard output."""

    def run(*args: str) -> str:
        out = StringIO()
        call_command(*args, stdout=out, stderr=StringIO())
        return out.getvalue()

    return run


@pytest.fixture(scope="session")
def connected(django_db_setup: None, django_db_blocker: Any) -> Connected:
    """What the commands store by which staff would connect the sandbox, from one time that they were run."""
    with django_db_blocker.unblock(), Sandbox() as box, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OASIS_PASSWORD", box.oasis.password)
        environment.setenv("GECKO_TOKEN", box.tradegecko.token)
        with transaction.atomic():
            for command in set_up(box):
                call_command(*command, stdout=StringIO())
            _forget_the_check(box)
            Route.objects.update(cancels_after_sending=Route.CancelsAfter.ASK)  # who wants it done says so
            Connection.objects.update(recent_slice_minutes=MINUTES_OF_A_DAY)  # three requests for a first pull, not 26
            stored = [list(model._default_manager.order_by("pk")) for model in CONNECTED]
            transaction.set_rollback(True)
    return timezone.now(), stored


@pytest.fixture
def shop(db: None, connected: Connected, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, connected as staff would do it just now, with a live route."""
    monkeypatch.setenv("OASIS_PASSWORD", box.oasis.password)
    monkeypatch.setenv("GECKO_TOKEN", box.tradegecko.token)
    then, stored = connected
    urls = {"supplier_oasis": box.oasis_url, "tradegecko": box.tradegecko_url}
    for model, rows in zip(CONNECTED, stored, strict=True):
        model._default_manager.bulk_create(_now(copy(row), timezone.now() - then, urls) for row in rows)
    _past_what_was_inserted()
    return box


def _now(row: Model, since: timedelta, urls: dict[str, str]) -> Model:
    """The row as if it had been stored now, for the sandbox that is served now."""
    for field in row._meta.concrete_fields:
        if isinstance(at := getattr(row, field.attname), datetime):
            setattr(row, field.attname, at + since)
    if isinstance(row, Connection):
        row.base_url = urls[row.provider]
    return row


def _past_what_was_inserted() -> None:
    """PostgreSQL numbers new rows on from these, as if it had numbered them itself."""
    for statement in connection.ops.sequence_reset_sql(no_style(), [*CONNECTED]):
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _forget_the_check(box: Sandbox) -> None:
    """The day begins as if nobody had asked the warehouse yet what the route names."""
    Route.objects.update(location_id="", company_id="")
    for model in (AccountCurrencies, RateWindow, Exchange):
        model._default_manager.all().delete()
    box.log.clear()


@pytest.fixture
def route(shop: Sandbox) -> Route:
    return Route.objects.get(name="Main")


@pytest.fixture
def overstock(shop: Sandbox) -> Connection:
    return Connection.objects.get(name="Overstock")


@pytest.fixture
def gecko(shop: Sandbox) -> Connection:
    return Connection.objects.get(name="Gecko")


@pytest.fixture
def told(manage: Run) -> Callable[[str], dict[str, Any]]:
    """`order NUMBER --json`, parsed."""

    def ask(number: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(manage("order", number, "--json"))
        return found

    return ask


@pytest.fixture(autouse=True)
def one_request_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads of the server share one connection to a SQLite in memory, at which two may wait for each other.

    The one is in a function of Python that the database calls, the other waits for the database and lets no Python run.
    """
    if connection.vendor != "sqlite":
        return
    answer, turn = WSGIHandler.__call__, Lock()

    def in_turn(handler: WSGIHandler, *request: Any) -> Any:
        with turn:
            return answer(handler, *request)

    monkeypatch.setattr(WSGIHandler, "__call__", in_turn)
