"""SKU aliases with import and export, listings with the reason for their quantity, and what was published."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from import_export.admin import ImportExportModelAdmin
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ImportForm
from unfold.contrib.import_export.forms import ExportForm
from unfold.contrib.import_export.forms import ImportForm as UnfoldImportForm
from unfold.decorators import display

from integrations.admin_base import ChangedFieldsOnly, ReadOnly, ago
from integrations.models import Connection
from inventory.alias_import import AliasResource, parse_csv
from inventory.models import InventoryLevel, Listing, Publication, SkuAlias, WarehouseItem


class AnyCSV(CSV):
    """CSV as people have it: comma, semicolon or tab, with or without BOM."""

    def is_binary(self) -> bool:
        return True

    def create_dataset(self, in_stream: bytes | str, **kwargs: Any) -> Any:
        content = in_stream.encode() if isinstance(in_stream, str) else in_stream
        return parse_csv(content)

    def export_data(self, dataset: Any, **kwargs: Any) -> Any:
        return super().export_data(dataset, **kwargs).encode()


class AliasImportForm(UnfoldImportForm):
    connection = forms.ModelChoiceField(
        Connection.objects.filter(provider="supplier_oasis"), label="marketplace", empty_label=None
    )


class AliasConfirmForm(forms.Form):
    import_file_name = forms.CharField(widget=forms.HiddenInput())
    original_file_name = forms.CharField(widget=forms.HiddenInput())
    format = forms.CharField(widget=forms.HiddenInput())
    resource = forms.CharField(widget=forms.HiddenInput(), required=False)
    connection = forms.ModelChoiceField(Connection.objects.all(), widget=forms.HiddenInput())

    def clean_import_file_name(self) -> str:
        return PurePath(self.cleaned_data["import_file_name"]).name


@admin.register(SkuAlias)
class SkuAliasAdmin(ImportExportModelAdmin, ChangedFieldsOnly):
    list_display = ("marketplace_sku", "warehouse_sku", "units", "is_active", "connection", "note")
    list_filter = ("connection", "is_active")
    search_fields = ("marketplace_sku", "warehouse_sku", "note")
    list_select_related = ("connection",)
    resource_classes = (AliasResource,)
    import_form_class = AliasImportForm
    confirm_form_class = AliasConfirmForm
    export_form_class = ExportForm

    def get_import_formats(self) -> list[Any]:
        return [AnyCSV, XLSX]

    def get_export_formats(self) -> list[Any]:
        return [CSV, XLSX]

    def get_confirm_form_initial(self, request: HttpRequest, import_form: ImportForm) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if import_form:
            initial["connection"] = import_form.cleaned_data["connection"].pk
        return initial

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form")
        given = super().get_import_resource_kwargs(request, **kwargs)
        chosen = getattr(form, "cleaned_data", {}).get("connection") if form else None
        return {**given, "connection": chosen}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection")


@admin.register(Listing)
class ListingAdmin(ChangedFieldsOnly):
    list_display = ("marketplace_sku", "route", "published_sku", "published_quantity", "published", "is_active")
    list_filter = ("route", "is_active")
    search_fields = ("marketplace_sku", "partner_sku", "option_sku", "upc")
    list_select_related = ("route",)
    fields = ("marketplace_sku", "route", "partner_sku", "option_sku", "upc", "is_active", "reserve",
              "published_sku", "published_quantity", "published", "why")  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Listing | None = None) -> Any:
        shown = ("published_sku", "published_quantity", "published", "why")
        return (*shown, "marketplace_sku", "route") if obj else shown

    @display(description="published", ordering="published_at")
    def published(self, obj: Listing) -> str:
        return ago(obj.published_at)

    @display(description="why this quantity")
    def why(self, obj: Listing) -> str:
        return explained(obj.explanation)


@admin.register(Publication)
class PublicationAdmin(ReadOnly):
    list_display = ("sku", "quantity", "status", "observed_at", "finished_at", "attempts", "last_error")
    list_filter = ("status",)
    search_fields = ("sku", "last_error")


@admin.register(InventoryLevel)
class InventoryLevelAdmin(ReadOnly):
    list_display = ("item_id", "location_id", "available", "on_hand", "committed", "observed_at", "connection")
    list_filter = ("connection", "location_id")
    search_fields = ("item_id",)


@admin.register(WarehouseItem)
class WarehouseItemAdmin(ReadOnly):
    list_display = ("sku", "matches", "remote_id", "title", "sellable", "stock_managed", "checked_at")
    list_filter = ("connection", "matches", "sellable")
    search_fields = ("sku", "title", "remote_id")


def explained(explanation: dict[str, Any]) -> str:
    if not explanation:
        return "not published yet"
    return format_html(
        '<pre class="whitespace-pre-wrap">{}</pre>', json.dumps(explanation, indent=2, ensure_ascii=False)
    )
