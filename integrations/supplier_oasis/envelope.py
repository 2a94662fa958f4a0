"""The bytes of an answer → its order elements, and what is left of those that are no XML (supplier-oasis 2, 3.1).

A message that is well-formed is streamed. In one that is not, every order is parsed on its own, inside the message's
own first tag, so that a stray character spoils only the order that it is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from xml.sax.saxutils import unescape

from lxml import etree

from integrations.errors import Unavailable, Unreadable
from integrations.http import storable
from integrations.wording import counted as in_words

# Each root was seen with one of the order elements; either is taken under either.
ROOTS = ("processedSalesOrderMessage", "processedSalesOrderTypeList")
ORDERS = ("processedSalesOrder", "list")
MAX_DEPTH = 50
MAX_ELEMENTS = 100_000  # of one order: a tree takes fifty times the room of its text
MAX_HEAD_BYTES = 10_000
MAX_NUMBER_BYTES = 200
MAX_RAW_CHARS = 64_000

_PREFIX = r"(?:[\w.-]+:)?"
_DECLARATION = re.compile(rb"<\?xml\s[^<>]*\?>")
_ROOT = re.compile(rf"<({_PREFIX}(?:{'|'.join(ROOTS)}))(?:\s[^<>]*)?>".encode())
_BORDER = re.compile(
    rf"(?P<hides><!--|<!\[CDATA\[)"
    rf"|(?P<end></{_PREFIX}(?:{'|'.join(ORDERS)})\s*>)|(?P<start><{_PREFIX}(?:{'|'.join(ORDERS)})(?=[\s/>]))".encode(),
)
_HIDES_UNTIL = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}
_NUMBER = re.compile(rf"<{_PREFIX}salesChannelOrderNumber(?:\s[^<>]*)?>([^<]*)<".encode())
_TOTAL = re.compile(rf"<{_PREFIX}totalCount(?:\s[^<>]*)?>\s*(\d{{1,9}})\s*<".encode())
_PART_OF_AN_ORDER = re.compile(rb"salesChannelOrderNumber|processedSalesOrderLine")


class MissingOrders(Unavailable):
    """The answer announces more orders than it holds."""


class _Flaw(Exception):
    """Why a message or a piece of it cannot be parsed."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An order that is no XML: its bytes as text, and the number that seems to be its."""

    number: str
    reason: str
    raw: str


def elements(body: bytes, *, counted: bool = True) -> Iterator[etree._Element | Broken]:
    """Each order of an answer, once. An element is good until the next one is asked for.

    Raises Unreadable for something else than an order message; Unavailable for an empty or cut-off one, and
    MissingOrders where `counted` and its `totalCount` says that there are more. What was yielded before is good.
    """
    body = body.lstrip()
    if not body:
        raise Unavailable("Supplier Oasis answered with nothing where the orders should be")
    found = 0
    for element in _whole_or_in_pieces(body):
        found += 1
        yield element
    total = _TOTAL.search(body)
    if counted and total and int(total[1]) > found:
        raise MissingOrders(
            f"Supplier Oasis announced {in_words(int(total[1]), 'orders')} and sent {found}; if its "
            "totalCount means something else for this account, set the connection's option check_total_count to false"
        )


def holds_orders(body: bytes) -> bool:
    """Whether an order begins in it, broken or not."""
    return any(border["start"] for border in _borders(body, 0))


def _whole_or_in_pieces(body: bytes) -> Iterator[etree._Element | Broken]:
    flaw = _flaw(body)
    return _pieces(body, flaw) if flaw else _stream(body)


def _flaw(body: bytes) -> str:
    """Why it cannot be parsed. Looked for before an order is yielded, since some flaws show only at the very end."""
    try:
        for _ in _stream(body):
            pass
    except _Flaw as flaw:
        return str(flaw)
    return ""


def _stream(body: bytes) -> Iterator[etree._Element]:
    """The order elements of a well-formed message. Raises _Flaw, and Unreadable for another kind of message."""
    depth = held = 0
    try:
        for event, element in _walk(body):
            depth += 1 if event == "start" else -1
            if event == "start":
                held += 1
                _check_start(element, depth, held)
            elif depth == 1:
                if etree.QName(element).localname in ORDERS:
                    yield element
                _forget(element)
                held = 0
    except etree.XMLSyntaxError as exc:
        raise _Flaw(exc.msg or "broken") from None
    except ValueError as exc:  # a name that is none, such as one whose prefix is not declared
        raise _Flaw(str(exc)) from None


def _walk(body: bytes) -> Iterator[tuple[str, etree._Element]]:
    walk: Iterator[tuple[str, etree._Element]] = etree.iterparse(
        BytesIO(body), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    return walk


def _check_start(element: etree._Element, depth: int, held: int) -> None:
    if depth > MAX_DEPTH:
        raise _Flaw(f"nested more than {MAX_DEPTH} deep")
    if held > MAX_ELEMENTS:
        raise _Flaw(f"more than {MAX_ELEMENTS:,} elements in one")
    if depth > 1:
        return
    if element.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("Supplier Oasis sent a document type definition, which no order message has; nothing was read")
    name = etree.QName(element).localname
    if name not in ROOTS:
        raise Unreadable(
            f"Supplier Oasis answered with <{name}> where orders should be; "
            "check the base URL, or ask whether the message changed"
        )


def _pieces(body: bytes, flaw: str) -> Iterator[etree._Element | Broken]:
    root = _ROOT.search(body)
    if root is None:
        raise Unreadable(f"Supplier Oasis sent something that is not XML: {flaw}")
    head, tail, found = _head(body, root), b"</" + root[1] + b">", False
    last = root.end()
    for start, end in _split(body, last):
        found, last = True, end
        yield from _piece(head, body[start:end], tail)
    closing = re.search(rb"</" + re.escape(root[1]) + rb"\s*>", body[last:])
    if closing is None:
        raise Unavailable(f"the answer of Supplier Oasis is cut off: {flaw}; it is read again")
    rest = body[last : last + closing.start()]
    if _PART_OF_AN_ORDER.search(rest):
        yield from _piece(head, rest, tail)
    elif not found:
        raise Unreadable(f"the answer of Supplier Oasis is broken, and no order can be made out in it: {flaw}")


def _head(body: bytes, root: re.Match[bytes]) -> bytes:
    """What is put before each piece: the declaration, which names the encoding, and the message's own first tag."""
    declaration = _DECLARATION.match(body)
    head = (declaration[0] if declaration else b"") + root[0]
    if len(head) > MAX_HEAD_BYTES:
        raise Unreadable(f"Supplier Oasis sent a message whose first tag is {len(head):,} bytes long; nothing was read")
    return head


def _split(body: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Where each order begins and ends; one that has lost its first or last tag reaches up to its neighbour."""
    opened = False
    for border in _borders(body, position):
        if border["end"]:
            yield position, border.end()
            position, opened = border.end(), False
        elif border["start"]:
            if opened or _PART_OF_AN_ORDER.search(body, position, border.start()):
                yield position, border.start()
            position, opened = border.start(), True


def _borders(body: bytes, position: int) -> Iterator[re.Match[bytes]]:
    """First and last tags of orders. A comment or CDATA hides what it holds; one without an end hides nothing."""
    endless: set[bytes] = set()
    while border := _BORDER.search(body, position):
        position, opening = border.end(), border["hides"]
        if opening is None:
            yield border
        elif opening not in endless:  # looked for once: each search goes to the end of the answer
            end = body.find(_HIDES_UNTIL[opening], position)
            endless |= {opening} if end < 0 else set()
            position = max(position, end)


def _piece(head: bytes, piece: bytes, tail: bytes) -> Iterator[etree._Element | Broken]:
    flaw = _flaw(head + piece + tail)
    if not flaw:
        yield from _stream(head + piece + tail)
        return
    yield Broken(
        number=_number(piece),
        reason=f"its XML is broken: {flaw}",
        raw=_as_text(piece)[:MAX_RAW_CHARS],
    )


def _number(piece: bytes) -> str:
    found = _NUMBER.search(piece)
    number = found[1].strip() if found else b""
    return unescape(_as_text(number)) if len(number) <= MAX_NUMBER_BYTES else ""


def _as_text(content: bytes) -> str:
    return storable(content.decode("utf-8", "replace"))


def _forget(element: etree._Element) -> None:
    """Free what was read, so that a large answer does not grow in memory."""
    element.clear()
    while element.getprevious() is not None:
        parent = element.getparent()
        if parent is None:
            return
        del parent[0]
