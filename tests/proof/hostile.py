"""Valid documents made hostile, by code: the same seed gives the same corpus, and a case is known by its number.

`mutants` are small changes of bytes, any of which a proxy, a bug or an attacker makes; `MONSTERS` are built to exhaust
a parser. For JSON a value is changed inside the document, since changed bytes mostly give no JSON at all.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

Change = Callable[[random.Random, bytes], bytes]
MEGABYTE = 1_000_000


def _flip(rng: random.Random, body: bytes) -> bytes:
    place = rng.randrange(len(body))
    return body[:place] + bytes([rng.randrange(256)]) + body[place + 1 :]


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body))]


def _leave_out(rng: random.Random, body: bytes) -> bytes:
    start = rng.randrange(len(body))
    return body[:start] + body[start + rng.randrange(1, 200) :]


def _repeat(rng: random.Random, body: bytes) -> bytes:
    start = rng.randrange(len(body))
    part = body[start : start + rng.randrange(1, 400)]
    return body[:start] + part * rng.choice([2, 3, 500]) + body[start:]


def _swap(rng: random.Random, body: bytes) -> bytes:
    a, b, c = sorted(rng.randrange(len(body)) for _ in range(3))
    return body[:a] + body[b:c] + body[a:b] + body[c:]


def _insert(rng: random.Random, body: bytes) -> bytes:
    place = rng.randrange(len(body))
    return body[:place] + rng.choice(FRAGMENTS) + body[place:]


def _swap_tags(rng: random.Random, body: bytes) -> bytes:
    """Two pieces of markup change places, or two words where there is none."""
    found = [match.span() for match in re.finditer(rb"<[^<>]{1,60}>|\b\w{3,40}\b", body)]
    if len(found) < 2:
        return body
    (a, b), (c, d) = sorted(rng.sample(found, 2))
    return body[:a] + body[c:d] + body[b:c] + body[a:b] + body[d:]


def _recode(rng: random.Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    return rng.choice([
        text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-32"), text.encode("latin-1", "replace"),
        b"\xef\xbb\xbf" + body, b"\xef\xbb\xbf" * 2 + body, b"\xff\xfe" + body, text.encode("utf-7"), body + b"\x00",
        b'<?xml version="1.0" encoding="EBCDIC-CP-US"?>' + body, b'<?xml version="1.0" encoding="no-such"?>' + body,
        b'<?xml version="1.0" encoding="UTF-16"?>' + body,
    ])  # fmt: skip


CHANGES: tuple[Change, ...] = (_flip, _flip, _cut, _leave_out, _repeat, _swap, _insert, _insert, _swap_tags, _recode)
DTD = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
XXE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY % b SYSTEM "http://127.0.0.1:9/x"> %b;]>'
FRAGMENTS = (
    b"&", b"<", b">", b"&a;", b"&#0;", b"&#xD800;", b"&#x110000;", b"\x00", b"\x1b", b"\xff\xfe", b"\xed\xa0\x80",
    b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?x ?>", b"<list>", b"</list>", b"<list/>", b"<a xmlns:b=''>", DTD, XXE,
    b'"', b"'", b",", b";", b"\n", b"\r", b'""', b"=1+1", b"@SUM(A1)", b"1e999", b"-1", b"null", b"NaN", b"{", b"}",
    b"[", b"]", b":", b"\\u0000", b"\\ud800", b"9" * 400, "٣".encode(), "\u202e".encode(), b"<x>" * 300,
)  # fmt: skip


def mutants(seeds: list[bytes], count: int, *, seed: int = 1) -> Iterator[tuple[int, bytes]]:
    """(number, body): a seed after one to four changes."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        body = rng.choice(seeds)
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            body = rng.choice(CHANGES)(rng, body) if body else body
        yield number, body


# --- JSON -------------------------------------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    None, 0, -1, 1, True, False, "", " ", [], {}, [[]], [None], {"id": None}, 10**18, 10**60, -(10**400), 1.5, 1e308,
    float("inf"), float("-inf"), float("nan"), "NaN", "Infinity", "1e999", "-0", "0x10", "1_000", "٣", "x" * 10_000,
    "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\U0001f4a9", "\u202etxt", "=1+1", "<script>", "2024-02-30T00:00:00Z",
    "0000-00-00", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00-23:59", "2024-01-01", "2024-01-01T00:00:00.123456789Z",
    ["fulfilled"], {"a": {"b": {"c": []}}}, "9" * 5000, "void", "fulfilled", "deleted", "draft", "  7  ",
)  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def spoilt_records(seeds: list[dict[str, Any]], count: int, *, seed: int = 1) -> Iterator[tuple[int, Any]]:
    """(number, record): one to three values of a seed are something else, are missing, or stand under another name."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        record = copy.deepcopy(rng.choice(seeds))
        for _ in range(rng.choice([1, 1, 2, 3])):
            record = spoil(rng, record)
        yield number, record


def spoil(rng: random.Random, record: Any) -> Any:
    """The record with one value at any depth changed; sometimes the whole is something else."""
    if rng.random() < 0.05:
        return hostile_value(rng)
    places = list(_places(record))
    if not places:
        return record
    holder, key = rng.choice(places)
    match rng.randrange(6):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[str(hostile_value(rng))[:50]] = holder.pop(key)
        case 2:
            other, its = rng.choice(places)
            holder[key] = copy.deepcopy(other[its])
        case _:
            holder[key] = hostile_value(rng)
    return record


def hostile_value(rng: random.Random) -> Any:
    return nested(rng.choice([5, 50, 400])) if rng.random() < 0.05 else copy.deepcopy(rng.choice(VALUES))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) inside."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def dumped(value: Any) -> bytes:
    """As JSON, with what JSON does not know (NaN, Infinity) as Python writes it; half characters stay escaped."""
    return json.dumps(value).encode()
