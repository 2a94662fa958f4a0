"""A page of fulfillments with their lines, whichever way these come (tradegecko 2.5, 5.9). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from integrations.errors import Unreadable
from integrations.ports import Parcel, UnreadableParcel
from integrations.tradegecko import messages
from integrations.wording import counted


class Batch:
    """Rows of one answer, and the lines that came along or were asked for."""

    def __init__(self, rows: list[object], sideloaded: object) -> None:
        self._rows = rows
        self._lines: dict[str, dict[str, messages.Row]] = {}
        self.add(sideloaded if isinstance(sideloaded, list) else [])

    def add(self, lines: Iterable[object]) -> None:
        """Keep each by its fulfillment; one that names none is missed there, by the number of lines announced."""
        for line in lines:
            try:
                row = messages.record(line, "a line of a fulfillment")
                parcel_id = messages.identity(row, "a line of a fulfillment", "fulfillment_id")
            except Unreadable:
                continue
            self._lines.setdefault(parcel_id, {})[str(row.get("id") or row)] = row

    def leave_out(self, known: Mapping[str, datetime]) -> None:
        """Drop what came without lines, and has not changed since the caller saw it."""
        unchanged = {
            remote_id
            for remote_id, row in self._bare()
            if remote_id in known and messages.time_if_any(row, "updated_at") == known[remote_id]
        }
        self._rows = [row for row in self._rows if _id(row) not in unchanged]

    def without_lines(self) -> list[str]:
        """Ids of the fulfillments whose lines, or some of them, did not come."""
        return [remote_id for remote_id, _ in self._bare()]

    def parcels(self) -> Iterator[Parcel | UnreadableParcel]:
        for row in self._rows:
            try:
                yield self._parcel(messages.record(row, "a fulfillment"))
            except Unreadable as exc:
                yield UnreadableParcel(_id(row), _id(row, "order_id"), str(exc))

    def _bare(self) -> list[tuple[str, messages.Row]]:
        rows = [(_id(row), row) for row in self._rows if isinstance(row, Mapping) and _id(row)]
        return [(remote_id, row) for remote_id, row in rows if len(self._lines.get(remote_id, {})) < _announced(row)]

    def _parcel(self, row: messages.Row) -> Parcel:
        lines = self._lines.get(messages.identity(row, "a fulfillment"), {})
        if len(lines) < _announced(row) and row.get("status") not in ("void", "deleted"):
            raise Unreadable(
                f"TradeGecko sent {len(lines)} of its {counted(_announced(row), 'lines')} in a form that can be read"
            )
        return messages.parcel(row, list(lines.values()))


def _announced(row: messages.Row) -> int:
    """How many lines a fulfillment says it has; at least one if it does not say."""
    ids = row.get("fulfillment_line_item_ids")
    return len(ids) if isinstance(ids, list) else 1


def _id(row: object, name: str = "id") -> str:
    try:
        return messages.reference(messages.record(row, "a fulfillment"), name, "a fulfillment")
    except Unreadable:
        return ""
