"""Actions on many records: a page that shows what will happen to each, does it, and then what came of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from integrations import workers
from integrations.admin_base import ReadOnly, ago, clip, found_or_404
from integrations.exports import download_rows, links
from orders import bulk
from orders.bulk_actions import BY_NAME, Doing
from orders.models import BulkAction, BulkItem

S, I = BulkAction.State, BulkItem.State  # noqa: E741
COLOURS = {S.PREVIEWED: "warning", S.CONFIRMED: "info", S.DONE: "success"}
ITEM = {I.WAITING: ("info", "schedule"), I.LEFT_OUT: ("default", "block"), I.DONE: ("success", "check_circle"),
        I.REFUSED: ("danger", "error")}  # fmt: skip
PER_PAGE = 100
RELOAD_SECONDS = 3
Act = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


def in_bulk(name: str, description: str, permission: str) -> Act:
    """An action of a list that leads to its preview. `permission` is the list's own, as Django's actions have it."""

    def act(_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        try:
            record = bulk.propose(name, queryset, request.user)
        except (bulk.TooMany, bulk.ForNone) as exc:
            messages.error(request, str(exc))
            return None
        return redirect("admin:orders_bulkaction_change", record.pk)

    act.__name__ = f"{name}_many"
    made: Act = admin.action(description=description, permissions=[permission])(act)
    return made


def _form_class(doing: Doing) -> type[forms.Form]:
    class ConfirmForm(forms.Form):
        reason = forms.CharField(
            label=doing.asks, max_length=200, required=bool(doing.asks),
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}) if doing.asks else forms.HiddenInput,
        )  # fmt: skip

    return ConfirmForm


@admin.register(BulkAction)
class BulkActionAdmin(ReadOnly):
    empty_hint = "Tick rows in the list of orders or holds, and choose an action there."
    list_display = ("made", "what", "by", "shown_state", "told", "why")
    list_filter = ("state", "action", "user")
    list_select_related = ("user",)
    search_fields = ("reason", "items__name")
    export_columns = ("created_at", "finished_at", "action", "state", "user__username", "reason")

    def has_view_permission(self, request: HttpRequest, obj: BulkAction | None = None) -> bool:
        """Whoever sees the orders sees what was done to many of them."""
        return bool(request.user.has_perm("orders.view_order"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        rows = self.admin_site.admin_view(self.rows)
        return [path("<path:object_id>/rows/<str:kind>/", rows, name="orders_bulkaction_rows"), *super().get_urls()]

    def rows(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponseBase:
        """Its records of the state that the address asks for, of all pages, as `csv` or `xlsx`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        record: BulkAction = found_or_404(self, request, object_id)
        return download_rows(
            request, kind, _items(record, request.GET.get("of", "")), ("name", "state", "text"),
            title=f"bulk action {record.pk}", page=reverse("admin:orders_bulkaction_change", args=[record.pk]),
        )  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """GET shows the preview, how far it is, or what came of it; POST does it, or prepares its undoing.

        Only who chose the records confirms: anybody else has not seen the list that they were chosen from.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        record: BulkAction = found_or_404(self, request, object_id)
        doing = BY_NAME[record.action]
        may = request.user.has_perm(doing.permission) and (record.state != S.PREVIEWED or record.user == request.user)
        form = _form_class(doing)(request.POST if request.method == "POST" else None)
        if request.method == "POST":
            if not may:
                raise PermissionDenied
            if "undo" in request.POST:
                return self._undo(request, record)
            if form.is_valid() and record.items.filter(state=I.WAITING).exists():
                return self._confirm(request, record, form.cleaned_data["reason"])
        return TemplateResponse(request, "admin/orders/bulk.html", self._page(request, record, doing, form, may))

    def _confirm(self, request: HttpRequest, record: BulkAction, reason: str) -> HttpResponse:
        if not bulk.confirm(record, reason, request.user):
            messages.error(request, "This was confirmed already; the page shows how far it is.")
        return redirect("admin:orders_bulkaction_change", record.pk)

    def _undo(self, request: HttpRequest, record: BulkAction) -> HttpResponse:
        back = None
        try:
            back = bulk.inverse(record, request.user)
            if back is None:
                messages.error(request, "This cannot be undone in one go.")
        except bulk.ForNone as exc:
            messages.error(request, str(exc))
        return redirect("admin:orders_bulkaction_change", (back or record).pk)

    def _page(
        self, request: HttpRequest, record: BulkAction, doing: Doing, form: forms.Form, may: bool
    ) -> dict[str, Any]:
        found, chosen = bulk.counts(record), request.GET.get("of", "")
        query = f"of={chosen}" if chosen in I.values else ""
        page = Paginator(_items(record, chosen), PER_PAGE).get_page(request.GET.get("page"))
        ended = found[I.DONE] + found[I.REFUSED]
        return {
            **self.admin_site.each_context(request), "opts": self.opts, "title": doing.title, "record": record,
            "doing": doing, "form": form, "may": may, "page": page, "of": chosen,
            "of_query": query and f"{query}&", "exports": links("admin:orders_bulkaction_rows", query, record.pk),
            "rows": [(one, *ITEM[I(one.state)], _address(doing, one)) for one in page],
            "state_colour": COLOURS[S(record.state)], "is_at_work": record.state == S.CONFIRMED,
            "reload": RELOAD_SECONDS, "sums": [(state, I(state).label, found[state]) for state in I.values],
            "waiting": found[I.WAITING], "ended": ended, "total": ended + found[I.WAITING],
            "nobody_works": record.state == S.CONFIRMED and not workers.are_seen(),
            "may_undo": may and record.state == S.DONE and doing.undone_by and found[I.DONE],
            "undo_title": BY_NAME[doing.undone_by].title if doing.undone_by else "",
            "in_background": found[I.WAITING] > bulk.AT_ONCE, "back": _list_of(doing),
        }  # fmt: skip

    @display(description="when", ordering="created_at")
    def made(self, obj: BulkAction) -> str:
        return ago(obj.created_at)

    @display(description="what", ordering="action")
    def what(self, obj: BulkAction) -> str:
        return BY_NAME[obj.action].title

    @display(description="by", ordering="user")
    def by(self, obj: BulkAction) -> str:
        return clip(str(obj.user or ""), 30)

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, obj: BulkAction) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkAction]:
        rows: QuerySet[BulkAction] = super().get_queryset(request)
        return rows.annotate(
            done=Count("items", filter=Q(items__state=I.DONE)),
            left=Count("items", filter=Q(items__state__in=(I.LEFT_OUT, I.REFUSED))),
        )

    @display(description="result")
    def told(self, obj: Any) -> str:
        left = f"; {obj.left} not" if obj.left else ""
        return f"{obj.done} {BY_NAME[obj.action].done}{left}" if obj.state != S.PREVIEWED else "–"

    @display(description="reason")
    def why(self, obj: BulkAction) -> str:
        return clip(obj.reason, 40)


def _items(record: BulkAction, state: str) -> QuerySet[BulkItem]:
    """Its records of this state; of none that there is, all."""
    items = record.items.filter(state=state) if state in I.values else record.items.all()
    return items.order_by("pk")


def _list_of(doing: Doing) -> str:
    return reverse(f"admin:{doing.model._meta.app_label}_{doing.model._meta.model_name}_changelist")


def _address(doing: Doing, item: BulkItem) -> str:
    names = doing.model._meta
    try:
        return reverse(f"admin:{names.app_label}_{names.model_name}_change", args=[item.record_id])
    except NoReverseMatch:
        return ""
