"""Whoever looks from outside learns that something critical is wrong, also when no worker is left to tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import CommandError
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule, Task

from integrations.models import Connection
from orders.models import Alert, AlertSettings

Run = Callable[..., str]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def working(how: AlertSettings) -> None:
    """A worker was here a moment ago, and has looked."""
    at = timezone.now()
    Schedule.objects.update(next_run=at + MINUTE)
    Task.objects.create(
        id="t", name="dispatch", func="integrations.dispatch.dispatch", started=at, stopped=at, success=True
    )  # fmt: skip
    AlertSettings.objects.update(looked_at=at)


def deep(client: Client) -> tuple[int, str]:
    answer = client.get("/healthz/deep")
    return answer.status_code, answer.content.decode()


def test_all_is_well(working: None, client: Client) -> None:
    assert deep(client) == (200, "ok")


def test_what_is_critical_is_a_503_that_names_no_record_and_what_is_muted_is_not(working: None, client: Client) -> None:
    Alert.objects.create(kind="connection", severity="critical", text="Gecko: token refused")
    Alert.objects.create(kind="held", severity="warning", text="2 orders wait")
    assert deep(client) == (503, "Connection in trouble")
    Alert.objects.update(muted_until=timezone.now() + MINUTE)
    assert deep(client) == (200, "ok")


def test_without_a_worker_it_says_so_by_itself(working: None, client: Client) -> None:
    Schedule.objects.update(next_run=timezone.now() - 9 * MINUTE)
    AlertSettings.objects.update(looked_at=timezone.now() - 9 * MINUTE)
    assert deep(client) == (503, "No worker\nNobody has looked for alerts for minutes")
    assert client.get("/healthz").status_code == 200


def test_the_command_tells_without_any_worker_that_none_is_there(how: AlertSettings, manage: Run) -> None:
    Schedule.objects.update(next_run=timezone.now() - 9 * MINUTE)
    with pytest.raises(CommandError, match="critical: no worker has been seen for"):
        manage("alert")
    [sent] = mail.outbox
    assert sent.subject.startswith("[Crossdock] Critical: no worker has been seen for")


def test_the_command_is_content_when_nothing_critical_is_open(working: None, manage: Run) -> None:
    Connection.objects.create(name="Gecko", provider="tradegecko", health="troubled", health_message="slow")
    assert "WARNING connection Gecko: in trouble: slow" in manage("alert")


def test_the_command_sends_a_test(how: AlertSettings, manage: Run) -> None:
    assert manage("alert", "--test") == "E-mail to ops@example.com: sent\n"


def test_the_command_says_what_to_do_when_nobody_can_be_told(how: AlertSettings, manage: Run, settings: object) -> None:
    settings.ALERT_RECIPIENTS = []  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="no channel is set up: enter recipients"):
        manage("alert", "--test")
