"""TradeGecko as a Warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from integrations.account import Account
from integrations.errors import Misconfigured, OutcomeUnknown, Refused, Unreadable
from integrations.http import Params, storable
from integrations.ports import CheckStep, Item, Location, OrderRequest, Parcel, UnreadableParcel
from integrations.sent_orders import ListedLine, OrderChange, PlacedOrder, Receipt, ReceiptLine
from integrations.stock import BundlePart, ItemPage, LevelPage, UnreadableBundlePart
from integrations.tradegecko import fulfillments, messages, options, placed, webhooks
from integrations.tradegecko.client import Client, Page
from integrations.tradegecko.walking import changed_since

DEFAULT_BASE_URL = "https://api.tradegecko.com"
HOSTS = frozenset({"api.tradegecko.com"})
LIVING = ("draft", "active", "finalized", "fulfilled")
ENDED = ("void", "deleted")
ACTIVE: Params = [("status", "active")]
LINES = "fulfillment_line_items"
BOUND = timedelta(hours=1)  # a row changed so long before the time asked for was not chosen by it
PARCEL_STATES = ("packed", "fulfilled", "void", "deleted")


def connect(account: Account) -> TradeGecko:
    """An adapter for one account. Raises Misconfigured for wrong options."""
    return TradeGecko(account)


class TradeGecko:
    """One account's catalogue, orders, parcels and stock."""

    def __init__(self, account: Account) -> None:
        self._options = options.read(account.options, account.name)
        self._client = Client(account, page_size=self._options.page_size, batch_size=self._options.sku_batch)

    def check(self) -> Sequence[CheckStep]:
        account = _object(self._client.get("/accounts/current"), "account")
        return [CheckStep("the token, by reading the account", f"accepted, account {account.get('name')!r}")]

    def locations(self) -> Sequence[Location]:
        rows = filter(_is_active, self._client.rows("/locations", ACTIVE))
        return list(self._client.readable(rows, messages.location))

    def find_company(self, name: str) -> str | None:
        found: list[str] = []
        for row in self._client.rows("/companies", ACTIVE):
            if _is_company(row, name.strip()):
                found.append(messages.identity(row, "a company"))
            if len(found) > 1:
                raise Refused(
                    f"TradeGecko has several active companies named {name!r} (ids {', '.join(found)}, perhaps more). "
                    "Keep one, archive or rename the others."
                )
        return found[0] if found else None

    def create_company(self, name: str, *, idempotency_key: str) -> str:
        body = {"company": {"name": name, "company_type": self._options.company_type}}
        answer = self._client.post("/companies", body, key=idempotency_key)
        try:
            return messages.identity(_object(answer, "company"), "a company")
        except Unreadable as exc:
            raise OutcomeUnknown(f"{exc}; company {name!r} is looked for before it is created again") from None

    def announce_to(self, address: str) -> int:
        known = {row.get("event") for row in self._client.rows("/webhooks", []) if _has(row, {"address": address})}
        missing = [event for event in webhooks.EVENTS if event not in known]
        for event in missing:
            self._client.post("/webhooks", {"webhook": {"address": address, "event": event}})
        return len(missing)

    def currencies(self) -> dict[str, str]:
        if not self._options.send_currency:
            return {}
        found: dict[str, str] = {}
        try:
            rows = filter(_is_active, self._client.rows("/currencies", ACTIVE))
            for code, identity in self._client.readable(rows, messages.currency):
                found[code] = "" if code in found else identity
        except (Refused, Unreadable):
            return {}
        except Misconfigured as exc:
            if exc.credentials:
                raise
            return {}
        return found

    @property
    def item_batch_size(self) -> int:
        return self._options.sku_batch

    def items(self, skus: Sequence[str]) -> Sequence[Item]:
        wanted = {sku.strip() for sku in skus if sku.strip()}
        found, spoilt = self._items(self._client.rows_about("/variants", "sku", sorted(wanted)))
        return [item for item in found if item.sku in wanted - spoilt]

    def catalogue(self, *, first_page: int = 1, since: datetime | None = None) -> Iterator[ItemPage]:
        """The oldest first, so that a new variant comes at the end and shifts no page."""
        if since is None:
            pages = self._whole("/variants", [*ACTIVE, ("order", "created_at asc")], first_page, "variants")
        else:
            pages = changed_since(self._client, "/variants", ACTIVE, "updated_at", since)
        for page in pages:
            items, spoilt = self._items(page.rows)
            yield ItemPage(tuple(items), frozenset(spoilt), page.announced)

    def _items(self, rows: Iterable[object]) -> tuple[list[Item], set[str]]:
        """The active ones, each once, and the SKUs of those that cannot be read, which are told."""
        found: dict[str, Item] = {}
        spoilt: set[str] = set()
        for row in filter(_is_active, rows):
            try:
                item = messages.item(row)
            except Unreadable as exc:
                spoilt.add(sku := _sku(row))
                self._client.problem(f"SKU {sku!r} counts as unknown: {exc}. Correct its variant in TradeGecko.")
                continue
            found[item.remote_id] = item
        return list(found.values()), spoilt

    def create_order(self, request: OrderRequest) -> Receipt:
        body = messages.order_body(request, self._options)
        answer = self._client.post("/orders", body, key=request.idempotency_key)
        try:
            return messages.receipt(_object(answer, "order"))
        except Unreadable as exc:
            raise OutcomeUnknown(f"{exc}; order {request.full_number} is looked up before it is sent again") from None

    def find_orders(self, full_number: str) -> Sequence[Receipt]:
        wanted = {"reference_number": full_number}
        params = [*wanted.items(), *(("status[]", status) for status in LIVING)]
        rows = [row for row in self._client.rows("/orders", params) if _has(row, wanted)]
        same = [one for one in map(messages.receipt, rows) if one.status not in ENDED]
        lines = self._order_lines(same)
        known = [replace(one, lines=lines.get(one.remote_id)) for one in same]
        return sorted(known, key=lambda one: (one.created_at or datetime.min.replace(tzinfo=UTC), one.remote_id))

    def order(self, remote_id: str) -> PlacedOrder | None:
        return placed.read(self._client, remote_id)

    def cancel_order(self, placed_order: PlacedOrder) -> None:
        placed.end(self._client, placed_order)

    def change_order(self, placed_order: PlacedOrder, change: OrderChange, *, idempotency_key: str) -> None:
        placed.change(self._client, placed_order, change, idempotency_key)

    def orders_since(self, created_since: datetime) -> Iterator[Receipt]:
        return self._orders("created_at", created_since)

    def changed_orders(self, since: datetime) -> Iterator[Receipt]:
        return self._orders("updated_at", since)

    def changed_lines(self, since: datetime) -> Iterator[ListedLine]:
        """None from a server that does not know the bound: all lines of all time would come."""
        for page in changed_since(self._client, "/order_line_items", [], "updated_at", since):
            rows = list(self._client.readable(page.rows, messages.listed_line))
            if any(at is not None and at < since - BOUND for _, at in rows):
                return
            yield from (line for line, _ in rows if line is not None)

    def parcels(self, since: datetime, known: Mapping[str, datetime]) -> Iterator[Parcel | UnreadableParcel]:
        params = [("include", LINES), *(("status[]", state) for state in PARCEL_STATES)]
        for page in changed_since(self._client, "/fulfillments", params, "updated_at", since):
            batch = fulfillments.Batch(page.rows, page.body.get(LINES))
            batch.leave_out(known)
            batch.add(self._client.rows_about(f"/{LINES}", "fulfillment_id", batch.without_lines()))
            yield from batch.parcels()

    def _order_lines(self, orders: Sequence[Receipt]) -> dict[str, tuple[ReceiptLine, ...]]:
        """By order id, with one request; left out is what did not come whole."""
        found: dict[str, list[ReceiptLine | None]] = {one.remote_id: [] for one in orders}
        try:
            for row in self._client.rows_about("/order_line_items", "order_id", list(found)):
                order_id, line = messages.receipt_line(row)
                found.setdefault(order_id, []).append(line)
        except (Refused, Unreadable):
            return {}
        except Misconfigured as exc:
            if exc.credentials:
                raise
            return {}
        whole = [one.remote_id for one in orders if len(found[one.remote_id]) == len(one.line_ids)]
        return {order_id: tuple(line for line in found[order_id] if line) for order_id in whole}

    def _orders(self, column: str, since: datetime) -> Iterator[Receipt]:
        statuses = [("status[]", status) for status in (*LIVING, *ENDED)]
        for page in changed_since(self._client, "/orders", statuses, column, since):
            yield from self._client.readable(page.rows, messages.receipt)

    def levels(self, *, first_page: int = 1) -> Iterator[LevelPage]:
        asked_at = datetime.now(UTC)
        for page in self._whole("/stock_levels", [], first_page, "stock levels"):
            yield self._level_page(page.rows, asked_at)
            asked_at = datetime.now(UTC)

    def _whole(self, path: str, params: Params, first_page: int, what: str) -> Iterator[Page]:
        """Rows that were announced and did not come make the whole sweep Unreadable at its end."""
        seen, announced = (first_page - 1) * self._options.page_size, 0
        for page in self._client.pages(path, params, first_page=first_page):
            seen, announced = seen + len(page.rows), max(announced, page.announced)
            yield page
        if seen < announced:
            raise Unreadable(f"TradeGecko announced {announced} {what} and sent {seen}; the sweep is not complete")

    def levels_of(self, item_ids: Sequence[str]) -> Iterator[LevelPage]:
        """By `ids[]`, which are variants' ids (2.4, 3.8). Whatever else comes is not believed to be asked for."""
        wanted = list(dict.fromkeys(item_ids))
        for start in range(0, len(wanted), self._options.sku_batch):
            batch, asked_at = wanted[start : start + self._options.sku_batch], datetime.now(UTC)
            rows = list(self._client.rows_about("/stock_levels", "ids", batch))
            page = self._level_page(rows, asked_at)
            yield page if set(page.item_ids) <= set(batch) else _only(page, set(batch))

    def bundles(self) -> Sequence[BundlePart | UnreadableBundlePart] | None:
        """One row per bundle and component (3.9). An account without this address has no bundles that we know."""
        if not self._options.read_bundles:
            return None
        try:
            rows = list(self._client.rows("/variants/composition", []))
        except Refused:
            return None
        except Misconfigured as exc:
            if exc.credentials:
                raise
            return None
        return [messages.bundle_part(row) for row in rows]

    def _level_page(self, rows: Sequence[object], asked_at: datetime) -> LevelPage:
        items = list(self._client.readable(rows, messages.stock_levels))
        levels = tuple(level for _, found in items for level in found)
        return LevelPage(tuple(item_id for item_id, _ in items), levels, asked_at)


def _only(page: LevelPage, item_ids: set[str]) -> LevelPage:
    """A page without what a server that does not know the filter sent along."""
    return replace(
        page,
        item_ids=tuple(item_id for item_id in page.item_ids if item_id in item_ids),
        levels=tuple(level for level in page.levels if level.item_id in item_ids),
    )


def _object(body: dict[str, Any], root: str) -> dict[str, Any]:
    found = body.get(root)
    if not isinstance(found, dict):
        raise Unreadable(f"TradeGecko answered without the key {root!r}")
    return found


def _is_active(row: object) -> bool:
    """Whether it is to be looked at: not archived. What is no object is for the reader to complain about."""
    return not isinstance(row, Mapping) or row.get("status", "active") == "active"


def _is_company(row: object, name: str) -> TypeGuard[messages.Row]:
    return isinstance(row, Mapping) and _is_active(row) and str(row.get("name")).strip() == name


def _has(row: object, wanted: Mapping[str, str]) -> TypeGuard[messages.Row]:
    return isinstance(row, Mapping) and all(str(row.get(name)) == value for name, value in wanted.items())


def _sku(row: object) -> str:
    return storable(str(row.get("sku") or "")).strip() if isinstance(row, Mapping) else ""
