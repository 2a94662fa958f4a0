"""Orders: the list by state and cause, the page that tells everything, and what a person may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from unfold.admin import TabularInline
from unfold.decorators import action, display

from integrations.admin_base import ChangedFieldsOnly, ReadOnly, ReasonForm, ago, ask, clip
from integrations.dispatch import enqueue
from orders import actions
from orders.models import Hold, IllegalTransition, Order, OrderLine, Shipment, UnreadableRecord, WarehouseSubmission

S = Order.Status
STATUS_COLOURS = {
    S.RECEIVED: "info", S.READY: "info", S.ON_HOLD: "danger", S.SKIPPED: "default", S.SUBMITTED: "primary",
    S.PARTLY_SHIPPED: "warning", S.SHIPPED: "warning", S.CONFIRMED: "success", S.CANCELLED: "default",
}  # fmt: skip
CORRECTABLE = ("ship_name", "ship_address1", "ship_address2", "ship_city", "ship_state", "ship_postal_code",
               "ship_country_code", "ship_phone")  # fmt: skip


class Held(admin.SimpleListFilter):
    title, parameter_name = "held for", "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, str(kind.label)) for kind in Hold.Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if not self.value():
            return queryset
        return queryset.filter(holds__kind=self.value(), holds__resolved_at=None).distinct()


class Lines(TabularInline):
    model = OrderLine
    fields = ("number", "partner_sku", "option_sku", "title", "quantity", "quantity_to_ship", "quantity_shipped",
              "quantity_confirmed", "unit_cost", "is_cancelled")  # fmt: skip
    extra = 0
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        """Before it is sent, a line's SKUs and quantities can be put right."""
        unsent = obj is not None and obj.status in Order.UNSENT
        return [name for name in self.fields if not unsent or name not in CORRECTABLE_LINE]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


CORRECTABLE_LINE = ("partner_sku", "option_sku", "quantity", "quantity_to_ship")


@admin.register(Order)
class OrderAdmin(ChangedFieldsOnly):
    list_display = ("number", "short_reference", "shown_status", "shown_holds", "route", "to", "age")
    list_filter = ("status", Held, "route", "connection", "is_freight")
    search_fields = ("full_number", "short_reference", "ship_name", "ship_postal_code", "lines__partner_sku",
                     "lines__option_sku", "shipments__tracking_number")  # fmt: skip
    date_hierarchy = "ordered_at"
    list_select_related = ("route",)
    show_full_result_count = False
    inlines = (Lines,)
    actions = ["release_many", "retry_many"]
    actions_detail = ["release", "retry", "hold", "skip", "unskip"]

    def get_fieldsets(self, request: HttpRequest, obj: Order | None = None) -> Any:
        return (
            (None, {"fields": ("status", "overview")}),
            ("Ship to", {"fields": CORRECTABLE}),
            ("As the marketplace has it", {"classes": ["collapse"], "fields": self._told()}),
        )

    def _told(self) -> tuple[str, ...]:
        return (
            "full_number", "short_reference", "sales_channel", "connection", "route", "marketplace_status",
            "warehouse_name", "ordered_at", "marketplace_created_at", "shipping_code", "is_freight",
            "signature_required", "billing_account", "carrier_code", "skip_reason", "cancel_requested_at",
            "received_at", "last_seen_at", "shown_raw", "shown_request",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        sent = obj is not None and obj.status not in Order.UNSENT
        return ("status", "overview", *self._told(), *(CORRECTABLE if sent else ()))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        open_holds = Hold.objects.filter(resolved_at=None)
        rows: QuerySet[Order] = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("holds", open_holds, to_attr="open_holds"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only the buttons that this order allows now, and none for who may only look."""
        order = Order.objects.filter(pk=object_id).first()
        allowed = actions.possible(order) if order and self.has_change_permission(request, order) else set()
        shown = super().get_actions_detail(request, object_id)
        return [one for one in shown if one.action_name.rpartition("_")[2] in allowed]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        order: Order = form.instance
        if form.changed_data or any(formset.has_changed() for formset in formsets):
            changed = [*form.changed_data, *(name for one in formsets for f in one for name in f.changed_data)]
            order.note(f"corrected by hand: {', '.join(dict.fromkeys(changed))}", actor=request.user)  # type: ignore[arg-type]
            if order.route is not None:
                enqueue("submit_orders", order.route.warehouse_id)

    @display(description="status", label=STATUS_COLOURS, ordering="status")
    def shown_status(self, obj: Order) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="held for")
    def shown_holds(self, obj: Order) -> str:
        holds = list(map(str, getattr(obj, "open_holds", [])))
        more = f" and {len(holds) - 1} more" if len(holds) > 1 else ""
        return format_html("{}{}", clip(holds[0] if holds else obj.skip_reason or "–", 50), more)

    @display(description="number", ordering="full_number")
    def number(self, obj: Order) -> str:
        return clip(obj.full_number, 24)

    @display(description="ship to", ordering="ship_name")
    def to(self, obj: Order) -> str:
        return clip(obj.ship_name, 24)

    @display(description="age", ordering="ordered_at")
    def age(self, obj: Order) -> str:
        return ago(obj.ordered_at)

    @display(description="")
    def overview(self, obj: Order) -> str:
        submission = WarehouseSubmission.objects.filter(order=obj).first()
        parcels = Shipment.objects.filter(order=obj).prefetch_related(
            "lines__order_line", "lines__confirmed__confirmation"
        )
        context = {
            "holds": obj.holds.filter(resolved_at=None), "submission": submission, "parcels": parcels,
            "submitted": submission.lines.select_related("order_line") if submission else [],
            "confirmations": obj.confirmations.all(), "events": obj.events.select_related("actor").order_by("pk"),
        }  # fmt: skip
        return mark_safe(render_to_string("admin/orders/overview.html", context))  # noqa: S308 (escapes by itself)

    @display(description="raw message")
    def shown_raw(self, obj: Order) -> str:
        return format_html('<pre class="whitespace-pre-wrap break-all">{}</pre>', obj.raw)

    @display(description="what was sent")
    def shown_request(self, obj: Order) -> str:
        submission = WarehouseSubmission.objects.filter(order=obj).first()
        text = json.dumps(submission.request, indent=2, ensure_ascii=False) if submission else "nothing"
        return format_html('<pre class="whitespace-pre-wrap break-all">{}</pre>', text)

    def _ask(
        self, request: HttpRequest, object_id: int, title: str, consequence: str,
        do: Callable[..., str], *, with_reason: bool = False,
    ) -> HttpResponse:  # fmt: skip
        order = get_object_or_404(Order, pk=object_id)

        def act(values: dict[str, Any]) -> str:
            return do(order, *([values["reason"]] if with_reason else []), request.user)

        more = {"form_class": ReasonForm} if with_reason else {}
        return ask(
            self, request, order, title=f"{title} {order}", consequence=consequence, do=act,
            refuse=IllegalTransition, **more,
        )  # fmt: skip

    @action(description="Release", url_path="release", icon="lock_open")
    def release(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "The order is judged again, and goes out if nothing else holds it."
        return self._ask(request, object_id, "Release", text, actions.release)

    @action(description="Retry", url_path="retry", icon="replay")
    def retry(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "What was refused or given up is sent again; what may have arrived is looked up first."
        return self._ask(request, object_id, "Retry", text, actions.retry_sending)

    @action(description="Hold", url_path="hold", icon="front_hand")
    def hold(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "The order is not sent until somebody releases it."
        return self._ask(request, object_id, "Hold", text, actions.hold, with_reason=True)

    @action(description="Skip", url_path="skip", icon="block")
    def skip(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "The order is never sent, unless somebody un-skips it."
        return self._ask(request, object_id, "Skip", text, actions.skip, with_reason=True)

    @action(description="Un-skip", url_path="unskip", icon="undo")
    def unskip(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "The order is judged like a new one, and goes out if nothing holds it."
        return self._ask(request, object_id, "Un-skip", text, actions.unskip)

    @admin.action(description="Release the selected orders", permissions=["change"])
    def release_many(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, actions.release)

    @admin.action(description="Retry what was refused for the selected orders", permissions=["change"])
    def retry_many(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, actions.retry_sending)

    def _each(self, request: HttpRequest, queryset: QuerySet[Order], do: Callable[..., str]) -> None:
        done = 0
        for order in queryset.select_related("route"):
            try:
                do(order, request.user)
                done += 1
            except IllegalTransition as exc:
                messages.warning(request, str(exc))
        messages.success(request, f"{done} done")


@admin.register(Hold)
class HoldAdmin(ReadOnly):
    list_display = ("order", "kind", "subject", "message", "since", "resolved_at")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter), "kind")
    search_fields = ("order__full_number", "subject", "message")
    list_select_related = ("order",)

    @display(description="since", ordering="opened_at")
    def since(self, obj: Hold) -> str:
        return ago(obj.opened_at)


@admin.register(UnreadableRecord)
class UnreadableRecordAdmin(ReadOnly):
    list_display = ("full_number", "connection", "reason", "first_seen_at", "resolved_at")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter), "connection")
    search_fields = ("full_number", "reason")
