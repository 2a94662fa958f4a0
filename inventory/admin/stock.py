"""What was published, and what the warehouse said of its stock."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from integrations.admin.named import named
from integrations.admin.waiting import Waiting, Waits
from integrations.admin_base import TRANSMISSION_COLOURS, ReadOnly, ago, clip, labelled, log
from integrations.models import Route
from inventory import now
from inventory.admin import listing_page, looking_up
from inventory.explanation import in_words
from inventory.models import InventoryLevel, Publication, WarehouseItem

MOST_REASONS = 3  # told in full


@admin.register(Publication)
class PublicationAdmin(Waiting):
    empty_hint = "A quantity that differs from what the marketplace shows is published by itself, and shows here."
    list_display = ("shown_sku", "quantity", "shown_status", "observed", "finished", "attempts", "why_not")
    list_filter = ("status", "listing__route", "created_at")
    export_columns = ("sku", "quantity", "status", "attempts", "observed_at", "created_at", "finished_at", "last_error")
    search_fields = ("sku", "last_error")
    show_full_result_count = False
    fields = ("sku", "listing", "quantity", "why", "observed_at", "status", "attempts", "last_error", "created_at",
              "sent_at", "not_before", "finished_at")  # fmt: skip
    actions = ["retry_selected"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.look_up)
        return [path("<path:object_id>/look-up/", view, name="inventory_publication_look_up"), *super().get_urls()]

    def look_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return looking_up.ask_for(self, request, object_id)

    def waits(self, record: Publication, user: Any) -> Waits | None:
        """It is published again on its listing's page; what no clear answer came to is looked up from here."""
        own = reverse("admin:inventory_publication_change", args=[record.pk])
        doubt = listing_page.unclear(record, user, own)
        if doubt is not None:
            return Waits(doubt.text, doubt.label, doubt.url)
        trouble = listing_page.refused(record)
        if trouble is None:
            return None
        may = user.has_perm("inventory.view_listing")
        url = reverse("admin:inventory_listing_change", args=[record.listing_id]) if may else ""
        return Waits(trouble.text, "The listing" if may else "", url)

    @display(description="SKU", ordering="sku")
    def shown_sku(self, obj: Publication) -> str:
        return clip(obj.sku, 30)

    @display(description="status", label=TRANSMISSION_COLOURS, ordering="status")
    def shown_status(self, obj: Publication) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="why this quantity")
    def why(self, obj: Publication) -> str:
        return "\n".join(f"{what}: {how}" for what, how in in_words(obj.explanation)) or "–"

    @display(description="observed", ordering="observed_at")
    def observed(self, obj: Publication) -> str:
        return ago(obj.observed_at)

    @display(description="finished", ordering="finished_at")
    def finished(self, obj: Publication) -> str:
        return ago(obj.finished_at)

    @display(description="last error")
    def why_not(self, obj: Publication) -> str:
        return clip(obj.last_error, 80)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("inventory.resend_publication"))

    @admin.action(description="Retry with the quantity as it is then", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Publication]) -> None:
        rows = list(queryset.select_related("listing__route__marketplace"))
        taken_up, left = now.retry(rows)
        log(request, rows, "Asked to be sent again, with the quantity as it is then")
        messages.success(request, f"{taken_up} are taken up again with the next run")
        for why, number in left.most_common(MOST_REASONS):
            messages.warning(request, f"{number} left as refused: {why}")
        others = left.total() - sum(number for _, number in left.most_common(MOST_REASONS))
        if others:
            messages.warning(request, f"{others} more left as refused, each for a reason that its listing's page says")


class AtLocation(admin.SimpleListFilter):
    title, parameter_name = "location", "location"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        places = {place: name for route in Route.objects.order_by("pk") for place, name in route.places.items()}
        return sorted(places.items(), key=lambda place: place[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[InventoryLevel]) -> QuerySet[InventoryLevel]:
        return queryset.filter(location_id=self.value()) if self.value() else queryset


@admin.register(InventoryLevel)
class InventoryLevelAdmin(ReadOnly):
    """Stock by SKU and location name; the warehouse's ids stand where it never told us the name."""

    empty_hint = "The job Pull levels reads the stock, once the warehouse's connection works."
    list_display = ("shown_sku", "location", "shown_available", "shown_on_hand", "shown_committed", "observed",
                    "connection")  # fmt: skip
    list_filter = ("connection", AtLocation)
    export_columns = ("sku", "item_id", "location_id", "available", "on_hand", "committed", "observed_at",
                      "connection__name")  # fmt: skip
    list_select_related = ("connection",)
    search_fields = ("sku", "item_id")
    fields = ("shown_sku", "item_id", "location", "location_id", "shown_available", "shown_on_hand", "shown_committed",
              "observed_at", "connection")  # fmt: skip

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("connection", "sku", "location_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InventoryLevel]:
        items = WarehouseItem.objects.filter(connection=OuterRef("connection"), remote_id=OuterRef("item_id"))
        routes = Route.objects.filter(warehouse=OuterRef("connection"), location_id=OuterRef("location_id"))
        # Not through super(), which would order by the SKU before there is one.
        return InventoryLevel.objects.annotate(
            sku=Subquery(items.order_by("-checked_at").values("sku")[:1]),
            location_name=Subquery(routes.values("location_name")[:1]),
        )

    @display(description="SKU", ordering="sku")
    def shown_sku(self, obj: Any) -> str:
        return clip(obj.sku, 30) if obj.sku else f"item {obj.item_id}"

    @display(description="location", ordering="location_name")
    def location(self, obj: Any) -> str:
        return clip(obj.location_name, 30) if obj.location_name else f"location {obj.location_id}"

    @display(description="available", ordering="available")
    def shown_available(self, obj: InventoryLevel) -> str:
        return f"{obj.available.normalize():f}"

    @display(description="on hand", ordering="on_hand")
    def shown_on_hand(self, obj: InventoryLevel) -> str:
        return f"{obj.on_hand.normalize():f}"

    @display(description="committed", ordering="committed")
    def shown_committed(self, obj: InventoryLevel) -> str:
        return f"{obj.committed.normalize():f}"

    @display(description="observed", ordering="observed_at")
    def observed(self, obj: InventoryLevel) -> str:
        return ago(obj.observed_at)


FOUND = {"one": "success", "none": "danger", "several": "warning"}


@admin.register(WarehouseItem)
class WarehouseItemAdmin(ReadOnly):
    """What was asked for. Of a SKU that is not exactly one item there nothing else is known."""

    empty_hint = "Items are read from the warehouse once an alias or an order names their SKU."
    list_display = ("shown_sku", "found", "shown_title", "is_sellable", "is_stock_managed", "is_kept_selling",
                    "shown_remote_id", "checked", "connection")  # fmt: skip
    list_filter = ("connection", "matches", "sellable", "stock_managed")
    export_columns = ("sku", "matches", "title", "upc", "sellable", "stock_managed", "keep_selling", "max_online",
                      "remote_id", "checked_at", "connection__name")  # fmt: skip
    list_select_related = ("connection",)
    search_fields = ("sku", "title", "remote_id")
    fields = ("sku", "connection", "items_found", "title", "upc", "is_sellable", "is_stock_managed", "is_kept_selling",
              "most_online", "shown_remote_id", "checked_at")  # fmt: skip
    items_found = named("matches", "items found")
    most_online = named("max_online", "most shown online")

    @display(description="SKU", ordering="sku")
    def shown_sku(self, obj: WarehouseItem) -> str:
        return clip(obj.sku, 30)

    @display(description="items found", ordering="matches", label=FOUND)
    def found(self, obj: WarehouseItem) -> tuple[str, str]:
        kind = "one" if obj.matches == 1 else "several" if obj.matches else "none"
        return kind, str(obj.matches) if obj.matches else "none"

    @display(description="title", ordering="title")
    def shown_title(self, obj: WarehouseItem) -> str:
        return clip(obj.title if obj.matches else "not in the warehouse", 50)

    @display(description="sellable", ordering="sellable")
    def is_sellable(self, obj: WarehouseItem) -> str:
        return _known(obj, obj.sellable)

    @display(description="stock managed", ordering="stock_managed")
    def is_stock_managed(self, obj: WarehouseItem) -> str:
        return _known(obj, obj.stock_managed)

    @display(description="keep selling", ordering="keep_selling")
    def is_kept_selling(self, obj: WarehouseItem) -> str:
        return _known(obj, obj.keep_selling)

    @display(description="item id", ordering="remote_id")
    def shown_remote_id(self, obj: WarehouseItem) -> str:
        return obj.remote_id or "–"

    @display(description="asked", ordering="checked_at")
    def checked(self, obj: WarehouseItem) -> str:
        return ago(obj.checked_at)


def _known(item: WarehouseItem, fact: bool) -> str:
    """What an item's record says; of none or several items it says nothing."""
    if item.matches != 1:
        return "–"
    return labelled("success" if fact else "default", "Yes" if fact else "No")
