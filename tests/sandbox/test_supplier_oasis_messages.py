"""Shipments and quantities sent to the simulated Supplier Oasis: what is sure is strict, the rest by switch."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.sandbox.supplier import (
    NS,
    Supplier,
    codes,
    confirmation,
    inventory,
    local,
    names,
    shipment,
    shipments,
    short_ship,
    text,
)


def test_a_line_can_be_short_shipped_with_a_reason(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A", "quantity": 3}, {"partner_sku": "B"})
    answer = supplier.post("/shipments", shipments(shipment(number, short_ship("OUT_OF_STOCK"))))
    assert answer.status_code == 200
    order = supplier.box.oasis.orders[number]
    assert [line.status for line in order.lines] == ["SHORT_SHIPPED", "PROCESSING"]
    assert (order.status, order.lines[0].short_ship_reason) == ("PROCESSING", "OUT_OF_STOCK")


def test_an_order_is_complete_when_every_line_is_shipped_cancelled_or_short_shipped(supplier: Supplier) -> None:
    oasis = supplier.box.oasis
    number = oasis.add_order(*[{"partner_sku": sku, "quantity": 2} for sku in "ABC"])
    oasis.cancel(number, "3")
    supplier.post(
        "/shipments",
        shipments(
            shipment(number, confirmation(2)),
            shipment(number, confirmation(1), line="2"),
            shipment(number, short_ship(), line="2"),
        ),
    )
    assert [line.status for line in oasis.orders[number].lines] == ["SHIPPED", "SHORT_SHIPPED", "CANCELLED"]
    assert oasis.orders[number].status == "COMPLETE"
    assert text(supplier.order(), "actionRequired") == "false"


@pytest.mark.parametrize("what", [short_ship(""), short_ship("  "), "<shortShip><reasonCode/></shortShip>"])
def test_a_short_ship_without_a_reason_is_refused(supplier: Supplier, what: str) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    assert codes(supplier.post("/shipments", shipments(shipment(number, what)))) == ["MISSING"]
    assert supplier.box.oasis.orders[number].lines[0].status == "PROCESSING"


def test_a_line_that_was_short_shipped_takes_nothing_more(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"}, {"partner_sku": "B"})
    supplier.post("/shipments", shipments(shipment(number, short_ship())))
    for what in (short_ship(), confirmation()):
        assert codes(supplier.post("/shipments", shipments(shipment(number, what)))) == ["LINE_CLOSED"]


def test_comments_and_processing_instructions_are_harmless(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    body = shipments(shipment(number, confirmation())).replace("<supplierShip", "<!-- a > b --><?x y?><supplierShip")
    body = body.replace("1Z1", "1<!-- c -->Z1").replace("</quantity>", "</quantity><!-- d -->")
    answer = supplier.post("/shipments", f"<!-- before -->{body}<!-- after -->")
    assert answer.status_code == 200, answer.text
    assert supplier.box.oasis.shipments(number)[0][1].tracking_number == "1Z1"


def test_an_indented_message_means_the_same(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    body = shipments(shipment(number, confirmation())).replace("<", "\n  <").replace(">", ">\n    ")
    answer = supplier.post("/shipments", body.strip())
    assert answer.status_code == 200, answer.text
    [(_, parcel)] = supplier.box.oasis.shipments(number)
    assert (parcel.carrier, parcel.tracking_number, parcel.service) == ("UPS", "1Z1", "GROUND")


def test_a_warehouse_name_is_echoed_with_its_own_blanks_and_may_be_indented(supplier: Supplier) -> None:
    for own, given, code in (
        ("Riverside DC ", "Riverside DC ", []),
        ("Riverside DC ", "Riverside DC", ["WRONG_WAREHOUSE"]),
        ("Riverside DC", "riverside dc", ["WRONG_WAREHOUSE"]),
        ("Riverside DC", "\n  Riverside DC\n", []),
    ):
        number = supplier.box.oasis.add_order({"partner_sku": "A"}, warehouse=own)
        body = shipments(shipment(number, confirmation(), warehouse=given))
        assert codes(supplier.post("/shipments", body)) == code


@pytest.mark.parametrize("date", ["2024-03-05", "05.03.2024", "", "2024-02-30T10:00:00", "2024-03-05T25:00:00Z"])
def test_a_ship_date_that_is_no_date_and_time_is_refused(supplier: Supplier, date: str) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    answer = supplier.post("/shipments", shipments(shipment(number, confirmation(date=date))))
    assert codes(answer) == ["BAD_DATE"]


@pytest.mark.parametrize("date", ["2024-07-11T15:00:00.0000000", "2024-07-11T15:00:00", "2024-07-11T15:00:00.5Z"])
def test_ship_dates_of_every_known_client_are_taken_and_told_in_denvers_time(supplier: Supplier, date: str) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    assert supplier.post("/shipments", shipments(shipment(number, confirmation(date=date)))).status_code == 200
    assert text(supplier.order(), "dateShipped").endswith("-06:00")


def test_more_than_is_open_cannot_be_confirmed(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A", "quantity": 2})
    one, two = (shipment(number, confirmation(units, tracking=f"1Z{units}")) for units in (1, 2))
    assert codes(supplier.post("/shipments", shipments(one, two))) == ["OVER_CONFIRMED"]
    assert supplier.box.oasis.shipments(number) == []


def test_a_confirmation_already_taken_is_an_error_of_its_own(supplier: Supplier) -> None:
    supplier.box.oasis.refuse_repeated = True
    number = supplier.box.oasis.add_order({"partner_sku": "A", "quantity": 2})
    body = shipments(shipment(number, confirmation(1)))
    assert supplier.post("/shipments", body).status_code == 200
    assert codes(supplier.post("/shipments", body)) == ["ALREADY_SHIPPED"]
    assert len(supplier.box.oasis.shipments(number)) == 1


def test_nothing_of_a_cancelled_order_can_be_shipped(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    supplier.box.oasis.cancel(number)
    assert codes(supplier.post("/shipments", shipments(shipment(number, confirmation())))) == ["LINE_CLOSED"]


@pytest.mark.parametrize("status", ["Accepted", "ENTERED", "whatever"])
def test_a_line_of_an_unknown_status_is_open(supplier: Supplier, status: str) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A", "status": status}, status=status)
    assert supplier.post("/shipments", shipments(shipment(number, confirmation()))).status_code == 200
    assert supplier.box.oasis.orders[number].status == "COMPLETE"


def test_a_foreign_namespace_is_refused(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    inner = shipment(number, confirmation())
    foreign = shipment(number, confirmation(), attributes='xmlns="http://example.com"')
    for body in (
        shipments(inner, attributes='xmlns="http://example.com"'),
        shipments(inner, attributes=""),
        shipments(foreign),
    ):
        assert codes(supplier.post("/shipments", body)) == ["BAD_NAMESPACE"]


def test_children_without_a_namespace_are_taken_with_a_warning_or_refused_by_switch(supplier: Supplier) -> None:
    first_one, second = (supplier.box.oasis.add_order({"partner_sku": "A"}) for _ in range(2))
    bare = shipments(shipment(first_one, confirmation(), attributes='xmlns=""'))
    assert supplier.post("/shipments", bare).status_code == 200
    [warning] = supplier.control("GET", "state")["oasis"]["warnings"]
    assert "no namespace" in warning
    supplier.control("POST", "settings", {"oasis": {"strict_namespace": True}})
    answer = supplier.post("/shipments", bare.replace(first_one, second))
    assert codes(answer) == ["BAD_NAMESPACE"]


def test_codes_outside_the_public_lists_are_refused_by_switch(supplier: Supplier) -> None:
    supplier.control("POST", "settings", {"oasis": {"strict_codes": True}})
    for carrier, service, code in (
        ("UPS", "GROUND", []),
        ("FXFE", "DOCK", []),
        ("BOBV", "GROUND", ["UNKNOWN_CODE"]),
        ("UPS", "SLOWLY", ["UNKNOWN_CODE"]),
        ("FDEG", "GROUND", ["UNKNOWN_CODE"]),
    ):
        number = supplier.box.oasis.add_order({"partner_sku": "A"})
        body = shipments(shipment(number, confirmation(carrier=carrier, service=service)))
        assert codes(supplier.post("/shipments", body)) == code


@pytest.mark.parametrize("body", [shipments(), shipments("  <!-- nothing -->  ")])
def test_an_empty_message_is_refused(supplier: Supplier, body: str) -> None:
    answer = supplier.post("/shipments", body)
    assert (answer.status_code, codes(answer)) == (400, ["EMPTY_MESSAGE"])


@pytest.mark.parametrize("inner", ["<shipment/>", "<supplierShipment/>", "<supplierShipment><x/></supplierShipment>"])
def test_a_message_of_something_else_is_refused_in_words(supplier: Supplier, inner: str) -> None:
    assert codes(supplier.post("/shipments", shipments(inner))) == ["BAD_SEQUENCE"]


def test_a_document_type_definition_is_refused(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    body = '<!DOCTYPE x [<!ENTITY a "1Z1">]>' + shipments(shipment(number, confirmation()))
    assert codes(supplier.post("/shipments", body)) == ["BAD_XML"]


def test_a_quantity_that_is_no_number_of_units_is_refused(supplier: Supplier) -> None:
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    for quantity in ("²", "0", "-1", "1.5", "many", ""):
        body = shipments(shipment(number, confirmation(quantity)))
        assert codes(supplier.post("/shipments", body)) == ["BAD_QUANTITY"]


def test_line_by_line_the_good_ones_are_taken(supplier: Supplier) -> None:
    supplier.control("POST", "settings", {"oasis": {"atomic": False}})
    number = supplier.box.oasis.add_order({"partner_sku": "A"}, {"partner_sku": "B"})
    good, bad = shipment(number, short_ship()), shipment(number, confirmation(9), line="2")
    assert codes(supplier.post("/shipments", shipments(good, bad))) == ["OVER_CONFIRMED"]
    assert [line.status for line in supplier.box.oasis.orders[number].lines] == ["SHORT_SHIPPED", "PROCESSING"]


@pytest.mark.parametrize("status", [200, 201, 202])
def test_good_news_comes_with_the_status_switched_on_and_the_name_of_a_job(supplier: Supplier, status: int) -> None:
    supplier.control("POST", "settings", {"oasis": {"success": status}})
    number = supplier.box.oasis.add_order({"partner_sku": "A"})
    body = shipments(shipment(number, confirmation()))
    answer = supplier.post("/shipments", body, params={"jobName": "mine"})
    root = etree.fromstring(answer.content)
    assert (answer.status_code, text(root, "status"), text(root, "jobName")) == (status, "SUCCESS", "mine")


def test_quantities_are_kept_and_told_by_sku_and_warehouse(supplier: Supplier) -> None:
    supplier.box.oasis.add_listing("A", barcode="B-1", warehouse="Reno DC")
    rows = [("A", "Riverside DC", 37), ("A", "Reno DC", 0)]
    assert supplier.post("/inventory", inventory(*rows)).status_code == 200
    root = etree.fromstring(supplier.call("GET", "/inventory").content)
    assert local(root) == "inventoryMessage"
    assert names(root[0]) == ["partnerSku", "barcode", "warehouse", "quantity"]
    told = [(text(row, "partnerSku"), text(row, "code"), int(text(row, "quantity"))) for row in root]
    assert told == rows


@pytest.mark.parametrize(("body", "code"), [
    (inventory(("A", "Riverside DC", 1), root="anything"), "BAD_ROOT"), (inventory(), "EMPTY_MESSAGE"),
    (inventory(("A", "Riverside DC", 1)).replace("supplierInventory>", "item>"), "BAD_ROW"),
    (inventory(("A", "Riverside DC", 1)).replace(NS, "http://example.com"), "BAD_NAMESPACE"),
])  # fmt: skip
def test_an_inventory_message_of_another_shape_is_refused(supplier: Supplier, body: str, code: str) -> None:
    assert codes(supplier.post("/inventory", body)) == [code]
    assert supplier.box.oasis.quantities == {}


def test_unknown_skus_and_warehouses_are_errors_of_their_line_by_switch(supplier: Supplier) -> None:
    supplier.control("POST", "settings", {"oasis": {"strict_inventory": True, "atomic": False}})
    supplier.control("POST", "orders", {"lines": [{"partner_sku": "SEEN", "option_sku": "3001"}]})
    supplier.control("POST", "listings", {"sku": "LISTED", "warehouse": "Reno DC"})
    rows = [(sku, "Riverside DC", 1) for sku in ("SEEN", "3001", "LISTED", "NEVER")]
    answer = supplier.post("/inventory", inventory(*rows, ("SEEN", "Reno DC", 2), ("SEEN", "riverside dc", 3)))
    assert codes(answer) == ["UNKNOWN_SKU", "UNKNOWN_WAREHOUSE"]
    assert sorted(supplier.box.oasis.quantities) == sorted([*(row[:2] for row in rows[:3]), ("SEEN", "Reno DC")])


def test_an_item_put_into_the_catalogue_is_known(supplier: Supplier) -> None:
    supplier.control("POST", "settings", {"oasis": {"strict_inventory": True}})
    item = f'<itemMasterMessage xmlns="{NS}"><itemMaster><partnerSku>NEW</partnerSku><name>New</name></itemMaster></itemMasterMessage>'
    answer = supplier.post("/catalog", item)
    assert (answer.status_code, text(etree.fromstring(answer.content), "status")) == (200, "SUCCESS")
    assert supplier.post("/inventory", inventory(("NEW", "Riverside DC", 1))).status_code == 200
