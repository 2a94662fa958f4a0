"""OAuth at TradeGecko: what the token address gives, and calls with tokens that change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from integrations.account import Account, Exchange
from integrations.errors import IntegrationError, Misconfigured, Unavailable, Unreadable
from integrations.sandbox.server import Sandbox
from integrations.tradegecko import oauth
from integrations.tradegecko.adapter import connect
from tests.loopback import Loopback, loopback
from tests.tradegecko.application import Counted, application

GIVEN = {"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 7200, "token_type": "bearer"}


class Diary:
    def __init__(self) -> None:
        self.kept: list[Exchange] = []

    def record(self, exchange: Exchange) -> None:
        self.kept.append(exchange)

    def problem(self, text: str) -> None:
        raise AssertionError(text)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


def test_a_code_and_then_each_refresh_token_are_good_once(box: Sandbox) -> None:
    account, back = Account("Gecko", box.tradegecko_url), "https://hub.example/back"
    asked = oauth.authorize_query(application(box, back), "s")
    sent = requests.get(f"{box.tradegecko_url}/oauth/authorize?{asked}", allow_redirects=False, timeout=10)
    code = sent.headers["Location"].partition("code=")[2].partition("&")[0]
    first = oauth.redeem(account, application(box, back), code)
    with pytest.raises(Misconfigured, match="redirect URI"):
        oauth.redeem(account, application(box, back), code)
    second = oauth.refresh(account, application(box), first.refresh)
    assert box.tradegecko.oauth.accepts(f"Bearer {second.access}")
    assert second.expires_at - datetime.now(UTC) > timedelta(hours=1.9)
    with pytest.raises(Misconfigured, match=r"HTTP 401, invalid_request\).*Authorize again") as caught:
        oauth.refresh(account, application(box), first.refresh)
    assert caught.value.credentials


@pytest.mark.parametrize(
    ("status", "body", "kind", "stops"),
    [
        (401, '{"error": "invalid_grant"}', Misconfigured, True),
        (400, '{"error": "old-refresh"}', Misconfigured, True),
        (404, "<html>", Misconfigured, False),
        (302, "", Misconfigured, False),
        (429, "{}", Unavailable, False),
        (500, "<html>", Unavailable, False),
        (200, "<html>", Unavailable, False),
        (200, "", Unavailable, False),
        (200, "[]", Unreadable, False),
        (200, '{"access_token": "with blanks"}', Unreadable, False),
        (200, '{"access_token": 5}', Unreadable, False),
    ],
)
def test_an_answer_without_a_token_says_what_now(
    server: Loopback, box: Sandbox, status: int, body: str, kind: type[IntegrationError], stops: bool
) -> None:
    server.will(status, body)
    with pytest.raises(kind) as caught:
        oauth.refresh(Account("Gecko", server.url), application(box), "old-refresh")
    assert type(caught.value) is kind
    assert getattr(caught.value, "credentials", False) is stops
    assert "old-refresh" not in str(caught.value)


@pytest.mark.parametrize("life", [None, "7200", 0, -1, 10**12])
def test_a_life_that_no_token_has_is_the_usual_one(server: Loopback, box: Sandbox, life: object) -> None:
    server.will(200, json.dumps({**GIVEN, "expires_in": life}))
    pair = oauth.refresh(Account("Gecko", server.url), application(box), "x")
    assert pair.expires_at - datetime.now(UTC) > timedelta(hours=1.9)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(GIVEN),
        json.dumps({"data": [GIVEN]}),
        json.dumps(GIVEN)[:60],
        "access_token=new-access&refresh_token=new-refresh",
        '"new-access"',
        "<a href='?access_token=new-access'>",
    ],
)
def test_no_record_of_the_token_address_holds_a_secret(server: Loopback, box: Sandbox, body: str) -> None:
    server.will(200, body)
    diary = Diary()
    for call, secret in ((oauth.refresh, "old-refresh"), (oauth.redeem, "the-code")):
        try:
            call(Account("Gecko", server.url, journal=diary), application(box), secret)
        except IntegrationError:
            assert body != json.dumps(GIVEN)
    told = repr(diary.kept)
    assert [one.method for one in diary.kept] == ["POST", "POST"]
    assert "grant_type=refresh_token" in told
    for secret in ("new-access", "new-refresh", "old-refresh", "the-code", application(box).secret):
        assert secret not in told


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, "{}"), (403, '{"message":"no"}'), (404, '{"message":"none"}'), (414, ""), (422, '{"errors":{"x":["y"]}}'),
        (429, "{}"), (500, ""), (503, ""), (400, '{"message":"Duplicate Idempotency Key header detected"}'),
    ],
)  # fmt: skip
def test_only_a_401_asks_for_another_token(server: Loopback, status: int, body: str) -> None:
    tokens = Counted()
    server.will(status, body)
    gecko = connect(Account("Gecko", server.url, tokens=tokens))
    with pytest.raises(IntegrationError):
        gecko.check()
    with pytest.raises(IntegrationError):
        gecko.create_company("X", idempotency_key="k")
    assert tokens.refused == []


def test_a_call_is_repeated_once_with_another_token_and_the_same_key(server: Loopback) -> None:
    tokens = Counted()
    server.will(401)
    server.will(201, '{"company": {"id": 5}}')
    assert connect(Account("Gecko", server.url, tokens=tokens)).create_company("X", idempotency_key="k") == "5"
    assert tokens.refused == ["token-0"]
    first, second = server.asked
    assert (first.body, first.headers["idempotency-key"]) == (second.body, second.headers["idempotency-key"])
    assert second.headers["authorization"] == "Bearer token-1"


def test_a_new_token_that_is_refused_too_stops(server: Loopback) -> None:
    server.will(401)
    with pytest.raises(Misconfigured, match="Authorize again") as caught:
        connect(Account("Gecko", server.url, tokens=Counted())).check()
    assert caught.value.credentials
    assert len(server.asked) == 2


def test_the_token_in_use_is_in_no_record_and_no_message(server: Loopback) -> None:
    diary = Diary()
    server.will(401, "token-0 is not good")
    server.will(422, '{"message": "token-1 and token-0 may not"}')
    with pytest.raises(IntegrationError) as caught:
        connect(Account("Gecko", server.url, journal=diary, tokens=Counted())).check()
    assert "*** and *** may not" in str(caught.value)
    assert "token-" not in repr(diary.kept)
