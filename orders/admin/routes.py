"""Routes, with the preview of what a first pull would load."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from unfold.decorators import action, display

from integrations.admin_base import ChangedFieldsOnly, ago
from integrations.errors import IntegrationError
from integrations.models import Connection, Route
from integrations.registry import MARKETPLACE, PROVIDERS
from orders.preview import preview_first_pull

STATE_COLOURS = {Route.State.LIVE: "success", Route.State.TEST: "warning", Route.State.PAUSED: "info"}


@admin.register(Route)
class RouteAdmin(ChangedFieldsOnly):
    list_display = (
        "name",
        "shown_state",
        "marketplace",
        "marketplace_warehouse_name",
        "warehouse",
        "location_name",
        "read",
    )
    list_filter = ("state",)
    list_select_related = ("marketplace", "warehouse")
    search_fields = ("name", "marketplace_warehouse_name")
    readonly_fields = ("read",)
    actions_detail = ["preview"]
    fieldsets = (
        (None, {"fields": ("name", "state")}),
        ("From and to", {"fields": ("marketplace", "marketplace_warehouse_name", "warehouse", "location_name",
                                    "company_name")}),
        ("Orders", {"fields": ("earliest_order_date", "read", "order_status", "tag", "reference_length",
                               "reference_characters", "allow_identity", "unmapped_shipping", "partial_shipments")}),
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

    @display(description="state", label=STATE_COLOURS)
    def shown_state(self, obj: Route) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="read until")
    def read(self, obj: Route) -> str:
        return ago(obj.read_until)

    @action(description="Preview first pull", url_path="preview", icon="visibility")
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        route = get_object_or_404(Route, pk=object_id)
        if not self.has_change_permission(request, route):
            raise PermissionDenied
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"Preview: {route}",
            "object": route,
        }
        try:
            rows = preview_first_pull(route)
        except IntegrationError as exc:
            return TemplateResponse(request, "admin/orders/preview.html", {**context, "error": str(exc)})
        verdicts = Counter(row.verdict for row in rows)
        counts = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items()) or "no orders"
        return TemplateResponse(request, "admin/orders/preview.html", {**context, "rows": rows, "counts": counts})
