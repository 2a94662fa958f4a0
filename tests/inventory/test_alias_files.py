"""Alias files as people have them: what is wrong is said by line, and nothing is stored until nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.alias_file import FileProblem, is_longer, read
from inventory.alias_import import AliasResource, problems
from inventory.alias_plan import REPLACE, plan
from inventory.alias_report import error_file
from inventory.models import SkuAlias


def load(connection: Connection, content: bytes) -> list[str]:
    try:
        rows = read(content)
    except FileProblem as exc:
        return [str(exc)]
    return problems(AliasResource(connection=connection).import_data(rows, use_transactions=True))


def workbook(*rows: list[Any], formats: dict[str, str] | None = None) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for cell, shown_as in (formats or {}).items():
        book.active[cell].number_format = shown_as
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def zipped(**parts: str) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return content.getvalue()


HEADER = ["marketplace_sku", "warehouse_sku", "units", "is_active"]


@pytest.mark.parametrize("content", [
    b"marketplace_sku,warehouse_sku\n007,A\n", b"\xef\xbb\xbfMarketplace SKU;Warehouse SKU\r\n007;A\r\n",
    b"warehouse_sku\tmarketplace_sku\n A \t 007 \n\n", b"marketplace_sku,warehouse_sku,,\n,,,\n007,A,,\n",
    b"sep=;\r\nmarketplace_sku;warehouse_sku\r\n007;A\r\n", b"sep=;\rmarketplace_sku;warehouse_sku\r007;A\r",
    b"\r\nmarketplace_sku;warehouse_sku\r\n007;A\r\n",
])  # fmt: skip
def test_separators_marks_and_blanks_do_not_matter(overstock: Connection, content: bytes) -> None:
    assert load(overstock, content) == []
    assert list(SkuAlias.objects.values_list("marketplace_sku", "warehouse_sku", "units")) == [("007", "A", 1)]


@pytest.mark.parametrize(("content", "said"), [
    (b"marketplace_sku,x\n1,2\n", "warehouse_sku is missing: it names marketplace_sku, x"),
    (b"marketplace_sku|warehouse_sku\n1|2\n", "are missing: it names marketplace_sku|warehouse_sku"),
    (b"marketplace_sku,warehouse_sku,units,Units\n1,2,3,4\n", "names the column 'units' twice"),
    ("marketplace_sku,warehouse_sku\rA,B\rC,Caf\u00e9\r".encode("latin-1"), "not UTF-8 (line 3); save it as CSV UTF-8"),
    ("marketplace_sku,warehouse_sku\nA,Caf\u00e9\n".encode("latin-1"), "not UTF-8 (line 2); save it as CSV UTF-8"),
    ("marketplace_sku,warehouse_sku\nA,B\n".encode("utf-16"), "UTF-16"),
    (b'marketplace_sku,warehouse_sku\nA,B\n\nC,"D\nE,F\n', "line 4: a quotation mark opens here"),
    (b'marketplace_sku,warehouse_sku\nA,"B"x\n', "line 2: a quotation mark stands where none may be"),
    (b"PK\x03\x04 this is no workbook", "the XLSX workbook is broken"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as XLSX"),
    (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "the file is an OpenDocument sheet (.ods); save"),
    (zipped(mimetype="text/plain"), "a ZIP file and no XLSX workbook"),
    (b"marketplace_sku,warehouse_sku,unit\nA,B,4\n", "names the column 'unit'; did you mean units? Name it units, or"),
    (b"marketplace_sku,warehouse_sku,Active\nA,B,no\n", "names the column 'active'; did you mean is_active?"),
    (b"marketplace_sku,warehouse_sku,notes\nA,B,x\n", "names the column 'notes'; did you mean note?"),
    (b"", "the file is empty"),
    (b"marketplace_sku,warehouse_sku\n", "nothing below"),
    (b"marketplace_sku,warehouse_sku" + b",x" * 20_000 + b"\n" + b"A,B\n" * 20_000, "line 1 has more than 100 columns"),
    (b"marketplace_sku,warehouse_sku\n" + b"\n" * 1_000_000 + b"A,B\n", "millions of cells"),
])  # fmt: skip
def test_a_file_that_cannot_be_used_says_why_in_one_sentence(overstock: Connection, content: bytes, said: str) -> None:
    [problem] = load(overstock, content)
    assert said in problem
    assert "\n" not in problem


def test_every_wrong_row_is_named_by_its_line(overstock: Connection) -> None:
    content = b"marketplace_sku,warehouse_sku,units,is_active\nA,B,1,\n,B,1,\nC,D,0,\nE,F,1,maybe\nA,B,2,\nG,H,1,,,x\n"
    found = load(overstock, content)
    assert [text.split(":")[0] for text in found] == ["line 3", "line 4", "line 5", "line 6", "line 7"]
    assert "is in line 2 already" in found[3]
    assert not SkuAlias.objects.exists()


def test_lines_are_those_of_an_editor(overstock: Connection) -> None:
    content = b'marketplace_sku,warehouse_sku,units,note\r\nA,B,1,"two\r\nlines"\r\n\r\n  ,,,\r\nC,D,zero,\r\n'
    [problem] = load(overstock, content)
    assert problem.startswith("line 6: units is 'zero'")


@pytest.mark.parametrize(("sku", "name"), [("A\x00B", "U+0000"), ("A\x1bB", "U+001B"), ("A\u200bB", "U+200B")])
def test_characters_that_nobody_sees_are_refused(overstock: Connection, sku: str, name: str) -> None:
    [problem] = load(overstock, f"marketplace_sku,warehouse_sku\nA,B\n{sku},C\n".encode())
    assert problem.startswith("line 3: marketplace_sku contains a character that cannot be seen")
    assert name in problem


def test_an_ugly_value_is_cut_and_a_long_sku_refused(overstock: Connection) -> None:
    content = f"marketplace_sku,warehouse_sku,units\n{'X' * 5000},B,{'9' * 5000}\n".encode()
    [problem] = load(overstock, content)
    assert "longer than 120 characters" in problem
    assert len(problem) < 250


def test_a_workbook_gives_what_it_shows(overstock: Connection) -> None:
    content = workbook(HEADER, [123.0, "A", 2.0, True], [None, None], [456, "007", None, False], ["'=x", " B ", "3"])
    assert load(overstock, content) == []
    assert set(SkuAlias.objects.values_list("marketplace_sku", "warehouse_sku", "units", "is_active")) == {
        ("123", "A", 2, True), ("456", "007", 1, False), ("=x", "B", 3, True),
    }  # fmt: skip


@pytest.mark.parametrize(("number", "shown_as", "sku"), [
    (7, "00000", "00007"), (7, "0", "7"), (1234, "#,##0", "1234"), (7, "[$-409]000_);[Red]\\(000\\)", "007"),
    (1.5, "General", "1.5"), (42, "_(* #,##0_);_(* \\(#,##0\\);_(@_)", "42"),
])  # fmt: skip
def test_zeros_that_a_format_puts_before_a_sku_are_kept(
    overstock: Connection, number: float, shown_as: str, sku: str
) -> None:
    assert load(overstock, workbook(HEADER, [number, "A", 2, True], formats={"A2": shown_as, "C2": "0.00"})) == []
    assert list(SkuAlias.objects.values_list("marketplace_sku", "units")) == [(sku, 2)]


@pytest.mark.parametrize(("number", "shown_as"), [
    (100000, "0.00E+00"), (1.1, "0.00"), (0.12, "0%"), (12.5, '"$"0.0'), (45, '"ABC-"0'), (12345678, "0000\\-0000"),
    (1.5, "0"), (7000, "0,"),
])  # fmt: skip
def test_a_number_that_shows_as_another_sku_is_refused_by_its_line(
    overstock: Connection, number: float, shown_as: str
) -> None:
    file = read(workbook([*HEADER, "note"], [number, "A", 1, True, 0.5], formats={"A2": shown_as, "E2": "0%"}))
    [problem] = plan(file, overstock).problems
    assert str(problem).startswith(f"line 2: marketplace_sku is the number {number}, which is shown in the format")
    again = read(error_file(file, [problem]))
    assert again.rows[0][:5] == ["", "A", "1", "True", "0.5"]


def test_what_libreoffice_saves_of_true_is_a_yes(overstock: Connection) -> None:
    """A workbook of Excel with TRUE in it has a formula there once LibreOffice has saved it."""
    assert load(overstock, workbook(HEADER, ["A", "V", 1, "=TRUE()"], ["B", "V", 1, "=FALSE()"])) == []
    assert list(SkuAlias.objects.order_by("marketplace_sku").values_list("is_active", flat=True)) == [True, False]


@pytest.mark.parametrize(("place", "said"), [
    ({"row": 2, "column": 16_384}, "line 2 has more than 100 columns"), ({"row": 1_048_576, "column": 1}, "millions"),
])  # fmt: skip
def test_a_workbook_with_a_cell_far_out_is_refused_before_it_is_filled_up(
    overstock: Connection, place: dict[str, int], said: str
) -> None:
    book, content = Workbook(), BytesIO()
    book.active.append(HEADER)
    book.active.cell(value="A", **place)
    book.save(content)
    [problem] = load(overstock, content.getvalue())
    assert said in problem


@pytest.mark.parametrize(("cell", "said"), [
    ("=A1&B1", "marketplace_sku is the formula '=A1&B1'"), (date(2026, 1, 2), "is the date or time 2026-01-02"),
    (True, "is TRUE, not text"), (1234567890123456, "of which a spreadsheet keeps 15 digits"),
])  # fmt: skip
def test_a_cell_that_is_no_sku_is_refused_by_its_line(overstock: Connection, cell: Any, said: str) -> None:
    [problem] = load(overstock, workbook(HEADER, ["A", "B"], [], [cell, "C"]))
    assert problem.startswith("line 4: marketplace_sku")
    assert said in problem


def test_a_wrong_line_is_wrong_until_it_is_corrected(overstock: Connection) -> None:
    """The file of the wrong lines says nothing that an import would take for good, and keeps what is right in them."""
    rows: list[list[Any]] = [
        [1234567890123456, "A"], ["=A1&B1", "A"], [True, "A"], ["A", date(2026, 1, 2)], ["A", "B", 1.5],
        ["A", "B", 1, True, "red, blue", "green"], [12345.0, "A", 0],
    ]  # fmt: skip
    file = read(workbook([*HEADER, "note"], *rows))
    file.rows[-1][0] = 12345.0  # as other programs write it
    wrong = plan(file, overstock).problems
    again = read(error_file(file, wrong))
    assert [problem.line for problem in plan(again, overstock).problems] == list(range(2, 9))
    assert again.rows[-1][:2] == ["12345", "A"]


def test_what_is_exported_imports_unchanged_and_runs_no_formula(overstock: Connection) -> None:
    for sku in ("=1+1", "+A", "-A", "@A", "'A", "'=A", "''+A", "plain", "00012", "un\u200bseen", "a\xa0b"):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku=sku, note="=cmd()")
    before = list(SkuAlias.objects.values_list("marketplace_sku", "warehouse_sku", "units", "note"))
    exported = AliasResource(connection=overstock).export()
    assert b"\n=" not in exported.export("csv").encode()
    assert b",=" not in exported.export("csv").encode()
    for content in (exported.export("csv").encode(), exported.export("xlsx")):
        result = AliasResource(overstock).import_data(read(content), use_transactions=True)
        assert result.totals["skip"] == len(before)
    assert list(SkuAlias.objects.values_list("marketplace_sku", "warehouse_sku", "units", "note")) == before


def test_a_column_that_is_not_in_the_file_stays_as_it_is(overstock: Connection) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="A", warehouse_sku="B", units=6, note="pack")
    assert load(overstock, b"marketplace_sku,warehouse_sku,is_active\nA,B,no\n") == []
    assert SkuAlias.objects.filter(units=6, note="pack", is_active=False).count() == 1


def test_a_line_that_joins_another_alias_to_a_kit_says_so(overstock: Connection) -> None:
    """Who means to put one warehouse SKU in the place of another would ship both."""
    for sku, of, active in (("A", "OLD", True), ("B", "OFF", False), ("C", "KEPT", True)):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku=of, units=2, is_active=active)
    header = b"marketplace_sku,warehouse_sku,is_active\n"
    file = read(header + b"A,NEW,yes\nB,NEW,yes\nC,KEPT,yes\nC,MORE,yes\nD,X,yes\nD,Y,yes\n")
    [warning] = plan(file, overstock).warnings
    assert str(warning).startswith("line 2: it ships together with 2 × OLD, which the file does not name")
    assert plan(file, overstock, REPLACE).warnings == []
    assert plan(read(header + b"A,NEW,yes\nA,OLD,no\n"), overstock).warnings == []


@pytest.mark.django_db
def test_a_line_whose_alias_is_switched_off_and_stays_so_is_doubted(overstock: Connection) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="A", warehouse_sku="B", is_active=False)
    [warning] = plan(read(b"marketplace_sku,warehouse_sku\nA,B\n"), overstock).warnings
    assert (warning.line, warning.shown) == (2, ("A", "B"))
    assert "switched off and stays so" in warning.text
    assert plan(read(b"marketplace_sku,warehouse_sku,is_active\nA,B,yes\n"), overstock).warnings == []


def test_two_marketplaces_have_their_own_aliases(shop: Sandbox, overstock: Connection) -> None:
    other = Connection.objects.create(name="Other", provider="supplier_oasis")
    assert load(overstock, b"marketplace_sku,warehouse_sku\nA,B\n") == []
    assert load(other, b"marketplace_sku,warehouse_sku\nA,B\n") == []
    assert SkuAlias.objects.count() == 2


def test_a_large_file_needs_no_more_queries_than_a_small_one(
    overstock: Connection, django_assert_max_num_queries: Any
) -> None:
    rows = [f"M{place},V{place},{place % 9 + 1}" for place in range(5000)]
    content = "\n".join(["marketplace_sku,warehouse_sku,units", *rows]).encode()
    with django_assert_max_num_queries(45):
        assert load(overstock, content) == []
    with django_assert_max_num_queries(45):
        assert load(overstock, content.replace(b",1\n", b",7\n")) == []
    assert SkuAlias.objects.filter(units=1).count() == 0
    assert SkuAlias.objects.count() == 5000


def test_the_command_line_names_the_file_the_line_and_that_nothing_was_imported(
    shop: Sandbox, tried: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"marketplace_sku,warehouse_sku,units\nA,B,1\n\nC,D,x\n")
    assert "a.csv: line 4: units is 'x'" in tried("import_aliases", "Overstock", str(file))
    assert "No such file" in tried("import_aliases", "Overstock", str(tmp_path / "b.csv"))
    file.write_bytes(b"marketplace_sku,warehouse_sku\nA,\xff\n")
    assert "save it as CSV UTF-8, or name its encoding: windows-1252 or latin-1. Nothing was imported" in tried(
        "import_aliases", "Overstock", str(file)
    )
    assert not SkuAlias.objects.exists()


def test_the_command_line_names_the_columns_that_are_not_imported(
    shop: Sandbox, manage: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"marketplace_sku,warehouse_sku,vendor,pack size\nA,B,Acme,4\n")
    said = manage("import_aliases", "Overstock", str(file), "--dry-run").splitlines()
    assert said[:2] == [
        "column not imported: 'pack_size' (did you mean units?)", "column not imported: 'vendor'"
    ]  # fmt: skip


def test_a_column_beside_the_known_one_is_no_misspelling_of_it(overstock: Connection) -> None:
    content = b"marketplace_sku,warehouse_sku,unit,units,is_active,active\nA,B,EA,4,no,yes\n"
    assert load(overstock, content) == []
    assert list(SkuAlias.objects.values_list("units", "is_active")) == [(4, False)]
    assert read(content).ignored() == ["'unit'", "'active'"]


def test_a_long_number_that_a_spreadsheet_shortened_is_warned_of(overstock: Connection) -> None:
    found = plan(read(b"marketplace_sku,warehouse_sku\n1.23456789012346E+017,A\n1E5,B\n"), overstock)
    assert [(one.line, one.shown) for one in found.warnings] == [(2, ("1.23456789012346E+017", "A"))]
    assert len(found.changes) == 2


@pytest.mark.parametrize(("encoding", "text"), [
    ("windows-1252", "Caf\u00e9 \u20ac"), ("latin-1", "Caf\u00e9"), ("utf-8", "\u2615"),
])  # fmt: skip
def test_other_encodings_are_read_by_choice(encoding: str, text: str) -> None:
    content = f"marketplace_sku,warehouse_sku,note\nA,B,{text}\n"
    assert read(content.encode(encoding), encoding).rows == [["A", "B", text]]
    assert read(content.encode("utf-8-sig"), encoding).rows == [["A", "B", text]]  # its mark says what it is


def test_a_byte_that_the_chosen_encoding_lacks_is_told_by_its_line() -> None:
    with pytest.raises(FileProblem, match=r"not windows-1252 \(line 2\); save it as CSV UTF-8"):
        read(b"marketplace_sku,warehouse_sku\nA,\x81\n", "windows-1252")


def test_how_long_a_file_is_is_known_without_reading_it() -> None:
    rows: list[list[Any]] = [[f"A{number}", "B"] for number in range(50)]
    for content in (workbook(HEADER[:2], *rows), b"a,b\n" * 51):
        assert is_longer(content, 40)
        assert not is_longer(content, 60)
    assert not is_longer(b"PK\x03\x04 this is no workbook", 0)


def test_a_large_file_of_an_old_mac_is_known_to_be_large() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        content = b"marketplace_sku,warehouse_sku" + end + b"A,B" + end
        assert is_longer(content, 1)
        assert not is_longer(content, 2)


def test_commas_below_the_header_do_not_separate_the_cells_of_an_old_mac() -> None:
    content = b'marketplace_sku;warehouse_sku;note\rA;B;"1, 2, 3, 4, 5, 6"\r'
    assert read(content).rows == [["A", "B", "1, 2, 3, 4, 5, 6"]]


def test_each_deliberate_error_of_a_large_file_is_found_and_nothing_else(overstock: Connection) -> None:
    """Every 40th of 20,000 rows is wrong, in five ways."""
    wrong = ["M{0},V{0},0,,", "M{0},,1,,", "M1,V1,1,,", "M{0},V{0},1,perhaps,", "M{0},V{0},1,,a,b"]
    lines = [f"M{number},V{number},{number % 9 + 1},yes," for number in range(20_000)]
    for number in range(40, 20_000, 40):
        lines[number] = wrong[number // 40 % 5].format(number)
    found = plan(read("\n".join(["marketplace_sku,warehouse_sku,units,is_active,note", *lines]).encode()), overstock)
    assert [problem.line for problem in found.problems] == [number + 2 for number in range(40, 20_000, 40)]
    assert {problem.columns for problem in found.problems} == {
        ("units",), ("warehouse_sku",), ("marketplace_sku", "warehouse_sku"), ("is_active",), (),
    }  # fmt: skip
    assert len(found.changes) == 20_000 - 499


def test_replacing_switches_off_what_the_file_does_not_name_and_no_other_marketplace(
    shop: Sandbox, overstock: Connection
) -> None:
    other = Connection.objects.create(name="Other", provider="supplier_oasis")
    for connection in (overstock, other):
        for sku, is_active in (("A", True), ("B", True), ("C", False)):
            SkuAlias.objects.create(
                connection=connection, marketplace_sku=sku, warehouse_sku="V", is_active=is_active, note="kept"
            )
    file = read(b"marketplace_sku,warehouse_sku\nA,V\n")
    result = AliasResource(overstock, "replace").import_data(file, use_transactions=True)
    assert result.plan.counts()["switched_off"] == 1
    assert list(overstock.aliases.filter(is_active=True).values_list("marketplace_sku", flat=True)) == ["A"]
    assert other.aliases.filter(is_active=True).count() == 2
    assert SkuAlias.objects.filter(note="kept").count() == 6


def test_a_file_with_an_error_replaces_nothing(overstock: Connection) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="B", warehouse_sku="V")
    file = read(b"marketplace_sku,warehouse_sku,units\nA,V,0\n")
    result = AliasResource(overstock, "replace").import_data(file, use_transactions=True)
    assert (len(problems(result)), result.plan.counts()["switched_off"]) == (1, 0)
    assert SkuAlias.objects.get().is_active
