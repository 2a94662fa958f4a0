"""Bytes of a CSV or XLSX file → the rows of a code map, with exactly its columns and the line numbers of an editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tablib

from inventory import alias_file
from inventory.alias_cells import safe_text
from inventory.alias_file import FileProblem, Unusable, shortened

MAX_ROWS = 5_000  # a code map has hundreds; they are all done while a person waits


class MapFile(tablib.Dataset):
    """The rows below the header as text, or as Unusable; `lines` are their numbers."""

    lines: list[int]


def read(content: bytes, columns: Sequence[str]) -> MapFile:
    """Raises FileProblem, also for a column that is missing, twice, or none of these."""
    (_, header), *rows = alias_file.rows(content, most=MAX_ROWS) or [(1, [])]
    headers = [str(cell if cell is not None else "").strip().lower().replace(" ", "_") for cell in header]
    if sorted(headers) != sorted(columns):
        seen = ", ".join(shortened(headers)) or "nothing"
        raise FileProblem(f"the file's first line must name the columns {', '.join(columns)}; it names {seen}")
    if not rows:
        raise FileProblem("the file has a header and nothing below it")
    data = MapFile(headers=headers)
    data.lines = [line for line, _ in rows]
    for line, cells in rows:
        if len(cells) > len(headers):
            raise FileProblem(
                f"line {line} has more cells than the header; put text with a separator in quotation marks"
            )
        data.append([*map(_text, cells), *[""] * (len(headers) - len(cells))])
    return data


def _text(cell: Any) -> str | Unusable:
    """A spreadsheet makes a number of what looks like one; what it made of the rest cannot be undone."""
    if cell is None or isinstance(cell, str):
        return safe_text(cell or "")
    is_whole = cell.is_integer() if isinstance(cell, float) else isinstance(cell, int) and not isinstance(cell, bool)
    if is_whole:  # what is infinite is not
        return str(int(cell))
    return cell if isinstance(cell, Unusable) else Unusable(f"the value {shortened([cell])[0]!r}, which is no text")
