"""Texts as the search compares them: the same in both databases and here, so that an index finds their beginnings."""

from __future__ import annotations

import string
from typing import Any

from django.db.models import CharField, Func

IGNORED = " -().+"
_FOLDING = str.maketrans(string.ascii_uppercase, string.ascii_lowercase, IGNORED)


def fold(text: str) -> str:
    """Without capitals of ASCII, and without what people leave out or put in as they please."""
    return text.translate(_FOLDING)


def _without_ignored(inner: str) -> str:
    for sign in IGNORED:
        inner = f"REPLACE({inner}, '{sign}', '')"
    return inner


class Folded(Func):
    """`fold` in the database. Compared byte by byte, as SQLite does by itself and PostgreSQL under the collation C."""

    arity = 1
    output_field = CharField()
    template = _without_ignored("LOWER(%(expressions)s)")
    postgresql = _without_ignored('LOWER((%(expressions)s) COLLATE "C")')

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.postgresql, **extra)


class FoldedSurname(Folded):
    """The same of what stands after a name's first blank, or of all of it."""

    template = _without_ignored("LOWER(SUBSTR(%(expressions)s, INSTR(%(expressions)s, ' ') + 1))")
    postgresql = _without_ignored("LOWER(SUBSTR(%(expressions)s, STRPOS(%(expressions)s, ' ') + 1) COLLATE \"C\")")
