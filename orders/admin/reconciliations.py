"""Reports of the comparison of both sides, and asking for one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations.admin_base import ReadOnly, ago, log, question, visible_or_404
from integrations.dispatch import enqueue
from integrations.errors import IntegrationError
from integrations.exports import download_rows
from integrations.models import Connection, SyncRun
from integrations.walking import back_of
from inventory.admin.file_forms import MARKETPLACES
from orders import periods
from orders.admin import reconciliation_page
from orders.models import Reconciliation
from orders.reconciliation import export

STATES = {"waiting": "info", "running": "info", "complete": "success", "exceptions": "danger", "incomplete": "warning"}
DAYS = 7
COLUMNS = ("bucket", "number", "sales_channel", "created_on_marketplace", "order__status", "warehouse__name",
           "remote_orders", "text", "action")  # fmt: skip
RECONCILING = (
    "Both sides are read and compared; nothing is mended. It costs a call for each day, and one for every 250 orders "
    "and 250 parcels that the warehouse has had since then."
)


class Day(UnfoldAdminTextInputWidget):
    input_type = "date"


class PeriodForm(forms.Form):
    """Which days of which marketplace are compared."""

    connection = forms.ModelChoiceField(
        Connection.objects.filter(provider__in=MARKETPLACES), label="Marketplace", empty_label=None,
        widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip
    first = forms.DateField(label="From (created on the marketplace, its own days)", widget=Day())
    last = forms.DateField(label="To (included)", widget=Day())

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        connection = values["connection"]
        if connection.is_stopped or not connection.is_active:
            why = "stopped: test it first" if connection.is_stopped else "switched off"
            raise forms.ValidationError({"connection": f"{connection} is {why}."})
        try:
            values["since"], values["until"] = periods.of_days(connection, values["first"], values["last"])
        except (periods.Impossible, IntegrationError) as exc:
            raise forms.ValidationError({"first": f"{capfirst(str(exc))}."}) from None
        return values


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnly):
    list_display = ("period", "connection", "shown_state", "orders", "wrong", "asked", "by")
    list_filter = ("connection", "is_complete")
    export_columns = ("asked_at", "finished_at", "connection__name", "since", "until", "asked_by__username",
                      "is_complete", "counts", "notes")  # fmt: skip
    list_select_related = ("connection", "asked_by", "run")
    actions_list = ["reconcile"]
    empty_hint = "Both sides are compared once a day. Reconcile does it now, for any days."

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "orders_reconciliation"
        own = [
            path("<int:object_id>/csv/", view(self.as_csv), name=f"{name}_csv"),
            path("<path:object_id>/rows/<str:kind>/", view(self.rows), name=f"{name}_rows"),
        ]
        return [*own, *super().get_urls()]

    def has_reconcile_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("orders.add_reconciliation"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The report itself: nothing of it is edited."""
        report: Reconciliation | None = self.get_object(request, object_id)
        if report is None:
            return redirect("admin:orders_reconciliation_changelist")
        if not self.has_view_permission(request, report):
            raise PermissionDenied
        state, text = state_of(report)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": str(report), "colour": STATES[state],
            "state": text, **reconciliation_page.facts(report, request.GET, request.user),
        }  # fmt: skip
        return TemplateResponse(request, "admin/orders/reconciliation.html", context)

    def as_csv(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        report: Reconciliation = visible_or_404(self, request, object_id)
        answer = StreamingHttpResponse(export.lines(report), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = (
            f'attachment; filename="reconciliation-{report.since:%Y%m%d}-{report.until:%Y%m%d}-{report.pk}.csv"'
        )
        return answer

    def rows(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponseBase:
        """The orders that the page shows, of all its pages, as `csv` or `xlsx`."""
        report: Reconciliation = visible_or_404(self, request, object_id)
        return download_rows(
            request, kind, reconciliation_page.rows_of(report, request.GET), COLUMNS,
            title=f"reconciliation {report.pk}", page=reverse("admin:orders_reconciliation_change", args=[report.pk]),
        )  # fmt: skip

    @action(description="Reconcile…", url_path="reconcile", icon="balance", permissions=["reconcile"])
    def reconcile(self, request: HttpRequest) -> HttpResponse:
        if not self.has_reconcile_permission(request):
            raise PermissionDenied
        today = timezone.now().date()
        asked = {name: request.GET[name] for name in PeriodForm.base_fields if name in request.GET}
        first = {"first": today - timedelta(days=DAYS), "last": today, **asked}
        back = back_of(request) or reverse("admin:orders_reconciliation_changelist")
        form = PeriodForm(request.POST if request.method == "POST" else None, initial=first)
        if form.is_valid():
            report, said = ask_for(form.cleaned_data, request.user)
            log(request, [report], "Asked for")
            messages.success(request, said)
            return redirect(back)
        return question(
            self, request, form, title="Reconcile", consequence=RECONCILING, button="Reconcile",
            back=back,
        )  # fmt: skip

    @display(description="period (UTC)", ordering="since")
    def period(self, obj: Reconciliation) -> str:
        return f"{obj.since:%Y-%m-%d %H:%M} – {obj.until:%Y-%m-%d %H:%M}"

    @display(description="state", label=STATES)
    def shown_state(self, obj: Reconciliation) -> tuple[str, str]:
        return state_of(obj)

    @display(description="orders")
    def orders(self, obj: Reconciliation) -> str:
        return str(obj.total) if obj.finished_at else "–"

    @display(description="exceptions")
    def wrong(self, obj: Reconciliation) -> str:
        return str(obj.exceptions) if obj.finished_at else "–"

    @display(description="asked", ordering="asked_at")
    def asked(self, obj: Reconciliation) -> str:
        return ago(obj.asked_at)

    @display(description="by")
    def by(self, obj: Reconciliation) -> str:
        return str(obj.asked_by or "the schedule, or the command line")


def ask_for(values: dict[str, Any], user: Any) -> tuple[Reconciliation, str]:
    """Have a worker compare the period; its report to come, and a sentence for the screen."""
    report = Reconciliation.objects.create(
        connection=values["connection"], since=values["since"], until=values["until"], asked_by=user
    )
    enqueue("reconcile", report.connection_id, "asked")
    return report, f"The report of {report} is made as soon as a worker is free; it then shows under Reconciliation"


def state_of(report: Reconciliation) -> tuple[str, str]:
    """A key of STATES, and what is shown for it."""
    if report.finished_at is None:
        running = report.run is not None and report.run.status == SyncRun.Status.RUNNING
        return ("running", "Running") if running else ("waiting", "Waiting")
    if not report.is_complete:
        return "incomplete", "Incomplete"
    return ("exceptions", "Exceptions") if report.exceptions else ("complete", "Adds up")
