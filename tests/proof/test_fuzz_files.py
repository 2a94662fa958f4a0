"""Hostile alias files: a sentence for the clerk or rows, and never anything else; memory is bounded."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from django.db import transaction
from openpyxl import Workbook

from integrations.models import Connection
from inventory import alias_file
from inventory.alias_file import FileProblem
from inventory.alias_import import AliasResource, problems
from inventory.models import SkuAlias
from tests.proof.conftest import Proved
from tests.proof.hostile import DTD, MEGABYTE, mutants
from tests.proof.memory import peak_of

CSV = (
    b'marketplace_sku,warehouse_sku,units,is_active,note\nA,B,1,yes,\nC,D,6,no,"a, b"\nC,E,2,,\'=x\n',
    b"\xef\xbb\xbfMarketplace SKU;Warehouse SKU\r\n007;A\r\n\r\n008;B\r\n",
    "marketplace_sku\twarehouse_sku\tnote\nCafé\t☕\tzwölf\n".encode(),
)
HEADER, ROW = ["marketplace_sku", "warehouse_sku", "units"], ["A", "B", 2]
CSV_NAMES = b"marketplace_sku,warehouse_sku"
SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
NAMES = (b'<row r="1"><c r="A1" t="inlineStr"><is><t>marketplace_sku</t></is></c>'
         b'<c r="B1" t="inlineStr"><is><t>warehouse_sku</t></is></c></row>')  # fmt: skip
END = b"</sheetData></worksheet>"
FREE = 250 * MEGABYTE  # the longest file that is taken needs as much


def workbook(sheet: bytes = b"") -> bytes:
    """A small good one; with another sheet in its place where one is given."""
    book, content = Workbook(), BytesIO()
    for row in (HEADER, ROW):
        book.active.append(row)
    book.save(content)
    return repacked(content.getvalue(), lambda name, part: sheet if sheet and name.endswith("sheet1.xml") else part)


def repacked(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """The workbook with its parts changed, as a sound archive."""
    made = BytesIO()
    with ZipFile(BytesIO(content)) as archive, ZipFile(made, "w", ZIP_DEFLATED) as target:
        for name in archive.namelist():
            target.writestr(name, change(name, archive.read(name)))
    return made.getvalue()


def load(content: bytes, connection: Connection) -> list[str]:
    """As staff import it, and taken back; what is wrong with it."""
    try:
        rows = alias_file.read(content)
    except FileProblem as exc:
        return [str(exc)]
    with transaction.atomic():
        found = problems(AliasResource(connection=connection).import_data(rows, use_transactions=True))
        stored = SkuAlias.objects.exists()
        transaction.set_rollback(True)
    assert not (found and stored), "a file with a problem was stored in part"
    return found


def attempt(content: bytes, connection: Connection, case: str) -> None:
    try:
        found = load(content, connection)
    except Exception as exc:
        raise AssertionError(f"{case}: {type(exc).__name__}: {exc}: {content[:3000]!r}") from exc
    assert all(text and len(text) < 1000 for text in found), case


def test_no_text_file_ends_otherwise_than_with_rows_or_a_sentence(
    overstock: Connection, is_full: bool, proved: Proved
) -> None:
    count = 5_000 if is_full else 300
    for number, content in mutants(list(CSV), count):
        attempt(content, overstock, f"case {number}")
    proved("hostile alias files", count)


def test_no_workbook_ends_otherwise_than_with_rows_or_a_sentence(
    overstock: Connection, is_full: bool, proved: Proved
) -> None:
    """Broken as a file, and with one of its parts broken inside a sound archive."""
    count = 400 if is_full else 24
    good = workbook()
    with ZipFile(BytesIO(good)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for number, content in mutants([good], count):
        attempt(content, overstock, f"file {number}")
    for name, part in parts.items():
        for number, body in mutants([part], count // 8, seed=2):
            changed = repacked(good, lambda of, whole, name=name, body=body: body if of == name else whole)  # type: ignore[misc]
            attempt(changed, overstock, f"{name} {number}")
    proved("hostile workbooks", count + len(parts) * (count // 8))


MONSTERS: dict[str, Callable[[], bytes]] = {
    "a header of 20,000 columns over 20,000 rows": lambda: CSV_NAMES + numbered(20_000) + b"\n" + b"a,b\n" * 20_000,
    "a row of a million cells": lambda: CSV_NAMES + b"\n" + b"," * MEGABYTE,
    "a million empty lines": lambda: CSV_NAMES + b"\n" * MEGABYTE + b"a,b\n",
    "a cell of a megabyte": lambda: CSV_NAMES + b"\n" + b"x" * MEGABYTE + b",b\n",
    "a quoted cell that never ends": lambda: CSV_NAMES + b'\n"' + b"x\n" * (MEGABYTE // 2),
    "a row far down": lambda: workbook(SHEET + NAMES + b'<row r="900000000"><c><v>1</v></c></row>' + END),
    "a cell far to the right": lambda: workbook(SHEET + NAMES + b'<row><c r="XFD2"><v>1</v></c></row>' * 500 + END),
    "empty cells far to the right": lambda: workbook(SHEET + NAMES + b'<row><c r="XFD2"/></row>' * 5000 + END),
    "a row of millions of cells": lambda: workbook(SHEET + NAMES + b"<row>" + b"<c/>" * 7_000_000 + b"</row>" + END),
    "entities that grow": lambda: workbook(DTD + SHEET + NAMES + b"<row><c><v>&c;</v></c></row>" + END),
    "depth 10,000": lambda: workbook(SHEET + b"<row>" * 10_000 + b"</row>" * 10_000 + END),
}


def numbered(count: int) -> bytes:
    return b"".join(b",column%d" % number for number in range(count))


@pytest.mark.parametrize("build", MONSTERS.values(), ids=MONSTERS.keys())
def test_a_file_built_to_exhaust_us_is_refused_in_bounded_memory(build: Callable[[], bytes]) -> None:
    content = build()

    def read() -> None:
        with pytest.raises(FileProblem):
            alias_file.read(content)

    assert peak_of(read) < FREE
