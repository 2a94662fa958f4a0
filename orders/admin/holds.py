"""What waits for a person: holds, and records that could not be read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import escape
from django.views.decorators.http import require_safe
from unfold.decorators import action, display

from integrations.admin.legible import legible
from integrations.admin.waiting import Waiting, Waits
from integrations.admin_base import NoteForm, ReadOnly, ago, ask, clip, found_or_404, is_list, visible_or_404
from integrations.wording import moment
from orders import actions
from orders.admin import labels, mapping, remedies, worklist_rows
from orders.admin.bulk import in_bulk
from orders.models import Hold, IllegalTransition, UnreadableRecord

CHANGE = "orders.change_order"


class Openness(admin.SimpleListFilter):
    """Open ones, unless somebody asks for others."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("closed", "Resolved"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "Open"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        conditions = {"all": Q(), "closed": Q(resolved_at__isnull=False)}
        return queryset.filter(conditions.get(self.value() or "", Q(resolved_at=None)))


class OrderOwner(admin.SimpleListFilter):
    """By who looks after the order."""

    title, parameter_name = "taken by", "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "Mine"), ("nobody", "Nobody's")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "me":
            return queryset.filter(order__owner=request.user.pk)
        return queryset.filter(order__owner=None) if self.value() == "nobody" else queryset


class Closable(ReadOnly):
    """A record that nobody edits, but that a person who may change orders can close with a note."""

    def has_close_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(CHANGE))

    def may_close(self, row: Any) -> bool:
        return row.resolved_at is None

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        row = self.get_object(request, str(object_id))
        if row is None or not self.has_close_permission(request) or not self.may_close(row):
            return []
        return super().get_actions_detail(request, object_id)

    @display(description="resolved", ordering="resolved_at")
    def closed(self, obj: Any) -> str:
        return ago(obj.resolved_at)


@admin.register(Hold)
class HoldAdmin(Waiting, Closable):
    list_display = ("of_order", "shown_kind", "short_subject", "short_message", "taken_by", "since", "closed")
    list_filter = (Openness, OrderOwner, "kind", "order__route")
    search_fields = ("order__full_number", "subject", "message")
    list_select_related = ("order", "order__owner")
    fields = ("order", "kind", "whole_subject", "message", "opened_at", "resolved_at", "resolution")
    actions = [in_bulk("resolve", "Resolve…", "close")]
    export_columns = ("order__full_number", "kind", "subject", "message", "opened_at", "resolved_at", "resolution",
                      "order__status", "order__route__name", "order__owner__username")  # fmt: skip
    actions_detail = ["resolve"]
    empty_hint = "Nothing holds an order."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        rows: QuerySet[Hold] = super().get_queryset(request)
        if not is_list(request):
            return rows
        return rows.defer("order__raw", "order__told", "order__told_now").prefetch_related("order__shipments")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("needs-mapping/", view(partial(mapping.worklist, self)), name="orders_needs_mapping"),
            path("<int:pk>/frees/", view(self.frees), name="orders_hold_frees"),
            path("needs-mapping/download/<str:kind>/", view(mapping.export), name="orders_needs_mapping_download"),
            path("needs-mapping/map/", view(partial(mapping.map_cause, self)), name="orders_map_cause"),
        ]
        return [*own, *super().get_urls()]

    @method_decorator(require_safe)
    def frees(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What its order's page says beside it: how many orders go out once its cause is mended."""
        return HttpResponse(escape(remedies.frees(visible_or_404(self, request, pk))))

    def waits(self, record: Hold, user: Any) -> Waits | None:
        if record.resolved_at:
            return None
        return replace(worklist_rows.waits("hold", record, user), others=tuple(remedies.instead(record, user)))

    def may_close(self, row: Any) -> bool:
        return super().may_close(row) and actions.may_resolve(row)

    @display(description="order", ordering="order__full_number")
    def of_order(self, obj: Hold) -> str:
        return labels.number(obj.order.full_number)

    @display(description="kind", ordering="kind")
    def shown_kind(self, obj: Hold) -> str:
        return clip(obj.get_kind_display(), 30)

    @display(description="subject", ordering="subject")
    def short_subject(self, obj: Hold) -> str:
        return clip(obj.subject_in_words, 24)

    @display(description="subject")
    def whole_subject(self, obj: Hold) -> str:
        return obj.subject_in_words

    @display(description="message")
    def short_message(self, obj: Hold) -> str:
        return clip(obj.message, 56)

    @display(description="taken by", ordering="order__owner")
    def taken_by(self, obj: Hold) -> str:
        return clip(str(obj.order.owner or ""), 16)

    @display(description="since", ordering="opened_at")
    def since(self, obj: Hold) -> str:
        return ago(obj.opened_at)

    @action(description="Resolve", url_path="resolve", icon="task_alt")
    def resolve(self, request: HttpRequest, object_id: int) -> HttpResponse:
        hold = found_or_404(self, request, object_id)
        return ask(
            self, request, hold, title=f"Resolve “{hold}” of order {hold.order}", button="Resolve",
            consequence=f"{hold.message} Say what was done; it stays in the order's story with your name.",
            do=lambda values: actions.resolve(hold, values["note"], request.user),  # type: ignore[arg-type]
            form_class=NoteForm, refuse=IllegalTransition, allowed=self.has_close_permission(request), back=hold.order,
            stopped=_settled(hold) if hold.resolved_at else "",
        )  # fmt: skip


def _settled(hold: Hold) -> str:
    how = f": {hold.resolution}" if hold.resolution else ""
    return f"This is settled since {moment(hold.resolved_at)}{how}. Nothing is left to resolve."


@admin.register(UnreadableRecord)
class UnreadableRecordAdmin(Closable):
    empty_hint = "Every order that the marketplace sent could be read."
    list_display = ("number", "connection", "short_reason", "first_seen", "closed")
    list_filter = (Openness, "connection")
    search_fields = ("full_number", "reason")
    list_select_related = ("connection",)
    fields = ("full_number", "connection", "reason", "first_seen_at", "last_seen_at", "resolved_at", "resolution",
              "shown_raw")  # fmt: skip
    actions = [in_bulk("dismiss", "Dismiss…", "close")]
    export_columns = ("full_number", "connection__name", "reason", "first_seen_at", "last_seen_at", "resolved_at",
                      "resolution")  # fmt: skip
    actions_detail = ["dismiss"]

    @display(description="number", ordering="full_number")
    def number(self, obj: UnreadableRecord) -> str:
        return clip(str(obj), 24)

    @display(description="reason")
    def short_reason(self, obj: UnreadableRecord) -> str:
        return clip(obj.reason, 90)

    @display(description="first seen", ordering="first_seen_at")
    def first_seen(self, obj: UnreadableRecord) -> str:
        return ago(obj.first_seen_at)

    @display(description="raw record")
    def shown_raw(self, obj: UnreadableRecord) -> str:
        return legible(obj.raw)

    @action(description="Dismiss", url_path="dismiss", icon="task_alt")
    def dismiss(self, request: HttpRequest, object_id: int) -> HttpResponse:
        record = found_or_404(self, request, object_id)
        return ask(
            self, request, record, title=f"Dismiss {record}", button="Dismiss", consequence=DISMISSING,
            do=lambda values: actions.dismiss(record, values["note"], request.user),  # type: ignore[arg-type]
            form_class=NoteForm, refuse=IllegalTransition, allowed=self.has_close_permission(request),
        )  # fmt: skip


DISMISSING = "The order is not taken from this record. One that is read well later closes it by itself."
