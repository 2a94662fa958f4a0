"""The one door out: every request to another system goes through `Door.send`.

It keeps time-outs (a total one too, so a dripping answer cannot hold a worker), bounds the size of an answer, takes the
account's secret out of it, spends the shared rate budget, keeps a record, follows no redirect, and turns what the
network does into one of `integrations.errors`. What an HTTP status *means* is the provider's to say.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from traceback import walk_tb
from urllib.parse import urlencode, urlsplit

import requests
from requests import exceptions
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError

from integrations.account import Account, Exchange
from integrations.errors import IntegrationError, Misconfigured, OutcomeUnknown, Unavailable, Unreadable
from integrations.redaction import Redactor, without_values

MAX_ANSWER_BYTES = 64 * 1024 * 1024
EXCERPT_CHARS = 4_000
CONNECT_SECONDS = 10.0
CHUNK_BYTES = 64 * 1024
LONGEST_WAIT = timedelta(hours=1)

Params = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer, free of secrets unless it was asked to carry some. Header names are lower case."""

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

    @property
    def is_of_outage(self) -> bool:
        """Whether it says nothing about what was asked: the system, or what stands before it, is in trouble."""
        return self.status >= 500 or self.status == 408 or (200 <= self.status < 300 and self.is_html)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it goes out, but for the credentials. `writes`: it changes something over there."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    writes: bool


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: no redirect is followed, and the body of one is read like any other, with our bounds."""
        return None


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
        self._session = _Session()
        self._auth = auth
        self._secrets = [account.secret]
        self._redactor = Redactor(account.username, account.secret)

    def hide(self, secret: str) -> None:
        """From now on this one is taken out of answers and records too."""
        if secret and secret not in self._secrets:
            self._secrets.append(secret)
            self._redactor = Redactor(self._account.username, *self._secrets)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        writes: bool = False,
        unrecorded: Collection[str] = (),
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        `writes` says that the request changes something over there, so that no answer means OutcomeUnknown.
        `unrecorded` names fields that carry secrets: the answer is returned with them, the record is without.
        Raises Unavailable, OutcomeUnknown, Misconfigured (redirect to elsewhere) or Unreadable (answer too large); and,
        before a write leaves, what the account's lease raises.
        While the account's calls are paused, and when the one call that tries again fails, Unavailable(throttled).
        """
        probes = self._enter()
        url = f"{self._base}{path}" + (f"?{urlencode(params)}" if params else "")
        call = Call(method, url, body, headers or {}, writes)
        shown_body = without_values(body, unrecorded) if unrecorded else body
        started = time.monotonic()
        try:
            answer = self._exchange(call)
        except IntegrationError as exc:
            self._record(call, shown_body, None, started, str(exc))
            self._after_failure(exc, probes=probes, writes=writes)
            raise
        except Exception:
            self._give_back(probes)
            raise
        shown = self._shown(answer, unrecorded)
        self._record(call, shown_body, shown, started, "")
        self._after_answer(shown, probes=probes, writes=writes)
        self._check_redirect(answer)
        return answer if unrecorded else shown

    def _enter(self) -> bool:
        """Whether this call is the one that tries again. Spends a call of the budget, unless calls are paused."""
        circuit, budget = self._account.circuit, self._account.budget
        probes = circuit is not None and circuit.enter()
        if budget is None:
            return probes
        try:
            budget.take()
        except Exception:
            self._give_back(probes)
            raise
        return probes

    def _give_back(self, probes: bool) -> None:
        """This process did not try after all: the next one may."""
        if probes and self._account.circuit is not None:
            self._account.circuit.give_back()

    def _check_redirect(self, answer: Answer) -> None:
        if 300 <= answer.status < 400:
            raise Misconfigured(
                f"{self._host} answered with a redirect (HTTP {answer.status}), which is not followed; "
                "check the connection's base URL"
            )

    def _shown(self, answer: Answer, unrecorded: Collection[str]) -> Answer:
        """Without our secrets, and without those that the other side gives."""
        body = without_values(answer.body, unrecorded) if unrecorded else answer.body
        return replace(answer, body=self._redactor.clean(body))

    def _after_failure(self, exc: IntegrationError, *, probes: bool, writes: bool) -> None:
        """Tell the circuit; a read that tried again in vain is no record's failure."""
        circuit = self._account.circuit
        if circuit is None:
            return
        if isinstance(exc, Unreadable):
            circuit.succeeded()
        elif isinstance(exc, Unavailable) or probes:
            pause = circuit.failed(str(exc))
            if probes and not writes and isinstance(exc, Unavailable):
                raise Unavailable(str(exc), retry_after=pause, throttled=True) from None

    def _after_answer(self, answer: Answer, *, probes: bool, writes: bool) -> None:
        """Tell the circuit; what a failing answer to a write means stays the provider's to say."""
        circuit = self._account.circuit
        if circuit is None:
            return
        wait = retry_after(answer.headers, now=datetime.now(UTC))
        if not answer.is_of_outage:
            circuit.succeeded()
            if answer.status == 429 and wait:
                circuit.asked_to_wait(wait)
            return
        text = f"{self._host} is in trouble (HTTP {answer.status}: {answer.excerpt or 'empty'})"
        pause = circuit.failed(text, wait)
        if probes and not writes:
            raise Unavailable(text, retry_after=pause, throttled=True)

    def _exchange(self, call: Call) -> Answer:
        broken = OutcomeUnknown if call.writes else Unavailable
        if call.writes and self._account.lease is not None:
            # Last thing before it leaves: whoever was suspended until now may have been replaced meanwhile.
            self._account.lease.check()
        try:
            with self._session.request(
                call.method, call.url, data=call.body or None, headers=dict(call.headers), auth=self._auth,
                timeout=self._timeout, allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                content = self._read(response, broken)
                lowered = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, lowered, content)
        except (exceptions.RequestException, HTTPError, ValueError) as exc:
            raise self._meaning(exc, broken) from None

    def _read(self, response: requests.Response, broken: Callable[[str], IntegrationError]) -> bytes:
        deadline = time.monotonic() + self._total_seconds
        content = bytearray()
        # read1 gives what has come; a read of a fixed size waits until it is full, however slowly the bytes drip.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                too_large = broken if broken is OutcomeUnknown else Unreadable
                raise too_large(f"{self._host} sent more than {MAX_ANSWER_BYTES // 1024**2} MB; stopped reading")
            if time.monotonic() > deadline:
                raise broken(f"{self._host} did not finish its answer within {self._total_seconds:.0f} s")
        return bytes(content)

    def _meaning(self, exc: Exception, broken: Callable[[str], IntegrationError]) -> IntegrationError:
        """What a failure of the network or of the libraries means; `broken` when the request may have left."""
        if isinstance(exc, exceptions.InvalidURL):
            return Misconfigured(f"the base URL {self._base} cannot be used; correct it")
        if isinstance(exc, ValueError) and not isinstance(exc, HTTPError):  # of a header, before anything was sent
            return Misconfigured(
                "the user name, password or token holds characters that cannot be sent; enter them again",
                credentials=True,
            )
        if isinstance(exc, exceptions.SSLError) and _in_handshake(exc):
            return Misconfigured(f"no secure connection to {self._host}: {_reason(exc)}")
        if isinstance(exc, (exceptions.ConnectTimeout, exceptions.ProxyError)) or _never_connected(exc):
            return Unavailable(f"cannot reach {self._host}: {_reason(exc)}", unsent=True)
        if isinstance(exc, (exceptions.Timeout, ReadTimeoutError)):
            return broken(f"{self._host} did not answer within {self._timeout[1]:.0f} s")
        if isinstance(exc, (exceptions.ConnectionError, HTTPError)):
            return broken(f"{self._host} broke off the connection: {_reason(exc)}")
        return broken(f"the exchange with {self._host} failed: {_reason(exc)}")

    def _record(self, call: Call, shown_body: bytes, answer: Answer | None, started: float, error: str) -> None:
        if self._account.journal is None:
            return
        self._account.journal.record(
            Exchange(
                method=call.method,
                url=self._redactor.clean_text(call.url),
                request_body=self._redactor.clean(shown_body).decode("utf-8", "replace")[:EXCERPT_CHARS],
                status=answer.status if answer else None,
                response_body=answer.text[:EXCERPT_CHARS] if answer else "",
                milliseconds=int((time.monotonic() - started) * 1000),
                error=error,
            )
        )


def storable(text: str) -> str:
    """Without what no database keeps as text: NUL characters and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """The wait that a Retry-After header asks for, in seconds or as a date, clamped to 1 s … 1 h."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
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


def _in_handshake(exc: BaseException) -> bool:
    """Whether TLS failed before anything was sent.

    OpenSSL may say the same of a broken handshake and of a broken answer; the place where it was raised is certain.
    """
    return any(
        isinstance(cause, ssl.SSLError)
        and any(frame.f_code.co_name == "do_handshake" for frame, _ in walk_tb(cause.__traceback__))
        for cause in _causes(exc)
    )


def _causes(exc: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = exc
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


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
