"""What is sent and heard, and the two code maps."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from integrations.admin_base import ChangedFieldsOnly, ReadOnly, ago
from integrations.models import Transmission, retry
from orders.models import CarrierService, Shipment, ShipmentConfirmation, ShippingMethod, WarehouseSubmission

T = Transmission.Status
COLOURS = {
    T.PENDING: "info", T.IN_FLIGHT: "info", T.UNCONFIRMED: "warning", T.ACCEPTED: "success", T.PARKED: "danger",
    T.WITHDRAWN: "default",
}  # fmt: skip


class TransmissionAdmin(ReadOnly):
    """One intent to write to another system: how it is going, and again."""

    list_filter: Any = ("status", "connection")
    search_fields: Any = ("order__full_number", "order__short_reference", "last_error")
    list_select_related: Any = ("order", "connection")
    actions = ["retry_selected"]

    @display(description="status", label=COLOURS, ordering="status")
    def shown_status(self, obj: Transmission) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="made", ordering="created_at")
    def made(self, obj: Transmission) -> str:
        return ago(obj.created_at)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("orders.change_order"))

    @admin.action(description="Retry (what may have arrived is looked up first)", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            retry(row)
        messages.success(request, f"{len(queryset)} are taken up again with the next run")


@admin.register(WarehouseSubmission)
class WarehouseSubmissionAdmin(TransmissionAdmin):
    list_display = (
        "order",
        "connection",
        "shown_status",
        "remote_number",
        "attempts",
        "not_before",
        "last_error",
        "made",
    )
    search_fields = (*TransmissionAdmin.search_fields, "remote_id", "remote_number")


@admin.register(ShipmentConfirmation)
class ShipmentConfirmationAdmin(TransmissionAdmin):
    list_display = ("order", "connection", "shown_status", "attempts", "not_before", "last_error", "made")


@admin.register(Shipment)
class ShipmentAdmin(ReadOnly):
    list_display = ("tracking_number", "order", "state", "carrier", "service", "shipped_at")
    list_filter = ("state", "connection")
    search_fields = ("tracking_number", "remote_id", "order__full_number")
    list_select_related = ("order",)


@admin.register(ShippingMethod)
class ShippingMethodAdmin(ChangedFieldsOnly):
    list_display = ("code", "name", "connection")
    list_filter = ("connection",)
    search_fields = ("code", "name")


@admin.register(CarrierService)
class CarrierServiceAdmin(ChangedFieldsOnly):
    list_display = ("carrier_text", "service_text", "carrier_code", "service_code", "connection")
    list_filter = ("connection", "carrier_code")
    search_fields = ("carrier_text", "service_text")
