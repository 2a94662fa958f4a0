"""Routes, with the preview of what a first pull would load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action, display

from integrations.admin_base import ChangedFieldsOnly, ago, clip, found_or_404, is_used
from integrations.connection_test import check_route
from integrations.errors import IntegrationError
from integrations.models import Connection, Route
from integrations.registry import MARKETPLACE, PROVIDERS
from inventory.models import Listing
from orders.preview import Row, look_from, preview_first_pull

STATE_COLOURS = {Route.State.LIVE: "success", Route.State.TEST: "warning", Route.State.PAUSED: "info"}


@admin.register(Route)
class RouteAdmin(ChangedFieldsOnly):
    list_display = ("name", "shown_state", "marketplace", "shown_warehouse_name", "warehouse", "location_name", "read")
    list_filter = ("state",)
    list_select_related = ("marketplace", "warehouse")
    search_fields = ("name", "marketplace_warehouse_name")
    readonly_fields = ("read_until",)
    actions_detail = ["preview"]
    fieldsets = (
        (None, {"fields": ("name", "state"), "description": "A route that had orders is paused, not deleted."}),
        ("From and to", {"fields": ("marketplace", "marketplace_warehouse_name", "warehouse", "location_name",
                                    "company_name")}),
        ("Orders", {"fields": ("earliest_order_date", "read_until", "order_status", "tag", "reference_length",
                               "reference_characters", "allow_identity", "unmapped_shipping", "partial_shipments")}),
        ("Cancellations and changes", {"fields": ("changes_before_sending", "cancels_after_sending",
                                                  "short_ship_reasons")}),
        ("Quantities", {"fields": ("published_sku", "reserve", "minimum_level", "max_online", "untracked_quantity",
                                   "full_publish_hours")}),
    )  # fmt: skip

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        of_kind = [
            key for key, one in PROVIDERS.items() if (one.kind == MARKETPLACE) == (db_field.name == "marketplace")
        ]
        kwargs["queryset"] = Connection.objects.filter(provider__in=of_kind)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "marketplace_warehouse_name" and field is not None:
            field.strip = False  # it is echoed exactly, blanks included (supplier-oasis 3.2)
        return field

    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        renamed = {"location_name", "company_name", "warehouse"} & set(form.changed_data)
        if change and renamed:
            Route.objects.filter(pk=obj.pk).update(location_id="", company_id="")

    def get_actions(self, request: HttpRequest) -> Any:
        """A route is deleted from its own page, where it says whether it was used."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """No buttons for who may only look."""
        return super().get_actions_detail(request, object_id) if self.has_change_permission(request) else []

    def has_delete_permission(self, request: HttpRequest, obj: Route | None = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or not is_used(obj, apart_from=(Listing,)))

    @display(description="warehouse name", ordering="marketplace_warehouse_name")
    def shown_warehouse_name(self, obj: Route) -> str:
        return clip(obj.marketplace_warehouse_name, 30)

    @display(description="state", label=STATE_COLOURS)
    def shown_state(self, obj: Route) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="read until")
    def read(self, obj: Route) -> str:
        return ago(obj.read_until)

    @action(description="Preview", url_path="preview", icon="visibility")
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        route = found_or_404(self, request, object_id)
        if not self.has_change_permission(request, route):
            raise PermissionDenied
        context: dict[str, Any] = {
            **self.admin_site.each_context(request), "opts": self.opts, "object": route,
            "title": f"{'Preview' if route.read_until else 'Preview of the first pull'}: {route}",
        }  # fmt: skip
        try:
            context["since"] = look_from(route)
            context["steps"] = check_route(route)
            rows = preview_first_pull(route)
        except IntegrationError as exc:
            return TemplateResponse(request, "admin/orders/preview.html", {**context, "error": str(exc)})
        groups = _by_verdict(rows)
        return TemplateResponse(request, "admin/orders/preview.html", {**context, "groups": groups})


@dataclass(frozen=True, slots=True)
class Group:
    """The orders of one verdict, what needs a hand first."""

    verdict: str
    colour: str
    rows: list[Row]


VERDICTS = {
    "hold": "danger", "unreadable": "danger", "load": "success", "skip": "default", "elsewhere": "info",
    "known": "default",
}  # fmt: skip


def _by_verdict(rows: list[Row]) -> list[Group]:
    found = [Group(name, colour, [row for row in rows if row.verdict == name]) for name, colour in VERDICTS.items()]
    return [group for group in found if group.rows]
