"""Taking a whole import back: each SKU becomes what it was before, unless somebody has changed it since.

What ships for a SKU is all of its aliases together: one that is given back beside another's correction makes a kit.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field

from inventory import alias_plan
from inventory.alias_plan import Change, Values
from inventory.models import AliasImport, SkuAlias


@dataclass(slots=True)
class Undo:
    """`changes` give back what was before. `left` stay as they are, since their SKU was changed: from what the import
    made of them to what they are now.
    """

    changes: list[Change] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)

    def fingerprint(self) -> str:
        return hashlib.sha256(alias_plan.packed([*self.changes, *self.left])).hexdigest()


def plan(record: AliasImport, *, keep: bool = False) -> Undo:
    """What undoing the import would do now. With `keep`, inside a transaction, it stays so until that ends."""
    now, found = alias_plan.stored(record.connection, keep=keep), Undo()
    for change in changes_of(record):
        _take_back(found, change, now.get(change.key))
    return _whole(found, {change.key[0] for change in found.left} | _joined_since(record, found))


def changes_of(record: AliasImport) -> list[Change]:
    return alias_plan.unpacked(zlib.decompress(record.changes)) if record.changes else []


def _take_back(found: Undo, change: Change, now: Values | None) -> None:
    if now == change.after:
        found.changes.append(Change(change.line, change.key, change.after, change.before))
    elif now != change.before:
        found.left.append(Change(change.line, change.key, change.after, now))


def _joined_since(record: AliasImport, found: Undo) -> set[str]:
    """The SKUs that somebody gave another component since, which the import did not name."""
    mine = {change.key for change in found.changes}
    since = SkuAlias.objects.filter(connection=record.connection, is_active=True, changed_at__gt=record.finished_at)
    return {key[0] for key in since.values_list("marketplace_sku", "warehouse_sku") if key not in mine}


def _whole(found: Undo, others: set[str]) -> Undo:
    """With nothing given back of these SKUs."""
    stays = [Change(one.line, one.key, one.before, one.before) for one in found.changes if one.key[0] in others]
    gone = [one for one in found.changes if one.key[0] not in others]
    return Undo(gone, [*found.left, *stays])
