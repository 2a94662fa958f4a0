"""Values that cross the two ports when a sent order is looked at or changed. As in `integrations.ports`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from integrations.ports import Address


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """Units of an item in an order that the warehouse holds."""

    item_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Receipt:
    """An order that the warehouse holds. `line_ids` are in the order of the request's lines.

    `lines` are its items without charges; None: not asked for, or unreadable. One of the two currencies or none.
    `contents` tells which lines it has and their sum, to be compared by `are_others`; empty where neither is told.
    """

    remote_id: str
    number: str
    full_number: str
    status: str
    line_ids: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    currency: str = ""
    currency_id: str = ""
    lines: tuple[ReceiptLine, ...] | None = None
    contents: str = ""


@dataclass(frozen=True, slots=True)
class ListedLine:
    """A line of goods, in whichever order of the warehouse."""

    order_id: str
    remote_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of an order that the warehouse holds, with the units of it that left and that lie packed."""

    remote_id: str
    item_id: str
    quantity: Decimal
    shipped: Decimal = Decimal(0)
    packed: Decimal = Decimal(0)
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Rounding:
    """An amount in an order that no goods are sold for, known by its label: what the prices leave over or short."""

    label: str
    amount: Decimal = Decimal(0)
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order as the warehouse holds it now. `packed` are its boxes that have not left: id → ids of their lines.

    `contents` as in a receipt.
    """

    remote_id: str
    number: str
    status: str
    lines: tuple[PlacedLine, ...]
    ship_to: Address
    address_id: str = ""
    address_label: str = ""
    notes: str = ""
    packed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_ended: bool = False
    has_shipped: bool = False
    roundings: tuple[Rounding, ...] = ()
    contents: str = ""


@dataclass(frozen=True, slots=True)
class LineChange:
    """Units that a line shall have; 0 takes it out. Without an id it is a new line of this item.

    Without a price one that is there keeps its own, and a new one is free.
    """

    remote_id: str
    item_id: str
    quantity: int
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderChange:
    """How an order of the warehouse shall be: everything absolute, what is None or not named stays.

    `unpack` are boxes to be taken apart first. A rounding without an id is new; one of 0 is taken out.
    """

    lines: tuple[LineChange, ...] = ()
    ship_to: Address | None = None
    notes: str | None = None
    unpack: tuple[str, ...] = ()
    roundings: tuple[Rounding, ...] = ()

    def __bool__(self) -> bool:
        has_parts = bool(self.lines or self.unpack or self.roundings)
        return has_parts or self.ship_to is not None or self.notes is not None


@dataclass(frozen=True, slots=True)
class ShortShipNotice:
    """What the marketplace is told of a line of which nothing more will ship. The code is one that it knows."""

    order_number: str
    sales_channel: str
    warehouse_name: str
    line_number: str
    reason_code: str


def are_others(known: str, told: str) -> bool:
    """Whether the `contents` of an order differ in what both of them tell."""
    return any(one and other and one != other for one, other in zip(known.split("/"), told.split("/"), strict=False))
