"""Alias file → plan: what would be new and what would change, and every problem with its line. Then apply it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from django.utils import timezone

from integrations.models import Connection
from inventory import catalogue
from inventory.alias_file import AliasFile, Unusable, shortened
from inventory.models import SkuAlias

FIELDS = ("units", "is_active", "note")
YES, NO = {"", "1", "true", "yes", "y", "on"}, {"0", "false", "no", "n", "off"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MAX_SKU_CHARS, MAX_NOTE_CHARS, MAX_UNITS = 120, 200, 100_000
EXACT_DIGITS = 15  # what a spreadsheet keeps of a number

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one line of the file, or doubtful."""

    line: int
    text: str
    cells: tuple[str, ...]

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Change:
    """One line that makes a difference. `before` is None for a new alias."""

    line: int
    after: SkuAlias
    before: SkuAlias | None = None


@dataclass(slots=True)
class Plan:
    """What a file would do. It can be applied when it has no problems; warnings are for a person to judge."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def plan(file: AliasFile, connection: Connection) -> Plan:
    """Compare the file with the connection's aliases, which are read once. Writes nothing."""
    known = {(row.marketplace_sku, row.warehouse_sku): row for row in SkuAlias.objects.filter(connection=connection)}
    made, seen = Plan(), dict[Key, int]()
    for line, cells in file.numbered():
        values, wrong = _read(cells)
        key = str(values.get("marketplace_sku", "")), str(values.get("warehouse_sku", ""))
        if line in file.too_long:
            wrong.append("it has more cells than the header; put text with a separator in quotation marks")
        if not wrong and key in seen:
            wrong.append(f"{key[0]} → {key[1]} is in line {seen[key]} already")
        if wrong:
            made.problems.append(Problem(line, "; ".join(wrong), shortened(cells.values())))
            continue
        seen[key] = line
        _compare(made, line, connection, known.get(key), values)
    made.warnings = _warnings(made, connection)
    return made


def apply(made: Plan) -> None:
    """Store every change; all or none is the caller's transaction."""
    now = timezone.now()
    for change in made.changes:
        change.after.changed_at = now
    SkuAlias.objects.bulk_create(
        [change.after for change in made.changes],
        update_conflicts=True,
        unique_fields=["connection", "marketplace_sku", "warehouse_sku"],
        update_fields=[*FIELDS, "changed_at"],
        batch_size=1000,
    )


def _compare(made: Plan, line: int, connection: Connection, known: SkuAlias | None, values: dict[str, Any]) -> None:
    kept = {name: getattr(known, name) for name in FIELDS} if known else {}
    after = SkuAlias(connection=connection, **{**kept, **values})
    if known is not None and all(getattr(known, name) == getattr(after, name) for name in FIELDS):
        made.unchanged += 1
    else:
        made.changes.append(Change(line, after, known))


def _warnings(made: Plan, connection: Connection) -> list[Problem]:
    """Once per warehouse SKU that no warehouse of this marketplace is known to carry: its first line."""
    first: dict[str, Change] = {}
    for change in made.changes:
        if change.after.is_active:
            first.setdefault(change.after.warehouse_sku, change)
    doubts = catalogue.doubts(connection, first)
    return [
        Problem(change.line, doubts[sku], shortened((change.after.marketplace_sku, sku)))
        for sku, change in first.items()
        if sku in doubts
    ]


def _read(cells: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of a row, and what is wrong with it."""
    values: dict[str, Any] = {}
    wrong = []
    for name, cell in cells.items():
        try:
            values[name] = READERS[name](cell)
        except ValueError as exc:
            wrong.append(f"{name} {exc}")
    return values, wrong


def _sku(cell: Any) -> str:
    text = safe_text(_text(cell))
    if not text:
        raise ValueError("is empty")
    if len(text) > MAX_SKU_CHARS:
        raise ValueError(f"is longer than {MAX_SKU_CHARS} characters")
    _check_visible(text)
    return text


def _note(cell: Any) -> str:
    text = safe_text(_text(cell))
    if len(text) > MAX_NOTE_CHARS:
        raise ValueError(f"is longer than {MAX_NOTE_CHARS} characters")
    _check_visible(text.translate({ord(one): " " for one in "\n\r\t"}))
    return text


def _units(cell: Any) -> int:
    """A whole number of at least 1; empty means 1."""
    text = (_text(cell).strip() or "1").removesuffix(".0")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_UNITS):
        raise ValueError(f"is {shortened([text])[0]!r}; it must be a whole number from 1 to {MAX_UNITS}")
    return int(text)


def _switch(cell: Any) -> bool:
    """On unless it says no."""
    text = str(cell).lower() if isinstance(cell, bool) else _text(cell).strip().lower()
    if text not in YES | NO:
        raise ValueError(f"is {shortened([text])[0]!r}; use yes or no")
    return text not in NO


READERS: dict[str, Callable[[Any], Any]] = {
    "marketplace_sku": _sku, "warehouse_sku": _sku, "units": _units, "is_active": _switch, "note": _note,
}  # fmt: skip


def _text(cell: Any) -> str:
    """The text of a cell, or of the number that a spreadsheet made of it."""
    if isinstance(cell, str) or cell is None:
        return cell or ""
    if isinstance(cell, Unusable):
        raise ValueError(f"is {cell}; enter its value instead")
    if isinstance(cell, bool):
        raise ValueError(f"is {str(cell).upper()}, not text; format the column as text and enter it again")
    if isinstance(cell, date | time):
        raise ValueError(f"is the date or time {cell}; format the column as text and enter it again")
    return _digits(cell)


def _digits(number: Any) -> str:
    whole = int(number) if isinstance(number, float) and number.is_integer() else number
    if len(str(abs(whole))) > EXACT_DIGITS:
        raise ValueError(
            f"is the number {whole}, of which a spreadsheet keeps {EXACT_DIGITS} digits; "
            "format the column as text and enter it again"
        )
    return str(whole)


def safe_text(text: str) -> str:
    """Without blanks around it, and without the apostrophe that an export puts before what looks like a formula."""
    text = text.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS else text


def _check_visible(text: str) -> None:
    if text.isprintable():
        return
    for one in text:
        if unicodedata.category(one) in ("Cc", "Cf", "Cs"):
            raise ValueError(f"contains a character that cannot be seen (U+{ord(one):04X}); remove it")
