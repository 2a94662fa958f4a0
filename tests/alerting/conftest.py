"""A connection that stopped, somebody to tell, and a web-hook that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.models import Connection
from orders.models import AlertSettings
from tests.loopback import Loopback, loopback


@pytest.fixture
def how(db: None, settings: Any) -> AlertSettings:
    """Told by e-mail, at once, and of what ends; nothing is waited for."""
    settings.SITE_URL = "https://crossdock.example.com"
    settings.ALERT_RECIPIENTS = ["ops@example.com"]
    return AlertSettings.current()


@pytest.fixture
def stopped(how: AlertSettings) -> Connection:
    return Connection.objects.create(
        name="Gecko", provider="tradegecko", health="stopped", health_message="token refused"
    )  # fmt: skip


@pytest.fixture
def hook() -> Iterator[Loopback]:
    with loopback() as server:
        yield server
