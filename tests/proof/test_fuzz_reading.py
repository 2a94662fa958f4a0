"""Hostile answers, read: only the errors that are declared come out, what comes out can be stored, memory is bounded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from integrations.errors import IntegrationError, Unreadable
from integrations.http import Answer
from integrations.ports import MarketplaceOrder
from integrations.supplier_oasis import errors as oasis_errors
from integrations.supplier_oasis import reading
from integrations.supplier_oasis.options import Options
from integrations.tradegecko import errors, fulfillments, messages
from tests.proof.conftest import Proved
from tests.proof.hostile import DTD, MEGABYTE, XXE, dumped, mutants, nested, spoilt_records
from tests.proof.memory import peak_of
from tests.supplier_oasis.test_reading import FREIGHT, D, M, parcel

SEEDS = [text.encode() for text in (
    M.format(parcel() + parcel("700-2")).replace(">1<", ">2<", 1), D.format(FREIGHT),
    '<?xml version="1.0" encoding="UTF-8"?>' + M.format(parcel()),
)]  # fmt: skip
# A tree takes more room than its text, and so do Python's objects; what does not grow with the answer is free.
MOST_TIMES, FREE = 60, 40 * MEGABYTE


def take(body: bytes) -> list[Any]:
    return list(reading.orders(body, Options()))


def test_no_answer_about_orders_ends_otherwise_than_declared(is_full: bool, proved: Proved) -> None:
    count = 15_000 if is_full else 1_000
    for number, body in mutants(SEEDS, count):
        try:
            read = take(body)
            oasis_errors.failure_text(Answer(200, {}, body))
        except IntegrationError:
            continue
        except Exception as exc:
            raise AssertionError(f"case {number}: {type(exc).__name__}: {exc}: {body!r}") from exc
        for order in read:
            check_storable(order, f"case {number}: {body!r}")
    proved("hostile answers of the marketplace, read", count)


HUGE = "x" * MEGABYTE
MONSTERS: dict[str, Callable[[], bytes]] = {
    "a field of a megabyte": lambda: between(parcel().replace("Boise", HUGE)),
    "a number of a megabyte": lambda: between(parcel("7" * MEGABYTE)),
    "a quantity of a megabyte": lambda: between(parcel(quantity="7" * MEGABYTE)),
    "depth 10,000": lambda: between(parcel().replace("Boise", "<x>" * 10_000 + "</x>" * 10_000)),
    "many siblings inside": lambda: between(parcel().replace("<status>", "<a/>" * 120_000 + "<status>")),
    "many siblings outside": lambda: between("<a/>" * 120_000),
    "a hundred thousand attributes": lambda: between(parcel().replace("<status>", f"<a {numbered('a')}/><status>")),
    "ten thousand namespaces": lambda: between(parcel().replace("<status>", f"<a {numbered('xmlns:a', 10_000)}/><status>")),
    "entities that grow": lambda: DTD + between(parcel().replace("Boise", "&c;" * 1000)),
    "an entity from a file": lambda: XXE + between(parcel().replace("Boise", "&a;")),
    "comments that never end": lambda: between(parcel() + "<!--" * 250_000),
    "CDATA that never ends": lambda: between(parcel() + "<![CDATA[" * 100_000),
    "a number behind a megabyte of blanks": lambda: between(parcel(" " * MEGABYTE + "x" * 300 + "&")),
    "a megabyte before the root, and broken orders": lambda: f"<!--{HUGE}-->".encode() + between((parcel() + "<b>") * 1000),
    "ten thousand broken orders": lambda: between("<list>" * 10_000),
    "closed ten thousand times": lambda: between("</list>" * 10_000),
    "nothing but blanks": lambda: b" " * MEGABYTE,
    "NULs": lambda: b"\x00" * MEGABYTE,
}  # fmt: skip


def between(middle: str) -> bytes:
    """A good order before and after."""
    return M.format(parcel("700-8") + middle + parcel("700-9")).replace(">1<", ">0<", 1).encode()


def numbered(name: str, count: int = 100_000) -> str:
    return " ".join(f'{name}{number}="1"' for number in range(count))


@pytest.mark.parametrize("build", MONSTERS.values(), ids=MONSTERS.keys())
def test_what_is_built_to_exhaust_a_parser_is_read_in_bounded_memory(build: Callable[[], bytes]) -> None:
    """And in time: what took the square of it would not come back while anybody waits."""
    body, read = build(), []

    def attempt() -> None:
        with suppress(IntegrationError):
            read.extend(take(body))

    assert peak_of(attempt) < MOST_TIMES * len(body) + FREE
    good = {one.number for one in read if isinstance(one, MarketplaceOrder)}
    assert good >= {"700-8", "700-9"} or b"<processedSalesOrderTypeList" not in body[:40]


def test_a_first_tag_of_a_megabyte_is_not_put_before_each_of_a_thousand_broken_orders() -> None:
    body = M.replace("><", " " * MEGABYTE + "><", 1).format("<list><b></list>" * 1000).encode()
    with pytest.raises(Unreadable, match="first tag"):
        take(body)


# --- TradeGecko -------------------------------------------------------------------------------------------------

AT = "2024-03-04T08:12:45.000Z"
ORDER = {"id": 7, "order_number": "SO-1", "reference_number": "700-1", "status": "active", "created_at": AT,
         "order_line_item_ids": [1, 2], "currency_iso": "USD", "currency_id": 12, "updated_at": AT}  # fmt: skip
VARIANT = {"id": 5, "sku": "MUG-BLK", "name": "Mug", "product_name": "Mug", "upc": "012", "sellable": True,
           "manage_stock": True, "keep_selling": False, "max_online": None, "status": "active"}  # fmt: skip
FULFILLMENT = {"id": 3, "order_id": 7, "status": "fulfilled", "tracking_number": "1Z", "tracking_company": "UPS",
               "service": "Ground", "tracking_url": None, "shipped_at": AT, "updated_at": AT,
               "fulfillment_line_item_ids": [9]}  # fmt: skip
PART = {"id": 9, "fulfillment_id": 3, "order_line_item_id": 1, "variant_id": 5, "quantity": "2.0"}
LEVEL = {"variant_id": 5, "locations": [{"location_id": 2, "stock_on_hand": "10.0", "committed": 0, "available": None}]}
READERS: dict[str, tuple[Callable[[Any], Any], list[dict[str, Any]]]] = {
    "orders": (messages.receipt, [ORDER]),
    "variants": (messages.item, [VARIANT]),
    "locations": (messages.location, [{"id": 2, "label": "Main DC", "holds_stock": True, "status": "active"}]),
    "currencies": (messages.currency, [{"id": 12, "iso": "USD", "status": "active"}]),
    "stock levels": (messages.stock_levels, [LEVEL]),
    "parcels": (lambda given: list(batch(given).parcels()), [{"fulfillments": [FULFILLMENT], "lines": [PART]}]),
}  # fmt: skip


def batch(given: Any) -> fulfillments.Batch:
    """As the adapter makes it of an answer, whose root is a list by then."""
    rows = given.get("fulfillments") if isinstance(given, dict) else given
    made = fulfillments.Batch(rows if isinstance(rows, list) else [rows], given.get("lines") if isinstance(given, dict) else None)  # fmt: skip
    made.leave_out({"3": datetime(2024, 1, 1, tzinfo=UTC)})
    made.without_lines()
    return made


@pytest.mark.parametrize("kind", READERS)
def test_no_record_of_the_warehouse_ends_otherwise_than_declared(kind: str, is_full: bool, proved: Proved) -> None:
    read, seeds = READERS[kind]
    count = 5_000 if is_full else 500
    for number, record in spoilt_records(seeds, count):
        try:
            value = read(record)
        except Unreadable as exc:
            check_storable(str(exc), f"case {number}: {record!r}")
            continue
        except Exception as exc:
            raise AssertionError(f"case {number}: {type(exc).__name__}: {exc}: {repr(record)[:1000]}") from exc
        check_storable(value, f"case {number}: {record!r}")
    proved("hostile records of the warehouse, read", count)


def test_no_bytes_of_the_warehouse_end_otherwise_than_declared(is_full: bool, proved: Proved) -> None:
    count = 5_000 if is_full else 500
    for number, body in mutants([json.dumps({"orders": [ORDER, ORDER]}).encode()], count):
        for status in (200, 201, 400, 404, 422, 429, 500):
            answer = Answer(status, {}, body)
            try:
                errors.check(answer, "GET /orders", writes=number % 2 == 0)
                errors.parse(answer, "GET /orders", writes=number % 2 == 0)
            except IntegrationError as exc:
                check_storable(str(exc), f"case {number}")
            except Exception as exc:
                raise AssertionError(f"case {number}, HTTP {status}: {type(exc).__name__}: {body!r}") from exc
    proved("hostile bytes of the warehouse, read", count)


@pytest.mark.parametrize("depth", [50, 400, *range(800, 1000, 7), 5_000, 100_000])
def test_a_value_nested_however_deep_is_unreadable_and_no_more(depth: int) -> None:
    body = b'{"orders": [{"id": ' + b"[" * depth + b"]" * depth + b', "order_number": 1}]}'
    try:
        rows = errors.parse(Answer(200, {}, body), "GET /orders", writes=False)["orders"]
    except Unreadable:
        return
    for read in (messages.receipt, messages.item, messages.stock_levels, messages.location):
        with pytest.raises(Unreadable):
            read(rows[0])


def test_a_huge_answer_of_the_warehouse_is_read_in_bounded_memory() -> None:
    for body in (dumped({"orders": ["x" * MEGABYTE]}), dumped({"orders": [[]] * 100_000}), b'{"orders":' + b"[" * MEGABYTE,
                 b'{"orders":[' + b"9" * MEGABYTE + b"]}", dumped({"orders": [nested(300)] * 100})):  # fmt: skip

        def attempt(body: bytes = body) -> None:
            try:
                rows = errors.parse(Answer(200, {}, body), "GET /orders", writes=False)["orders"]
            except IntegrationError:
                return
            for row in rows:
                with pytest.raises(Unreadable):
                    messages.receipt(row)

        assert peak_of(attempt) < MOST_TIMES * len(body) + FREE


def check_storable(value: Any, case: str) -> None:
    """Whether every text, number and time in it is one that both databases keep."""
    for part in _parts(value):
        match part:
            case str():
                assert "\x00" not in part, case
                assert part.encode("utf-8", "surrogatepass").decode("utf-8", "replace") == part, case
            case Decimal():
                assert part.is_finite(), case
            case datetime():
                assert 1900 < part.year < 3001, case


def _parts(value: Any) -> Iterator[Any]:
    if is_dataclass(value):
        for one in fields(value):
            yield from _parts(getattr(value, one.name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _parts(item)
    else:
        yield value
