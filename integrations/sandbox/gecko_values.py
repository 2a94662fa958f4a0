"""Values on TradeGecko's wire: read leniently, kept and shown in one form (tradegecko 2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

Row = dict[str, Any]

LARGEST = 10**15
FINEST = Decimal("1e-12")
FALSE = ("0", "f", "false", "off", "no")
OTHER_DATES = ("%d-%m-%Y", "%d/%m/%Y", "%b %d %Y", "%b %d, %Y", "%d %b %Y", "%Y/%m/%d")
# A "+" that was not encoded arrives as a space.
LOST_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)$")
BLANK = "can't be blank"


class Invalid(Exception):
    """A 422: field → messages (2.8)."""

    def __init__(self, **errors: str) -> None:
        super().__init__("; ".join(f"{field} {text}" for field, text in errors.items()))
        self.errors = {field: [text] for field, text in errors.items()}


class Problem(Exception):
    """(status, body) of any other JSON error answer."""


def not_found(what: str) -> Problem:
    return Problem(404, {"type": "Not Found", "message": f"Couldn't find {what}"})


def bad_request(text: str) -> Problem:
    return Problem(400, {"type": "Bad Request", "message": text})


def stamp(at: datetime) -> str:
    """A time as on the wire: UTC with milliseconds. Such texts sort as the times do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    return stamp(datetime.now(UTC))


def plain(value: Decimal) -> str:
    """Money, quantity or rate: trailing zeros trimmed, at least one decimal."""
    text = figure(value)
    return text if "." in text else f"{text}.0"


def figure(value: Decimal) -> str:
    """A stock figure: no decimal is forced."""
    return f"{value.normalize():f}" if value else "0"


def moment(text: str) -> datetime:
    """Any of the forms that clients send; without a zone it is UTC. Raises ValueError."""
    text = LOST_PLUS.sub(r"\1+\2", text.strip())
    for read in (datetime.fromisoformat, parsedate_to_datetime, _other):
        try:
            at = read(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    raise ValueError("is not a date")


def _other(text: str) -> datetime:
    for form in OTHER_DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(text)


def number(value: object) -> Decimal:
    """A JSON number or a text that is one. Raises ValueError."""
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite() or abs(found) >= LARGEST:
        raise ValueError("is not a number")
    return found if found == found.to_integral_value() else found.quantize(FINEST)


def whole(value: object) -> int:
    found = number(value)
    if found != found.to_integral_value():
        raise ValueError("must be an integer")
    return int(found)


def text(value: object) -> str:
    if isinstance(value, (dict, list)):
        raise ValueError("is invalid")
    return str(value).lower() if isinstance(value, bool) else str(value)


def yes_no(value: object) -> bool:
    return str(value).strip().lower() not in FALSE


def texts(value: object) -> list[str]:
    """A list of texts; one text counts as a list of itself."""
    given = value if isinstance(value, list) else [value]
    return [text(one) for one in given if one is not None]


def _joined(value: object) -> str:
    return ", ".join(texts(value))


def _mapping(value: object) -> Row:
    if not isinstance(value, dict):
        raise ValueError("is invalid")
    return value


def _prices(value: object) -> list[Row]:
    """A variant's own prices: (price list, value) pairs (3.7)."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("is invalid")
    given = [one for one in value if one.get("value") not in (None, "")]
    return [{"price_list_id": text(one.get("price_list_id")), "value": plain(number(one["value"]))} for one in given]


# kind → reader; each raises ValueError with a message for the client
READERS: dict[str, Callable[[Any], Any]] = {
    "text": text,
    "joined": _joined,
    "texts": texts,
    "whole": whole,
    "decimal": lambda value: plain(number(value)),
    "yesno": yes_no,
    "date": lambda value: moment(text(value)).date().isoformat(),
    "time": lambda value: stamp(moment(text(value))),
    "object": _mapping,
    "prices": _prices,
}
