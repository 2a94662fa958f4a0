"""The sandbox's TradeGecko: tables of plain rows, and the rules that tie orders, shipments and stock together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

# Names of the tables, in the plural of their addresses (tradegecko 3.0).
TABLES = (
    "addresses", "companies", "contacts", "currencies", "fulfillment_line_items", "fulfillments", "locations", "notes",
    "order_line_items", "orders", "payment_terms", "price_lists", "products", "tax_types", "users", "variants",
)  # fmt: skip
COMMITTING = ("active", "finalized")


class Invalid(Exception):
    """A 422: field → messages."""

    def __init__(self, **errors: str) -> None:
        super().__init__(str(errors))
        self.errors = {field: [text] for field, text in errors.items()}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Decimal) -> str:
    """As on the wire: trailing zeros trimmed, at least one decimal."""
    text = f"{value.normalize():f}"
    return text if "." in text else f"{text}.0"


def figure(value: Decimal) -> str:
    """A stock figure: no decimal is forced."""
    return f"{value.normalize():f}" if value else "0"


class GeckoState:
    """Everything the sandbox's TradeGecko knows, and its switches."""

    def __init__(self) -> None:
        self.token = "sandbox-token"  # noqa: S105
        self.tables: dict[str, dict[int, Row]] = {name: {} for name in TABLES}
        self.stock: dict[tuple[int, int], Decimal] = {}
        self.keys: dict[str, float] = {}
        self.calls_in_window: dict[int, int] = {}
        self.limit = 300
        self.clamp_page_size = False
        self.reject_duplicate_order_numbers = False
        self.sideload_lines = True
        self.finalize_before_packing = False
        self._last_id = 440_000

    def add(self, table: str, **values: Any) -> Row:
        """A new row with an id and its times."""
        self._last_id += 1
        row: Row = {"id": self._last_id, "created_at": now(), "updated_at": now(), **values}
        self.tables[table][row["id"]] = row
        return row

    def change(self, row: Row, **values: Any) -> None:
        row.update(values)
        row["updated_at"] = now()

    @property
    def orders(self) -> dict[int, Row]:
        return self.tables["orders"]

    # --- what tests and the control address do -----------------------------------------------------------------

    def add_variant(self, sku: str | None, *, stock: int | str = 0, location: str = "Main DC", **values: Any) -> int:
        """A variant with stock at a location; returns its id."""
        standard: Row = {"status": "active", "name": sku, "product_name": sku, "sellable": True, "manage_stock": True,
                    "keep_selling": False, "max_online": None, "upc": None, "product_id": 61001}  # fmt: skip
        row = self.add("variants", **{**standard, "sku": sku, **values})
        self.stock[row["id"], self.location_id(location)] = Decimal(str(stock))
        return int(row["id"])

    def location_id(self, label: str) -> int:
        return next(int(row["id"]) for row in self.tables["locations"].values() if row["label"] == label)

    def set_stock(self, sku: str, quantity: int | str, *, location: str = "Main DC") -> None:
        variant = next(row for row in self.tables["variants"].values() if row["sku"] == sku)
        self.stock[variant["id"], self.location_id(location)] = Decimal(str(quantity))

    def living(self) -> list[Row]:
        """Orders that are neither void nor deleted."""
        return [row for row in self.orders.values() if row["status"] not in ("void", "deleted")]

    def by_reference(self, reference: str) -> list[Row]:
        return [row for row in self.living() if row["reference_number"] == reference]

    def lines(self, order_id: int) -> list[Row]:
        rows = [row for row in self.tables["order_line_items"].values() if row["order_id"] == order_id]
        return sorted(rows, key=lambda row: (row["position"], row["id"]))

    def ship(
        self, order_id: int, quantities: Mapping[int, int | str] | None = None, *, tracking: str | None = None,
        carrier: str | None = "UPS", service: str | None = "Ground", status: str = "fulfilled",
    ) -> int:  # fmt: skip
        """A parcel with these units per line id (default: everything left); returns the fulfillment's id."""
        wanted = quantities if quantities is not None else self.unpacked(order_id)
        items = [{"order_line_item_id": line, "quantity": str(units)} for line, units in wanted.items()]
        row = self.create_fulfillment(
            {
                "order_id": order_id, "status": status, "tracking_number": tracking, "tracking_company": carrier,
                "service": service, "fulfillment_line_items": items,
            }
        )  # fmt: skip
        return int(row["id"])

    # --- orders -------------------------------------------------------------------------------------------------

    def create_order(self, given: Row) -> Row:
        """An order with nested company, addresses and lines (3.10)."""
        self._check_order(given)
        company_id = given.get("company_id") or self.add("companies", status="active", **given["company"])["id"]
        shipping = given.get("shipping_address_id") or self._address(given.get("shipping_address"), company_id)
        billing = given.get("billing_address_id") or self._address(given.get("billing_address"), company_id) or shipping
        number = given.get("order_number") or f"SO{len(self.orders) + 1:04}"
        taken = {"company_id", "company", "shipping_address", "billing_address", "order_line_items", "order_number"}
        rest = {name: value for name, value in given.items() if name not in taken}
        standard: Row = {"status": "draft", "reference_number": None, "stock_location_id": self.location_id("Main DC"),
                    "notes": None, "tags": [], "issued_at": None}  # fmt: skip
        order = self.add(
            "orders",
            **{**standard, **rest},
            company_id=company_id, shipping_address_id=shipping, billing_address_id=billing, order_number=number,
        )  # fmt: skip
        self.append_lines(order, given.get("order_line_items") or [])
        return order

    def _check_order(self, given: Row) -> None:
        company = self.tables["companies"].get(given.get("company_id") or 0)
        if not given.get("company") and company is None:
            raise Invalid(company_id="can't be blank")
        if not given.get("shipping_address") and not given.get("shipping_address_id"):
            raise Invalid(shipping_address_id="can't be blank")
        if not given.get("issued_at"):
            raise Invalid(issued_at="can't be blank")
        if given.get("status", "draft") not in ("draft", "active", "finalized"):
            raise Invalid(status="is not included in the list")
        place = given.get("stock_location_id")
        if place and place not in self.tables["locations"]:
            raise Invalid(stock_location_id="is invalid")
        iso = given.get("currency_iso")
        if iso and not any(row["iso"] == iso for row in self.tables["currencies"].values()):
            raise Invalid(currency_id="can't be blank")
        number = given.get("order_number")
        if self.reject_duplicate_order_numbers and any(row["order_number"] == number for row in self.living()):
            raise Invalid(order_number="has already been taken")
        for line in given.get("order_line_items") or []:
            self._check_line(line)

    def _check_line(self, line: Row) -> None:
        if line.get("freeform"):
            return
        variant = self.tables["variants"].get(_number(line.get("variant_id")))
        if variant is None or variant["status"] != "active":
            raise Invalid(variant_id="is invalid")
        if not variant["sellable"]:
            raise Invalid(variant="is not sellable")

    def _address(self, given: Row | None, company_id: int) -> int | None:
        if not given:
            return None
        if not given.get("address1"):
            raise Invalid(address1="can't be blank")
        same = [row for row in self.tables["addresses"].values() if row["company_id"] == company_id]
        if given.get("label") and any(row.get("label") == given["label"] for row in same):
            raise Invalid(label="has already been taken")
        return int(self.add("addresses", company_id=company_id, status="active", **given)["id"])

    def append_lines(self, order: Row, lines: list[Row]) -> None:
        start = len(self.lines(order["id"]))
        for place, given in enumerate(lines, start=start + 1):
            self._check_line(given)
            standard = {"price": "0.0", "freeform": False, "line_type": None, "label": None, "discount": None}
            values = {**standard, **given, "position": given.get("position") or place, "order_id": order["id"]}
            values["variant_id"] = _number(given.get("variant_id")) or None
            values["quantity"] = plain(Decimal(str(given.get("quantity", 1))))
            values["price"] = plain(Decimal(str(values["price"])))
            self.add("order_line_items", **values)

    def unpacked(self, order_id: int) -> dict[int, str]:
        """Units of each line that are in no parcel yet."""
        return {
            line["id"]: str(left)
            for line in self.lines(order_id)
            if not line["freeform"] and (left := Decimal(line["quantity"]) - self.in_parcels(line["id"])) > 0
        }

    def in_parcels(self, line_id: int, *states: str) -> Decimal:
        wanted = states or ("packed", "fulfilled")
        rows = self.tables["fulfillment_line_items"].values()
        return sum(
            (
                Decimal(row["quantity"])
                for row in rows
                if row["order_line_item_id"] == line_id
                and self.tables["fulfillments"][row["fulfillment_id"]]["status"] in wanted
            ),
            Decimal(0),
        )

    def void(self, order: Row) -> None:
        if any(self.in_parcels(line["id"], "fulfilled") for line in self.lines(order["id"])):
            raise Invalid(base="Order has shipped goods")
        for parcel in self.tables["fulfillments"].values():
            if parcel["order_id"] == order["id"] and parcel["status"] == "packed":
                self.change(parcel, status="void")
        self.change(order, status="deleted" if order["status"] == "draft" else "void")

    # --- fulfillments -------------------------------------------------------------------------------------------

    def create_fulfillment(self, given: Row) -> Row:
        order = self.orders.get(_number(given.get("order_id")))
        if order is None:
            raise Invalid(order_id="can't be blank")
        lines = given.get("fulfillment_line_items") or []
        if not lines:
            raise Invalid(base="Cannot create or update a Fulfillment without line items")
        if order["status"] in ("void", "deleted") or (self.finalize_before_packing and order["status"] != "finalized"):
            raise Invalid(base="Only finalized orders can be packed")
        status = given.get("status") or "packed"
        rest = {name: value for name, value in given.items() if name not in ("fulfillment_line_items", "status")}
        standard = {"tracking_number": None, "tracking_company": None, "tracking_url": None, "service": None,
                    "shipped_at": None, "packed_at": now()[:10], "notes": None,
                    "stock_location_id": order["stock_location_id"]}  # fmt: skip
        parcel = self.add("fulfillments", **{**standard, **rest}, status="packed")
        for place, line in enumerate(lines, start=1):
            self._pack(parcel, line, place)
        if status == "fulfilled":
            self.fulfil(parcel)
        return parcel

    def _pack(self, parcel: Row, given: Row, place: int) -> None:
        line = self.tables["order_line_items"].get(_number(given.get("order_line_item_id")))
        if line is None:
            raise Invalid(base="Couldn't find OrderLineItem")
        self.add(
            "fulfillment_line_items", fulfillment_id=parcel["id"], order_line_item_id=line["id"], position=place,
            quantity=plain(Decimal(str(given.get("quantity", 1)))), variant_id=line["variant_id"],
        )  # fmt: skip

    def fulfil(self, parcel: Row) -> None:
        """The parcel leaves: on hand falls, and a wholly shipped order is fulfilled."""
        if parcel["status"] == "fulfilled":
            return
        self.change(parcel, status="fulfilled", shipped_at=parcel["shipped_at"] or now())
        for row in self.tables["fulfillment_line_items"].values():
            if row["fulfillment_id"] == parcel["id"] and row["variant_id"]:
                key = row["variant_id"], parcel["stock_location_id"]
                self.stock[key] = self.stock.get(key, Decimal(0)) - Decimal(row["quantity"])
        order = self.orders[parcel["order_id"]]
        lines = [line for line in self.lines(order["id"]) if not line["freeform"]]
        if all(self.in_parcels(line["id"], "fulfilled") >= Decimal(line["quantity"]) for line in lines):
            self.change(order, status="fulfilled")

    def void_parcel(self, parcel: Row) -> None:
        """Deleted or voided: what had left comes back into stock."""
        was_out = parcel["status"] == "fulfilled"
        self.change(parcel, status="void")
        order = self.orders[parcel["order_id"]]
        for row in self.tables["fulfillment_line_items"].values():
            if was_out and row["fulfillment_id"] == parcel["id"] and row["variant_id"]:
                self.stock[row["variant_id"], parcel["stock_location_id"]] += Decimal(row["quantity"])
        if order["status"] == "fulfilled":
            self.change(order, status="finalized")

    # --- stock --------------------------------------------------------------------------------------------------

    def committed(self) -> dict[tuple[int, int], Decimal]:
        """Units that open orders hold, per variant and location (4.1)."""
        held: dict[tuple[int, int], Decimal] = {}
        for line in self.tables["order_line_items"].values():
            order = self.orders.get(line["order_id"])
            if order is None or order["status"] not in COMMITTING or not line["variant_id"]:
                continue
            key = line["variant_id"], order["stock_location_id"]
            left = Decimal(line["quantity"]) - self.in_parcels(line["id"], "fulfilled")
            held[key] = held.get(key, Decimal(0)) + left
        return held


def _number(value: object) -> int:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() else 0
