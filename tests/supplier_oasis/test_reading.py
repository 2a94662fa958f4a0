"""Orders in all the forms that were ever seen, and the ones that cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from integrations.errors import IntegrationError, Unavailable, Unreadable
from integrations.ports import ConfirmedParcel, MarketplaceOrder, SaleState, UnreadableOrder
from integrations.supplier_oasis import reading
from integrations.supplier_oasis.options import Options

M = """<processedSalesOrderTypeList xmlns:ns2="api.supplieroasis.com"><totalCount>1</totalCount>{}</processedSalesOrderTypeList>"""
D = """<processedSalesOrderMessage xmlns="api.supplieroasis.com">{}</processedSalesOrderMessage>"""
PARCEL = """<list><ns2:salesChannelOrderNumber>{number}</ns2:salesChannelOrderNumber>
<ns2:salesChannelName>OSTK</ns2:salesChannelName><ns2:orderDate>2024-03-04T08:12:45.000-07:00</ns2:orderDate>
<ns2:sofsCreatedDate>2024-03-04T08:20:03.512-07:00</ns2:sofsCreatedDate>
<ns2:warehouseName><ns2:code>Riverside  DC </ns2:code></ns2:warehouseName>
<ns2:shipToAddress><ns2:contactName>Amélie O'Neil</ns2:contactName><ns2:address1>17 Larch &amp; Pine</ns2:address1>
<ns2:address2>null</ns2:address2><ns2:city>Boise</ns2:city><ns2:countryCode>US</ns2:countryCode></ns2:shipToAddress>
<ns2:shippingSpecifications><ns2:isSignatureRequired>true</ns2:isSignatureRequired><ns2:smallParcelShipment>
<ns2:shippingServiceLevel><ns2:code>GROUND</ns2:code></ns2:shippingServiceLevel>
<ns2:carrier><ns2:code>FEDEX</ns2:code></ns2:carrier></ns2:smallParcelShipment></ns2:shippingSpecifications>
<status>PROCESSING</status>
<processedSalesOrderLine><ns2:salesChannelLineNumber>1</ns2:salesChannelLineNumber><ns2:partnerSKU>LAMP</ns2:partnerSKU>
<ns2:salesChannelSKU>3001</ns2:salesChannelSKU><ns2:quantity>{quantity}</ns2:quantity><lineStatus>PROCESSING</lineStatus>
<unitCost>31.50</unitCost><unitCostCurrencyCode>USD</unitCostCurrencyCode></processedSalesOrderLine></list>"""
FREIGHT = """<processedSalesOrder><salesChannelOrderNumber>388</salesChannelOrderNumber>
<orderDate>2013-06-19T16:54:34</orderDate><warehouseName><code>Riverside DC</code></warehouseName>
<shippingSpecifications><ltlShipment><ltlServiceLevel><code>THRESHOLD</code></ltlServiceLevel></ltlShipment>
</shippingSpecifications><status>COMPLETE</status><processedSalesOrderLine><salesChannelLineId>7</salesChannelLineId>
<partnerSKU>SOFA</partnerSKU><quantity>3</quantity><lineStatus>SHIPPED</lineStatus>
<shipConfirmationDetail><quantityShipped>1</quantityShipped><packageDetail><trackingNumber>PRO1</trackingNumber>
</packageDetail></shipConfirmationDetail><shipConfirmationDetail><quantityShipped>2</quantityShipped>
<packageDetail><trackingNumber>PRO2</trackingNumber></packageDetail></shipConfirmationDetail>
</processedSalesOrderLine></processedSalesOrder>"""


def parcel(number: str = "700-1", quantity: str = "2") -> str:
    return PARCEL.format(number=number, quantity=quantity)


def read(text: str) -> list[MarketplaceOrder | UnreadableOrder]:
    return list(reading.orders(text.encode(), Options()))


def good(text: str) -> MarketplaceOrder:
    [order] = read(text)
    assert isinstance(order, MarketplaceOrder)
    return order


def test_the_mixed_form_is_read_by_local_name() -> None:
    order = good(M.format(parcel()))
    assert (order.number, order.sales_channel, order.shipping_code) == ("700-1", "OSTK", "GROUND")
    assert order.warehouse_name == "Riverside  DC "
    assert (order.ship_to.name, order.ship_to.address1, order.ship_to.address2) == (
        "Amélie O'Neil",
        "17 Larch & Pine",
        "",
    )
    assert (order.carrier_code, order.signature_required, order.is_freight) == ("FEDEX", True, False)
    [line] = order.lines
    assert (line.number, line.option_sku, line.quantity, line.unit_cost) == ("1", "3001", 2, Decimal("31.5"))
    assert order.created_at == datetime(2024, 3, 4, 15, 20, 3, 512000, tzinfo=UTC)


def test_the_form_with_every_field_in_the_namespace_says_the_same() -> None:
    everything = parcel().replace("<status", "<ns2:status").replace("</status", "</ns2:status")
    everything = everything.replace("processedSalesOrderLine", "ns2:processedSalesOrderLine").replace(
        "</ns2:ns2", "</ns2"
    )
    everything = everything.replace("<lineStatus", "<ns2:lineStatus").replace("</lineStatus", "</ns2:lineStatus")
    assert good(M.format(everything)).lines == good(M.format(parcel())).lines


def test_a_freight_order_of_the_documented_form_has_its_own_service_level() -> None:
    order = good(D.format(FREIGHT))
    assert (order.is_freight, order.shipping_code, order.state) == (True, "THRESHOLD", SaleState.SHIPPED)
    assert order.ordered_at == datetime(2013, 6, 19, 22, 54, 34, tzinfo=UTC)
    [line] = order.lines
    assert (line.number, line.quantity_shipped) == ("7", 3)
    assert line.parcels == (ConfirmedParcel("PRO1", 1), ConfirmedParcel("PRO2", 2))
    assert order.sales_channel == "OSTK"


@pytest.mark.parametrize(("given", "local"), [
    ("2024-03-05T03:30:00Z", date(2024, 3, 4)), ("2024-03-05T08:30:00+01:00", date(2024, 3, 5)),
    ("2024-03-04T23:59:59.9999999", date(2024, 3, 4)), ("20240304T235959-0700", date(2024, 3, 4)),
    ("2024-03-04T23:59:59-07", date(2024, 3, 4)), ("2024-03-04T23:59:59,5 -07:00", date(2024, 3, 4)),
    ("2024-03-05t03:30:00z", date(2024, 3, 4)), ("20240304", date(2024, 3, 4)),
])  # fmt: skip
def test_the_day_of_an_order_is_the_marketplaces(given: str, local: date) -> None:
    order = good(M.format(parcel().replace("2024-03-04T08:12:45.000-07:00", given)))
    assert order.ordered_at.date() == local


@pytest.mark.parametrize("year", ["0001", "1989", "2101", "9999"])
@pytest.mark.parametrize("name", ["orderDate", "sofsCreatedDate"])
def test_a_date_that_no_database_can_keep_spoils_only_its_own_order(year: str, name: str) -> None:
    spoilt = parcel("A").replace(f"<ns2:{name}>2024", f"<ns2:{name}>{year}")
    first, second = read(M.format(spoilt + parcel("B")))
    assert isinstance(first, UnreadableOrder)
    assert (first.number, second.number) == ("A", "B")
    assert f"{name} is '{year}" in first.reason


@pytest.mark.parametrize(("flag", "billed"), [("true", "A00"), ("1", "A00"), ("false", ""), ("0", ""), (None, "A00")])
def test_an_account_is_billed_unless_the_supplier_pays(flag: str | None, billed: str) -> None:
    said = f"<ns2:isThirdPartyBilling>{flag}</ns2:isThirdPartyBilling>" if flag else ""
    account = "<ns2:shippingAccountNumber>A00</ns2:shippingAccountNumber>"
    text = (
        parcel()
        .replace("<ns2:isSignature", said + "<ns2:isSignature")
        .replace("<ns2:carrier>", account + "<ns2:carrier>")
    )
    assert good(M.format(text)).billing_account == billed


@pytest.mark.parametrize(("flag", "is_required"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_a_signature_is_required_in_either_spelling(flag: str, is_required: bool) -> None:
    text = parcel().replace("<ns2:isSignatureRequired>true", f"<ns2:isSignatureRequired>{flag}")
    assert good(M.format(text)).signature_required is is_required


def test_a_cost_comes_with_its_own_currency() -> None:
    text = parcel().replace("unitCost", "firstCost").replace("USD", "CAD")
    [line] = good(M.format(text)).lines
    assert (line.unit_cost, line.currency) == (Decimal("31.50"), "CAD")


def test_an_order_that_names_no_warehouse_is_for_the_one_that_the_options_name() -> None:
    text = parcel().replace("Riverside  DC ", "").encode()
    [plain], [named] = (
        list(reading.orders(M.format(text.decode()).encode(), options))
        for options in (Options(), Options(default_warehouse_name="Riverside DC"))
    )
    assert isinstance(plain, MarketplaceOrder)
    assert isinstance(named, MarketplaceOrder)
    assert (plain.warehouse_name, named.warehouse_name) == ("", "Riverside DC")


@pytest.mark.parametrize("quantity", ["two", "-1", "1.5", "1e9", "NaN", "99999999999999999999"])
def test_a_bad_quantity_spoils_only_its_own_order(quantity: str) -> None:
    first, second = read(M.format(parcel("BAD", quantity) + parcel("GOOD")))
    assert isinstance(first, UnreadableOrder)
    assert first.number == "BAD"
    assert "quantity" in first.reason
    assert "BAD" in first.raw
    assert isinstance(second, MarketplaceOrder)


def test_a_missing_quantity_is_unknown_and_not_zero() -> None:
    assert good(M.format(parcel(quantity=""))).lines[0].quantity is None


@pytest.mark.parametrize("missing", ["<ns2:salesChannelOrderNumber>700-1</ns2:salesChannelOrderNumber>",
                                     "<ns2:salesChannelLineNumber>1</ns2:salesChannelLineNumber>"])  # fmt: skip
def test_an_order_without_an_identity_is_kept_as_unreadable(missing: str) -> None:
    [order] = read(M.format(parcel().replace(missing, "")))
    assert isinstance(order, UnreadableOrder)


def test_nothing_found_is_no_error() -> None:
    assert read(M.format("").replace(">1<", ">0<")) == []


@pytest.mark.parametrize("body", [
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>' + M.format(parcel("&b;")),
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/evil.dtd">' + M.format(""),
    '<?xml version="1.0"?>' + " " * 5000 + '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + M.format(parcel("&f;")),
    "<html><body>Sorry</body></html>", "not xml at all", "", "<a>" * 60 + "</a>" * 60,
    M.format("<x>" * 100 + "</x>" * 100),
])  # fmt: skip
def test_hostile_or_foreign_answers_are_an_error_of_ours(body: str) -> None:
    with pytest.raises((Unreadable, Unavailable)) as caught:
        read(body)
    assert isinstance(caught.value, IntegrationError)
    assert "root:" not in str(caught.value)
