"""What TradeGecko now and then tells of its stock, which is not all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from werkzeug.wrappers import Request, Response

from integrations.sandbox import gecko, gecko_filters
from integrations.sandbox.gecko_filters import Args
from integrations.sandbox.gecko_state import GeckoState
from integrations.sandbox.gecko_tables import GeckoTables
from integrations.sandbox.gecko_values import Row
from tests.proof.breaking import READ, Moment
from tests.proof.shelves import MAIN, SHELVED
from tests.proof.shop import A_WHILE, Shop

NOT_DONE = ("reset", "503", "500_html", "html_200", "429", "429_no_retry_after")
Paged = tuple[list[Row], dict[str, Any]]
Page = Callable[[GeckoTables, list[Row], Args], Paged]
Short = Callable[[Page, GeckoTables, list[Row], Args], Paged]


def one_page_too_few(page: Page, state: GeckoTables, rows: list[Row], args: Args) -> Paged:
    """The last but one says that it is the last; how many rows there are in all is told as it is."""
    found, paging = page(state, rows, args)
    return found, {**paging, "last_page": paging["offset"] + 2 * len(found) >= len(rows)}


def an_empty_page(page: Page, state: GeckoTables, rows: list[Row], args: Args) -> Paged:
    """The first one comes, and nothing on the others."""
    found, paging = page(state, rows, args)
    return ([] if paging["offset"] else found), paging


def a_third(page: Page, state: GeckoTables, rows: list[Row], args: Args) -> Paged:
    """Of the variants, as if there were no others."""
    return page(state, rows[::3], args)


def nothing(page: Page, state: GeckoTables, _rows: list[Row], args: Args) -> Paged:
    """As if there were no variant."""
    return page(state, [], args)


SHORT: tuple[Short, ...] = (one_page_too_few, a_third, an_empty_page, nothing)


@contextmanager
def telling(short: Short) -> Iterator[None]:
    """Of the stock; whatever else is asked is answered as it is."""
    answer, page = gecko._stock, gecko_filters.page

    def told(state: GeckoState, request: Request) -> Response:
        with patch.object(gecko_filters, "page", lambda *asked: short(page, *asked)):
            return answer(state, request)

    with patch.object(gecko, "_stock", told):
        yield


class Misread(Shop):
    """Readings that bring less than there is."""

    def leave_out_a_page(self) -> None:
        """TradeGecko tells of one page less than there is, and what was read is published."""
        answer = gecko_filters.page

        def cut(*args: Any) -> Any:
            rows, paging = answer(*args)
            pages = paging["total_pages"] - 1
            told = {
                "total_pages": pages,
                "total_records": pages * len(rows),
                "last_page": int(args[2].get("page", "1")) >= pages,
            }
            return rows, {**paging, **(told if pages else {})}

        self.is_unclear = True
        with patch.object(gecko_filters, "page", cut):
            self.world.work("pull_levels")
        self.world.work("publish_inventory")

    def sweep_cut_short(self) -> None:
        """TradeGecko says that an early page was the last one, or breaks off at it; and what was read is published."""
        self.is_unclear = True
        number, answer = self.luck.randint(1, 3), gecko_filters.page

        def cut(*args: Any) -> Any:
            rows, paging = answer(*args)
            return rows, {**paging, "last_page": paging["last_page"] or int(args[2].get("page", "1")) >= number}

        def break_off() -> None:
            self.box.faults.add("tradegecko", self.luck.choice(NOT_DONE), path="/stock_levels", times=2)

        if self.luck.random() < 0.5:
            with patch.object(gecko_filters, "page", cut):
                self.world.work("pull_levels")
        else:
            self.world.watch.meanwhile(Moment(READ, number), lambda: self.world.work("pull_levels"), break_off)
        self.box.faults.clear()
        self.world.work("publish_inventory")

    def misread(self) -> None:
        """Everything goes up by one; until that is read whole nothing else is shown, and no figure falls."""
        self._tell_short(nothing, "refresh_levels")
        for sku in SHELVED:
            self._move(sku, MAIN, 1)
        for short in SHORT:
            self._tell_short(short, "pull_levels")
        self.world.work("pull_levels")
        self.world.work("publish_inventory")
        self.compare_all()

    def _tell_short(self, short: Short, job: str) -> None:
        self.world.wait(A_WHILE)
        shown, figures = dict(self.box.oasis.quantities), self._figures()
        with telling(short):
            self.world.work(job)
        self.world.work("publish_inventory")
        changed = {key: units for key, units in self.box.oasis.quantities.items() if units != shown.get(key)}
        assert not changed, f"{job} was told {short.__name__}, and then Overstock shows {changed} instead of {shown}"
        lower = [key for key, units in self._figures().items() if units < figures.get(key, units)]
        assert not lower, f"{job} was told {short.__name__}, and {lower} are lower than they were"
