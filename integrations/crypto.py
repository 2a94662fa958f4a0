"""Credentials at rest: Fernet with key rotation. The first of CREDENTIALS_KEYS encrypts, all of them decrypt."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

from integrations.errors import Misconfigured


def encrypt(plain: str) -> str:
    return _keys().encrypt(plain.encode()).decode()


def decrypt(token: str) -> str:
    """The plain text, or Misconfigured when none of the keys fits."""
    try:
        return _keys().decrypt(token.encode()).decode()
    except InvalidToken:
        raise Misconfigured(
            "the stored credentials cannot be decrypted with any of CREDENTIALS_KEYS; "
            "put the old key back behind the new one, or enter the credentials again"
        ) from None


def encrypted_again(token: str) -> str:
    """The same plain text under the first key: the token itself, if that has encrypted it. Raises as `decrypt` does."""
    try:
        Fernet(settings.CREDENTIALS_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return encrypt(decrypt(token))
    return token


def fingerprints(text: str, purpose: str) -> list[str]:
    """By which a text is known again without being kept, in hex: one per key, the first by that which encrypts."""
    return [salted_hmac(purpose, text, secret=key, algorithm="sha256").hexdigest() for key in settings.CREDENTIALS_KEYS]


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CREDENTIALS_KEYS])
