"""The rows of an inventory file as CSV or XLSX, under the column names of its route."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from io import BytesIO, StringIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from integrations.exports import safe_cell
from inventory.filed import InventoryFile
from inventory.files import Row, rows_of

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def as_csv(record: InventoryFile) -> bytes:
    """In UTF-8. A cell that a spreadsheet would run as a formula stands behind an apostrophe; in XLSX it need not."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([safe_cell(name) for name in record.route.file_columns])
    writer.writerows([*(safe_cell(text) for text in _texts(row)), row.quantity] for row in rows_of(record))
    return out.getvalue().encode()


def as_xlsx(record: InventoryFile) -> bytes:
    """Every SKU and UPC is a text cell, so that zeros at the front stay and nothing is a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Inventory")
    sheet.append(_cells(sheet, record.route.file_columns))
    for row in rows_of(record):
        sheet.append([*_cells(sheet, _texts(row)), row.quantity])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


FORMATS: dict[str, tuple[str, Callable[[InventoryFile], bytes]]] = {
    "csv": (CSV_TYPE, as_csv), "xlsx": (XLSX_TYPE, as_xlsx),
}  # fmt: skip


def _texts(row: Row) -> tuple[str, str, str, str]:
    return row.supplier_sku, row.option_sku, row.upc, row.warehouse


def _cells(sheet: object, texts: Iterable[str]) -> list[WriteOnlyCell]:
    cells = []
    for text in texts:
        cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", text))
        cell.data_type = "s"
        cells.append(cell)
    return cells
