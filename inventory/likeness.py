"""How much an unknown marketplace SKU is like something known, why, and how sure that is. Pure.

Nothing of this is ever applied by itself: a likeness is shown to a person, who accepts it or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import prod
from string import ascii_lowercase, digits

# What two spellings of one SKU differ in, besides capitals.
PUNCTUATION = " -_./\\,:;#+*'"
NOTHING = dict.fromkeys(map(ord, PUNCTUATION))
LETTERS = ascii_lowercase + digits
SHORTEST_NEAR = 4  # of a shorter SKU every other one is near
SHORTEST_PART = 4
LEAST_RATIO = 0.8
HIGHEST = 99  # only a person is sure
TITLE_CHARS = 200
# Characters that are read for one another.
CONFUSED = ("0o", "1il", "5s", "8b", "2z", "uv", "mn")
SEPARATORS = ("", "-", "_", " ", ".", "/")

Parts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Goods:
    """What is known of a SKU on either side."""

    sku: str
    title: str = ""
    upc: str = ""


@dataclass(frozen=True, slots=True)
class Clue:
    """One reason to think that a SKU is these (warehouse SKU, units). `percent` is how sure that makes it."""

    parts: Parts
    percent: int
    reason: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a SKU may be in the warehouse, with every reason in words and how sure they make it together."""

    parts: Parts
    percent: int
    reason: str

    @property
    def confidence(self) -> str:
        return "high" if self.percent >= 80 else "medium" if self.percent >= 55 else "low"


def plain(sku: str) -> str:
    """A SKU without capitals, blanks and punctuation."""
    return sku.translate(NOTHING).casefold()


def plain_title(title: str) -> str:
    """A title without capitals and needless blanks; the beginning of a long one, as it is stored to be found by."""
    return " ".join(title.split()).casefold()[:TITLE_CHARS]


def ranked(clues: Iterable[Clue], limit: int) -> list[Suggestion]:
    """The surest first; several clues to the same goods add up."""
    found: dict[Parts, dict[str, int]] = {}
    for clue in clues:
        reasons = found.setdefault(clue.parts, {})
        reasons[clue.reason] = max(clue.percent, reasons.get(clue.reason, 0))
    made = [
        Suggestion(parts, _together(reasons.values()), "; ".join(sorted(reasons, key=lambda one: -reasons[one])))
        for parts, reasons in found.items()
    ]
    return sorted(made, key=lambda one: (-one.percent, one.parts))[:limit]


def clues(asked: Goods, carried: Goods) -> Iterator[Clue]:
    """What speaks for the warehouse's item being what was asked for."""
    parts: Parts = ((carried.sku, 1),)
    if asked.upc.strip() and asked.upc.strip() == carried.upc.strip():
        yield Clue(parts, 95, f"same UPC ({asked.upc.strip()})")
    spelt = spelling(asked.sku, carried.sku)
    if spelt:
        yield Clue(parts, *spelt)
    if asked.title.strip() and plain_title(asked.title) == plain_title(carried.title):
        yield Clue(parts, 65, "same title")


def spelling(asked: str, known: str) -> tuple[int, str] | None:
    """How sure, in percent, and why two SKUs are one by how they are spelt; None if they are not alike."""
    one, other = plain(asked), plain(known)
    if not one or not other:
        return None
    if one == other:
        return 90, f"same SKU but for {_but_for(asked, known)}"
    if len(one) >= SHORTEST_NEAR and other in near(one):
        return _one_change(one, other)
    if min(len(one), len(other)) >= SHORTEST_PART and (one in other or other in one):
        longer = "it is a part of this SKU" if other in one else "this SKU is a part of it"
        return 50, longer
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.quick_ratio() >= LEAST_RATIO and matcher.ratio() >= LEAST_RATIO:
        return int(matcher.ratio() * 50), "similar spelling"
    return None


def near(sku: str) -> set[str]:
    """Every spelling (plain) that differs in one character, or in two neighbours that changed places."""
    cuts = [(sku[:place], sku[place:]) for place in range(len(sku) + 1)]
    without = {a + b[1:] for a, b in cuts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    replaced = {a + letter + b[1:] for a, b in cuts if b for letter in LETTERS}
    added = {a + letter + b for a, b in cuts for letter in LETTERS}
    return (without | swapped | replaced | added) - {sku}


def ends(sku: str) -> set[str]:
    """Beginnings and ends of a SKU (plain) that may be SKUs themselves."""
    places = range(SHORTEST_PART, len(sku))
    return {sku[:place] for place in places} | {sku[-place:] for place in places}


def spellings(sku: str) -> set[str]:
    """The usual other spellings of a SKU: its parts joined otherwise, in capitals or none."""
    words = [word for word in re.split(r"[\W_]+", sku) if word]
    joined = {separator.join(words) for separator in SEPARATORS}
    return {cased for text in joined for cased in (text, text.upper(), text.lower())} - {sku, ""}


def _one_change(one: str, other: str) -> tuple[int, str]:
    if len(one) != len(other):
        longer, shorter = max(one, other, key=len), min(one, other, key=len)
        place = next((at for at, letter in enumerate(shorter) if longer[at] != letter), len(shorter))
        more = "more" if longer == other else "less"
        return (45 if longer[place].isdigit() else 70), f"near spelling: one character {more} (“{longer[place]}”)"
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    if len(differing) > 1:
        return 75, f"near spelling: “{''.join(a for a, _ in differing)}” the other way round"
    [(a, b)] = differing
    if any(a in same and b in same for same in CONFUSED):
        return 80, f"near spelling: “{b}” for “{a}”"
    # The next number is mostly the next article.
    return (35 if a.isdigit() and b.isdigit() else 65), f"near spelling: “{b}” for “{a}”"


def _but_for(asked: str, known: str) -> str:
    if asked.casefold() == known.casefold():
        return "capitals"
    bare = [sku.translate(NOTHING) for sku in (asked, known)]
    return "blanks and punctuation" if bare[0] == bare[1] else "capitals, blanks and punctuation"


def _together(percents: Iterable[int]) -> int:
    doubt = prod(1 - percent / 100 for percent in percents)
    return min(round(100 * (1 - doubt)), HIGHEST)
