"""Signing in: who tries passwords is locked out, a sign-in ends, and browsers are told what pages may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from config.lockout import address_of
from integrations.models import Connection
from integrations.oauth_grant import OAuthGrant

LOGIN, START = "/admin/login/", "/admin/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_hashes(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def clerk() -> User:
    return User.objects.create_user("clerk", password="a-good-password", is_staff=True)


def sign_in(client: Client, password: str, address: str = "192.0.2.1", name: str = "clerk") -> Any:
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)


def test_after_five_wrong_passwords_the_right_one_is_refused_too_until_the_lock_ends(
    clerk: User, client: Client
) -> None:
    with time_machine.travel("2026-03-01 10:00", tick=False) as clock:
        assert [sign_in(client, "wrong").status_code for _ in range(5)] == [200, 200, 200, 200, 429]
        refused = sign_in(client, "a-good-password")
        assert (refused.status_code, refused["Retry-After"]) == (429, "900")
        assert "Wait 15 minutes" in refused.content.decode()
        clock.shift(timedelta(minutes=14))
        assert sign_in(client, "a-good-password").status_code == 429  # and trying does not make it longer
        clock.shift(timedelta(minutes=2))
        assert sign_in(client, "a-good-password").status_code == 302


def test_nobody_is_locked_out_by_somebody_elsewhere(clerk: User, client: Client) -> None:
    for _ in range(6):
        sign_in(client, "wrong", "198.51.100.7")
    assert sign_in(client, "a-good-password", "192.0.2.1").status_code == 302


def test_the_page_says_the_same_of_a_user_that_does_not_exist(clerk: User, client: Client) -> None:
    pages = {
        name: [sign_in(client, "wrong", name=name) for _ in range(5)][-1].content.decode()
        for name in ("clerk", "no-one")
    }
    assert "Signing in is locked" in pages["clerk"]
    assert pages["clerk"] == pages["no-one"]


def test_an_administrator_unlocks_and_it_is_on_record(clerk: User, client: Client) -> None:
    for _ in range(5):
        sign_in(client, "wrong")
    boss = User.objects.create_user("boss", is_staff=True)
    boss.groups.add(Group.objects.get(name="Administrator"))
    desk = Client()
    desk.force_login(boss)
    assert "Locked" in desk.get(reverse("admin:axes_accessattempt_changelist")).content.decode()
    attempt = AccessAttempt.objects.get()
    desk.post(reverse("admin:axes_accessattempt_unlock", args=[attempt.pk]))
    assert sign_in(client, "a-good-password").status_code == 302
    assert LogEntry.objects.get().change_message == "clerk from 192.0.2.1 is unlocked"


@pytest.mark.parametrize(("proxies", "forwarded", "address"), [
    (0, "203.0.113.9", "10.0.0.1"), (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"), (2, "203.0.113.9, 10.0.0.2", "203.0.113.9"),
    (1, "", "10.0.0.1"), (2, "203.0.113.9", "10.0.0.1"), (1, "'; drop", "10.0.0.1"), (1, "2001:db8::1", "2001:db8::1"),
])  # fmt: skip
def test_the_address_is_what_the_trusted_proxies_saw(
    proxies: int, forwarded: str, address: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")) == address


def test_a_sign_in_ends_after_two_hours_without_use_and_says_so(clerk: User, client: Client) -> None:
    with time_machine.travel("2026-03-01 10:00", tick=False) as clock:
        client.force_login(clerk)
        for _ in range(3):
            clock.shift(timedelta(minutes=90))
            assert client.get(START).status_code == 200
        clock.shift(timedelta(minutes=121))
        answer = client.get(START, follow=True)
        assert answer.redirect_chain[-1][0] == f"{LOGIN}?next={START}"
        assert "You were signed out after 2 hours without use" in answer.content.decode()


def test_a_page_left_open_keeps_nobody_signed_in_and_is_loaded_anew_then(clerk: User, client: Client) -> None:
    fetched, part = {"HX-Request": "true"}, reverse("admin:start_jobs")
    clerk.groups.add(Group.objects.get(name="Viewer"))
    with time_machine.travel("2026-03-01 10:00", tick=False) as clock:
        client.force_login(clerk)
        client.get(START)
        clock.shift(timedelta(minutes=119))
        assert client.get(part, headers=fetched).status_code == 200
        clock.shift(timedelta(minutes=2))
        for _ in range(2):  # also by another part, once nobody is signed in
            answer = client.get(part, headers=fetched)
            assert (answer.status_code, answer.headers["HX-Refresh"], answer.content) == (204, "true", b"")
        page = client.get(START, follow=True).content.decode()
        assert "You were signed out after 2 hours without use" in page


def test_a_sign_in_ends_twelve_hours_after_it_began_however_busy(clerk: User, client: Client) -> None:
    with time_machine.travel("2026-03-01 06:00", tick=False) as clock:
        client.force_login(clerk)
        answers = []
        for _ in range(13):
            answers.append(client.get(START).status_code)
            clock.shift(timedelta(minutes=61))
        assert answers == [200] * 12 + [302]


def test_a_new_password_ends_the_sign_ins_elsewhere(clerk: User, client: Client) -> None:
    other = Client()
    for one in (client, other):
        one.force_login(clerk)
    given = {
        "old_password": "a-good-password",
        "new_password1": "another-g00d-one",
        "new_password2": "another-g00d-one",
    }
    assert client.post(reverse("admin:password_change"), given).status_code == 302
    assert (client.get(START).status_code, other.get(START).status_code) == (200, 302)
    assert LogEntry.objects.get().change_message == "Changed their password"


def test_every_answer_carries_the_policies(client: Client) -> None:
    for address in (LOGIN, "/nowhere", "/healthz"):
        headers = client.get(address).headers
        assert "script-src 'self' 'unsafe-eval';" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "camera=()" in headers["Permissions-Policy"]
        assert (headers["Referrer-Policy"], headers["X-Frame-Options"]) == ("same-origin", "DENY")


def test_the_page_that_authorizes_a_connection_may_send_the_browser_there_and_no_other_page_may(
    admin_client: Client,
) -> None:
    connection = Connection.objects.create(name="Gecko", provider="tradegecko")
    OAuthGrant.objects.create(connection=connection, application="a")
    policies = [
        admin_client.get(reverse(f"admin:integrations_connection_{page}", args=[connection.pk])).headers["Content-Security-Policy"]
        for page in ("authorize", "test")
    ]  # fmt: skip
    allowed = [dict(part.split(" ", 1) for part in policy.split("; "))["form-action"] for policy in policies]
    assert allowed == ["'self' https: https://api.tradegecko.com", "'self'"]
