"""The sandbox's TradeGecko as tests, the demo and the control address use it: what its staff would do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from integrations.sandbox import gecko_lines, gecko_orders, gecko_parcels, gecko_stock, gecko_webhooks
from integrations.sandbox.gecko_oauth import Tokens
from integrations.sandbox.gecko_tables import ENDED, GeckoTables
from integrations.sandbox.gecko_values import Row, plain
from integrations.sandbox.gecko_webhooks import Event


class GeckoState(GeckoTables):
    """Everything the sandbox's TradeGecko knows, and its switches. `address` is where it is served."""

    def __init__(self) -> None:
        super().__init__()
        self.oauth = Tokens()
        self.address = "https://api.tradegecko.com"
        self.keys: dict[str, float] = {}
        self.calls_in_window: dict[int, int] = {}

    @property
    def token(self) -> str:
        """The privileged access token (1.2)."""
        return self.oauth.privileged

    @token.setter
    def token(self, token: str) -> None:
        self.oauth.privileged = token

    def send(self, events: list[Event]) -> None:
        gecko_webhooks.deliver(self.tables["webhooks"], events, secret=self.oauth.client_secret, address=self.address)

    # --- goods --------------------------------------------------------------------------------------------------

    def add_variant(self, sku: str | None, *, stock: int | str = 0, location: str = "", **values: Any) -> int:
        """A variant with stock at a location (default: the primary one); returns its id."""
        name = values.pop("product_name", None) or values.get("name") or sku or "Unnamed"
        product = values.pop("product_id", None) or self.add("products", name=name)["id"]
        row = self.add("variants", **{"name": sku, **values, "sku": sku, "product_id": product})
        gecko_stock.put(self, row["id"], self.location_id(location), Decimal(str(stock)))
        return int(row["id"])

    def add_bundle(self, sku: str, components: Mapping[str, int | str], **values: Any) -> int:
        """A variant made of units of others, by SKU (3.9); returns its id."""
        parts = {self._variant(part)["id"]: units for part, units in components.items()}
        name = values.pop("product_name", sku)
        product = self.add("products", name=name)["id"]
        row = self.add("variants", **{"name": sku, **values, "sku": sku, "product_id": product, "composite": True})
        for part, units in parts.items():
            quantity = plain(Decimal(str(units)))
            self.components.append({"bundle_id": row["id"], "component_id": part, "quantity": quantity})
        return int(row["id"])

    def location_id(self, label: str = "") -> int:
        """A location by its label, the account's primary one without. Raises ValueError if there is none."""
        if not label:
            return int(self.account["primary_location_id"])
        for row in self.tables["locations"].values():
            if row["label"] == label:
                return int(row["id"])
        raise ValueError(f"there is no location {label!r}")

    def set_stock(self, sku: str, quantity: int | str, *, location: str = "") -> None:
        """On hand is now this. Raises ValueError for an unknown SKU or location."""
        gecko_stock.put(self, self._variant(sku)["id"], self.location_id(location), Decimal(str(quantity)))

    def _variant(self, sku: str) -> Row:
        for row in self.tables["variants"].values():
            if row["sku"] == sku:
                return row
        raise ValueError(f"there is no variant with SKU {sku!r}")

    # --- orders -------------------------------------------------------------------------------------------------

    @property
    def orders(self) -> dict[int, Row]:
        return self.tables["orders"]

    def living(self) -> list[Row]:
        """Orders that are neither void nor deleted."""
        return [row for row in self.orders.values() if row["status"] not in ENDED]

    def by_reference(self, reference: str) -> list[Row]:
        return [row for row in self.living() if row["reference_number"] == reference]

    def create_order(self, given: Row) -> Row:
        """As a client's POST would."""
        with self.all_or_nothing():
            return gecko_orders.create(self, given)

    def lines(self, order_id: int) -> list[Row]:
        return gecko_orders.lines(self, self.orders[order_id])

    def void(self, order: Row) -> None:
        """A draft becomes deleted, any other order void. Raises Invalid if goods have left."""
        with self.all_or_nothing():
            gecko_orders.delete(self, order)

    def add_line(self, order: Row, **values: Any) -> Row:
        with self.all_or_nothing():
            return gecko_lines.append(self, order, values)

    def change_line(self, line: Row, **values: Any) -> None:
        with self.all_or_nothing():
            gecko_lines.update(self, line, values)

    def delete_line(self, line: Row) -> None:
        with self.all_or_nothing():
            gecko_lines.delete(self, line)

    # --- parcels ------------------------------------------------------------------------------------------------

    def ship(
        self, order_id: int, quantities: Mapping[int, int | str] | None = None, *, tracking: str | None = None,
        carrier: str | None = "UPS", service: str | None = "Ground", status: str = "fulfilled",
    ) -> int:  # fmt: skip
        """A parcel with these units per line id (default: everything left); returns the fulfillment's id.

        An order that is not finalized is finalized first, as the warehouse's staff would.
        """
        order = self.orders[order_id]
        parcel: Row = {
            "order_id": order_id, "status": status, "tracking_number": tracking, "tracking_company": carrier,
            "service": service,
        }  # fmt: skip
        with self.all_or_nothing():
            if order["status"] in ("draft", "active"):
                gecko_orders.update(self, order, {"status": "finalized"})
            wanted = gecko_parcels.left(self, order) if quantities is None else quantities
            lines = [{"order_line_item_id": line, "quantity": str(units)} for line, units in wanted.items()]
            return int(gecko_parcels.create(self, {**parcel, "fulfillment_line_items": lines})["id"])

    def change_parcel(self, parcel: Row, **values: Any) -> None:
        """As a client's PUT would: late tracking, shipping what is packed."""
        with self.all_or_nothing():
            gecko_parcels.update(self, parcel, values)

    def void_parcel(self, parcel: Row) -> None:
        """What had left comes back into stock."""
        with self.all_or_nothing():
            if parcel["status"] not in ENDED:
                gecko_parcels.end(self, parcel, "void")
