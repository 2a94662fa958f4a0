"""The one door out: every request to another system goes through `Door.send`.

It keeps time-outs (a total one too, so a dripping answer cannot hold a worker), bounds the size of an answer, spends
the shared rate budget, keeps a redacted record, follows no redirect, and turns what the network does into one of
`integrations.errors`. What an HTTP status *means* is the provider's to say.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit

import requests
from requests.auth import AuthBase

from integrations.account import Account, Exchange
from integrations.errors import IntegrationError, Misconfigured, OutcomeUnknown, Unavailable, Unreadable

MAX_ANSWER_BYTES = 64 * 1024 * 1024
EXCERPT_CHARS = 4_000
CONNECT_SECONDS = 10.0
CHUNK_BYTES = 64 * 1024
LONGEST_WAIT = timedelta(hours=1)

Params = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return storable(self.body.decode("utf-8", "replace"))

    @property
    def excerpt(self) -> str:
        """The start of the body on one line, tags removed: enough for a message to a clerk."""
        plain = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", self.text[:EXCERPT_CHARS], flags=re.S | re.I)
        return " ".join(plain.split())[:200]

    @property
    def is_html(self) -> bool:
        start = self.body[:200].lstrip().lower()
        return "html" in self.headers.get("content-type", "") or start.startswith((b"<!doctype html", b"<html"))


class Door:
    """One account's way to one host.

    `read_seconds` bounds the wait between bytes and `total_seconds` the whole answer. Not shared between threads.
    """

    def __init__(
        self, account: Account, auth: AuthBase, *, read_seconds: float = 60.0, total_seconds: float = 120.0
    ) -> None:
        self._account = account
        self._base = account.base_url.rstrip("/")
        self._host = urlsplit(self._base).netloc
        self._timeout = (CONNECT_SECONDS, read_seconds)
        self._total_seconds = total_seconds
        self._session = requests.Session()
        self._auth = auth

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        writes: bool = False,
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        `writes` says that the request changes something over there, so that no answer means OutcomeUnknown.
        Raises Unavailable, OutcomeUnknown, Misconfigured (redirect to elsewhere) or Unreadable (answer too large).
        """
        if self._account.budget is not None:
            self._account.budget.take()
        url = f"{self._base}{path}" + (f"?{urlencode(params)}" if params else "")
        started = time.monotonic()
        try:
            answer = self._exchange(method, url, body, headers or {}, writes)
        except IntegrationError as exc:
            self._record(method, url, body, None, started, str(exc))
            raise
        self._record(method, url, body, answer, started, "")
        if 300 <= answer.status < 400:
            raise Misconfigured(
                f"{self._host} answered with a redirect (HTTP {answer.status}), which is not followed; "
                "check the connection's base URL"
            )
        return answer

    def _exchange(self, method: str, url: str, body: bytes, headers: Mapping[str, str], writes: bool) -> Answer:
        broken = OutcomeUnknown if writes else Unavailable
        try:
            with self._session.request(
                method, url, data=body or None, headers=dict(headers), auth=self._auth,
                timeout=self._timeout, allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                content = self._read(response, broken)
                lowered = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, lowered, content)
        except requests.exceptions.SSLError as exc:
            raise Misconfigured(f"no secure connection to {self._host}: {_reason(exc)}") from None
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError) as exc:
            raise Unavailable(f"cannot reach {self._host}: {_reason(exc)}") from None
        except requests.exceptions.Timeout:
            raise broken(f"{self._host} did not answer within {self._timeout[1]:.0f} s") from None
        except requests.exceptions.ConnectionError as exc:
            if _never_connected(exc):
                raise Unavailable(f"cannot reach {self._host}: {_reason(exc)}") from None
            raise broken(f"{self._host} broke off the connection: {_reason(exc)}") from None
        except requests.exceptions.RequestException as exc:
            raise broken(f"the exchange with {self._host} failed: {_reason(exc)}") from None

    def _read(self, response: requests.Response, broken: Callable[[str], IntegrationError]) -> bytes:
        deadline = time.monotonic() + self._total_seconds
        content = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise Unreadable(f"{self._host} sent more than {MAX_ANSWER_BYTES // 1024**2} MB; stopped reading")
            if time.monotonic() > deadline:
                raise broken(f"{self._host} did not finish its answer within {self._total_seconds:.0f} s")
        announced = response.headers.get("Content-Length", "")
        plain = "Content-Encoding" not in response.headers
        if plain and announced.isdigit() and len(content) < int(announced) and response.request.method != "HEAD":
            raise broken(f"{self._host} broke off after {len(content)} of {announced} bytes")
        return bytes(content)

    def _record(self, method: str, url: str, body: bytes, answer: Answer | None, started: float, error: str) -> None:
        if self._account.journal is None:
            return
        self._account.journal.record(
            Exchange(
                method=method,
                url=url,
                request_body=self._redacted(body.decode("utf-8", "replace")[:EXCERPT_CHARS]),
                status=answer.status if answer else None,
                response_body=self._redacted(answer.text[:EXCERPT_CHARS] if answer else ""),
                milliseconds=int((time.monotonic() - started) * 1000),
                error=self._redacted(error),
            )
        )

    def _redacted(self, text: str) -> str:
        secret = self._account.secret
        return text.replace(secret, "•••") if secret else text


def storable(text: str) -> str:
    """Without what no database keeps as text: NUL characters and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """The wait that a Retry-After header asks for, in seconds or as a date, clamped to 1 s … 1 h."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        wait = timedelta(seconds=min(int(value), 86_400))
    else:
        try:
            until = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)


def _never_connected(exc: BaseException) -> bool:
    text = repr(exc)
    return any(sign in text for sign in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError"))


def _reason(exc: BaseException) -> str:
    """The innermost cause in a few words, without object addresses or the URL."""
    text = str(exc)
    for known in (
        "Connection refused", "Name or service not known", "Temporary failure in name resolution",
        "No route to host", "Network is unreachable", "Connection reset", "CERTIFICATE_VERIFY_FAILED",
        "Remote end closed connection without response", "IncompleteRead", "timed out",
    ):  # fmt: skip
        if known.lower() in text.lower():
            return known.lower()
    return type(exc).__name__
