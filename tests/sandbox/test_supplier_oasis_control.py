"""What the retailer does in the simulated Supplier Oasis, and what goes wrong on the wire, by switch."""

from __future__ import annotations

import pytest
import requests

from integrations.sandbox.server import Sandbox
from tests.sandbox.supplier import (
    Supplier,
    codes,
    confirmation,
    first,
    shipment,
    shipments,
    text,
)


def test_the_retailer_changes_an_order_and_its_line(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    address = {"city": "Reno"}
    supplier.control("POST", "orders/edit", {"number": number, "address": address, "service": "TWO_DAY"})
    supplier.control("POST", "orders/edit", {"number": number, "line": "1", "quantity": 5, "partner_sku": "B"})
    order = supplier.order()
    assert (text(order, "city"), text(order, "contactName")) == ("Reno", "Pat Doe")
    assert text(first(order, "shippingServiceLevel"), "code") == "TWO_DAY"
    assert (text(order, "quantity"), text(order, "partnerSKU")) == ("5", "B")


def test_what_the_retailer_cannot_change_is_said(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    for change, word in (
        ({"colour": 1}, "colour"),
        ({"address": {"street": "x"}}, "street"),
        ({"line": "9"}, "no line 9"),
        ({"line": "1", "address": {}}, "address"),
    ):
        assert word in supplier.control("POST", "orders/edit", {"number": number, **change})["error"]


def test_the_retailer_cancels_what_has_not_shipped(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"}, {"partner_sku": "B"})
    supplier.post("/shipments", shipments(shipment(number, confirmation())))
    supplier.control("POST", "cancel", {"number": number})
    order = supplier.box.oasis.orders[number]
    assert ([line.status for line in order.lines], order.status) == (["SHIPPED", "CANCELLED"], "COMPLETE")


def test_an_order_may_be_gone_from_the_marketplace(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    assert supplier.control("POST", "orders/remove", {"number": number}) == {"ok": True}
    assert text(supplier.orders(), "totalCount") == "0"


def switch_on(supplier: Supplier, name: str, **values: object) -> str:
    """Switch a fault on for shipments; a message that would be good."""
    fault = {"system": "oasis", "name": name, "path": "/shipments", **values}
    assert supplier.control("POST", "faults", fault) == {"ok": True}
    return shipments(shipment(supplier.box.oasis.add_order({"partner_sku": "A"}), confirmation()))


@pytest.mark.parametrize(("name", "applied"), [("slow", False), ("slow_after_apply", True)])
def test_a_slow_answer_may_have_taken_effect_or_not(supplier: Supplier, name: str, applied: bool) -> None:
    body = switch_on(supplier, name, seconds=600)
    with pytest.raises(requests.Timeout):
        supplier.post("/shipments", body, timeout=2)
    [number] = supplier.box.oasis.orders
    assert bool(supplier.box.oasis.shipments(number)) is applied


def test_a_slow_answer_comes_in_the_end(supplier: Supplier) -> None:
    assert supplier.post("/shipments", switch_on(supplier, "slow", seconds=0.1)).status_code == 200


def test_too_many_requests_may_say_how_long_to_wait(supplier: Supplier) -> None:
    answer = supplier.post("/shipments", switch_on(supplier, "429", retry_after="17"))
    assert (answer.status_code, answer.headers["Retry-After"], codes(answer)) == (429, "17", ["TOO_MANY_REQUESTS"])


def test_a_duplicate_is_named_as_one(supplier: Supplier) -> None:
    answer = supplier.post("/shipments", switch_on(supplier, "409"))
    assert (answer.status_code, codes(answer)) == (409, ["DUPLICATE"])


def test_every_answer_that_the_contract_names_can_be_switched_on(supplier: Supplier) -> None:
    for name, status, start in (
        ("400_xml", 400, "<?xml"),
        ("400_text", 400, "bad"),
        ("401", 401, "<html"),
        ("404", 404, "<html"),
        ("409", 409, "<?xml"),
        ("429", 429, "<?xml"),
        ("429_no_retry_after", 429, "<?xml"),
        ("500_html", 500, "<html"),
        ("503", 503, "<html"),
        ("error_in_200", 200, "<?xml"),
        ("empty_200", 200, ""),
        ("202_empty", 202, ""),
        ("204", 204, ""),
        ("truncated", 200, "<?xml"),
    ):
        answer = supplier.post("/shipments", switch_on(supplier, name))
        assert (answer.status_code, answer.text[: len(start) or None]) == (status, start)
        assert ("Retry-After" in answer.headers) is (name == "429")


def test_the_state_shows_the_switches(box: Sandbox, supplier: Supplier) -> None:
    supplier.control("POST", "settings", {"oasis": {"inclusive": False}})
    seen = supplier.control("GET", "state")["oasis"]["switches"]
    assert seen["inclusive"] is False
    assert set(seen) >= {
        "form",
        "atomic",
        "shuffled",
        "strict_codes",
        "strict_namespace",
        "strict_inventory",
        "success",
    }


def test_a_line_comes_into_an_order_and_another_is_gone(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    added = supplier.control(
        "POST", "orders/lines/add", {"number": number, "line": {"partner_sku": "B", "quantity": 2}}
    )
    assert added == {"line": "2"}
    supplier.control("POST", "orders/lines/remove", {"number": number, "line": "1"})
    order = supplier.order()
    assert (text(order, "partnerSKU"), text(order, "quantity")) == ("B", "2")
    for what, line, word in (("add", {"number": "2"}, "partner_sku"), ("remove", "9", "no line 9")):
        assert word in supplier.control("POST", f"orders/lines/{what}", {"number": number, "line": line})["error"]
