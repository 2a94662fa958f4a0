"""What must not be in texts that are kept, shown or logged: a connection's secret, and the rows of our own database."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache
from html.entities import codepoint2name
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import Error as DatabaseTrouble

MARK = b"***"
# Shorter ones, and short numbers, are in every message: looking for them would spoil orders and protect nothing.
MIN_CHARS = 4
MIN_DIGITS = 8
# The start of a tag stays, though the secret be the name of an element: the message must stay readable.
TAG = rb"(?P<tag></?[A-Za-z_][\w.:-]*)"


class Redactor:
    """Replaces an account's secrets, and `user:secret` as Basic authentication joins them, by a mark.

    Both are found as they are and in base64, and there each character as itself, percent-encoded, or escaped as XML,
    HTML, JSON or Python write it. A secret of fewer than 4 characters, or of fewer than 8 if they are all digits, is
    found only together with the user name or in base64 with it.
    """

    def __init__(self, username: str, *secrets: str) -> None:
        found = {way for secret in secrets for way in _ways(username, secret)}
        ways = sorted(found, key=len, reverse=True)
        self._secret = re.compile(b"|".join(ways)) if ways else None

    def clean(self, content: bytes) -> bytes:
        # Nearly always there is nothing to find, and finding that out is cheap.
        if self._secret is None or not self._secret.search(content):
            return content
        secret_or_tag = re.compile(self._secret.pattern + b"|" + TAG)
        return secret_or_tag.sub(lambda match: match["tag"] or MARK, content)

    def clean_text(self, text: str) -> str:
        return self.clean(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def message_of(exc: BaseException) -> str:
    """What an exception says. Of a database's error only the first line: PostgreSQL's DETAIL quotes the whole row."""
    text = str(exc)
    if isinstance(exc, DatabaseTrouble) or type(exc).__module__.startswith("psycopg"):
        return next(iter(text.strip().splitlines()), "")
    return text


def named(exc: BaseException) -> str:
    """The exception's type and what it says, for texts that are kept."""
    return f"{type(exc).__name__}: {message_of(exc)}"


def without_values(content: bytes, names: Collection[str]) -> bytes:
    """A JSON object or a form with the values of these fields replaced by a mark.

    What is neither is left out whole: half of an answer may hold a token too.
    """
    with suppress(ValueError, RecursionError):
        if isinstance(fields := json.loads(content), dict):
            return json.dumps(_marked(fields, names)).encode()
    with suppress(ValueError):
        pairs = parse_qsl(content.decode(), keep_blank_values=True, strict_parsing=True)
        if all(name.isidentifier() for name, _ in pairs):
            return urlencode(_marked(dict(pairs), names), safe="*").encode()
    return b"(%d bytes, not kept: they may hold a token)" % len(content) if content else b""


def _marked(value: Any, names: Collection[str]) -> Any:
    if isinstance(value, dict):
        marked = MARK.decode()
        return {name: marked if name in names and inner else _marked(inner, names) for name, inner in value.items()}
    return [_marked(inner, names) for inner in value] if isinstance(value, list) else value


def _ways(username: str, secret: str) -> set[bytes]:
    """Patterns of the secret and of the pair, plain and in base64."""
    given = [secret, f"{username}:{secret}" if username and secret else ""]
    plain = [text for text in given if _is_telling(text)]
    encoded = [code(text.encode()).decode().rstrip("=") for text in plain for code in (b64encode, urlsafe_b64encode)]
    padding = _spelt("=") + b"{0,2}"
    return {*map(_spelt, plain), *(_spelt(text) + padding for text in encoded)}


def _is_telling(secret: str) -> bool:
    return len(secret) >= (MIN_DIGITS if secret.isdigit() else MIN_CHARS)


def _spelt(text: str) -> bytes:
    return b"".join(b"(?:" + b"|".join(_spellings(char)) + b")" for char in text)


@lru_cache(maxsize=256)  # single characters: no secret is kept by it
def _spellings(char: str) -> list[bytes]:
    """Patterns of every way in which one character may be written."""
    utf8, code = char.encode("utf-8", "replace"), ord(char)
    units = char.encode("utf-16-be", "replace")
    literal = re.escape(utf8) if char.isalnum() else rb"\\?" + re.escape(utf8)
    ways = [
        literal,
        re.escape(ascii(char)[1:-1].encode()),
        re.escape(json.dumps(char)[1:-1].encode()),
        re.escape(utf8.decode("latin-1").encode()),
        b"".join(b"%" + _hex(byte) for byte in utf8),
        b"".join(rb"\\x" + _hex(byte) for byte in utf8),
        b"".join(rb"\\u" + _hex(high) + _hex(low) for high, low in zip(units[::2], units[1::2], strict=True)),
        b"&#0*%d;" % code,
        b"&#[xX]0*" + _any_case(b"%x" % code) + b";",
    ]
    names = [codepoint2name[code]] if code in codepoint2name else ["apos"] if char == "'" else []
    ways += [b"&%s;" % name.encode() for name in names]
    ways += [re.escape(bytes([code]))] if 0x80 <= code <= 0xFF else []
    return list(dict.fromkeys([*ways, rb"\+"] if char == " " else ways))


def _hex(byte: int) -> bytes:
    return _any_case(b"%02x" % byte)


def _any_case(digits: bytes) -> bytes:
    return b"".join(b"[%c%c]" % (one, one - 32) if 97 <= one <= 102 else b"%c" % one for one in digits)
