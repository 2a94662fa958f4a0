"""Listings with the reason for their quantity, what was published, and what the warehouse said of its stock."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from integrations.admin_base import ChangedFieldsOnly, ReadOnly, ago, clip
from inventory import outbox
from inventory.explanation import in_words
from inventory.models import InventoryLevel, Listing, Publication, WarehouseItem


class Unresolved(admin.SimpleListFilter):
    title, parameter_name = "in the warehouse", "unresolved"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Not known what it is")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Listing]) -> QuerySet[Listing]:
        return queryset.filter(is_active=True).exclude(problem="") if self.value() else queryset


@admin.register(Listing)
class ListingAdmin(ChangedFieldsOnly):
    list_display = ("marketplace_sku", "route", "published_sku", "published_quantity", "published", "is_active",
                    "what_is_wrong")  # fmt: skip
    list_filter = (Unresolved, "route", "is_active")
    search_fields = ("marketplace_sku", "partner_sku", "option_sku", "upc")
    list_select_related = ("route",)
    fields = ("marketplace_sku", "route", "partner_sku", "option_sku", "upc", "is_active", "reserve",
              "published_sku", "published_quantity", "published", "why", "problem")  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Listing | None = None) -> Any:
        shown = ("published_sku", "published_quantity", "published", "why", "problem")
        return (*shown, "marketplace_sku", "route", "partner_sku", "option_sku", "upc") if obj else shown

    @display(description="published", ordering="published_at")
    def published(self, obj: Listing) -> str:
        return ago(obj.published_at)

    @display(description="problem")
    def what_is_wrong(self, obj: Listing) -> str:
        return clip(obj.problem, 60)

    @display(description="why this quantity")
    def why(self, obj: Listing) -> str:
        rows = in_words(obj.explanation)
        if not rows:
            return "not published yet"
        cells = format_html_join("", '<tr><th class="pr-4 text-left">{}</th><td>{}</td></tr>', rows)
        return format_html('<table style="overflow-wrap:anywhere">{}</table>', cells)


@admin.register(Publication)
class PublicationAdmin(ReadOnly):
    list_display = ("sku", "quantity", "status", "observed_at", "finished_at", "attempts", "why_not")
    list_filter = ("status",)
    search_fields = ("sku", "last_error")
    actions = ["retry_selected"]

    @display(description="last error")
    def why_not(self, obj: Publication) -> str:
        return clip(obj.last_error, 80)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("inventory.change_listing"))

    @admin.action(description="Retry with the quantity as it is then", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Publication]) -> None:
        taken_up = outbox.retry(list(queryset))
        messages.success(request, f"{taken_up} are taken up again with the next run")


@admin.register(InventoryLevel)
class InventoryLevelAdmin(ReadOnly):
    list_display = ("item_id", "location_id", "available", "on_hand", "committed", "observed_at", "connection")
    list_filter = ("connection", "location_id")
    search_fields = ("item_id",)


@admin.register(WarehouseItem)
class WarehouseItemAdmin(ReadOnly):
    list_display = ("sku", "matches", "remote_id", "title", "sellable", "stock_managed", "keep_selling", "checked_at")
    list_filter = ("connection", "matches", "sellable")
    search_fields = ("sku", "title", "remote_id")
