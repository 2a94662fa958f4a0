"""TradeGecko as a warehouse: against the sandbox where it answers well, against a scripted server where it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from integrations.account import Account
from integrations.errors import (
    IntegrationError,
    KeyRefused,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Unreadable,
)
from integrations.ports import Address, OrderRequest, Parcel, ParcelState, RequestedLine
from integrations.sandbox.server import Sandbox
from integrations.tradegecko import messages
from integrations.tradegecko.adapter import TradeGecko, connect
from integrations.tradegecko.errors import NotThere, TooLong
from tests.loopback import Loopback, loopback
from tests.tradegecko.application import OwnTokens

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
TO = Address("Mary Ann O'Neil", "17 Larch & Pine", "", "Boise", "ID", "83702", "US", "208")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


@pytest.fixture
def scripted(server: Loopback) -> TradeGecko:
    return connect(Account("Gecko", server.url, secret="top-secret-token"))


@pytest.fixture(params=["token", "OAuth"])
def gecko(box: Sandbox, request: pytest.FixtureRequest) -> TradeGecko:
    if request.param == "token":
        return connect(Account("Gecko", box.tradegecko_url, secret=box.tradegecko.token))
    box.tradegecko.token_life = 20  # so that each call needs a new one
    return connect(Account("Gecko", box.tradegecko_url, tokens=OwnTokens(box)))


def asked(box: Sandbox) -> list[tuple[str, str]]:
    """What the API was asked, tokens aside."""
    return [call for call in box.calls("tradegecko") if call != ("POST", "/oauth/token")]


def request(box: Sandbox, key: str = "k1", *, company: str = "") -> OrderRequest:
    variant = next(row for row in box.tradegecko.tables["variants"].values() if row["sku"] == "MUG-BLK")
    company = company or str(next(iter(box.tradegecko.tables["companies"])))
    return OrderRequest(
        key, "700-1", "700-1S", company, str(box.tradegecko.location_id("Main DC")), TO, f"label {key}", date(2024, 3, 4),
        (RequestedLine(str(variant["id"]), "MUG-BLK", 2, Decimal("4.25")),), currency="USD", notes="Service: GROUND",
        tags=("Overstock",),
    )  # fmt: skip


def test_an_order_is_one_call_with_everything_in_it(box: Sandbox, gecko: TradeGecko) -> None:
    receipt = gecko.create_order(request(box))

    assert asked(box) == [("POST", "/orders")]
    [order] = box.tradegecko.orders.values()
    assert (order["reference_number"], order["order_number"]) == ("700-1", "700-1S")
    assert (order["status"], order["issued_at"], order["tags"]) == ("active", "2024-03-04", ["Overstock"])
    address = box.tradegecko.tables["addresses"][order["shipping_address_id"]]
    assert (address["first_name"], address["last_name"], address["country_code"]) == ("Mary Ann", "O'Neil", "US")
    [line] = box.tradegecko.lines(order["id"])
    assert receipt.line_ids == (str(line["id"]),)


def test_a_used_key_is_told_apart_from_a_refusal(box: Sandbox, gecko: TradeGecko) -> None:
    gecko.create_order(request(box))
    with pytest.raises(KeyRefused):
        gecko.create_order(request(box))
    assert len(gecko.find_orders("700-1")) == 1


def test_a_refusal_names_the_fields(box: Sandbox, gecko: TradeGecko) -> None:
    with pytest.raises(Refused, match="company_id can't be blank"):
        gecko.create_order(request(box, company="999999"))


def test_void_and_similar_orders_are_not_found(box: Sandbox, gecko: TradeGecko) -> None:
    gecko.create_order(request(box))
    box.tradegecko.void(next(iter(box.tradegecko.orders.values())))
    assert gecko.find_orders("700-1") == []
    assert [one.status for one in gecko.orders_since(EPOCH)] == ["void"]


def test_items_are_exact_and_complete(box: Sandbox, gecko: TradeGecko) -> None:
    box.tradegecko.add_variant("MUG-BLK")
    box.tradegecko.add_variant("mug-blk")
    box.tradegecko.add_variant("OLD", status="archived")
    box.tradegecko.add_variant(None)
    found = gecko.items([" MUG-BLK ", "THROW-WL", "OLD", "NONE", *(f"X{n}" for n in range(100))])
    assert sorted(item.sku for item in found) == ["MUG-BLK", "MUG-BLK", "THROW-WL"]
    assert len(asked(box)) == 3


def test_the_catalogue_is_read_page_by_page_without_what_is_archived(box: Sandbox, gecko: TradeGecko) -> None:
    there = sum(len(page.items) for page in gecko.catalogue())
    for place in range(300):
        box.tradegecko.add_variant(f"V{place}")
    box.tradegecko.add_variant("OLD", status="archived")
    first, second = gecko.catalogue()
    assert (len(first.items), len(second.items), first.announced) == (250, there + 50, there + 300)
    assert list(gecko.catalogue(first_page=2)) == [second]
    assert "OLD" not in {item.sku for page in (first, second) for item in page.items}


def test_an_item_of_the_catalogue_that_cannot_be_read_is_named(server: Loopback, scripted: TradeGecko) -> None:
    rows = [{"id": 1, "sku": "A"}, {"id": 2, "sku": " B ", "max_online": "many"}, "no row"]
    server.will(200, json.dumps({"variants": rows}), X_Pagination=json.dumps({"total_records": 4, "last_page": True}))
    reading = scripted.catalogue()
    page = next(reading)
    assert ([item.sku for item in page.items], set(page.spoilt)) == (["A"], {"B", ""})
    with pytest.raises(Unreadable, match="announced 4 variants"):
        next(reading)


@pytest.mark.parametrize("sideload", ["always", "on request", "never"])
def test_parcels_come_with_their_lines_either_way(box: Sandbox, gecko: TradeGecko, sideload: str) -> None:
    box.tradegecko.sideload_lines = sideload
    gecko.create_order(request(box))
    order_id = next(iter(box.tradegecko.orders))
    line = box.tradegecko.lines(order_id)[0]["id"]
    box.tradegecko.ship(order_id, {line: 1}, tracking="1Z1")
    box.tradegecko.ship(order_id, {line: 1}, status="packed")
    box.tradegecko.void_parcel(list(box.tradegecko.tables["fulfillments"].values())[1])
    first, second = (one for one in gecko.parcels(EPOCH, {}) if isinstance(one, Parcel))
    assert (first.state, first.tracking_number, first.contents[0].quantity) == (ParcelState.SHIPPED, "1Z1", Decimal(1))
    assert second.state == ParcelState.VOID


def test_stock_is_read_page_by_page(box: Sandbox, gecko: TradeGecko) -> None:
    for place in range(300):
        box.tradegecko.add_variant(f"V{place}", stock=place)
    pages = list(gecko.levels())
    assert [len(page.item_ids) for page in pages] == [250, 62]


def test_a_sweep_that_lacks_announced_rows_is_not_complete(server: Loopback, scripted: TradeGecko) -> None:
    row = {"variant_id": 1, "locations": [{"location_id": 3, "stock_on_hand": "-1.5", "committed": None}]}
    paging = json.dumps({"total_records": 2, "last_page": True})
    server.will(200, json.dumps({"stock_levels": [row]}), X_Pagination=paging)
    sweep = scripted.levels()
    assert next(sweep).levels[0].available == Decimal("-1.5")
    with pytest.raises(Unreadable, match="announced 2"):
        next(sweep)


@pytest.mark.parametrize(("status", "body", "read", "write"), [
    (401, "{}", Misconfigured, Misconfigured), (402, "{}", Misconfigured, Misconfigured),
    (403, '{"type":"x","message":"no"}', Misconfigured, Misconfigured), (404, "<html>", Misconfigured, Misconfigured),
    (404, '{"type":"Not Found","message":"Couldn\'t find order"}', NotThere, NotThere), (414, "", TooLong, TooLong),
    (400, '{"type":"Bad Request","message":"Required parameter missing: order"}', Unreadable, Refused),
    (422, '{"errors":{"name":["can\'t be blank"]}}', Refused, Refused), (422, '{"errors":"no"}', Refused, Refused),
    (429, '{"error":"x"}', Unavailable, Unavailable), (500, "<html>", Unavailable, OutcomeUnknown),
    (503, "", Unavailable, OutcomeUnknown), (520, "<html>", Unavailable, OutcomeUnknown),
    (200, "<html>hi</html>", Unavailable, OutcomeUnknown), (200, "", Unavailable, OutcomeUnknown),
    (200, "[1]", Unreadable, OutcomeUnknown), (200, "[" * 100_000, Unreadable, OutcomeUnknown),
    (201, '{"order": 5}', Unreadable, OutcomeUnknown),
])  # fmt: skip
def test_what_an_answer_means(
    server: Loopback, scripted: TradeGecko, box: Sandbox, status: int, body: str,
    read: type[IntegrationError], write: type[IntegrationError],
) -> None:  # fmt: skip
    server.will(status, body)
    with pytest.raises(read) as caught:
        list(scripted.orders_since(EPOCH))
    assert type(caught.value) is read
    with pytest.raises(write) as caught_write:
        scripted.create_order(request(box))
    assert type(caught_write.value) is write
    assert "top-secret-token" not in f"{caught.value}{caught_write.value}"


def test_a_rate_limit_waits_for_the_windows_end(server: Loopback, scripted: TradeGecko) -> None:
    reset = int((datetime.now(UTC) + timedelta(seconds=120)).timestamp())
    server.will(429, '{"error":"x"}', X_Rate_Limit_Reset=str(reset))
    with pytest.raises(Unavailable) as caught:
        scripted.check()
    assert caught.value.throttled
    assert timedelta(seconds=100) < (caught.value.retry_after or timedelta(0)) <= timedelta(seconds=121)


@pytest.mark.parametrize(
    ("value", "number"), [(None, None), (0, 0), ("13.5", Decimal("13.5")), ("-12", -12), ("", None)]
)
def test_figures_are_none_a_number_or_text(value: object, number: Decimal | None) -> None:
    assert messages.decimal(value, "x") == number


@pytest.mark.parametrize("value", ["many", True, "NaN", {}, "1e999"])
def test_other_figures_are_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        messages.decimal(value, "stock_on_hand")


@pytest.mark.parametrize("options", [{"tax_treatment": "Inclusive"}, {"company_type": "customer"}])
def test_a_word_that_the_other_side_does_not_know_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(Misconfigured, match=f"{next(iter(options))} must be one of"):
        connect(Account("Gecko", "http://127.0.0.1:9", secret="t", options=options))
