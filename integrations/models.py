"""What every job needs to know of the systems we are connected with, and what it leaves behind."""

from __future__ import annotations

from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from integrations import registry, wording
from integrations.authenticator import AuthenticatorApp, RecoveryCodes  # noqa: F401 (Django looks for models here)
from integrations.clusters import Cluster  # noqa: F401 (Django looks for models here)
from integrations.crypto import decrypt, encrypt
from integrations.hours import Hours, wrong_hours
from integrations.oauth_grant import OAuthGrant  # noqa: F401 (Django looks for models here)
from integrations.route_texts import FILE_COLUMNS, check_columns, check_reasons, wrong_together
from integrations.shared_state import Outage, RateWindow  # noqa: F401 (Django looks for models here)
from integrations.warehouse_facts import AccountCurrencies, CompanyRequest  # noqa: F401

DEFAULT_FIRST_LOOK = timedelta(days=3)


def default_earliest_order_date() -> date:
    return timezone.localdate() - DEFAULT_FIRST_LOOK


class Connection(models.Model):
    """One account at one system."""

    class Health(models.TextChoices):
        UNTESTED = "untested", "Untested"  # nobody has tried it yet
        WORKING = "working", "Working"  # the last call came back well
        TROUBLED = "troubled", "In trouble"  # the last run failed; it is tried again by itself
        STOPPED = "stopped", "Stopped"  # credentials refused: nothing is tried until a test succeeds

    name = models.CharField(max_length=60, unique=True)
    provider = models.CharField(max_length=40, choices=registry.choices)
    base_url = models.CharField(
        max_length=200, blank=True, verbose_name="base URL",
        help_text="Empty: the system's own address. Others need ALLOW_CUSTOM_ENDPOINTS.",
    )  # fmt: skip
    username = models.CharField("user name", max_length=200, blank=True)
    encrypted_secret = models.TextField(blank=True, editable=False)
    options = models.JSONField(
        default=dict, blank=True, help_text="Only what differs from the provider's defaults, as JSON."
    )
    is_active = models.BooleanField("switched on", default=True, help_text="Off: no job of this connection runs.")
    overlap_minutes = models.PositiveIntegerField(
        default=15, validators=[MaxValueValidator(24 * 60)],
        help_text="Each pull reads this much again, so that nothing slips between two windows.",
    )  # fmt: skip
    recent_slice_minutes = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(5), MaxValueValidator(24 * 60)],
        help_text="Length of one request's window in the last day.",
    )  # fmt: skip
    older_slice_hours = models.PositiveIntegerField(
        default=24, validators=[MinValueValidator(1), MaxValueValidator(7 * 24)],
        help_text="Length of one request's window before that.",
    )  # fmt: skip
    health = models.CharField(max_length=10, choices=Health, default=Health.UNTESTED, editable=False)
    health_message = models.TextField(blank=True, editable=False)
    health_at = models.DateTimeField(null=True, editable=False)
    codes_seeded_at = models.DateTimeField(null=True, editable=False)
    dark_until = models.DateTimeField(null=True, editable=False)  # what was done before may be unknown: see darkness
    credential_expires_on = models.DateField(
        "credential expires on", null=True, blank=True,
        help_text="The day on which the password or token ends, if it does: an alert says so 14, 3 and 1 days before.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        permissions = [
            ("change_credentials", "Can enter what a connection signs in with, and authorize it"),
            ("run_job", "Can test connections and run their jobs now"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        return registry.kind_of(self.provider)

    @property
    def is_marketplace(self) -> bool:
        return self.kind == registry.MARKETPLACE

    @property
    def is_stopped(self) -> bool:
        return self.health == self.Health.STOPPED

    @property
    def decrypted_secret(self) -> str:
        return decrypt(self.encrypted_secret) if self.encrypted_secret else ""

    def set_secret(self, secret: str) -> None:
        """Encrypt a password or token; nothing is tried with the old one any more."""
        self.encrypted_secret = encrypt(secret)
        self.health, self.health_message = self.Health.UNTESTED, ""

    def note_health(self, health: str, message: str = "") -> None:
        """Write only the health, and only here: forms never carry it."""
        self.health, self.health_message, self.health_at = health, message[:2000], timezone.now()
        self.save(update_fields=["health", "health_message", "health_at"])


class Route(models.Model):
    """Orders of this marketplace for this warehouse name go to that warehouse and location, under these rules."""

    class State(models.TextChoices):
        PAUSED = "paused", "Paused"  # no order is stored or sent; what was sent is followed and confirmed
        TEST = "test", "Test"  # sent marked, as drafts; confirmed and published only to a sandbox
        LIVE = "live", "Live"

    class OrderStatus(models.TextChoices):
        DRAFT = "draft", "Draft"  # commits no stock
        ACTIVE = "active", "Active"  # commits stock
        FINALIZED = "finalized", "Finalized"  # commits stock and may be shipped at once

    class Characters(models.TextChoices):
        ANY = "any", "Any printable character"
        CODE = "code", "Letters, digits and hyphen"
        ALPHANUMERIC = "alphanumeric", "Letters and digits"
        DIGITS = "digits", "Digits"

    class Partial(models.TextChoices):
        AT_ONCE = "at_once", "Confirm each parcel at once"
        WHEN_COMPLETE = "when_complete", "Wait until the whole order has shipped"

    class Unmapped(models.TextChoices):
        PASS = "pass", "Pass the code through"
        REFUSE = "refuse", "Hold the order"

    class ChangesBefore(models.TextChoices):
        APPLY = "apply", "Take them over"
        ASK = "ask", "Hold the order and ask"

    class CancelsAfter(models.TextChoices):
        DO = "do", "Cancel it in the warehouse too"
        ASK = "ask", "Ask a person"
        NEVER = "never", "Never; only say so"

    class PublishBy(models.TextChoices):
        API = "api", "By the marketplace's API"
        FILE = "file", "By a file that a person uploads"

    class PublishedSku(models.TextChoices):
        OPTION = "option", "Option SKU where known"
        PARTNER = "partner", "Partner SKU"

    name = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.PAUSED)
    marketplace = models.ForeignKey(Connection, models.PROTECT, related_name="routes")
    marketplace_warehouse_name = models.CharField(
        max_length=120, help_text="Exactly as on the marketplace, capitals and blanks included."
    )
    warehouse = models.ForeignKey(Connection, models.PROTECT, related_name="warehouse_routes")
    location_name = models.CharField(max_length=120, help_text="The warehouse's location that ships and counts.")
    counted_locations = models.TextField(
        "more locations that count", blank=True,
        help_text="Their stock is added to what the marketplace is told; one name per line. Orders ship from the one "
        "above all the same. Empty: only that one counts.",
    )  # fmt: skip
    company_name = models.CharField(max_length=120, default="Overstock.com", help_text="The customer on each order.")
    location_id = models.CharField(max_length=40, blank=True, editable=False)
    counted_location_ids = models.JSONField(default=dict, blank=True, editable=False, help_text="By name.")
    company_id = models.CharField(max_length=40, blank=True, editable=False)

    earliest_order_date = models.DateField(
        default=default_earliest_order_date, help_text="Orders placed before this day are skipped."
    )
    read_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Everything created before this is stored."
    )
    order_status = models.CharField(max_length=10, choices=OrderStatus, default=OrderStatus.ACTIVE)
    tag = models.CharField(max_length=40, blank=True, default="Overstock", help_text="Put on each order.")
    reference_length = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(10), MaxValueValidator(60)]
    )
    reference_characters = models.CharField(max_length=12, choices=Characters, default=Characters.ANY)
    allow_identity = models.BooleanField(
        "same SKU without an alias",
        default=True,
        help_text="A SKU without an alias may be the warehouse's SKU of the same spelling.",
    )
    unmapped_shipping = models.CharField(max_length=6, choices=Unmapped, default=Unmapped.PASS)
    partial_shipments = models.CharField(max_length=14, choices=Partial, default=Partial.AT_ONCE)

    ship_within_days = models.PositiveSmallIntegerField(
        "ship within", default=2, validators=[MaxValueValidator(60)],
        help_text="Business days after the day of the order; the last of them is its ship date. 0: the same day.",
    )  # fmt: skip
    changes_before_sending = models.CharField(
        "changes before sending", max_length=5, choices=ChangesBefore, default=ChangesBefore.APPLY,
        help_text="When the marketplace changes address, service, quantities or SKUs of an order that was not sent.",
    )  # fmt: skip
    cancels_after_sending = models.CharField(
        "cancellations after sending", max_length=5, choices=CancelsAfter, default=CancelsAfter.DO,
        help_text="When the marketplace cancels an order or a line that the warehouse has and did not ship yet.",
    )  # fmt: skip
    short_ship_reasons = models.TextField(
        "short ship reasons", blank=True, validators=[check_reasons],
        help_text="The codes that the marketplace takes when a line will not ship, one per line: the code, a blank, "
        "what it means. Overstock's list is behind its supplier login.",
    )  # fmt: skip
    publish_catalogue = models.BooleanField(
        "publish every warehouse SKU", default=False,
        help_text="Each active item that the warehouse sells, whose SKU it has once and no alias names, is a listing. "
        "Switched off again, so are listings that only this made: what the marketplace shows of them stays as it is.",
    )  # fmt: skip
    published_sku = models.CharField("published SKU", max_length=8, choices=PublishedSku, default=PublishedSku.OPTION)
    reserve = models.PositiveIntegerField(default=0, help_text="Units kept back from every listing.")
    minimum_level = models.PositiveIntegerField(default=0, help_text="Below this the marketplace is told 0.")
    max_online = models.PositiveIntegerField("cap", null=True, blank=True, help_text="Never show more than this.")
    untracked_quantity = models.PositiveIntegerField(
        null=True, blank=True, help_text="Shown for items whose stock the warehouse does not track; empty: not shown."
    )
    full_publish_hours = Hours(
        "all quantities every", default=24, help_text="In hours: every quantity is sent again this often."
    )
    publish_by = models.CharField(
        "quantities are published", max_length=4, choices=PublishBy, default=PublishBy.API,
        help_text="By file: nothing is sent; download the inventory file, upload it on the marketplace, and say so.",
    )  # fmt: skip
    inventory_file_hours = Hours(
        "inventory file every", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="In hours. Empty: a file is made only when somebody asks for it.",
    )  # fmt: skip
    inventory_file_columns = models.CharField(
        "columns of the inventory file", max_length=300, blank=True, validators=[check_columns],
        help_text="Five names, separated by commas, for supplier SKU, option SKU, UPC, warehouse and quantity. Empty: "
        "these names.",
    )  # fmt: skip
    guard_share = models.PositiveSmallIntegerField(
        "guard: per cent", default=30, validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="A publish that would change more than this share of the quantities that are shown, or set more than "
        "this share of those in stock to 0, waits for a person.",
    )  # fmt: skip
    guard_listings = models.PositiveIntegerField(
        "guard: listings", default=20, validators=[MinValueValidator(1)],
        help_text="Fewer listings than this are never so many, whatever their share.",
    )  # fmt: skip
    stale_after_hours = Hours(
        "stock is stale after", default=6, validators=[MinValueValidator(1)],
        help_text="In hours. When the last complete reading of the stock is older, changes wait for a person, except "
        "what our own orders lower.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords(excluded_fields=["location_id", "counted_location_ids", "company_id", "read_until"])

    class Meta:
        ordering = ["name"]
        permissions = [("go_live", "Can set a route live")]
        constraints = [
            models.UniqueConstraint(
                fields=["marketplace", "marketplace_warehouse_name"], name="one_route_per_warehouse_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        errors = {**wrong_hours(self), **wrong_together(self)}
        if errors:
            raise ValidationError(errors)

    @property
    def is_test(self) -> bool:
        return self.state == self.State.TEST

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The names of the inventory file's columns, in the order of FILE_COLUMNS."""
        own = tuple(name.strip() for name in self.inventory_file_columns.split(","))
        return own if self.inventory_file_columns else FILE_COLUMNS

    @property
    def counted_names(self) -> list[str]:
        """The locations whose stock counts beside that of the one that ships."""
        names = (line.strip() for line in self.counted_locations.splitlines())
        return [name for name in dict.fromkeys(names) if name and name != self.location_name.strip()]

    @property
    def uncounted_names(self) -> list[str]:
        """Those of them that the warehouse had not, or not as one, when it was asked last."""
        return [name for name in self.counted_names if self.counted_location_ids.get(name) == ""]

    @property
    def places(self) -> dict[str, str]:
        """Names by id of the locations whose stock counts, as far as they are known; first the one that ships."""
        if not self.location_id:
            return {}
        known = {name: self.counted_location_ids.get(name) for name in self.counted_names}
        return {self.location_id: self.location_name, **{found: name for name, found in known.items() if found}}

    @property
    def short_ship_codes(self) -> list[tuple[str, str]]:
        """(code, what it means) of each reason."""
        rows = [line.split(maxsplit=1) for line in self.short_ship_reasons.splitlines() if line.strip()]
        return [(code, "".join(words).strip() or code) for code, *words in rows]


class JobPlan(models.Model):
    """How often a job runs for a connection, and when next. The dispatcher moves `next_run_at` on.

    `queued_at`: a task of it waits for a worker. `expected_since`: nothing has kept it from running since then.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="plans")
    job = models.CharField(max_length=40)
    every_minutes = models.PositiveIntegerField(
        "every … minutes", validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * 60)]
    )
    is_enabled = models.BooleanField("switched on", default=True)
    next_run_at = models.DateTimeField(default=timezone.now, editable=False)
    queued_at = models.DateTimeField(null=True, editable=False)
    expected_since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["connection", "pk"]
        constraints = [models.UniqueConstraint(fields=["connection", "job"], name="one_plan_per_job")]

    def __str__(self) -> str:
        return f"{wording.job_name(self.job)} of {self.connection}"


class SyncRun(models.Model):
    """One execution of one job for one connection. Opened and closed by `integrations.runs` only."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        PARTIAL = "partial", "Partly done"  # some records failed or were left for later
        FAILED = "failed", "Failed"
        INTERRUPTED = "interrupted", "Interrupted"  # its process died

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="runs")
    job = models.CharField(max_length=40)
    status = models.CharField(max_length=12, choices=Status, default=Status.RUNNING)
    owner = models.CharField(max_length=200, blank=True, help_text="The process: machine, pid namespace, pid, start.")
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    window_since = models.DateTimeField(null=True)
    window_until = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)
    summary = models.TextField(blank=True)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "run"
        verbose_name_plural = "runs"
        ordering = ["-started_at", "-pk"]
        indexes = [
            models.Index(fields=["connection", "job", "-started_at"], name="run_latest_of_job"),
            models.Index(fields=["-started_at", "-id"], name="run_by_start"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "job"], condition=Q(status="running"), name="one_running_run_per_job"
            )
        ]

    def __str__(self) -> str:
        return f"{wording.job_name(self.job)} of {self.connection} at {wording.moment(self.started_at)}"


class Exchange(models.Model):
    """A request to another system and its answer, without secrets, for staff to read."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="exchanges")
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="exchanges")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    about = models.CharField(max_length=40, blank=True, help_text="Made for one record, such as `order 17`; or empty.")
    method = models.CharField(max_length=8)
    url = models.TextField()
    request_body = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    response_body = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField()
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "request and answer"
        verbose_name_plural = "requests and answers"
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["status", "-at"], name="exchange_by_answer"),
                   models.Index(fields=["about", "at"], name="exchange_about", condition=~Q(about=""))]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.method} {wording.address(self.url)[:80]} → {self.status or 'no answer'}"
