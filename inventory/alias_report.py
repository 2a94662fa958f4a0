"""What a person is shown of a plan, as values for JSON, and the file of the lines that are wrong."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any

from inventory import alias_cells
from inventory.alias_file import ADDED, COLUMNS, REQUIRED, AliasFile
from inventory.alias_import import AliasResult, SafeText, differences
from inventory.alias_plan import Change, Problem

SHOWN_ROWS, SHOWN_PROBLEMS = 100, 200


def of_plan(result: AliasResult, *, changed_since: bool = False) -> dict[str, Any]:
    """Keys: `rows`, `switched_off` (see `rows`), `problems`, `warnings` (see `lines`), `ignored`, `effects`,
    `changed_since`.
    """
    plan = result.plan
    return {
        "rows": rows([change for change in plan.changes if change.line]),
        "switched_off": rows([change for change in plan.changes if not change.line]),
        "problems": lines(plan.problems), "warnings": lines(plan.warnings), "ignored": result.ignored,
        "effects": result.effects, "changed_since": changed_since,
    }  # fmt: skip


def rows(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The first changes: `line`, `what`, and `cells` as [column, before, after]."""
    return [
        {"line": one.line, "what": _what(one),
         "cells": [[name, *pair] for name, pair in zip(COLUMNS, differences(one), strict=True)]}
        for one in changes[:SHOWN_ROWS]
    ]  # fmt: skip


def lines(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """The first problems: `line`, `text`, and the line's `cells`, shortened."""
    return [{"line": one.line, "text": one.text, "cells": one.shown} for one in problems[:SHOWN_PROBLEMS]]


def error_file(file: AliasFile, problems: Sequence[Problem]) -> bytes:
    """CSV of the lines that are wrong, each with its number and reason; to be corrected and imported again.

    As the file has them, and wrong until somebody corrects them.
    """
    columns = [(place, name) for place, name in enumerate(file.headers) if name not in ADDED]
    text = StringIO()
    write = csv.writer(text)
    write.writerow([*(_safe(name) for _, name in columns), *ADDED])
    for one in problems:
        cells = [_safe(_text(one.cells[place], name)) for place, name in columns]
        write.writerow([*cells, one.line, _safe(one.text), *map(_safe, file.too_long.get(one.line, ()))])
    return text.getvalue().encode("utf-8-sig", errors="replace")


def _text(cell: Any, name: str) -> str:
    """What a spreadsheet's cell says; nothing where that is no SKU, since as text it would be taken for one."""
    try:
        return alias_cells.text_of(cell if name in REQUIRED else alias_cells.number_of(cell))
    except ValueError:
        return "" if name in REQUIRED else str(cell)


def _safe(cell: Any) -> str:
    """What an import reads as the same text. An apostrophe that is there already protects."""
    text = str(cell if cell is not None else "").strip()
    return text if text.startswith("'") else SafeText().render(text)


def _what(change: Change) -> str:
    if change.before is None:
        return "new"
    return "removed" if change.after is None else "changed" if change.line else "switched off"
