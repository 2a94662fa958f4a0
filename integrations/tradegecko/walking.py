"""Everything changed since a time, complete although rows move while they are read (tradegecko 2.3, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from integrations.errors import Unreadable
from integrations.http import Params
from integrations.tradegecko import messages
from integrations.tradegecko.client import MAX_PAGES, Client, Page

# The bound is told in whole seconds, and whether it belongs to the answer is not known (contract, section 9).
MARGIN = timedelta(seconds=1)


def changed_since(client: Client, path: str, params: Params, column: str, since: datetime) -> Iterator[Page]:
    """Pages of the rows whose `column` lies at or after `since`, each state of a row once, oldest first.

    The next question starts at the last row's time: a row that changes meanwhile moves to the end, and would shift
    its neighbours past a page number. Page numbers are used among rows of one second, and for a server that does not
    keep the order.
    """
    seen: set[tuple[str, str]] = set()
    least, number, in_order = since, 1, True
    for _ in range(MAX_PAGES):
        question = [*params, (f"{column}_min", in_seconds(least)), ("order", f"{column} asc")]
        page = client.page(path, question, number)
        fresh = {_key(row, column): row for row in page.rows}
        yield replace(page, rows=[row for key, row in fresh.items() if key not in seen])
        seen.update(fresh)
        times = _times(page, column)
        if in_order and times != sorted(times):
            in_order, restart = False, least != since
            if restart:
                least, number = since, 1
                continue
        if page.is_last:
            return
        further = times[-1] - MARGIN if in_order and times and times[0] < times[-1] else least
        least, number = (further, 1) if further > least else (least, number + 1)
    raise Unreadable(f"TradeGecko has more than {MAX_PAGES} pages of {path.strip('/')}; not read further")


def in_seconds(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(row: object, column: str) -> tuple[str, str]:
    return (str(row.get("id")), str(row.get(column))) if isinstance(row, dict) else ("", repr(row))


def _times(page: Page, column: str) -> list[datetime]:
    """The times of the rows, in their order; one that cannot be read says nothing about the order."""
    times = []
    for row in page.rows:
        try:
            at = messages.timestamp(row, column) if isinstance(row, dict) else None
        except Unreadable:
            continue
        times += [at.replace(microsecond=0)] if at else []
    return times
