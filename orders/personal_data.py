"""What of an order says who the customer is, and how our records read without it. Pure.

State and country stay, since they identify nobody; so do numbers, SKUs, quantities, prices and times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from integrations.ports import Address, MarketplaceOrder
from orders import changes
from orders.models import Order

KEPT = ("state", "country_code")  # of an address
PERSONAL = tuple(name for name in changes.ADDRESS if name not in KEPT)
COLUMNS = tuple(f"ship_{name}" for name in PERSONAL)
MARK = "(redacted)"
# Shorter ones are in many texts: looking for them would spoil these and protect nobody.
MIN_CHARS = 3
MIN_DIGITS = 5

_QUOTED = r"'(?:[^'\\]|\\.)*(?:'|\Z)" r'|"(?:[^"\\]|\\.)*(?:"|\Z)'
_NUMBER = r"\d*\.?\d+"
_VALUE = rf"(?:{_QUOTED}|\(none\)|{_NUMBER})"
_FIELDS = "|".join(changes.word(name) for name in PERSONAL)
# Values that nothing else here may know any more. A text may have been cut off within one.
_TOLD = (
    re.compile(rf"(?<!\w)({_FIELDS}) (?:{_VALUE} →(?: {_VALUE})?|(?:{_QUOTED}|{_NUMBER})\Z)", re.DOTALL),
    re.compile(r"(for another address than the marketplace's:) .*?(?=\. Put that right|\Z)", re.DOTALL),
    re.compile(rf"(an address there that is not the one we sent) \((?:{_QUOTED})\)", re.DOTALL),
)  # fmt: skip


def as_kept(order: Order, told: MarketplaceOrder) -> MarketplaceOrder:
    """The order as it is told; without its customer, if ours is kept without."""
    if order.redacted_at is None:
        return told
    place = Address(state=told.ship_to.state, country_code=told.ship_to.country_code)
    lines = tuple(replace(line, notes="") for line in told.lines)
    return replace(told, ship_to=place, lines=lines, raw="")


def without(kept: Any) -> Any:
    """The same of JSON that was kept: what the marketplace said (`changes.facts`), or what the warehouse was sent."""
    if isinstance(kept, list):
        return [without(one) for one in kept]
    if not isinstance(kept, dict):
        return kept
    return {name: _without(name, value) for name, value in kept.items()}


def values_of(kept: Any) -> Iterator[str]:
    """What `without` takes out of it; of a name each word too, since people write no more than that."""
    if isinstance(kept, list):
        for one in kept:
            yield from values_of(one)
    elif isinstance(kept, dict):
        for name, value in kept.items():
            if name == "notes":
                yield str(value or "")
            elif name == "ship_to" and value:
                yield from (str(text or "") for field, text in value.items() if field not in KEPT)
                yield from str(value.get("name") or "").split()
            else:
                yield from values_of(value)


def remover(values: Iterable[str], numbers: Iterable[str]) -> Callable[[str], str]:
    """What takes these values, and what reads like a change of an address, out of a text. `numbers` stay."""
    wanted = {value.strip() for value in values} - set(numbers)
    ways = [_spelt(one) for one in sorted(wanted, key=len, reverse=True) if _is_telling(one)]
    patterns = [*_TOLD, *([re.compile(rf"()(?<![\w-])(?:{'|'.join(ways)})(?![\w-])")] if ways else [])]

    def remove(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(_marked, text)
        return text

    return remove


def _without(name: str, value: Any) -> Any:
    if name == "notes":
        return value and ""
    if name == "ship_to" and value:
        return {field: text if field in KEPT else "" for field, text in value.items()}
    return without(value)


def _is_telling(value: str) -> bool:
    """A Chinese name is two letters."""
    return len(value) >= (MIN_DIGITS if value.isdigit() else MIN_CHARS if value.isascii() else 2)


def _spelt(value: str) -> str:
    """Capitals count in a single word: many names are common words, too."""
    escaped = re.escape(value)
    return escaped if value.isalpha() else f"(?i:{escaped})"


def _marked(found: re.Match[str]) -> str:
    return f"{found[1]} {MARK}" if found[1] else MARK
