"""A wrong environment stops the start with the name, the problem and a hint, and never the value."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment

ROOT = Path(__file__).resolve().parent.parent
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
GOOD = {"SECRET_KEY": "x1y2z3" * 10, "CREDENTIALS_KEYS": KEY, "DEBUG": "", "DATABASE_URL": "sqlite://:memory:"}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **GOOD, **changes}
    return subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_it_starts_with_a_good_environment() -> None:
    done = start()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("name", "value"), [
    ("SECRET_KEY", ""), ("SECRET_KEY", "short-s3cret"), ("CREDENTIALS_KEYS", ""), ("CREDENTIALS_KEYS", f"{KEY},n0t-a-key"),
    ("DEBUG", "perhaps"), ("DATABASE_URL", "mysql://u:hunter2@h/x"), ("DATABASE_URL", "hunter2"),
    ("REDIS_URL", "hunter2"), ("STALE_AFTER_SECONDS", "soon"), ("STALE_AFTER_SECONDS", "0"), ("RETRY_BASE_SECONDS", "-1"),
    ("CSRF_TRUSTED_ORIGINS", "shop.example"), ("ALERT_WEBHOOK_URL", "hunter2"),
    ("ALERT_WEBHOOK_URL", "http://hooks.example.com/hunter2"), ("SITE_URL", "hunter2"), ("EMAIL_URL", "hunter2"),
    ("PERSONAL_DATA_DAYS", "hunter2"), ("PERSONAL_DATA_DAYS", "-1"),
])  # fmt: skip
def test_a_wrong_value_is_named_and_not_repeated(name: str, value: str) -> None:
    done = start(**{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"Crossdock cannot start: {name} ")
    assert "Hint:" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    for secret in ("s3cret", "n0t-a-key", "hunter2"):
        assert secret not in done.stderr


@pytest.mark.parametrize(("name", "value", "read"), [
    ("LOGIN_FAILURE_LIMIT", "1000000", lambda: environment.number("LOGIN_FAILURE_LIMIT", 5, least=1, most=100)),
    ("TRUSTED_PROXY_COUNT", "one", lambda: environment.number("TRUSTED_PROXY_COUNT", 0, least=0, most=10)),
    ("SESSION_IDLE_SECONDS", "5", lambda: environment.seconds("SESSION_IDLE_SECONDS", 7200, least=60)),
    ("REQUIRE_SECOND_FACTOR", "Viewer,hunter2", lambda: environment.chosen("REQUIRE_SECOND_FACTOR", ("Viewer",))),
    ("EMAIL_FROM", "hunter2", environment.sender),
    ("ALERT_WEBHOOK_URL", "https://hooks.example.com:x/", lambda: environment.webhook("ALERT_WEBHOOK_URL", secure=True)),
    ("ALLOWED_HOSTS", "https://hunter2", lambda: environment.hosts("ALLOWED_HOSTS", "localhost")),
    ("ALLOWED_HOSTS", "hunter2:8000", lambda: environment.hosts("ALLOWED_HOSTS", "localhost")),
    ("ALERT_RECIPIENTS", "hunter2", lambda: environment.recipients("ALERT_RECIPIENTS")),
    ("CSRF_TRUSTED_ORIGINS", "https://hunter2/admin", environment.origins),
    ("ALERT_WEBHOOK_URL", "HTTP://hooks.example.com/x", lambda: environment.webhook("ALERT_WEBHOOK_URL", secure=True)),
])  # fmt: skip
def test_a_wrong_value_of_access_and_alerts_is_named_too(
    name: str, value: str, read: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} .*Hint: ") as caught:
        read()
    assert value not in str(caught.value)


def test_what_can_only_be_meant_one_way_is_taken_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSRF_TRUSTED_ORIGINS", "https://crossdock.example.com/,https://*.example.com")
    assert environment.origins() == ["https://crossdock.example.com", "https://*.example.com"]
    monkeypatch.setenv("ALLOWED_HOSTS", "")
    assert environment.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1") == ["localhost", "127.0.0.1"]
    monkeypatch.setenv("ALLOWED_HOSTS", ".example.com,[::1]")
    assert environment.hosts("ALLOWED_HOSTS", "localhost") == [".example.com", "[::1]"]


def test_it_starts_with_redis_as_its_queue() -> None:
    assert start(REDIS_URL="redis://127.0.0.1:6379/0").stderr == ""


def test_debug_needs_no_keys() -> None:
    assert start(DEBUG="on", SECRET_KEY="", CREDENTIALS_KEYS="").returncode == 0


def test_a_web_hook_that_no_alert_could_be_posted_to_stops_the_start_also_in_debug() -> None:
    hook = "http://127.0.0.1:9000/alerts"
    assert "ALERT_WEBHOOK_URL is not an https address" in start(DEBUG="on", ALERT_WEBHOOK_URL=hook).stderr
    assert start(DEBUG="on", ALLOW_CUSTOM_ENDPOINTS="on", ALERT_WEBHOOK_URL=hook).returncode == 0


def test_recipients_whom_no_mail_can_reach_are_warned_of() -> None:
    done = start(ALERT_RECIPIENTS="ops@example.com")
    assert done.returncode == 0
    assert "ALERT_RECIPIENTS is set, but no mail can leave" in done.stderr
