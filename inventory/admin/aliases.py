"""SKU aliases: edited one by one, or imported from a file after a preview, and exported."""

from __future__ import annotations

import logging
import os
from pathlib import PurePath
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from import_export.admin import ImportExportModelAdmin
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ImportForm
from unfold.contrib.import_export.forms import ExportForm
from unfold.contrib.import_export.forms import ImportForm as UnfoldImportForm
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from integrations import registry
from integrations.admin_base import ChangedFieldsOnly, clip
from integrations.dispatch import enqueue_for_warehouses
from integrations.models import Connection
from inventory import alias_file
from inventory.alias_file import MAX_FILE_BYTES, FileProblem
from inventory.alias_import import AliasResource, AliasResult, problems
from inventory.models import SkuAlias

logger = logging.getLogger(__name__)

TICKET_SALT, TICKET_SECONDS = "inventory.alias-import", 60 * 60
MARKETPLACES = [key for key, provider in registry.PROVIDERS.items() if provider.kind == registry.MARKETPLACE]
AGAIN = "There is no preview to confirm: it was confirmed already, or is more than an hour old. Upload the file again."


class AnyCSV(CSV):
    """The file's content says what it is, not the format that was chosen."""

    def is_binary(self) -> bool:
        return True

    def get_read_mode(self) -> str:
        return "rb"

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Any:
        return alias_file.read(in_stream)


class AnyXLSX(XLSX):
    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Any:
        return alias_file.read(in_stream)


class AliasImportForm(UnfoldImportForm):
    connection = forms.ModelChoiceField(
        Connection.objects.filter(provider__in=MARKETPLACES), label="Marketplace", widget=UnfoldAdminSelectWidget,
        empty_label="Choose the marketplace of these SKUs",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A marketplace is chosen by a person, unless there is only one."""
        super().__init__(*args, **kwargs)
        field: Any = self.fields["connection"]
        choices = list(field.queryset[:2])
        if len(choices) == 1:
            field.empty_label, field.initial = None, choices[0]

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MAX_FILE_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_FILE_BYTES // 1024**2} MB; split it.")
        return file


class AliasConfirmForm(forms.Form):
    """A ticket for what this person has just seen in the preview: that file, for that marketplace."""

    ticket = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, user_id: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user_id = user_id

    def clean(self) -> dict[str, Any]:
        try:
            seen = signing.loads(self.cleaned_data.get("ticket", ""), salt=TICKET_SALT, max_age=TICKET_SECONDS)
            connection = Connection.objects.get(pk=seen["connection"], provider__in=MARKETPLACES)
        except (signing.BadSignature, Connection.DoesNotExist):
            raise forms.ValidationError(AGAIN) from None
        if seen["user"] != self._user_id:
            raise forms.ValidationError(AGAIN)
        return {**seen, "connection": connection}


@admin.register(SkuAlias)
class SkuAliasAdmin(ImportExportModelAdmin, ChangedFieldsOnly):
    list_display = ("sku", "in_warehouse", "units", "is_active", "connection", "short_note")
    list_filter = ("connection", "is_active")
    search_fields = ("marketplace_sku", "warehouse_sku", "note")
    list_select_related = ("connection",)
    resource_classes = (AliasResource,)
    import_form_class = AliasImportForm
    confirm_form_class = AliasConfirmForm
    export_form_class = ExportForm
    import_template_name = "admin/inventory/import_aliases.html"

    @display(description="marketplace SKU", ordering="marketplace_sku")
    def sku(self, obj: SkuAlias) -> str:
        return clip(obj.marketplace_sku, 30)

    @display(description="warehouse SKU", ordering="warehouse_sku")
    def in_warehouse(self, obj: SkuAlias) -> str:
        return clip(obj.warehouse_sku, 30)

    @display(description="note", ordering="note")
    def short_note(self, obj: SkuAlias) -> str:
        return clip(obj.note, 40)

    def get_import_formats(self) -> list[Any]:
        return [AnyCSV, AnyXLSX]

    def get_export_formats(self) -> list[Any]:
        return [CSV, XLSX]

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: ImportForm | None = None) -> dict[str, Any]:
        given: dict[str, Any] = super().get_confirm_form_kwargs(request, import_form)
        return {**given, "user_id": request.user.pk}

    def get_confirm_form_initial(self, request: HttpRequest, import_form: ImportForm | None) -> dict[str, Any]:
        if import_form is None:
            return {}
        seen = super().get_confirm_form_initial(request, import_form)
        seen |= {
            "import_file_name": PurePath(seen["import_file_name"]).name,
            "connection": import_form.cleaned_data["connection"].pk,
            "user": request.user.pk,
        }
        return {"ticket": signing.dumps(seen, salt=TICKET_SALT)}

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form")
        given = super().get_import_resource_kwargs(request, **kwargs)
        chosen = getattr(form, "cleaned_data", {}).get("connection") if form else None
        return {**given, "connection": chosen}

    def add_data_read_fail_error_to_form(self, form: ImportForm, e: Exception) -> None:
        text = str(e)
        if not isinstance(e, FileProblem):
            logger.error("an alias file could not be read", exc_info=e)
            text = "the file cannot be read; save it as CSV UTF-8 or XLSX"
        form.add_error("import_file", f"{text[:1].upper()}{text[1:]}.")

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """A file that cannot be confirmed is not kept."""
        answer: HttpResponseBase = super().import_action(request, **kwargs)
        kept_as = getattr(request.FILES.get("import_file"), "tmp_storage_name", None)
        if kept_as and "confirm_form" not in (getattr(answer, "context_data", None) or {}):
            os.remove(kept_as)
        return answer

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = self.create_confirm_form(request)
        if request.method == "POST" and not form.is_valid():
            return self._again(request, AGAIN)
        try:
            answer: HttpResponse = super().process_import(request, **kwargs)
        except FileNotFoundError:
            return self._again(request, AGAIN)
        return answer

    def save_model(self, request: HttpRequest, obj: SkuAlias, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        enqueue_for_warehouses(obj.connection_id, "submit_orders")

    def process_result(self, result: AliasResult, request: HttpRequest) -> HttpResponseRedirect:
        wrong = problems(result)
        if wrong:
            return self._again(request, f"Nothing was imported: {wrong[0]}")
        answer: HttpResponseRedirect = super().process_result(result, request)
        return answer

    def add_success_message(self, result: AliasResult, request: HttpRequest) -> None:
        totals = result.totals
        text = (
            f"Aliases of {result.marketplace} imported: {totals['new']} new, {totals['update']} changed, "
            f"{totals['skip']} unchanged."
        )
        if not result.warnings:
            messages.success(request, text)
            return
        first = result.warnings[0]
        more = f" (and {len(result.warnings) - 1} more)" if len(result.warnings) > 1 else ""
        messages.warning(request, f"{text} To check: {first.cells[-1]}: {first.text}{more}.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "connection":
            kwargs["queryset"] = Connection.objects.filter(provider__in=MARKETPLACES)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _again(self, request: HttpRequest, text: str) -> HttpResponseRedirect:
        messages.error(request, text)
        return redirect("admin:inventory_skualias_import")
