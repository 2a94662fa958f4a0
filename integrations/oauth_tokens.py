"""Tokens that all worker processes share: renewed by one of them at a time, stored before anybody uses them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from integrations import registry
from integrations.account import Account, Application, Journal, TokenPair, Tokens
from integrations.errors import Misconfigured, Unavailable, Unreadable
from integrations.oauth_grant import OAuthGrant

if TYPE_CHECKING:
    from integrations.models import Connection

# How long a call waits for a renewal that another worker is at, and how often it looks.
PATIENCE_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.1
RETRY_AFTER = timedelta(seconds=15)


def tokens_of(connection: Connection, journal: Journal | None) -> Tokens | None:
    """The tokens of a connection that signs in as an OAuth application, None for any other."""
    if not registry.uses_oauth(connection.provider) or not OAuthGrant.objects.filter(connection=connection).exists():
        return None
    return SharedTokens(connection, journal)


def redeem(connection: Connection, journal: Journal | None, code: str, redirect_uri: str) -> None:
    """Store the first tokens, for the code that a browser brought. Raises IntegrationError."""
    grant = OAuthGrant.objects.get(connection=connection)
    server = _Server(connection, journal)
    pair = server.redeem(grant.as_application(redirect_uri), code)
    if not grant.keep(pair, redirect_uri=redirect_uri):
        # A renewal ended meanwhile. The person's decision is the newer one; only another application outdates it.
        newer = OAuthGrant.objects.get(connection=connection)
        if newer.application != grant.application or not newer.keep(pair, redirect_uri=redirect_uri):
            raise Misconfigured("the application was changed meanwhile; authorize again")


class SharedTokens:
    """The tokens of one connection. See OAuthGrant for how two workers never lose one."""

    def __init__(self, connection: Connection, journal: Journal | None = None) -> None:
        self._connection = connection
        self._server = _Server(connection, journal)

    def access(self) -> str:
        grant, now = self._grant(), timezone.now()
        if not grant.is_due(now):
            return grant.access_token
        if not grant.lives(now):
            return self._renewed(grant, PATIENCE_SECONDS)
        try:
            return self._renewed(grant, 0)
        except Unavailable:  # or another worker is at it: the old one is good for as long as it lives
            return grant.access_token

    def renew(self, refused: str) -> str:
        grant = self._grant()
        if grant.lives(timezone.now()) and grant.access_token != refused:
            return grant.access_token
        return self._renewed(grant, PATIENCE_SECONDS)

    def _grant(self) -> OAuthGrant:
        grant = OAuthGrant.objects.filter(connection=self._connection).first()
        if grant is None or not grant.is_authorized:
            raise Misconfigured(
                f"connection {self._connection} is not authorized yet. Open its page and press “Authorize”.",
                credentials=True,
            )
        return grant

    def _renewed(self, grant: OAuthGrant, patience: float) -> str:
        """An access token newer than the grant's: renewed here, or by whoever is at it within so many seconds."""
        self._respect_pause(grant)
        deadline = time.monotonic() + patience
        while not grant.claim():
            newer = self._grant()
            if newer.generation != grant.generation:
                return newer.access_token
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"another worker is renewing the access token of {self._connection}; the rest is done later",
                    retry_after=RETRY_AFTER, throttled=True,
                )  # fmt: skip
            time.sleep(LOOK_EVERY_SECONDS)
            grant = newer
        return self._ask(grant)

    def _respect_pause(self, grant: OAuthGrant) -> None:
        now = timezone.now()
        if grant.retry_at is not None and grant.retry_at > now:
            raise Unavailable(
                f"the access token of {self._connection} could not be renewed a moment ago; it is tried again at "
                f"{grant.retry_at:%H:%M:%S} UTC",
                retry_after=grant.retry_at - now, throttled=True,
            )  # fmt: skip

    def _ask(self, grant: OAuthGrant) -> str:
        """Renew under our claim. What a person or a worker taken for dead stored meanwhile is as good."""
        retry_at = None
        try:
            pair = self._server.refresh(grant.as_application(), grant.refresh_token)
            return pair.access if grant.keep(pair) else self._grant().access_token
        except Misconfigured:
            newer = self._grant()
            if newer.generation == grant.generation:
                raise
            return newer.access_token
        except Unavailable as exc:
            retry_at = timezone.now() + (exc.retry_after or RETRY_AFTER)
            raise
        except Unreadable as exc:  # an address that answers nonsense is no record's fault
            retry_at = timezone.now() + RETRY_AFTER
            raise Unavailable(str(exc), retry_after=RETRY_AFTER, throttled=True) from None
        finally:
            grant.release(retry_at=retry_at)


class _Server:
    """The provider's token address, for one connection."""

    def __init__(self, connection: Connection, journal: Journal | None) -> None:
        self._oauth = registry.oauth_of(connection.provider)
        self._account = Account(connection.name, registry.base_url_of(connection), journal=journal)

    def redeem(self, application: Application, code: str) -> TokenPair:
        pair: TokenPair = self._oauth.redeem(self._account, application, code)
        return pair

    def refresh(self, application: Application, token: str) -> TokenPair:
        pair: TokenPair = self._oauth.refresh(self._account, application, token)
        return pair
