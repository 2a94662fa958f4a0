"""What a person changes of items in the warehouse, a cap, a switch or another SKU, between the days of each SKU.

A few pages are read before the stock and the rest after it: whatever the warehouse answers here, the stock is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.errors import IntegrationError, Misconfigured, Unavailable
from integrations.ports import Warehouse
from integrations.runs import Run
from integrations.stock import ItemPage
from inventory import catalogue, readings
from inventory.models import StockReading

MOST_PAGES_FIRST = 4  # requests, lest the stock waits for it
SHARE_OF_A_TURN = 0.75
OVERLAP = timedelta(minutes=5)  # their clock is not ours, and a change is seen a little after its time


class ItemChanges:
    """Those since they were read to their end, within one sweep of the stock."""

    def __init__(self, run: Run, warehouse: Warehouse) -> None:
        self._run, self._warehouse, self._asked_at = run, warehouse, timezone.now()
        since = _since(run)
        self._pages: Iterator[ItemPage] | None = iter(warehouse.catalogue(since=since)) if since else None
        self._read = 0

    def begin(self) -> None:
        """Before the stock: one request where little changed."""
        self._go_on(lambda: self._read >= MOST_PAGES_FIRST)

    def end(self) -> None:
        """After the stock: the rest, as far as the run's turn goes."""
        self._go_on(lambda: self._run.is_past(SHARE_OF_A_TURN))
        if self._pages is not None:
            self._run.note(
                f"{self._read} pages of changed items were read, and there are more: they are read from the first "
                "one with the next reading of the stock; each item is asked for once a day all the same"
            )

    def _go_on(self, is_enough: Callable[[], bool]) -> None:
        try:
            while self._pages is not None and not is_enough():
                self._take(next(self._pages, None))
        except IntegrationError as exc:
            if is_for_all(exc):
                raise
            self._pages = None
            self._run.problem(
                "what changed of the items was not told, and is asked for with the next reading of the stock; "
                f"each is asked for once a day all the same: {exc}"
            )

    def _take(self, page: ItemPage | None) -> None:
        """A page does not tell whether another item has the same SKU: what differs is asked for, and none is kept."""
        if page is None:
            self._pages = None
            StockReading.objects.filter(connection=self._run.connection).update(items_read_until=self._asked_at)
            return
        self._run.beat()
        self._read += 1
        otherwise = catalogue.told_otherwise(self._run.connection, page)
        self._run.count("items asked for, since they changed", len(otherwise))
        catalogue.ask_anew(self._run.connection, self._warehouse, otherwise)


def is_for_all(exc: IntegrationError) -> bool:
    """Whether no other request would be answered either."""
    if isinstance(exc, Misconfigured):
        return exc.credentials
    return isinstance(exc, Unavailable) and exc.throttled


def _since(run: Run) -> datetime | None:
    """None where all that we know was asked for just now, or the stock was not begun to be read yet."""
    last = StockReading.objects.filter(connection=run.connection, began_at__isnull=False).first()
    if last is None or last.began_at is None or readings.to_go_on_with(run.connection):
        return None
    if last.items_read_until is None:
        last.items_read_until = last.began_at
        last.save(update_fields=["items_read_until"])
    return max(last.items_read_until, timezone.now() - catalogue.POSITIVE_FOR) - OVERLAP
