"""What the marketplace shows against what it was told, where it can be read: one report per reading."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations import wording
from integrations.models import Connection, SyncRun


class InventoryCheck(models.Model):
    """One reading of a marketplace's quantities. `compared` None: they could not be read, `note` says why."""

    KEPT_FOR = timedelta(days=30)

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="inventory_checks", verbose_name="marketplace"
    )
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", help_text="None: the schedule."
    )
    read_at = models.DateTimeField(null=True, help_text="When it was asked; what was published since is left out.")
    finished_at = models.DateTimeField(null=True)
    compared = models.PositiveIntegerField(null=True, help_text="How many listings.")
    counts = models.JSONField(default=dict, help_text="Drifted listings by cause.")
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.connection} at {wording.moment(self.finished_at or self.asked_at)}"

    @property
    def drifted(self) -> int:
        return sum(self.counts.values())


class DriftedListing(models.Model):
    """A listing that shows another quantity than it should. `shown` None: the marketplace has no such SKU."""

    class Cause(models.TextChoices):
        NEVER_SENT = "never_sent", "Never sent"
        REFUSED = "refused", "Refused"
        CHANGED_THERE = "changed_there", "Changed over there"
        OUT_OF_ORDER = "out_of_order", "Sent out of order"

    inventory_check = models.ForeignKey(InventoryCheck, models.CASCADE, related_name="drifts")
    listing = models.ForeignKey("inventory.Listing", models.CASCADE, related_name="drifts")
    sku = models.CharField(max_length=120, verbose_name="SKU")
    cause = models.CharField(max_length=13, choices=Cause)
    wanted = models.PositiveIntegerField(null=True, help_text="What it was last told, or refused. None: nothing.")
    shown = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = "drifted listing"
        constraints = [models.UniqueConstraint(fields=["inventory_check", "listing"], name="drift_once_per_check")]

    def __str__(self) -> str:
        return f"{self.sku}: {self.wanted} told, {self.shown} shown"
