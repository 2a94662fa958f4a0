"""TradeGecko as a Warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from integrations.errors import Misconfigured, OutcomeUnknown, Refused, Unreadable
from integrations.http import Params
from integrations.ports import (
    Account,
    CheckStep,
    Item,
    LevelPage,
    Location,
    OrderRequest,
    Parcel,
    Receipt,
    StockLevel,
)
from integrations.tradegecko import messages, options
from integrations.tradegecko.client import Client
from integrations.tradegecko.walking import changed_since

DEFAULT_BASE_URL = "https://api.tradegecko.com"
HOSTS = frozenset({"api.tradegecko.com"})
LIVING = ("draft", "active", "finalized", "fulfilled")
ENDED = ("void", "deleted")
Rows = list[dict[str, Any]]
PARCEL_STATES = ("packed", "fulfilled", "void", "deleted")


def connect(account: Account) -> TradeGecko:
    """An adapter for one account. Raises Misconfigured for wrong options."""
    return TradeGecko(account)


class TradeGecko:
    """One account's catalogue, orders, parcels and stock."""

    def __init__(self, account: Account) -> None:
        self._options = options.read(account.options, account.name)
        self._client = Client(account, page_size=self._options.page_size)

    def check(self) -> Sequence[CheckStep]:
        account = _object(self._client.get("/accounts/current"), "account")
        return [CheckStep("the token, by reading the account", f"accepted, account {account.get('name')!r}")]

    def locations(self) -> Sequence[Location]:
        rows = self._client.rows("/locations", [("status", "active")])
        return [messages.location(row) for row in rows if row.get("status", "active") == "active"]

    def find_company(self, name: str) -> str | None:
        rows = self._client.rows("/companies", [("status", "active")])
        same = [messages.identity(row, "company") for row in rows if _is_company(row, name.strip())]
        if len(same) > 1:
            raise Refused(
                f"TradeGecko has {len(same)} active companies named {name!r} (ids {', '.join(same)}); keep one"
            )
        return same[0] if same else None

    def create_company(self, name: str, *, idempotency_key: str) -> str:
        body = {"company": {"name": name, "company_type": self._options.company_type}}
        answer = self._client.post("/companies", body, key=idempotency_key)
        return messages.identity(_object(answer, "company"), "company")

    def has_currency(self, iso: str) -> bool:
        """False also when the account's currencies cannot be read: the order is then in the account's own."""
        try:
            rows = self._client.rows("/currencies", [("status", "active")])
            return any(messages.text(row, "iso").upper() == iso.upper() for row in rows)
        except (Refused, Unreadable):
            return False
        except Misconfigured as exc:
            if exc.credentials:
                raise
            return False

    def items(self, skus: Sequence[str]) -> Sequence[Item]:
        wanted = sorted({sku.strip() for sku in skus if sku.strip()})
        found: dict[str, Item] = {}
        for batch in _batches(wanted, self._options.sku_batch):
            for row in self._client.rows("/variants", [("sku[]", sku) for sku in batch]):
                item = messages.item(row)
                if item.sku in batch and row.get("status", "active") == "active":
                    found[item.remote_id] = item
        return list(found.values())

    def create_order(self, request: OrderRequest) -> Receipt:
        body = messages.order_body(request, self._options)
        answer = self._client.post("/orders", body, key=request.idempotency_key)
        try:
            return messages.receipt(_object(answer, "order"))
        except Unreadable as exc:
            raise OutcomeUnknown(f"{exc}; order {request.full_number} is looked up before it is sent again") from None

    def find_orders(self, full_number: str) -> Sequence[Receipt]:
        params = [("reference_number", full_number), *(("status[]", status) for status in LIVING)]
        found = [messages.receipt(row) for row in self._client.rows("/orders", params)]
        same = [one for one in found if one.full_number == full_number and one.status not in ENDED]
        return sorted(same, key=lambda one: (one.created_at or datetime.min.replace(tzinfo=UTC), one.remote_id))

    def orders_since(self, created_since: datetime) -> Iterator[Receipt]:
        return self._orders("created_at", created_since)

    def changed_orders(self, since: datetime) -> Iterator[Receipt]:
        return self._orders("updated_at", since)

    def parcels(self, since: datetime) -> Iterator[Parcel]:
        params = [("include", "fulfillment_line_items"), *(("status[]", state) for state in PARCEL_STATES)]
        bad: list[str] = []
        for page in changed_since(self._client, "/fulfillments", params, "updated_at", since):
            rows = [row for row in page.rows if isinstance(row, dict)]
            lines = self._parcel_lines(rows, page.body.get("fulfillment_line_items"))
            yield from _parcels(rows, lines, bad)
        if bad:
            raise Unreadable(f"{len(bad)} parcels could not be read, the others were; the first: {bad[0]}")

    def _orders(self, column: str, since: datetime) -> Iterator[Receipt]:
        statuses = [("status[]", status) for status in (*LIVING, *ENDED)]
        for page in changed_since(self._client, "/orders", statuses, column, since):
            yield from (messages.receipt(row) for row in page.rows if isinstance(row, dict))

    def levels(self) -> Iterator[LevelPage]:
        """Rows that cannot be read, or were announced and did not come, make the whole sweep Unreadable at its end."""
        seen, bad, announced = 0, [], 0
        asked_at = datetime.now(UTC)
        for page in self._client.pages("/stock_levels", []):
            seen, announced = seen + len(page.rows), max(announced, page.announced)
            levels, problems = _level_page(page.rows, asked_at)
            bad += problems
            yield levels
            asked_at = datetime.now(UTC)
        if bad:
            raise Unreadable(f"{len(bad)} stock levels could not be read; the first: {bad[0]}")
        if seen < announced:
            raise Unreadable(
                f"TradeGecko announced {announced} stock levels and sent {seen}; the sweep is not complete"
            )

    def _parcel_lines(self, rows: list[dict[str, Any]], sideloaded: object) -> dict[str, list[dict[str, Any]]]:
        """Lines by parcel: from the same answer, or asked for when it came without them (2.5)."""
        lines: dict[str, list[dict[str, Any]]] = {}
        for line in sideloaded if isinstance(sideloaded, list) else []:
            lines.setdefault(str(line.get("fulfillment_id")), []).append(line)
        bare = [
            identity
            for row in rows
            if (identity := messages.identity(row, "fulfillment")) not in lines
            and (row.get("fulfillment_line_item_ids") or "fulfillment_line_item_ids" not in row)
        ]
        for batch in _batches(bare, self._options.sku_batch):
            params: Params = [("fulfillment_id[]", one) for one in batch]
            for line in self._client.rows("/fulfillment_line_items", params):
                lines.setdefault(str(line.get("fulfillment_id")), []).append(line)
        return lines


def _parcels(rows: Rows, lines: dict[str, list[dict[str, Any]]], bad: list[str]) -> Iterator[Parcel]:
    """The parcels that can be read; what is wrong with the others goes into `bad`."""
    for row in rows:
        try:
            parcel = messages.parcel(row, lines.get(messages.identity(row, "fulfillment"), []))
        except Unreadable as exc:
            bad.append(f"parcel {row.get('id')}: {exc}")
            continue
        yield parcel


def _level_page(rows: Iterable[object], observed_at: datetime) -> tuple[LevelPage, list[str]]:
    ids: list[str] = []
    levels: list[StockLevel] = []
    problems: list[str] = []
    for row in rows:
        try:
            item_id, found = messages.stock_levels(row)
        except Unreadable as exc:
            problems.append(str(exc))
            continue
        ids.append(item_id)
        levels += found
    return LevelPage(tuple(ids), tuple(levels), observed_at), problems


def _object(body: dict[str, Any], root: str) -> dict[str, Any]:
    found = body.get(root)
    if not isinstance(found, dict):
        raise Unreadable(f"TradeGecko answered without the key {root!r}")
    return found


def _is_company(row: dict[str, Any], name: str) -> bool:
    return messages.text(row, "name").strip() == name and row.get("status", "active") == "active"


def _batches(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
