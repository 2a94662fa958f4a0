"""The list of listings as CSV or XLSX, through django-import-export."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from import_export import fields, resources, widgets

from inventory.alias_import import SafeText, Switch
from inventory.explanation import briefly
from inventory.models import Listing

TEXTS = ("marketplace_sku", "partner_sku", "option_sku", "upc", "published_sku", "problem")
COLUMNS = ("route", "marketplace_sku", "partner_sku", "option_sku", "upc", "is_active", "published_sku",
           "published_quantity", "published_at", "observed_at", "why", "problem")  # fmt: skip


class UtcTime(widgets.Widget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else ""


class ListingResource(resources.ModelResource):
    """One listing per row; times are UTC. It is never imported."""

    route = fields.Field("route__name", "route", widget=SafeText())
    is_active = fields.Field("is_active", "is_active", widget=Switch())
    published_at = fields.Field("published_at", "published_at", widget=UtcTime())
    observed_at = fields.Field("observed_at", "observed_at", widget=UtcTime())
    why = fields.Field(column_name="why")
    marketplace_sku, partner_sku, option_sku, upc, published_sku, problem = (
        fields.Field(name, name, widget=SafeText()) for name in TEXTS
    )

    class Meta:
        model = Listing
        fields = COLUMNS
        export_order = COLUMNS

    def dehydrate_why(self, listing: Listing) -> str:
        return str(SafeText().render(_why(listing)))

    def filter_export(self, queryset: Any, **_kwargs: Any) -> Any:
        """The list leaves out what explains each; here it is needed of every row."""
        return queryset.select_related("route").defer(None)


def _why(listing: Listing) -> str:
    if listing.is_active and listing.not_published:
        return f"not published, since {listing.not_published}"
    return briefly(listing.explanation) if listing.explanation and "shown_by" not in listing.explanation else ""
