"""The second factor: set up, asked for at every sign-in, replaced by a recovery code, removed by an administrator."""

from __future__ import annotations

import re
import time
from importlib import import_module

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from integrations import second_factor
from integrations.authenticator import AuthenticatorApp, RecoveryCodes

ASK, SET_UP, START = "/admin/second-factor/", "/admin/second-factor/set-up/", "/admin/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    user = User.objects.create_user("clerk", password="a-good-password", is_staff=True)
    user.groups.add(Group.objects.get(name="Operator"))
    return user


@pytest.fixture
def desk(clerk: User, client: Client) -> Client:
    client.force_login(clerk)
    return client


def code_of(user: User) -> str:
    device = AuthenticatorApp.objects.get(user=user)
    app = TOTP(device.bin_key)
    app.time = time.time()
    return f"{app.token():06}"


def set_up(desk: Client, user: User) -> list[str]:
    """By the page; the recovery codes that it shows."""
    assert "<svg" in desk.get(SET_UP).content.decode()
    page = desk.post(SET_UP, {"code": code_of(user)}).content.decode()
    return re.findall(r"<code>([a-z2-7]{8})</code>", page)


def test_who_has_only_the_database_has_no_key_and_no_code(desk: Client, clerk: User, settings: Settings) -> None:
    codes = set_up(desk, clerk)
    app = AuthenticatorApp.objects.get()
    assert app.bin_key.hex() not in (app.key, app.encrypted_key)
    assert not {*codes} & {*StaticToken.objects.values_list("token", flat=True)}


def test_an_old_key_behind_the_new_one_keeps_every_second_factor(desk: Client, clerk: User, settings: Settings) -> None:
    code, old = set_up(desk, clerk)[0], settings.CREDENTIALS_KEYS
    new = Fernet.generate_key().decode()
    settings.CREDENTIALS_KEYS = [new, *old]
    assert second_factor.verify(clerk, code).user == clerk
    assert len(AuthenticatorApp.objects.get().bin_key) == 20
    settings.CREDENTIALS_KEYS = [new]
    with pytest.raises(second_factor.NotVerified, match="CREDENTIALS_KEYS"):
        second_factor.verify(clerk, "123456")


def test_an_app_that_was_set_up_before_keys_were_encrypted_goes_on_working(clerk: User) -> None:
    before = TOTPDevice.objects.create(user=clerk, name="authenticator app")
    codes = StaticDevice.objects.create(user=clerk, name="recovery codes")
    StaticToken.objects.create(device=codes, token="abcd2345")
    migration = import_module("integrations.migrations.0015_encrypted_second_factors")

    migration.encrypt_keys(apps, None)
    migration.print_codes(apps, None)

    after = AuthenticatorApp.objects.get(pk=before.pk)
    assert (after.bin_key, after.user, after.confirmed) == (before.bin_key, clerk, True)
    assert TOTPDevice.objects.get().bin_key != before.bin_key
    assert second_factor.verify(clerk, "abcd-2345").user == clerk

    migration.decrypt_keys(apps, None)
    migration.forget_codes(apps, None)
    assert TOTPDevice.objects.get().bin_key == before.bin_key, "and so they do after going back"
    assert not StaticToken.objects.exists(), "a fingerprint is no code"


def test_without_one_and_without_need_for_one_nothing_is_asked(desk: Client) -> None:
    assert desk.get(START).status_code == 200


def test_who_has_set_it_up_is_asked_at_the_next_sign_in_and_comes_back_to_the_page(desk: Client, clerk: User) -> None:
    with time_machine.travel("2026-03-01 10:00", tick=False) as clock:
        assert len(set_up(desk, clerk)) == 10
        assert desk.get(START).status_code == 200
        clock.shift(60)
        other = Client()
        other.force_login(clerk)
        wanted = "/admin/orders/order/?list=held"
        assert other.get(wanted)["Location"] == f"{ASK}?next=%2Fadmin%2Forders%2Forder%2F%3Flist%3Dheld"
        assert other.post("/admin/password_change/")["Location"] == ASK
        assert "This code is wrong" in other.post(ASK, {"code": "000000"}).content.decode()
        clock.shift(60)
        assert other.post(f"{ASK}?next={wanted}", {"code": code_of(clerk)})["Location"] == wanted
        assert other.get(wanted).status_code == 200


def test_a_code_works_once_and_wrong_ones_slow_down_the_next(desk: Client, clerk: User) -> None:
    with time_machine.travel("2026-03-01 10:00", tick=False) as clock:
        set_up(desk, clerk)
        used = code_of(clerk)
        other = Client()
        other.force_login(clerk)
        assert "was used before" in other.post(ASK, {"code": used}).content.decode()
        told = "After 1 wrong code you have to wait before the next, until 2026-03-01 10:00:01 UTC."
        assert told in other.post(ASK, {"code": used}).content.decode()
        clock.shift(60)
        assert other.post(ASK, {"code": code_of(clerk)}).status_code == 302


def test_after_many_wrong_codes_one_waits_an_hour_and_no_longer(desk: Client, clerk: User) -> None:
    with time_machine.travel("2026-03-01 10:00", tick=False) as clock:
        [code, *_] = set_up(desk, clerk)
        for device in (AuthenticatorApp.objects.get(), RecoveryCodes.objects.get()):
            device.throttling_failure_timestamp, device.throttling_failure_count = timezone.now(), 40
            device.save()
        clock.shift(3599)
        for given in (code_of(clerk), code):
            with pytest.raises(second_factor.NotVerified, match="until 2026-03-01 11:00:00 UTC"):
                second_factor.verify(clerk, given)
        clock.shift(1)
        assert second_factor.verify(clerk, code_of(clerk)).throttling_failure_count == 0
        assert second_factor.verify(clerk, code) == RecoveryCodes.objects.get()


def test_each_recovery_code_signs_in_once(desk: Client, clerk: User) -> None:
    code = set_up(desk, clerk)[0]
    for expected in (302, 200):
        other = Client()
        other.force_login(clerk)
        assert other.post(ASK, {"code": f"{code[:4]}-{code[4:].upper()}"}).status_code == expected
    assert StaticToken.objects.count() == 9


def test_whose_role_needs_one_gets_nowhere_before_setting_it_up(desk: Client, clerk: User, settings: Settings) -> None:
    settings.REQUIRE_SECOND_FACTOR = ["Operator"]
    assert desk.get("/admin/orders/order/")["Location"].startswith(SET_UP)
    set_up(desk, clerk)
    assert desk.get("/admin/orders/order/").status_code == 200
    assert desk.post("/admin/second-factor/remove/")["Location"] == SET_UP
    settings.REQUIRE_SECOND_FACTOR = ["Administrator"]
    assert desk.get("/admin/orders/order/").status_code == 200


def test_only_who_gave_it_in_this_session_makes_new_codes_or_removes_it(desk: Client, clerk: User) -> None:
    set_up(desk, clerk)
    other = Client()
    other.force_login(clerk)
    for page in ("recovery-codes", "remove", "set-up"):
        assert other.post(f"/admin/second-factor/{page}/")["Location"] == ASK
    assert second_factor.is_set_up(clerk)
    desk.post("/admin/second-factor/remove/")
    assert not second_factor.is_set_up(clerk)


def test_nobody_is_led_to_another_host_by_it(desk: Client, clerk: User) -> None:
    assert desk.get(f"{ASK}?next=https://evil.example/")["Location"] == START


def test_an_administrator_removes_it_for_who_lost_the_phone_and_not_from_a_superuser(desk: Client, clerk: User) -> None:
    set_up(desk, clerk)
    helper, chief = User.objects.create_user("helper", is_staff=True), User.objects.create_superuser("chief")
    helper.groups.add(Group.objects.get(name="Administrator"))
    second_factor.to_confirm(chief)
    AuthenticatorApp.objects.filter(user=chief).update(confirmed=True)
    other = Client()
    other.force_login(helper)
    for user, status in ((clerk, 302), (chief, 403)):
        assert other.post(reverse("admin:auth_user_remove_second_factor", args=[user.pk])).status_code == status
    assert [second_factor.is_set_up(user) for user in (clerk, chief)] == [False, True]
    said = LogEntry.objects.order_by("pk").values_list("user__username", "change_message")
    assert list(said) == [
        ("clerk", "Set up their second factor"), ("helper", "The second factor of clerk is removed"),
    ]  # fmt: skip
