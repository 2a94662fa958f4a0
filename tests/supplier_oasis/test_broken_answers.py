"""A stray character spoils one order, never the answer; what is missing is asked for again, and said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError
from hypothesis import given
from hypothesis import strategies as st

from integrations.account import Account
from integrations.errors import IntegrationError, Unavailable
from integrations.models import Connection, Route
from integrations.ports import MarketplaceOrder, UnreadableOrder
from integrations.sandbox.server import Sandbox
from integrations.supplier_oasis import envelope, reading
from integrations.supplier_oasis.adapter import SupplierOasis, connect
from integrations.supplier_oasis.options import Options
from orders.models import Order, UnreadableRecord
from tests.loopback import Loopback, loopback
from tests.supplier_oasis.test_reading import FREIGHT, D, M, good, parcel, read

HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
Run = Callable[..., str]
NOW = datetime(2024, 7, 9, 18, 0, tzinfo=UTC)
ALL = M.replace(">1<", ">{}<", 1)
SPOILS = {
    "a raw ampersand": ("Boise", "Boise & Co"),
    "a control character by number": ("Boise", "Boise &#x2; x"),
    "a wrong end tag": ("Boise", "<b>Boise"),
    "a bare angle bracket": ("Boise", "a < b"),
    "an unknown prefix": ("<status", "<ns7:x/><status"),
    "its own end tag missing": ("</list>", ""),
    "its own end tag misspelt": ("</list>", "</lst>"),
    "its own first tag missing": ("<list>", ""),
    "its own first tag open": ("<list>", "<list "),
    "an open comment": ("Boise", "<!-- Boise"),
    "too deep": ("Boise", "<x>" * 60 + "</x>" * 60),
    "much too deep": ("Boise", "<x>" * 300 + "</x>" * 300),
}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


@pytest.fixture
def oasis(server: Loopback) -> SupplierOasis:
    return connect(Account("Overstock", server.url, "u", "p"))


def numbers(found: list[MarketplaceOrder | UnreadableOrder]) -> list[tuple[str, bool]]:
    return [(one.number, isinstance(one, MarketplaceOrder)) for one in found]


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS.keys())
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_order_that_is_no_xml_spoils_only_itself(spoil: tuple[str, str], place: int) -> None:
    orders = [parcel(number) for number in "ABC"]
    orders[place] = orders[place].replace(*spoil)
    found = read(ALL.format(3, "\n".join(orders)))
    assert numbers(found) == [(number, number != "ABC"[place]) for number in "ABC"]
    bad = found[place]
    assert isinstance(bad, UnreadableOrder)
    assert bad.reason.startswith("its XML is broken: ")
    assert spoil[1] in bad.raw


@pytest.mark.parametrize("root", ["<zz:code>1</zz:code>", "<zz:processedSalesOrderTypeList/>"])
def test_a_message_whose_first_tag_has_an_undeclared_prefix_is_unreadable(root: str) -> None:
    with pytest.raises(IntegrationError):
        read(root)


def test_an_order_of_more_elements_than_any_has_spoils_only_itself() -> None:
    crowd = parcel("B").replace("<status>", "<a/>" * envelope.MAX_ELEMENTS + "<status>")
    found = read(ALL.format(3, parcel("A") + crowd + parcel("C")))
    assert numbers(found) == [("A", True), ("B", False), ("C", True)]


def test_comments_that_never_end_are_looked_through_once() -> None:
    found = read(ALL.format(2, parcel("A") + "<!--" * 200_000 + parcel("B")))
    assert numbers(found) == [("A", True), ("B", True)]


def test_bytes_that_are_no_text_spoil_only_their_order() -> None:
    body = ALL.format(3, parcel("A") + parcel("B") + parcel("C")).encode().replace(b">B<", b">B\xff\xfe<")
    first, second, third = reading.orders(body, Options())
    assert (first.number, third.number) == ("A", "C")
    assert isinstance(second, UnreadableOrder)
    assert "\ufffd" in second.raw


def test_a_broken_order_of_the_documented_form_is_made_out_too() -> None:
    found = read(D.format(FREIGHT.replace("SOFA", "S&FA") + FREIGHT.replace(">388<", ">389<")))
    assert numbers(found) == [("388", False), ("389", True)]


def test_good_orders_say_the_same_beside_a_broken_one() -> None:
    beside = read(ALL.format(2, parcel("A") + parcel("B").replace("Boise", "&")))[0]
    assert beside == good(M.format(parcel("A")))


def test_an_order_in_a_comment_is_none() -> None:
    commented = "<!-- " + parcel("X") + " --><x><![CDATA[" + parcel("Y") + "]]></x>"
    found = read(ALL.format(2, parcel("A") + commented + parcel("B").replace("Boise", "&")))
    assert numbers(found) == [("A", True), ("B", False)]


def test_a_cut_off_answer_gives_its_whole_orders_and_its_broken_ones_once() -> None:
    whole = ALL.format(4, parcel("A") + parcel("B").replace("Boise", "&") + parcel("C") + parcel("D"))
    walk = reading.orders(whole[: whole.index(">D<") + 40].encode(), Options())
    assert numbers([next(walk), next(walk), next(walk)]) == [("A", True), ("B", False), ("C", True)]
    with pytest.raises(Unavailable, match="cut off"):
        next(walk)


@given(st.lists(st.sampled_from(["", *SPOILS]), min_size=1, max_size=6))
def test_every_order_comes_exactly_once_whichever_are_broken(spoils: list[str]) -> None:
    # An order without its first tag runs into a neighbour that has lost its last one: two broken ones, told as one.
    parted = [spoil for spoil in spoils if not spoil.startswith("its own") and spoil != "an open comment"]
    orders = [parcel(f"N{i}").replace(*SPOILS[s]) if s else parcel(f"N{i}") for i, s in enumerate(parted)]
    found = read(ALL.format(len(orders), "".join(orders)))
    assert numbers(found) == [(f"N{i}", not spoil) for i, spoil in enumerate(parted)]


@pytest.mark.parametrize(("root", "child"), [(M, "processedSalesOrder"), (D, "list")])
def test_either_name_of_an_order_is_taken_under_either_root(root: str, child: str) -> None:
    text = parcel().replace("<list>", f'<{child} xmlns:ns2="api.supplieroasis.com">').replace("</list>", f"</{child}>")
    assert good(root.format(text)).number == "700-1"


def test_fewer_orders_than_announced_are_asked_for_in_halves(server: Loopback, oasis: SupplierOasis) -> None:
    server.will(200, ALL.format(3, parcel("A")))
    server.will(200, ALL.format(2, parcel("A") + parcel("B")))
    server.will(200, ALL.format(1, parcel("C")))
    assert [one.number for one in oasis.orders(NOW - timedelta(hours=1), NOW)] == ["A", "B", "C"]
    assert [one.path.partition("?")[2].replace("%3A", ":") for one in server.asked] == [
        "startTime=2024-07-09T10:59:59&endTime=2024-07-09T12:00:01",
        "startTime=2024-07-09T10:59:59&endTime=2024-07-09T11:30:01",
        "startTime=2024-07-09T11:29:59&endTime=2024-07-09T12:00:01",
    ]


def test_orders_that_never_come_are_missed_in_the_end(server: Loopback, oasis: SupplierOasis) -> None:
    server.will(200, ALL.format(57, parcel("A")))
    walk = oasis.orders(NOW - timedelta(hours=1), NOW)
    known, missing = list(walk)
    assert known.number == "A"
    assert isinstance(missing, UnreadableOrder)
    assert "announced 57 orders and sent 1" in missing.reason
    assert len(server.asked) < 20


def test_a_total_that_means_something_else_can_be_switched_off(server: Loopback) -> None:
    server.will(200, ALL.format(57, parcel("A")))
    oasis = connect(Account("O", server.url, "u", "p", {"check_total_count": False}))
    assert [one.number for one in oasis.orders(NOW - timedelta(hours=1), NOW)] == ["A"]


def test_a_marketplace_that_caps_its_answers_is_still_read_in_full(shop: Sandbox, manage: Run) -> None:
    shop.oasis.switch(cap=2)
    for minutes in range(5, 50, 5):
        shop.oasis.add_order({"partner_sku": "MUG-BLK"}, created_at=datetime.now(UTC) - timedelta(minutes=minutes))
    manage("run", "pull_orders")
    assert Order.objects.count() == 9


def _answers_of(server: Loopback) -> None:
    Connection.objects.filter(name="Overstock").update(base_url=server.url)
    Route.objects.update(earliest_order_date=date(2024, 1, 1))


@pytest.mark.parametrize("spoil", list(SPOILS.values())[:3], ids=list(SPOILS)[:3])
def test_a_pull_goes_on_behind_a_broken_order(
    shop: Sandbox, manage: Run, server: Loopback, spoil: tuple[str, str]
) -> None:
    _answers_of(server)
    body = ALL.format(3, parcel("A") + parcel("B").replace(*spoil) + parcel("C"))
    server.will(200, body.replace("Riverside  DC ", "Riverside DC"))
    manage("run", "pull_orders")
    manage("run", "pull_orders")
    assert set(Order.objects.values_list("full_number", flat=True)) == {"A", "C"}
    assert UnreadableRecord.objects.get().full_number == "B"
    assert Route.objects.get().read_until is not None


def test_an_incomplete_answer_is_stored_but_not_ticked_off(shop: Sandbox, manage: Run, server: Loopback) -> None:
    _answers_of(server)
    answer = ALL.format(2, parcel("A") + parcel("B"))[:-300]
    server.will(200, answer.replace("Riverside  DC ", "Riverside DC"))
    with pytest.raises(CommandError, match="cut off"):
        manage("run", "pull_orders")
    assert Order.objects.get().full_number == "A"
    assert Route.objects.get().read_until is None


def test_orders_that_never_come_are_told_and_stop_nothing(shop: Sandbox, manage: Run, server: Loopback) -> None:
    _answers_of(server)
    Route.objects.update(read_until=datetime.now(UTC) - timedelta(minutes=10))
    server.will(200, ALL.format(57, parcel("A")).replace("Riverside  DC ", "Riverside DC"))
    manage("run", "pull_orders")
    manage("run", "pull_orders")
    assert Order.objects.get().full_number == "A"
    kept = UnreadableRecord.objects.filter(reason__contains="announced 57").count()
    assert kept in (1, 2)  # one for each hour that the windows begin in
    assert (Route.objects.get().read_until or HOUR_AGO) > datetime.now(UTC) - timedelta(minutes=1)
