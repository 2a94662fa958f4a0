"""Tables of what one person does to many records at once: previewed, confirmed, and done one by one."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class BulkAction(models.Model):
    """One action on many records. `action` names what is done, as `orders.bulk` knows it."""

    class State(models.TextChoices):
        PREVIEWED = "previewed", "Waits for your yes"
        CONFIRMED = "confirmed", "Being done"
        DONE = "done", "Done"

    action = models.CharField(max_length=30)
    state = models.CharField(max_length=10, choices=State, default=State.PREVIEWED)
    reason = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True, help_text="When a process was last at it.")

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="bulk_action_at_work")]

    def __str__(self) -> str:
        return f"{self.action.replace('_', ' ').capitalize()} of {self.created_at:%Y-%m-%d %H:%M:%S} UTC"


class BulkItem(models.Model):
    """One record of it: what was foreseen, and what came of it. Its state moves on in the action's own transaction."""

    class State(models.TextChoices):
        WAITING = "waiting", "Will be done"
        LEFT_OUT = "left_out", "Will not"
        DONE = "done", "Done"
        REFUSED = "refused", "Not done"

    bulk = models.ForeignKey(BulkAction, models.CASCADE, related_name="items")
    record_id = models.BigIntegerField()
    name = models.CharField(max_length=200, help_text="The record as it was called then.")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    text = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["bulk", "pk"]
        constraints = [models.UniqueConstraint(fields=["bulk", "record_id"], name="bulk_item_once")]
        indexes = [models.Index(fields=["bulk", "state"], name="bulk_item_of_state")]

    def __str__(self) -> str:
        return self.name
