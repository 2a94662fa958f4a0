"""Listings: what each shows and why, what is the matter with it, and having it published now."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from import_export.admin import ExportMixin
from unfold.decorators import action, display

from integrations.admin.named import named
from integrations.admin_base import ChangedFieldsOnly, ago, ask, clip, found_or_404, is_list, visible_or_404
from inventory import listing_states, listings, now
from inventory.admin import listing_page
from inventory.admin.in_files import InFiles
from inventory.listing_export import ListingResource
from inventory.models import Listing, SkuAlias

EDITED = ("marketplace_sku", "route", "partner_sku", "option_sku", "upc", "is_active")


class WhatIsTheMatter(admin.SimpleListFilter):
    title, parameter_name = "what is the matter", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, one.title) for name, one in listing_states.STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Listing]) -> QuerySet[Listing]:
        chosen = listing_states.STATES.get(self.value() or "")
        return queryset.filter(chosen.condition()) if chosen else queryset


@admin.register(Listing)
class ListingAdmin(InFiles, ExportMixin, ChangedFieldsOnly):
    list_display = ("sku", "route", "as_published", "quantity", "published", "is_active",
                    "what_is_wrong")  # fmt: skip
    list_filter = (WhatIsTheMatter, "route", "is_active", "origin")
    search_fields = ("marketplace_sku", "partner_sku", "option_sku", "upc", "published_sku")
    search_help_text = "Any SKU, the warehouse's too, or a UPC"
    show_full_result_count = False
    fields = EDITED
    actions_detail = ["recalculate", "publish_now"]
    resource_classes = (ListingResource,)
    change_form_template = "admin/inventory/listing_page.html"
    quantity = named("published_quantity", "quantity")
    empty_hint = (
        "Listings are made of SKU aliases, of orders, and of every warehouse SKU where a route says so, once it is not "
        "paused."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Listing | None = None) -> Any:
        return EDITED[:-1] if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        """A list of many has no use for what explains each."""
        rows: QuerySet[Listing] = super().get_queryset(request).select_related("route__warehouse")
        return rows.defer("explanation") if is_list(request) else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Listing], search_term: str
    ) -> tuple[QuerySet[Listing], bool]:
        """Also the listings that an alias makes of a warehouse SKU."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        word = search_term.strip()
        if not word:
            return found, may_repeat
        names = SkuAlias.objects.filter(warehouse_sku__icontains=word, is_active=True).values("marketplace_sku")
        return found | queryset.filter(listings.by_names(names)), may_repeat

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("inventory.publish_listing") and self.has_view_permission(request))

    def fields_set_by(self, form: Any) -> list[str]:
        """So that it is decided anew."""
        return ["changed_at"] if form.changed_data else []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: Listing | None = None,
    ) -> HttpResponse:  # fmt: skip
        if obj is not None:
            context["facts"] = listing_page.facts(obj, request)
        answer: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return answer

    @action(description="Recalculate", url_path="recalculate", icon="calculate", permissions=["view"])
    def recalculate(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What it would show now; nothing is sent or stored."""
        listing: Listing = visible_or_404(self, request, object_id)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Recalculated: {listing}",
            **listing_page.recalculated(listing, request.user),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/recalculated.html", context)

    @action(description="Publish now", url_path="publish-now", icon="publish", permissions=["publish"])
    def publish_now(self, request: HttpRequest, object_id: int) -> HttpResponse:
        listing: Listing = found_or_404(self, request, object_id)

        refusal = now.why_not(listing)
        if refusal and request.method == "GET" and self.has_publish_permission(request):
            messages.error(request, refusal)
            return redirect("admin:inventory_listing_change", listing.pk)
        return ask(
            self, request, listing, title=f"Publish now: {listing}", consequence=PUBLISHING,
            do=lambda _values: now.publish(listing), button="Publish now", refuse=now.NotPublished,
            allowed=self.has_publish_permission(request),
        )  # fmt: skip

    @display(description="marketplace SKU", ordering="marketplace_sku")
    def sku(self, obj: Listing) -> str:
        return clip(obj.marketplace_sku, 24)

    @display(description="published SKU", ordering="published_sku")
    def as_published(self, obj: Listing) -> str:
        return clip(obj.published_sku, 24)

    @display(description="published", ordering="published_at")
    def published(self, obj: Listing) -> str:
        return ago(obj.published_at)

    @display(description="problem")
    def what_is_wrong(self, obj: Listing) -> str:
        return clip(obj.problem, 48)


PUBLISHING = (
    "Its quantity is decided anew and sent with the next run, which is woken now, even if nothing has changed or it "
    "was refused before. What the guard would hold back it still holds back."
)
