"""What the cells of an alias file say, each by its column; what is wrong with one is a ValueError, after its name."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, time
from typing import Any

from integrations.exports import is_formula
from inventory.alias_file import Formatted, Unusable, shortened

YES, NO = {"", "1", "true", "yes", "y", "on"}, {"0", "false", "no", "n", "off"}
MAX_SKU_CHARS, MAX_NOTE_CHARS, MAX_UNITS = 120, 200, 100_000
FEW = {"": 1, **{str(number): number for number in range(1, 100)}}
EXACT_DIGITS = 15  # what a spreadsheet keeps of a number


def _is_plain(cell: Any, most: int) -> bool:
    """Whether a cell is good text as it is: most are, in files of 100,000 rows."""
    return type(cell) is str and cell.isprintable() and len(cell) <= most and cell[:1] not in "' " and cell[-1] != " "


def _sku(cell: Any) -> str:
    if _is_plain(cell, MAX_SKU_CHARS):
        return str(cell)
    text = safe_text(text_of(cell))
    if not text:
        raise ValueError("is empty")
    if len(text) > MAX_SKU_CHARS:
        raise ValueError(f"is longer than {MAX_SKU_CHARS} characters")
    _check_visible(text)
    return text


def _note(cell: Any) -> str:
    if cell == "" or _is_plain(cell, MAX_NOTE_CHARS):
        return str(cell)
    text = safe_text(text_of(number_of(cell)))
    if len(text) > MAX_NOTE_CHARS:
        raise ValueError(f"is longer than {MAX_NOTE_CHARS} characters")
    _check_visible(text.translate({ord(one): " " for one in "\n\r\t"}))
    return text


def _units(cell: Any) -> int:
    """A whole number of at least 1; empty means 1."""
    if type(cell) is str and cell in FEW:
        return FEW[cell]
    text = (text_of(number_of(cell)).strip() or "1").removesuffix(".0")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_UNITS):
        raise ValueError(f"is {shortened([text])[0]!r}; it must be a whole number from 1 to {MAX_UNITS}")
    return int(text)


def _switch(cell: Any) -> bool:
    """On unless it says no."""
    text = str(cell).lower() if isinstance(cell, bool) else text_of(number_of(cell)).strip().lower()
    if text not in YES | NO:
        raise ValueError(f"is {shortened([text])[0]!r}; use yes or no")
    return text not in NO


Readers = dict[str, Callable[[Any], Any]]
READERS: Readers = {
    "marketplace_sku": _sku, "warehouse_sku": _sku, "units": _units, "is_active": _switch, "note": _note,
}  # fmt: skip


def readers(stored: Iterable[str]) -> Readers:
    """By column; stored SKUs with characters that cannot be seen are taken as they are: an export comes back."""
    odd = {sku for sku in stored if not sku.isprintable()}

    def sku_of(cell: Any) -> str:
        text = safe_text(cell) if isinstance(cell, str) else ""
        return text if text in odd else _sku(cell)

    return {**READERS, "marketplace_sku": sku_of, "warehouse_sku": sku_of} if odd else READERS


def number_of(cell: Any) -> Any:
    """The number itself, where it does not matter how it is shown: beyond SKUs."""
    return cell.number if isinstance(cell, Formatted) else cell


def text_of(cell: Any) -> str:
    """The text of a cell, or of the number that a spreadsheet made of it. Raises ValueError when it has none."""
    if isinstance(cell, str) or cell is None:
        return cell or ""
    if isinstance(cell, Formatted):
        raise ValueError(f"is {cell}; format the column as text and enter it again")
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
    return text[1:] if text[:1] == "'" and is_formula(text[1:]) else text


def _check_visible(text: str) -> None:
    if text.isprintable():
        return
    for one in text:
        if unicodedata.category(one) in ("Cc", "Cf", "Cs"):
            raise ValueError(f"contains a character that cannot be seen (U+{ord(one):04X}); remove it")
