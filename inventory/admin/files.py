"""Inventory files: made on demand or by schedule, downloaded, and said to be uploaded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from integrations.admin.paging import around
from integrations.admin_base import ReadOnly, ago, ask, clip, log, visible_or_404
from integrations.models import Route
from inventory import files
from inventory.file_formats import FORMATS
from inventory.filed import InventoryFile

S = InventoryFile.State
COLOURS = {S.WAITING: "info", S.MADE: "warning", S.NOTING: "info", S.UPLOADED: "success", S.FAILED: "danger"}
PER_PAGE = 100
MAKING = (
    "Every quantity is decided anew, under the same rules and the same guard as a publish, and kept as a file for "
    "upload by hand. The file then shows under Inventory files."
)
UPLOADING = (
    "What the file says then counts as published from now on, unless something newer was published since it was made. "
    "Say so only once the marketplace has taken it."
)


def may_make_file(request: HttpRequest) -> bool:
    """Who makes one is shown it, so they need to see the files too."""
    return bool(request.user.has_perms(["inventory.add_inventoryfile", "inventory.view_inventoryfile"]))


def make_file(route_admin: Any, request: HttpRequest, route: Route) -> HttpResponse:
    """Ask, then have a file of a route's quantities made."""

    def act(_values: dict[str, Any]) -> HttpResponse:
        record = files.ask_for(route, request.user)
        log(request, [route], "Asked for an inventory file")
        messages.success(request, "The file is made as soon as a worker is free; load this page again then.")
        return redirect("admin:inventory_inventoryfile_change", record.pk)

    return ask(
        route_admin, request, route, title=f"Inventory file of route {route}", consequence=MAKING, do=act,
        button="Make the file", allowed=may_make_file(request),
    )  # fmt: skip


@admin.register(InventoryFile)
class InventoryFileAdmin(ReadOnly):
    empty_hint = "A file of quantities for upload by hand is made on a route's page."
    list_display = ("asked", "of_route", "shown_state", "listings", "changed", "held", "by", "uploaded")
    list_filter = ("state", "route")
    export_columns = ("asked_at", "made_at", "route__name", "state", "listings", "changed", "held",
                      "asked_by__username", "uploaded_at", "uploaded_by__username", "sha256", "error")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("route", "asked_by", "uploaded_by")
        return rows.defer("content", "reasons")

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "inventory_inventoryfile"
        own = [
            path("<path:object_id>/download/<str:kind>/", view(self.download), name=f"{name}_file"),
            path("<path:object_id>/uploaded/", view(self.uploaded_by_hand), name=f"{name}_uploaded"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What is in it, and the ways to the marketplace."""
        record = self._found(request, object_id)
        sku = request.GET.get("q", "").strip()
        rows = [row for row in files.rows_of(record) if not sku or sku.lower() in _names(row)]
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": str(record), "record": record,
            "colour": COLOURS[S(record.state)], "page": page, "pages": around(page, q=sku), "sku": sku,
            "columns": record.route.file_columns, "formats": list(FORMATS), "has_content": record.made_at is not None,
            "may_say_uploaded": record.state == S.MADE and _may_say_uploaded(request),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/inventory_file.html", context)

    def download(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponse:
        record = self._found(request, object_id)
        if kind not in FORMATS or record.made_at is None:
            raise Http404(f"there is no {kind} of {record}")
        content_type, write = FORMATS[kind]
        answer = HttpResponse(write(record), content_type=content_type)
        answer["Content-Disposition"] = f'attachment; filename="{files.name_of(record, kind)}"'
        return answer

    def uploaded_by_hand(self, request: HttpRequest, object_id: str) -> HttpResponse:
        record = self._found(request, object_id)

        return ask(
            self, request, record, title=f"I uploaded it: {record}", consequence=UPLOADING, button="I uploaded it",
            do=lambda _values: files.mark_uploaded(record, request.user), refuse=files.NotUploaded,
            allowed=_may_say_uploaded(request),
        )  # fmt: skip

    def _found(self, request: HttpRequest, object_id: str) -> InventoryFile:
        record: InventoryFile = visible_or_404(self, request, object_id)
        return record

    @display(description="asked for", ordering="asked_at")
    def asked(self, obj: InventoryFile) -> str:
        return ago(obj.asked_at)

    @display(description="route", ordering="route")
    def of_route(self, obj: InventoryFile) -> str:
        return clip(str(obj.route), 24)

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, obj: InventoryFile) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="by")
    def by(self, obj: InventoryFile) -> str:
        return clip(str(obj.asked_by or "the schedule"), 20)

    @display(description="uploaded", ordering="uploaded_at")
    def uploaded(self, obj: InventoryFile) -> str:
        return ago(obj.uploaded_at)


def _may_say_uploaded(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("inventory.change_inventoryfile"))


def _names(row: files.Row) -> str:
    return f"{row.supplier_sku}\n{row.option_sku}\n{row.upc}\n{row.sku}".lower()
