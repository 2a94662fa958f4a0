"""Lists as CSV or XLSX: the rows that the list's filters leave, in its order, with cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from tempfile import TemporaryFile
from typing import IO, Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from unfold.admin import ModelAdmin

from integrations.wording import moment

# Spreadsheets may skip a tab or a line's end before they look, and read the wide forms of East Asia alike.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
KINDS = ("csv", "xlsx")
CHUNK = 2000
MOST_XLSX_ROWS = 100_000  # the file is made before it leaves; a CSV is not
LONGEST_CELL = 32_767  # Excel takes no more
Cell = str | int | float
Words = Mapping[str, Callable[[Any], str]]


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run the text, or an import take an apostrophe off it that is its own."""
    return text.lstrip("'")[:1] in FORMULA_STARTS


def safe_cell(text: str) -> str:
    """What a spreadsheet would run as a formula goes out behind an apostrophe."""
    return f"'{text}" if is_formula(text) else text


def csv_line(cells: Iterable[str]) -> str:
    """One row of a CSV file."""
    out = StringIO()
    csv.writer(out).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


class Exported(ModelAdmin):  # type: ignore[misc]
    """A list that may be downloaded by who may see it. `export_columns` are fields, also of what they point to.

    `export_words` says the values of a column in another way than they are kept.
    """

    export_columns: tuple[str, ...] = ()
    export_words: Words = {}
    list_before_template = "admin/list_head.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_download"
        own = [path("download/<str:kind>/", self.admin_site.admin_view(self.download_list), name=name)]
        return [*(own if self.export_columns else []), *super().get_urls()]

    def download_list(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """The list with the filters of the address, as `csv` or `xlsx`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return download_rows(
            request, kind, rows, self.export_columns, self.export_words,
            title=str(self.opts.verbose_name_plural), page=page,
        )  # fmt: skip


def download_rows(
    request: HttpRequest, kind: str, rows: QuerySet[Any], columns: Sequence[str], words: Words | None = None, *,
    title: str, page: str,
) -> HttpResponseBase:  # fmt: skip
    """These columns of the rows as a file, or back to the `page` that shows them where XLSX would be too long."""
    if kind == "xlsx" and rows.count() > MOST_XLSX_ROWS:
        text = f"An XLSX file takes up to {MOST_XLSX_ROWS} rows here. Download it as CSV, or narrow the list."
        messages.error(request, text)
        return redirect(f"{page}?{request.GET.urlencode()}")
    return download(kind, _table(rows, columns, words or {}), title)


def download(kind: str, table: Iterable[list[Cell]], title: str) -> HttpResponseBase:
    """The table, its heads first, as a file called by the title. Raises Http404 for any kind but csv and xlsx."""
    if kind not in KINDS:
        raise Http404(f"lists are downloaded as csv or xlsx, not as {kind!r}")
    name = f"{title}-{timezone.now():%Y%m%d-%H%M%S}.{kind}".replace(" ", "-")
    return as_csv(table, name) if kind == "csv" else as_xlsx(table, name)


def links(view: str, query: str, *record: int) -> dict[str, str]:
    """The addresses of a download by kind, for `admin/exports.html`; `view` takes the kind, after any `record`."""
    return {kind.upper(): f"{reverse(view, args=[*record, kind])}?{query}" for kind in KINDS}


def as_csv(table: Iterable[list[Cell]], name: str) -> StreamingHttpResponse:
    """Row by row as they are read, in UTF-8 with a mark so that spreadsheets read it as such."""
    answer = StreamingHttpResponse(_csv_lines(table), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def as_xlsx(table: Iterable[list[Cell]], name: str) -> FileResponse:
    """A workbook of one sheet, written to disk row by row."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Export")
    for row in table:
        sheet.append([_for_excel(cell) for cell in row])
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 (the answer closes it)
    book.save(file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name)


def _table(rows: QuerySet[Any], columns: Sequence[str], words: Words) -> Iterator[list[Cell]]:
    yield [column.replace("__", " ").replace("_", " ") for column in columns]
    plain = rows.select_related(None).prefetch_related(None).values_list(*columns)
    said = [words.get(column) or _by_choice(rows.model, column) for column in columns]
    for values in plain.iterator(chunk_size=CHUNK):
        yield cells(say(value) for value, say in zip(values, said, strict=True))


def cells(values: Iterable[Any]) -> list[Cell]:
    """A row as it is exported."""
    return [_cell(value) for value in values]


def _by_choice(model: type[Model], column: str) -> Callable[[Any], Any]:
    """What a value of a field with choices is called; any other is itself."""
    names = _choices(model, column)
    return lambda value: names.get(value, value) if names else value


def _choices(model: type[Model], column: str) -> dict[Any, str]:
    names: list[str] = column.split("__")
    for name in names[:-1]:
        related = model._meta.get_field(name).related_model
        if not isinstance(related, type):
            return {}
        model = related
    try:
        return {value: str(label) for value, label in getattr(model._meta.get_field(names[-1]), "flatchoices", ())}
    except FieldDoesNotExist:  # an annotation of the list
        return {}


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value.is_finite() else str(value)
    if isinstance(value, int | float):
        return value
    return safe_cell(json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value))


def _for_excel(cell: Cell) -> Cell:
    return ILLEGAL_CHARACTERS_RE.sub("", cell)[:LONGEST_CELL] if isinstance(cell, str) else cell


def _csv_lines(table: Iterable[list[Cell]]) -> Iterator[str]:
    out = StringIO("\ufeff")
    out.seek(0, 2)
    writer = csv.writer(out)
    for number, cells in enumerate(table):
        writer.writerow(cells)
        if number % 100 == 0:
            yield _taken(out)
    yield _taken(out)


def _taken(out: StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
