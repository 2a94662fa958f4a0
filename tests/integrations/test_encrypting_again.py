"""A new first key: what is stored is encrypted with it, and the old key may go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.utils import timezone
from pytest_django import Settings

from integrations import second_factor
from integrations.account import TokenPair
from integrations.authenticator import AuthenticatorApp
from integrations.crypto import encrypt, encrypted_again
from integrations.management.commands import encrypt_again as command
from integrations.models import Connection
from integrations.oauth_grant import OAuthGrant
from orders.models import AlertSettings

Run = Callable[..., str]
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def one_of_each(db: None, settings: Settings) -> None:
    """Everything that is stored encrypted, under the old key; the new one has just been put in front of it."""
    settings.CREDENTIALS_KEYS = [OLD]
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko", encrypted_secret=encrypt("token"))
    OAuthGrant.objects.create(
        connection=gecko, application="app", encrypted_secret=encrypt("app's"), encrypted_access=encrypt("access"),
        encrypted_refresh=encrypt("refresh"),
    )  # fmt: skip
    clerk = User.objects.create_user("clerk")
    AuthenticatorApp.objects.create(user=clerk, name="app", encrypted_key=encrypt("abcd"))
    second_factor.new_recovery_codes(clerk)
    AlertSettings.objects.update_or_create(pk=1, defaults={"encrypted_webhook_url": encrypt("https://chat.test/x")})
    settings.CREDENTIALS_KEYS = [NEW, OLD]


def read() -> list[object]:
    """What it says, all of it; Misconfigured where no key fits."""
    grant = OAuthGrant.objects.get()
    return [
        Connection.objects.get().decrypted_secret, grant.as_application().secret, grant.access_token,
        grant.refresh_token, AuthenticatorApp.objects.get().bin_key.hex(), AlertSettings.current().webhook_url,
    ]  # fmt: skip


SAID = ["token", "app's", "access", "refresh", "abcd", "https://chat.test/x"]


def test_after_it_the_old_key_may_go(one_of_each: None, manage: Run, settings: Settings) -> None:
    told = manage("encrypt_again")
    assert "6 secrets encrypted anew" in told
    assert "10 recovery codes kept as fingerprints" in told
    assert manage("encrypt_again").startswith("0 secrets encrypted anew")
    settings.CREDENTIALS_KEYS = [NEW]
    assert read() == SAID


def test_what_no_key_opens_is_named_and_stops_nothing_else(one_of_each: None, manage: Run, settings: Settings) -> None:
    lost = Fernet(Fernet.generate_key()).encrypt(b"?").decode()
    Connection.objects.create(name="Lost", provider="tradegecko", encrypted_secret=lost)
    with pytest.raises(CommandError, match="none of CREDENTIALS_KEYS fits: secret of connection Lost"):
        manage("encrypt_again")
    settings.CREDENTIALS_KEYS = [NEW]
    Connection.objects.filter(name="Lost").delete()
    assert read() == SAID


def test_tokens_that_are_renewed_meanwhile_are_not_put_back(
    one_of_each: None, manage: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was not started again yet stores them under the old key, just before the others would be."""
    grant = OAuthGrant.objects.get()

    def after_a_renewal(token: str) -> str:
        if token == grant.encrypted_refresh:
            settings.CREDENTIALS_KEYS = [OLD]
            grant.keep(TokenPair("new access", "new refresh", timezone.now() + timedelta(hours=2)))
            settings.CREDENTIALS_KEYS = [NEW, OLD]
        return encrypted_again(token)

    monkeypatch.setattr(command, "encrypted_again", after_a_renewal)
    manage("encrypt_again")
    manage("encrypt_again")  # of the access token's column it was too late
    settings.CREDENTIALS_KEYS = [NEW]
    assert read() == [*SAID[:2], "new access", "new refresh", *SAID[4:]]
