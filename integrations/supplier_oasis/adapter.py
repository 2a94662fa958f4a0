"""Overstock as a Marketplace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from integrations.account import Account
from integrations.errors import Refused
from integrations.ports import (
    CheckStep,
    ListedQuantity,
    MarketplaceOrder,
    ShipmentNotice,
    UnreadableOrder,
)
from integrations.sent_orders import ShortShipNotice
from integrations.supplier_oasis import options, quantities, reading, writing
from integrations.supplier_oasis.client import Client
from integrations.supplier_oasis.envelope import MissingOrders
from integrations.supplier_oasis.errors import check_orders, check_publish, check_read, check_write
from integrations.supplier_oasis.windows import bounds, certain_until
from integrations.wording import counted

DEFAULT_BASE_URL = "https://api.supplieroasis.com"
HOSTS = frozenset({"api.supplieroasis.com", "api.test.supplieroasis.com"})
SHORTEST_WINDOW = timedelta(minutes=1)


def connect(account: Account) -> SupplierOasis:
    """An adapter for one account. Raises Misconfigured for wrong options, or a user name that cannot be sent."""
    return SupplierOasis(account)


class SupplierOasis:
    """One account's orders, shipments and inventory."""

    def __init__(self, account: Account) -> None:
        self._options = options.read(account.options, account.name)
        self._client = Client(account)

    @property
    def time_zone(self) -> tzinfo:
        return self._options.zone

    @property
    def publish_batch_size(self) -> int:
        return self._options.publish_batch_size

    def check(self) -> Sequence[CheckStep]:
        now = datetime.now(UTC)
        found = list(self.orders(now, now))
        answered = f"accepted, {counted(len(found), 'orders')}"
        return [CheckStep("user name and password, by reading the orders of this moment", answered)]

    def orders(self, since: datetime, until: datetime) -> Iterator[MarketplaceOrder | UnreadableOrder]:
        seen: set[str] = set()
        missed: list[str] = []
        for told in self._orders(since, until, missed):
            if told.raw not in seen:
                seen.add(told.raw)
                yield told
        if missed:  # kept by the hour, so that windows that overlap tell it once
            hour = since.astimezone(self._options.zone).strftime("%Y-%m-%d %H:00")
            yield UnreadableOrder("", missed[0], f"orders created from {hour} on")

    def _orders(
        self, since: datetime, until: datetime, missed: list[str]
    ) -> Iterator[MarketplaceOrder | UnreadableOrder]:
        """With repetitions: a window whose answer misses orders is read again in halves."""
        zone, form = self._options.zone, self._options.time_format
        start, end = bounds(since, until, zone, now=datetime.now(UTC), form=form)
        answer = self._client.get(self._options.orders_path, [("startTime", start), ("endTime", end)])
        check_orders(answer, f"the request for the orders from {start} to {end}")
        try:
            yield from reading.orders(answer.body, self._options)
        except MissingOrders as exc:
            if missed or until - since <= SHORTEST_WINDOW:
                missed.append(str(exc))  # it will not get better in smaller windows
                return
            middle = since + (until - since) / 2
            yield from self._orders(since, middle, missed)
            yield from self._orders(middle, until, missed)

    def certain_until(self, until: datetime) -> datetime:
        return certain_until(until, self._options.zone, now=datetime.now(UTC))

    def confirm(self, notice: ShipmentNotice) -> None:
        body = writing.shipment_message(notice, self._options.zone)
        answer = self._client.send("POST", self._options.shipments_path, body)
        check_write(answer, f"the shipment of order {notice.order_number}")

    def short_ship(self, notice: ShortShipNotice) -> None:
        body = writing.short_ship_message(notice)
        answer = self._client.send("POST", self._options.shipments_path, body)
        check_write(answer, f"the short ship of line {notice.line_number} of order {notice.order_number}")

    def publish(self, quantities: Sequence[ListedQuantity]) -> bool:
        body = writing.inventory_message(quantities, self._options.inventory_names)
        answer = self._client.send(self._options.inventory_method, self._options.inventory_path, body)
        return check_publish(answer, f"the quantities of {counted(len(quantities), 'SKUs')}")

    def quantities(self) -> Sequence[ListedQuantity] | None:
        if not self._options.read_inventory:
            return None
        answer = self._client.get(self._options.inventory_read_path, [])
        if answer.status == 404:
            raise Refused(
                f"Supplier Oasis has nothing at {self._options.inventory_read_path} (HTTP 404); set the connection's "
                "option read_inventory to false, or correct inventory_read_path"
            )
        check_read(answer, "the request for the quantities")
        return quantities.read(answer.body, self._options.inventory_names, self._client.problem)
