"""SKU aliases: edited one by one, or imported from a file after a preview, and exported."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from import_export.admin import ImportExportModelAdmin
from import_export.forms import ImportForm
from unfold.decorators import action, display

from integrations.admin_base import ChangedFieldsOnly, clip, log
from integrations.admin_forms import AGAIN
from integrations.dispatch import enqueue_for_warehouses
from integrations.models import Connection
from inventory import alias_effects, alias_upload, changed
from inventory.admin import alias_page
from inventory.admin.alias_forms import AliasConfirmForm, AliasImportForm
from inventory.admin.file_forms import MARKETPLACES
from inventory.admin.history import History
from inventory.admin.in_files import InFiles
from inventory.alias_effects import Effect
from inventory.alias_import import AliasResource
from inventory.alias_plan import Change, Key, Values
from inventory.models import AliasImport, SkuAlias


@admin.register(SkuAlias)
class SkuAliasAdmin(InFiles, ImportExportModelAdmin, History, ChangedFieldsOnly):
    list_display = ("sku", "in_warehouse", "units", "is_active", "connection", "short_note")
    list_filter = ("connection", "is_active")
    search_fields = ("marketplace_sku", "warehouse_sku", "note")
    list_select_related = ("connection",)
    actions_list = ["imports", "deleted"]
    resource_classes = (AliasResource,)
    import_form_class = AliasImportForm
    confirm_form_class = AliasConfirmForm
    import_template_name = "admin/inventory/import_aliases.html"
    empty_hint = (
        "An alias says what a marketplace SKU is called in the warehouse. Import many from a "
        "file, or map one when an order waits for it."
    )

    @display(description="marketplace SKU", ordering="marketplace_sku")
    def sku(self, obj: SkuAlias) -> str:
        return clip(obj.marketplace_sku, 30)

    @display(description="warehouse SKU", ordering="warehouse_sku")
    def in_warehouse(self, obj: SkuAlias) -> str:
        return clip(obj.warehouse_sku, 30)

    @display(description="note", ordering="note")
    def short_note(self, obj: SkuAlias) -> str:
        return clip(obj.note, 40)

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: ImportForm | None = None) -> dict[str, Any]:
        given: dict[str, Any] = super().get_confirm_form_kwargs(request, import_form)
        return {**given, "user_id": request.user.pk}

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The file is kept and planned at once, or by a worker if it is long; its page then shows how far that is."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = self.create_import_form(request)
        if request.method != "POST" or not form.is_valid():
            answer: HttpResponseBase = super().import_action(request, **kwargs)
            return answer
        given = form.cleaned_data
        record = alias_upload.keep(
            given["connection"], request.user, given["import_file"].name, given["content"],
            encoding=given["encoding"], mode=given["mode"],
        )  # fmt: skip
        log(request, [record], "Uploaded")
        alias_upload.go_on(record)
        if record.state != AliasImport.State.PLANNED:
            return _page_of(record)
        return self._preview(request, record)

    def _preview(self, request: HttpRequest, record: AliasImport) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request), "opts": self.opts,
            "title": f"Import {self.opts.verbose_name_plural}", **alias_page.facts(record, request),
        }  # fmt: skip
        if "confirm_form" not in context:
            context["form"] = AliasImportForm(
                self.get_import_formats(), self.get_import_resource_classes(request),
                initial={"connection": record.connection_id, "mode": record.mode, "encoding": record.encoding},
            )  # fmt: skip
        return TemplateResponse(request, self.import_template_name, context)

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return redirect("admin:inventory_skualias_import")
        form: AliasConfirmForm = self.create_confirm_form(request)
        if not form.is_valid():
            return self._not_confirmed(request, form)
        record = form.cleaned_data["record"]
        if not alias_upload.confirm(record, form.cleaned_data["fingerprint"], request.user):
            messages.error(request, AGAIN)
            return redirect("admin:inventory_skualias_import")
        log(request, [record], "Confirmed, to be stored")
        alias_page.tell(request, record)
        return _page_of(record)

    def _not_confirmed(self, request: HttpRequest, form: AliasConfirmForm) -> HttpResponseRedirect:
        messages.error(request, str(next(iter(form.non_field_errors()), AGAIN)))
        record = form.seen
        return _page_of(record) if record else redirect("admin:inventory_skualias_import")

    @action(description="Imports", url_path="imports", icon="history", permissions=["view"])
    def imports(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:inventory_aliasimport_changelist")

    def save_model(self, request: HttpRequest, obj: SkuAlias, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and {"connection", "marketplace_sku"} & set(form.changed_data):
            changed.forget(obj.connection)  # the listing that had the alias is not named by it any more
        enqueue_for_warehouses(obj.connection_id, "submit_orders")

    def effects(self, now: SkuAlias | None, then: Any) -> list[Effect]:
        """As of an import that would do the same, also where another alias has taken its place meanwhile."""
        key, after = _change_of(then)
        there = SkuAlias.objects.filter(
            connection=then.connection_id, marketplace_sku=key[0], warehouse_sku=key[1]
        ).first()
        changes = [Change(0, key, _change_of(there)[1] if there else None, after)]
        if now and now.connection_id == then.connection_id and now != there:
            changes.insert(0, Change(0, *_change_of(now), None))
        return alias_effects.told(alias_effects.foresee(then.connection, changes))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "connection":
            kwargs["queryset"] = Connection.objects.filter(provider__in=MARKETPLACES)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def _page_of(record: AliasImport) -> HttpResponseRedirect:
    return redirect("admin:inventory_aliasimport_change", record.pk)


def _change_of(alias: Any) -> tuple[Key, Values]:
    return (alias.marketplace_sku, alias.warehouse_sku), (alias.units, alias.is_active, alias.note)
