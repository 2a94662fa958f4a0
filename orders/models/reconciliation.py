"""What a comparison of both sides found: one report for a period, and in it every order once."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.models import Connection, SyncRun
from orders import periods
from orders.models.order import MAX_NUMBER_CHARS, Order


class Reconciliation(models.Model):
    """One report. Its `counts` by bucket add up to its rows; unfinished ones were asked for and wait for a worker.

    `quantities` are the SKUs whose shown quantity is not the one told: [{sku, warehouse_name, published, shown}].
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="reconciliations", verbose_name="marketplace"
    )
    since = models.DateTimeField()
    until = models.DateTimeField()
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="reconciliations")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True, db_index=True)
    is_complete = models.BooleanField(default=False, help_text="Both sides could be read for the whole period.")
    notes = models.TextField(blank=True, help_text="What could not be read or compared.")
    counts = models.JSONField(default=dict, help_text="Orders by bucket.")
    read = models.JSONField(
        default=dict,
        help_text="How many orders were read on the marketplace, here and in the warehouse; parcels; calls.",
    )
    quantities = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "reconciliation"
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.connection} {periods.named(self.connection, self.since, self.until)}"

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def exceptions(self) -> int:
        return sum(self.counts.get(bucket.value, 0) for bucket in ReconciledOrder.EXCEPTIONS)


class ReconciledOrder(models.Model):
    """One order of a report, in the one bucket that it belongs in (orders/reconciliation/rules.py says which)."""

    class Bucket(models.TextChoices):
        SENT = "sent", "Sent"  # the warehouse has it, and both sides agree on what was shipped
        HELD = "held", "Held"  # a person must act; the text says on what
        SKIPPED = "skipped", "Skipped"  # not ours to send; the text says why
        CANCELLED = "cancelled", "Cancelled"
        BEING_SENT = "being_sent", "Being sent"  # on its way, and not for too long
        MISSING_HERE = "missing_here", "Missing here"
        MISSING_THERE = "missing_there", "Missing in the warehouse"
        DOUBLED = "doubled", "Doubled in the warehouse"
        UNCONFIRMED = "unconfirmed", "Shipped but unconfirmed"
        DIFFERENT = "different", "Confirmed but different"
        GONE = "gone", "Gone from the marketplace"
        UNREADABLE = "unreadable", "Cannot be read"
        UNCHECKED = "unchecked", "Not checked"  # one side could not be read

    # What should not be: a run that finds one says so.
    EXCEPTIONS = (
        Bucket.MISSING_HERE,
        Bucket.MISSING_THERE,
        Bucket.DOUBLED,
        Bucket.UNCONFIRMED,
        Bucket.DIFFERENT,
        Bucket.GONE,
        Bucket.UNREADABLE,
    )

    class Mend(models.TextChoices):
        """Where what is wrong is mended; empty where nothing is to be done."""

        ORDER = "order", "Open the order"
        RETRY = "retry", "Retry"
        ROUTE = "route", "Open the route"
        READ_AGAIN = "read_again", "Read again"
        SUBMIT = "submit", "Send now"
        PULL = "pull", "Pull parcels now"
        CONFIRM = "confirm", "Confirm now"
        RECORD = "record", "Open the record"
        CONNECTION = "connection", "Open the connection"
        BACKFILL = "backfill", "Backfill its day"
        LISTED = "listed", "Open the order"  # it is on another worklist already

    report = models.ForeignKey(Reconciliation, models.CASCADE, related_name="orders")
    bucket = models.CharField(max_length=16, choices=Bucket)
    sales_channel = models.CharField(max_length=50, blank=True)
    number = models.CharField(max_length=MAX_NUMBER_CHARS, blank=True)
    created_on_marketplace = models.DateTimeField(null=True)
    order = models.ForeignKey(Order, models.SET_NULL, null=True, related_name="+")
    warehouse = models.ForeignKey(Connection, models.SET_NULL, null=True, related_name="+")
    remote_orders = models.CharField(max_length=300, blank=True, help_text="Number and id in the warehouse.")
    text = models.TextField(blank=True)
    action = models.TextField(blank=True, help_text="What mends it.")
    mend = models.CharField(max_length=12, choices=Mend, blank=True)

    class Meta:
        ordering = ["report", "pk"]
        indexes = [
            models.Index(fields=["report", "bucket"], name="reconciled_by_bucket"),
            models.Index(fields=["number"], name="reconciled_by_number"),
            models.Index(fields=["bucket", "mend"], name="reconciled_findings"),
        ]

    def __str__(self) -> str:
        return f"{self.number or 'without a number'}: {self.get_bucket_display()}"

    @property
    def in_words(self) -> str:
        """What was found and what mends it, of "the order"."""
        return f"The order {self.text.rstrip('.')}. {self.action}".rstrip()
