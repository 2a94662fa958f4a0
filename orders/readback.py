"""Did the marketplace take a confirmation whose answer was lost, or that a lost database may have sent?

Read the order back and compare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from integrations.errors import Unreadable
from integrations.ports import Marketplace, MarketplaceLine, MarketplaceOrder, SaleState
from orders.lookup import CLOCKS_DIFFER_BY
from orders.models import ConfirmedLine, Order, ShipmentConfirmation
from orders.windows import joined

MARGIN = timedelta(minutes=1)
# An order whose creation time is not told is looked for around the time it was placed.
GUESS = timedelta(days=2)
# Windows that begin within this time are one. An order whose creation is not told has one that is longer by itself.
JOINED_WITHIN = timedelta(hours=24)
GAP = timedelta(hours=1)
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


def told_otherwise(told: MarketplaceOrder, lines: Sequence[ConfirmedLine]) -> dict[int, str]:
    """Those of these missing ones whose units were told under another tracking number: ids with that number.

    A parcel that was relabelled after a lost database told of it, or units that one told with another parcel of theirs.
    What is shown and nothing of ours accounts for is believed to be that.
    """
    there = {line.number: line for line in told.lines}
    found: dict[int, str] = {}
    for number, own in _by_number(lines).items():
        if number not in there:
            continue
        strange, others = _unaccounted(there[number], own), _numbers_of_others(there[number], own)
        for one in own:
            if strange > 0:
                found[one.pk] = others.pop(0) if others else "another number"
                strange -= one.quantity
    return found


def is_cancelled(told: MarketplaceOrder, line: ConfirmedLine) -> bool:
    """Whether the marketplace shows its order line as cancelled, alone or with the order."""
    number = line.shipment_line.order_line.number
    states = {told.state, *(one.state for one in told.lines if one.number == number)}
    return SaleState.CANCELLED in states


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
    return joined(map(window, orders), gap=GAP, longest=JOINED_WITHIN)


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
    held, key = _held(told), _key_of(told)
    for line in _taken_before(lines[0]):
        held[key(line.tracking_number)] -= line.quantity
    absent = []
    for line in lines:
        number = key(line.tracking_number)
        held[number] -= line.quantity
        if held[number] < 0:
            absent.append(line)
            held[number] += line.quantity
    return absent


def _key_of(told: MarketplaceLine) -> Callable[[str], str]:
    """How its tracking numbers are compared; where it shows none, only units are."""
    named = any(parcel.tracking_number for parcel in told.parcels)
    return lambda number: "".join(number.split()).casefold() if named else ""


def _held(told: MarketplaceLine) -> Counter[str]:
    """The units that it shows per tracking number."""
    held, key = Counter[str](), _key_of(told)
    for parcel in told.parcels:
        held[key(parcel.tracking_number)] += parcel.quantity or UNTOLD_UNITS
    return held


def _unaccounted(told: MarketplaceLine, absent: Sequence[ConfirmedLine]) -> int:
    """Units that it shows, and that are neither of another parcel of ours nor from before we knew the order."""
    held, key = _held(told), _key_of(told)
    line = absent[0].shipment_line.order_line
    strange = sum(units for units in held.values() if units < UNTOLD_UNITS) - (line.shipped_before or 0)
    unnamed = {number for number, units in held.items() if units >= UNTOLD_UNITS}
    rest = line.shipment_lines.exclude(confirmed__in=absent).select_related("shipment", "confirmed__confirmation")
    for row in rest:
        own = getattr(row, "confirmed", None)
        number = key((own or row.shipment).tracking_number)
        unnamed.discard(number)
        is_taken = own is not None and own.confirmation.status == ShipmentConfirmation.Status.ACCEPTED
        units = row.quantity if is_taken else min(row.quantity, max(held[number], 0))
        strange -= units
        held[number] -= units
    return strange + len(unnamed)


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
