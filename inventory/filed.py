"""A route's quantities as one file, to be uploaded by hand."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations import wording
from integrations.models import Route, SyncRun


class InventoryFile(models.Model):
    """What every listing of a route must show, decided and guarded as a publish is, until it was uploaded or is old.

    `content` are the lines, compressed; each download writes them as CSV or XLSX.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Being made"
        MADE = "made", "To be uploaded"
        NOTING = "noting", "Uploaded, being noted"  # a person says so; a worker notes what it published
        UPLOADED = "uploaded", "Uploaded"  # its quantities count as published
        FAILED = "failed", "Failed"

    KEPT_FOR = timedelta(days=30)

    route = models.ForeignKey(Route, models.CASCADE, related_name="inventory_files")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING, db_index=True)
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+",
        help_text="None: the schedule, or the command line.",
    )  # fmt: skip
    made_at = models.DateTimeField(null=True)
    listings = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0, help_text="How many differ from what was published.")
    held = models.PositiveIntegerField(
        default=0, help_text="How many the guard held back: the file repeats what they show."
    )
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the rows.")
    content = models.BinaryField(null=True)
    reasons = models.BinaryField(null=True, help_text="Compressed: why the changed quantities are what they are.")
    error = models.TextField(blank=True)
    uploaded_at = models.DateTimeField(null=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["route"], condition=models.Q(state="waiting"), name="one_waiting_file_per_route"
            )
        ]

    def __str__(self) -> str:
        return f"inventory of {self.route} at {wording.moment(self.made_at or self.asked_at)}"
