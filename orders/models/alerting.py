"""Tables of what people are told: one alert per cause, each message of it, and the rules they go by."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, validate_email
from django.db import models
from django.db.models import Q
from django.utils import timezone

from integrations.crypto import decrypt, encrypt
from integrations.transmissions import Transmission


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"  # something stopped
    WARNING = "warning", "Warning"  # something waits for a person
    INFO = "info", "Info"  # good to know before it hurts


RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


class AlertKind(models.TextChoices):
    """What may be wrong. With a key it names a cause."""

    CONNECTION = "connection", "Connection in trouble"
    CREDENTIAL = "credential", "Credential about to expire"
    WORKERS = "workers", "No worker"
    JOB = "job", "Job overdue or stuck"
    SILENCE = "silence", "No orders"
    SENDING = "sending", "Orders that cannot be sent"
    IN_DOUBT = "in_doubt", "Outcome unknown"
    REFUSED = "refused", "Refused by the other side"
    HELD = "held", "Orders on hold"
    LATE = "late", "Late orders"
    UNREADABLE = "unreadable", "Records that cannot be read"
    RECONCILIATION = "reconciliation", "Exceptions of the reconciliation"
    STOCK = "stock", "Stock not complete or stale"
    GUARDED = "guarded", "Guarded publish"
    DELIVERY = "delivery", "Alerts that cannot be delivered"


class Alert(models.Model):
    """One cause, from when it was found until it was gone. `orders.alerting.watch` writes it.

    `told_*` is what the last message about it said; empty while nobody was told. `messages` numbers those about it.
    """

    kind = models.CharField(max_length=20, choices=AlertKind)
    key = models.CharField(max_length=120, blank=True)
    severity = models.CharField(max_length=8, choices=Severity)
    text = models.TextField("what is wrong")
    path = models.CharField(max_length=300, blank=True, help_text="Where in the admin it is mended.")
    count = models.PositiveIntegerField(default=1)
    oldest = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    told_count = models.PositiveIntegerField(default=0)
    told_severity = models.CharField(max_length=8, choices=Severity, blank=True)
    messages = models.PositiveIntegerField(default=0)
    muted_until = models.DateTimeField(null=True)
    muted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    mute_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = [models.F("closed_at").desc(nulls_first=True), "-opened_at", "-pk"]
        permissions = [("mute_alert", "Can mute alerts")]
        indexes = [
            models.Index(fields=["kind", "key", "-opened_at"], name="alert_latest_of_cause"),
            models.Index(fields=["closed_at"], name="alert_by_end"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], condition=Q(closed_at=None), name="alert_open_once")
        ]

    def __str__(self) -> str:
        return self.text[:100]

    @property
    def is_muted(self) -> bool:
        return self.muted_until is not None and self.muted_until > timezone.now()

    @property
    def state(self) -> str:
        return "closed" if self.closed_at else "muted" if self.is_muted else "open"


class AlertDelivery(Transmission):
    """The intent to tell of something once on one channel. Without an alert it is a digest or a test.

    `number` tells messages of one sort apart: by constraint each is told once. A digest's is its day (YYYYMMDD).
    Subject and text are written when it is about to leave. Where no clear answer comes it is sent again, since a
    channel cannot be asked what it has; a repeated one carries the same identity, by which the receiver may know it.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Web-hook"

    class What(models.TextChoices):
        OPENED = "opened", "Opened"
        REMINDER = "reminder", "Reminder"
        CLOSED = "closed", "Closed"
        DIGEST = "digest", "Digest"
        TEST = "test", "Test"

    FURTHEST = timedelta(hours=25)  # the longest cool-down is a day
    connection_path = ""  # it goes to none of the systems that we are connected with

    alert = models.ForeignKey(Alert, models.CASCADE, null=True, blank=True, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=Channel)
    what = models.CharField(max_length=8, choices=What)
    number = models.PositiveBigIntegerField(default=1)
    target = models.TextField(blank=True, help_text="The recipients, or the web-hook's host.")
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        verbose_name = "alert delivery"
        verbose_name_plural = "alert deliveries"
        ordering = ["-created_at", "-pk"]
        permissions = [("resend_alertdelivery", "Can send alerts again")]
        indexes = [
            models.Index(fields=["created_at"], name="alert_delivery_due",
                         condition=Q(status__in=["pending", "unconfirmed", "in_flight"])),
        ]  # fmt: skip
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel", "what", "number"], name="alert_told_once"),
            models.UniqueConstraint(
                fields=["channel", "what", "number"], condition=Q(alert=None), name="digest_or_test_told_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()} by {self.get_channel_display().lower()}"

    @property
    def identity(self) -> str:
        """The same for every attempt: the e-mail's Message-ID and the web-hook's Idempotency-Key are made of it."""
        return f"crossdock-alert-{self.alert_id or 0}-{self.what}-{self.number}-{self.channel}"


def check_recipients(text: str) -> None:
    """Raises ValidationError for a line that is no e-mail address."""
    for line in text.splitlines():
        try:
            validate_email(line.strip()) if line.strip() else None
        except ValidationError:
            raise ValidationError(f"{line.strip()[:60]!r} is not an e-mail address; one per line.") from None


def check_zone(name: str) -> None:
    """Raises ValidationError for what is not the name of a time zone."""
    if name not in available_timezones():
        raise ValidationError(f"{name[:40]!r} is not a time zone, such as America/Denver or Europe/Berlin.")


class AlertSettings(models.Model):
    """Whom to tell what, and when. One row; what is left empty is the environment's."""

    class Mode(models.TextChoices):
        IMMEDIATE = "immediate", "At once"
        DIGEST = "digest", "In the daily digest"
        NEVER = "never", "Not at all"

    recipients = models.TextField(
        blank=True, validators=[check_recipients],
        help_text="E-mail addresses, one per line. Empty: those of ALERT_RECIPIENTS.",
    )  # fmt: skip
    encrypted_webhook_url = models.TextField(blank=True, editable=False)
    critical = models.CharField(
        max_length=9, choices=Mode, default=Mode.IMMEDIATE, help_text="Something stopped. Passes the quiet hours."
    )
    warning = models.CharField(
        max_length=9, choices=Mode, default=Mode.IMMEDIATE, help_text="Something waits for a person."
    )
    info = models.CharField(
        max_length=9, choices=Mode, default=Mode.DIGEST, help_text="Good to know before it hurts."
    )  # fmt: skip
    untold_kinds = models.JSONField(default=list, editable=False)
    tells_end = models.BooleanField("tell the end", default=True, help_text="A message when a cause is gone, too.")
    time_zone = models.CharField(
        max_length=60, default="UTC", validators=[check_zone], help_text="Of the hours below, such as America/Denver."
    )
    digest_hour = models.PositiveSmallIntegerField(
        default=8, validators=[MaxValueValidator(23)], help_text="The hour of the day, 0 to 23, of the digest."
    )
    quiet_from = models.TimeField(
        null=True, blank=True, help_text="From then on only what is critical is told at once."
    )
    quiet_until = models.TimeField(null=True, blank=True, help_text="What waited and is still there is told then.")
    cool_down_minutes = models.PositiveIntegerField(
        "cool-down", default=30, validators=[MaxValueValidator(24 * 60)],
        help_text="In minutes. A cause that comes back sooner after a message is told again only then.",
    )  # fmt: skip
    reminder_hours = models.PositiveIntegerField(
        "remind after", default=12, validators=[MaxValueValidator(30 * 24)],
        help_text="In hours, again and again while the cause is there. 0: never.",
    )  # fmt: skip
    looked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "alert settings"
        verbose_name_plural = "alert settings"
        permissions = [("test_alerts", "Can send a test alert")]
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="alert_settings_once")]

    def __str__(self) -> str:
        return "Alert settings"

    @classmethod
    def current(cls) -> AlertSettings:
        return cls.objects.get_or_create(pk=1)[0]

    def clean(self) -> None:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValidationError("Quiet hours need both a beginning and an end, or neither.")
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise ValidationError(
                "Quiet hours that end when they begin are none: change one of them, or leave both out."
            )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def cool_down(self) -> timedelta:
        return timedelta(minutes=self.cool_down_minutes)

    @property
    def addresses(self) -> list[str]:
        own = [line.strip() for line in self.recipients.splitlines() if line.strip()]
        return own or list(settings.ALERT_RECIPIENTS)

    @property
    def webhook_url(self) -> str:
        """The address that messages are posted to: a secret. Raises Misconfigured when it cannot be decrypted."""
        own = decrypt(self.encrypted_webhook_url) if self.encrypted_webhook_url else ""
        return own or str(settings.ALERT_WEBHOOK_URL)

    def set_webhook_url(self, url: str) -> None:
        self.encrypted_webhook_url = encrypt(url) if url else ""

    def mode_of(self, kind: str, severity: str) -> str:
        """How an alert of this kind and severity is told."""
        return self.Mode.NEVER.value if kind in self.untold_kinds else str(getattr(self, severity))
