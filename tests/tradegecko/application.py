"""An OAuth application at the sandbox: what it is called there, and tokens of its own for an adapter alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from integrations.account import Account, Application, TokenPair
from integrations.sandbox.server import Sandbox
from integrations.tradegecko import oauth


def application(box: Sandbox, redirect_uri: str = "") -> Application:
    known = box.tradegecko.oauth
    return Application(known.client_id, known.client_secret, redirect_uri)


def renewals(box: Sandbox) -> int:
    """How often the token address was asked."""
    return box.calls("tradegecko").count(("POST", "/oauth/token"))


class OwnTokens:
    """Tokens of one process, kept in memory and renewed at the sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.pair = TokenPair("", box.tradegecko.oauth.refresh_token, datetime.now(UTC))

    def access(self) -> str:
        soon = datetime.now(UTC) + timedelta(seconds=30)
        return self.pair.access if self.pair.expires_at > soon else self.renew(self.pair.access)

    def renew(self, refused: str) -> str:
        account = Account("Gecko", self.box.tradegecko_url)
        self.pair = oauth.refresh(account, application(self.box), self.pair.refresh)
        return self.pair.access


class Counted:
    """Tokens that are numbered, and remember which were refused."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def access(self) -> str:
        return f"token-{len(self.refused)}"

    def renew(self, refused: str) -> str:
        self.refused.append(refused)
        return self.access()
