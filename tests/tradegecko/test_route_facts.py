"""Company, location and currency of a route: made once, remembered, and asked for again when TradeGecko refuses them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations import places
from integrations.account import Account
from integrations.errors import KeyRefused, Misconfigured, OutcomeUnknown, Refused
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from integrations.tradegecko.adapter import TradeGecko, connect
from integrations.warehouse_facts import AccountCurrencies, CompanyRequest
from tests.loopback import Loopback, loopback

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
NONE = '{"companies": []}'
TAKEN = '{"type": "Bad Request", "message": "Duplicate Idempotency Key header detected"}'


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


@pytest.fixture
def scripted(server: Loopback) -> TradeGecko:
    return connect(Account("Gecko", server.url))


def attempt(manage: Run, *args: str) -> str:
    try:
        return manage(*args)
    except CommandError as exc:
        return str(exc)


def keys(server: Loopback) -> list[str]:
    return [one.headers["idempotency-key"] for one in server.asked if one.method == "POST"]


def test_a_burnt_key_is_replaced_by_a_new_one(server: Loopback, scripted: TradeGecko, route: Route) -> None:
    for status, body in (
        (200, NONE), (503, ""), (200, NONE), (400, TAKEN), (200, NONE), (201, '{"company": {"id": 77}}'),
    ):  # fmt: skip
        server.will(status, body)
    for expected in (OutcomeUnknown, KeyRefused):
        with pytest.raises(expected):
            places.company_id(route, scripted)
    assert places.company_id(route, scripted) == "77"
    first, second, third = keys(server)
    assert first == second != third
    assert Route.objects.get().company_id == "77"


def test_a_company_that_may_be_there_already_is_not_created_again_too_soon(
    server: Loopback, scripted: TradeGecko, route: Route, settings: Any
) -> None:
    settings.LOOKUP_GRACE_SECONDS = 30
    server.will(200, NONE)
    server.will(503)
    server.will(200, NONE)
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            places.company_id(route, scripted)
    assert len(keys(server)) == 1
    server.answers = [(200, {}, b'{"companies": [{"id": 5, "name": "Overstock.com"}]}')]
    assert places.company_id(route, scripted) == "5"


def test_an_answer_without_an_id_is_looked_up(server: Loopback, scripted: TradeGecko, route: Route) -> None:
    server.will(200, NONE)
    server.will(201, '{"company": {}}')
    with pytest.raises(OutcomeUnknown, match="looked for before it is created again"):
        places.company_id(route, scripted)


def test_a_refused_company_gets_a_new_key(server: Loopback, scripted: TradeGecko, route: Route) -> None:
    for _ in range(2):
        server.will(200, NONE)
        server.will(422, '{"errors": {"name": ["is odd"]}}')
    for _ in range(2):
        with pytest.raises(Refused, match="name is odd"):
            places.company_id(route, scripted)
    assert len(set(keys(server))) == 2
    assert CompanyRequest.objects.get().asked_at is None


def test_a_company_whose_answer_is_lost_is_there_once(shop: Sandbox, manage: Run, told: Told) -> None:
    shop.tradegecko.tables["companies"].clear()
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "503_after_apply", path="/companies", method="POST")
    assert "/companies" in attempt(manage, "run", "all")
    manage("run", "all")
    assert len(shop.tradegecko.tables["companies"]) == 1
    assert told(number)["status"] == "submitted"


@pytest.mark.parametrize("name", ["Overstock – Žofie", "オーバーストック", "a\tb"])
def test_a_company_may_have_any_name(shop: Sandbox, manage: Run, told: Told, name: str) -> None:
    Route.objects.update(company_name=name)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert told(number)["status"] == "submitted"
    assert name in [row["name"] for row in shop.tradegecko.tables["companies"].values()]


def test_a_company_that_is_gone_is_made_again(shop: Sandbox, manage: Run, told: Told) -> None:
    first = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.tables["companies"].clear()
    later = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    assert [told(number)["status"] for number in (first, *later)] == ["submitted"] * 3
    assert len(shop.tradegecko.tables["companies"]) == 1


def test_a_location_that_is_gone_is_named_to_the_clerk(shop: Sandbox, manage: Run, told: Told) -> None:
    manage("run", "all")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    locations = shop.tradegecko.tables["locations"]
    old = locations.pop(shop.tradegecko.location_id("Main DC"))
    later = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    assert "has no active location 'Main DC'" in attempt(manage, "run", "all")
    locations[9001] = {**old, "id": 9001}
    manage("run", "all")
    assert (told(number)["status"], told(later)["status"]) == ("submitted", "submitted")
    assert shop.tradegecko.by_reference(later)[0]["stock_location_id"] == 9001


def test_orders_that_come_one_by_one_cost_one_call_each(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    before = len(shop.calls("tradegecko"))
    for _ in range(4):
        shop.oasis.add_order({"partner_sku": "MUG-BLK"})
        manage("run", "pull_orders")
        manage("run", "submit_orders")
    assert shop.calls("tradegecko")[before:] == [("POST", "/orders")] * 4


def test_currencies_are_asked_for_again_when_they_are_old_or_one_is_missed(
    server: Loopback, scripted: TradeGecko, gecko: Connection
) -> None:
    server.will(200, '{"currencies": [{"id": 1, "iso": "usd"}]}')
    known = AccountCurrencies.objects.filter(connection=gecko)
    for iso, there in (("USD", True), ("USD", True), ("EUR", False)):
        assert places.has_currency(gecko, scripted, iso) is there
    assert len(server.asked) == 1
    known.update(read_at=timezone.now() - places.NO_CURRENCY_FOR * 2)
    assert places.has_currency(gecko, scripted, "USD")
    assert len(server.asked) == 1
    assert not places.has_currency(gecko, scripted, "EUR")
    known.update(read_at=timezone.now() - places.CURRENCY_FOR)
    assert places.has_currency(gecko, scripted, "USD")
    assert len(server.asked) == 3


@pytest.mark.parametrize("path", ["/currencies", "/stock_levels", "/companies", "/fulfillments", "/variants"])
def test_a_right_that_is_missing_stops_only_what_needs_it(
    shop: Sandbox, manage: Run, gecko: Connection, path: str
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "403", path=path, times=100)
    attempt(manage, "run", "all")
    gecko.refresh_from_db()
    assert not gecko.is_stopped
    assert len(shop.tradegecko.orders) == (0 if path in ("/companies", "/variants") else 1)


@pytest.mark.parametrize("path", ["/orders", "/accounts/current"])
def test_a_token_without_the_right_to_orders_stops_the_connection(server: Loopback, path: str) -> None:
    server.will(403, '{"message": "no"}')
    gecko = connect(Account("Gecko", server.url))
    with pytest.raises(Misconfigured, match="rights") as caught:
        gecko.check() if path == "/accounts/current" else gecko.find_orders("1")
    assert caught.value.credentials


@pytest.mark.parametrize("token", ["žeton", "tökén", "to ken", "token\n", "tok\x00en", "tok\ud800en"])
def test_a_token_that_no_header_can_carry_is_told(server: Loopback, token: str) -> None:
    with pytest.raises(Misconfigured, match="Enter the token again") as caught:
        connect(Account("Gecko", server.url, secret=token))
    assert caught.value.credentials
    assert token not in str(caught.value)


def test_an_order_booked_in_another_currency_is_told(shop: Sandbox, manage: Run, told: Told, gecko: Connection) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    AccountCurrencies.objects.filter(connection=gecko).update(ids={"USD": "1", "EUR": str(booked_in(shop))})
    later = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    assert "booked it in EUR, though its prices are in USD" in attempt(manage, "run", "all")
    assert [told(one)["status"] for one in (number, later)] == ["submitted", "submitted"]


def booked_in(shop: Sandbox) -> int:
    """The currency that the sandbox books its orders in, whatever it is called."""
    return int(next(iter(shop.tradegecko.tables["currencies"])))


def test_a_full_answer_with_the_right_currency_is_no_problem(scripted: TradeGecko, server: Loopback) -> None:
    server.will(200, json.dumps({"orders": [{"id": 1, "currency_id": 12, "currency_iso": "usd"}]}))
    [receipt] = scripted.changed_orders(timezone.now())
    assert (receipt.currency, receipt.currency_id) == ("USD", "12")
