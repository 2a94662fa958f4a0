"""Did the marketplace take a confirmation whose answer was lost, or that a lost database may have sent?

Read the order back and compare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from integrations.errors import Unreadable
from integrations.ports import ConfirmedParcel, Marketplace, MarketplaceLine, MarketplaceOrder, SaleState
from orders.models import ConfirmedLine, Order, ShipmentConfirmation

MARGIN = timedelta(minutes=1)
# An order whose creation time is not told is looked for around the time it was placed.
GUESS = timedelta(days=2)
# Windows that begin within this time are one. An order whose creation is not told has one that is longer by itself.
JOINED_WITHIN = timedelta(hours=24)
GAP = timedelta(hours=1)
CLOCKS_DIFFER_BY = timedelta(minutes=5)
# A parcel that the marketplace shows without its units is believed to hold what we told of it.
UNTOLD_UNITS = 10**9


Window = tuple[datetime, datetime]
Name = tuple[str, str]  # an order's number, and its channel's


class NotShown(Unreadable):
    """The answer was clear, and the order is not in it."""


def doubt(mine: QuerySet[ShipmentConfirmation], dark_until: datetime | None) -> int:
    """Have those looked up first whose parcels had left when a lost database may have told of them. How many.

    Those that were taken up since are left alone: they were looked up, or a person has them told all the same.
    """
    if dark_until is None:
        return 0
    limit = dark_until + CLOCKS_DIFFER_BY
    early = Q(shipment_line__shipment__shipped_at__lt=limit) | Q(shipment_line__shipment__remote_updated_at__lt=limit)
    had_left = Exists(ConfirmedLine.objects.filter(early, confirmation=OuterRef("pk")))
    untouched = Q(claimed_at=None) | Q(claimed_at__lt=dark_until)
    status = ShipmentConfirmation.Status
    return mine.filter(had_left, untouched, status=status.PENDING).update(status=status.UNCONFIRMED)


def missing(told: MarketplaceOrder, lines: Sequence[ConfirmedLine]) -> list[ConfirmedLine]:
    """Which of these lines of one order the marketplace does not show."""
    by_number = {line.number: line for line in told.lines}
    absent: list[ConfirmedLine] = []
    for number, own in _by_number(lines).items():
        absent += _not_shown(by_number.get(number), own)
    return absent


def told_otherwise(
    told: MarketplaceOrder, lines: Sequence[ConfirmedLine], absent: Sequence[ConfirmedLine]
) -> dict[int, str]:
    """Those of the `absent` of these lines that were told under another tracking number: no units are open for them.

    Ids with that number. The parcel was changed after it was told; where all that is shipped there is known to us, it
    was not, and fewer are wanted.
    """
    there = {line.number: line for line in told.lines}
    seen = _by_number([line for line in lines if line not in absent])
    found: dict[int, str] = {}
    for number, own in _by_number(absent).items():
        line = there.get(number)
        if line is not None and line.quantity_shipped > _units(seen.get(number, [])) + _units(_taken_before(own[0])):
            found |= _without_room(line, own)
    return found


def _without_room(told: MarketplaceLine, lines: Sequence[ConfirmedLine]) -> dict[int, str]:
    """Those of these for which no units of the line are open there, with a number that it shows and we do not know."""
    if told.quantity is None:
        return {}
    found: dict[int, str] = {}
    open_units = told.quantity - told.quantity_shipped
    others = _numbers_of_others(told, lines)
    for one in lines:
        if one.quantity <= open_units:
            open_units -= one.quantity
        else:
            found[one.pk] = others.pop(0) if others else "another number"
    return found


def read(market: Marketplace, order: Order) -> MarketplaceOrder:
    """The order as the marketplace tells it now, by the window of its creation. Raises NotShown."""
    return _named(order, _shown(market, window(order), {_name(order)}))


class SharedReading:
    """Many orders read back, with as few windows as reasonable, each when the first of its orders is asked for."""

    def __init__(self, market: Marketplace, orders: Iterable[Order]) -> None:
        self._market = market
        known = list(orders)
        self._wanted = {_name(order) for order in known}
        self._unread = list(windows(known))
        self._shown: dict[Name, MarketplaceOrder] = {}

    def read(self, order: Order) -> MarketplaceOrder:
        """As `read` does, for one of those orders. Raises NotShown."""
        since, until = window(order)
        for one in [one for one in self._unread if one[0] <= since and until <= one[1]]:
            self._shown |= _shown(self._market, one, self._wanted)
            self._unread.remove(one)
        return _named(order, self._shown)


def window(order: Order) -> tuple[datetime, datetime]:
    """The window of creation time that shows the order."""
    created = order.marketplace_created_at
    return (created - MARGIN, created + MARGIN) if created else (order.ordered_at - MARGIN, order.ordered_at + GUESS)


def windows(orders: Iterable[Order]) -> Iterator[Window]:
    """Windows of creation time that show these orders, as few as reasonable."""
    spans = sorted(window(order) for order in orders)
    current: Window | None = None
    for since, until in spans:
        if current and since - current[1] <= GAP and since - current[0] <= JOINED_WITHIN:
            current = current[0], max(current[1], until)
            continue
        if current:
            yield current
        current = since, until
    if current:
        yield current


def _name(order: Order) -> Name:
    return order.full_number, order.sales_channel


def _shown(market: Marketplace, of: Window, wanted: Container[Name]) -> dict[Name, MarketplaceOrder]:
    """Those of the wanted orders that this window shows, without their fragments of the answer."""
    found = {}
    for told in market.orders(*of):
        if isinstance(told, MarketplaceOrder) and (told.number, told.sales_channel) in wanted:
            found[told.number, told.sales_channel] = replace(told, raw="")
    return found


def _named(order: Order, shown: Mapping[Name, MarketplaceOrder]) -> MarketplaceOrder:
    told = shown.get(_name(order))
    if told is None:
        raise NotShown("the marketplace does not show the order, so it cannot be checked what it was told")
    return told


def _by_number(lines: Sequence[ConfirmedLine]) -> dict[str, list[ConfirmedLine]]:
    found: dict[str, list[ConfirmedLine]] = {}
    for line in lines:
        found.setdefault(line.shipment_line.order_line.number, []).append(line)
    return found


def _not_shown(told: MarketplaceLine | None, lines: Sequence[ConfirmedLine]) -> list[ConfirmedLine]:
    """By units per tracking number: two parcels may travel under one number."""
    if told is None:
        return list(lines)
    if not told.parcels:
        return [] if told.state == SaleState.SHIPPED else list(lines)
    named = any(parcel.tracking_number for parcel in told.parcels)

    def key(of: ConfirmedParcel | ConfirmedLine) -> str:
        return "".join(of.tracking_number.split()).casefold() if named else ""

    held: Counter[str] = Counter()
    for parcel in told.parcels:
        held[key(parcel)] += parcel.quantity or UNTOLD_UNITS
    for line in _taken_before(lines[0]):
        held[key(line)] -= line.quantity
    absent = []
    for line in lines:
        held[key(line)] -= line.quantity
        if held[key(line)] < 0:
            absent.append(line)
            held[key(line)] += line.quantity
    return absent


def _units(lines: Iterable[ConfirmedLine]) -> int:
    return sum(line.quantity for line in lines)


def _numbers_of_others(told: MarketplaceLine, lines: Sequence[ConfirmedLine]) -> list[str]:
    """Tracking numbers that the marketplace shows and no confirmation of ours has."""
    ours = ConfirmedLine.objects.filter(shipment_line__order_line=lines[0].shipment_line.order_line_id)
    known = set(ours.values_list("tracking_number", flat=True))
    return [one.tracking_number[:120] for one in told.parcels if one.tracking_number not in {"", *known}]


def _taken_before(line: ConfirmedLine) -> Iterable[ConfirmedLine]:
    """What earlier confirmations told of the same order line."""
    accepted = ShipmentConfirmation.Status.ACCEPTED
    return ConfirmedLine.objects.filter(
        shipment_line__order_line=line.shipment_line.order_line_id, confirmation__status=accepted
    ).exclude(confirmation=line.confirmation_id)
