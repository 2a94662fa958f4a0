"""Bytes of a CSV or XLSX file → its rows, each with the line number that an editor shows. What it is, its content says.

Everything that is wrong with a file as a whole is one FileProblem, in a sentence for the clerk who made it.
"""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import tablib
from openpyxl import load_workbook

COLUMNS = ("marketplace_sku", "warehouse_sku", "units", "is_active", "note")
REQUIRED = COLUMNS[:2]
MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_UNPACKED_BYTES = 400 * 1024 * 1024
MAX_UNPACKED_TAGS = 6_000_000  # each takes some hundred bytes when it is read; the longest file has half as many
MAX_ROWS = 200_000
MAX_COLUMNS = 100
MAX_CELLS = 5_000_000  # empty ones too: a sheet of a few kilobytes may claim billions
CHUNK_BYTES = 64 * 1024
XLSX_START, OLD_EXCEL_START, UTF16_STARTS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", (b"\xff\xfe", b"\xfe\xff")

Row = tuple[int, list[Any]]


class FileProblem(ValueError):
    """Why nothing of a file can be used, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A spreadsheet's cell that has no text of its own: a formula, or an error."""

    what: str

    def __str__(self) -> str:
        return self.what


class AliasFile(tablib.Dataset):
    """The rows below the header. `lines` are their numbers; `too_long` are those that have more cells than it."""

    lines: list[int]
    too_long: set[int]

    def numbered(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each row by its known columns, with its line number."""
        places = [(place, name) for place, name in enumerate(self.headers) if name in COLUMNS]
        for line, cells in zip(self.lines, self, strict=True):
            yield line, {name: cells[place] for place, name in places}


def read_file(path: Path) -> AliasFile:
    """Raises FileProblem, or OSError."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise FileProblem(f"the file is larger than {MAX_FILE_BYTES // 1024**2} MB; split it")
    return read(path.read_bytes())


def read(content: bytes) -> AliasFile:
    """Comma, semicolon or tab; UTF-8 with or without mark; or XLSX, whatever the file's name says."""
    return _file(rows(content))


def rows(content: bytes) -> list[Row]:
    """The filled rows of such a file, the header too, whatever its columns are. Raises FileProblem."""
    if len(content) > MAX_FILE_BYTES:
        raise FileProblem(f"the file is larger than {MAX_FILE_BYTES // 1024**2} MB; split it")
    if content.startswith(OLD_EXCEL_START):
        raise FileProblem("the file is an old Excel workbook (.xls); save it as XLSX or as CSV UTF-8")
    return _sheet_rows(content) if content.startswith(XLSX_START) else list(_filled(_csv_rows(_text(content))))


def _filled(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows that hold something, without the empty cells at their ends. Raises FileProblem where there are too many."""
    filled = seen = 0
    for line, cells in rows:
        seen += max(len(cells), len(COLUMNS))
        if seen > MAX_CELLS:
            raise FileProblem("the file has millions of cells, perhaps empty ones; copy the aliases to a new file")
        while cells and not _is_filled(cells[-1]):
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise FileProblem(f"line {line} has more than {MAX_COLUMNS} columns; keep {', '.join(COLUMNS)}")
        filled += bool(cells)
        if filled > MAX_ROWS:
            raise FileProblem(f"the file has more than {MAX_ROWS} rows; split it")
        if cells:
            yield line, cells


def _file(rows: list[Row]) -> AliasFile:
    if not rows:
        raise FileProblem("the file is empty")
    headers = _headers(rows[0][1])
    if len(rows) == 1:
        raise FileProblem("the file has a header and nothing below it")
    width = len(headers)
    data = AliasFile(headers=headers)
    data.lines = [line for line, _ in rows[1:]]
    data.too_long = {line for line, cells in rows[1:] if any(_is_filled(cell) for cell in cells[width:])}
    for _, cells in rows[1:]:
        data.append([*cells, *[""] * (width - len(cells))][:width])
    return data


def _headers(cells: list[Any]) -> list[str]:
    """Compared without regard to capitals and blanks; both SKUs must be there, and each column once."""
    headers = [str(cell if cell is not None else "").strip().lower().replace(" ", "_") for cell in cells]
    missing = [name for name in REQUIRED if name not in headers]
    if missing:
        lacking = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        raise FileProblem(f"the file's first line must name the columns {', '.join(REQUIRED)}; {lacking}")
    twice = [name for name, times in Counter(headers).items() if name and times > 1]
    if twice:
        raise FileProblem(f"the file's first line names the column {_short(twice[0])} twice; remove one of them")
    return headers


def _text(content: bytes) -> str:
    if content.startswith(UTF16_STARTS):
        raise FileProblem('the file is "Unicode text" (UTF-16); save it as CSV UTF-8')
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise FileProblem(f"the file is not UTF-8 (line {line}); save it as CSV UTF-8") from None


def _csv_rows(text: str) -> Iterator[Row]:
    first = text.split("\n", 1)[0]
    reader = csv.reader(StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, list(cells)
            line = reader.line_num + 1
    except csv.Error as exc:
        raise FileProblem(f"line {line}: {_csv_problem(str(exc))}") from None


def _csv_problem(said: str) -> str:
    if "unexpected end" in said:
        return "a quotation mark opens here and is never closed"
    if "field larger" in said:
        return "a cell is longer than 131,072 characters; perhaps a quotation mark is not closed"
    return "a quotation mark stands where none may be; write it twice inside a quoted cell"


def _sheet_rows(content: bytes) -> list[Row]:
    """The active sheet, formulas as such: what they would give is not in every file."""
    try:
        _check_size(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that do not matter here
            return list(_filled(_cells(load_workbook(BytesIO(content), read_only=True))))
    except FileProblem:
        raise
    except Exception as exc:  # whatever the parser of a foreign file may come upon
        what = "broken" if isinstance(exc, BadZipFile) else "not one that can be read"
        raise FileProblem(f"the XLSX workbook is {what}; open it, save it again as XLSX or as CSV UTF-8") from None


def _check_size(content: bytes) -> None:
    """A workbook of kilobytes may unpack to gigabytes, which would be read in one piece."""
    with ZipFile(BytesIO(content)) as archive:
        parts, tags = archive.infolist(), 0
        if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise FileProblem("the workbook is too large when unpacked; save it as CSV UTF-8")
        for part in parts:
            with archive.open(part) as unpacked:
                tags += sum(chunk.count(b"<") for chunk in iter(lambda: unpacked.read(CHUNK_BYTES), b""))
            if tags > MAX_UNPACKED_TAGS:
                raise FileProblem("the workbook is too large when unpacked; save it as CSV UTF-8")


def _cells(book: Any) -> Iterator[Row]:
    sheet = book.active
    sheet.reset_dimensions()  # some programs claim a million columns
    for number, row in enumerate(sheet.iter_rows(), start=1):
        yield number, [_value(cell) for cell in row]


def _value(cell: Any) -> Any:
    if cell.data_type == "f":
        return Unusable(f"the formula {_short(getattr(cell.value, 'text', cell.value))}")
    if cell.data_type == "e":
        return Unusable(f"the error {_short(cell.value)}")
    return cell.value


def _is_filled(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None


def _short(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def shortened(cells: Iterable[object]) -> tuple[str, ...]:
    """Cells as they are shown beside a problem: one ugly value must not stretch the page."""
    texts = [" ".join(str(cell if cell is not None else "").split()) for cell in cells]
    return tuple(text if len(text) <= 60 else f"{text[:59]}…" for text in texts)
