"""Identity and quantity of goods: what a marketplace SKU is in the warehouse, and what we told the marketplace."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower, Replace
from django.utils import timezone

from integrations import wording
from integrations.models import Connection, Route
from integrations.transmissions import Transmission
from inventory.likeness import PUNCTUATION


def plain_of(field: str) -> Func:
    """What `likeness.plain` makes of a column's text, as an expression."""
    text: F | Func = F(field)
    for one in PUNCTUATION:
        text = Replace(text, Value(one), Value(""))
    return Lower(text)


class SkuAlias(models.Model):
    """What a marketplace SKU is called in the warehouse, and how many units of it; several rows are a kit."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="aliases", verbose_name="marketplace")
    marketplace_sku = models.CharField(
        max_length=120, verbose_name="marketplace SKU", help_text="Option SKU or partner SKU, exactly."
    )
    warehouse_sku = models.CharField(max_length=120, verbose_name="warehouse SKU")
    units = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    is_active = models.BooleanField(default=True)
    note = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "SKU alias"
        verbose_name_plural = "SKU aliases"
        ordering = ["connection", "marketplace_sku", "warehouse_sku"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "marketplace_sku", "warehouse_sku"], name="alias_once"),
            models.CheckConstraint(condition=Q(units__gte=1), name="alias_has_units"),
            models.CheckConstraint(
                condition=~Q(marketplace_sku="") & ~Q(warehouse_sku=""), name="alias_names_both_sides"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.marketplace_sku} → {self.units} × {self.warehouse_sku}"

    def clean(self) -> None:
        self.marketplace_sku, self.warehouse_sku = self.marketplace_sku.strip(), self.warehouse_sku.strip()


class AliasImport(models.Model):
    """One file of aliases and what became of it, whoever uploaded it; the whole can be undone.

    `content`, `changes` and `error_file` are compressed; the first is kept until it is stored, `changes` for as long as
    the import can be undone. `owner` is the process that is at it, as its heartbeat shows.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Reading"
        PLANNED = "planned", "To be confirmed"
        CONFIRMED = "confirmed", "Storing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        UNDOING = "undoing", "Undoing"
        UNDONE = "undone", "Undone"

    class Mode(models.TextChoices):
        UPDATE = "update", "Update: other aliases stay as they are"
        REPLACE = "replace", "Replace: aliases that the file does not name are switched off"

    AT_WORK = (State.UPLOADED, State.CONFIRMED, State.UNDOING)

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="alias_imports", verbose_name="marketplace")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", help_text="None: the command line."
    )
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, help_text="Of the file.")
    encoding = models.CharField(max_length=20)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.UPDATE)
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED, db_index=True)
    counts = models.JSONField(default=dict)
    report = models.JSONField(default=dict, help_text="The first rows of each kind, and what would come of it.")
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Of the plan that was shown.")
    error = models.TextField(blank=True)
    uploaded_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    content = models.BinaryField(null=True)
    changes = models.BinaryField(null=True)
    error_file = models.BinaryField(null=True)

    owner = models.CharField(max_length=200, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    progress = models.PositiveSmallIntegerField(default=0, help_text="In per cent, of the step that is under way.")
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-uploaded_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.file_name} for {self.connection} at {wording.moment(self.uploaded_at)}"


class WarehouseItem(models.Model):
    """What the warehouse answered when last asked for a SKU: one item, none, or several (never guessed between)."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="items")
    sku = models.CharField(max_length=120, verbose_name="SKU")
    matches = models.PositiveIntegerField(help_text="How many active items carry exactly this SKU.")
    remote_id = models.CharField(max_length=40, blank=True, help_text="The item's id, when exactly one matches.")
    title = models.CharField(max_length=300, blank=True)
    upc = models.CharField(max_length=40, blank=True, verbose_name="UPC")
    plain_sku = models.GeneratedField(
        expression=plain_of("sku"), output_field=models.CharField(max_length=120), db_persist=True, editable=False
    )
    sellable = models.BooleanField(default=True)
    stock_managed = models.BooleanField(default=True)
    keep_selling = models.BooleanField(default=False, help_text="The warehouse lets it be sold at or below zero.")
    max_online = models.IntegerField(null=True)
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["connection", "sku"]
        indexes = [
            models.Index(fields=["connection", "remote_id"], name="item_by_remote_id"),  # stock sweeps
            models.Index(fields=["connection", "plain_sku"], name="item_by_plain_sku"),  # suggestions
            models.Index(fields=["connection", "upc"], name="item_by_upc"),  # suggestions
        ]
        constraints = [models.UniqueConstraint(fields=["connection", "sku"], name="item_answer_once_per_sku")]

    def __str__(self) -> str:
        return self.sku


class InventoryLevel(models.Model):
    """Stock of an item at a location, as observed at a time. Older news never overwrites newer."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="levels")
    item_id = models.CharField(max_length=40)
    location_id = models.CharField(max_length=40)
    on_hand = models.DecimalField(max_digits=16, decimal_places=4)
    committed = models.DecimalField(max_digits=16, decimal_places=4)
    available = models.DecimalField(max_digits=16, decimal_places=4)
    observed_at = models.DateTimeField()

    class Meta:
        verbose_name = "stock level"
        verbose_name_plural = "stock levels"
        ordering = ["connection", "item_id", "location_id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "item_id", "location_id"], name="level_once_per_location")
        ]

    def __str__(self) -> str:
        return f"{self.available} of item {self.item_id} at location {self.location_id}"


class Listing(models.Model):
    """A marketplace SKU whose quantity we publish on a route.

    `marketplace_sku` is what an alias or an order calls it; orders teach us the partner and the option SKU.
    """

    route = models.ForeignKey(Route, models.CASCADE, related_name="listings")
    marketplace_sku = models.CharField(max_length=120, verbose_name="marketplace SKU")
    partner_sku = models.CharField(max_length=120, blank=True, verbose_name="partner SKU")
    option_sku = models.CharField(max_length=120, blank=True, verbose_name="option SKU")
    upc = models.CharField(max_length=40, blank=True, verbose_name="UPC")
    is_active = models.BooleanField(default=True, help_text="Off: never published.")
    reserve = models.PositiveIntegerField(null=True, blank=True, help_text="Instead of the route's.")
    problem = models.TextField(
        blank=True, editable=False, help_text="Why it is not known what this is in the warehouse; it is shown as 0."
    )

    published_sku = models.CharField(max_length=120, blank=True, editable=False)
    published_quantity = models.PositiveIntegerField(null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    observed_at = models.DateTimeField(null=True, editable=False)
    explanation = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["route", "marketplace_sku"]
        constraints = [models.UniqueConstraint(fields=["route", "marketplace_sku"], name="listing_once_per_route")]

    def __str__(self) -> str:
        return self.marketplace_sku


class StockSweep(models.Model):
    """A reading of all stock that the call limit broke off: the page that comes next. None: start at the first."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="sweep")
    next_page = models.PositiveIntegerField()
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.connection} from page {self.next_page}"


class StockReading(models.Model):
    """A warehouse's last complete reading of all stock, and what a later one lacked, if it was not complete."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="stock_reading")
    began_at = models.DateTimeField(null=True, help_text="No figure of it is older.")
    ended_at = models.DateTimeField(null=True)
    items = models.PositiveIntegerField(default=0, help_text="How many of the items that we know it covered.")
    partial_at = models.DateTimeField(null=True)
    partial_reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"stock of {self.connection}"


class GuardedPublish(models.Model):
    """Quantities of one route that were not published since they look like damage. A person decides, or time does.

    While one waits, each run brings it up to date. What is released are its rows, each until it was taken once.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waits for a person"
        RELEASED = "released", "Released"  # the next runs publish what was shown
        PUBLISHED = "published", "Published"  # the marketplace took it
        DISCARDED = "discarded", "Discarded"  # decided anew
        CLOSED = "closed", "Closed by itself"  # a later decision was not alarming any more

    KEPT_FOR = timedelta(days=90)  # once it is done with
    RELEASE_LASTS = timedelta(hours=24)

    route = models.ForeignKey(Route, models.CASCADE, related_name="guarded_publishes")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    reason = models.TextField()
    changed = models.PositiveIntegerField(help_text="How many quantities.")
    zeroed = models.PositiveIntegerField(verbose_name="set to 0")
    raised = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64, help_text="Of the rows.")
    found_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "guarded publish"
        verbose_name_plural = "guarded publishes"
        ordering = ["-found_at", "-pk"]
        permissions = [("release_publish", "Can publish what the guard held back")]
        constraints = [
            models.UniqueConstraint(fields=["route"], condition=Q(state="waiting"), name="one_waiting_guard_per_route")
        ]

    def __str__(self) -> str:
        return f"{wording.counted(self.changed, 'quantities')} of {self.route} at {wording.moment(self.found_at)}"


class GuardedQuantity(models.Model):
    """One quantity that was held back. `before` None: the marketplace never showed one."""

    guarded = models.ForeignKey(GuardedPublish, models.CASCADE, related_name="quantities")
    listing = models.ForeignKey(Listing, models.CASCADE, related_name="+")
    sku = models.CharField(max_length=120)
    before = models.PositiveIntegerField(null=True)
    after = models.PositiveIntegerField()
    why = models.CharField(max_length=300)
    is_spent = models.BooleanField(default=False, help_text="Its release is used up.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["guarded", "listing"], name="guarded_quantity_once")]

    def __str__(self) -> str:
        return f"{self.sku}: {self.before} → {self.after}"


class Publication(Transmission):
    """One intent to show one quantity for one listing.

    One that was not accepted yet is brought up to date, never queued behind; so is a parked one when it is tried again.
    """

    KEPT_FOR = timedelta(days=30)  # once it is done with
    connection_path = "listing__route__marketplace"

    listing = models.ForeignKey(Listing, models.CASCADE, related_name="publications")
    sku = models.CharField(max_length=120, verbose_name="SKU")
    quantity = models.PositiveIntegerField()
    observed_at = models.DateTimeField()
    explanation = models.JSONField(default=dict)
    times_parked = models.PositiveIntegerField(default=0, help_text="The pause before it is tried again grows with it.")

    class Meta:
        ordering = ["-created_at", "-pk"]
        permissions = [("resend_publication", "Can send again quantities that were refused or given up")]
        constraints = [
            models.UniqueConstraint(
                fields=["listing"],
                condition=Q(status__in=["pending", "in_flight", "unconfirmed"]),
                name="one_open_publication_per_listing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.sku} = {self.quantity} at {wording.moment(self.created_at)}"
