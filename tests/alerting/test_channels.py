"""What a mail server and a web-hook may do to a message: it is sent again, given up, or taken, and no secret gets out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from smtplib import SMTPAuthenticationError, SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from integrations.models import Connection
from orders.alerting import channels, delivering, watch
from orders.models import Alert, AlertDelivery, AlertSettings
from tests.loopback import Loopback

PATH = "/services/T0001/B0002/s3cret-s3cret-s3cret"


@pytest.fixture
def told(stopped: Connection, hook: Loopback, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """Only the web-hook is told, of a connection that stopped, and has what is due."""
    settings.ALERT_RECIPIENTS = []
    monkeypatch.setattr(channels, "SECONDS", 0.3)
    how = AlertSettings.current()
    how.set_webhook_url(hook.url + PATH)
    how.looked_at = timezone.now() - timedelta(minutes=1)
    how.save()
    Connection.objects.update(health_message="<!channel> a & b")
    watch.look(by_worker=True)
    return hook


def delivery() -> AlertDelivery:
    return AlertDelivery.objects.get()


def test_a_web_hook_gets_what_slack_shows_and_fields_beside_it(told: Loopback) -> None:
    told.will(200, "ok")
    assert delivering.deliver() == "1 alert sent"
    [asked] = told.asked
    sent, alert = json.loads(asked.body), Alert.objects.get()
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", PATH, "application/json")
    assert "stopped: &lt;!channel&gt; a &amp; b" in sent["text"]
    assert "<" not in sent["text"]
    assert {name: sent[name] for name in ("event", "alert", "kind", "severity", "count")} == {
        "event": "opened", "alert": alert.pk, "kind": "connection", "severity": "critical", "count": 1,
    }  # fmt: skip
    assert sent["title"] == "connection Gecko: stopped: <!channel> a & b"
    assert sent["alert_url"] == f"https://crossdock.example.com/admin/orders/alert/{alert.pk}/change/"
    assert delivery().target == "127.0.0.1"


@pytest.mark.parametrize("answer", ["500", "429", "reset", "slow"])
def test_what_gets_no_clear_answer_is_sent_again_with_the_same_identity(
    told: Loopback, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if answer == "reset":
        told.answers.append(None)
    elif answer == "slow":
        told.will(200, "o", Content_Length="99")
    else:
        told.will(int(answer), "later")
    delivering.deliver()
    row = delivery()
    assert row.status == ("unconfirmed" if answer in ("reset", "slow") else "pending")
    assert row.last_error
    told.answers.clear()
    told.will(204)
    AlertDelivery.objects.update(not_before=None)
    delivering.deliver()
    assert delivery().status == "accepted"
    first, second = told.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == delivery().identity


def test_a_redirect_is_not_followed_and_a_clear_no_is_for_a_person(told: Loopback) -> None:
    told.will(302, Location=f"{told.url}/elsewhere")
    delivering.deliver()
    assert "redirect" in delivery().last_error
    assert [asked.path for asked in told.asked] == [PATH]
    told.answers.clear()
    told.will(404, "no_service")
    AlertDelivery.objects.update(not_before=None)
    delivering.deliver()
    assert (delivery().status, delivery().last_error) == ("parked", "127.0.0.1 answered HTTP 404: no_service")


def test_the_address_gets_into_no_error_and_no_log(told: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    for status, body in ((403, f"bad token {PATH.rpartition('/')[2]} of {told.url}{PATH}"), (302, "")):
        told.answers.clear()
        told.will(status, body)
        AlertDelivery.objects.update(not_before=None, status="pending")
        delivering.deliver()
        assert "s3cret" not in delivery().last_error
        assert delivery().last_error
    assert "s3cret" not in caplog.text + delivery().text


def test_a_channel_that_fails_is_left_alone_until_the_next_time(told: Loopback) -> None:
    for place in range(3):
        Connection.objects.create(name=f"C{place}", provider="tradegecko", health="stopped")
    watch.look(by_worker=True)
    told.will(500)
    assert delivering.deliver() == "0 alerts sent; webhook failed, and is tried again"
    assert len(told.asked) == 1


def test_what_fails_again_and_again_is_told_on_the_other_channel(told: Loopback, settings: Any) -> None:
    settings.ALERT_RECIPIENTS = ["ops@example.com"]
    told.will(500)
    for _ in range(3):
        AlertDelivery.objects.update(not_before=None)
        delivering.deliver()
    watch.look(by_worker=True)
    delivering.deliver()
    assert [one.subject for one in mail.outbox] == [
        "[Crossdock] Warning: 1 alert could not be delivered by web-hook: 127.0.0.1 answered HTTP 500: empty"
    ]


def test_a_message_whose_process_died_is_sent_again(told: Loopback) -> None:
    told.will(200)
    assert delivery().claim() == "pending"
    assert not delivering.is_due()
    AlertDelivery.objects.update(claimed_at=timezone.now() - timedelta(hours=1))
    assert delivering.is_due()
    delivering.deliver()
    assert delivery().status == "accepted"


def test_only_https_without_a_password_is_posted_to(settings: Any) -> None:
    settings.ALLOW_CUSTOM_ENDPOINTS = False
    assert channels.problem_with("https://hooks.slack.com/services/x") == ""
    for bad in ("http://hooks.slack.com/x", "https://u:p@h/x", "ftp://h", "https://", "https://h:x/", "nonsense"):
        assert channels.problem_with(bad), bad


class Moody(BaseEmailBackend):
    """A mail server that fails as it is told, at sign-in or after it."""

    at_open: Exception | None = None
    at_send: Exception | None = None

    def open(self) -> bool:
        if Moody.at_open:
            raise Moody.at_open
        return True

    def send_messages(self, email_messages: Any) -> int:
        if Moody.at_send:
            raise Moody.at_send
        return len(email_messages)


@pytest.fixture
def moody(stopped: Connection, settings: Any) -> Iterator[type[Moody]]:
    settings.EMAIL_BACKEND = f"{__name__}.Moody"
    settings.EMAIL_HOST_PASSWORD = "hunter2-hunter2"
    AlertSettings.objects.update(looked_at=timezone.now() - timedelta(minutes=1))
    watch.look(by_worker=True)
    yield Moody
    Moody.at_open = Moody.at_send = None


@pytest.mark.parametrize(
    ("at_open", "at_send", "status"),
    [
        (ConnectionRefusedError("refused"), None, "pending"),
        (SMTPAuthenticationError(535, b"not hunter2-hunter2"), None, "pending"),
        (None, SMTPRecipientsRefused({"ops@example.com": (450, b"greylisted")}), "pending"),
        (None, SMTPRecipientsRefused({"ops@example.com": (550, b"unknown")}), "parked"),
        (None, SMTPDataError(554, b"spam"), "parked"),
        (None, SMTPServerDisconnected("gone"), "unconfirmed"),
        (None, TimeoutError("timed out"), "unconfirmed"),
        (None, None, "accepted"),
    ],
)
def test_what_a_mail_server_says_decides_what_happens(
    moody: type[Moody], at_open: Exception | None, at_send: Exception | None, status: str
) -> None:
    moody.at_open, moody.at_send = at_open, at_send
    delivering.deliver()
    assert delivery().status == status
    assert "hunter2" not in delivery().last_error


def test_a_test_says_at_once_how_each_channel_took_it_and_is_not_repeated(told: Loopback, settings: Any) -> None:
    settings.ALERT_RECIPIENTS = ["ops@example.com"]
    told.will(500)
    rows = delivering.send_test(AlertSettings.current())
    assert {row.channel: row.status for row in rows} == {"email": "accepted", "webhook": "parked"}
    assert [one.subject for one in mail.outbox] == ["[Crossdock] Test"]
    assert {row.number for row in delivering.send_test(AlertSettings.current())} == {2}


@dataclass
class Relay:
    """A mail server that does not know one of the recipients."""

    port: int = 0
    took: list[str] = field(default_factory=list)


@contextmanager
def relay(unknown: str) -> Iterator[Relay]:
    state = Relay()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            to = ""
            self.wfile.write(b"220 here\r\n")
            for line in iter(self.rfile.readline, b""):
                command, said = line.decode().strip(), "250 ok"
                if command.upper().startswith("RCPT TO:"):
                    to = command[9:].strip("<>")
                    said = "550 unknown" if to == unknown else said
                elif command.upper() == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    state.took.append(to)
                self.wfile.write(f"{said}\r\n".encode())

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, state.port = True, server.server_address[1]
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield state
        server.shutdown()


def test_a_recipient_whom_the_mail_server_does_not_know_is_named_and_the_others_are_told(
    stopped: Connection, settings: Any
) -> None:
    settings.ALERT_RECIPIENTS = ["ops@example.com", "gone@example.com", "boss@example.com"]
    with relay(unknown="gone@example.com") as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        [row] = delivering.send_test(AlertSettings.current())
    assert server.took == ["ops@example.com", "boss@example.com"]
    assert row.status == "parked"
    assert "gone@example.com: 550" in row.last_error
    assert "the other recipients were told" in row.last_error
