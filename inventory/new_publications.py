"""Many publications written at once: an instance and a look at every field for each would take most of a run's time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.db import models

from inventory.decisions import Decision
from inventory.models import Publication

WRITTEN_AT_ONCE = 500  # a statement takes only so many values
OWN = ("listing_id", "sku", "quantity", "observed_at", "explanation")


def write(decisions: Sequence[Decision]) -> list[int]:
    """One pending publication for each; their ids."""
    return [
        pk
        for start in range(0, len(decisions), WRITTEN_AT_ONCE)
        for pk in _insert(decisions[start : start + WRITTEN_AT_ONCE])
    ]


def _insert(decisions: Sequence[Decision]) -> list[int]:
    """Whatever is not a decision's own is as a new publication has it."""
    blank = Publication()
    fields = [one for one in Publication._meta.concrete_fields if not one.primary_key]
    usual = [_prepared(one, getattr(blank, one.attname)) if one.attname not in OWN else None for one in fields]
    places = [next(place for place, one in enumerate(fields) if one.attname == name) for name in OWN]
    values: list[Any] = []
    for one in decisions:
        row = list(usual)
        own = (one.listing.pk, one.sku, one.quantity or 0, one.observed_at, one.explanation)
        for place, value in zip(places, own, strict=True):
            row[place] = _prepared(fields[place], value)
        values.extend(row)
    quote = database.ops.quote_name
    columns = ", ".join(quote(one.column or "") for one in fields)
    rows = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(decisions))
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Publication._meta.db_table)} ({columns}) VALUES {rows} RETURNING id",  # noqa: S608
            values,
        )
        return [pk for (pk,) in cursor.fetchall()]


def _prepared(field: models.Field[Any, Any], value: object) -> Any:
    return field.get_db_prep_save(value, database)
