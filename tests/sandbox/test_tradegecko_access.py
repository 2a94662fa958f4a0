"""Tokens, idempotency keys and webhooks of the sandbox's TradeGecko (tradegecko 1, 2.7, 3.17)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integrations.sandbox import gecko_webhooks
from tests.loopback import Loopback, loopback
from tests.sandbox.warehouse import Client

Json = dict[str, Any]


# --- OAuth ------------------------------------------------------------------------------------------------------


def grant(client: Client, expect: int = 200, *, form: bool = False, **asked: str) -> Json:
    oauth = client.box.tradegecko.oauth
    body = {"client_id": oauth.client_id, "client_secret": oauth.client_secret, **asked}
    kind: Json = {"data": body} if form else {"json": body}
    answer = requests.post(f"{client.box.tradegecko_url}/oauth/token", timeout=10, **kind)
    assert answer.status_code == expect, answer.text
    found: Json = answer.json()
    return found


@pytest.mark.parametrize("form", [False, True])
def test_a_refresh_token_is_good_once(client: Client, form: bool) -> None:
    first = client.box.tradegecko.oauth.refresh_token
    issued = grant(
        client, grant_type="refresh_token", refresh_token=first, redirect_uri="https://hub.example", form=form
    )
    assert (issued["token_type"], issued["expires_in"], issued["scope"]) == ("bearer", 7200, "public")
    assert isinstance(issued["created_at"], int)
    refused = grant(client, 401, grant_type="refresh_token", refresh_token=first, form=form)
    assert refused["error"] == "invalid_request"
    again = grant(client, grant_type="refresh_token", refresh_token=issued["refresh_token"], form=form)
    assert len({again["access_token"], issued["access_token"]}) == 2


def test_an_access_token_is_accepted_until_it_expires(client: Client) -> None:
    oauth = client.box.tradegecko.oauth
    token = grant(client, grant_type="refresh_token", refresh_token=oauth.refresh_token)["access_token"]
    headers = {"Authorization": f"bearer {token}"}
    assert client.get("/accounts/current", headers=headers)
    oauth.access[token] -= 7200
    assert client.get("/accounts/current", 401, headers=headers)["type"] == "unauthorized"
    assert client.get("/accounts/current")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer no", "Basic sandbox-token", "sandbox-token"])
def test_without_a_good_token_nothing_is_answered(client: Client, header: str) -> None:
    assert client.get("/orders", 401, headers={"Authorization": header})["type"] == "unauthorized"


def test_a_code_from_the_browser_is_exchanged_once(client: Client) -> None:
    back = "https://hub.example/callback?shop=1"
    asked = {"response_type": "code", "client_id": client.box.tradegecko.oauth.client_id, "redirect_uri": back}
    sent = client.call("GET", "/oauth/authorize", None, 302, params={**asked, "state": "s"}, allow_redirects=False)
    answer = parse_qs(urlsplit(sent.headers["Location"]).query)
    assert (answer["shop"], answer["state"]) == (["1"], ["s"])
    [code] = answer["code"]
    assert grant(client, grant_type="authorization_code", code=code, redirect_uri=back)["expires_in"] == 7200
    grant(client, 401, grant_type="authorization_code", code=code, redirect_uri=back)
    client.call("GET", "/oauth/authorize", None, 401, params={**asked, "client_id": "x"}, allow_redirects=False)


@pytest.mark.parametrize(
    "asked", [{"client_secret": "no"}, {"client_id": "no"}, {"grant_type": "password"}, {"refresh_token": ""}]
)
def test_a_wrong_application_gets_no_token(client: Client, asked: Json) -> None:
    good = {"grant_type": "refresh_token", "refresh_token": client.box.tradegecko.oauth.refresh_token}
    grant(client, 401, **{**good, **asked})


def test_the_application_may_name_itself_by_basic_authorization(client: Client) -> None:
    oauth = client.box.tradegecko.oauth
    body = {"grant_type": "refresh_token", "refresh_token": oauth.refresh_token}
    address, who = f"{client.box.tradegecko_url}/oauth/token", (oauth.client_id, oauth.client_secret)
    assert requests.post(address, data=body, auth=who, timeout=10).json()["token_type"] == "bearer"


# --- idempotency ------------------------------------------------------------------------------------------------


def test_a_refused_request_burns_its_key_unless_switched(client: Client) -> None:
    key, good = {"Idempotency-Key": "k"}, {"company": {"name": "A", "company_type": "business"}}
    client.call("POST", "/companies", {"company": {}}, 422, headers=key)
    assert "Duplicate Idempotency Key" in client.call("POST", "/companies", good, 400, headers=key).text
    client.box.tradegecko.switch(refused_keys_stay_free=True)
    key = {"Idempotency-Key": "other"}
    client.call("POST", "/companies", {"company": {}}, 422, headers=key)
    client.call("POST", "/companies", good, 201, headers=key)
    client.call("POST", "/companies", good, 400, headers=key)
    assert len(client.index("companies")) == 2


# --- webhooks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setattr(gecko_webhooks, "PAUSES", (0, 0))
    with loopback() as one:
        one.will(200)
        yield one


def heard(ear: Loopback) -> list[Json]:
    """What arrived, once every delivery has come to its end."""
    for thread in threading.enumerate():
        if thread.name == "webhook":
            thread.join(timeout=20)
    return [json.loads(asked.body) for asked in ear.asked]


def test_a_signature_is_that_of_the_contract() -> None:
    body = (
        b'{"object_id":660001,"event":"fulfillment.create","timestamp":1633075200,'
        b'"resource_url":"https://api.tradegecko.com/fulfillments/660001.json","order_id":440001}'
    )
    assert gecko_webhooks.signature("sim-application-secret", body) == "7wuHwWFBcGvvjnQUhelcPbCZc51QXe3k7Q8DS08qXwc="


def test_a_parcel_is_told_to_who_wants_to_know(client: Client, ear: Loopback) -> None:
    for event in ("order.create", "order.finalized", "order.fulfilled", "fulfillment.create", "fulfillment.fulfilled"):
        client.create("webhooks", address=f"{ear.url}/{event}", event=event)
    order = client.order(client.line())
    parcel = client.parcel(order, "2", status="fulfilled")
    told = {body["event"]: body for body in heard(ear)}
    assert len(told) == 5
    assert told["order.finalized"]["object_id"] == told["order.fulfilled"]["object_id"] == order["id"]
    assert (told["fulfillment.create"]["object_id"], told["fulfillment.create"]["order_id"]) == (
        parcel["id"],
        order["id"],
    )
    address = told["fulfillment.fulfilled"]["resource_url"]
    assert client.session.get(address, timeout=10).json()["fulfillment"]["id"] == parcel["id"]
    secret = client.box.tradegecko.oauth.client_secret
    for asked in ear.asked:
        assert asked.headers["x-gecko-signature"] == gecko_webhooks.signature(secret, asked.body)
        assert asked.headers["x-gecko-delivery"]


def test_stock_that_changes_is_told_and_what_was_undone_is_not(client: Client, ear: Loopback) -> None:
    client.create("webhooks", address=ear.url, event="variant.stock_level_update")
    client.box.tradegecko.set_stock("MUG-BLK", 5)
    assert [body["object_id"] for body in heard(ear)] == [client.variant()]
    client.refused("orders", company_id=client.company(), shipping_address={"address1": "a"}, issued_at="2021-10-01",
                   status="active", order_line_items=[client.line(), {"variant_id": 5}])  # fmt: skip
    assert len(heard(ear)) == 1


def test_a_failed_delivery_is_tried_again_and_a_gone_address_is_forgotten(client: Client, ear: Loopback) -> None:
    hook = client.create("webhooks", address=ear.url, event="company.create")
    ear.answers.clear()
    for status in (500, 302):
        ear.will(status)
    client.create("companies", name="A", company_type="business")
    assert len(heard(ear)) == 2
    ear.answers.clear()
    ear.will(410)
    client.create("companies", name="B", company_type="business")
    assert len(heard(ear)) == 3
    client.get(f"/webhooks/{hook['id']}", 404)


def test_nothing_is_sent_to_other_machines() -> None:
    assert gecko_webhooks.is_local("http://127.0.0.1:9/x")
    assert gecko_webhooks.is_local("http://localhost/x")
    for address in ("http://example.com/", "https://10.0.0.1/", "ftp://127.0.0.1/", "nonsense", "http://[::x]/"):
        assert not gecko_webhooks.is_local(address)


def test_a_webhook_is_listed_and_deleted(client: Client) -> None:
    hook = client.create("webhooks", address="https://hub.example/tg", event="order.create")
    assert [row["id"] for row in client.index("webhooks")] == [hook["id"]]
    client.call("DELETE", f"/webhooks/{hook['id']}", expect=204)
    assert client.index("webhooks") == []
