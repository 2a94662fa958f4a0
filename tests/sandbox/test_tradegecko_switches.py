"""What the contract leaves open is a switch; what the warehouse's staff do is a control call (tradegecko 6, 9)."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.warehouse import Client

Json = dict[str, Any]


def control(client: Client, what: str, expect: int = 200, **given: Any) -> Json:
    answer = requests.post(f"{client.box.tradegecko_url}/_sandbox/{what}", json=given, timeout=10)
    assert answer.status_code == expect, answer.text
    found: Json = answer.json()
    return found


def switch(client: Client, **values: Any) -> None:
    control(client, "settings", tradegecko=values)


# --- switches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "bare", "asked"), [("always", 1, 1), ("on request", 0, 1), ("never", 0, 0)])
def test_parcels_come_with_their_lines_always_on_request_or_never(
    client: Client, how: str, bare: int, asked: int
) -> None:
    switch(client, sideload_lines=how)
    parcel = client.parcel(client.order(client.line()))
    for path in ("/fulfillments", f"/fulfillments/{parcel['id']}"):
        assert len(client.get(path).get("fulfillment_line_items", [])) == bare
        assert len(client.get(f"{path}?include=fulfillment_line_items").get("fulfillment_line_items", [])) == asked


def test_unfinalized_orders_can_be_packed_if_switched(client: Client) -> None:
    switch(client, finalize_before_packing=False, actions_answer_201=True)
    order = client.order(client.line(), status="active")
    client.act(order, "pack", 201)
    assert client.show("orders", order["id"])["packed_status"] == "packed"


def test_ended_orders_are_in_unfiltered_lists_if_switched(client: Client) -> None:
    order = client.order(client.line())
    client.act(order, "void")
    assert client.index("orders") == []
    assert len(client.index("orders", "status[]=void&status[]=deleted")) == 1
    switch(client, list_ended=True)
    assert [row["id"] for row in client.index("orders")] == [order["id"]]


def test_shipped_orders_can_be_voided_if_switched(client: Client) -> None:
    order = client.order(client.line())
    client.act(order, "fulfil")
    client.call("DELETE", f"/orders/{order['id']}", expect=422)
    switch(client, void_shipped=True)
    client.call("DELETE", f"/orders/{order['id']}", expect=204)
    assert client.show("orders", order["id"])["status"] == "void"


def test_lines_of_finalized_orders_stay_if_switched(client: Client) -> None:
    switch(client, finalized_lines_stay=True)
    order = client.order(client.line())
    [line] = client.show("orders", order["id"])["order_line_item_ids"]
    assert client.show("orders", order["id"])["status"] == "finalized"
    client.call("PUT", f"/order_line_items/{line}", {"order_line_item": {"quantity": "3"}}, expect=422)
    client.call("DELETE", f"/order_line_items/{line}", expect=422)
    client.call("PUT", f"/orders/{order['id']}", {"order": {"order_line_items": [client.line()]}}, expect=422)


def test_shipping_may_leave_its_time_empty(client: Client) -> None:
    switch(client, omit_shipped_at=True)
    parcel = client.parcel(client.order(client.line()), status="fulfilled")
    assert (parcel["status"], parcel["shipped_at"]) == ("fulfilled", None)


def test_large_pages_are_clamped_if_switched(client: Client) -> None:
    switch(client, clamp_page_size=True)
    assert len(client.get("/variants?limit=999")["variants"]) == 12


def test_duplicate_order_numbers_are_refused_if_switched(client: Client) -> None:
    client.order(order_number="N1")
    order = client.order(order_number="N1")
    switch(client, reject_duplicate_order_numbers=True)
    given = {"company_id": client.company(), "shipping_address": {"address1": "a"}, "issued_at": "2021-10-01"}
    assert client.refused("orders", **given, order_number="N1") == {"order_number": ["has already been taken"]}
    client.put("orders", order["id"], order_number="N1")


def test_line_ids_may_come_in_another_order_than_the_lines(client: Client) -> None:
    switch(client, mix_line_ids=True)
    order = client.order(client.line(), client.line("TEE-RED-M"))
    lines = client.index("order_line_items", f"order_id={order['id']}")
    assert order["order_line_item_ids"] == [line["id"] for line in lines][::-1]


def test_a_created_order_may_be_late_in_lists(client: Client) -> None:
    switch(client, index_lag=3600)
    order = client.order()
    assert client.index("orders") == []
    assert client.show("orders", order["id"])
    switch(client, index_lag=0)
    assert len(client.index("orders")) == 1


@pytest.mark.parametrize(("settings", "says"), [
    ({"tradegecko": {"nonsense": 1}}, "there is no switch nonsense"), ({"odoo": {}}, "settings has no odoo; it takes oasis, tradegecko"),
    ({"tradegecko": {"limit": "many"}}, "one of whole numbers"), ({"tradegecko": {"limit": True}}, "limit cannot be True"),
    ({"tradegecko": {"sideload_lines": "maybe"}}, "one of always"), ({"tradegecko": {"list_ended": 1}}, "true, false"),
])  # fmt: skip
def test_a_wrong_setting_is_explained(client: Client, settings: Json, says: str) -> None:
    assert says in control(client, "settings", 400, **settings)["error"]


def test_settings_can_be_read(client: Client) -> None:
    switch(client, limit=50)
    found = requests.get(f"{client.box.tradegecko_url}/_sandbox/settings", timeout=10).json()
    assert found["tradegecko"]["limit"] == 50
    assert found["oasis"]["form"] == "M"


# --- what the warehouse's staff do ------------------------------------------------------------------------------


def test_staff_ship_an_order_by_its_reference_and_add_the_tracking_later(client: Client) -> None:
    order = client.order(client.line(), status="active", reference_number="R")
    parcel = control(client, "ship", reference="R", carrier="DHL")["fulfillment_id"]
    assert client.show("orders", order["id"])["status"] == "fulfilled"
    control(client, "parcels/edit", fulfillment_id=parcel, tracking_number="LATE")
    row = client.show("fulfillments", parcel)
    assert (row["tracking_company"], row["tracking_number"]) == ("DHL", "LATE")
    control(client, "parcels/void", fulfillment_id=parcel)
    assert client.show("orders", order["id"])["status"] == "finalized"


def test_staff_ship_some_units_of_a_line(client: Client) -> None:
    order = client.order(client.line(quantity="3"), status="active")
    [line] = order["order_line_item_ids"]
    control(client, "ship", order_id=order["id"], quantities={str(line): 2})
    assert client.show("orders", order["id"])["fulfillment_status"] == "partial"
    assert "is more than" in control(client, "ship", 400, order_id=order["id"], quantities={str(line): 2})["error"]


def test_staff_edit_lines_and_void_the_order(client: Client) -> None:
    order = client.order(client.line(), status="active", reference_number="R")
    added = control(client, "lines/add", reference="R", variant_id=client.variant("TEE-RED-M"), quantity=1)["line_id"]
    control(client, "lines/edit", line_id=order["order_line_item_ids"][0], quantity=1)
    assert client.show("stock_levels", client.variant())["committed_stock"] == "1"
    control(client, "lines/remove", line_id=added)
    assert client.show("orders", order["id"])["order_line_item_ids"] == order["order_line_item_ids"]
    control(client, "void", reference="R")
    assert client.show("orders", order["id"])["status"] == "void"
    assert client.show("stock_levels", client.variant())["committed_stock"] == "0"


@pytest.mark.parametrize(("what", "given", "says"), [
    ("ship", {"reference": "R9"}, "TradeGecko has no living order with reference 'R9'"),
    ("void", {"order_id": 5}, "TradeGecko has nothing with id 5 in orders"),
    ("parcels/void", {}, "'fulfillment_id' is missing or unknown"),
    ("stock", {"sku": "NOPE", "quantity": 1}, "there is no variant with SKU 'NOPE'"),
    ("stock", {"sku": "MUG-BLK", "quantity": 1, "location": "Moon"}, "there is no location 'Moon'"),
    ("nonsense", {}, "no POST nonsense"),
    ("stock", {"sku": "MUG-BLK", "on_hand": 1}, "stock has no on_hand; it takes location, quantity, sku"),
    ("ship", {"reference": "R9", "tracking_number": "1Z"},
     "ship has no tracking_number; it takes carrier, order_id, quantities, reference, service, status, tracking"),
    ("void", {"reference": "R9", "reason": "x"}, "void has no reason; it takes order_id, reference"),
    ("lines/remove", {"line_id": 1, "quantity": 1}, "lines/remove has no quantity; it takes line_id"),
    ("faults", {"system": "odoo", "name": "503"}, "there is no system 'odoo'; there are oasis, tradegecko"),
    ("faults", {"system": "oasis", "name": "503", "times": "3"}, "times of a fault cannot be '3'"),
    ("faults", {"system": "oasis", "name": "503", "count": 3},
     "faults has no count; it takes method, name, path, retry_after, seconds, system, times"),
])  # fmt: skip
def test_a_control_call_that_cannot_be_done_says_why(client: Client, what: str, given: Json, says: str) -> None:
    assert control(client, what, 400, **given)["error"] == says


@pytest.mark.parametrize(("what", "given", "says"), [
    ("parcels/edit", {"fulfillment_id": 1, "tracking": "LATE"}, "parcels/edit has no tracking; it takes billing_address_id"),
    ("lines/edit", {"line_id": 1, "quanttity": 2}, "lines/edit has no quanttity; it takes discount"),
    ("lines/add", {"reference": "R", "sku": "MUG-BLK"}, "lines/add has no sku; it takes discount"),
])  # fmt: skip
def test_an_edit_names_the_fields_that_there_are(client: Client, what: str, given: Json, says: str) -> None:
    error = control(client, what, 400, **given)["error"]
    assert error.startswith(says)
    assert ("tracking_number" in error) == (what == "parcels/edit")


def test_a_control_call_takes_an_object_only(client: Client) -> None:
    answer = requests.post(f"{client.box.tradegecko_url}/_sandbox/stock", json=[1], timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "send a JSON object")
