"""The two ports, and the values that cross them.

A marketplace sells and wants tracking and quantities; a warehouse ships and knows the stock. Every adapter turns its
vendor's words into these values and every failure into one of `integrations.errors`. Text that is absent on the wire is
the empty string here; times are aware; goods are whole units on the marketplace's side, decimals on the warehouse's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from integrations.sent_orders import ListedLine, OrderChange, PlacedOrder, Receipt, ShortShipNotice
    from integrations.stock import BundlePart, ItemPage, LevelPage, UnreadableBundlePart


@dataclass(frozen=True, slots=True)
class Address:
    """Where a parcel goes. `country_code` is ISO 3166 alpha-2."""

    name: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country_code: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One thing that a connection test tried, and what was answered, in words for staff.

    What is open was not found, and nobody has to do anything about it.
    """

    tried: str
    answered: str
    ok: bool = True
    is_open: bool = False


# --- marketplace -----------------------------------------------------------------------------------------------


class SaleState(StrEnum):
    """What the marketplace says of an order or a line, reduced to what matters to us."""

    OPEN = "open"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ConfirmedParcel:
    """A parcel of one line that the marketplace already holds; `quantity` is 0 where it does not say."""

    tracking_number: str
    quantity: int


@dataclass(frozen=True, slots=True)
class MarketplaceLine:
    """One ordered SKU.

    `number` is the identity that the marketplace wants back on a shipment. `quantity` is None when the
    element was missing. `parcels` are what the marketplace already holds, `quantity_shipped` is their sum.
    """

    number: str
    partner_sku: str
    option_sku: str = ""
    upc: str = ""
    title: str = ""
    quantity: int | None = None
    quantity_shipped: int = 0
    state: SaleState = SaleState.OPEN
    status: str = ""
    unit_cost: Decimal | None = None
    currency: str = ""
    notes: str = ""
    parcels: tuple[ConfirmedParcel, ...] = ()


@dataclass(frozen=True, slots=True)
class MarketplaceOrder:
    """An order as the marketplace tells it now; `raw` is its own fragment of the answer.

    `number` with `sales_channel` identifies it. `warehouse_name` is exactly as received, since it must be
    echoed. `ordered_at` is in the marketplace's zone, so `.date()` is the customer's local order date.
    `created_at` is when the marketplace made it available (None when it does not say). `billing_account` is the
    carrier account to bill, empty when it is the supplier's own.
    """

    number: str
    sales_channel: str
    ordered_at: datetime
    created_at: datetime | None
    warehouse_name: str
    ship_to: Address
    lines: tuple[MarketplaceLine, ...]
    state: SaleState = SaleState.OPEN
    status: str = ""
    shipping_code: str = ""
    is_freight: bool = False
    signature_required: bool = False
    billing_account: str = ""
    carrier_code: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class UnreadableOrder:
    """An order of an otherwise good answer that could not be understood. `number` is empty if it has none."""

    number: str
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class ShippedLine:
    """Units of one order line in one parcel. Carrier and service are the marketplace's own codes."""

    line_number: str
    quantity: int
    carrier_code: str
    service_code: str
    tracking_number: str
    shipped_at: datetime


@dataclass(frozen=True, slots=True)
class ShipmentNotice:
    """What the marketplace is told about one order in one message."""

    order_number: str
    sales_channel: str
    warehouse_name: str
    lines: tuple[ShippedLine, ...]


@dataclass(frozen=True, slots=True)
class ListedQuantity:
    """The absolute quantity to show for one SKU at one of the marketplace's warehouse names."""

    sku: str
    warehouse_name: str
    quantity: int
    partner_sku: str = ""
    option_sku: str = ""
    upc: str = ""


class Marketplace(Protocol):
    """What Crossdock asks of a system that sells."""

    @property
    def time_zone(self) -> tzinfo:
        """The zone that the marketplace's own dates are in."""

    @property
    def publish_batch_size(self) -> int:
        """How many quantities one `publish` call may carry."""

    def check(self) -> Sequence[CheckStep]:
        """Try the credentials with the cheapest read. Raises like any other call."""

    def orders(self, since: datetime, until: datetime) -> Iterable[MarketplaceOrder | UnreadableOrder]:
        """Every order created in the window, both ends included; may return a few outside it.

        Raises before or while iterating; what was yielded before that is good.
        """

    def certain_until(self, until: datetime) -> datetime:
        """Up to when a window that ends at `until` is certain to be complete if it is read from now on.

        Earlier than `until` while the marketplace cannot be asked for all of it, as in the hour that autumn repeats.
        """

    def confirm(self, notice: ShipmentNotice) -> None:
        """Say what was shipped. Raises OutcomeUnknown unless the answer is a clear yes or no."""

    def short_ship(self, notice: ShortShipNotice) -> None:
        """Say that what is open of a line will not ship. Raises as `confirm` does."""

    def publish(self, quantities: Sequence[ListedQuantity]) -> bool:
        """Set quantities, at most `publish_batch_size` of them, absolutely: repeating is harmless.

        Whether it was said that they are taken; False for an answer without a word. Raises for any other.
        """

    def quantities(self) -> Sequence[ListedQuantity] | None:
        """What it shows now, by the SKU that a listing is published under; None where it is not asked.

        A row without a warehouse name is for any of them.
        """


# --- warehouse -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """A place that holds stock."""

    remote_id: str
    name: str
    holds_stock: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """Something the warehouse can ship. Several items may carry one SKU; the caller decides what that means."""

    remote_id: str
    sku: str
    title: str = ""
    upc: str = ""
    sellable: bool = True
    stock_managed: bool = True
    keep_selling: bool = False
    max_online: int | None = None


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """One line of an order to create. `unit_price` is in the order's currency."""

    item_id: str
    sku: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order to create in the warehouse.

    It is looked up by `full_number` later; people see `short_reference`. `status`: draft, active or finalized.
    """

    idempotency_key: str
    full_number: str
    short_reference: str
    company_id: str
    location_id: str
    ship_to: Address
    address_label: str
    ordered_on: date
    lines: tuple[RequestedLine, ...]
    status: str = "active"
    currency: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()


class ParcelState(StrEnum):
    """How far a shipment of the warehouse is."""

    PACKED = "packed"
    SHIPPED = "shipped"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class ParcelContent:
    """Units of one warehouse order line in a parcel."""

    line_id: str
    item_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Parcel:
    """One shipment as the warehouse tells it. Carrier and service are its free text."""

    remote_id: str
    order_id: str
    state: ParcelState
    contents: tuple[ParcelContent, ...]
    tracking_number: str = ""
    tracking_url: str = ""
    carrier: str = ""
    service: str = ""
    shipped_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnreadableParcel:
    """A shipment of an otherwise good answer that could not be understood. Ids are empty where it has none."""

    remote_id: str
    order_id: str
    reason: str


class Warehouse(Protocol):
    """What Crossdock asks of a system that ships.

    A record that cannot be read never keeps back its neighbours: unless said otherwise it is left out, and told to
    the account's journal.
    """

    @property
    def item_batch_size(self) -> int:
        """How many SKUs one request of `items`, or ids one of `levels_of`, asks for."""

    def check(self) -> Sequence[CheckStep]:
        """Try the credentials with the cheapest read. Raises like any other call."""

    def locations(self) -> Sequence[Location]:
        """All active locations."""

    def find_company(self, name: str) -> str | None:
        """The id of the active company with exactly this name; Refused if several have it."""

    def create_company(self, name: str, *, idempotency_key: str) -> str:
        """Create a business customer and return its id. Raises OutcomeUnknown unless the answer is a clear one."""

    def announce_to(self, address: str) -> int:
        """Have parcels and stock that change told to this address; how many kinds of news were not told there."""

    def currencies(self) -> Mapping[str, str]:
        """The currencies that orders can be created in: code → id, empty where that is not clear; none if not told."""

    def items(self, skus: Sequence[str]) -> Sequence[Item]:
        """Every active item whose SKU is exactly one of these, in as few requests as possible.

        None at all of a SKU that one unreadable item has: it is not guessed which one is meant.
        """

    def catalogue(self, *, first_page: int = 1, since: datetime | None = None) -> Iterable[ItemPage]:
        """Every active item (changed `since`), a request per page. Raises Unreadable if announced ones did not come."""

    def create_order(self, request: OrderRequest) -> Receipt:
        """Create it with one request. Raises OutcomeUnknown unless the answer is a clear yes or no."""

    def find_orders(self, full_number: str) -> Sequence[Receipt]:
        """The living (not void, not deleted) orders with exactly this reference, lines included, oldest first."""

    def order(self, remote_id: str) -> PlacedOrder | None:
        """The order as it is there now; None when there is none with this id."""

    def cancel_order(self, placed_order: PlacedOrder) -> None:
        """End it, its boxes taken apart first. Raises OutcomeUnknown unless the answer is clear: read it again then."""

    def change_order(self, placed_order: PlacedOrder, change: OrderChange, *, idempotency_key: str) -> None:
        """Make it so, step by step; the key keeps new lines from coming twice. Raises as `cancel_order` does."""

    def orders_since(self, created_since: datetime) -> Iterable[Receipt]:
        """Every order created since, void and deleted ones too; for reconciliation."""

    def changed_orders(self, since: datetime) -> Iterable[Receipt]:
        """Every order changed since, whatever its status is now, void and deleted ones too; oldest change first."""

    def changed_lines(self, since: datetime) -> Iterable[ListedLine]:
        """Every line of goods that was created or changed since, and is there; none where that is not told."""

    def parcels(self, since: datetime, known: Mapping[str, datetime]) -> Iterable[Parcel | UnreadableParcel]:
        """Every shipment changed since, oldest change first, void ones too.

        `known` tells when shipments that the caller has already last changed; one that is still the same may be left
        out where telling it would cost a request.
        """

    def levels(self, *, first_page: int = 1) -> Iterable[LevelPage]:
        """Sweep the stock of all items, one request per page. Raises Unreadable when rows announced did not come."""

    def levels_of(self, item_ids: Sequence[str]) -> Iterable[LevelPage]:
        """The stock of these items, in as few requests as possible. One that is not there any more does not come."""

    def bundles(self) -> Sequence[BundlePart | UnreadableBundlePart] | None:
        """What all items consist of that are made up of others; None where that is not told.

        What cannot be read is among them, since a bundle that lacks a component would be told in too large a number.
        """
