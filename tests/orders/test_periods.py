"""Days as people name them, at the marketplace that they ask about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from integrations.models import Connection, Route
from orders import periods
from orders.backfill import not_found
from orders.models import Backfill

DENVER, TOKYO = ZoneInfo("America/Denver"), ZoneInfo("Asia/Tokyo")
MORNING = datetime(2026, 3, 3, 22, 30, tzinfo=UTC)  # the 4th in Tokyo, the 3rd in Denver


def of(zone: str) -> Connection:
    options = {"time_zone": zone}
    return Connection(name="Overstock", provider="supplier_oasis", username="u", options=options)


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: MORNING)


def test_today_is_the_marketplaces_today() -> None:
    start = datetime(2026, 3, 4, tzinfo=TOKYO)
    assert periods.of_days(of("Asia/Tokyo"), date(2026, 3, 4), date(2026, 3, 4)) == (start, MORNING)
    with pytest.raises(periods.Impossible, match="it is 2026-03-03 at Overstock"):
        periods.of_days(of("America/Denver"), date(2026, 3, 4), date(2026, 3, 4))


def test_a_period_is_named_by_its_last_day_and_not_by_the_one_after() -> None:
    denver = of("America/Denver")
    since, until = periods.of_days(denver, date(2026, 3, 1), date(2026, 3, 2))
    assert until == datetime(2026, 3, 3, tzinfo=DENVER)
    assert str(Backfill(route=Route(name="Main", marketplace=denver), since=since, until=until)) == (
        "orders of Main, 2026-03-01 to 2026-03-02"
    )
    assert not_found(denver, "700-1", since, until).endswith("created from 2026-03-01 to 2026-03-02")
