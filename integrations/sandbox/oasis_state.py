"""The sandbox's Supplier Oasis: orders, what was confirmed, quantities. Plain values, no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass
class Parcel:
    """One confirmed shipment of a line."""

    quantity: int
    carrier: str
    service: str
    tracking_number: str
    shipped_at: str


@dataclass
class Line:
    number: str
    partner_sku: str
    option_sku: str = ""
    upc: str = ""
    title: str = ""
    quantity: int | str | None = 1
    unit_cost: str = "10.00"
    status: str = "PROCESSING"
    notes: str = ""
    parcels: list[Parcel] = field(default_factory=list)

    @property
    def shipped(self) -> int:
        return sum(parcel.quantity for parcel in self.parcels)

    @property
    def open_quantity(self) -> int:
        if self.status not in ("PROCESSING",) or not isinstance(self.quantity, int):
            return 0
        return self.quantity - self.shipped


@dataclass
class Order:
    number: str
    lines: list[Line]
    channel: str = "OSTK"
    warehouse: str = "Riverside DC"
    ordered_at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=5))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=1))
    status: str = "PROCESSING"
    service: str = "GROUND"
    is_freight: bool = False
    address: dict[str, str] = field(default_factory=dict)


ADDRESS = {
    "contactName": "Pat Doe", "address1": "12 Mill Lane", "city": "Boise", "stateOrProvince": "ID",
    "postalCode": "83702", "countryCode": "US", "phone": "208-555-0100",
}  # fmt: skip


class OasisState:
    """Everything the sandbox's Overstock knows. `form` is M, D or N; `atomic` says whether a shipment message is."""

    def __init__(self) -> None:
        self.username, self.password = "demo-supplier", "p&ss<é>word"
        self.orders: dict[str, Order] = {}
        self.quantities: dict[tuple[str, str], int] = {}
        self.form, self.atomic, self.inclusive = "M", True, True
        self._numbers = 700_100_200

    def add_order(self, *lines: Line | dict[str, Any], number: str = "", **values: Any) -> str:
        """Add an order; lines are numbered from 1 where they have no number. Returns its number."""
        if not number:
            self._numbers += 1
            number = f"{self._numbers}-1"
        made = [one if isinstance(one, Line) else Line(**{"number": "", **one}) for one in lines]
        for position, line in enumerate(made, start=1):
            line.number = line.number or str(position)
        address = {**ADDRESS, **values.pop("address", {})}
        self.orders[number] = Order(number=number, lines=made, address=address, **values)
        return number

    def cancel(self, number: str, line_number: str = "") -> None:
        """The retailer cancels an order, or one line of it."""
        order = self.orders[number]
        for line in order.lines:
            if line_number in ("", line.number):
                line.status = "CANCELLED"
        if all(line.status == "CANCELLED" for line in order.lines):
            order.status = "CANCELLED"

    def shipments(self, number: str) -> list[tuple[str, Parcel]]:
        """(line number, parcel) of everything confirmed for an order."""
        return [(line.number, parcel) for line in self.orders[number].lines for parcel in line.parcels]

    def between(self, start: datetime, end: datetime) -> list[Order]:
        """Orders by creation time; both ends belong to the window, or neither."""
        if self.inclusive:
            return [order for order in self.orders.values() if start <= order.created_at <= end]
        return [order for order in self.orders.values() if start < order.created_at < end]
