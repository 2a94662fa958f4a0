"""A sandbox of both systems over real HTTP, with the two connections and a live route to it."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.management import call_command

from bench.installation import set_up
from integrations.models import Connection, Exchange, Route
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from integrations.warehouse_facts import AccountCurrencies

Run = Callable[..., str]

hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Passwords that are hashed slowly and garbage that is looked for often are most of a short test's time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    gc.set_threshold(100_000)


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


@pytest.fixture
def shop(db: None, box: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, connected as staff would do it, with a live route."""
    monkeypatch.setenv("OASIS_PASSWORD", box.oasis.password)
    monkeypatch.setenv("GECKO_TOKEN", box.tradegecko.token)
    for command in set_up(box):
        manage(*command)
    _forget_the_check(box)
    return box


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
