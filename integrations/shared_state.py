"""What all worker processes know together of a connection: what is left of its calls, and whether it answers at all."""

from __future__ import annotations

from django.db import models


class RateWindow(models.Model):
    """What is left of an account's calls, shared by all worker processes. One row per connection."""

    connection = models.OneToOneField("integrations.Connection", models.CASCADE, related_name="rate_window")
    limit = models.PositiveIntegerField()
    remaining = models.IntegerField()
    resets_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.remaining} of {self.limit} calls until {self.resets_at:%H:%M:%S}"


class Outage(models.Model):
    """The failures in a row of a connection since its last clear answer. No row, or none: it answers.

    Calls are paused while `paused_until` lies ahead. `prober` is the process that tries once, and then that is its
    lease. `asked_until` is the last Retry-After that it sent; nobody who asks for it cuts that short.
    """

    connection = models.OneToOneField("integrations.Connection", models.CASCADE, related_name="outage")
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    asked_until = models.DateTimeField(null=True)
    prober = models.CharField(max_length=200, blank=True)
    last_error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.failures} failures in a row"
