"""What of a route's listings the warehouse's catalogue made, and how far that has been read."""

from __future__ import annotations

from django.db import models

from integrations.models import Connection


class Origin(models.TextChoices):
    """Where a listing comes from."""

    TAUGHT = "", "An alias, an order or a person"
    CATALOGUE = "catalogue", "Only the warehouse's catalogue"
    LEFT = "left", "The catalogue, switched off with it"  # not by a person: it is switched on again as it was


class CatalogueReading(models.Model):
    """A warehouse's last reading of its whole catalogue, or the one under way: `next_page` is read next."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="catalogue_reading")
    began_at = models.DateTimeField()
    next_page = models.PositiveIntegerField(default=1)
    ended_at = models.DateTimeField(null=True, help_text="Empty: it is under way.")

    def __str__(self) -> str:
        return f"catalogue of {self.connection}"
