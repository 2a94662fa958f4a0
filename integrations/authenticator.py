"""What a second factor is checked against (django-otp), worth nothing to who has only the database."""

from __future__ import annotations

from binascii import unhexlify
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

from integrations.crypto import decrypt, encrypt, fingerprints

KEY_BYTES = 20  # what authenticator apps take (RFC 4226, 4)
RECOVERY_CODE = "recovery code"
PRINT_CHARS = 16  # of the library's column
LONGEST_WAIT = timedelta(hours=1)


def new_key() -> str:
    """A key for an app, in hex, encrypted."""
    return encrypt(random_hex(KEY_BYTES))


def prints_of(code: str) -> list[str]:
    """What is kept of a recovery code in its place; the first is of the key that encrypts now."""
    return [one[:PRINT_CHARS] for one in fingerprints(code, RECOVERY_CODE)]


class WaitsAnHourAtMost:
    """Wrong codes make one wait twice as long each time, which the library lets grow to years.

    At one an hour nobody guesses a code, and who has the password alone shuts its owner out for no longer.
    """

    throttling_failure_timestamp: Any

    def verify_is_allowed(self) -> tuple[bool, Any]:
        allowed, why = super().verify_is_allowed()  # type: ignore[misc]
        if allowed or "locked_until" not in why:
            return allowed, why
        until = min(why["locked_until"], self.throttling_failure_timestamp + LONGEST_WAIT)
        return (False, {**why, "locked_until": until}) if timezone.now() < until else (True, None)


class AuthenticatorApp(WaitsAnHourAtMost, TOTPDevice):
    """An app whose key is encrypted as credentials are. The library's own `key` is noise that opens nothing."""

    encrypted_key = models.TextField(default=new_key)

    class Meta:
        default_permissions = ()

    @property
    def bin_key(self) -> bytes:
        """Raises Misconfigured when none of CREDENTIALS_KEYS fits."""
        return unhexlify(decrypt(self.encrypted_key))


class RecoveryCodes(WaitsAnHourAtMost, StaticDevice):
    """The library's recovery codes, of which only fingerprints are kept."""

    class Meta:
        proxy = True
        default_permissions = ()

    def verify_token(self, token: str) -> bool:
        mine = prints_of(token)
        kept = self.token_set.filter(token__in=mine).values_list("token", flat=True).first()
        return bool(super().verify_token(kept or mine[0]))
