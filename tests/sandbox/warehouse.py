"""A client of the sandbox's TradeGecko that knows nothing but HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from integrations.sandbox.gecko_stock import in_parcels
from integrations.sandbox.server import Sandbox

Json = dict[str, Any]


@dataclass
class Client:
    """Every call is a real request; `expect` is the status that it must be answered with."""

    box: Sandbox
    session: requests.Session

    def call(self, method: str, path: str, body: Any = None, expect: int = 200, **more: Any) -> requests.Response:
        answer = self.session.request(method, f"{self.box.tradegecko_url}{path}", json=body, timeout=10, **more)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def get(self, path: str, expect: int = 200, **more: Any) -> Any:
        return self.call("GET", path, expect=expect, **more).json()

    def index(self, table: str, query: str = "") -> list[Json]:
        rows: list[Json] = self.get(f"/{table}?limit=250&{query}")[table]
        return rows

    def show(self, table: str, identity: Any) -> Json:
        [row] = [value for value in self.get(f"/{table}/{identity}").values() if isinstance(value, dict)]
        return row

    def create(self, table: str, **values: Any) -> Json:
        answer: Json = self.call("POST", f"/{table}", {root(table): values}, 201).json()[root(table)]
        return answer

    def refused(self, table: str, **values: Any) -> Json:
        """The errors of a 422."""
        errors: Json = self.call("POST", f"/{table}", {root(table): values}, 422).json()["errors"]
        return errors

    def put(self, table: str, identity: Any, expect: int = 204, **values: Any) -> requests.Response:
        return self.call("PUT", f"/{table}/{identity}", {root(table): values}, expect)

    def act(self, order: Json, action: str, expect: int = 200, **body: Any) -> Any:
        return self.call("POST", f"/orders/{order['id']}/actions/{action}", body, expect).json()

    # --- a small world ------------------------------------------------------------------------------------------

    def variant(self, sku: str = "MUG-BLK") -> int:
        return int(self.index("variants", f"sku={sku}")[0]["id"])

    def line(self, sku: str = "MUG-BLK", quantity: Any = "2", price: Any = "4.5", **more: Any) -> Json:
        return {"variant_id": self.variant(sku), "quantity": quantity, "price": price, **more}

    def company(self) -> int:
        """The one that the sandbox begins with."""
        return int(self.index("companies")[-1]["id"])

    def order(self, *lines: Json, status: str = "finalized", **more: Any) -> Json:
        given = {"company_id": self.company(), "shipping_address": {"address1": "17 Larch"}, "issued_at": "2021-10-01"}
        return self.create("orders", **{**given, "status": status, "order_line_items": list(lines), **more})

    def parcel(self, order: Json, quantity: Any = "1", line: int = 0, **more: Any) -> Json:
        lines = [{"order_line_item_id": order["order_line_item_ids"][line], "quantity": quantity}]
        return self.create("fulfillments", order_id=order["id"], fulfillment_line_items=lines, **more)

    def packed(self, line_id: int) -> str:
        return str(in_parcels(self.box.tradegecko, line_id))


def root(table: str) -> str:
    singular = {"addresses": "address", "companies": "company", "currencies": "currency"}
    return singular.get(table, table.removesuffix("s"))
