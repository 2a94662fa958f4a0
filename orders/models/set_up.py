"""What staff ask for around a route: a look before anything is stored, periods or orders to be loaded, code maps."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.models import Connection, Route
from orders import periods


class RouteLook(models.Model):
    """What the last preview of a route showed; its set-up checklist goes by it until orders have come in.

    `subject` is what the route named then: a look at other names says nothing of these.
    """

    route = models.OneToOneField(Route, models.CASCADE, related_name="look")
    subject = models.CharField(max_length=700)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    steps = models.JSONField(default=list, help_text="What was asked of the warehouse: [[tried, answered, ok]].")
    warehouse_names = models.JSONField(default=dict, help_text="Orders by the warehouse name that they carried.")
    skus = models.JSONField(default=list, help_text="SKUs on them: [[partner SKU, option SKU]].")
    shipping_codes = models.JSONField(default=list)
    tested_at = models.DateTimeField(null=True, help_text="When a test order was seen in the warehouse.")

    def __str__(self) -> str:
        return f"look at {self.route}"


class Backfill(models.Model):
    """Orders that a person wants loaded: all of a period, or of these numbers only. Done by the marketplace's pull."""

    route = models.ForeignKey(Route, models.CASCADE, related_name="backfills")
    since = models.DateTimeField()
    until = models.DateTimeField()
    numbers = models.JSONField(default=list, help_text="Order numbers; none: every order of the period.")
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    read_until = models.DateTimeField(null=True, help_text="Everything of it that was created before is loaded.")
    finished_at = models.DateTimeField(null=True)
    result = models.TextField(blank=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        what = f"{len(self.numbers)} orders" if self.numbers else "orders"
        return f"{what} of {self.route}, {periods.named(self.route.marketplace, self.since, self.until)}"


class MapUpload(models.Model):
    """A file of a code map that was previewed, kept until it is confirmed or too old. `map` is its model's name."""

    KEPT_FOR = timedelta(days=1)

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+", verbose_name="marketplace")
    map = models.CharField(max_length=40)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=200)
    content = models.BinaryField()
    anyway = models.BooleanField(default=False, help_text="Codes that are not in the list of known ones are taken too.")
    uploaded_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.file_name} for {self.connection}"
