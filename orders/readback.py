"""Did the marketplace take a confirmation whose answer was lost? Read the order back and compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from integrations.errors import Unreadable
from integrations.ports import ConfirmedParcel, Marketplace, MarketplaceLine, MarketplaceOrder, SaleState
from orders.models import ConfirmedLine, Order, ShipmentConfirmation

MARGIN = timedelta(minutes=1)
# An order whose creation time is not told is looked for around the time it was placed.
GUESS = timedelta(days=2)
# A parcel that the marketplace shows without its units is believed to hold what we told of it.
UNTOLD_UNITS = 10**9


def missing(market: Marketplace, order: Order, lines: Sequence[ConfirmedLine]) -> list[ConfirmedLine]:
    """Which of these the marketplace does not show. Raises Unreadable when the marketplace does not show the order."""
    told = read(market, order)
    if told is None:
        raise Unreadable(f"order {order}: the marketplace does not show it, so its confirmation cannot be checked")
    by_number = {line.number: line for line in told.lines}
    absent: list[ConfirmedLine] = []
    for number in dict.fromkeys(line.shipment_line.order_line.number for line in lines):
        own = [line for line in lines if line.shipment_line.order_line.number == number]
        absent += _not_shown(by_number.get(number), own)
    return absent


def read(market: Marketplace, order: Order) -> MarketplaceOrder | None:
    """The order as the marketplace tells it now, by the window of its creation; None when it is not told."""
    for told in market.orders(*window(order)):
        if (
            isinstance(told, MarketplaceOrder)
            and told.number == order.full_number
            and told.sales_channel == order.sales_channel
        ):
            return told
    return None


def window(order: Order) -> tuple[datetime, datetime]:
    """The window of creation time that shows the order."""
    created = order.marketplace_created_at
    return (created - MARGIN, created + MARGIN) if created else (order.ordered_at - MARGIN, order.ordered_at + GUESS)


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


def _taken_before(line: ConfirmedLine) -> Iterable[ConfirmedLine]:
    """What earlier confirmations told of the same order line."""
    accepted = ShipmentConfirmation.Status.ACCEPTED
    return ConfirmedLine.objects.filter(
        shipment_line__order_line=line.shipment_line.order_line_id, confirmation__status=accepted
    ).exclude(confirmation=line.confirmation_id)
