"""Alias file → plan: what would be new and what would change, and every problem with its line. Then apply it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection as database
from django.utils import timezone

from integrations.models import Connection
from inventory import aliases, catalogue
from inventory.alias_cells import Readers, readers
from inventory.alias_file import COLUMNS, REQUIRED, AliasFile, shortened
from inventory.likeness import plain
from inventory.models import SkuAlias

FIELDS = ("units", "is_active", "note")
SHORTENED = re.compile(r"\d(\.\d+)?E\+\d+")
UNMEANT_KIT = "it ships together with {}, which the file does not name; where it replaces that, name that, switched off"
LEFT_OFF = "this alias is switched off and stays so; to switch it on, give the file a column is_active with yes"
SOME = 3
STORED_AT_ONCE = 1_000  # SQLite takes 32,766 values in a statement
INSERT = (
    f"INSERT INTO {SkuAlias._meta.db_table} "
    "(connection_id, marketplace_sku, warehouse_sku, units, is_active, note, plain_sku, changed_at)"
)
FROM_ARRAYS = (
    "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::bool[], %s::text[], %s::text[], "
    "%s::timestamptz[])"
)
OVERWRITE = (
    "ON CONFLICT (connection_id, marketplace_sku, warehouse_sku) DO UPDATE SET units = EXCLUDED.units, "
    "is_active = EXCLUDED.is_active, note = EXCLUDED.note, changed_at = EXCLUDED.changed_at"
)
COLUMNS_KEPT = "id, connection_id, marketplace_sku, warehouse_sku, units, is_active, note"
KEEP = (
    f"INSERT INTO {SkuAlias.history.model._meta.db_table} "  # noqa: S608 (no value is in it)
    f"({COLUMNS_KEPT}, history_date, history_type, history_change_reason, history_user_id) "
    f"SELECT {COLUMNS_KEPT}, %s, %s, %s, %s FROM {SkuAlias._meta.db_table} "
)
REMOVE = f"DELETE FROM {SkuAlias._meta.db_table}"  # noqa: S608
UPDATE, REPLACE = "update", "replace"
LONGEST_REASON = 100  # of the history's column

Key = tuple[str, str]  # marketplace SKU, warehouse SKU
Values = tuple[int, bool, str]  # as FIELDS
Beside = dict[str, list[tuple[str, int]]]  # by marketplace SKU, warehouse SKUs and units
DEFAULTS: Values = (1, True, "")


class By(NamedTuple):
    """Who changes aliases and why, for their history."""

    user_id: int | None = None
    reason: str = ""


NOBODY = By()


class Change(NamedTuple):
    """An alias before and after; None where there is none. `line` 0: the file does not name it."""

    line: int
    key: Key
    before: Values | None
    after: Values | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one line of the file, or doubtful. `cells` are the line's own; `columns` those at fault."""

    line: int
    text: str
    cells: Sequence[Any]
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"

    @property
    def shown(self) -> tuple[str, ...]:
        return shortened(self.cells)


@dataclass(slots=True)
class Plan:
    """What a file would do. It can be applied when it has no problems; warnings are for a person to judge.

    `beside` are the active aliases, with their units, that the file leaves alone, by the SKU of a change: its kit.
    """

    connection: Connection
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    beside: Beside = field(default_factory=dict)
    active_before: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        new = sum(change.before is None for change in self.changes)
        off = sum(not change.line for change in self.changes)
        return {
            "new": new, "changed": len(self.changes) - new - off, "unchanged": self.unchanged, "switched_off": off,
            "wrong": len(self.problems), "warnings": len(self.warnings), "active_before": self.active_before,
        }  # fmt: skip

    def fingerprint(self) -> str:
        """The same for the same file and the same components of each SKU that it changes."""
        beside = json.dumps(sorted(self.beside.items())).encode()
        return hashlib.sha256(b"%d%s%s" % (self.unchanged, packed(self.changes), beside)).hexdigest()


def packed(changes: Sequence[Change]) -> bytes:
    """Changes as bytes, which `unpacked` gives back."""
    return json.dumps(changes, ensure_ascii=False, separators=(",", ":")).encode()


def unpacked(content: bytes) -> list[Change]:
    return [
        Change(line, (key[0], key[1]), tuple(before) if before else None, tuple(after) if after else None)
        for line, key, before, after in json.loads(content)
    ]


def plan(file: AliasFile, connection: Connection, mode: str = UPDATE, *, keep: bool = False) -> Plan:
    """Compare the file with the connection's aliases, which are read once. Writes nothing.

    With REPLACE, what the file does not name is switched off. With `keep`, inside a transaction, the aliases stay as
    they are read until it ends.
    """
    known, made, seen = stored(connection, keep=keep), Plan(connection), dict[Key, int]()
    made.active_before = sum(values[1] for values in known.values())
    missing = {place for place, name in enumerate(FIELDS) if name not in file.headers}
    read = readers(sku for key in known for sku in key)
    for line, key, given in _rows(file, read, made.problems, seen):
        before = known.get(key)
        after = _completed(given, missing, before) if missing else (given[0], given[1], given[2])
        if before == after:
            made.unchanged += 1
        else:
            made.changes.append(Change(line, key, before, after))
    if mode == REPLACE and not made.problems:
        made.changes.extend(_switched_off(known, seen))
    left_off = _left_off(known, seen) if "is_active" not in file.headers else []
    if mode != REPLACE:  # which leaves none
        made.beside = _beside(made.changes, known, seen)
    made.warnings = [
        *_shortened_numbers(made.changes), *_unmeant_kits(made), *left_off, *_doubtful_items(made)
    ]  # fmt: skip
    return made


def stored(connection: Connection, *, keep: bool = False) -> dict[Key, Values]:
    """All aliases of a connection; with `keep` nobody changes one until the transaction ends."""
    if keep:
        aliases.lock(connection)
    rows = SkuAlias.objects.filter(connection=connection).order_by("pk")
    rows = rows.select_for_update() if keep else rows
    values = rows.values_list("marketplace_sku", "warehouse_sku", *FIELDS)
    return {(sku, of): (units, is_active, note) for sku, of, units, is_active, note in values.iterator(STORED_AT_ONCE)}


def store(
    connection: Connection,
    changes: Sequence[Change],
    tick: Callable[[int], None] = lambda stored: None,
    by: By = NOBODY,
) -> None:
    """Write what the changes say, and their history; all or none is the caller's transaction. `tick` is told how many
    are written.

    Raises IntegrityError when somebody else has made one of the new aliases meanwhile.
    """
    for start in range(0, len(changes), STORED_AT_ONCE):
        some = changes[start : start + STORED_AT_ONCE]
        _insert(connection, [one for one in some if one.before is None], "", "+", by)
        _insert(connection, [one for one in some if one.before and one.after], OVERWRITE, "~", by)
        _remove(connection, {one.key for one in some if one.after is None}, by)
        tick(start + len(some))


def _insert(connection: Connection, changes: Sequence[Change], on_conflict: str, kind: str, by: By) -> None:
    """One statement for all: an instance for each row, or PostgreSQL's values one by one, take ten times as long."""
    if not changes:
        return
    at = database.ops.adapt_datetimefield_value(timezone.now())
    rows = [(connection.pk, *one.key, *(one.after or DEFAULTS), plain(one.key[0]), at) for one in changes]
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(f"{INSERT} {FROM_ARRAYS} {on_conflict}", columns)
        else:
            places = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * len(rows))
            cursor.execute(f"{INSERT} VALUES {places} {on_conflict}", [value for row in rows for value in row])
        mine = "WHERE connection_id = %s AND changed_at = %s"
        cursor.execute(f"{KEEP} {mine}", [at, kind, by.reason or None, by.user_id, connection.pk, at])


def _remove(connection: Connection, keys: set[Key], by: By) -> None:
    """The history first, in one statement: for each row that Django deletes it would write one by one."""
    if not keys:
        return
    named = SkuAlias.objects.filter(connection=connection, marketplace_sku__in=[sku for sku, _ in keys])
    rows = named.values_list("pk", "marketplace_sku", "warehouse_sku")
    gone = [pk for pk, *key in rows if tuple(key) in keys]
    if not gone:
        return
    at, places = database.ops.adapt_datetimefield_value(timezone.now()), ", ".join(["%s"] * len(gone))
    with database.cursor() as cursor:
        cursor.execute(f"{KEEP} WHERE id IN ({places})", [at, "-", by.reason or None, by.user_id, *gone])
        cursor.execute(f"{REMOVE} WHERE id IN ({places})", gone)


def _rows(
    file: AliasFile, by_column: Readers, problems: list[Problem], seen: dict[Key, int]
) -> Iterator[tuple[int, Key, list[Any]]]:
    """Each good row: its line, its alias, and those of FIELDS that the file has. `seen` are the lines by alias."""
    places = dict(file.columns())
    needed = [(by_column[name], places[name]) for name in COLUMNS if name in places]
    for line, cells in zip(file.lines, file.rows, strict=True):
        try:
            sku, of, *given = [read(cells[place]) for read, place in needed]
        except ValueError:
            problems.append(_wrong(line, cells, places, file, by_column))
            continue
        key = sku, of
        if line in file.too_long:
            problems.append(_wrong(line, cells, places, file, by_column))
        elif key in seen:
            text = f"{sku} → {of} is in line {seen[key]} already"
            problems.append(Problem(line, text, cells, REQUIRED))
        else:
            seen[key] = line
            yield line, key, given


def _wrong(line: int, cells: list[Any], places: dict[str, int], file: AliasFile, by_column: Readers) -> Problem:
    """Everything that is wrong with a row by itself."""
    texts, columns = [], []
    for name, place in places.items():
        try:
            by_column[name](cells[place])
        except ValueError as exc:
            texts.append(f"{name} {exc}")
            columns.append(name)
    if line in file.too_long:
        texts.append("it has more cells than the header; put text with a separator in quotation marks")
    return Problem(line, "; ".join(texts), cells, tuple(columns))


def _completed(given: list[Any], missing: set[int], before: Values | None) -> Values:
    """What a file's column does not say stays as it is."""
    rest = iter(given)
    units, is_active, note = [next(rest) if place not in missing else (before or DEFAULTS)[place] for place in range(3)]
    return int(units), bool(is_active), str(note)


def _switched_off(known: dict[Key, Values], seen: dict[Key, int]) -> list[Change]:
    return [
        Change(0, key, (units, True, note), (units, False, note))
        for key, (units, is_active, note) in known.items()
        if is_active and key not in seen
    ]


def _shortened_numbers(changes: Sequence[Change]) -> list[Problem]:
    """New SKUs that look like what a spreadsheet saves of a long number: the digits are lost, in silence."""
    return [
        Problem(one.line, "a SKU looks like a long number that a spreadsheet has shortened; check the file", one.key)
        for one in changes
        if one.before is None and any(SHORTENED.fullmatch(sku) for sku in one.key)
    ]


def _beside(changes: Sequence[Change], known: dict[Key, Values], seen: dict[Key, int]) -> Beside:
    skus, found = {one.key[0] for one in changes}, Beside()
    for key, (units, is_active, _) in known.items():
        if is_active and key[0] in skus and key not in seen:
            found.setdefault(key[0], []).append((key[1], units))
    return found


def _unmeant_kits(made: Plan) -> list[Problem]:
    """Lines that join an active alias that the file does not name: who wants to put one in its place makes a kit."""
    return [
        Problem(one.line, UNMEANT_KIT.format(_said(made.beside[one.key[0]][:SOME])), one.key)
        for one in made.changes
        if one.after and one.after[1] and not (one.before and one.before[1]) and one.key[0] in made.beside
    ]


def _said(parts: Sequence[tuple[str, int]]) -> str:
    return " + ".join(f"{units} × {shortened([sku])[0]}" for sku, units in parts)


def _left_off(known: dict[Key, Values], seen: dict[Key, int]) -> list[Problem]:
    """Lines of aliases that stay switched off, since the file does not say otherwise: who names one wants it."""
    return [Problem(line, LEFT_OFF, key) for key, line in seen.items() if key in known and not known[key][1]]


def _doubtful_items(made: Plan) -> list[Problem]:
    """Once per warehouse SKU that no warehouse of this marketplace is known to carry: its first line."""
    first: dict[str, Change] = {}
    for change in made.changes:
        if change.after and change.after[1]:
            first.setdefault(change.key[1], change)
    doubts = catalogue.doubts(made.connection, first)
    return [Problem(change.line, doubts[sku], change.key) for sku, change in first.items() if sku in doubts]
