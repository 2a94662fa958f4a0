"""Taking a whole import back: each alias becomes what it was before, unless somebody has changed it since."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field

from inventory import alias_plan
from inventory.alias_plan import Change, Values
from inventory.models import AliasImport


@dataclass(slots=True)
class Undo:
    """`changes` give back what was before. `left` were changed since and stay: from what they were made to what is."""

    changes: list[Change] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)

    def fingerprint(self) -> str:
        return hashlib.sha256(alias_plan.packed([*self.changes, *self.left])).hexdigest()


def plan(record: AliasImport, *, keep: bool = False) -> Undo:
    """What undoing the import would do now. With `keep`, inside a transaction, it stays so until that ends."""
    now, found = alias_plan.stored(record.connection, keep=keep), Undo()
    for change in changes_of(record):
        _take_back(found, change, now.get(change.key))
    return found


def changes_of(record: AliasImport) -> list[Change]:
    return alias_plan.unpacked(zlib.decompress(record.changes)) if record.changes else []


def _take_back(found: Undo, change: Change, now: Values | None) -> None:
    if now == change.after:
        found.changes.append(Change(change.line, change.key, change.after, change.before))
    elif now != change.before:
        found.left.append(Change(change.line, change.key, change.after, now))
