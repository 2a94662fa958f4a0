"""Orders: the list by state and cause, and what a person may do with one or many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.decorators import action, display

from integrations.admin_base import (
    ChangedFieldsOnly,
    ChangedRowsOnly,
    Nothing,
    ReasonForm,
    ago,
    ask,
    ask_many,
    clip,
    do_each,
    found_or_404,
    is_saving,
)
from integrations.admin_forms import ShownForm
from integrations.dispatch import enqueue
from orders import actions, arrivals, short_shipping
from orders.admin import labels, order_page, worklists
from orders.admin.by_ship_date import ByShipDate
from orders.admin.deciding import Deciding
from orders.admin.sending import RESEND
from orders.models import Hold, IllegalTransition, Order, OrderLine, WarehouseSubmission

CORRECTABLE = ("ship_name", "ship_address1", "ship_address2", "ship_city", "ship_state", "ship_postal_code",
               "ship_country_code", "ship_phone", "working_shipping_code")  # fmt: skip
CORRECTABLE_LINE = ("partner_sku", "option_sku", "quantity")


class Held(admin.SimpleListFilter):
    title, parameter_name = "held for", "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, str(kind.label)) for kind in Hold.Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if not self.value():
            return queryset
        held = Hold.objects.filter(kind=self.value(), resolved_at=None)
        return queryset.filter(pk__in=held.values("order"))


class OfCause(admin.SimpleListFilter):
    """The orders that wait for one cause: where a row of the worklist leads; not offered by itself."""

    title, parameter_name = "cause", "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, chosen.split(":", 2)[-1][:40] or "(none)")] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        kind, _, rest = (self.value() or "").partition(":")
        marketplace, _, subject = rest.partition(":")
        if not marketplace.isdecimal() or "\x00" in kind + subject:  # PostgreSQL takes none in a text
            return queryset.none() if self.value() else queryset
        same = Hold.objects.filter(kind=kind, subject=subject, resolved_at=None)
        return queryset.filter(connection=int(marketplace[:18]), pk__in=same.values("order"))


class Worklist(admin.SimpleListFilter):
    title, parameter_name = "worklist", "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, one.title) for name, one in worklists.OF_ORDERS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        chosen = worklists.OF_ORDERS.get(self.value() or "")
        return queryset.filter(chosen.condition) if chosen else queryset


# As many as are believed of the marketplace itself: more is a scanned barcode, and it would go out within seconds.
MOST_UNITS = 1_000_000
FITTING = "width: 100%; min-width: 8rem"  # all columns of a line side by side


class LineForm(ShownForm):
    def clean_quantity(self) -> int | None:
        quantity: int | None = self.cleaned_data["quantity"]
        if self.instance.is_cancelled and "quantity" in self.changed_data:
            raise ValidationError("The marketplace cancelled this line; its quantity stays.")
        if quantity is not None and quantity > MOST_UNITS and "quantity" in self.changed_data:
            raise ValidationError(f"{quantity} is more than the {MOST_UNITS} units that a line can have.")
        return quantity


class Lines(ChangedRowsOnly):
    model = OrderLine
    form = LineForm
    fields = ("number", "partner_sku", "option_sku", "shown_title", "quantity", "to_ship", "shipped",
              "confirmed", "cost", "state")  # fmt: skip
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "Lines"

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        """Before it is sent, a line's SKUs and quantity can be put right; what is to be shipped follows."""
        correctable = obj is not None and arrivals.is_unsent(obj)
        return [name for name in self.fields if not correctable or name not in CORRECTABLE_LINE]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in CORRECTABLE_LINE:
            field.required = False
            field.widget.attrs["style"] = "width: 5rem" if db_field.name == "quantity" else FITTING
        return field

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="to ship")
    def to_ship(self, obj: OrderLine) -> int:
        return obj.quantity_to_ship

    @display(description="shipped")
    def shipped(self, obj: OrderLine) -> int:
        return obj.quantity_shipped

    @display(description="confirmed")
    def confirmed(self, obj: OrderLine) -> int:
        return obj.quantity_confirmed

    @display(description="unit cost")
    def cost(self, obj: OrderLine) -> str:
        return "–" if obj.unit_cost is None else clip(f"{obj.unit_cost:.2f} {obj.currency}", 20)

    @display(description="title")
    def shown_title(self, obj: OrderLine) -> str:
        return clip(obj.title, 28) or "–"

    @display(description="state")
    def state(self, obj: OrderLine) -> str:
        return "Cancelled" if obj.is_cancelled else obj.marketplace_status.capitalize() or "Open"


@admin.register(Order)
class OrderAdmin(Deciding, ChangedFieldsOnly):
    list_display = ("number", "reference", "shown_status", "shown_holds", "route", "to", "age")
    list_filter = (Worklist, OfCause, ByShipDate, "status", Held, "route", "connection", "is_freight",
                   "submission__is_test", "route__state")  # fmt: skip
    list_before_template = "admin/orders/tabs.html"
    search_fields = ("full_number", "short_reference", "ship_name", "ship_postal_code", "lines__partner_sku",
                     "lines__option_sku", "shipments__tracking_number")  # fmt: skip
    date_hierarchy = "ordered_at"
    list_select_related = ("route",)
    show_full_result_count = False
    inlines = (Lines,)
    actions = ["release_many", "retry_many", "hold_many", "skip_many", "unskip_many"]
    actions_detail = ["apply", "amend", "keep", "void", "release", "retry", "hold", "skip", "unskip", "short"]

    def get_fieldsets(self, request: HttpRequest, obj: Order | None = None) -> Any:
        return (
            ("Ship to", {"fields": CORRECTABLE}),
            ("As the marketplace has it", {"classes": ["collapse"], "fields": self._told()}),
        )

    def _told(self) -> tuple[str, ...]:
        return (
            "full_number", "short_reference", "sales_channel", "connection", "route", "marketplace_status",
            "shown_warehouse_name", "ordered_at", "marketplace_created_at", "shipping_code", "shown_freight",
            "shown_signature", "billing_account", "carrier_code", "skip_reason", "cancel_requested_at",
            "received_at", "last_seen_at", "shown_raw", "shown_request",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        correctable = obj is not None and arrivals.is_unsent(obj)
        return (*self._told(), *(() if correctable else CORRECTABLE))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        open_holds = Hold.objects.filter(resolved_at=None)
        rows: QuerySet[Order] = super().get_queryset(request)
        submissions = Prefetch("submission", WarehouseSubmission.objects.defer("request"))
        return rows.prefetch_related(Prefetch("holds", open_holds, to_attr="open_holds"), submissions)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Order | None:
        """While a form is being saved, no worker takes the order to send it."""
        order: Order | None = super().get_object(request, object_id, from_field)
        if order is not None and is_saving(request):
            WarehouseSubmission.objects.select_for_update().filter(order=order).first()
        return order

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(RESEND) and self.has_view_permission(request))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only the buttons that this order and this person's permissions allow now."""
        order = self.get_object(request, str(object_id))
        allowed = actions.possible(order) if order else set()
        if not self.has_resend_permission(request):
            allowed.discard("retry")
        if not self.has_change_permission(request, order):
            allowed &= {"retry"}
        if order and request.user.has_perm(short_shipping.PERMISSION) and short_shipping.open_lines(order):
            allowed.add("short")
        shown = super().get_actions_detail(request, object_id)
        return [one for one in shown if one.action_name.rpartition("_")[2] in allowed]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The order's own page tells all that happened to it, also what no form of the admin did."""
        order = found_or_404(self, request, object_id)
        if not self.has_view_or_change_permission(request, order):
            raise PermissionDenied
        return redirect(f"{reverse('admin:orders_order_change', args=[order.pk])}#story")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        tabs = worklists.tabs(request.GET.get("list", ""))
        answer: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "tabs": tabs})
        return answer

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        order = self.get_object(request, str(object_id))
        if order is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        correctable = arrivals.is_unsent(order)
        if request.method == "POST" and not correctable and self.has_change_permission(request, order):
            status = order.get_status_display().lower()
            text = f"Nothing was saved: order {order} was sent or closed meanwhile (it is {status} now)."
            messages.error(request, text)
            return redirect(request.path)
        more = {"facts": order_page.facts(order, request.user), "show_save": correctable,
                "show_save_and_continue": correctable}  # fmt: skip
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def save_inline(self, request: HttpRequest, obj: OrderLine, names: list[str]) -> None:
        others = [name for name in names if name != "quantity"]
        if others:
            obj.save(update_fields=others)
        if "quantity" in names:
            actions.correct_line(obj, obj.quantity, request.user)  # type: ignore[arg-type]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        order: Order = form.instance
        changed = order_page.corrections(form, formsets)
        if changed:
            order.note(f"corrected by hand: {', '.join(changed)}", actor=request.user)  # type: ignore[arg-type]
        if order.route is not None and (changed or any(formset.has_changed() for formset in formsets)):
            enqueue("submit_orders", order.route.warehouse_id)

    @display(description="status", label=labels.OR_WAITS, ordering="status")
    def shown_status(self, obj: Order) -> tuple[str, str]:
        waits = labels.what_waits(obj)
        return (labels.WAITS, waits) if waits else (obj.status, obj.get_status_display())

    @display(description="held for")
    def shown_holds(self, obj: Order) -> str:
        holds = list(map(str, getattr(obj, "open_holds", [])))
        more = f" and {len(holds) - 1} more" if len(holds) > 1 else ""
        return format_html("{}{}", clip(holds[0] if holds else obj.skip_reason or "–", 34), more)

    @display(description="number", ordering="full_number")
    def number(self, obj: Order) -> str:
        return clip(obj.full_number, 20)

    @display(description="short reference", ordering="short_reference")
    def reference(self, obj: Order) -> str:
        return clip(obj.short_reference or "–", 20)

    @display(description="ship to", ordering="ship_name")
    def to(self, obj: Order) -> str:
        return clip(obj.ship_name, 24)

    @display(description="age", ordering="ordered_at")
    def age(self, obj: Order) -> str:
        return ago(obj.ordered_at)

    @display(description="warehouse name")
    def shown_warehouse_name(self, obj: Order) -> str:
        return repr(obj.warehouse_name)

    @display(description="freight")
    def shown_freight(self, obj: Order) -> str:
        return "Yes" if obj.is_freight else "No"

    @display(description="signature required")
    def shown_signature(self, obj: Order) -> str:
        return "Yes" if obj.signature_required else "No"

    @display(description="raw message")
    def shown_raw(self, obj: Order) -> str:
        return order_page.raw_message(obj)

    @display(description="what was sent")
    def shown_request(self, obj: Order) -> str:
        return order_page.sent_request(obj)

    def _ask(
        self, request: HttpRequest, object_id: int, button: str, consequence: str,
        do: Callable[..., str], *, with_reason: bool = False, allowed: bool | None = None,
    ) -> HttpResponse:  # fmt: skip
        order = found_or_404(self, request, object_id)

        def act(values: dict[str, Any]) -> str:
            return do(order, *([values["reason"]] if with_reason else []), request.user)

        return ask(
            self, request, order, title=f"{button} order {order}", consequence=consequence, do=act, button=button,
            refuse=IllegalTransition, form_class=ReasonForm if with_reason else Nothing, allowed=allowed,
        )  # fmt: skip

    @action(description="Release", url_path="release", icon="lock_open")
    def release(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "The order is judged again, and goes out if nothing else holds it."
        return self._ask(request, object_id, "Release", text, actions.release)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.by_number)
        return [path("number/<path:number>/", view, name="orders_order_by_number"), *super().get_urls()]

    def by_number(self, request: HttpRequest, number: str) -> HttpResponse:
        """The page of the order with this full number; the list, where there are several or none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = list(Order.objects.filter(full_number=number.replace("\x00", "")).values_list("pk", flat=True)[:2])
        if len(found) == 1:
            return redirect("admin:orders_order_change", found[0])
        return redirect(f"{reverse('admin:orders_order_changelist')}?{urlencode({'q': number})}")

    @action(description="Retry", url_path="retry", icon="replay")
    def retry(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "What was refused or given up is sent again; what may have arrived is looked up first."
        may = self.has_resend_permission(request)
        return self._ask(request, object_id, "Retry", text, actions.retry_sending, allowed=may)

    @action(description="Hold", url_path="hold", icon="front_hand")
    def hold(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask(request, object_id, "Hold", HOLDING, actions.hold, with_reason=True)

    @action(description="Skip", url_path="skip", icon="block")
    def skip(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask(request, object_id, "Skip", SKIPPING, actions.skip, with_reason=True)

    @action(description="Un-skip", url_path="unskip", icon="undo")
    def unskip(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "The order is judged like a new one, and goes out if nothing holds it."
        return self._ask(request, object_id, "Un-skip", text, actions.unskip)

    @admin.action(description="Release", permissions=["change"])
    def release_many(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, actions.release, "released")

    @admin.action(description="Retry what was refused", permissions=["resend"])
    def retry_many(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, actions.retry_sending, "sent again")

    @admin.action(description="Un-skip", permissions=["change"])
    def unskip_many(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, actions.unskip, "un-skipped")

    @admin.action(description="Hold…", permissions=["change"])
    def hold_many(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._ask_many(request, queryset, "Hold", HOLDING, actions.hold, "held")

    @admin.action(description="Skip…", permissions=["change"])
    def skip_many(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._ask_many(request, queryset, "Skip", SKIPPING, actions.skip, "skipped")

    def _each(self, request: HttpRequest, rows: QuerySet[Order], do: Callable[..., str], done: str) -> None:
        rows = rows.select_related("route__warehouse", "connection")
        do_each(request, rows, lambda order: do(order, request.user), done=done, refuse=IllegalTransition)

    def _ask_many(
        self, request: HttpRequest, rows: QuerySet[Order], button: str, text: str, do: Callable[..., str], done: str
    ) -> HttpResponse | None:
        return ask_many(
            self, request, rows, title=button, button=button, consequence=text, done=done, refuse=IllegalTransition,
            do=lambda order, reason: do(order, reason, request.user),
        )  # fmt: skip


HOLDING = "What is held is not sent until somebody releases it."
SKIPPING = "What is skipped is never sent, unless somebody un-skips it."
