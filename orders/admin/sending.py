"""What is sent and heard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from integrations.admin.by_date import ByDate
from integrations.admin.named import named
from integrations.admin.waiting import Waiting, Waits
from integrations.admin_base import TRANSMISSION_COLOURS, ReadOnly, ago, clip, is_list
from integrations.transmissions import Transmission
from orders import alarms, search, short_shipping
from orders.admin import labels, order_page, worklist_rows
from orders.admin.bulk import in_bulk
from orders.admin.filters import RarelyTrue
from orders.admin.labels import PARCEL
from orders.carriers import spoken
from orders.models import Order, Shipment, ShipmentConfirmation, ShortShip, WarehouseChange, WarehouseSubmission

RESEND = "orders.resend_order"
WAIT = (Transmission.Status.PARKED, Transmission.Status.UNCONFIRMED)
NOT_ACCEPTED = [one for one in Transmission.Status if one != Transmission.Status.ACCEPTED]
SENDING = ("status", "attempts", "last_error", "created_at", "sent_at", "not_before", "finished_at")
RETRY = "Retry (what may have arrived is looked up first)…"


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts) or "–"


class OfAnOrder(ReadOnly):
    """What belongs to an order, and is found by whatever that is known by."""

    search_fields: Any = ("order__full_number",)  # that there is a box; what it finds says get_search_results
    search_help_text = "Any number, SKU, name, postal code, phone or tracking number of the order"
    show_full_result_count = False
    long: tuple[str, ...] = ("order__raw", "order__told", "order__told_now")  # what lists do without

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.long) if is_list(request) else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        orders = Order.objects.order_by().filter(search.found_by(search_term)).values("pk")
        return queryset.filter(Q(order__in=orders) | self.found_by(search_term.strip())), False

    def found_by(self, text: str) -> Q:
        """What else it is found by."""
        return Q(pk__in=[])


class TransmissionAdmin(Waiting, OfAnOrder):
    """One intent to write to another system: how it is going, and again. `source` is what worklists call it."""

    source = ""
    fields: tuple[str, ...] = ("order", "connection", *SENDING)
    list_filter: Any = ("status", "connection")
    search_help_text = f"{OfAnOrder.search_help_text}, or a part of an error"
    list_select_related: Any = ("order", "connection")
    export_columns: tuple[str, ...] = (
        "order__full_number", "connection__name", "status", "attempts", "not_before", "created_at", "sent_at",
        "finished_at", "last_error",
    )  # fmt: skip

    def found_by(self, text: str) -> Q:
        """By a part of its error, while that has not ended well."""
        return Q(status__in=NOT_ACCEPTED, last_error__icontains=text)

    def waits(self, record: Transmission, user: Any) -> Waits | None:
        return worklist_rows.waits(self.source, record, user) if record.status in WAIT else None

    @display(description="status", label=TRANSMISSION_COLOURS, ordering="status")
    def shown_status(self, obj: Transmission) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="order", ordering="order__full_number")
    def of_order(self, obj: Transmission) -> str:
        return labels.number(str(obj.order), 24)  # type: ignore[attr-defined]

    @display(description="last error")
    def short_error(self, obj: Transmission) -> str:
        return clip(obj.last_error, 60)

    @display(description="not before", ordering="not_before")
    def tried_again(self, obj: Transmission) -> str:
        return ago(obj.not_before)

    @display(description="made", ordering="created_at")
    def made(self, obj: Transmission) -> str:
        return ago(obj.created_at)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(RESEND))


class WaitsLong(admin.SimpleListFilter):
    """What the alert of orders that wait to be sent counts, and leads to."""

    title, parameter_name = "waits", "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("long", "To be sent, for 15 minutes and more")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[WarehouseSubmission]
    ) -> QuerySet[WarehouseSubmission]:  # fmt: skip
        long = alarms.waiting_long(timezone.now())
        return queryset.filter(pk__in=long.values("pk")) if self.value() == "long" else queryset


@admin.register(WarehouseSubmission)
class WarehouseSubmissionAdmin(TransmissionAdmin):
    source = "submission"
    empty_hint = "An order that nothing holds is sent to the warehouse within a minute, and shows here."
    actions = [in_bulk("send_again_warehousesubmission", RETRY, "retry")]
    list_display = (
        "of_order",
        "connection",
        "shown_status",
        "number_there",
        "attempts",
        "tried_again",
        "short_error",
        "made",
    )
    list_filter = (*TransmissionAdmin.list_filter, WaitsLong, ("is_test", RarelyTrue), "remote_status")
    fields = (*TransmissionAdmin.fields, "shown_test", "number_there", "id_there", "status_there", "shown_request")
    long = (*TransmissionAdmin.long, "request")
    export_columns = (*TransmissionAdmin.export_columns, "remote_number", "remote_id", "remote_status", "is_test")
    number_there = named("remote_number", "number there")
    id_there = named("remote_id", "id there")
    status_there = named("remote_status", "status there")
    shown_test = named("is_test", "test", boolean=True)

    @display(description="what was sent")
    def shown_request(self, obj: WarehouseSubmission) -> str:
        return order_page.sent_request(obj.order)


@admin.register(ShipmentConfirmation)
class ShipmentConfirmationAdmin(TransmissionAdmin):
    source = "confirmation"
    empty_hint = "What has shipped is told to the marketplace by itself, and shows here."
    actions = [in_bulk("send_again_shipmentconfirmation", RETRY, "retry")]
    list_display = ("of_order", "connection", "shown_status", "attempts", "tried_again", "short_error", "made")
    fields = (*TransmissionAdmin.fields, "what_is_told")

    @display(description="what is told")
    def what_is_told(self, obj: ShipmentConfirmation) -> str:
        told = obj.lines.select_related("shipment_line__order_line")
        return _lines(
            f"line {one.shipment_line.order_line.number}: {one.quantity}, {one.carrier_code} {one.service_code} "
            f"{one.tracking_number}"
            for one in told
        )


@admin.register(WarehouseChange)
class WarehouseChangeAdmin(TransmissionAdmin):
    source = "change"
    empty_hint = "Orders that are changed or cancelled in the warehouse after they were sent show here."
    actions = [in_bulk("send_again_warehousechange", RETRY, "retry")]
    list_display = ("of_order", "connection", "shown_what", "shown_status", "attempts", "tried_again", "short_error",
                    "made")  # fmt: skip
    fields = ("order", "connection", "shown_what", "asked_by", *SENDING)
    asked_by = named("actor", "asked by")

    @display(description="what")
    def shown_what(self, obj: WarehouseChange) -> str:
        return "Cancel the order" if obj.cancels_order else "Change the order"


@admin.register(ShortShip)
class ShortShipAdmin(TransmissionAdmin):
    source = "short_ship"
    empty_hint = "A line that will never ship is short shipped on its order's page."
    actions = [in_bulk("send_again_shortship", RETRY, "retry")]
    list_display = ("of_order", "connection", "order_line", "quantity", "reason_code", "shown_status", "attempts",
                    "short_error", "made")  # fmt: skip
    fields = ("order", "connection", "order_line", "quantity", "reason_code", "asked_by", *SENDING)
    asked_by = named("actor", "asked by")
    list_select_related = ("order", "connection", "order_line")
    export_columns = (*TransmissionAdmin.export_columns, "order_line__number", "quantity", "reason_code")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """As for asking for one: it costs a fine again."""
        return bool(request.user.has_perm(short_shipping.PERMISSION))


class Tracked(admin.SimpleListFilter):
    title, parameter_name = "tracking number", "tracked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "None yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Shipment]) -> QuerySet[Shipment]:
        return queryset.filter(tracking_number="") if self.value() == "no" else queryset


@admin.register(Shipment)
class ShipmentAdmin(ByDate, OfAnOrder):
    empty_hint = "Parcels show here once the warehouse has packed or shipped them."
    list_display = ("number", "of_order", "shown_state", "shown_carrier", "shipped")
    list_filter = ("state", Tracked, "connection", "order__route")
    date_hierarchy = "shipped_at"
    export_columns = ("tracking_number", "order__full_number", "state", "carrier", "service", "shipped_at",
                      "tracking_url", "connection__name", "remote_id")  # fmt: skip
    list_select_related = ("order",)
    fields = ("tracking_number", "order", "connection", "state", "carrier", "service", "inside", "shipped_at",
              "followed_at", "id_there", "first_seen_at", "changed_at")  # fmt: skip
    id_there = named("remote_id", "id there")
    followed_at = named("tracking_url", "tracking address")

    def found_by(self, text: str) -> Q:
        return Q(remote_id=text)

    @display(description="what is inside")
    def inside(self, obj: Shipment) -> str:
        return _lines(f"line {one.order_line.number}: {one.quantity}" for one in obj.lines.select_related("order_line"))

    @display(description="tracking number", ordering="tracking_number")
    def number(self, obj: Shipment) -> str:
        return clip(obj.tracking_number or "none yet", 30)

    @display(description="order", ordering="order__full_number")
    def of_order(self, obj: Shipment) -> str:
        return labels.number(str(obj.order), 24)

    @display(description="state", label=PARCEL, ordering="state")
    def shown_state(self, obj: Shipment) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="carrier and service", ordering="carrier")
    def shown_carrier(self, obj: Shipment) -> str:
        return clip(spoken(obj), 50)

    @display(description="shipped", ordering="shipped_at")
    def shipped(self, obj: Shipment) -> str:
        return ago(obj.shipped_at)
