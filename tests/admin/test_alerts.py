"""The pages of alerts: who may see, mute and test, and that the web-hook's address never comes out."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.crypto import encrypt
from integrations.wording import moment
from orders.models import Alert, AlertDelivery, AlertSettings
from tests.admin.pages import error_texts, opened
from tests.loopback import loopback

SETTINGS = reverse("admin:orders_alertsettings_change", args=[1])
TEST = reverse("admin:orders_alertsettings_send_test", args=[1])
LIST = reverse("admin:orders_alert_changelist")
UGLY = '<script>alert("x")</script>' + "Ω" * 300


@pytest.fixture
def alert(db: None) -> Alert:
    made = Alert.objects.create(kind="connection", key="1", severity="critical", text=UGLY, path="/admin/")
    AlertDelivery.objects.create(alert=made, channel="webhook", what="opened", status="parked", last_error=UGLY)
    return made


def page_of(record: Any, name: str = "change") -> str:
    return reverse(f"admin:orders_{record._meta.model_name}_{name}", args=[record.pk])


def person(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def test_alerts_are_listed_open_ones_first_and_escaped(alert: Alert, admin_client: Client) -> None:
    Alert.objects.create(kind="held", severity="warning", text="is over", closed_at=timezone.now())
    listed = admin_client.get(LIST)
    assert "<script>alert" not in listed.content.decode()
    assert "is over" not in text_of(listed)
    assert "is over" in text_of(admin_client.get(LIST, {"state": "closed"}))
    page = admin_client.get(page_of(alert))
    assert "<script>alert" not in page.content.decode()
    assert "Critical" in text_of(page)
    assert "Parked" in text_of(page)


def test_what_waits_for_the_end_of_the_quiet_hours_is_not_told_yet(alert: Alert, admin_client: Client) -> None:
    Alert.objects.update(told_at=timezone.now())
    until = timezone.now() + timedelta(hours=3)
    AlertDelivery.objects.update(status="pending", not_before=until)
    said = f"waits until {moment(until)}"
    assert said in text_of(admin_client.get(LIST))
    assert said in text_of(admin_client.get(page_of(alert)))
    AlertDelivery.objects.update(status="accepted", not_before=None, sent_at=timezone.now())
    assert said not in text_of(admin_client.get(LIST))


def test_who_has_the_permission_mutes_for_a_while_and_ends_that(alert: Alert, client: Client) -> None:
    clerk = person(client, "view_alert", "mute_alert")
    assert page_of(alert, "mute") in clerk.get(page_of(alert)).content.decode()
    clerk.post(page_of(alert, "mute"), {"hours": "4", "reason": "known"})
    alert.refresh_from_db()
    assert alert.muted_until is not None
    assert timedelta(hours=3) < alert.muted_until - timezone.now() <= timedelta(hours=4)
    assert (str(alert.muted_by), alert.mute_reason) == ("somebody", "known")
    assert "by somebody: known" in text_of(clerk.get(page_of(alert)))
    clerk.post(page_of(alert, "unmute"))
    alert.refresh_from_db()
    assert not alert.is_muted
    assert LogEntry.objects.count() == 2


def test_who_may_only_look_can_neither_mute_nor_send_again_nor_test(alert: Alert, client: Client) -> None:
    row = AlertDelivery.objects.get()
    rights = ("view_alert", "view_alertdelivery", "view_alertsettings")
    viewer = person(client, *rights)
    assert page_of(alert, "mute") not in viewer.get(page_of(alert)).content.decode()
    assert "Retry" not in text_of(viewer.get(page_of(row)))
    assert "Send a test alert" not in text_of(viewer.get(SETTINGS))
    for address in (page_of(alert, "mute"), page_of(alert, "unmute"), page_of(row, "again"), TEST, SETTINGS):
        assert viewer.post(address, {"hours": "4"}).status_code == 403
    viewer.post(LIST, {"action": "mute_many", "_selected_action": [alert.pk]})
    alert.refresh_from_db()
    assert not alert.is_muted
    assert not mail.outbox


def test_who_may_see_nothing_of_it_is_refused(alert: Alert, client: Client) -> None:
    stranger = person(client, "mute_alert", "resend_alertdelivery", "test_alerts")
    for address in (LIST, page_of(alert), page_of(alert, "mute"), page_of(AlertDelivery.objects.get(), "again"), TEST,
                    SETTINGS):  # fmt: skip
        assert stranger.get(address).status_code == 403


def test_the_page_that_mutes_says_what_in_plain_words(alert: Alert, admin_client: Client) -> None:
    for name in ("mute", "unmute"):
        assert "<span" not in text_of(admin_client.get(page_of(alert, name)))


def test_many_are_muted_at_once(alert: Alert, admin_client: Client) -> None:
    admin_client.post(LIST, {"action": "mute_many", "_selected_action": [alert.pk]})
    alert.refresh_from_db()
    assert alert.is_muted


def test_what_was_given_up_is_sent_again(alert: Alert, admin_client: Client) -> None:
    row = AlertDelivery.objects.get()
    admin_client.post(page_of(row, "again"))
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("pending", 0)


def test_the_web_hook_goes_in_and_never_comes_out(admin_client: Client, settings: Any) -> None:
    form = opened(admin_client, SETTINGS)
    assert admin_client.post(SETTINGS, {**form, "webhook_url": "https://hooks.example.com/s3cret"}).status_code == 302
    how = AlertSettings.current()
    assert how.webhook_url == "https://hooks.example.com/s3cret"
    assert "s3cret" not in how.encrypted_webhook_url
    page = admin_client.get(SETTINGS)
    assert "s3cret" not in page.content.decode()
    assert how.encrypted_webhook_url not in page.content.decode()
    assert "web-hook to hooks.example.com" in text_of(page)
    admin_client.post(SETTINGS, {**opened(admin_client, SETTINGS), "recipients": "a@example.com"})
    assert AlertSettings.current().webhook_url
    admin_client.post(SETTINGS, {**opened(admin_client, SETTINGS), "forget_webhook": "on"})
    settings.ALERT_WEBHOOK_URL = ""
    assert AlertSettings.current().webhook_url == ""


def test_kinds_are_switched_off_by_taking_their_tick_away(admin_client: Client) -> None:
    form: dict[str, Any] = opened(admin_client, SETTINGS)
    admin_client.post(SETTINGS, {**form, "told_kinds": ["connection", "workers"]})
    how = AlertSettings.current()
    assert how.mode_of("connection", "critical") == "immediate"
    assert how.mode_of("held", "warning") == "never"


@pytest.mark.parametrize(("name", "value"), [
    ("recipients", "ops@example.com\nnobody"), ("webhook_url", "https://u:p@example.com/x"), ("time_zone", "Mars/Base"),
    ("digest_hour", "24"), ("quiet_from", "22:00"),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_named(name: str, value: str, admin_client: Client) -> None:
    answer = admin_client.post(SETTINGS, {**opened(admin_client, SETTINGS), name: value})
    assert answer.status_code == 200
    assert error_texts(answer).strip()
    assert AlertSettings.current().recipients == ""


def test_a_test_alert_shows_what_each_channel_answered(
    alert: Alert, client: Client, settings: Any
) -> None:  # fmt: skip
    settings.ALERT_RECIPIENTS = ["ops@example.com"]
    boss = person(client, "view_alertsettings", "test_alerts")
    with loopback() as hook:
        hook.will(404, "<b>no_service</b>")
        settings.ALERT_WEBHOOK_URL = f"{hook.url}/s3cret-s3cret"
        answer = boss.post(TEST, follow=True)
    assert "E-mail to ops@example.com: taken" in text_of(answer)
    assert "Web-hook to 127.0.0.1: 127.0.0.1 answered HTTP 404: no_service" in text_of(answer)
    assert "1 of 2 channels took the test" in text_of(answer)
    assert "s3cret" not in answer.content.decode()


def test_the_lists_cost_few_queries(alert: Alert, admin_client: Client, django_assert_max_num_queries: Any) -> None:
    Alert.objects.bulk_create(
        Alert(kind="held", key=str(place), severity="warning", text=f"{place}") for place in range(300)
    )
    for address in (LIST, reverse("admin:orders_alertdelivery_changelist"), page_of(alert), SETTINGS):
        with django_assert_max_num_queries(12):
            assert admin_client.get(address).status_code == 200


def test_a_web_hook_whose_key_is_lost_is_entered_anew(admin_client: Client, settings: Any) -> None:
    AlertSettings.objects.filter(pk=AlertSettings.current().pk).update(
        encrypted_webhook_url=encrypt("https://x.test/x")
    )
    settings.CREDENTIALS_KEYS = [Fernet.generate_key().decode()]
    assert "cannot be decrypted" in text_of(admin_client.get(SETTINGS))
    admin_client.post(SETTINGS, {**opened(admin_client, SETTINGS), "webhook_url": "https://chat.test/new"})
    assert AlertSettings.current().webhook_url == "https://chat.test/new"
