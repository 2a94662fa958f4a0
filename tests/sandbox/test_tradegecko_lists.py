"""The sandbox's TradeGecko answers lists, addresses and verbs as its contract says (tradegecko 2)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.sandbox.warehouse import Client, Json

SOON = datetime.now(UTC) + timedelta(hours=1)
AGO = datetime.now(UTC) - timedelta(hours=1)


def pages(client: Client, path: str) -> tuple[requests.Response, Json]:
    answer = client.call("GET", path)
    return answer, json.loads(answer.headers["X-Pagination"])


@pytest.mark.parametrize(("query", "found"), [
    ("status[]=active", 1), ("status=draft,active", 0), ("tags=MP1", 1), ("tags[]=MP1&tags[]=x", 1), ("tags=MP", 0),
    ("fulfillment_status=unshipped", 1), ("fulfillment_status=shipped", 0), ("payment_status=paid", 0),
    ("invoice_status=uninvoiced", 1), ("packed_status=packed", 0), ("shippability_status=shippable", 1), ("source_id=9", 0),
    ("user_id=41,42", 1), ("currency_id=1", 0), ("reference_number=R", 1), ("email=x", 1), ("unknown=5", 1), ("ids=", 1),
    ("ids=1,2", 0), ("q=gift", 1), ("q=zzz", 0), ("created_at_min=2014-01-01", 1), ("created_at_max=03-03-2014", 0),
    ("updated_at_min=Wed, 17 Jul 2013 09:50:56 GMT", 1), ("updated_at_max=Feb 05 2015", 0), ("limit=", 1), ("page=0", 1),
])  # fmt: skip
def test_orders_are_filtered_by_what_is_documented_and_by_nothing_else(client: Client, query: str, found: int) -> None:
    client.order(client.line(), status="active", tags=["MP1", "B"], reference_number="R", notes="a Gift")
    assert len(client.get(f"/orders?{query}")["orders"]) == found


@pytest.mark.parametrize("zone", [0, 9, -7])
def test_times_with_an_offset_are_the_same_moment(client: Client, zone: int) -> None:
    client.order()
    there = timezone(timedelta(hours=zone))
    for at, found in ((AGO, 1), (SOON, 0)):
        text = at.astimezone(there).isoformat(timespec="seconds")
        assert len(client.index("orders", f"updated_at_min={quote(text)}")) == found
        assert len(client.index("orders", f"updated_at_min={text}")) == found


@pytest.mark.parametrize("query", ["limit=abc", "limit=-1", "limit=251", "page=x", "created_at_min=garbage"])
def test_what_cannot_be_read_in_a_query_is_a_bad_request(client: Client, query: str) -> None:
    assert client.get(f"/orders?{query}", 400)["type"] == "Bad Request"
    assert client.get(f"/stock_levels?{query}", 400)["type"] == "Bad Request"


@pytest.mark.parametrize(("path", "found"), [
    ("/variants?q=lamp", 1), ("/variants?composite=true", 0), ("/variants?sellable=1", 12), ("/variants?sku=mug-blk", 0),
    ("/variants?stock_location_id[]=5", 0), ("/variants?status=archived", 0), ("/companies?name=Nobody", 1),
    ("/companies?email=x", 0), ("/companies?company_code=Z", 0), ("/companies?company_type=supplier", 0),
    ("/order_line_items?order_status=active", 2), ("/order_line_items?order_status=void", 0),
    ("/fulfillments?company_id=1", 0), ("/stock_levels?ids[]=1", 0), ("/stock_levels?updated_at_min=2999-01-01", 0),
    ("/stock_levels?page=2&limit=10", 2), ("/price_lists?limit=5", 3), ("/accounts?limit=1", 1),
])  # fmt: skip
def test_other_lists_have_filters_of_their_own(client: Client, path: str, found: int) -> None:
    client.order(client.line(), client.line("TEE-RED-M"), status="active")
    assert len(next(iter(client.get(path).values()))) == found


def test_the_stock_that_changed_is_found_by_its_time_not_by_the_variants(client: Client) -> None:
    before = client.show("variants", client.variant())
    client.box.tradegecko.tables["variants"][before["id"]]["stock_updated_at"] = "2999-01-01T00:00:00.000Z"
    [level] = client.index("stock_levels", "updated_at_min=2998-01-01")
    assert level["variant_id"] == before["id"]
    assert client.show("variants", before["id"])["updated_at"] == before["updated_at"]


def test_rows_come_most_recent_first_and_lines_by_position(client: Client) -> None:
    orders = [client.order(client.line(position=2), client.line("TEE-RED-M", position=1)) for _ in range(3)]
    ids = [order["id"] for order in orders]
    assert [row["id"] for row in client.index("orders")] == ids[::-1]
    for query in ("order=created_at+asc", "order=updated_at%2Basc", "order=id"):
        assert [row["id"] for row in client.index("orders", query)] == ids
    assert [row["position"] for row in client.index("order_line_items", f"order_id={ids[0]}")] == [1, 2]


def test_pages_say_where_they_are_and_where_the_next_one_is(client: Client) -> None:
    answer, paging = pages(client, "/variants?limit=5&sellable=true")
    assert paging == {
        "total_records": 12, "total_pages": 3, "first_page": True, "last_page": False, "out_of_bounds": False, "offset": 0,
    }  # fmt: skip
    following = requests.get(answer.links["next"]["url"], headers=client.session.headers, timeout=10)
    assert json.loads(following.headers["X-Pagination"])["offset"] == 5
    assert "page=3" in answer.links["last"]["url"]
    last, paging = pages(client, "/variants?limit=5&page=3")
    assert (paging["last_page"], last.links, len(last.json()["variants"])) == (True, {}, 2)
    _, paging = pages(client, "/variants?limit=0")
    assert (paging["total_records"], paging["total_pages"], paging["last_page"]) == (12, 1, True)


def test_what_is_included_comes_beside_the_record(client: Client) -> None:
    order = client.order(client.line())
    names = "order_line_items,shipping_address,billing_address,company,stock_location,currency,nonsense"
    beside = client.get(f"/orders/{order['id']}?include={names}")
    assert {name: len(rows) for name, rows in beside.items() if name != "order"} == {
        "order_line_items": 1, "addresses": 1, "companies": 1, "locations": 1, "currencies": 1,
    }  # fmt: skip
    assert client.get("/orders?include=order_line_items").keys() == {"orders"}
    assert len(client.get("/products?include=variants&limit=3")["variants"]) == 3
    assert client.get(f"/companies/{client.company()}?include=addresses,contacts").keys() >= {"company", "addresses"}
    assert client.get(f"/variants/{client.variant()}?include=product").keys() == {"variant", "products"}


def test_a_query_that_is_too_long_is_refused(client: Client) -> None:
    client.call("GET", f"/variants?{'&'.join(f'sku[]=SKU-{n}' for n in range(1000))}", expect=414)


# --- addresses and verbs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), [
    ("PUT", "/orders"), ("DELETE", "/orders"), ("OPTIONS", "/orders"), ("POST", "/stock_levels"), ("GET", "/nonsense"),
    ("POST", "/accounts"), ("DELETE", "/accounts/current"), ("GET", "/orders/.json"), ("POST", "/users"), ("GET", "/"),
])  # fmt: skip
def test_an_address_or_verb_that_is_not_in_the_matrix_is_a_web_page(client: Client, method: str, path: str) -> None:
    answer = client.call(method, path, {"order": {"status": "draft"}}, 404)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert client.index("orders") == []


def test_actions_are_posted_to_orders_and_to_nothing_else(client: Client) -> None:
    order = client.order(client.line())
    for method, path in (
        ("GET", f"/orders/{order['id']}/actions/void"), ("POST", f"/orders/{order['id']}/nonsense/void"),
        ("POST", f"/companies/{client.company()}/actions/void"), ("POST", f"/orders/{order['id']}"),
    ):  # fmt: skip
        client.call(method, path, {}, 404)
    assert client.act(order, "nonsense", 404)["type"] == "Not Found"
    assert client.show("orders", order["id"])["status"] == "finalized"


def test_json_suffix_and_trailing_slash_are_accepted(client: Client) -> None:
    order = client.order()
    for path in ("/orders.json", "/orders/", f"/orders/{order['id']}.json", "/stock_levels.json", "/accounts/current/"):
        client.get(path)
    assert client.call("HEAD", "/orders").content == b""


def test_a_created_record_says_where_it_is(client: Client) -> None:
    answer = client.call("POST", "/companies", {"company": {"name": "A", "company_type": "business"}}, 201)
    assert answer.headers["Location"] == f"{client.box.tradegecko_url}/companies/{answer.json()['company']['id']}"
    assert {"X-Request-Id", "X-Rate-Limit-Limit", "X-Rate-Limit-Reset"} <= answer.headers.keys()


def test_a_form_with_nested_names_is_as_good_as_json(client: Client) -> None:
    variant, address = client.variant(), f"{client.box.tradegecko_url}/orders"
    pairs = [("company_id", str(client.company())), ("status", "active"), ("issued_at", "2021-10-01")]
    pairs += [("shipping_address][address1", "17 Larch"), ("tags][", "A"), ("tags][", "B")]
    for units in ("1", "2"):
        pairs += [("order_line_items][][variant_id", str(variant)), ("order_line_items][][quantity", units)]
    answer = client.session.post(address, data=[(f"order[{name}]", value) for name, value in pairs], timeout=10)
    assert (answer.status_code, answer.json()["order"]["tags"]) == (201, ["A", "B"])
    lines = client.index("order_line_items", f"order_id={answer.json()['order']['id']}")
    assert [line["quantity"] for line in lines] == ["1.0", "2.0"]


@pytest.mark.parametrize("body", ["", "[]", "{}", "nonsense", '{"company": []}', "[" * 100_000, '{"company": null}'])
def test_a_body_without_the_record_is_a_bad_request(client: Client, body: str) -> None:
    address = f"{client.box.tradegecko_url}/companies"
    answer = client.session.post(address, data=body, headers={"Content-Type": "application/json"}, timeout=10)
    assert (answer.status_code, answer.json()["type"]) == (400, "Bad Request")


def test_whatever_breaks_inside_is_a_json_error_and_undone(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.sandbox.gecko_orders._moved", lambda *_: 1 / 0)
    given = {"company_id": client.company(), "shipping_address": {"address1": "a"}, "issued_at": "2021-10-01"}
    answer = client.call("POST", "/orders", {"order": {**given, "order_line_items": [client.line()]}}, 500)
    assert "ZeroDivisionError" in answer.json()["message"]
    assert client.index("orders") == client.index("addresses") == client.index("order_line_items") == []


def test_lists_stay_quick_with_thousands_of_orders(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: a list reads the rows that belong to its own page, not all rows for each order."""
    gecko = client.box.tradegecko
    company, variant = client.company(), client.variant()
    address = client.create("addresses", company_id=company, address1="a")["id"]
    for number in range(2000):
        order = gecko.add("orders", company_id=company, shipping_address_id=address, billing_address_id=address,
                          order_number=f"N{number}", stock_location_id=gecko.location_id(), currency_id=12)  # fmt: skip
        gecko.add("order_line_items", order_id=order["id"], variant_id=variant, price="1.0", position=1)
    read: list[Any] = []
    children = gecko.children

    def counted(*what: Any) -> list[Any]:
        rows = children(*what)
        read.extend(rows)
        return rows

    monkeypatch.setattr(gecko, "children", counted)
    assert len(client.index("orders")) == 250
    assert len(read) < 250 * 20
