"""Aliases from a CSV or XLSX file, through django-import-export: checked row by row, all applied or none."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import tablib
from django.core.exceptions import ValidationError
from import_export import fields, resources, results, widgets

from integrations.models import Connection
from inventory.models import SkuAlias

COLUMNS = ("marketplace_sku", "warehouse_sku", "units", "is_active", "note")
REQUIRED = COLUMNS[:2]
YES, NO = {"", "1", "true", "yes", "y", "on"}, {"0", "false", "no", "n", "off"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MAX_FILE_BYTES = 20 * 1024 * 1024


class Units(widgets.Widget):
    """A whole number of at least 1; empty means 1."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int:
        text = str(value if value is not None else "").strip() or "1"
        text = text.removesuffix(".0")
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000):
            raise ValueError(f"units is {text!r}; it must be a whole number from 1")
        return int(text)


class Switch(widgets.Widget):
    """On unless it says no."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        text = str(value if value is not None else "").strip().lower()
        if text not in YES | NO:
            raise ValueError(f"is_active is {text!r}; use yes or no")
        return text not in NO

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class SafeText(widgets.CharWidget):
    """Text that a spreadsheet would run as a formula goes out behind an apostrophe, and comes back without it."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = str(value if value is not None else "").strip()
        return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS else text

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        text = str(value or "")
        return f"'{text}" if text[:1] in FORMULA_STARTS else text


class Sku(SafeText):
    """A SKU as text, even where a spreadsheet made it a number."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return super().clean(value, row, **kwargs)


class AliasResource(resources.ModelResource):
    """One alias per row; an alias is known by marketplace SKU and warehouse SKU."""

    marketplace_sku = fields.Field("marketplace_sku", "marketplace_sku", widget=Sku())
    warehouse_sku = fields.Field("warehouse_sku", "warehouse_sku", widget=Sku())
    units = fields.Field("units", "units", widget=Units(), default=1)
    is_active = fields.Field("is_active", "is_active", widget=Switch())
    note = fields.Field("note", "note", widget=SafeText())

    class Meta:
        model = SkuAlias
        fields = COLUMNS
        export_order = COLUMNS
        import_id_fields = REQUIRED
        skip_unchanged = True
        report_skipped = True
        clean_model_instances = True
        use_transactions = True

    def __init__(self, connection: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection = connection

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.filter(connection=self.connection) if self.connection else rows

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        """Headers are compared without regard to capitals and blanks; both SKUs must be there."""
        headers = [str(header or "").strip().lower().replace(" ", "_") for header in dataset.headers or []]
        missing = [name for name in REQUIRED if name not in headers]
        if missing:
            raise ValidationError(f"the file's first line must name the columns {', '.join(REQUIRED)}; "
                                  f"{' and '.join(missing)} is missing")  # fmt: skip
        dataset.headers = headers
        self._seen: dict[tuple[str, str], int] = {}

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        sku = Sku()
        key = sku.clean(row.get("marketplace_sku")), sku.clean(row.get("warehouse_sku"))
        for name, value in zip(REQUIRED, key, strict=True):
            if not value:
                raise ValidationError(f"{name} is empty")
        if key in self._seen:
            raise ValidationError(f"{key[0]} → {key[1]} is in line {self._seen[key]} already")
        self._seen[key] = kwargs.get("row_number", 0) + 1

    def before_save_instance(self, instance: SkuAlias, row: Any, **kwargs: Any) -> None:
        instance.connection = self._owner(instance)

    def init_instance(self, row: Any = None) -> SkuAlias:
        instance: SkuAlias = super().init_instance(row)
        if self.connection is not None:
            instance.connection = self.connection
        return instance

    def _owner(self, instance: SkuAlias) -> Connection:
        return self.connection or instance.connection


def read_file(path: Path) -> tablib.Dataset:
    """A data set from a CSV (comma, semicolon or tab; UTF-8 with or without BOM) or XLSX file. Raises ValueError."""
    content = path.read_bytes()
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_FILE_BYTES // 1024**2} MB")
    if content[:4] == b"PK\x03\x04":
        return tablib.Dataset().load(content, format="xlsx")
    return parse_csv(content)


def parse_csv(content: bytes) -> tablib.Dataset:
    """Rows of a CSV file; every value stays text, so that leading zeros survive. Raises ValueError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ValueError(f"the file is not UTF-8 (byte {exc.start}); save it as CSV UTF-8") from None
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True) if any(row)]
    if not rows:
        raise ValueError("the file is empty")
    data = tablib.Dataset(headers=rows[0])
    for row in rows[1:]:
        data.append([*row, *[""] * (len(rows[0]) - len(row))][: len(rows[0])])
    return data


def problems(result: results.Result) -> list[str]:
    """What is wrong with the file, by line; empty when it can be applied."""
    found = [_text(error.error) for error in result.base_errors]
    if found:
        return found
    for number, errors in result.row_errors():
        found += [f"line {number + 1}: {_text(error.error)}" for error in errors]
    found += [f"line {row.number + 1}: {_text(row.error)}" for row in result.invalid_rows]
    return found


def _text(error: BaseException) -> str:
    return "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
