"""Did the marketplace take a confirmation whose answer was lost? Read the order back and compare."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from integrations.errors import Unavailable
from integrations.ports import Marketplace, MarketplaceLine, MarketplaceOrder, SaleState
from orders.models import ConfirmedLine, Order

MARGIN = timedelta(minutes=1)
# An order whose creation time is not told is looked for around the time it was placed.
GUESS = timedelta(days=2)


def missing(market: Marketplace, order: Order, lines: Sequence[ConfirmedLine]) -> list[ConfirmedLine]:
    """Which of these the marketplace does not show. Raises Unavailable when the order cannot be read back."""
    told = _read(market, order)
    by_number = {line.number: line for line in told.lines}
    return [line for line in lines if not _shows(by_number.get(line.shipment_line.order_line.number), line)]


def _read(market: Marketplace, order: Order) -> MarketplaceOrder:
    created = order.marketplace_created_at
    since, until = (
        (created - MARGIN, created + MARGIN) if created else (order.ordered_at - MARGIN, order.ordered_at + GUESS)
    )
    for told in market.orders(since, until):
        if (
            isinstance(told, MarketplaceOrder)
            and told.number == order.full_number
            and told.sales_channel == order.sales_channel
        ):
            return told
    raise Unavailable(f"order {order}: the marketplace does not show it, so its confirmation cannot be checked")


def _shows(told: MarketplaceLine | None, line: ConfirmedLine) -> bool:
    if told is None:
        return False
    known = {parcel.tracking_number for parcel in told.parcels} - {""}
    if known:
        return line.tracking_number in known
    return told.state == SaleState.SHIPPED
