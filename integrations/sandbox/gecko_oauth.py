"""OAuth 2: codes, access tokens of two hours, refresh tokens that rotate (tradegecko 1.1)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from secrets import compare_digest, token_hex
from urllib.parse import urlencode, urlsplit

LIFE = 7200
CODE_LIFE = 600
REFUSED = {
    "error": "invalid_request",
    "error_description": "The request is missing a required parameter, includes an unsupported parameter value, "
    "or is otherwise malformed.",
}


class Refused(Exception):
    """The application, the code or the refresh token is not a good one."""


@dataclass
class Tokens:
    """The application and what was issued to it. `privileged` never expires (1.2)."""

    privileged: str = "sandbox-token"
    client_id: str = "sandbox-application"
    client_secret: str = "sandbox-application-secret"  # noqa: S105
    refresh_token: str = "sandbox-refresh-token"  # noqa: S105
    access: dict[str, float] = field(default_factory=dict)
    codes: dict[str, tuple[str, float]] = field(default_factory=dict)

    def accepts(self, authorization: str) -> bool:
        """Whether this header carries a token that is good now."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            return False
        return _same(token, self.privileged) or self.access.get(token, 0) > time.time()

    def authorize(self, asked: dict[str, str]) -> str:
        """Where to send the browser, with a code: the user of the sandbox always agrees."""
        target = asked.get("redirect_uri", "")
        right = asked.get("client_id") == self.client_id and asked.get("response_type") == "code"
        if not right or urlsplit(target).scheme not in ("http", "https"):
            raise Refused
        code = token_hex(16)
        self.codes[code] = (target, time.time() + CODE_LIFE)
        answer = {"code": code, **({"state": asked["state"]} if "state" in asked else {})}
        return f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}"

    def grant(self, asked: dict[str, str]) -> dict[str, object]:
        """The answer to the token address. A refresh token is good once."""
        known = _same(asked.get("client_id", ""), self.client_id)
        if not known or not _same(asked.get("client_secret", ""), self.client_secret):
            raise Refused
        match asked.get("grant_type"):
            case "refresh_token":
                good = _same(asked.get("refresh_token", ""), self.refresh_token)
            case "authorization_code":
                good = self._redeem(asked)
            case _:
                good = False
        if not good:
            raise Refused
        return self._issue()

    def _redeem(self, asked: dict[str, str]) -> bool:
        target, until = self.codes.pop(asked.get("code", ""), ("", 0.0))
        return until > time.time() and asked.get("redirect_uri", target) == target

    def _issue(self) -> dict[str, object]:
        now, token = time.time(), token_hex(32)
        self.access = {one: until for one, until in self.access.items() if until > now}
        self.access[token], self.refresh_token = now + LIFE, token_hex(32)
        return {
            "access_token": token, "token_type": "bearer", "expires_in": LIFE, "refresh_token": self.refresh_token,
            "scope": "public", "created_at": int(now),
        }  # fmt: skip


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())
