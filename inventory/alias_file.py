"""Bytes of a CSV or XLSX file → its rows, each with the line number that an editor shows. What it is, its content says.

Everything that is wrong with a file as a whole is one FileProblem, in a sentence for the clerk who made it.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from openpyxl import load_workbook

from inventory import likeness

COLUMNS = ("marketplace_sku", "warehouse_sku", "units", "is_active", "note")
REQUIRED = COLUMNS[:2]
ADDED = ("line", "problem")  # by us, to the file of the lines that are wrong
KNOWN = (*COLUMNS, *ADDED)
# What other systems call the columns that may be left out, by the words of a column's name.
OTHER_NAMES = {
    "units": {"units", "quantity", "quantities", "qty", "pack", "packs", "pieces", "pcs", "multiple", "multiplier"},
    "is_active": {"active", "enabled", "disabled", "status"},
    "note": {"notes", "comment", "comments", "remark", "remarks"},
}
MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_UNPACKED_BYTES = 400 * 1024 * 1024
MAX_UNPACKED_TAGS = 6_000_000  # each takes some hundred bytes when it is read; the longest file has half as many
MAX_ROWS = 200_000
MAX_COLUMNS, MOST_NAMED = 100, 5
MAX_CELLS = 5_000_000  # empty ones too: a sheet of a few kilobytes may claim billions
CHUNK_BYTES = 64 * 1024
TOO_LARGE = f"the file is larger than {MAX_FILE_BYTES // 1024**2} MB; split it"
UTF_8, WINDOWS_1252, LATIN_1 = "utf-8", "windows-1252", "latin-1"
ENCODINGS = {
    UTF_8: "UTF-8", WINDOWS_1252: "Windows-1252 (plain CSV of Excel on Windows)", LATIN_1: "Latin-1 (ISO 8859-1)",
}  # fmt: skip
UTF_8_MARK = b"\xef\xbb\xbf"
OPEN_DOCUMENT, WORKBOOK_PART = b"application/vnd.oasis.opendocument", "[Content_Types].xml"
CONSTANTS = {"=TRUE()": True, "=FALSE()": False}  # how LibreOffice saves what it has read as TRUE or FALSE
UNSEEN_OF_FORMAT = re.compile(r"\[(\$-)?\w+\]|_.|[*\\] |;.*")  # colours, languages, blanks, and what is not positive
DIGITS = re.compile(r"(#,#)?[#0]+")
NAMED_SEPARATOR = re.compile(r"sep=([,;\t])(?:\r?\n|\r)", re.IGNORECASE)  # what Excel reads as a line of its own
PLAIN_FORMATS = ("General", "GENERAL", "@")
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


@dataclass(frozen=True, slots=True)
class Formatted(Unusable):
    """A number that a spreadsheet shows as something else than its digits, as 12% or 1.10: nobody sees the number."""

    number: int | float


@dataclass(frozen=True, slots=True)
class AliasFile:
    """The rows below the header, each as wide as it. `lines` are their numbers.

    `too_long` are the cells beyond the header's, of the lines that have such.
    """

    headers: list[str]
    lines: list[int]
    rows: list[list[Any]]
    too_long: dict[int, list[Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def columns(self) -> list[tuple[str, int]]:
        """The known columns, each with its place in a row."""
        return [(name, place) for place, name in enumerate(self.headers) if name in COLUMNS]

    def ignored(self) -> list[str]:
        """The columns that are read by nobody, each with the known one that was perhaps meant by it; those first."""
        named = [(name, _perhaps_meant(name, self.headers)) for name in self.headers if name and name not in KNOWN]
        hinted = [f"{_short(name)} (did you mean {meant}?)" for name, meant in named if meant]
        bare = [place for place, name in enumerate(self.headers) if not name]
        filled = [place for place in bare if any(_is_filled(row[place]) for row in self.rows)]
        others = [_short(name) for name, meant in named if not meant]
        return [*hinted, *others, *(f"number {place + 1}, which has no name" for place in filled)]


def read_file(path: Path, encoding: str = UTF_8) -> AliasFile:
    """Raises FileProblem, or OSError."""
    return read(load(path), encoding)


def load(path: Path) -> bytes:
    """Raises FileProblem for a file that is too large to be read, or OSError."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise FileProblem(TOO_LARGE)
    return path.read_bytes()


def read(content: bytes, encoding: str = UTF_8) -> AliasFile:
    """Comma, semicolon or tab, in one of ENCODINGS; or XLSX, whatever the file's name says."""
    return _file(rows(content, encoding))


def rows(content: bytes, encoding: str | None = None, most: int = MAX_ROWS) -> list[Row]:
    """The filled rows of such a file, the header too, whatever its columns are. Raises FileProblem.

    Without an `encoding` it must be UTF-8, and no other one can be named. Below the header it has at most so many.
    """
    if len(content) > MAX_FILE_BYTES:
        raise FileProblem(TOO_LARGE)
    if content.startswith(OLD_EXCEL_START):
        raise FileProblem("the file is an old Excel workbook (.xls); save it as XLSX or as CSV UTF-8")
    if content.startswith(XLSX_START):
        return _sheet_rows(content, most)
    return list(_filled(_csv_rows(_text(content, encoding)), most))


def is_longer(content: bytes, rows: int) -> bool:
    """Whether the file has more rows than that, roughly, without reading it. False for what is no file at all."""
    if not content.startswith(XLSX_START):
        ends = max(content.count(b"\n"), content.count(b"\r"))  # old Macs end a line with \r alone
        return ends > rows
    try:
        with ZipFile(BytesIO(content)) as archive:
            sheets = [part for part in archive.infolist() if "worksheets/" in part.filename]
            fits = sum(part.file_size for part in sheets) <= MAX_UNPACKED_BYTES
            return fits and any(_has_more(archive, part, rows) for part in sheets)
    except Exception:  # a broken one is told when it is read
        return False


def _has_more(archive: ZipFile, part: ZipInfo, rows: int) -> bool:
    found = 0
    with archive.open(part) as unpacked:
        for chunk in iter(lambda: unpacked.read(CHUNK_BYTES), b""):
            found += chunk.count(b"<row")
            if found > rows:
                return True
    return False


def _filled(rows: Iterable[Row], most: int) -> Iterator[Row]:
    """Rows that hold something, without the empty cells at their ends. Raises FileProblem where there are too many."""
    filled = seen = 0
    for line, cells in rows:
        seen += max(len(cells), len(COLUMNS))
        if seen > MAX_CELLS:
            raise FileProblem("the file has millions of cells, perhaps empty ones; copy its rows to a new file")
        while cells and not _is_filled(cells[-1]):
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise FileProblem(f"line {line} has more than {MAX_COLUMNS} columns; keep only those that are needed")
        filled += bool(cells)
        if filled > most + 1:
            raise FileProblem(f"the file has more than {most} rows; split it")
        if cells:
            yield line, cells


def _file(rows: list[Row]) -> AliasFile:
    if not rows:
        raise FileProblem("the file is empty")
    headers = _headers(rows[0][1])
    if len(rows) == 1:
        raise FileProblem("the file has a header and nothing below it")
    below, width = rows[1:], len(headers)
    too_long = {line: cells[width:] for line, cells in below if any(_is_filled(cell) for cell in cells[width:])}
    return AliasFile(headers, [line for line, _ in below], [_fitted(cells, width) for _, cells in below], too_long)


def _fitted(cells: list[Any], width: int) -> list[Any]:
    return cells if len(cells) == width else [*cells, *[""] * (width - len(cells))][:width]


def _headers(cells: list[Any]) -> list[str]:
    """Compared without regard to capitals and blanks; both SKUs must be there, and each column once."""
    headers = [str(cell if cell is not None else "").strip().lower().replace(" ", "_") for cell in cells]
    missing = [name for name in REQUIRED if name not in headers]
    if missing:
        lacking = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        seen = ", ".join(shortened(headers[:MOST_NAMED])) + (" …" if len(headers) > MOST_NAMED else "")
        raise FileProblem(
            f"the file's first line must name the columns {', '.join(REQUIRED)}; {lacking}: it names {seen}"
        )
    twice = [name for name, times in Counter(headers).items() if name and times > 1]
    if twice:
        raise FileProblem(f"the file's first line names the column {_short(twice[0])} twice; remove one of them")
    _check_spelling(headers)
    return headers


def _check_spelling(headers: list[str]) -> None:
    """What a misspelt column says would be left out in silence, and a pack of four would ship as one."""
    for name in headers:
        for meant in COLUMNS[len(REQUIRED) :]:
            if name not in KNOWN and meant not in headers and _is_near(name, meant):
                raise FileProblem(
                    f"the file's first line names the column {_short(name)}; did you mean {meant}? Name it {meant}, or "
                    "remove it"
                )


def _is_near(name: str, meant: str) -> bool:
    spelt = likeness.plain(meant)
    return likeness.plain(name) in {*likeness.near(spelt), spelt, spelt.removeprefix("is")}


def _perhaps_meant(name: str, headers: list[str]) -> str:
    words = set(re.split(r"[\W_]+", name))
    meant = (column for column, names in OTHER_NAMES.items() if words & names and column not in headers)
    return next(meant, "")


def _text(content: bytes, encoding: str | None) -> str:
    """A mark at its beginning says that a file is UTF-8, whatever was chosen."""
    if content.startswith(UTF16_STARTS):
        raise FileProblem('the file is "Unicode text" (UTF-16); save it as CSV UTF-8')
    as_utf_8 = encoding in (None, UTF_8) or content.startswith(UTF_8_MARK)
    try:
        return content.decode("utf-8-sig" if as_utf_8 or encoding is None else encoding)
    except UnicodeDecodeError as exc:
        line = len(content[: exc.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
        others = " or ".join(name for name in ENCODINGS if name not in (encoding, UTF_8))
        choice = f", or name its encoding: {others}" if encoding else ""
        told = f"the file is not {'UTF-8' if as_utf_8 else encoding} (line {line}); save it as CSV UTF-8{choice}"
        raise FileProblem(told) from None


def _csv_rows(text: str) -> Iterator[Row]:
    named, header = NAMED_SEPARATOR.match(text), re.split("[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    delimiter = named[1] if named else max(",;\t", key=header.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if not (named and line == 1):
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


def _sheet_rows(content: bytes, most: int) -> list[Row]:
    """The active sheet, formulas as such: what they would give is not in every file."""
    try:
        _check_kind(content)
        _check_size(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that do not matter here
            return list(_filled(_cells(load_workbook(BytesIO(content), read_only=True)), most))
    except FileProblem:
        raise
    except Exception as exc:  # whatever the parser of a foreign file may come upon
        what = "broken" if isinstance(exc, BadZipFile) else "not one that can be read"
        raise FileProblem(f"the XLSX workbook is {what}; open it, save it again as XLSX or as CSV UTF-8") from None


def _check_kind(content: bytes) -> None:
    """Other programs put their sheets into ZIP files too."""
    with ZipFile(BytesIO(content)) as archive:
        names = archive.namelist()
        first = archive.open("mimetype").read(len(OPEN_DOCUMENT)) if "mimetype" in names else b""
    if first == OPEN_DOCUMENT:
        raise FileProblem("the file is an OpenDocument sheet (.ods); save it as XLSX or as CSV UTF-8")
    if WORKBOOK_PART not in names:
        raise FileProblem("the file is a ZIP file and no XLSX workbook; unpack it, or save it as XLSX or as CSV UTF-8")


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
        text = str(getattr(cell.value, "text", cell.value))
        return CONSTANTS.get(text, Unusable(f"the formula {_short(text)}"))
    if cell.data_type == "e":
        return Unusable(f"the error {_short(cell.value)}")
    if cell.data_type == "n" and cell.value is not None and cell.number_format not in PLAIN_FORMATS:
        return _as_shown(cell.value, cell.number_format)
    return cell.value


def _as_shown(number: int | float, shown_as: str) -> Any:
    """With the zeros at the front that a format of digits only, like 00000, shows. They are in no cell's value."""
    digits, is_whole = UNSEEN_OF_FORMAT.sub("", shown_as), float(number).is_integer()
    if not (DIGITS.fullmatch(digits) and is_whole and number >= 0):
        return Formatted(f"the number {number}, which is shown in the format {_short(shown_as)}", number)
    return str(int(number)).zfill(digits.count("0")) if digits.count("0") > 1 else number


def _is_filled(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None


def _short(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def visible(text: str) -> str:
    """The text with a mark in place of each character that cannot be seen."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in text)


def shortened(cells: Iterable[object]) -> tuple[str, ...]:
    """Cells as they are shown beside a problem: one ugly value must not stretch the page, nor upset the database."""
    texts = [visible(" ".join(str(cell if cell is not None else "").split())) for cell in cells]
    return tuple(text if len(text) <= 60 else f"{text[:59]}…" for text in texts)
