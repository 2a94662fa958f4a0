"""Tables of plain rows: ids, times, look-up by parent, and changes that are undone together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from integrations.sandbox.gecko_resources import RESOURCES
from integrations.sandbox.gecko_switches import Switches
from integrations.sandbox.gecko_values import Row, now
from integrations.sandbox.gecko_webhooks import NAMES, Event

ENDED = ("void", "deleted")
HIDDEN = ("archived", *ENDED)
ACCOUNT = 1
PARENTS = {
    name: tuple(one.name for one in resource.attributes.values() if one.parent) for name, resource in RESOURCES.items()
}


class GeckoTables(Switches):
    """Every change of a row goes through here. Rows hold wire values; what is worked out is in gecko_rows."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, dict[Any, Row]] = {name: {} for name in RESOURCES}
        self.components: list[Row] = []
        self.stock: dict[int, dict[int, Any]] = {}
        self._children: dict[tuple[str, str], dict[Any, dict[Any, Row]]] = {}
        self._undo: list[Callable[[], object]] | None = None
        self._announced: list[Event] = []
        self._last_id = 440_000

    # --- rows ---------------------------------------------------------------------------------------------------

    def add(self, table: str, **values: Any) -> Row:
        """A new row with an id and its times; what is not given has its default."""
        self._last_id += 1
        at = now()
        row: Row = {"id": self._last_id, "created_at": at, "updated_at": at, **RESOURCES[table].defaults(), **values}
        self._enter(table, row)
        self.on_undo(lambda: self._leave(table, row))
        self.announce(f"{RESOURCES[table].root}.create", row)
        return row

    def change(self, row: Row, **values: Any) -> None:
        """New values, and a new `updated_at`."""
        before = dict(row)
        row.update(values)
        row["updated_at"] = now()
        self.on_undo(lambda: row.update(before))

    def remove(self, table: str, row: Row) -> None:
        self._leave(table, row)
        self.on_undo(lambda: self._enter(table, row))

    def find(self, table: str, identity: object) -> Row | None:
        """A row by its id, which may be a text of digits."""
        rows = self.tables[table]
        if isinstance(identity, str) and identity not in rows:
            identity = int(identity) if identity.isascii() and identity.isdigit() and len(identity) < 19 else None
        usable = isinstance(identity, (int, str)) and not isinstance(identity, bool)
        return rows.get(identity) if usable else None

    def children(self, table: str, column: str, parent: object) -> list[Row]:
        """Rows whose column, one flagged `p`, holds this id; the oldest first."""
        return list(self._children.get((table, column), {}).get(parent, {}).values())

    def _enter(self, table: str, row: Row) -> None:
        self.tables[table][row["id"]] = row
        for column in PARENTS[table]:
            self._children.setdefault((table, column), {}).setdefault(row[column], {})[row["id"]] = row

    def _leave(self, table: str, row: Row) -> None:
        del self.tables[table][row["id"]]
        for column in PARENTS[table]:
            del self._children[table, column][row[column]][row["id"]]

    # --- all or nothing -----------------------------------------------------------------------------------------

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Changes inside are undone if an exception leaves the block; announcements wait for its end."""
        if self._undo is not None:
            yield
            return
        self._undo = []
        try:
            yield
        except BaseException:
            for step in reversed(self._undo):
                step()
            self._announced.clear()
            raise
        finally:
            self._undo = None
        events, self._announced = self._announced, []
        self.send(events)

    def on_undo(self, step: Callable[[], object]) -> None:
        if self._undo is not None:
            self._undo.append(step)

    # --- announcements ------------------------------------------------------------------------------------------

    def announce(self, event: str, row: Row) -> None:
        """Something happened that webhooks may be told (3.17)."""
        if event not in NAMES:
            return
        order_id = row["order_id"] if event.startswith("fulfillment.") else None
        self._announced.append(Event(event, row["id"], order_id))
        if self._undo is None:
            events, self._announced = self._announced, []
            self.send(events)

    def send(self, events: list[Event]) -> None:
        """Deliver; the state knows to whom and with which secret."""
        raise NotImplementedError

    # --- the account --------------------------------------------------------------------------------------------

    @property
    def account(self) -> Row:
        return self.tables["accounts"][ACCOUNT]
