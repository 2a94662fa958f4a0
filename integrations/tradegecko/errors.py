"""What an answer of TradeGecko means for us (tradegecko 2.7, 2.8): nothing, or one of the five errors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.errors import (
    IntegrationError,
    KeyRefused,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Unreadable,
)
from integrations.http import Answer, retry_after

LONGEST_NUMBER = 60
DEFAULT_WAIT = timedelta(seconds=60)
DUPLICATE_KEY = "duplicate idempotency key"
CREDENTIALS = {
    401: "refused the token (HTTP 401). Make a new privileged token, enter it, then test",
    402: "says that the subscription has lapsed (HTTP 402). Renew it, then test",
    403: "says that the token's user may not do this (HTTP 403). Give the user the rights, then test",
}
RENEWED_IN_VAIN = (
    "TradeGecko refused a token that had just been renewed (HTTP 401). Authorize again on the connection's page"
)
# Without these nothing of a connection works; a right to anything else may be missing for good.
NEEDED = ("/accounts/current", "/orders")
# What an order takes from its route (3.10).
OF_ROUTE = frozenset({"company", "company_id", "stock_location", "stock_location_id", "currency", "currency_id"})


class TooLong(Unreadable):
    """The address of the question was too long (HTTP 414): ask for less at a time."""


class NotThere(Refused):
    """There is no record with this id (HTTP 404)."""


def check(answer: Answer, what: str, *, writes: bool) -> None:
    """Raise unless the answer is a success."""
    if 200 <= answer.status < 300:
        return
    raise _error(answer, what, writes)


def parse(answer: Answer, what: str, *, writes: bool) -> dict[str, Any]:
    """The answer's JSON object. Raises Unreadable, or OutcomeUnknown when the request changed something."""
    try:
        body = json.loads(answer.body, parse_int=_whole)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    seen = "a web page" if answer.is_html else "something other than a JSON object"
    text = f"TradeGecko answered {what} with {seen}: {answer.excerpt or 'empty'}"
    if writes:
        raise OutcomeUnknown(f"{text}; it is looked up before it is sent again")
    raise Unavailable(text) if answer.is_html or not answer.body.strip() else Unreadable(text)


def _whole(digits: str) -> int | str:
    """Python reads no number of thousands of digits, and would give up on the whole answer for one."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else digits


def wait_of(answer: Answer) -> timedelta:
    """How long a 429 wants us to wait: until the window's reset, which it names in its headers (2.6)."""
    reset, now = answer.headers.get("x-rate-limit-reset", ""), datetime.now(UTC)
    if reset.isascii() and reset.isdigit() and len(reset) < LONGEST_NUMBER:
        left = int(reset) + 1 - now.timestamp()
        return timedelta(seconds=min(max(left, 1), 3600))
    return retry_after(answer.headers, now=now) or DEFAULT_WAIT


def _error(answer: Answer, what: str, writes: bool) -> IntegrationError:
    status = answer.status
    if status in CREDENTIALS:
        path = what.partition(" ")[2]
        stops = status != 403 or path.startswith(NEEDED)
        text = "" if stops else f" It was about {what}; the rest goes on."
        return Misconfigured(f"TradeGecko {CREDENTIALS[status]}.{text}", credentials=stops)
    if status == 429:
        wait = wait_of(answer)
        text = f"TradeGecko's call limit is used up; it asks for a pause of {wait.total_seconds():.0f} s (HTTP 429)"
        return Unavailable(text, retry_after=wait, throttled=True)
    if status >= 500 or status == 408:
        wait_asked = retry_after(answer.headers, now=datetime.now(UTC))
        if writes:
            text = f"TradeGecko answered {what} with HTTP {status}, which does not say whether it was done"
            return OutcomeUnknown(f"{text}; it is looked up before it is sent again", retry_after=wait_asked)
        return Unavailable(f"TradeGecko is in trouble (HTTP {status} for {what})", retry_after=wait_asked)
    return _refusal(answer, what, writes)


def _refusal(answer: Answer, what: str, writes: bool) -> IntegrationError:
    text = _said(answer)
    if answer.status == 400 and DUPLICATE_KEY in text.lower():
        return KeyRefused(f"TradeGecko has had {what} before, by its idempotency key; it is looked up")
    if answer.status == 404 and (answer.is_html or not text):
        return Misconfigured(f"TradeGecko has nothing at this address (HTTP 404 for {what}). Check the base URL.")
    if answer.status == 414:
        return TooLong(f"TradeGecko says that the address of {what} is too long (HTTP 414)")
    seen = f"TradeGecko refused {what} (HTTP {answer.status}): {text or answer.excerpt or 'no reason given'}"
    if writes and OF_ROUTE & set(_fields(answer)):
        return Refused(f"{seen}. Check the route's company, location and currency in TradeGecko.", about_route=True)
    if answer.status == 404:
        return NotThere(seen)
    return Refused(seen) if writes or answer.status == 422 else Unreadable(seen)


def _fields(answer: Answer) -> Iterable[str]:
    """The fields that a validation error names."""
    errors = _body(answer).get("errors")
    return errors if isinstance(errors, dict) else ()


def _body(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _said(answer: Answer) -> str:
    """The message of an error body: `errors` by field, else `message`, else `error` (2.8)."""
    body = _body(answer)
    errors = body.get("errors")
    if isinstance(errors, dict):
        return "; ".join(f"{field} {_joined(texts)}" for field, texts in errors.items())[:1000]
    if errors:
        return _joined(errors)[:1000]
    return str(body.get("message") or body.get("error_description") or body.get("error") or "")[:1000]


def _joined(texts: object) -> str:
    return ", ".join(map(str, texts)) if isinstance(texts, list) else str(texts)
