"""Orders: the list by state and cause, and what a person may do with one or many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.decorators import action, display

from integrations.admin.by_date import ByDate
from integrations.admin_base import (
    ChangedFieldsOnly,
    Nothing,
    ReasonForm,
    ago,
    ask,
    clip,
    found_or_404,
    is_list,
    is_saving,
)
from integrations.dispatch import enqueue
from integrations.walking import LIST, along, way_of
from orders import actions, personal_data, search, short_shipping
from orders.admin import finding, labels, looking_up, order_page, saying, tabs, walking
from orders.admin.bulk import in_bulk
from orders.admin.by_ship_date import ByShipDate
from orders.admin.deciding import SETTLED, Deciding
from orders.admin.filters import Held, HeldOrderOwner, InTab, OfCause, RarelyTrue
from orders.admin.lines import Lines, is_correctable
from orders.admin.sending import RESEND
from orders.bulk_actions import BY_NAME
from orders.models import Hold, IllegalTransition, Order, OrderLine, WarehouseSubmission
from orders.next_step import STEPS, label
from orders.reconciliation import findings

CORRECTABLE = ("ship_name", "ship_address1", "ship_address2", "ship_city", "ship_state", "ship_postal_code",
               "ship_country_code", "ship_phone", "working_shipping_code")  # fmt: skip
WITH_REASON = ("hold", "skip")
BY_HAND = {
    "release": STEPS["release"], "unskip": STEPS["unskip"],
    "hold": ("Hold", BY_NAME["hold"].consequence), "skip": ("Skip", BY_NAME["skip"].consequence),
}  # fmt: skip
NOT_NOW = "Order {order} is {status} by now, and does not allow this any more. Its page says how it stands."
REDACTED = ("shown_redacted", *(name for name in CORRECTABLE if name not in personal_data.COLUMNS))


@admin.register(Order)
class OrderAdmin(Deciding, ByDate, ChangedFieldsOnly):
    list_display = ("number", "shown_status", "shown_holds", "age", "to", "route", "taken_by")
    list_filter = (InTab, OfCause, ByShipDate, "status", Held, HeldOrderOwner, "route", "connection",
                   ("is_freight", RarelyTrue), ("submission__is_test", RarelyTrue), "route__state")  # fmt: skip
    list_before_template = "admin/orders/tabs.html"
    search_fields = ("full_number",)  # that there is a box; what it finds says get_search_results
    search_help_text = "Any number, SKU, name, postal code, phone or tracking number"
    export_columns = (
        "full_number", "short_reference", "status", "sales_channel", "connection__name", "route__name", "ordered_at",
        "received_at", "skip_reason", "marketplace_status", "ship_name", "ship_address1", "ship_address2", "ship_city",
        "ship_state", "ship_postal_code", "ship_country_code", "ship_phone", "shipping_code", "is_freight",
        "owner__username", "submission__status", "submission__remote_number", "submission__remote_status",
        "cancel_requested_at",
    )  # fmt: skip
    date_hierarchy = "ordered_at"
    show_full_result_count = False
    inlines = (Lines,)
    actions = [
        in_bulk("release", "Release…", "change"), in_bulk("retry", "Retry what was refused…", "resend"),
        in_bulk("hold", "Hold…", "change"), in_bulk("skip", "Skip…", "change"),
        in_bulk("unskip", "Un-skip…", "change"), in_bulk("take", "Take (look after held ones)…", "change"),
        in_bulk("give_back", "Give back…", "change"),
    ]  # fmt: skip
    change_form_outer_before_template = "admin/orders/forms.html"
    actions_detail = ["apply", "amend", "keep", "void", "release", "retry", "hold", "skip", "unskip", "short",
                      "calloff"]  # fmt: skip
    empty_hint = "Orders come with the next pull of a route that is live or in test."

    def get_fieldsets(self, request: HttpRequest, obj: Order | None = None) -> Any:
        redacted = obj is not None and obj.redacted_at is not None
        return (
            ("Ship to", {"fields": REDACTED if redacted else CORRECTABLE}),
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
        correctable = obj is not None and is_correctable(request, obj)
        return (*self._told(), "shown_redacted", *(() if correctable else CORRECTABLE))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        open_holds = Hold.objects.filter(resolved_at=None)
        rows: QuerySet[Order] = super().get_queryset(request)
        if request.method == "GET":  # what is read to be changed may be locked, without what belongs to it
            rows = rows.select_related("connection", "route", "owner", "submission")
            rows = rows.defer("raw", "told", "told_now", "submission__request") if is_list(request) else rows
            rows = rows if is_list(request) else rows.annotate(finding=findings.key())
        return rows.prefetch_related(Prefetch("holds", open_holds, to_attr="open_holds"))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Order | None:
        """While a form is saved, no worker takes the order to send it. A page that only shows it reads it once."""
        kept: Order | None = getattr(request, "shown_order", None)
        if kept is not None and str(kept.pk) == object_id and request.method == "GET":
            return kept
        order: Order | None = super().get_object(request, object_id, from_field)
        if order is not None and is_saving(request):
            WarehouseSubmission.objects.select_for_update().filter(order=order).first()
        if order is not None and request.method == "GET":
            request.shown_order = order  # type: ignore[attr-defined]
        return order

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(RESEND) and self.has_view_permission(request))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("find/", view(self.find), name="orders_find"),
            path("number/<path:number>/", view(self.by_number), name="orders_order_by_number"),
            path("<path:object_id>/comment/", view(self.comment), name="orders_order_comment"),
            path("<path:object_id>/take/", view(self.take), name="orders_order_take"),
            path("<path:object_id>/look-up/<str:source>/", view(self.look_up), name="orders_order_look_up"),
            path("<path:object_id>/payload/<str:which>/", view(self.payload), name="orders_order_payload"),
        ]
        return [*own, *super().get_urls()]

    def find(self, request: HttpRequest) -> HttpResponse:
        return finding.find(self, request)

    def comment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return saying.comment(self, request, object_id)

    def take(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return saying.take(self, request, object_id)

    def look_up(self, request: HttpRequest, object_id: str, source: str) -> HttpResponse:
        return looking_up.ask_for(self, request, object_id, source)

    def payload(self, request: HttpRequest, object_id: str, which: str) -> HttpResponse:
        return order_page.payload(self, request, object_id, which)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """The same search as the box of the header, which lists only the first."""
        return queryset.filter(search.found_by(search_term)) if search_term.strip() else queryset, False

    def allowed(self, request: HttpRequest, order: Order) -> set[str]:
        """The names of the buttons that this order allows this person now."""
        allowed = actions.possible(order)
        if not (self.has_resend_permission(request) and actions.may_retry(order, request.user)):
            allowed.discard("retry")
        if not self.has_change_permission(request, order):
            allowed &= {"retry"}
        if request.user.has_perm(short_shipping.PERMISSION):
            allowed |= {"short"} if short_shipping.open_lines(order) else set()
            allowed |= {"calloff"} if short_shipping.callable_off(order) else set()
        return allowed

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only the buttons that this order allows now, and none for who may only look."""
        kept: Any = getattr(request, "allowed_buttons", None)  # the page asks for them several times
        if kept is None:
            order = self.get_object(request, str(object_id))
            kept = self.allowed(request, order) if order else set()
        shown = super().get_actions_detail(request, object_id)
        named = {one.action_name.rpartition("_")[2]: one for one in shown}
        if "amend" in kept and "amend" in named and hasattr(request, "update_label"):
            named["amend"] = replace(named["amend"], description=request.update_label)
        return [one for name, one in named.items() if name in kept]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The order's own page tells all that happened to it, also what no form of the admin did."""
        order = found_or_404(self, request, object_id)
        if not self.has_view_or_change_permission(request, order):
            raise PermissionDenied
        return redirect(f"{reverse('admin:orders_order_change', args=[order.pk])}#story")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"tabs": tabs.tabs(request.GET.get("list", ""))}
        answer: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **shown})
        return answer

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        order = self.get_object(request, str(object_id))
        if order is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        correctable = is_correctable(request, order)
        if request.method == "POST" and not correctable and self.has_change_permission(request, order):
            status = order.get_status_display().lower()
            text = f"Nothing was saved: order {order} was sent or closed meanwhile (it is {status} now)."
            messages.error(request, text)
            return redirect(request.get_full_path())
        prefetch_related_objects([order], *order_page.PARTS)
        allowed = self.allowed(request, order)
        request.allowed_buttons = allowed  # type: ignore[attr-defined]
        request.update_label = label("amend", order)  # type: ignore[attr-defined]
        walk = walking.walk(self, request, order)
        facts = order_page.facts(self, request, order, allowed, walk.way if walk else {})
        more = {"facts": facts, "walk": walk, "show_save": correctable, "show_save_and_continue": correctable}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def get_preserved_filters(self, request: HttpRequest) -> str:
        """One comes from the list also when it is not filtered."""
        kept = str(super().get_preserved_filters(request))
        return kept or (urlencode({LIST: "p=1"}) if is_list(request) else "")

    def response_post_save_change(self, request: HttpRequest, obj: Order) -> HttpResponse:
        """Who is on the way through a list stays on it."""
        way = way_of(request)
        if not way:
            answer: HttpResponse = super().response_post_save_change(request, obj)
            return answer
        return redirect(along(way, reverse("admin:orders_order_change", args=[obj.pk])))

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
        has_changed_lines = any(formset.has_changed() for formset in formsets)
        if changed and not has_changed_lines:  # of other SKUs the warehouse must be asked first
            actions.judge(order)
        if order.route is not None and (changed or has_changed_lines):
            enqueue("submit_orders", order.route.warehouse_id)

    @display(description="status", label=labels.OR_WAITS, ordering="status")
    def shown_status(self, obj: Order) -> tuple[str, str]:
        waits = labels.what_waits(obj)
        return (labels.WAITS, waits) if waits else (obj.status, obj.get_status_display())

    @display(description="held for")
    def shown_holds(self, obj: Order) -> str:
        holds = list(map(str, getattr(obj, "open_holds", [])))
        more = f" and {len(holds) - 1} more" if len(holds) > 1 else ""
        return format_html("{}{}", clip(holds[0] if holds else obj.skip_reason or "–", 28), more)

    @display(description="taken by", ordering="owner")
    def taken_by(self, obj: Order) -> str:
        """Of held ones only: what goes on by itself needs nobody."""
        return clip(str(obj.owner), 16) if obj.owner and getattr(obj, "open_holds", []) else "–"

    @display(description="number", ordering="full_number")
    def number(self, obj: Order) -> str:
        """The short reference, too, where it is another. What went out as a test says so: nobody is to take it for one
        that ships.
        """
        number, submission = labels.number(obj.full_number), getattr(obj, "submission", None)
        shown = format_html("{} <strong>Test</strong>", number) if submission and submission.is_test else number
        short = obj.short_reference if obj.short_reference != obj.full_number else ""
        return format_html("{}<br>{}", shown, labels.number(short)) if short else shown

    @display(description="ship to", ordering="ship_name")
    def to(self, obj: Order) -> str:
        return clip(obj.ship_name, 20)

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

    @display(description="personal data")
    def shown_redacted(self, obj: Order) -> str:
        return order_page.redacted(obj)

    @display(description="raw message")
    def shown_raw(self, obj: Order) -> str:
        return order_page.raw_message(obj)

    @display(description="what was sent")
    def shown_request(self, obj: Order) -> str:
        return order_page.sent_request(obj)

    def _ask(
        self, request: HttpRequest, object_id: int, button: str, consequence: str,
        do: Callable[..., str], *, with_reason: bool = False, allowed: bool | None = None, stopped: str = "",
    ) -> HttpResponse:  # fmt: skip
        order = found_or_404(self, request, object_id)

        def act(values: dict[str, Any]) -> str:
            return do(order, *([values["reason"]] if with_reason else []), request.user)

        return ask(
            self, request, order, title=f"{button} order {order}", consequence=consequence, do=act, button=button,
            refuse=IllegalTransition, form_class=ReasonForm if with_reason else Nothing, allowed=allowed,
            stopped=stopped,
        )  # fmt: skip

    def _ask_if_possible(
        self, request: HttpRequest, object_id: int, name: str, do: Callable[..., str]
    ) -> HttpResponse:  # fmt: skip
        """As `_ask`; a page that was left open may lead to what the order does not allow any more."""
        order, (button, consequence) = found_or_404(self, request, object_id), BY_HAND[name]
        is_over = name not in actions.possible(order) and order.status != Order.Status.SKIPPED
        stopped = NOT_NOW.format(order=order, status=order.get_status_display().lower()) if is_over else ""
        with_reason = name in WITH_REASON
        return self._ask(request, object_id, button, consequence, do, with_reason=with_reason, stopped=stopped)

    @action(description="Release", url_path="release", icon="lock_open")
    def release(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask_if_possible(request, object_id, "release", actions.release)

    def by_number(self, request: HttpRequest, number: str) -> HttpResponse:
        """The page of the order with this full number; the list, where there are several or none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = list(Order.objects.filter(full_number=number).values_list("pk", flat=True)[:2])
        if len(found) == 1:
            return redirect("admin:orders_order_change", found[0])
        return redirect(f"{reverse('admin:orders_order_changelist')}?{urlencode({'q': number})}")

    @action(description="Retry", url_path="retry", icon="replay")
    def retry(self, request: HttpRequest, object_id: int) -> HttpResponse:
        may = self.has_resend_permission(request)
        order = found_or_404(self, request, object_id)
        text = " ".join([STEPS["retry"][1], *actions.of_short_ships(order, request.user)])
        stopped = "" if actions.parked_in(order) else SETTLED.format(order=order)
        return self._ask(request, object_id, "Retry", text, actions.retry_sending, allowed=may, stopped=stopped)

    @action(description="Hold", url_path="hold", icon="front_hand")
    def hold(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask_if_possible(request, object_id, "hold", actions.hold)

    @action(description="Skip", url_path="skip", icon="block")
    def skip(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask_if_possible(request, object_id, "skip", actions.skip)

    @action(description="Un-skip", url_path="unskip", icon="undo")
    def unskip(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask_if_possible(request, object_id, "unskip", actions.unskip)
