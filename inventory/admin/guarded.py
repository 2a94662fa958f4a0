"""Publishes that were held back: what they would do, and a person's word on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.decorators import display

from integrations.admin.paging import around
from integrations.admin_base import ReadOnly, ago, clip, found_or_404, question
from integrations.exports import download_rows, links
from integrations.wording import counted
from inventory import guarding
from inventory.models import GuardedPublish, GuardedQuantity
from inventory.now import why_nothing_of

S = GuardedPublish.State
COLOURS = {
    S.WAITING: "danger", S.RELEASED: "info", S.PUBLISHED: "success", S.DISCARDED: "default", S.CLOSED: "default",
}  # fmt: skip
PER_PAGE, NAMED = 100, 5
DROP = Coalesce(F("before"), 0) - F("after")
Decide = Callable[[GuardedPublish, str, Any], str]


@admin.register(GuardedPublish)
class GuardedPublishAdmin(ReadOnly):
    empty_hint = "The guard has held nothing back."
    list_display = ("found", "of_route", "shown_state", "changed", "zeroed", "raised", "why", "decided")
    list_filter = ("state", "route")
    list_select_related = ("route", "decided_by")
    export_columns = ("found_at", "route__name", "state", "changed", "zeroed", "raised", "reason", "decided_at",
                      "decided_by__username", "finished_at")  # fmt: skip

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_view_permission(request, obj)) or _may_release(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "inventory_guardedpublish"
        own = [
            path("<path:object_id>/release/", view(self.release), name=f"{name}_release"),
            path("<path:object_id>/discard/", view(self.discard), name=f"{name}_discard"),
            path("<path:object_id>/rows/<str:kind>/", view(self.rows), name=f"{name}_rows"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What would change, the biggest drops first, and the two buttons."""
        record = self._found(request, object_id)
        sku = request.GET.get("q", "").strip()
        page = Paginator(_rows(record, sku), PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "Guarded publish", "record": record,
            "colour": COLOURS[S(record.state)], "page": page, "pages": around(page, q=sku), "sku": sku,
            "may_release": record.state == S.WAITING and _may_release(request),
            "exports": links("admin:inventory_guardedpublish_rows", urlencode({"q": sku} if sku else {}), record.pk),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/guarded_publish.html", context)

    def rows(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponseBase:
        """What would change, of all pages, with the SKU of the address, as `csv` or `xlsx`."""
        record = self._found(request, object_id)
        return download_rows(
            request, kind, _rows(record, request.GET.get("q", "").strip()), ("sku", "before", "after", "why"),
            title=f"guarded publish {record.pk}",
            page=reverse("admin:inventory_guardedpublish_change", args=[record.pk]),
        )  # fmt: skip

    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what would be published; what was shown there, and nothing else, is released by the POST."""
        record = self._found(request, object_id)
        if not _may_release(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._decide(request, object_id, guarding.release)
        page = reverse("admin:inventory_guardedpublish_change", args=[record.pk])
        if record.state != S.WAITING or request.GET.get("fingerprint", record.fingerprint) != record.fingerprint:
            messages.error(request, guarding.GONE_ON)
            return redirect(page)
        return question(
            self, request, forms.Form(), title="Publish all the same", consequence=_consequence(record),
            button="Publish", kept=[("fingerprint", record.fingerprint)], back=page,
        )  # fmt: skip

    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, guarding.discard)

    def _decide(self, request: HttpRequest, object_id: str, do: Decide) -> HttpResponse:
        record = self._found(request, object_id)
        if not _may_release(request):
            raise PermissionDenied
        if request.method == "POST":
            try:
                said = do(record, request.POST.get("fingerprint", ""), request.user)
                self.log_change(request, record, said)
                messages.success(request, said)
            except guarding.NotReleased as exc:
                messages.error(request, str(exc))
        return redirect("admin:inventory_guardedpublish_change", record.pk)

    def _found(self, request: HttpRequest, object_id: str) -> GuardedPublish:
        if not self.has_view_permission(request):
            raise PermissionDenied
        record: GuardedPublish = found_or_404(self, request, object_id)
        return record

    @display(description="found", ordering="found_at")
    def found(self, obj: GuardedPublish) -> str:
        return ago(obj.found_at)

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, obj: GuardedPublish) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="why")
    def why(self, obj: GuardedPublish) -> str:
        return clip(obj.reason, 48)

    @display(description="route", ordering="route")
    def of_route(self, obj: GuardedPublish) -> str:
        return clip(str(obj.route), 24)

    @display(description="decided", ordering="decided_at")
    def decided(self, obj: GuardedPublish) -> str:
        return clip(str(obj.decided_by or ""), 20)


def _rows(record: GuardedPublish, sku: str) -> QuerySet[GuardedQuantity]:
    """What would change of SKUs with these characters, the biggest drops first."""
    rows = record.quantities.filter(sku__icontains=sku) if sku else record.quantities.all()
    return rows.order_by(DROP.desc(), "pk")


def _consequence(record: GuardedPublish) -> str:
    market = record.route.marketplace
    drops = ", ".join(f"{row.sku} {row.before or 0} → {row.after}" for row in _rows(record, "")[:NAMED])
    parts = [
        f"{market} is told {counted(record.changed, 'quantities')} of route {record.route}: {record.zeroed:,} of them "
        f"0, {record.raised:,} of them higher than shown.",
        f"The biggest drops: {drops}." if drops else "",
        f"From then on {market} sells by these quantities. One that has gone further by then is judged anew.",
        why_nothing_of(record.route),
    ]
    return " ".join(part for part in parts if part)


def _may_release(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("inventory.release_publish"))
