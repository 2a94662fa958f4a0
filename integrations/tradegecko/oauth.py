"""OAuth 2 at TradeGecko: where a browser is sent, and what the token address gives (tradegecko 1.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import urlencode

from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.account import Account, Application, TokenPair
from integrations.errors import IntegrationError, Misconfigured, Unavailable, Unreadable
from integrations.http import Answer, Door, retry_after

# Browsers were also sent to these; the token address has always been the API's.
AUTHORIZE_HOSTS = frozenset({"api.tradegecko.com", "go.tradegecko.com", "commerce.intuit.com"})
AUTHORIZE_PATH = "/oauth/authorize"
TOKEN_PATH = "/oauth/token"  # noqa: S105
SECRET_FIELDS = ("client_secret", "code", "access_token", "refresh_token")
# RFC 6749 5.2. Anything else might be what we sent, and is not repeated.
ERROR_CODES = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope",
})  # fmt: skip
USUAL_LIFE = 7200
LONGEST_LIFE = 365 * 24 * 3600
# Together with the time to connect well below the time after which another worker takes a renewal over.
READ_SECONDS, TOTAL_SECONDS = 20.0, 30.0
DEFAULT_WAIT = timedelta(seconds=60)


class _NoSignIn(AuthBase):
    """The application names itself in the body; without this, `requests` would look for a .netrc file."""

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        return r


def authorize_query(application: Application, state: str) -> str:
    """What the browser asks for at the authorize address."""
    asked = {"response_type": "code", "client_id": application.identity, "redirect_uri": application.redirect_uri}
    return urlencode({**asked, "state": state})


def redeem(account: Account, application: Application, code: str) -> TokenPair:
    """The first tokens, for a code that the browser brought. Raises IntegrationError."""
    asked = {"grant_type": "authorization_code", "code": code}
    remedy = (
        "Check the application's id and secret, and that its redirect URI is registered exactly as the connection's "
        "page shows it; then authorize again"
    )
    pair = _ask(account, application, asked, remedy)
    if not pair.refresh:
        raise Unreadable("TradeGecko gave an access token without a refresh token; nothing was stored")
    return pair


def refresh(account: Account, application: Application, token: str) -> TokenPair:
    """The next tokens. The refresh token is used up even if the answer does not arrive. Raises IntegrationError."""
    asked = {"grant_type": "refresh_token", "refresh_token": token}
    remedy = (
        "The authorization was withdrawn, its last renewal got lost on the way, or the application's secret is wrong. "
        "Authorize again on the connection's page"
    )
    return _ask(account, application, asked, remedy)


def _ask(account: Account, application: Application, asked: Mapping[str, str], remedy: str) -> TokenPair:
    """These calls take nothing from the shared call limit: it is counted per account, and here none is named yet."""
    named = {"client_id": application.identity, "client_secret": application.secret}
    body = {**named, **({"redirect_uri": application.redirect_uri} if application.redirect_uri else {}), **asked}
    door = Door(account, _NoSignIn(), read_seconds=READ_SECONDS, total_seconds=TOTAL_SECONDS)
    for name in SECRET_FIELDS:
        door.hide(body.get(name, ""))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    asked_at = datetime.now(UTC)
    answer = door.send(
        "POST", TOKEN_PATH, body=urlencode(body).encode(), headers=headers, unrecorded=SECRET_FIELDS
    )  # fmt: skip
    if not 200 <= answer.status < 300:
        raise _refusal(answer, remedy)
    return _pair(answer, asked_at)


def _refusal(answer: Answer, remedy: str) -> IntegrationError:
    status = answer.status
    if status == 429 or status == 408 or status >= 500:
        wait = retry_after(answer.headers, now=datetime.now(UTC))
        text = f"TradeGecko gives no access token at the moment (HTTP {status}); it is asked again"
        return Unavailable(text, retry_after=wait or (DEFAULT_WAIT if status == 429 else None), throttled=status == 429)
    if status == 404:
        return Misconfigured("TradeGecko has no token address there (HTTP 404). Check the base URL.")
    code = str(_object(answer).get("error"))
    said = f", {code}" if code in ERROR_CODES else ""
    return Misconfigured(f"TradeGecko gave no access token (HTTP {status}{said}). {remedy}.", credentials=True)


def _pair(answer: Answer, asked_at: datetime) -> TokenPair:
    """The life is counted from before the request: never later than the other side counts it."""
    body = _object(answer)
    access, following = body.get("access_token"), body.get("refresh_token") or ""
    if not _is_token(access) or (following and not _is_token(following)):
        if answer.is_html or not answer.body.strip():
            raise Unavailable("TradeGecko answered with a web page or nothing instead of an access token")
        raise Unreadable("TradeGecko answered without an access token that can be used")
    return TokenPair(access, following, asked_at + _life(body.get("expires_in")))


def _life(seconds: object) -> timedelta:
    if isinstance(seconds, int) and 0 < seconds <= LONGEST_LIFE:
        return timedelta(seconds=seconds)
    return timedelta(seconds=USUAL_LIFE)


def _is_token(value: object) -> TypeGuard[str]:
    """Whether a header can carry it."""
    return isinstance(value, str) and 0 < len(value) <= 4000 and all("!" <= character <= "~" for character in value)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
