"""Marketplace orders, what keeps them waiting, and what was sent and shipped for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.ports import Address
from orders.folding import Folded, FoldedSurname

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_NUMBER_CHARS = 200
LONGEST_COMMENT = 2000


class IllegalTransition(Exception):
    """An order cannot go from the status it has to the one asked for; the text says both."""


class Order(models.Model):
    """One marketplace order. Its status says how far it is; how a send is going is the transmission's status."""

    class Status(models.TextChoices):
        RECEIVED = "received", "Received"  # stored as the marketplace sent it, not yet judged
        READY = "ready", "Ready"  # nothing stands in the way of sending it
        ON_HOLD = "on_hold", "On hold"  # a person must act; its holds say why
        SKIPPED = "skipped", "Skipped"  # kept, not ours to send; skip_reason says why
        SUBMITTED = "submitted", "Submitted"  # the warehouse has it
        PARTLY_SHIPPED = "partly_shipped", "Partly shipped"
        SHIPPED = "shipped", "Shipped"  # everything left the warehouse
        CONFIRMED = "confirmed", "Confirmed"  # and the marketplace was told of all of it
        CANCELLED = "cancelled", "Cancelled"

    NEXT = {
        Status.RECEIVED: {Status.READY, Status.ON_HOLD, Status.SKIPPED, Status.CANCELLED},
        Status.READY: {Status.SUBMITTED, Status.ON_HOLD, Status.SKIPPED, Status.CANCELLED, Status.RECEIVED},
        Status.ON_HOLD: {Status.READY, Status.SKIPPED, Status.CANCELLED, Status.RECEIVED},
        Status.SKIPPED: {Status.RECEIVED, Status.ON_HOLD},
        Status.SUBMITTED: {Status.PARTLY_SHIPPED, Status.SHIPPED, Status.CANCELLED},
        Status.PARTLY_SHIPPED: {Status.SUBMITTED, Status.SHIPPED},
        Status.SHIPPED: {Status.CONFIRMED, Status.PARTLY_SHIPPED, Status.SUBMITTED},
        Status.CONFIRMED: {Status.PARTLY_SHIPPED},  # only when the marketplace wants what the warehouse has of it still
        Status.CANCELLED: {Status.RECEIVED, Status.ON_HOLD},  # only when the marketplace opens it again
    }
    CLOSED = (Status.CANCELLED, Status.SKIPPED, Status.CONFIRMED)
    UNSENT = (Status.RECEIVED, Status.READY, Status.ON_HOLD)
    LEFT = (Status.PARTLY_SHIPPED, Status.SHIPPED)
    SENT = (Status.SUBMITTED, *LEFT, Status.CONFIRMED)
    UNWANTED = (Status.CANCELLED, Status.SKIPPED)
    UNSHIPPED = (*UNSENT, Status.SUBMITTED, Status.PARTLY_SHIPPED)

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="orders", verbose_name="marketplace")
    route = models.ForeignKey(Route, models.PROTECT, null=True, related_name="orders")
    sales_channel = models.CharField(max_length=50)
    full_number = models.CharField(max_length=MAX_NUMBER_CHARS)
    short_reference = models.CharField(max_length=70, unique=True, null=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.RECEIVED, db_index=True)
    skip_reason = models.CharField(max_length=200, blank=True)

    marketplace_status = models.CharField(max_length=60, blank=True)
    warehouse_name = models.CharField(max_length=200, blank=True, help_text="As received; echoed on shipments.")
    ordered_at = models.DateTimeField()
    ordered_on = models.DateField(help_text="The order date as the customer's marketplace has it.")
    marketplace_created_at = models.DateTimeField(null=True)
    ship_name = models.CharField("name", max_length=200, blank=True)
    ship_address1 = models.CharField("address line 1", max_length=200, blank=True)
    ship_address2 = models.CharField("address line 2", max_length=200, blank=True)
    ship_city = models.CharField("city", max_length=120, blank=True)
    ship_state = models.CharField("state or province", max_length=80, blank=True)
    ship_postal_code = models.CharField("postal code", max_length=40, blank=True)
    ship_country_code = models.CharField("country code", max_length=40, blank=True)
    ship_phone = models.CharField("phone", max_length=60, blank=True)
    shipping_code = models.CharField(max_length=80, blank=True, help_text="The service the marketplace asked for.")
    working_shipping_code = models.CharField(
        "use this shipping code", max_length=80, blank=True,
        help_text="Instead of the marketplace's own, for the warehouse and the confirmation. Empty: the marketplace's.",
    )  # fmt: skip
    is_freight = models.BooleanField(default=False)
    signature_required = models.BooleanField(default=False)
    billing_account = models.CharField(max_length=80, blank=True)
    carrier_code = models.CharField(max_length=80, blank=True)
    raw = models.TextField(blank=True)
    told = models.JSONField(null=True, help_text="What the marketplace last said and was followed or left in.")
    told_now = models.JSONField(null=True, help_text="What it says now, while that waits for a decision.")

    cancel_requested_at = models.DateTimeField(null=True)
    cancel_resolved_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    redacted_at = models.DateTimeField(null=True, help_text="When the customer's personal data was taken out of it.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="owned_orders",
        verbose_name="taken by",
    )  # fmt: skip

    class Meta:
        ordering = ["-ordered_at", "-pk"]
        permissions = [
            ("short_ship", "Can tell the marketplace that a line will not ship"),
            ("resend_order", "Can send again what was refused or given up"),
        ]
        indexes = [
            models.Index(fields=["connection", "status", "ordered_at"], name="order_worklists"),
            models.Index(fields=["connection", "received_at"], name="order_by_arrival"),
            models.Index(fields=["full_number"], name="order_by_full_number"),
            models.Index(Folded("full_number"), name="order_found_by_number"),
            models.Index(Folded("short_reference"), name="order_found_by_reference"),
            models.Index(Folded("ship_name"), name="order_found_by_name"),
            models.Index(FoldedSurname("ship_name"), name="order_found_by_surname"),
            models.Index(Folded("ship_postal_code"), name="order_found_by_postal_code"),
            models.Index(Folded("ship_phone"), name="order_found_by_phone"),
            models.Index(fields=["status", "route", "ordered_on"], name="order_by_ship_date"),
            models.Index(fields=["-ordered_at", "-id"], name="order_by_newest"),  # as lists show them
            models.Index(fields=["connection", "ordered_at"], name="order_of_connection"),
            models.Index(fields=["route", "ordered_at"], name="order_of_route"),
            models.Index(fields=["ordered_at"], condition=Q(is_freight=True), name="order_of_freight"),
            models.Index(fields=["status", "ordered_at"], name="order_by_age"),
            models.Index(fields=["ordered_on"], name="order_by_day"),
            models.Index(fields=["received_at", "ordered_at"], name="order_by_pull"),  # how long it took
            models.Index(fields=["received_at"], condition=Q(redacted_at=None), name="order_to_redact"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "sales_channel", "full_number"], name="order_once_per_channel"
            ),
            models.CheckConstraint(condition=~Q(full_number=""), name="order_has_a_number"),
        ]

    def __str__(self) -> str:
        return self.full_number

    @property
    def address(self) -> Address:
        return Address(
            name=self.ship_name,
            address1=self.ship_address1,
            address2=self.ship_address2,
            city=self.ship_city,
            state=self.ship_state,
            postal_code=self.ship_postal_code,
            country_code=self.ship_country_code,
            phone=self.ship_phone,
        )

    @property
    def service_code(self) -> str:
        """The shipping code that is worked with: a person's, else the marketplace's own."""
        return self.working_shipping_code or self.shipping_code

    def move_to(self, new: Status, *, reason: str = "", actor: User | None = None) -> None:
        """Change the status, if the order still has the one we know, and leave an event. Raises IllegalTransition."""
        old = self.Status(self.status)
        if new not in self.NEXT[old]:
            raise IllegalTransition(f"order {self.full_number} cannot go from {old.label} to {new.label}")
        with transaction.atomic():
            moved = Order.objects.filter(pk=self.pk, status=old).update(status=new)
            if not moved:
                raise IllegalTransition(f"order {self.full_number} is no longer {old.label}; look at it again")
            self.events.create(old_status=old, new_status=new, text=reason[:500], actor=actor)
        self.status = new

    def note(self, text: str, *, actor: User | None = None) -> None:
        """Leave an event that changes no status."""
        self.events.create(old_status=self.status, new_status=self.status, text=text[:500], actor=actor)

    def comment(self, text: str, actor: User | None) -> None:
        """Keep what a person says of the order among its events."""
        self.events.create(
            kind=OrderEvent.Kind.COMMENT, old_status=self.status, new_status=self.status,
            text=text[:LONGEST_COMMENT], actor=actor,
        )  # fmt: skip


SHIPPED_UNTOLD = Q(quantity_shipped__gt=F("quantity_confirmed"), is_cancelled=False)  # of a line: to be confirmed
WANTED = Q(is_cancelled=False, order__cancel_requested_at=None)  # of a line: the marketplace takes its parcels
TO_CONFIRM = SHIPPED_UNTOLD & WANTED


class OrderLine(models.Model):
    """One ordered SKU of an order, in the marketplace's units."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    number = models.CharField(max_length=60, blank=True, help_text="What the marketplace calls the line.")
    partner_sku = models.CharField(max_length=120, blank=True, verbose_name="partner SKU")
    option_sku = models.CharField(max_length=120, blank=True, verbose_name="option SKU")
    upc = models.CharField(max_length=40, blank=True, verbose_name="UPC")
    title = models.CharField(max_length=300, blank=True)
    quantity = models.PositiveIntegerField(null=True, help_text="Ordered.")
    quantity_to_ship = models.PositiveIntegerField(
        default=0, help_text="What was still open when the order came in, less what was cancelled."
    )
    shipped_before = models.PositiveIntegerField(
        default=0, null=True, help_text="Shipped without us before the order came in; empty: all of it."
    )
    quantity_shipped = models.PositiveIntegerField(default=0, help_text="Left the warehouse.")
    quantity_confirmed = models.PositiveIntegerField(default=0, help_text="In a confirmation, sent or about to be.")
    is_cancelled = models.BooleanField(default=False)
    marketplace_status = models.CharField(max_length=60, blank=True)
    unit_cost = models.DecimalField(max_digits=14, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["order", "position"]
        indexes = [
            models.Index(Folded("partner_sku"), name="line_found_by_partner_sku"),
            models.Index(Folded("option_sku"), name="line_found_by_option_sku"),
            models.Index(fields=["order"], condition=SHIPPED_UNTOLD, name="line_to_confirm"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="line_once_per_position"),
            models.CheckConstraint(
                condition=Q(quantity_confirmed__lte=F("quantity_to_ship")), name="line_never_over_confirmed"
            ),
            models.CheckConstraint(
                condition=Q(quantity_to_ship=0) | Q(quantity__isnull=False, quantity_to_ship__lte=F("quantity")),
                name="line_never_over_ordered",
            ),
        ]

    def __str__(self) -> str:
        quantity = "?" if self.quantity is None else self.quantity
        return f"line {self.number or self.position}: {quantity} × {self.option_sku or self.partner_sku}"


class UnreadableRecord(models.Model):
    """An order that could not be read: kept whole, so that nobody has to look for it elsewhere."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="unreadable_records")
    digest = models.CharField(max_length=64)
    full_number = models.CharField(max_length=MAX_NUMBER_CHARS, blank=True, db_index=True)
    reason = models.TextField()
    raw = models.TextField()
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, help_text="Read well later, or dismissed by a person.")
    resolution = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-first_seen_at"]
        constraints = [models.UniqueConstraint(fields=["connection", "digest"], name="unreadable_once")]

    def __str__(self) -> str:
        return self.full_number or f"unreadable {self.digest[:8]}"


class Hold(models.Model):
    """A reason why an order waits. Open until resolved; the same reason is open once."""

    class Kind(models.TextChoices):
        UNKNOWN_SKU = "unknown_sku", "Unknown SKU"
        AMBIGUOUS_SKU = "ambiguous_sku", "Ambiguous SKU"
        UNUSABLE_ADDRESS = "unusable_address", "Unusable address"
        NO_ROUTE = "no_route", "No route"
        UNMAPPED_SHIPPING = "unmapped_shipping", "Unmapped shipping code"
        INCOMPLETE_LINE = "incomplete_line", "Incomplete line"
        NOTHING_TO_SHIP = "nothing_to_ship", "Nothing to ship"
        TOO_MANY_LINES = "too_many_lines", "Too many lines"
        MANUAL = "manual", "Held by a person"
        GONE = "gone", "Gone from the marketplace"
        CHANGED = "changed", "Changed on the marketplace"
        REOPENED = "reopened", "Open again on the marketplace"
        # These concern an order that the warehouse has already; they do not change its status.
        UNKNOWN_CARRIER = "unknown_carrier", "Unknown carrier"
        VOIDED_SHIPMENT = "voided_shipment", "Shipment voided after it was confirmed"
        CHANGED_SHIPMENT = "changed_shipment", "Shipment changed after it was confirmed"
        VOIDED_ORDER = "voided_order", "Voided in the warehouse"
        UNREADABLE_PARCEL = "unreadable_parcel", "Unreadable parcel"
        OVER_SHIPPED = "over_shipped", "More shipped than ordered"
        CANCELLED_LATE = "cancelled_late", "Cancelled after sending"
        CHANGED_ORDER = "changed_order", "Changed after sending"
        DOUBLED = "doubled", "Twice in the warehouse"
        DIFFERENT_THERE = "different_there", "Other lines in the warehouse"

    AFTER_SENDING = (
        Kind.UNKNOWN_CARRIER,
        Kind.VOIDED_SHIPMENT,
        Kind.CHANGED_SHIPMENT,
        Kind.VOIDED_ORDER,
        Kind.UNREADABLE_PARCEL,
        Kind.OVER_SHIPPED,
        Kind.CANCELLED_LATE,
        Kind.CHANGED_ORDER,
        Kind.DOUBLED,
        Kind.DIFFERENT_THERE,
    )
    # Their subject is the id that the warehouse gave a parcel.
    OF_PARCELS = (Kind.VOIDED_SHIPMENT, Kind.CHANGED_SHIPMENT, Kind.UNREADABLE_PARCEL, Kind.OVER_SHIPPED)
    # Their subject is the number of a line, where it is not the whole order; after a + an item that is in no line.
    OF_LINES = (Kind.CANCELLED_LATE, Kind.DIFFERENT_THERE)
    # Closed by the map or the system that they wait for; by hand they would only come back with the next run.
    CLOSES_ITSELF = (Kind.UNKNOWN_CARRIER,)
    # Closed by a decision between what the marketplace says now and what we have.
    UNTIL_DECIDED = (Kind.CHANGED, Kind.CHANGED_ORDER)

    # Found by looking at the other side, not by judging the order: they stay until a person releases it.
    UNTIL_RELEASED = (Kind.MANUAL, Kind.GONE, Kind.REOPENED)

    order = models.ForeignKey(Order, models.CASCADE, related_name="holds")
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=200, blank=True, help_text="The SKU, code, field or parcel it is about.")
    message = models.TextField()
    opened_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=300, blank=True, help_text="What a person did about it, and who.")

    class Meta:
        ordering = ["order", "pk"]
        indexes = [models.Index(fields=["kind", "subject"], name="hold_by_cause", condition=Q(resolved_at=None))]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "kind", "subject"], condition=Q(resolved_at=None), name="hold_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject_in_words}" if self.subject else self.get_kind_display()

    @property
    def subject_in_words(self) -> str:
        """As people know it: a parcel by its tracking number, as soon as it has one."""
        if not self.subject:
            return ""
        if self.kind in self.OF_PARCELS:
            mine = (one.tracking_number for one in self.order.shipments.all() if one.remote_id == self.subject)
            return f"parcel {next(mine, '') or self.subject}"
        if self.kind not in self.OF_LINES:
            return self.subject
        return f"{self.subject[1:]} that was added" if self.subject.startswith("+") else f"line {self.subject}"


class OrderEvent(models.Model):
    """One change of an order, a note on it, or a comment. Written by move_to, note and comment, never edited."""

    class Kind(models.TextChoices):
        SYSTEM = "system", "Event"
        COMMENT = "comment", "Comment"

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.SYSTEM)
    order = models.ForeignKey(Order, models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    old_status = models.CharField(max_length=16, choices=Order.Status, blank=True)
    new_status = models.CharField(max_length=16, choices=Order.Status)
    text = models.CharField(max_length=LONGEST_COMMENT, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.text or self.get_new_status_display()}"
