"""Every answer that Supplier Oasis may give becomes one of the five errors, in words for a clerk."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from integrations.account import Account
from integrations.errors import (
    IntegrationError,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TakenIn,
    Unavailable,
    Unreadable,
)
from integrations.ports import ListedQuantity, ShipmentNotice, ShippedLine
from integrations.supplier_oasis.adapter import SupplierOasis, connect
from tests.loopback import Loopback, loopback
from tests.tradegecko.test_odd_records import Notebook

NOW = datetime(2024, 7, 9, 18, 0, tzinfo=UTC)
PASSWORD = "p&ss<é>wörd"
LINE = ShippedLine("1", 2, "UPS", "GROUND", "1Z1", datetime(2024, 3, 5, 21, 30, tzinfo=UTC))
NOTICE = ShipmentNotice("700-1", "OSTK", "Riverside DC ", (LINE, LINE))
ERROR = '<errors xmlns="api.supplieroasis.com"><error><code>X</code><message>No open line 9</message></error></errors>'


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


@pytest.fixture
def oasis(server: Loopback) -> SupplierOasis:
    return connect(Account("Overstock", server.url, "jürgen", PASSWORD))


def test_the_password_goes_out_as_utf_8_basic_authentication(server: Loopback, oasis: SupplierOasis) -> None:
    server.will(200, "<processedSalesOrderTypeList><totalCount>0</totalCount></processedSalesOrderTypeList>")
    oasis.check()
    token = server.asked[0].headers["authorization"].removeprefix("Basic ")
    assert b64decode(token).decode() == f"jürgen:{PASSWORD}"


@pytest.mark.parametrize(("status", "body", "headers", "error"), [
    (401, "<html>no</html>", {}, Misconfigured), (403, "", {}, Misconfigured), (404, "<html>no</html>", {}, Misconfigured),
    (429, "", {}, Unavailable), (429, "", {"Retry_After": "7"}, Unavailable), (500, "<html>", {}, Unavailable),
    (503, "", {}, Unavailable), (200, "<html><body>Maintenance</body></html>", {}, Unavailable), (200, "", {}, Unavailable),
    (200, "{}", {}, Unreadable), (302, "", {"Location": "http://evil.example/"}, Misconfigured), (204, "", {}, Unavailable),
    (400, ERROR, {}, Unavailable),
])  # fmt: skip
def test_what_a_read_may_be_answered(
    server: Loopback,
    oasis: SupplierOasis,
    status: int,
    body: str,
    headers: dict[str, str],
    error: type[IntegrationError],
) -> None:
    server.will(status, body, **headers)
    with pytest.raises(error) as caught:
        list(oasis.orders(NOW, NOW + timedelta(hours=1)))
    assert PASSWORD not in str(caught.value)
    assert len(server.asked) == 1
    if isinstance(caught.value, Misconfigured):
        assert caught.value.credentials == (status in (401, 403))
    if status == 429:
        assert isinstance(caught.value, Unavailable)
        assert caught.value.throttled
        assert caught.value.retry_after == timedelta(seconds=7 if headers else 60)


@pytest.mark.parametrize(("status", "body", "error"), [
    (200, "", OutcomeUnknown), (202, "", TakenIn), (202, "<response/>", TakenIn), (204, "", OutcomeUnknown), (200, "<html>hi</html>", OutcomeUnknown),
    (200, "OK", OutcomeUnknown), (408, "", OutcomeUnknown), (409, ERROR, OutcomeUnknown), (500, "<html>", OutcomeUnknown), (503, "", OutcomeUnknown),
    (200, ERROR, Refused), (400, ERROR, Refused), (400, "bad", Refused), (404, ERROR, Refused), (404, "", Misconfigured),
    (401, "", Misconfigured), (200, "<response><status>FAILED</status></response>", Refused), (200, "<respon", OutcomeUnknown),
])  # fmt: skip
def test_what_a_confirmation_may_be_answered(
    server: Loopback, oasis: SupplierOasis, status: int, body: str, error: type[IntegrationError]
) -> None:
    server.will(status, body)
    with pytest.raises(error) as caught:
        oasis.confirm(NOTICE)
    assert type(caught.value) is error
    if body == ERROR and error is Refused:
        assert "No open line 9" in str(caught.value)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", [
    ERROR, f"<processedSalesOrderTypeList><totalCount>0</totalCount>{ERROR}</processedSalesOrderTypeList>",
])  # fmt: skip
def test_an_error_where_the_orders_should_be_is_told_in_its_own_words(
    server: Loopback, oasis: SupplierOasis, status: int, body: str
) -> None:
    server.will(status, body)
    with pytest.raises(Unavailable, match="orders from 2024-07-09.* No open line 9"):
        list(oasis.orders(NOW, NOW + timedelta(hours=1)))


@pytest.mark.parametrize("body", [
    '<response xmlns="api.supplieroasis.com"><status>SUCCESS</status></response>',
    "<response><errors/><errorCount>0</errorCount></response>",
    "<response><status>OK</status><defaultCarrier>UPS</defaultCarrier></response>",
])  # fmt: skip
def test_a_clear_yes_is_a_yes(server: Loopback, oasis: SupplierOasis, body: str) -> None:
    server.will(200, body)
    oasis.confirm(NOTICE)


@pytest.mark.parametrize(("status", "body", "is_said"), [
    (200, "", False), (202, " ", False), (204, "", False), (202, "<response><status>QUEUED</status></response>", True),
])  # fmt: skip
def test_quantities_are_taken_though_the_answer_may_say_nothing(
    server: Loopback, oasis: SupplierOasis, status: int, body: str, is_said: bool
) -> None:
    server.will(status, body)
    assert oasis.publish([ListedQuantity("3001", "Main", 7)]) is is_said


@pytest.mark.parametrize(("status", "body", "error"), [
    (200, ERROR, Refused), (202, "<response><status>FAILED</status></response>", Refused), (400, ERROR, Refused),
    (200, "<html>hi</html>", OutcomeUnknown), (200, "OK", OutcomeUnknown), (408, "", OutcomeUnknown),
    (503, "", OutcomeUnknown), (401, "", Misconfigured), (404, "", Misconfigured),
])  # fmt: skip
def test_what_else_quantities_may_be_answered(
    server: Loopback, oasis: SupplierOasis, status: int, body: str, error: type[IntegrationError]
) -> None:
    server.will(status, body)
    with pytest.raises(error) as caught:
        oasis.publish([ListedQuantity("3001", "Main", 7)])
    assert type(caught.value) is error
    assert "read back" not in str(caught.value)


def test_a_quantity_that_is_no_number_is_told_beside_the_good_ones(server: Loopback) -> None:
    diary = Notebook()
    row = "<r><partnerSku>{}</partnerSku><quantity>{}</quantity></r>"
    server.will(200, f"<a>{row.format('3001', '7.0')}{row.format('3002', '-1')}{row.format('3003', '')}<quantity/></a>")
    oasis = connect(Account("Overstock", server.url, "u", "p", options={"read_inventory": True}, journal=diary))
    assert oasis.quantities() == [ListedQuantity("3001", "", 7)]
    assert diary.problems == ["2 quantities of Supplier Oasis cannot be read, first SKU 3002: '-1'"]


def test_quantities_are_read_from_their_own_address_and_may_be_none(server: Loopback) -> None:
    server.will(200, "<inventoryMessage><totalCount>0</totalCount></inventoryMessage>")
    options = {"read_inventory": True, "inventory_path": "/stock/changes", "inventory_read_path": "/stock"}
    assert connect(Account("Overstock", server.url, "u", "p", options=options)).quantities() == []
    assert server.asked[0].path == "/stock"


@pytest.mark.parametrize(("form", "start"), [
    ("%Y-%m-%dT%H:%M:%S", "2024-07-09T11:59:59"), ("%Y-%m-%dT%H:%M:%S.0000000", "2024-07-09T11:59:59.0000000"),
    ("%Y-%m-%dT%H:%M:%S%z", "2024-07-09T11:59:59-0600"),
])  # fmt: skip
def test_the_ends_of_a_window_are_written_as_the_options_say(server: Loopback, form: str, start: str) -> None:
    server.will(200, "<processedSalesOrderTypeList><totalCount>0</totalCount></processedSalesOrderTypeList>")
    oasis = connect(Account("Overstock", server.url, "u", "p", options={"time_format": form}))
    assert list(oasis.orders(NOW, NOW + timedelta(hours=1))) == []
    assert parse_qs(urlsplit(server.asked[0].path).query)["startTime"] == [start]


def test_a_connection_broken_off_leaves_a_confirmation_in_doubt(server: Loopback, oasis: SupplierOasis) -> None:
    server.answers.append(None)
    with pytest.raises(OutcomeUnknown):
        oasis.confirm(NOTICE)


def test_an_unreachable_host_leaves_nothing_in_doubt() -> None:
    with pytest.raises(Unavailable, match="cannot reach") as caught:
        connect(Account("Overstock", "http://127.0.0.1:9", "u", "p")).confirm(NOTICE)
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_confirmation_has_the_contracts_elements_in_its_order(server: Loopback, oasis: SupplierOasis) -> None:
    server.will(200, "<ok/>")
    oasis.confirm(NOTICE)
    root = etree.fromstring(server.asked[0].body)
    assert {etree.QName(one).namespace for one in root.iter()} == {"api.supplieroasis.com"}
    assert len(root) == 2
    names = [etree.QName(one).localname for one in root[0].iter()]
    assert names == [
        "supplierShipment", "salesChannelName", "salesChannelOrderNumber", "salesChannelLineNumber", "warehouse", "code",
        "supplierShipConfirmation", "quantity", "carrier", "code", "trackingNumber", "shipDate", "serviceLevel", "code",
    ]  # fmt: skip
    texts = [one.text for one in root[0].iter() if one.text]
    assert texts == [
        "OSTK",
        "700-1",
        "1",
        "Riverside DC ",
        "2",
        "UPS",
        "1Z1",
        "2024-03-05T14:30:00.000-07:00",
        "GROUND",
    ]


def test_the_inventory_message_takes_every_name_from_the_options(server: Loopback) -> None:
    names = {"root": "stock", "row": "item", "sku": "salesChannelSKU", "barcode": "barcode"}
    options = {"inventory_names": names, "inventory_path": "/stock", "inventory_method": "PUT"}
    server.will(200, "<ok/>")
    connect(Account("O", server.url, "u", "p", options)).publish([ListedQuantity("3001", "Main", 7, upc="12")])
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("PUT", "/stock")
    assert [etree.QName(one).localname for one in etree.fromstring(asked.body).iter()] == [
        "stock", "item", "salesChannelSKU", "barcode", "warehouse", "code", "quantity",
    ]  # fmt: skip


def test_the_partner_sku_and_the_option_sku_can_both_be_sent(server: Loopback) -> None:
    names = {"sku": "", "partner_sku": "partnerSku", "option_sku": "salesChannelSKU"}
    server.will(200, "<ok/>")
    listed = [
        ListedQuantity("3001", "Main", 7, partner_sku="LAMP", option_sku="3001"),
        ListedQuantity("RUG", "Main", 8, partner_sku="RUG"),
        ListedQuantity("ODD", "Main", 9),
    ]
    connect(Account("O", server.url, "u", "p", {"inventory_names": names})).publish(listed)
    rows = etree.fromstring(server.asked[0].body)
    assert [[(etree.QName(one).localname, one.text) for one in row if "S" in one.tag] for row in rows] == [
        [("partnerSku", "LAMP"), ("salesChannelSKU", "3001")],
        [("partnerSku", "RUG")],
        [("partnerSku", "ODD")],
    ]


def test_a_user_name_with_a_colon_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Misconfigured, match="'a:b' holds a colon"):
        connect(Account("O", "http://127.0.0.1:9", "a:b", "p"))


@pytest.mark.parametrize(("options", "named"), [
    ({"colour": 1}, "colour"), ({"time_zone": "Mars/Olympus"}, "Mars"), ({"time_zone": "America"}, "America"),
    ({"publish_batch_size": "500"}, "publish_batch_size"), ({"publish_batch_size": True}, "publish_batch_size"),
    ({"check_total_count": 1}, "check_total_count"), ({"orders_path": ".evil.example/"}, "orders_path|path"),
    ({"inventory_method": "DELETE"}, "inventory_method"), ({"inventory_names": None}, "inventory_names"),
    ({"inventory_names": {"row": ""}}, "row"), ({"inventory_names": {"sku": "a b"}}, "sku"),
    ({"inventory_names": {"sku": ""}}, "one of sku"), ({"inventory_names": {"barcode": "quantity"}}, "same name"),
    ({"time_format": "%Y-%m-%d"}, "time_format"), ({"time_format": "%Y-%m-%dT%I:%M:%S"}, "time_format"),
    ({"inventory_read_path": "stock"}, "path"),
    (None, "must be a JSON object"), ([], "must be a JSON object"), ("{}", "must be a JSON object"), (7, "must be a JSON"),
])  # fmt: skip
def test_a_wrong_option_is_named(options: Any, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        connect(Account("O", "http://127.0.0.1:9", "u", "p", options))
