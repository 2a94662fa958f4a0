"""A record of TradeGecko that cannot be read never keeps back its neighbours, and is told in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations.account import Account, Exchange
from integrations.errors import Unreadable
from integrations.models import Connection, SyncRun
from integrations.ports import Parcel, UnreadableParcel
from integrations.sandbox.server import Sandbox
from integrations.stock import BundlePart, UnreadableBundlePart
from integrations.tradegecko.adapter import TradeGecko, connect
from inventory.models import InventoryLevel, WarehouseItem
from tests.loopback import Loopback, loopback

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
HUGE = "9" * 5000


@dataclass
class Notebook:
    """A journal that keeps what was told."""

    problems: list[str] = field(default_factory=list)

    def record(self, exchange: Exchange) -> None:
        return

    def problem(self, text: str) -> None:
        self.problems.append(text)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


@pytest.fixture
def told_of() -> Notebook:
    return Notebook()


@pytest.fixture
def odd(server: Loopback, told_of: Notebook) -> TradeGecko:
    return connect(Account("Gecko", server.url, journal=told_of))


def attempt(manage: Run, *args: str) -> str:
    """Run a command that may say that something went wrong; all that it said."""
    try:
        return manage(*args)
    except CommandError as exc:
        return str(exc)


ODD_IDS = ["[1]", "true", '"' + "9" * 41 + '"', '"1\\u0000"', '""', "null", HUGE, "1e999", "{}"]


@pytest.mark.parametrize("variant", [
    "[]", "5", *(f'{{"id": {one}, "sku": "ODD"}}' for one in ODD_IDS),
    '{"id": 7, "sku": "ODD", "max_online": "lots"}', '{"id": 7, "sku": "ODD", "max_online": true}',
    '{"id": 7, "sku": "ODD", "name": ["x"]}', f'{{"id": 7, "sku": "ODD", "max_online": {HUGE}}}',
])  # fmt: skip
def test_an_odd_variant_counts_as_unknown(server: Loopback, odd: TradeGecko, told_of: Notebook, variant: str) -> None:
    server.will(200, f'{{"variants": [{variant}, {{"id": 8, "sku": "GOOD"}}]}}')
    assert [item.remote_id for item in odd.items(["ODD", "GOOD"])] == ["8"]
    assert len(told_of.problems) == 1


def test_of_two_variants_with_one_sku_the_readable_one_is_not_taken(server: Loopback, odd: TradeGecko) -> None:
    server.will(200, '{"variants": [{"id": 8, "sku": "ODD"}, {"id": true, "sku": "ODD"}]}')
    assert odd.items(["ODD"]) == []


@pytest.mark.parametrize(("part", "bundle"), [
    ('{"bundle_id": 1, "component_id": 3, "component_sku": "' + "X" * 121 + '", "quantity": 1}', "1"),
    ('{"bundle_id": 1, "component_id": 3, "quantity": 0}', "1"),
    ('{"bundle_id": "1", "component_id": 3, "quantity": "9999999999"}', "1"),
    ('{"bundle_id": [1], "component_id": 3, "quantity": 1}', ""), ("[]", ""),
])  # fmt: skip
def test_an_odd_component_is_told_beside_the_good_one(
    server: Loopback, odd: TradeGecko, part: str, bundle: str
) -> None:  # fmt: skip
    good = '{"bundle_id": 1, "component_id": 2, "component_sku": "MUG", "quantity": "1.5"}'
    server.will(200, f'{{"composition": [{part}, {good}]}}')
    bad, told = odd.bundles() or []
    assert isinstance(bad, UnreadableBundlePart)
    assert bad.bundle_id == bundle
    assert told == BundlePart("1", "2", "MUG", Decimal("1.5"))


@pytest.mark.parametrize(("cap", "kept"), [("99999999999", None), ('"9999999999"', None), ("-4", 0), ('"12.0"', 12)])
def test_a_cap_that_cannot_be_counted_is_bounded(server: Loopback, odd: TradeGecko, cap: str, kept: int | None) -> None:
    server.will(200, f'{{"variants": [{{"id": 8, "sku": "CAP", "max_online": {cap}}}]}}')
    [item] = odd.items(["CAP"])
    assert item.max_online == kept


def parcels(server: Loopback, odd: TradeGecko, row: str, line: str) -> list[Parcel | UnreadableParcel]:
    """An answer with an odd parcel and line, before a good one with its line."""
    good = '{"id": 2, "order_id": 20, "status": "fulfilled", "fulfillment_line_item_ids": [21]}'
    its_line = '{"id": 21, "fulfillment_id": 2, "order_line_item_id": 22, "quantity": "1"}'
    server.will(200, f'{{"fulfillments": [{row}, {good}], "fulfillment_line_items": [{line}, {its_line}]}}')
    return list(odd.parcels(EPOCH, {}))


GOOD_ROW = '{"id": 1, "order_id": 10, "status": "fulfilled", "fulfillment_line_item_ids": [11]}'
GOOD_LINE = '{"id": 11, "fulfillment_id": 1, "order_line_item_id": 12, "quantity": "1"}'


@pytest.mark.parametrize(("row", "line", "ids"), [
    ("[]", GOOD_LINE, ("", "")),
    *((f'{{"id": {one}, "order_id": 10, "fulfillment_line_item_ids": []}}', GOOD_LINE, ("", "10")) for one in ODD_IDS
      if one not in ("null", '""')),
    (f'{{"id": 1, "order_id": {"9" * 41}}}', GOOD_LINE, ("1", "")),
    (GOOD_ROW.replace("}", ', "shipped_at": "0001-01-01T00:00:00+14:00"}'), GOOD_LINE, ("1", "10")),
    (GOOD_ROW.replace("}", ', "shipped_at": "soon"}'), GOOD_LINE, ("1", "10")),
    (GOOD_ROW.replace("}", ', "tracking_number": ["1Z"]}'), GOOD_LINE, ("1", "10")),
    (GOOD_ROW, "[]", ("1", "10")),
    (GOOD_ROW, GOOD_LINE.replace('"1"', '"many"'), ("1", "10")),
    (GOOD_ROW, GOOD_LINE.replace('"1"', "null"), ("1", "10")),
    (GOOD_ROW, GOOD_LINE.replace('"fulfillment_id": 1', '"fulfillment_id": true'), ("1", "10")),
    (GOOD_ROW, GOOD_LINE.replace("12", "9" * 41), ("1", "10")),
])  # fmt: skip
def test_an_odd_parcel_is_told_beside_the_good_one(
    server: Loopback, odd: TradeGecko, row: str, line: str, ids: tuple[str, str]
) -> None:
    bad, good = parcels(server, odd, row, line)
    assert isinstance(bad, UnreadableParcel)
    assert (bad.remote_id, bad.order_id) == ids
    assert bad.reason
    assert isinstance(good, Parcel)
    assert good.contents[0].line_id == "22"


def test_lines_that_came_in_part_are_asked_for(server: Loopback, odd: TradeGecko) -> None:
    row = '{"id": 1, "order_id": 10, "fulfillment_line_item_ids": [11, 13]}'
    server.will(200, f'{{"fulfillments": [{row}], "fulfillment_line_items": [{GOOD_LINE}]}}')
    server.will(200, f'{{"fulfillment_line_items": [{GOOD_LINE}, {GOOD_LINE.replace("11", "13")}]}}')
    [parcel] = odd.parcels(EPOCH, {})
    assert isinstance(parcel, Parcel)
    assert len(parcel.contents) == 2


@pytest.mark.parametrize("row", ["[]", *(f'{{"id": {one}, "reference_number": "700-2"}}' for one in ODD_IDS)])
def test_an_odd_order_does_not_hide_the_others(
    server: Loopback, odd: TradeGecko, told_of: Notebook, row: str
) -> None:  # fmt: skip
    server.will(200, f'{{"orders": [{row}, {{"id": 5, "reference_number": "700-1", "created_at": "yesterday"}}]}}')
    assert [one.remote_id for one in odd.changed_orders(EPOCH)] == ["5"]
    assert len(told_of.problems) == 1


def test_an_odd_order_that_may_be_the_one_looked_for_is_never_taken_for_none(server: Loopback, odd: TradeGecko) -> None:
    server.will(200, '{"orders": [{"id": true, "reference_number": "700-1", "order_number": "700-1S"}]}')
    with pytest.raises(Unreadable, match="'True', which is no id"):
        odd.find_orders("700-1")


@pytest.mark.parametrize("row", ["[]", '{"variant_id": true}', '{"variant_id": 1, "locations": [5]}',
                                 '{"variant_id": 1, "locations": [{"location_id": 3, "stock_on_hand": "many"}]}',
                                 '{"variant_id": 1, "locations": [{"location_id": [3]}]}'])  # fmt: skip
def test_an_odd_stock_level_spoils_only_its_item(
    server: Loopback, odd: TradeGecko, told_of: Notebook, row: str
) -> None:  # fmt: skip
    server.will(200, f'{{"stock_levels": [{row}, {{"variant_id": 2, "locations": []}}]}}')
    assert [page.item_ids for page in odd.levels()] == [("2",)]
    assert len(told_of.problems) == 1


def test_one_stock_figure_beyond_counting_keeps_no_other_from_being_read(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "THROW-WL"})
    manage("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", 10**11 + 11)
    shop.tradegecko.set_stock("THROW-WL", 77)
    with pytest.raises(CommandError, match="'100000000011', which is too large a number"):
        manage("run", "pull_levels")
    run = SyncRun.objects.filter(job="pull_levels").latest("pk")
    assert run.status == SyncRun.Status.PARTIAL
    throw = WarehouseItem.objects.get(sku="THROW-WL")
    assert 77 in InventoryLevel.objects.filter(item_id=throw.remote_id).values_list("on_hand", flat=True)


def test_an_odd_location_and_currency_do_not_hide_the_others(server: Loopback, odd: TradeGecko) -> None:
    server.will(200, '{"locations": [[], {"id": true, "label": "A"}, {"id": 4, "label": "B"}]}')
    assert [place.name for place in odd.locations()] == ["B"]
    server.answers = [(200, {}, b'{"currencies": [[], {"iso": ["USD"]}, {"id": 1, "iso": "USD"}]}')]
    assert odd.currencies() == {"USD": "1"}


@pytest.mark.parametrize("paging", ['{"total_records": "abc"}', "[1]", "x", '{"total_records": true}',
                                    '{"total_records": -3}', '{"total_records": 1e99, "last_page": "maybe"}'])  # fmt: skip
def test_paging_that_makes_no_sense_is_ignored(server: Loopback, odd: TradeGecko, paging: str) -> None:
    server.will(200, '{"stock_levels": [{"variant_id": 2, "locations": []}]}', X_Pagination=paging)
    server.will(200, '{"stock_levels": []}')
    sweep = list(odd.levels())
    assert sweep[0].item_ids == ("2",)


def test_a_question_that_is_too_long_is_asked_in_halves(server: Loopback, odd: TradeGecko) -> None:
    skus = [f"S{place}" for place in range(10)]
    server.will(414)
    server.will(414)
    for start in range(0, 10, 2):
        rows = [{"id": place + 1, "sku": f"S{place}"} for place in (start, start + 1)]
        server.will(200, json.dumps({"variants": rows}))
    assert len(odd.items(skus)) == 10
    assert len(server.asked) == 7


def test_an_odd_variant_holds_only_its_own_order(shop: Sandbox, manage: Run, told: Told) -> None:
    shop.tradegecko.add_variant("ODD", stock=1, max_online="lots")
    good, bad = (shop.oasis.add_order({"partner_sku": sku}) for sku in ("MUG-BLK", "ODD"))
    assert "SKU 'ODD' counts as unknown" in attempt(manage, "run", "all")
    assert (told(good)["status"], told(bad)["status"]) == ("submitted", "on_hold")


def shipped(shop: Sandbox, number: str) -> int:
    [order] = shop.tradegecko.by_reference(number)
    return shop.tradegecko.ship(order["id"], tracking=f"1Z{number}")


def test_an_unreadable_parcel_is_held_once_and_the_look_goes_on(
    shop: Sandbox, manage: Run, told: Told, gecko: Connection
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    parcel = shop.tradegecko.tables["fulfillments"][shipped(shop, numbers[0])]
    shipped(shop, numbers[1])
    parcel["shipped_at"] = "0001-01-01T00:00:00+14:00"
    before = timezone.now()

    assert "cannot be read" in attempt(manage, "run", "all")
    manage("run", "pull_shipments")

    assert [len(shop.oasis.shipments(number)) for number in numbers] == [0, 1]
    [hold] = told(numbers[0])["holds"]
    assert hold["kind"] == "unreadable_parcel"
    last = SyncRun.objects.filter(connection=gecko, job="pull_shipments").latest("pk")
    assert last.window_until is not None
    assert last.window_until > before

    shop.tradegecko.change(parcel, shipped_at=None)
    manage("run", "all")
    assert len(shop.oasis.shipments(numbers[0])) == 1
    assert told(numbers[0])["holds"] == []


def test_an_unreadable_parcel_of_a_stranger_troubles_nobody(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = shop.tradegecko.tables["fulfillments"][shipped(shop, number)]
    shop.tradegecko.orders[999] = {**shop.tradegecko.orders[parcel["order_id"]], "id": 999}
    parcel.update(order_id=999, shipped_at="soon")
    assert "1 unreadable parcel of no order of ours" in manage("run", "pull_shipments")


def test_lines_of_unchanged_parcels_are_not_asked_for_again(shop: Sandbox, manage: Run) -> None:
    shop.tradegecko.switch(sideload_lines="never")
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(3)]
    manage("run", "all")
    for number in numbers:
        shipped(shop, number)
    manage("run", "all")
    manage("run", "pull_shipments")
    asked = shop.calls("tradegecko").count(("GET", "/fulfillment_line_items"))
    assert asked == 1
    assert all(len(shop.oasis.shipments(number)) == 1 for number in numbers)


def test_an_order_whose_reference_comes_as_a_number_is_found(server: Loopback, odd: TradeGecko) -> None:
    row = {"id": 5, "reference_number": 700100, "order_number": 7, "status": "active", "order_line_item_ids": []}
    server.will(200, json.dumps({"orders": [row]}))
    server.will(200, '{"order_line_items": []}')
    assert [(one.remote_id, one.number) for one in odd.find_orders("700100")] == [("5", "7")]


ORDER = '{"order": {"id": 1, "status": "active", "order_line_item_ids": [11, 12]}, "order_line_items": [%s]}'
LINES = ['{"id": 11, "order_id": 1, "variant_id": 5, "quantity": "1"}', '{"id": 12, "variant_id": 6, "quantity": "2"}']


def test_a_line_of_an_order_that_does_not_come_beside_it_is_asked_for(server: Loopback, odd: TradeGecko) -> None:
    server.will(200, ORDER % LINES[0])
    server.will(200, '{"fulfillments": []}')
    server.will(200, f'{{"order_line_items": [{", ".join(LINES)}]}}')
    placed = odd.order("1")
    assert placed is not None
    assert [line.item_id for line in placed.lines] == ["5", "6"]


def test_an_order_that_lacks_an_announced_line_is_not_believed(server: Loopback, odd: TradeGecko) -> None:
    server.will(200, ORDER % LINES[0])
    server.will(200, '{"fulfillments": []}')
    server.will(200, f'{{"order_line_items": [{LINES[0]}]}}')
    with pytest.raises(Unreadable, match="names 2 lines of order 1 and shows 1"):
        odd.order("1")
