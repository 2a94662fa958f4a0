"""Lines of an order, as its page lets them be corrected."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from unfold.decorators import display

from integrations.admin_base import ChangedRowsOnly, clip
from integrations.admin_forms import ShownForm
from orders import arrivals, side_by_side
from orders.models import Order, OrderLine

CORRECTABLE_LINE = ("partner_sku", "option_sku", "quantity")
# As many as are believed of the marketplace itself: more is a scanned barcode, and it would go out within seconds.
MOST_UNITS = 1_000_000
FITTING = "width: 100%; min-width: 8rem"  # all columns of a line side by side


def is_correctable(request: HttpRequest, order: Order) -> bool:
    """Whether a person may still correct it; while that is saved, as it is now."""
    return arrivals.is_unsent(order) if request.method == "POST" else arrivals.was_unsent(order)


class LineForm(ShownForm):
    def clean_quantity(self) -> int | None:
        quantity: int | None = self.cleaned_data["quantity"]
        if self.instance.is_cancelled and "quantity" in self.changed_data:
            raise ValidationError("The marketplace cancelled this line; its quantity stays.")
        if quantity is not None and quantity > MOST_UNITS and "quantity" in self.changed_data:
            raise ValidationError(f"{quantity} is more than the {MOST_UNITS} units that a line can have.")
        return quantity


class ReadLines(BaseInlineFormSet):  # type: ignore[type-arg]  # Django's is no generic class when it runs
    """The lines that the page has read with its order; those that are saved are read anew, and locked."""

    def get_queryset(self) -> QuerySet[OrderLine]:
        read = getattr(self.instance, "_prefetched_objects_cache", {}).get("lines")
        return super().get_queryset() if self.is_bound or read is None else read


class Lines(ChangedRowsOnly):
    model = OrderLine
    form = LineForm
    formset = ReadLines
    fields = ("number", "partner_sku", "option_sku", "shown_title", "quantity", "to_ship", "shipped",
              "cost", "state")  # fmt: skip
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "Lines"

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        """Before it is sent, a line's SKUs and quantity can be put right; what is to be shipped follows."""
        correctable = obj is not None and is_correctable(request, obj)
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
        """Of what ships no more, only what has left."""
        left = obj.quantity_to_ship
        return min(left, obj.quantity_shipped) if side_by_side.never_ships(obj) else left

    @display(description="shipped")
    def shipped(self, obj: OrderLine) -> int:
        return obj.quantity_shipped

    @display(description="unit cost")
    def cost(self, obj: OrderLine) -> str:
        return "–" if obj.unit_cost is None else clip(f"{obj.unit_cost:.2f} {obj.currency}", 20)

    @display(description="title")
    def shown_title(self, obj: OrderLine) -> str:
        return clip(obj.title, 28)

    @display(description="state")
    def state(self, obj: OrderLine) -> str:
        """As the marketplace had it when the line came in, unless it ships no more."""
        if obj.is_cancelled and obj.pk in side_by_side.short_ships(obj.order):
            return "Short ship"
        if why := side_by_side.never_ships(obj):
            return why.capitalize()
        return clip(obj.marketplace_status.capitalize() or "Open", 20)
