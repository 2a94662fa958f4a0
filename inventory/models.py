"""Identity and quantity of goods: what a marketplace SKU is in the warehouse, and what we told the marketplace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from integrations import wording
from integrations.models import Connection, Route
from integrations.transmissions import Transmission
from inventory.bundled import BundleComponent, BundleReading  # noqa: F401 (Django looks for models here)
from inventory.catalogued import CatalogueReading, Origin  # noqa: F401
from inventory.checked import DriftedListing, InventoryCheck  # noqa: F401
from inventory.decided import RouteDecision  # noqa: F401
from inventory.filed import InventoryFile
from inventory.likeness import TITLE_CHARS, plain, plain_title
from inventory.rules import InventoryRule  # noqa: F401

# A folded text may be three times as long.
PLAIN_CHARS = 360


class Folded(models.CharField):  # type: ignore[type-arg]
    """Another column's text as it is found by, written whenever a row is; the same on every database.

    They fold letters beyond ASCII each in its own way, SQLite not at all.
    """

    def __init__(self, of: str = "", by: Callable[[str], str] = plain, **kwargs: Any) -> None:
        super().__init__(**{"editable": False, "default": "", **kwargs})
        self._of, self._by = of, by

    def deconstruct(self) -> Any:
        """A migration knows it as the column that it is."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        folded = self._by(getattr(model_instance, self._of))
        setattr(model_instance, self.attname, folded)
        return folded


class SkuAlias(models.Model):
    """What a marketplace SKU is called in the warehouse, and how many units of it; several rows are a kit."""

    HISTORY_KEPT_FOR = timedelta(days=365)  # after the next state

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="aliases", verbose_name="marketplace")
    marketplace_sku = models.CharField(
        max_length=120, verbose_name="marketplace SKU", help_text="Option SKU or partner SKU, exactly."
    )
    warehouse_sku = models.CharField(max_length=120, verbose_name="warehouse SKU")
    units = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    is_active = models.BooleanField("switched on", default=True)
    note = models.CharField(max_length=200, blank=True)
    plain_sku = Folded("marketplace_sku", max_length=PLAIN_CHARS)
    changed_at = models.DateTimeField(auto_now=True)
    history = HistoricalRecords(
        excluded_fields=["plain_sku", "changed_at"], no_db_index=["connection"]
    )  # of whole files: alias_plan

    class Meta:
        verbose_name = "SKU alias"
        verbose_name_plural = "SKU aliases"
        ordering = ["connection", "marketplace_sku", "warehouse_sku"]
        indexes = [
            models.Index(fields=["connection", "plain_sku"], name="alias_by_plain_sku"),  # near spellings
            models.Index(fields=["connection", "changed_at"], name="alias_by_change"),  # what to decide anew
            models.Index(fields=["connection", "warehouse_sku"], name="alias_by_warehouse_sku"),  # whose stock changed
        ]
        constraints = [
            models.UniqueConstraint(fields=["connection", "marketplace_sku", "warehouse_sku"], name="alias_once"),
            models.CheckConstraint(condition=Q(units__gte=1), name="alias_has_units"),
            models.CheckConstraint(
                condition=~Q(marketplace_sku="") & ~Q(warehouse_sku=""), name="alias_names_both_sides"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.marketplace_sku} → {self.units} × {self.warehouse_sku}"

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """With some fields only, those that go by them are written too: what it makes is decided anew by its time."""
        if update_fields is not None:
            with_it = ["changed_at", "plain_sku"] if "marketplace_sku" in update_fields else ["changed_at"]
            update_fields = {*update_fields, *with_it}
        super().save(*args, update_fields=update_fields, **kwargs)

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
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    user_name = models.CharField(max_length=150, blank=True, help_text="Also of one who is gone. Empty: none.")
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
    undone_by_name = models.CharField(max_length=150, blank=True)

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

    @property
    def by(self) -> str:
        """Who uploaded or confirmed it."""
        return self.user_name or "the command line"


class WarehouseItem(models.Model):
    """What the warehouse answered when last asked for a SKU: one item, none, or several (never guessed between)."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="items")
    sku = models.CharField(max_length=120, verbose_name="SKU")
    matches = models.PositiveIntegerField(help_text="How many active items carry exactly this SKU.")
    remote_id = models.CharField(max_length=40, blank=True, help_text="The item's id, when exactly one matches.")
    title = models.CharField(max_length=300, blank=True)
    upc = models.CharField(max_length=40, blank=True, verbose_name="UPC")
    plain_sku = Folded("sku", max_length=PLAIN_CHARS)
    plain_title = Folded("title", plain_title, max_length=TITLE_CHARS)
    sellable = models.BooleanField(default=True)
    stock_managed = models.BooleanField(default=True)
    keep_selling = models.BooleanField(default=False, help_text="The warehouse lets it be sold at or below zero.")
    max_online = models.IntegerField(null=True)
    checked_at = models.DateTimeField()
    changed_at = models.DateTimeField(default=timezone.now, help_text="When the answer was another one than before.")

    class Meta:
        ordering = ["connection", "sku"]
        indexes = [
            models.Index(fields=["connection", "remote_id"], name="item_by_remote_id"),  # stock sweeps
            models.Index(fields=["connection", "plain_sku"], name="item_by_plain_sku"),  # suggestions
            models.Index(fields=["connection", "plain_title"], name="item_by_plain_title"),  # suggestions
            models.Index(fields=["connection", "upc"], name="item_by_upc"),  # suggestions
            models.Index(fields=["connection", "changed_at"], name="item_by_change"),  # what to decide anew
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
    changed_at = models.DateTimeField(default=timezone.now, help_text="When the figures were others than before.")

    class Meta:
        verbose_name = "stock level"
        verbose_name_plural = "stock levels"
        ordering = ["connection", "item_id", "location_id"]
        indexes = [models.Index(fields=["connection", "changed_at"], name="level_by_change")]  # what to decide anew
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
    is_active = models.BooleanField("switched on", default=True, help_text="Off: never published.")
    origin = models.CharField(max_length=9, choices=Origin, blank=True, default=Origin.TAUGHT, editable=False)
    problem = models.TextField(
        blank=True, editable=False, help_text="Why it is not known what this is in the warehouse; it is shown as 0."
    )

    not_published = models.TextField(blank=True, editable=False, help_text="Why, where that is so on purpose.")
    not_published_by = models.BigIntegerField(null=True, editable=False, help_text="The rule that says so.")

    published_sku = models.CharField(max_length=120, blank=True, editable=False)
    published_quantity = models.PositiveIntegerField(null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    observed_at = models.DateTimeField(null=True, editable=False)
    explanation = models.JSONField(default=dict, editable=False)
    changed_at = models.DateTimeField(auto_now=True, help_text="When somebody changed what it is; not what it shows.")
    publish_asked_at = models.DateTimeField(
        null=True, editable=False, help_text="When a person last asked that it be published even if nothing changed."
    )

    class Meta:
        ordering = ["route", "marketplace_sku"]
        permissions = [("publish_listing", "Can have a listing published now")]
        indexes = [
            models.Index(fields=["route", "upc"], name="listing_by_upc"),  # suggestions
            models.Index(fields=["route", "option_sku"], name="listing_by_option_sku"),  # who shows the same SKU
            models.Index(fields=["route", "partner_sku"], name="listing_by_partner_sku"),
            models.Index(fields=["route", "published_at"], name="listing_by_publishing"),  # what to show again
            models.Index(fields=["route", "changed_at"], name="listing_by_change"),  # what to decide anew
            models.Index(fields=["route"], condition=~Q(problem=""), name="listing_with_problem"),
            models.Index(fields=["route"], condition=~Q(not_published=""), name="listing_not_published"),
            models.Index(fields=["route"], condition=~Q(origin=""), name="listing_of_catalogue"),
        ]
        constraints = [models.UniqueConstraint(fields=["route", "marketplace_sku"], name="listing_once_per_route")]

    def __str__(self) -> str:
        return self.marketplace_sku


class StockSweep(models.Model):
    """A reading of all stock that the call limit broke off: the page that comes next. None: start at the first."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="sweep")
    next_page = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    items = models.PositiveIntegerField(default=0, help_text="How many items that we know its pages had so far.")
    options = models.JSONField(default=dict, help_text="Those of the connection: pages of another size are others.")

    def __str__(self) -> str:
        return f"{self.connection} from page {self.next_page}"


class StockReading(models.Model):
    """A warehouse's last complete reading of all stock, and what a later one lacked, if it was not complete."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="stock_reading")
    began_at = models.DateTimeField(null=True, help_text="No figure of it is older.")
    ended_at = models.DateTimeField(null=True)
    items = models.PositiveIntegerField(default=0, help_text="How many of the items that we know it covered.")
    calls = models.PositiveIntegerField(default=0, help_text="How many requests it took.")
    partial_at = models.DateTimeField(null=True)
    partial_reason = models.TextField(blank=True)
    items_read_until = models.DateTimeField(null=True, help_text="What changed of items before is known.")

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
    answered_nothing = models.BooleanField(
        default=False, help_text="The last answer was empty: it is sent once more, and then such an answer is believed."
    )
    file = models.ForeignKey(
        InventoryFile, models.SET_NULL, null=True, related_name="publications",
        help_text="The file that it was uploaded with by hand; none: it was sent.",
    )  # fmt: skip

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["listing"], condition=Q(status="parked"), name="publication_parked"),
            models.Index(fields=["listing", "-finished_at"], name="publication_of_listing"),
            models.Index(fields=["-created_at", "-id"], name="publication_by_newest"),  # as the list shows them
        ]
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
