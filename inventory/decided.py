"""What of a route was decided last, and from what, so that the next run need decide only what changed since."""

from __future__ import annotations

from django.db import models

from integrations.models import Route


class RouteDecision(models.Model):
    """One route's last decision. It is written with what came of it, in one transaction.

    `settings` and `counts` are compared: whatever they do not explain has everything decided anew.
    """

    route = models.OneToOneField(Route, models.CASCADE, related_name="decision")
    decided_until = models.DateTimeField(help_text="What changed before is in it.")
    full_at = models.DateTimeField(help_text="When every listing was decided last.")
    settings = models.CharField(max_length=64, help_text="Fingerprint of the route's own settings.")
    counts = models.JSONField(default=dict, help_text="How many aliases, listings and rules there were.")
    pending = models.JSONField(default=dict, help_text="Units on their way by item, as they were taken off.")

    def __str__(self) -> str:
        return f"quantities of {self.route}"
