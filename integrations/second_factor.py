"""The second factor of a sign-in (django-otp): an authenticator app's codes, and recovery codes for when it is lost."""

from __future__ import annotations

import base64
from typing import Any

from django.db import transaction
from django_otp import verify_token
from django_otp.plugins.otp_static.models import StaticToken

from integrations.authenticator import AuthenticatorApp, RecoveryCodes, prints_of
from integrations.errors import Misconfigured
from integrations.wording import counted, moment

RECOVERY_CODES, APP_DIGITS = 10, 6
APP, RECOVERY = "authenticator app", "recovery codes"


UNREADABLE = (
    "Your app's key cannot be decrypted with any of CREDENTIALS_KEYS. Use a recovery code, or have an administrator "
    "remove your second factor; or put the old key back behind the new one."
)


class NotVerified(Exception):
    """Why a code was not taken, and what to do."""


def is_set_up(user: Any) -> bool:
    return bool(AuthenticatorApp.objects.filter(user=user, confirmed=True).exists())


def to_confirm(user: Any) -> AuthenticatorApp:
    """The app that this user is about to set up: the same key until it is confirmed, or cannot be decrypted."""
    waiting = AuthenticatorApp.objects.filter(user=user, confirmed=False)
    found: AuthenticatorApp | None = waiting.first()
    if found is not None and _can_be_read(found):
        return found
    waiting.delete()
    made: AuthenticatorApp = AuthenticatorApp.objects.create(user=user, confirmed=False, name=APP)
    return made


def typed_key(device: AuthenticatorApp) -> str:
    """The key as apps take it by hand: base32, in groups of four."""
    text = base64.b32encode(device.bin_key).decode()
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def confirm(device: AuthenticatorApp, code: str) -> list[str]:
    """The app shows the right code, so it is the user's from now on; their recovery codes. Raises NotVerified."""
    _verify(device.user, device, code)
    with transaction.atomic():
        AuthenticatorApp.objects.filter(user=device.user).exclude(pk=device.pk).delete()
        AuthenticatorApp.objects.filter(pk=device.pk).update(confirmed=True)
        device.confirmed = True
        return new_recovery_codes(device.user)


def verify(user: Any, code: str) -> AuthenticatorApp | RecoveryCodes:
    """The device that a code belongs to: six digits are the app's, else it is a recovery code. Raises NotVerified."""
    text = code.replace(" ", "").replace("-", "").lower()
    model = AuthenticatorApp if text.isdecimal() and len(text) == APP_DIGITS else RecoveryCodes
    device = model.objects.filter(user=user, confirmed=True).first()
    if device is None:
        raise NotVerified("This is no code of yours.")
    verified: AuthenticatorApp | RecoveryCodes = _verify(user, device, text)
    return verified


@transaction.atomic
def new_recovery_codes(user: Any) -> list[str]:
    """Ten fresh ones, each good once; the old ones are worth nothing any more."""
    device, _ = RecoveryCodes.objects.get_or_create(user=user, defaults={"name": RECOVERY})
    device.token_set.all().delete()  # not the device: a session may rest on it
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=device, token=prints_of(code)[0]) for code in codes])
    return codes


def recovery_codes_left(user: Any) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


@transaction.atomic
def remove(user: Any) -> bool:
    """Take it away, app and recovery codes; whether there was one. The user may set up a new one."""
    there = is_set_up(user)
    AuthenticatorApp.objects.filter(user=user).delete()
    RecoveryCodes.objects.filter(user=user).delete()
    return there


def _can_be_read(device: AuthenticatorApp) -> bool:
    try:
        return bool(device.bin_key)
    except Misconfigured:
        return False


def _verify(user: Any, device: Any, code: str) -> Any:
    allowed, why = device.verify_is_allowed()
    if not allowed:
        tries, until = counted(why["failure_count"], "wrong codes"), moment(why["locked_until"])  # longer each time
        raise NotVerified(f"After {tries} you have to wait before the next, until {until}.")
    if isinstance(device, AuthenticatorApp) and not _can_be_read(device):
        raise NotVerified(UNREADABLE)
    verified = verify_token(user, device.persistent_id, code)
    if verified is None:
        raise NotVerified("This code is wrong, or was used before. Enter the next one; is the phone's clock right?")
    return verified
