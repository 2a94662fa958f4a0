"""Windows of bare local time lose no order, however the server reads them, while clocks change and workers fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from integrations.supplier_oasis.windows import FORMAT, bounds, certain_until
from orders.models import Order
from orders.windows import resume_point, slices

DENVER = ZoneInfo("America/Denver")
AUTUMN = datetime(2024, 11, 3, 8, 0, tzinfo=UTC)  # 02:00 becomes 01:00: from 07:00 to 09:00 UTC it is one o'clock twice
SPRING = datetime(2024, 3, 10, 9, 0, tzinfo=UTC)  # 02:00 becomes 03:00
MINUTE = timedelta(minutes=1)
SPAN = timedelta(hours=4)


@dataclass(frozen=True)
class Server:
    """Finds orders by creation time. `reading`: which of two instants a label is, the wider, or labels compared."""

    reading: int | str
    inclusive: bool

    def finds(self, first: str, last: str, orders: Iterable[datetime]) -> set[datetime]:
        low, high = self._place(first, 0), self._place(last, 1)
        placed = {order: self._key(order) for order in orders}
        if self.inclusive:
            return {order for order, at in placed.items() if low <= at <= high}
        return {order for order, at in placed.items() if low < at < high}

    def _place(self, label: str, wider: int) -> datetime:
        naive = datetime.strptime(label, FORMAT)
        if self.reading == "labels":
            return naive
        fold = wider if self.reading == "wider" else int(self.reading)
        return naive.replace(tzinfo=DENVER, fold=fold).astimezone(UTC)

    def _key(self, order: datetime) -> datetime:
        return order.astimezone(DENVER).replace(tzinfo=None) if self.reading == "labels" else order


SERVERS = [Server(reading, inclusive) for reading in (0, 1, "wider", "labels") for inclusive in (True, False)]


def pulled(server: Server, orders: Sequence[datetime], pulls: Iterable[datetime], overlap: timedelta) -> set[datetime]:
    """What a worker holds that pulls at these times, as orders.intake does."""
    got: set[datetime] = set()
    read_until = min(orders) - MINUTE
    for at in pulls:
        now, there = at.replace(microsecond=0), [order for order in orders if order <= at]
        since = resume_point(read_until, date(2024, 1, 1), DENVER, overlap=overlap, now=now)
        for start, end in slices(since, now, recent=timedelta(hours=1), older=timedelta(hours=24)):
            certain = certain_until(end, DENVER, now=now)
            got |= server.finds(*bounds(start, end, DENVER, now=now), there)
            read_until = max(read_until, certain)
    return got


def every_minute(change: datetime) -> list[datetime]:
    return [change - SPAN + MINUTE * number for number in range(8 * 60)]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("change", [AUTUMN, SPRING])
@pytest.mark.parametrize("overlap", [timedelta(0), timedelta(minutes=15)])
def test_a_pull_every_minute_finds_every_order_around_a_change_of_the_clocks(
    server: Server, change: datetime, overlap: timedelta
) -> None:
    odd = [change - SPAN + timedelta(minutes=number, seconds=7) for number in range(0, 420, 3)]
    edges = [change + timedelta(hours=hour, seconds=second) for hour in (-1, 0, 1) for second in (-1, 0, 1)]
    orders = [*odd, *edges]
    assert set(orders) - pulled(server, orders, every_minute(change), overlap) == set()


@given(
    st.sampled_from(SERVERS), st.sampled_from([AUTUMN, SPRING]),
    st.lists(st.integers(-9000, 9000), min_size=1, max_size=20), st.sets(st.integers(0, 479)), st.integers(0, 20),
)  # fmt: skip
def test_no_order_is_lost_by_workers_that_fail_now_and_then(
    server: Server, change: datetime, created: list[int], working: set[int], overlap: int
) -> None:
    orders = [change + timedelta(seconds=second) for second in created]
    pulls = [at for number, at in enumerate(every_minute(change)) if number in working]
    pulls.append(change + SPAN)
    assert set(orders) <= pulled(server, orders, pulls, timedelta(minutes=overlap))


@given(st.sampled_from([AUTUMN, SPRING]), st.integers(-20_000, 20_000), st.integers(0, 9000), st.integers(0, 9000))
def test_a_window_is_enclosed_up_to_what_is_certain_and_never_lies_in_the_future(
    change: datetime, second: int, length: int, since_then: int
) -> None:
    since = change + timedelta(seconds=second)
    until = since + timedelta(seconds=length)
    now = until + timedelta(seconds=since_then)
    first, last = (datetime.strptime(label, FORMAT) for label in bounds(since, until, DENVER, now=now))
    firsts, lasts = ([at.replace(tzinfo=DENVER, fold=fold).astimezone(UTC) for fold in (0, 1)] for at in (first, last))
    certain = certain_until(until, DENVER, now=now)
    assert max(firsts) < since
    assert certain <= min(until, *lasts)
    assert min(lasts) <= now
    if now >= change + timedelta(hours=1) or until < change:
        assert certain == until


def test_an_ordinary_window_is_local_time_in_whole_seconds_and_a_second_wider_at_both_ends() -> None:
    since, until = datetime(2024, 7, 9, 18, 0, tzinfo=UTC), datetime(2024, 7, 9, 19, 0, 0, 500_000, tzinfo=UTC)
    later = until + timedelta(days=1)
    assert bounds(since, until, DENVER, now=later) == ("2024-07-09T11:59:59", "2024-07-09T13:00:01")
    assert bounds(since, until, DENVER, now=until) == ("2024-07-09T11:59:59", "2024-07-09T13:00:00")


@pytest.mark.parametrize(("fold", "inclusive"), [(0, True), (0, False), (1, True), (1, False), ("lenient", True)])
def test_orders_of_the_repeated_hour_are_all_read_back(
    shop: Sandbox, manage: Callable[..., str], fold: int | str, inclusive: bool
) -> None:
    Connection.objects.filter(name="Overstock").update(older_slice_hours=1)
    shop.oasis.switch(fold=fold, inclusive=inclusive)
    for number in range(-90, 91, 30):
        at = AUTUMN + timedelta(minutes=number)
        shop.oasis.add_order({"partner_sku": "MUG-BLK"}, created_at=at, ordered_at=at)
    manage("backfill", "Overstock", "--from", "2024-11-02", "--to", "2024-11-03")
    assert Order.objects.count() == len(shop.oasis.orders)
