"""Lists that go out as files, and come in as such."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from import_export.formats.base_formats import CSV, XLSX
from unfold.contrib.import_export.forms import ExportForm


class InFiles:
    """CSV or XLSX: out for who may see the list, in for who may add and change its records. Beside a ModelAdmin."""

    has_view_permission: Any
    has_add_permission: Any
    has_change_permission: Any
    formats = (CSV, XLSX)
    export_form_class = ExportForm

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))
