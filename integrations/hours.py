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


def wrong_hours(record: models.Model) -> dict[str, str]:
    """What is wrong, by name. They are counted back from now: 0 is always, and very many are no time at all."""
    given = {one.name: getattr(record, one.name) for one in record._meta.fields if isinstance(one, Hours)}
    wrong = [name for name, hours in given.items() if hours is not None and not 1 <= hours <= MOST_HOURS]
    return dict.fromkeys(wrong, f"From 1 to {MOST_HOURS} hours, which is a year.")
