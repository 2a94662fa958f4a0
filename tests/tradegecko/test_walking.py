"""Everything changed since a time comes through once, although rows move while they are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.errors import Unreadable
from integrations.ports import Account
from integrations.sandbox.server import Sandbox
from integrations.tradegecko import walking
from integrations.tradegecko.adapter import TradeGecko, connect
from tests.loopback import Loopback, loopback

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def small_pages(url: str, token: str = "") -> TradeGecko:
    return connect(Account("Gecko", url, secret=token, options={"page_size": 2}))


def stamp(seconds: int) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def place_orders(box: Sandbox, count: int) -> list[dict[str, Any]]:
    """Orders that last changed ten seconds apart, the first one first."""
    gecko = box.tradegecko
    company, variant = next(iter(gecko.tables["companies"])), next(iter(gecko.tables["variants"]))
    orders = []
    for place in range(count):
        order = gecko.create_order({
            "company_id": company, "issued_at": "2026-01-01", "status": "active", "reference_number": f"R{place}",
            "shipping_address": {"address1": "1 Larch", "label": str(place)},
            "order_line_items": [{"variant_id": variant, "quantity": 1}],
        })  # fmt: skip
        order["updated_at"] = order["created_at"] = stamp(place * 10)
        orders.append(order)
    return orders


@pytest.mark.parametrize("apart", [10, 0])
def test_a_parcel_is_not_missed_because_another_one_changes_meanwhile(box: Sandbox, apart: int) -> None:
    gecko = box.tradegecko
    made = [gecko.ship(order["id"], tracking=f"1Z{place}") for place, order in enumerate(place_orders(box, 7))]
    for place, one in enumerate(made):
        gecko.tables["fulfillments"][one]["updated_at"] = stamp(place * apart)
    seen = []
    for parcel in small_pages(box.tradegecko_url, gecko.token).parcels(LONG_AGO):
        seen.append(parcel.tracking_number)
        if len(seen) == 2 and apart:
            gecko.change(gecko.tables["fulfillments"][made[0]], notes="touched")
    assert set(seen) == {f"1Z{place}" for place in range(7)}
    assert len(seen) == (8 if apart else 7)  # the touched one comes again, as it is then


def test_orders_that_changed_are_told_whatever_they_are_now(box: Sandbox) -> None:
    orders = place_orders(box, 5)
    box.tradegecko.void(orders[1])
    box.tradegecko.change(orders[3], status="finalized")
    gecko = small_pages(box.tradegecko_url, box.tradegecko.token)
    told = [(one.full_number, one.status) for one in gecko.changed_orders(NOON + timedelta(seconds=40))]
    assert told == [("R4", "active"), ("R1", "void"), ("R3", "finalized")]
    assert [one.full_number for one in gecko.orders_since(NOON + timedelta(seconds=30))] == ["R3", "R4"]


def serve(server: Loopback, *pages: list[int]) -> None:
    """Answer with pages of orders that changed at these seconds; the id of each is its second."""
    for place, seconds in enumerate(pages):
        rows = [{"id": second + 1, "updated_at": stamp(second)} for second in seconds]
        server.will(200, json.dumps({"orders": rows}), X_Pagination=json.dumps({"last_page": place == len(pages) - 1}))


def asked(server: Loopback) -> list[tuple[str, str]]:
    questions = [parse_qs(urlsplit(one.path).query) for one in server.asked]
    return [(one["updated_at_min"][0][11:-1], one["page"][0]) for one in questions]


def test_a_server_that_keeps_no_order_is_read_page_by_page() -> None:
    with loopback() as server:
        serve(server, [50, 40], [30, 20], [10])
        found = [one.remote_id for one in small_pages(server.url).changed_orders(NOON)]
        assert sorted(found) == ["11", "21", "31", "41", "51"]
        assert asked(server) == [("12:00:00", "1"), ("12:00:00", "2"), ("12:00:00", "3")]


def test_an_order_that_is_lost_on_the_way_is_read_again_from_the_start() -> None:
    with loopback() as server:
        serve(server, [10, 20], [40, 30], [10, 20], [40, 30], [0])
        found = [one.remote_id for one in small_pages(server.url).changed_orders(NOON)]
        assert sorted(found) == ["1", "11", "21", "31", "41"]
        assert asked(server)[1:3] == [("12:00:19", "1"), ("12:00:00", "1")]


def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_PAGES", 5)
    with loopback() as server:
        server.will(200, '{"orders": [{"id": 1}, {"id": 2}]}')
        with pytest.raises(Unreadable, match="more than 5 pages of orders"):
            list(small_pages(server.url).changed_orders(NOON))
        assert len(server.asked) == 5
