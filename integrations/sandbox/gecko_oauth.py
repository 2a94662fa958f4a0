"""OAuth 2: codes, access tokens of two hours, refresh tokens that rotate (tradegecko 1.1)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from secrets import compare_digest, token_hex
from urllib.parse import urlencode, urlsplit

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

    def expire(self) -> None:
        """Every access token ends now, whatever its client was told."""
        self.access.clear()

    def authorize(self, asked: dict[str, str], *, denied: bool = False) -> str:
        """Where to send the browser: with a code, or with the user's refusal."""
        target = asked.get("redirect_uri", "")
        right = asked.get("client_id") == self.client_id and asked.get("response_type") == "code"
        if not right or urlsplit(target).scheme not in ("http", "https"):
            raise Refused
        answer = {"error": "access_denied"} if denied else {"code": self._new_code(target)}
        answer.update({"state": asked["state"]} if "state" in asked else {})
        return f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}"

    def _new_code(self, target: str) -> str:
        code = token_hex(16)
        self.codes[code] = (target, time.time() + CODE_LIFE)
        return code

    def grant(self, asked: dict[str, str], *, life: int) -> dict[str, object]:
        """The answer to the token address; the access token lives for `life` seconds. A refresh token is good once."""
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
        return self._issue(life)

    def _redeem(self, asked: dict[str, str]) -> bool:
        target, until = self.codes.pop(asked.get("code", ""), ("", 0.0))
        return until > time.time() and asked.get("redirect_uri", target) == target

    def _issue(self, life: int) -> dict[str, object]:
        now, token = time.time(), token_hex(32)
        self.access = {one: until for one, until in self.access.items() if until > now}
        self.access[token], self.refresh_token = now + life, token_hex(32)
        return {
            "access_token": token, "token_type": "bearer", "expires_in": life, "refresh_token": self.refresh_token,
            "scope": "public", "created_at": int(now),
        }  # fmt: skip


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())
