"""Checks of what the marketplace shows: what drifted and why, as a page and as CSV, and having it published again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from integrations.admin.paging import around
from integrations.admin_base import ReadOnly, ago, ask, clip, log, question, visible_or_404
from integrations.exports import csv_line, download_rows, links
from integrations.models import Connection
from inventory import checking
from inventory.admin.file_forms import MARKETPLACES
from inventory.checked import DriftedListing, InventoryCheck

C = DriftedListing.Cause
COLOURS = {"waiting": "info", "unread": "warning", "drifted": "danger", "equal": "success"}
CAUSES = {C.NEVER_SENT: "warning", C.REFUSED: "danger", C.CHANGED_THERE: "warning", C.OUT_OF_ORDER: "danger"}
PER_PAGE = 100
LIST = "admin:inventory_inventorycheck"
COLUMNS = ("route", "sku", "cause", "told", "shown")
AGAIN = (
    "Every listing of this report is decided anew and published with the next run, even if nothing has changed here, "
    "under the same guard as ever."
)
CHECKING = (
    "The marketplace is asked for all its quantities, which are compared with what it was last told. Nothing is "
    "changed."
)


class CheckForm(forms.Form):
    """Which marketplace is read."""

    connection = forms.ModelChoiceField(
        Connection.objects.filter(provider__in=MARKETPLACES, is_active=True), label="Marketplace", empty_label=None,
        widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip


@admin.register(InventoryCheck)
class InventoryCheckAdmin(ReadOnly):
    empty_hint = "What the marketplace shows is compared once a day, and whenever you ask for it."
    list_display = ("asked", "connection", "shown_state", "compared", "number", "by", "short_note")
    list_filter = ("connection", "asked_at")
    export_columns = ("asked_at", "finished_at", "connection__name", "asked_by__username", "compared", "counts", "note")
    list_select_related = ("connection", "asked_by")
    actions_list = ["check_now"]

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "inventory_inventorycheck"
        own = [
            path("<int:object_id>/csv/", view(self.as_csv), name=f"{name}_csv"),
            path("<path:object_id>/rows/<str:kind>/", view(self.rows), name=f"{name}_rows"),
            path("<path:object_id>/publish-again/", view(self.publish_again), name=f"{name}_publish_again"),
        ]
        return [*own, *super().get_urls()]

    def has_check_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("inventory.add_inventorycheck") and self.has_view_permission(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What drifted, by cause."""
        report = self._found(request, object_id)
        cause = request.GET.get("cause", "")
        page = Paginator(_rows(report, cause).select_related("listing__route"), PER_PAGE).get_page(
            request.GET.get("page")
        )
        state, text = state_of(report)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": str(report), "report": report,
            "colour": COLOURS[state], "state": text, "page": page, "pages": around(page, cause=cause), "cause": cause,
            "rows": [(row, CAUSES[C(row.cause)]) for row in page],
            "causes": [(one, report.counts.get(one.value, 0)) for one in C],
            "exports": links(f"{LIST}_rows", urlencode({"cause": cause} if cause in C.values else {}), report.pk),
            "may_publish": bool(report.drifted) and request.user.has_perm("inventory.publish_listing"),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/inventory_check.html", context)

    def as_csv(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        report = self._found(request, object_id)
        answer = StreamingHttpResponse(_lines(report), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="drift-{report.asked_at:%Y%m%d-%H%M}-{report.pk}.csv"'
        return answer

    def rows(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponseBase:
        """What drifted by the cause of the address, of all pages, as `csv` or `xlsx`."""
        report = self._found(request, object_id)
        return download_rows(
            request, kind, _rows(report, request.GET.get("cause", "")),
            ("listing__route__name", "sku", "cause", "wanted", "shown"), title=f"inventory check {report.pk}",
            page=reverse(f"{LIST}_change", args=[report.pk]),
        )  # fmt: skip

    def publish_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        report = self._found(request, object_id)

        return ask(
            self, request, report, title=f"Publish again what drifted: {report}", consequence=AGAIN,
            button="Publish again", do=lambda _values: checking.publish_again(report),
            allowed=bool(request.user.has_perm("inventory.publish_listing")),
        )  # fmt: skip

    @action(description="Check now…", url_path="check-now", icon="fact_check", permissions=["check"])
    def check_now(self, request: HttpRequest) -> HttpResponse:
        if not self.has_check_permission(request):
            raise PermissionDenied
        form = CheckForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            connection = form.cleaned_data["connection"]
            messages.success(request, checking.ask_for(connection, request.user))
            log(request, [connection], "Asked for a check of its quantities")
            return redirect("admin:inventory_inventorycheck_changelist")
        return question(
            self, request, form, title="Check now", consequence=CHECKING, button="Check",
            back=reverse("admin:inventory_inventorycheck_changelist"),
        )  # fmt: skip

    def _found(self, request: HttpRequest, object_id: object) -> InventoryCheck:
        report: InventoryCheck = visible_or_404(self, request, object_id)
        return report

    @display(description="asked for", ordering="asked_at")
    def asked(self, obj: InventoryCheck) -> str:
        return ago(obj.asked_at)

    @display(description="state", label=COLOURS)
    def shown_state(self, obj: InventoryCheck) -> tuple[str, str]:
        return state_of(obj)

    @display(description="drifted")
    def number(self, obj: InventoryCheck) -> str:
        return str(obj.drifted) if obj.compared is not None else "–"

    @display(description="by")
    def by(self, obj: InventoryCheck) -> str:
        return clip(str(obj.asked_by or "the schedule"), 20)

    @display(description="note")
    def short_note(self, obj: InventoryCheck) -> str:
        return clip(obj.note, 60)


def state_of(report: InventoryCheck) -> tuple[str, str]:
    """A key of COLOURS, and what is shown for it."""
    if report.finished_at is None:
        return "waiting", "Waiting"
    if report.compared is None:
        return "unread", "Not compared"
    return ("drifted", "Drifted") if report.drifted else ("equal", "As it was told")


def _rows(report: InventoryCheck, cause: str) -> QuerySet[DriftedListing]:
    """What drifted by this cause; by none that there is, all."""
    rows = report.drifts.filter(cause=cause) if cause in C.values else report.drifts.all()
    return rows.order_by("pk")


def _lines(report: InventoryCheck) -> Iterator[str]:
    """In UTF-8 with a mark so that spreadsheets read it as such."""
    yield "\ufeff" + csv_line(COLUMNS)
    for row in report.drifts.select_related("listing__route").order_by("pk").iterator(chunk_size=1000):
        told, shown = ("" if number is None else str(number) for number in (row.wanted, row.shown))
        yield csv_line((str(row.listing.route), row.sku, row.get_cause_display(), told, shown))
