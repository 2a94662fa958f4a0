"""Many publications written at once: an instance and a look at every field for each would take most of a run's time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection as database

from inventory.decisions import Decision
from inventory.models import Publication

WRITTEN_AT_ONCE = 500  # a statement takes only so many values
OWN = ("listing_id", "sku", "quantity", "observed_at", "explanation")
# PostgreSQL's values one by one take three times as long as whole columns.
FROM_ARRAYS = "unnest(%s::bigint[], %s::text[], %s::int[], %s::timestamptz[], %s::text[]) AS new(a, b, c, d, e)"


def write(decisions: Sequence[Decision]) -> list[int]:
    """One pending publication for each; their ids."""
    return [
        pk
        for start in range(0, len(decisions), WRITTEN_AT_ONCE)
        for pk in _insert(decisions[start : start + WRITTEN_AT_ONCE])
    ]


def _insert(decisions: Sequence[Decision]) -> list[int]:
    """Whatever is not a decision's own is as a new publication has it."""
    blank, quote = Publication(), database.ops.quote_name
    columns = {one.attname: one for one in Publication._meta.concrete_fields if not one.primary_key}
    usual = {name: one for name, one in columns.items() if name not in OWN}
    same = [one.get_db_prep_save(getattr(blank, name), database) for name, one in usual.items()]
    names = ", ".join(quote(columns[name].column or "") for name in (*usual, *OWN))
    source, values = _source(len(same), same, [_own(one) for one in decisions])
    with database.cursor() as cursor:
        into = f"INSERT INTO {quote(Publication._meta.db_table)} ({names})"
        cursor.execute(f"{into} {source} RETURNING {quote('id')}", values)
        return [pk for (pk,) in cursor.fetchall()]


def _own(one: Decision) -> tuple[Any, ...]:
    """In the order of OWN."""
    seen = database.ops.adapt_datetimefield_value(one.observed_at)
    return one.listing.pk, one.sku, one.quantity or 0, seen, json.dumps(one.explanation)


def _source(width: int, same: list[Any], rows: Sequence[tuple[Any, ...]]) -> tuple[str, list[Any]]:
    """What comes after INSERT INTO, and its values: so many usual ones, then a row's own."""
    if database.vendor == "postgresql":
        usual = ", ".join(["%s"] * width)
        return f"SELECT {usual}, a, b, c, d, e::jsonb FROM {FROM_ARRAYS}", [  # noqa: S608
            *same, *(list(column) for column in zip(*rows, strict=True))
        ]  # fmt: skip
    place = f"({', '.join(['%s'] * (width + len(OWN)))})"
    return f"VALUES {', '.join([place] * len(rows))}", [value for row in rows for value in (*same, *row)]
