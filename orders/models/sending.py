"""Tables of what we send and hear about an order: submission, shipments, confirmations, and the two code maps."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from integrations.models import Connection
from integrations.transmissions import Transmission
from orders.folding import Folded
from orders.models.order import Order, OrderLine


class WarehouseSubmission(Transmission):
    """The one intent to create an order in the warehouse.

    `generation` goes into the idempotency key: a corrected payload, or a key that was burnt, is a new generation.
    """

    ENDED = ("void", "deleted")  # what `remote_status` says of an order that the warehouse ships no more
    UNREAD = "unread"  # what `remote_contents` says of an order whose lines were changed there, and not by us

    order = models.OneToOneField(Order, models.CASCADE, related_name="submission")
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="submissions", verbose_name="warehouse")
    generation = models.PositiveIntegerField(default=1)
    key_refused = models.BooleanField(default=False, help_text="The other side had this key already.")
    is_test = models.BooleanField(default=False, help_text="Sent while the route was in test: a marked draft.")
    removal_asked_at = models.DateTimeField(null=True, help_text="A person wants this test order out of both systems.")
    remote_id = models.CharField(max_length=40, blank=True)
    remote_number = models.CharField(max_length=80, blank=True)
    remote_status = models.CharField(max_length=20, blank=True)
    remote_contents = models.CharField(
        max_length=64, blank=True, help_text="Its lines when they were last looked at, or that they are to be."
    )
    remote_updated_at = models.DateTimeField(null=True, help_text="The change over there for which it was read last.")
    request = models.JSONField(default=dict, help_text="What was sent.")
    committed_at = models.DateTimeField(
        null=True, help_text="Stock that is seen later has its units taken off. None: not yet, as for a draft."
    )

    class Meta:
        verbose_name = "submission"
        verbose_name_plural = "submissions"
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["connection", "status"], name="submission_due"),
            models.Index(fields=["connection", "committed_at"], name="submission_committed"),  # not in the stock yet
            models.Index(Folded("remote_id"), name="submission_found_by_id"),
            models.Index(Folded("remote_number"), name="submission_found_by_number"),
            models.Index(fields=["status", "finished_at"], name="submission_by_status"),  # stuck; how long it took
            models.Index(fields=["-created_at", "-id"], name="submission_by_newest"),  # as lists show them
            models.Index(fields=["status", "created_at"], name="submission_in_status"),
            models.Index(fields=["connection", "created_at"], name="submission_of_connection"),
            models.Index(fields=["is_test"], condition=Q(is_test=True), name="submission_of_test"),
            models.Index(fields=["connection"], condition=Q(remote_contents="unread"), name="submission_unread"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "remote_id"], condition=~Q(remote_id=""), name="warehouse_order_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.order} → {self.connection}"

    @property
    def is_not_sent(self) -> bool:
        """What NOT_SENT asks of the database, of the row as it was read."""
        return any(all(getattr(self, name) == value for name, value in one.items()) for one in _NOTHING_IS_THERE)


# Nothing of it can be in the warehouse: not sent yet, taken back, or clearly refused.
_NOTHING_IS_THERE: tuple[dict[str, str | None], ...] = (
    {"status": Transmission.Status.PENDING},
    {"status": Transmission.Status.WITHDRAWN},
    {"status": Transmission.Status.PARKED, "sent_at": None, "remote_id": ""},
)
NOT_SENT = Q(*(Q(**one) for one in _NOTHING_IS_THERE), _connector=Q.OR)


class SubmittedLine(models.Model):
    """One line of the warehouse's order: `units` of its item make one unit of our order line.

    An item may have two for the same order line, of different prices; its quantity is then both together.
    """

    submission = models.ForeignKey(WarehouseSubmission, models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, models.CASCADE, related_name="submitted_lines")
    position = models.PositiveIntegerField()
    item_id = models.CharField(max_length=40)
    sku = models.CharField(max_length=120, verbose_name="warehouse SKU")
    units = models.PositiveIntegerField(default=1)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, help_text="What it was sent at; empty for older ones."
    )
    remote_id = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["submission", "position"]
        indexes = [models.Index(Folded("sku"), name="submitted_found_by_sku")]
        constraints = [models.UniqueConstraint(fields=["submission", "position"], name="submitted_line_once")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"


class Shipment(models.Model):
    """One parcel of the warehouse. `contents` is what it says is inside: [{line_id, item_id, quantity}]."""

    class State(models.TextChoices):
        PACKED = "packed", "Packed"  # a box that has not left
        SHIPPED = "shipped", "Shipped"
        VOID = "void", "Void"

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="shipments", verbose_name="warehouse")
    remote_id = models.CharField(max_length=40)
    order = models.ForeignKey(Order, models.CASCADE, related_name="shipments")
    state = models.CharField(max_length=8, choices=State)
    tracking_number = models.CharField(max_length=120, blank=True)
    tracking_url = models.CharField(max_length=500, blank=True)
    carrier = models.CharField(max_length=120, blank=True, help_text="The warehouse's own words.")
    service = models.CharField(max_length=120, blank=True, help_text="The warehouse's own words.")
    shipped_at = models.DateTimeField(null=True)
    contents = models.JSONField(default=list)
    remote_updated_at = models.DateTimeField(null=True, help_text="When the warehouse last changed it, as stored here.")
    first_seen_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["order", "pk"]
        indexes = [
            models.Index(fields=["shipped_at"], name="shipment_by_day"),
            models.Index(Folded("tracking_number"), name="shipment_found_by_tracking"),
        ]
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="shipment_once")]

    def __str__(self) -> str:
        return f"parcel {self.tracking_number or self.remote_id}"


class ShipmentLine(models.Model):
    """Whole marketplace units of an order line that a shipped parcel completes."""

    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, models.CASCADE, related_name="shipment_lines")
    quantity = models.PositiveIntegerField()

    class Meta:
        ordering = ["shipment", "order_line"]
        constraints = [
            models.UniqueConstraint(fields=["shipment", "order_line"], name="shipment_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="shipment_line_has_units"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.order_line}"


class ShipmentConfirmation(Transmission):
    """One message to the marketplace about one order."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="confirmations")
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="confirmations", verbose_name="marketplace")

    class Meta:
        verbose_name = "confirmation"
        verbose_name_plural = "confirmations"
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["connection", "status"], name="confirmation_due"),
            models.Index(fields=["status", "finished_at"], name="confirmation_by_status"),  # stuck; how long it took
            models.Index(fields=["-created_at", "-id"], name="confirmation_by_newest"),  # as lists show them
            models.Index(fields=["status", "created_at"], name="confirmation_in_status"),
            models.Index(fields=["connection", "created_at"], name="confirmation_of_connection"),
        ]

    def __str__(self) -> str:
        return f"shipment of {self.order}"


class ConfirmedLine(models.Model):
    """A shipment line inside a confirmation: each is told once, by constraint."""

    confirmation = models.ForeignKey(ShipmentConfirmation, models.CASCADE, related_name="lines")
    shipment_line = models.OneToOneField(ShipmentLine, models.PROTECT, related_name="confirmed")
    quantity = models.PositiveIntegerField()
    carrier_code = models.CharField(max_length=40)
    service_code = models.CharField(max_length=40)
    tracking_number = models.CharField(max_length=120)
    shipped_at = models.DateTimeField()

    class Meta:
        ordering = ["confirmation", "pk"]

    def __str__(self) -> str:
        return f"{self.quantity} by {self.carrier_code} {self.tracking_number}"


class ShippingMethod(models.Model):
    """What a marketplace's service code is called towards the warehouse."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="shipping_methods", verbose_name="marketplace"
    )
    code = models.CharField(max_length=80)
    name = models.CharField(max_length=120, help_text="Written into the warehouse order's notes.")
    history = HistoricalRecords()

    class Meta:
        ordering = ["connection", "code"]
        constraints = [models.UniqueConstraint(fields=["connection", "code"], name="shipping_code_once")]

    def __str__(self) -> str:
        return f"{self.code} → {self.name}"


class CarrierService(models.Model):
    """What the warehouse's free text for carrier and service is in the marketplace's codes.

    Texts are compared without regard to capitals and repeated blanks. An empty carrier text is a parcel for which the
    warehouse named none. An empty service text stands for none, `*` for any that has no row of its own; an empty
    service code for the service that the order asked for.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="carrier_services", verbose_name="marketplace"
    )
    carrier_text = models.CharField(
        max_length=120,
        blank=True,
        help_text="As the warehouse writes it. Empty: parcels for which it names no carrier.",
    )
    service_text = models.CharField(
        max_length=120, blank=True, help_text="As the warehouse writes it. Empty: none; * stands for any other."
    )
    carrier_code = models.CharField(max_length=40, help_text="The marketplace's code.")
    service_code = models.CharField(
        max_length=40, blank=True, help_text="The marketplace's code. Empty: the service that the order asked for."
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = "carrier and service"
        verbose_name_plural = "carriers and services"
        ordering = ["connection", "carrier_text", "service_text"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "carrier_text", "service_text"], name="carrier_text_once")
        ]

    def __str__(self) -> str:
        text = f"{self.carrier_text or '(no carrier)'} {self.service_text}".strip()
        return f"{text} → {self.carrier_code} {self.service_code}".strip()
