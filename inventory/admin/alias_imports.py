"""Imports of aliases: who, when, what, how far; the lines that are wrong as a file; and undoing the whole."""

from __future__ import annotations

import zlib
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from integrations.admin_base import ReadOnly, ago, clip, found_or_404, log
from integrations.admin_forms import ticket_for
from integrations.wording import counted
from inventory import alias_effects, alias_report, alias_undo, alias_upload
from inventory.admin import alias_page
from inventory.admin.alias_forms import AliasTicketForm
from inventory.models import AliasImport


@admin.register(AliasImport)
class AliasImportAdmin(ReadOnly):
    empty_hint = "Files are imported on the list of SKU aliases, and can be undone here."
    list_display = ("when", "file", "connection", "by", "shown_state", "new", "changed", "off", "wrong")
    list_filter = ("connection", "state", "mode")
    search_fields = ("file_name", "sha256", "user_name")
    export_columns = ("uploaded_at", "finished_at", "file_name", "connection__name", "user_name", "mode", "state",
                      "counts", "error", "undone_at", "undone_by_name", "sha256")  # fmt: skip
    list_select_related = ("connection",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection").defer("content", "changes", "error_file")

    def get_list_display(self, request: HttpRequest) -> Any:
        may = request.user.has_perm("inventory.change_skualias")
        return (*self.list_display, "way_back") if may else self.list_display

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the aliases sees where they came from."""
        user: Any = request.user
        return bool(user.has_perm("inventory.view_skualias") or user.has_perm("inventory.change_skualias"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<path:object_id>/errors/", self.admin_site.admin_view(self.errors), name="inventory_aliasimport_errors"
            ),
            path("<path:object_id>/undo/", self.admin_site.admin_view(self.undo), name="inventory_aliasimport_undo"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The import itself: nothing of it is edited."""
        record = self._found(request, object_id)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "Alias import",
            **alias_page.facts(record, request),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/alias_import.html", context)

    def errors(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The lines that are wrong, as CSV."""
        record = self._found(request, object_id)
        if not record.error_file:
            raise Http404("this import has no line that is wrong")
        answer = HttpResponse(zlib.decompress(record.error_file), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="alias-errors-{record.pk}.csv"'
        return answer

    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET shows what would become of each alias; POST does exactly that, or shows what it would be by now."""
        record = self._found(request, object_id)
        if not request.user.has_perm("inventory.change_skualias"):
            raise PermissionDenied
        if not alias_page.may_undo(record, request):
            messages.error(request, f"This import cannot be undone: {alias_page.why_not_undone(record)}.")
            return _page_of(record)
        form = AliasTicketForm(request.POST or None, user_id=request.user.pk)
        if request.method == "POST" and form.is_valid() and form.seen == record:
            return self._undone(request, record, form.cleaned_data["fingerprint"])
        return self._question(request, record)

    def _undone(self, request: HttpRequest, record: AliasImport, fingerprint: str) -> HttpResponse:
        if alias_upload.undo(record, fingerprint, request.user):
            log(request, [record], "Confirmed, to be undone")
        if record.state == AliasImport.State.UNDONE:
            told = record.report["undone"]
            are = "is as it was" if told["changed"] == 1 else "are as they were"
            back = f"{counted(told['changed'], 'aliases')} {are} before it"
            left = f"; changed since, and left as it is: {counted(told['left'], 'aliases')}" if told["left"] else ""
            messages.success(request, f"The import is undone: {back}{left}.")
        elif record.error:
            messages.error(request, f"Nothing was undone. {record.error}")
        return _page_of(record)

    def _question(self, request: HttpRequest, record: AliasImport) -> HttpResponse:
        found = alias_undo.plan(record)
        ticket = ticket_for(record, found.fingerprint(), request.user.pk)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "Undo an import", "record": record,
            "changed": len(found.changes), "left": len(found.left),
            "sum": counted(len(found.changes), "aliases"), "rows": alias_report.rows(found.changes),
            "left_rows": alias_report.rows(found.left),
            "form": AliasTicketForm(initial={"ticket": ticket}, user_id=None),
            "effects": alias_effects.told(alias_effects.foresee(record.connection, found.changes)),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/alias_undo.html", context)

    def _found(self, request: HttpRequest, object_id: str) -> AliasImport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        record: AliasImport = found_or_404(self, request, object_id)
        return record

    @display(description="uploaded", ordering="uploaded_at")
    def when(self, obj: AliasImport) -> str:
        return ago(obj.uploaded_at)

    @display(description="file", ordering="file_name")
    def file(self, obj: AliasImport) -> str:
        return clip(obj.file_name, 30)

    @display(description="by", ordering="user_name")
    def by(self, obj: AliasImport) -> str:
        return clip(obj.by, 30)

    @display(description="state", ordering="state", label=alias_page.COLOURS)
    def shown_state(self, obj: AliasImport) -> tuple[str, str]:
        return alias_page.state_of(obj)

    @display(description="new")
    def new(self, obj: AliasImport) -> str:
        return _count(obj, "new")

    @display(description="changed")
    def changed(self, obj: AliasImport) -> str:
        return _count(obj, "changed")

    @display(description="switched off")
    def off(self, obj: AliasImport) -> str:
        return _count(obj, "switched_off")

    @display(description="undo")
    def way_back(self, obj: AliasImport) -> str:
        if obj.state != AliasImport.State.DONE or alias_page.is_too_old(obj):
            return "–"
        return format_html('<a href="{}">Undo…</a>', reverse("admin:inventory_aliasimport_undo", args=[obj.pk]))

    @display(description="wrong lines")
    def wrong(self, obj: AliasImport) -> str:
        return _count(obj, "wrong")


def _count(record: AliasImport, what: str) -> str:
    return str(record.counts.get(what, "–"))


def _page_of(record: AliasImport) -> HttpResponse:
    return redirect("admin:inventory_aliasimport_change", record.pk)
