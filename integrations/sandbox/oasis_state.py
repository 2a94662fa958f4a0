"""The sandbox's Supplier Oasis: orders, what was confirmed, quantities. Plain values, no database."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

DENVER = ZoneInfo("America/Denver")
SHIPPED = frozenset({"SHIPPED", "COMPLETE", "COMPLETED"})
CANCELLED = frozenset({"CANCELED", "CANCELLED", "SHORT_SHIPPED", "SHORTSHIPPED"})


@dataclass
class Parcel:
    """One confirmed shipment of a line; what is empty is derived when it is written (supplier-oasis 3.5)."""

    quantity: int
    carrier: str
    service: str
    tracking_number: str
    shipped_at: str
    confirmed_at: str = ""
    package_id: str = ""
    package_type: str = "BOX"
    weight: str = "1.0"
    shipment_id: str = ""
    shipment_carrier: str = ""
    billing_account: str = "null"


@dataclass
class Line:
    """A line of an order. An empty text or a None quantity is left out of the answers (supplier-oasis 3.5).

    What is None is derived: the barcode from the SKU, the first cost from the unit cost. `number` is the
    salesChannelLineNumber; `channel_line_id`, `line_id` and `item_id` are given by the state where they are empty.
    """

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
    barcode: str | None = None
    item_price: str = "19.99"
    first_cost: str | None = None
    additional_shipping_cost: str | None = None
    currency: str = "USD"
    special_handling: str = ""
    channel_line_id: str = ""
    line_id: str = ""
    item_id: str = ""
    short_ship_reason: str = ""

    @property
    def shipped(self) -> int:
        return sum(parcel.quantity for parcel in self.parcels)

    @property
    def is_cancelled(self) -> bool:
        """Whether it will not ship (any more): cancelled by the retailer, or short shipped by the supplier."""
        return self.status.upper() in CANCELLED

    @property
    def is_closed(self) -> bool:
        return self.is_cancelled or self.status.upper() in SHIPPED

    @property
    def open_quantity(self) -> int:
        """What is still to ship; an unknown status counts as open (supplier-oasis 3.6)."""
        if self.is_closed or not isinstance(self.quantity, int):
            return 0
        return self.quantity - self.shipped

    def ship(self, parcel: Parcel) -> None:
        self.parcels.append(parcel)
        if self.open_quantity <= 0:
            self.status = "SHIPPED"

    def short_ship(self, reason: str) -> None:
        self.status, self.short_ship_reason = "SHORT_SHIPPED", reason


@dataclass
class Order:
    """An order. An empty text is left out of the answers, and so is every element named in `without` (3.2 to 3.4)."""

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
    return_address: dict[str, str] = field(default_factory=dict)
    third_party_billing: bool = True
    signature_required: bool = False
    declared_value_required: bool = False
    shipping_account: str = "A00TEST1"
    carrier: str = "FEDEX"
    export: bool = False
    branding: str = ""
    fulfillment: str = "SUPPLIER"
    order_id: str = ""
    retail_channel: str = "OSTK"
    retailer_order_code: str = ""
    retail_order_number: str = ""
    action_required: bool | None = None
    without: tuple[str, ...] = ()

    @property
    def is_closed(self) -> bool:
        return self.status.upper() in SHIPPED | CANCELLED

    def line(self, number: str) -> Line:
        """Raises KeyError where there is no such line."""
        for line in self.lines:
            if line.number == number:
                return line
        raise KeyError(f"no line {number} in order {self.number}")

    def settle(self) -> None:
        """COMPLETE once every line is shipped, cancelled or short shipped (supplier-oasis 9)."""
        if not self.is_closed and all(line.is_closed for line in self.lines):
            self.status = "COMPLETE"


ADDRESS_FIELDS = (
    "contactName", "address1", "address2", "city", "stateOrProvince", "postalCode", "countryCode", "phone",
)  # fmt: skip
ADDRESS = {
    "contactName": "Pat Doe", "address1": "12 Mill Lane", "city": "Boise", "stateOrProvince": "ID",
    "postalCode": "83702", "countryCode": "US", "phone": "208-555-0100",
}  # fmt: skip
RETURNS = {
    "contactName": "Returns Desk", "address1": "900 Dock Street", "city": "Riverside", "stateOrProvince": "CA",
    "postalCode": "92501", "countryCode": "US", "phone": "951-555-0110",
}  # fmt: skip

# switch → the values that it may have
SWITCHES: dict[str, Container[object]] = {
    "form": ("M", "D", "N"),
    "fold": ("lenient", 0, 1),
    "cap": range(1001),
    "success": (200, 201, 202),
    **dict.fromkeys(
        ("atomic", "inclusive", "shuffled", "strict_codes", "strict_namespace", "strict_inventory", "refuse_repeated"),
        (True, False),
    ),
}


class OasisState:
    """Everything the sandbox's Overstock knows, and its switches.

    `form` is that of the orders (supplier-oasis 2); `fold` is how a bare local time in autumn's repeated hour is
    read: as the first (0) or the second (1) of its two instants, or as the one that makes the window wider; `cap` is
    how many orders an answer holds at most (0: all), though it announces them all; `atomic` says whether a message
    with a bad line is refused as a whole; `inclusive` whether the ends of a window belong to it; `shuffled` mixes
    sibling elements of answers; `success` is the status of a good answer to a POST; the strict ones refuse what is
    otherwise tolerated: carriers and service levels outside the public lists, elements without a namespace,
    quantities of unknown SKUs or warehouses.
    """

    def __init__(self) -> None:
        self.username, self.password = "demo-supplier", "p&ss<é>word"
        self.orders: dict[str, Order] = {}
        self.quantities: dict[tuple[str, str], int] = {}
        self.catalogue: dict[str, str] = {}  # SKU → barcode
        self.warehouses = {Order.warehouse}
        self.warnings: list[str] = []
        self.form, self.atomic, self.inclusive, self.shuffled, self.success = "M", True, True, False, 200
        self.fold: int | str = "lenient"
        self.cap = 0
        self.strict_inventory = True
        self.strict_codes = self.strict_namespace = self.refuse_repeated = False
        self._numbers, self._ids = 700_100_200, 0

    def switch(self, **values: object) -> None:
        """Set switches by name. Raises ValueError for an unknown one or a value that it cannot have."""
        for name, value in values.items():
            if value not in SWITCHES.get(name, ()):
                raise ValueError(f"no switch {name} with {value!r}; there are {SWITCHES}")
        vars(self).update(values)

    def add_order(self, *lines: Line | dict[str, Any], number: str = "", **values: Any) -> str:
        """Add an order; lines are numbered from 1 where they have no number. Returns its number.

        `values` are fields of Order; times may be ISO 8601 texts, and may lie in the past: such an order is seen late.
        """
        if not number:
            self._numbers += 1
            number = f"{self._numbers}-1"
        address = _address(ADDRESS, values.pop("address", {}))
        returns = _address(RETURNS, values.pop("return_address", {}))
        made = [one if isinstance(one, Line) else _line(one) for one in lines]
        order = Order(number=number, lines=made, address=address, return_address=returns, **_timed(values))
        self._identify(order)
        self._learn(order)
        self.orders[number] = order
        return number

    def edit(self, number: str, line: str = "", **values: Any) -> None:
        """The retailer changes fields of an order, or of one line of it: address, quantity, SKU, service.

        An address keeps what is not named. Raises KeyError or ValueError for what does not exist.
        """
        order = self.orders[number]
        record = order.line(line) if line else order
        known = {one.name for one in fields(record)} - {"number", "lines", "parcels"}
        _check_names("what can be changed of it", values, known)
        for name in {"address", "return_address"} & set(values):
            values[name] = _address(getattr(record, name), values[name])
        vars(record).update(_timed(values))
        self._learn(order)

    def add_line(self, number: str, line: dict[str, Any]) -> str:
        """The retailer adds a line to an order; its number, the next one where none is given."""
        order = self.orders[number]
        new = _line(line)
        new.number = new.number or str(len(order.lines) + 1)
        if any(one.number == new.number for one in order.lines):
            raise ValueError(f"order {number} has a line {new.number} already")
        order.lines.append(new)
        self._identify(order)
        self._learn(order)
        return new.number

    def remove_line(self, number: str, line: str) -> None:
        """A line is gone from an order, as if it had never been in it."""
        order = self.orders[number]
        order.lines.remove(order.line(line))

    def cancel(self, number: str, line_number: str = "") -> None:
        """The retailer cancels an order, or one line of it. What has shipped stays so (supplier-oasis 4.1)."""
        order = self.orders[number]
        for line in [order.line(line_number)] if line_number else order.lines:
            if not line.is_closed:
                line.status = "CANCELLED"
        if all(line.status == "CANCELLED" for line in order.lines):
            order.status = "CANCELLED"
        order.settle()

    def remove(self, number: str) -> None:
        """The order is gone from the marketplace, as if it had never been there."""
        del self.orders[number]

    def add_listing(self, sku: str, *, barcode: str = "", warehouse: str = "") -> None:
        """Make a SKU, and a warehouse, known to the inventory."""
        self.catalogue[sku] = barcode or self.catalogue.get(sku, "")
        if warehouse:
            self.warehouses.add(warehouse)

    def shipments(self, number: str) -> list[tuple[str, Parcel]]:
        """(line number, parcel) of everything confirmed for an order."""
        return [(line.number, parcel) for line in self.orders[number].lines for parcel in line.parcels]

    def between(self, start: datetime, end: datetime) -> list[Order]:
        """Orders by creation time, oldest first; both ends belong to the window, or neither."""
        orders: Iterable[Order] = self.orders.values()
        if self.inclusive:
            found = [order for order in orders if start <= order.created_at <= end]
        else:
            found = [order for order in orders if start < order.created_at < end]
        return sorted(found, key=lambda order: order.created_at)

    def view(self) -> dict[str, Any]:
        """Everything in plain values, to be looked at."""
        quantities = [
            {"sku": sku, "warehouse": warehouse, "quantity": quantity}
            for (sku, warehouse), quantity in self.quantities.items()
        ]
        return {
            "orders": {number: asdict(order) for number, order in self.orders.items()},
            "quantities": quantities,
            "catalogue": sorted(self.catalogue),
            "warehouses": sorted(self.warehouses),
            "warnings": self.warnings,
            "switches": {name: getattr(self, name) for name in SWITCHES},
        }

    def _identify(self, order: Order) -> None:
        """Give ids where there are none; all of them differ from each other and from the line's number."""
        self._ids += 1
        order.order_id = order.order_id or str(5_550_000 + self._ids)
        order.retailer_order_code = order.retailer_order_code or order.number.partition("-")[0]
        order.retail_order_number = order.retail_order_number or order.number.partition("-")[0]
        for position, line in enumerate(order.lines, start=1):
            self._ids += 1
            line.number = line.number or str(position)
            line.channel_line_id = line.channel_line_id or str(910_000 + self._ids)
            line.line_id = line.line_id or str(8_800_000 + self._ids)
            line.item_id = line.item_id or str(44_000_000 + crc32(line.partner_sku.encode()) % 1_000_000)

    def _learn(self, order: Order) -> None:
        self.warehouses.add(order.warehouse)
        for line in order.lines:
            if line.barcode is None:
                line.barcode = line.option_sku or line.partner_sku
            for sku in filter(None, (line.partner_sku, line.option_sku)):
                self.catalogue[sku] = line.barcode or self.catalogue.get(sku, "")


def _line(given: dict[str, Any]) -> Line:
    _check_names("a line", given, {one.name for one in fields(Line)})
    for one in given.get("parcels", ()):
        if not isinstance(one, Parcel):
            _check_names("a parcel", one, {known.name for known in fields(Parcel)})
    parcels = [one if isinstance(one, Parcel) else Parcel(**one) for one in given.get("parcels", ())]
    return Line(**{"number": "", **given, "parcels": parcels})


def _address(known: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    _check_names("an address", given, ADDRESS_FIELDS)
    return {**known, **given}


def _check_names(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    unknown = set(given) - set(known)
    if unknown:
        raise ValueError(f"{what} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")


def _timed(values: dict[str, Any]) -> dict[str, Any]:
    """Times as instants; a text without offset is Denver's."""
    times = {
        name: datetime.fromisoformat(value)
        for name, value in values.items()
        if name in ("ordered_at", "created_at") and isinstance(value, str)
    }
    aware = {name: at if at.tzinfo else at.replace(tzinfo=DENVER) for name, at in times.items()}
    return {**values, **aware}
