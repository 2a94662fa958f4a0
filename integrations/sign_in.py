"""What a connection signs in with: a password or token, or an OAuth application. One takes the other's place."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import F

from integrations.crypto import encrypt
from integrations.models import Connection
from integrations.oauth_grant import OAuthGrant

COLUMNS = ["encrypted_secret", "health", "health_message", "credential_expires_on"]


@transaction.atomic
def with_secret(connection: Connection, secret: str, *, expires_on: date | None = None) -> None:
    """A stored connection gets this password or token; an application and its tokens are forgotten.

    The day on which the one before was to end says nothing of this one.
    """
    connection.set_secret(secret)
    connection.credential_expires_on = expires_on
    connection.save(update_fields=COLUMNS)
    OAuthGrant.objects.filter(connection=connection).delete()


@transaction.atomic
def as_application(
    connection: Connection, identity: str, secret: str = "", *, refresh_token: str = "", expires_on: date | None = None
) -> None:  # fmt: skip
    """A stored connection gets this application; a token is forgotten. An empty secret leaves the one that is known.

    Tokens belong to their application: another one has to be authorized first, unless a refresh token is given.
    """
    connection.encrypted_secret, connection.credential_expires_on = "", expires_on
    connection.health, connection.health_message = Connection.Health.UNTESTED, ""
    connection.save(update_fields=COLUMNS)
    known = OAuthGrant.objects.filter(connection=connection)
    values = {"encrypted_secret": encrypt(secret)} if secret else {}
    if known.filter(application=identity).exists() and not refresh_token:
        known.update(**values, retry_at=None)  # the same generation: a renewal under way must not get lost
        return
    given = {"encrypted_access": "", "encrypted_refresh": encrypt(refresh_token) if refresh_token else ""}
    values |= {"application": identity, **given}
    if known.exists():
        fresh = {"expires_at": None, "renewed_at": None, "retry_at": None, "claimed_at": None, "claimed_by": "",
                 "webhook_at": None}  # fmt: skip
        known.update(**values, **fresh, redirect_uri="", generation=F("generation") + 1)
    else:
        OAuthGrant.objects.create(connection=connection, **values)
