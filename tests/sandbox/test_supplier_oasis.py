"""The simulated Supplier Oasis does what is known of the real one, and what is unknown by switch."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from tests.sandbox.supplier import (
    NS,
    Supplier,
    codes,
    first,
    local,
    names,
    text,
)

ORDER = [
    "salesChannelOrderNumber", "salesChannelName", "orderDate", "sofsCreatedDate", "warehouseName", "shipToAddress",
    "returnAddress", "shippingSpecifications", "branding", "orderFulfillment", "orderId", "status",
    "retailChannelCode", "retailerOrderCode", "retailOrderNumber", "actionRequired", "processedSalesOrderLine",
]  # fmt: skip
ADDRESS = [
    "contactName", "address1", "address2", "city", "stateOrProvince", "postalCode", "countryCode", "phone",
]  # fmt: skip
LINE = [
    "salesChannelLineId", "salesChannelLineNumber", "partnerSKU", "barcode", "upc", "salesChannelSKU", "quantity",
    "itemPrice", "specialHandling", "notes", "lineId", "itemId", "itemName", "lineStatus", "unitCost",
    "unitCostCurrencyCode", "firstCost", "firstCostCurrencyCode", "additionalShippingCost",
    "additionalShippingCostCurrencyCode", "shipConfirmationDetail",
]  # fmt: skip
CHANNEL_FIELDS = {*ORDER[:10], *LINE[:10]}
EVERYTHING = {
    "partner_sku": "LAMP-OAK-01", "option_sku": "30012345-000-000", "upc": "000000000017", "quantity": 2,
    "notes": "Fragile", "special_handling": "WG white glove", "unit_cost": "31.50", "first_cost": "28.00",
    "additional_shipping_cost": "3.50", "item_price": "49.99",
    "parcels": [{
        "quantity": 1, "carrier": "FEDEX", "service": "GROUND", "tracking_number": "77",
        "shipped_at": "2024-03-05T14:30:00.0000000",
    }],
}  # fmt: skip


@pytest.mark.parametrize("form", ["M", "N", "D"])
def test_an_order_has_every_field_of_the_contract_in_its_order(supplier: Supplier, form: str) -> None:
    supplier.control("POST", "settings", {"oasis": {"form": form}})
    supplier.control("POST", "orders", {"lines": [EVERYTHING], "address": {"address2": "Apt 4"}})
    order = supplier.order()
    assert names(order) == ORDER
    assert names(first(order, "shipToAddress")) == ADDRESS
    assert names(first(order, "returnAddress")) == [name for name in ADDRESS if name != "address2"]
    line = first(order, "processedSalesOrderLine")
    assert names(line) == [name for name in LINE if form != "D" or name != "salesChannelLineNumber"]
    assert names(first(order, "shippingSpecifications")) == [
        "isThirdPartyBilling", "isSignatureRequired", "isDeclaredValueRequired", "smallParcelShipment", "isExport",
    ]  # fmt: skip
    assert names(first(order, "smallParcelShipment")) == ["shippingServiceLevel", "shippingAccountNumber", "carrier"]


@pytest.mark.parametrize("form", ["M", "N", "D"])
def test_the_prefix_of_each_field_is_that_of_the_form(supplier: Supplier, form: str) -> None:
    supplier.box.oasis.form = form
    supplier.box.oasis.add_order(EVERYTHING)
    order = supplier.order()
    spaces = {local(one): etree.QName(one).namespace for one in [*order, *first(order, "processedSalesOrderLine")]}
    if form == "M":
        assert {name for name, space in spaces.items() if space == NS} == CHANNEL_FIELDS
        assert etree.QName(first(order, "warehouseName")[0]).namespace == NS
    else:
        assert set(spaces.values()) == {NS}
    assert etree.QName(order).namespace == (NS if form == "D" else None)


def test_the_channels_id_of_a_line_is_not_its_number_except_in_the_documented_form(supplier: Supplier) -> None:
    supplier.box.oasis.add_order({"partner_sku": "A"}, {"partner_sku": "B"})
    ids = [one.text for one in supplier.order().iter(f"{{{NS}}}salesChannelLineId")]
    numbers = [one.text for one in supplier.order().iter(f"{{{NS}}}salesChannelLineNumber")]
    assert numbers == ["1", "2"]
    assert len({*ids, *numbers}) == 4

    supplier.box.oasis.form = "D"
    assert [one.text for one in supplier.order().iter(f"{{{NS}}}salesChannelLineId")] == ["1", "2"]


def test_what_was_shipped_is_told_with_its_parcel_and_the_carriers_scac(supplier: Supplier) -> None:
    supplier.box.oasis.add_order(EVERYTHING)
    detail = first(supplier.order(), "shipConfirmationDetail")
    assert names(detail) == ["quantityShipped", "packageDetail", "shipmentDetail"]
    assert names(detail[1]) == ["packageID", "packageType", "packageNumber", "packageWeight", "trackingNumber"]
    assert names(detail[2]) == [
        "shipmentID", "shipmentCarrier", "billingAccountNumber", "dateShipped", "dateConfirmed",
    ]  # fmt: skip
    assert (text(detail, "shipmentCarrier"), text(detail, "billingAccountNumber")) == ("FDEG", "null")
    assert text(detail, "dateShipped") == "2024-03-05T14:30:00.000-07:00"


def test_fields_are_set_per_order_and_left_out_when_empty_or_named(supplier: Supplier) -> None:
    supplier.control("POST", "orders", {
        "lines": [{"partner_sku": "A", "unit_cost": "", "barcode": ""}], "shipping_account": "", "carrier": "",
        "third_party_billing": False, "retail_channel": "BBB", "without": ["sofsCreatedDate", "returnAddress"],
    })  # fmt: skip
    order = supplier.order()
    present = {local(one) for one in order.iter()}
    assert not present & {
        "shippingAccountNumber", "carrier", "sofsCreatedDate", "returnAddress", "unitCost", "firstCost", "barcode",
    }  # fmt: skip
    assert (text(order, "isThirdPartyBilling"), text(order, "retailChannelCode")) == ("false", "BBB")


def test_orders_have_numbers_of_their_own_inside_sofs(supplier: Supplier) -> None:
    for number in ("12-1", "21-1"):
        supplier.box.oasis.add_order({"partner_sku": "A"}, number=number)
    root = supplier.orders()
    for name in ("orderId", "lineId"):
        assert len({one.text for one in root.iter(name)}) == 2


def test_shuffled_answers_say_the_same_in_another_order(supplier: Supplier) -> None:
    supplier.box.oasis.add_order(EVERYTHING)
    plain = supplier.order()
    supplier.control("POST", "settings", {"oasis": {"shuffled": True}})
    mixed = supplier.order()
    assert names(mixed) != ORDER
    assert sorted(names(mixed)) == sorted(names(plain))
    assert sorted(one.text or "" for one in mixed.iter()) == sorted(one.text or "" for one in plain.iter())


def test_an_unknown_switch_or_value_is_refused(supplier: Supplier) -> None:
    for values in ({"form": "X"}, {"colour": True}, {"success": 500}):
        assert "error" in supplier.control("POST", "settings", {"oasis": values})
    assert supplier.box.oasis.form == "M"


@pytest.mark.parametrize(("start", "end", "found"), [
    ("2024-03-04", "2024-03-04", True), ("20240304", "20240304", True), ("2024-03-05", "2024-03-05", False),
    ("2024-03-04T08:20:00.0000000", "2024-03-04T08:20:00", True), ("2024-03-04T15:20:00Z", "2024-03-04T15:20:00Z", True),
    ("2024-03-04T08:20:00-0700", "2024-03-04T08:20:00-07:00", True), ("2024-03-04T08:20:01", "2024-03-05", False),
])  # fmt: skip
def test_windows_are_understood_in_every_way_that_clients_write_them(
    supplier: Supplier, start: str, end: str, found: bool
) -> None:
    supplier.control("POST", "orders", {"lines": [{"partner_sku": "A"}], "created_at": "2024-03-04T08:20:00"})
    assert (text(supplier.orders(start, end), "totalCount") == "1") is found


@pytest.mark.parametrize("text", ["2024-W10-1", "20240304T08"])
def test_a_window_that_is_no_time_is_refused(supplier: Supplier, text: str) -> None:
    answer = supplier.call("GET", "/salesorders", params={"startTime": "2024-03-05", "endTime": text})
    assert (answer.status_code, codes(answer)) == (400, ["BAD_WINDOW"])


def test_orders_come_oldest_first_whenever_they_became_visible(supplier: Supplier) -> None:
    now = datetime.now(UTC)
    for hours in (1, 3, 2):
        supplier.control("POST", "orders", {
            "lines": [{"partner_sku": "A"}], "number": f"{hours}", "created_at": (now - timedelta(hours=hours)).isoformat(),
        })  # fmt: skip
    assert [one.text for one in supplier.orders().iter(f"{{{NS}}}salesChannelOrderNumber")] == ["3", "2", "1"]


@pytest.mark.parametrize("scheme", ["basic", "BASIC"])
def test_the_scheme_of_authentication_is_not_case_sensitive(supplier: Supplier, scheme: str) -> None:
    oasis = supplier.box.oasis
    token = b64encode(f"{oasis.username}:{oasis.password}".encode()).decode()
    answer = supplier.call("GET", "/inventory", auth=None, headers={"Authorization": f"{scheme} {token}"})
    assert answer.status_code == 200
