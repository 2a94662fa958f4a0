"""What is sent and heard."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from integrations.admin_base import TRANSMISSION_COLOURS, ReadOnly, ago, clip
from integrations.transmissions import Transmission
from orders.admin.bulk import in_bulk
from orders.admin.labels import PARCEL
from orders.carriers import spoken
from orders.models import Shipment, ShipmentConfirmation, ShortShip, WarehouseChange, WarehouseSubmission

RESEND = "orders.resend_order"
RETRY = "Retry (what may have arrived is looked up first)…"


class TransmissionAdmin(ReadOnly):
    """One intent to write to another system: how it is going, and again."""

    list_filter: Any = ("status", "connection")
    search_fields: Any = ("order__full_number", "order__short_reference", "last_error")
    list_select_related: Any = ("order", "connection")
    export_columns: tuple[str, ...] = (
        "order__full_number", "connection__name", "status", "attempts", "not_before", "created_at", "sent_at",
        "finished_at", "last_error",
    )  # fmt: skip

    @display(description="status", label=TRANSMISSION_COLOURS, ordering="status")
    def shown_status(self, obj: Transmission) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="order", ordering="order__full_number")
    def of_order(self, obj: Transmission) -> str:
        return clip(str(obj.order), 24)  # type: ignore[attr-defined]

    @display(description="last error")
    def short_error(self, obj: Transmission) -> str:
        return clip(obj.last_error, 60) or "–"

    @display(description="not before", ordering="not_before")
    def tried_again(self, obj: Transmission) -> str:
        return ago(obj.not_before)

    @display(description="made", ordering="created_at")
    def made(self, obj: Transmission) -> str:
        return ago(obj.created_at)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(RESEND))


@admin.register(WarehouseSubmission)
class WarehouseSubmissionAdmin(TransmissionAdmin):
    actions = [in_bulk("send_again_warehousesubmission", RETRY, "retry")]
    list_display = (
        "of_order",
        "connection",
        "shown_status",
        "remote_number",
        "attempts",
        "tried_again",
        "short_error",
        "made",
    )
    search_fields = (*TransmissionAdmin.search_fields, "remote_id", "remote_number")
    list_filter = (*TransmissionAdmin.list_filter, "is_test", "remote_status")
    export_columns = (*TransmissionAdmin.export_columns, "remote_number", "remote_id", "remote_status", "is_test")


@admin.register(ShipmentConfirmation)
class ShipmentConfirmationAdmin(TransmissionAdmin):
    actions = [in_bulk("send_again_shipmentconfirmation", RETRY, "retry")]
    list_display = ("of_order", "connection", "shown_status", "attempts", "tried_again", "short_error", "made")


@admin.register(WarehouseChange)
class WarehouseChangeAdmin(TransmissionAdmin):
    actions = [in_bulk("send_again_warehousechange", RETRY, "retry")]
    list_display = ("of_order", "connection", "shown_what", "shown_status", "attempts", "tried_again", "short_error",
                    "made")  # fmt: skip

    @display(description="what")
    def shown_what(self, obj: WarehouseChange) -> str:
        return "Cancel the order" if obj.cancels_order else "Change the order"


@admin.register(ShortShip)
class ShortShipAdmin(TransmissionAdmin):
    actions = [in_bulk("send_again_shortship", RETRY, "retry")]
    list_display = ("of_order", "connection", "order_line", "quantity", "reason_code", "shown_status", "attempts",
                    "short_error", "made")  # fmt: skip
    list_select_related = ("order", "connection", "order_line")
    export_columns = (*TransmissionAdmin.export_columns, "order_line__number", "quantity", "reason_code")


class Tracked(admin.SimpleListFilter):
    title, parameter_name = "tracking number", "tracked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "None yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Shipment]) -> QuerySet[Shipment]:
        return queryset.filter(tracking_number="") if self.value() == "no" else queryset


@admin.register(Shipment)
class ShipmentAdmin(ReadOnly):
    list_display = ("number", "of_order", "shown_state", "shown_carrier", "shipped")
    list_filter = ("state", Tracked, "connection", "order__route")
    date_hierarchy = "shipped_at"
    export_columns = ("tracking_number", "order__full_number", "state", "carrier", "service", "shipped_at",
                      "tracking_url", "connection__name", "remote_id")  # fmt: skip
    search_fields = ("tracking_number", "remote_id", "order__full_number")
    list_select_related = ("order",)

    @display(description="tracking number", ordering="tracking_number")
    def number(self, obj: Shipment) -> str:
        return clip(obj.tracking_number, 30) or "none yet"

    @display(description="order", ordering="order__full_number")
    def of_order(self, obj: Shipment) -> str:
        return clip(str(obj.order), 24)

    @display(description="state", label=PARCEL, ordering="state")
    def shown_state(self, obj: Shipment) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="carrier and service", ordering="carrier")
    def shown_carrier(self, obj: Shipment) -> str:
        return clip(spoken(obj), 50)

    @display(description="shipped", ordering="shipped_at")
    def shipped(self, obj: Shipment) -> str:
        return ago(obj.shipped_at)
