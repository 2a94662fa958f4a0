"""Which texts have one cause: errors that differ only in what is of one record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

# What is quoted, and words with a digit in them: numbers, SKUs, times.
OWN = re.compile(r"“[^”]*”|\"[^\"]*\"|'[^']*'|[^\s,;:()]*\d[^\s,;:()]*")
LONGEST = 200
Row = TypeVar("Row")


def alike(text: str) -> str:
    """The text with what is of one record only left open, one line at most: two that are equal have one cause."""
    return OWN.sub("…", _first_line(text))[:LONGEST]


def shared(texts: Sequence[str]) -> str:
    """What texts of one cause have in common: what is of one record only is left open, what all of them say is kept."""
    own = zip(*(OWN.findall(_first_line(one)) for one in texts), strict=False)  # what differs may lie after LONGEST
    is_same = iter([len(set(words)) == 1 for words in own])
    return OWN.sub(lambda word: word[0] if next(is_same, False) else "…", _first_line(texts[0]))


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


def grouped(texts: Iterable[str]) -> list[tuple[str, int]]:
    """The first text of each cause and how many there are, most first."""
    return firsts(texts, alike)


def firsts(rows: Iterable[Row], cause: Callable[[Row], str]) -> list[tuple[Row, int]]:
    """The first row of each cause and how many it has, most first."""
    counts: Counter[str] = Counter()
    first: dict[str, Row] = {}
    for row in rows:
        key = cause(row)
        counts[key] += 1
        first.setdefault(key, row)
    return [(first[key], number) for key, number in counts.most_common()]
