"""Spans of time that a person sets in hours, which are counted back from now."""

from __future__ import annotations

from typing import Any

from django.db import models

MOST_HOURS = 365 * 24


class Hours(models.PositiveIntegerField):  # type: ignore[type-arg]
    """Read as 1 to MOST_HOURS, whatever is stored: an earlier release took hours that no calendar has."""

    def deconstruct(self) -> Any:
        """A migration knows it as the column that it is."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.PositiveIntegerField", args, kwargs

    def from_db_value(self, value: int | None, *_context: Any) -> int | None:
        return None if value is None else min(max(value, 1), MOST_HOURS)
