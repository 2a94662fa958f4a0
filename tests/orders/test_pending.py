"""Units on their way are taken off the stock until it knows them, whatever happens to orders and answers in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.models import Connection, Route
from integrations.transmissions import Transmission
from inventory.decisions import decide
from inventory.models import InventoryLevel, Listing, SkuAlias, WarehouseItem
from orders import demand
from orders.models import Order, OrderLine, SubmittedLine, WarehouseSubmission

T, S = Transmission.Status, Order.Status
UNITS = {"ONE": 1, "PACK": 3}
ITEM, MAIN, EAST = "100", "1", "2"
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.sampled_from(sorted(UNITS)), st.integers(1, 4)),
        st.tuples(st.just("send"), st.sampled_from(["taken", "answer lost", "request lost", "refused", "draft"])),
        st.tuples(st.sampled_from(["look", "read", "ship", "approve", "cancel"])),
        st.tuples(st.just("restock"), st.sampled_from([MAIN, EAST]), st.integers(1, 9)),
    ),
    max_size=14,
)  # fmt: skip


@dataclass
class Shop:
    """The warehouse as it truly is beside our rows. Time is a counter: each thing happens a second after another."""

    route: Route
    at: datetime
    on_hand: dict[str, int] = field(default_factory=lambda: {MAIN: 40, EAST: 25})
    landed: dict[int, str] = field(default_factory=dict)  # order → draft, active or shipped
    sold: dict[int, int] = field(default_factory=dict)

    def tick(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    # --- what happens ---------------------------------------------------------------------------------------------

    def order(self, sku: str, quantity: int) -> None:
        order = Order.objects.create(
            connection=self.route.marketplace, route=self.route, sales_channel="OSTK", full_number=f"7{Order.objects.count()}",
            status=S.READY, ordered_at=self.at, ordered_on=self.at.date(),
        )  # fmt: skip
        line = {"partner_sku": sku, "quantity": quantity, "quantity_to_ship": quantity}
        OrderLine.objects.create(order=order, position=1, number="1", **line)
        WarehouseSubmission.objects.create(order=order, connection=self.route.warehouse)
        self.sold[order.pk] = quantity * UNITS[sku]

    def send(self, how: str) -> None:
        mine = self._submissions(status=T.PENDING, order__status=S.READY, order__cancel_requested_at=None).first()
        if mine is None:
            return
        line = mine.order.lines.get()
        self._note(mine, status=T.IN_FLIGHT, sent_at=self.tick(), request={"location_id": MAIN})
        mine.lines.all().delete()
        units = line.quantity_to_ship * UNITS[line.partner_sku]
        SubmittedLine.objects.create(
            submission=mine, order_line=line, position=1, item_id=ITEM, sku="V", quantity=units
        )  # fmt: skip
        if how in ("taken", "answer lost", "draft"):
            self.landed[mine.order_id] = "draft" if how == "draft" else "active"
        if how in ("taken", "draft"):
            self._accept(mine)
        elif how == "refused":
            self._note(mine, status=T.PENDING, sent_at=None)
        else:
            self._note(mine, status=T.UNCONFIRMED)

    def look(self) -> None:
        """What is in doubt is looked up."""
        for mine in self._submissions(status=T.UNCONFIRMED):
            if mine.order_id in self.landed:
                self._accept(mine)
            else:
                self._note(mine, status=T.PENDING, sent_at=None)
                if mine.order.cancel_requested_at:
                    self._cancel(mine.order)

    def approve(self) -> None:
        """The warehouse approves a draft; we notice a little later, perhaps after the stock was read."""
        for pk, state in self.landed.items():
            if state == "draft":
                self.landed[pk] = "active"
                return
        for mine in self._submissions(status=T.ACCEPTED, remote_status="draft"):
            if self.landed[mine.order_id] != "draft":
                self._note(mine, remote_status="active", committed_at=self.tick())

    def ship(self) -> None:
        for pk, state in self.landed.items():
            if state == "active":
                self.landed[pk] = "shipped"
                self.on_hand[MAIN] -= self.sold[pk]
                return

    def cancel(self) -> None:
        """The marketplace cancels the first order that we have not seen accepted."""
        order = Order.objects.filter(status=S.READY, cancel_requested_at=None).order_by("pk").first()
        if order is None:
            return
        Order.objects.filter(pk=order.pk).update(cancel_requested_at=self.tick())
        if self._submissions(order=order, status=T.PENDING).exists():
            self._cancel(order)

    def restock(self, place: str, units: int) -> None:
        self.on_hand[place] += units

    def read(self) -> None:
        at = self.tick()
        committed = sum(self.sold[pk] for pk, state in self.landed.items() if state == "active")
        for place, on_hand in self.on_hand.items():
            held = committed if place == MAIN else 0
            figures = {"on_hand": on_hand, "committed": held, "available": Decimal(on_hand - held), "observed_at": at}
            InventoryLevel.objects.update_or_create(
                connection=self.route.warehouse, item_id=ITEM, location_id=place, defaults=figures
            )  # fmt: skip

    def _accept(self, mine: WarehouseSubmission) -> None:
        status, at = self.landed[mine.order_id], self.tick()
        status = "draft" if status == "draft" else "active"
        self._note(mine, status=T.ACCEPTED, finished_at=at, remote_status=status,
                   committed_at=None if status == "draft" else at)  # fmt: skip
        Order.objects.filter(pk=mine.order_id).update(status=S.SUBMITTED)

    def _cancel(self, order: Order) -> None:
        Order.objects.filter(pk=order.pk).update(status=S.CANCELLED)
        del self.sold[order.pk]

    def _submissions(self, **which: Any) -> Any:
        return WarehouseSubmission.objects.filter(**which).select_related("order").order_by("pk")

    def _note(self, mine: WarehouseSubmission, **values: Any) -> None:
        WarehouseSubmission.objects.filter(pk=mine.pk).update(**values)
        mine.refresh_from_db()

    # --- what is true and what is shown ---------------------------------------------------------------------------

    def left(self) -> int:
        """What nobody has bought yet, of an order that is cancelled but may have arrived the warehouse's word."""
        bought = sum(
            units
            for pk, units in self.sold.items()
            if self.landed.get(pk) != "shipped" and not self._is_only_cancelled(pk)
        )
        return max(sum(self.on_hand.values()) - bought, 0)

    def _is_only_cancelled(self, pk: int) -> bool:
        is_cancelled = Order.objects.filter(pk=pk, cancel_requested_at__isnull=False).exists()
        return is_cancelled and pk not in self.landed

    def shown(self) -> dict[str, int | None]:
        return {one.sku: one.quantity for one in decide(self.route, demand.pending)}


@pytest.fixture
def route(db: None) -> Route:
    market = Connection.objects.create(name="Market", provider="supplier_oasis")
    store = Connection.objects.create(name="Store", provider="tradegecko")
    WarehouseItem.objects.create(connection=store, sku="V", matches=1, remote_id=ITEM, checked_at=timezone.now())
    made = Route.objects.create(
        name="Main", state="live", marketplace=market, marketplace_warehouse_name="DC", warehouse=store,
        location_name="Main", location_id=MAIN, counted_locations="East", counted_location_ids={"East": EAST},
    )  # fmt: skip
    for sku, units in UNITS.items():
        SkuAlias.objects.create(connection=market, marketplace_sku=sku, warehouse_sku="V", units=units)
        Listing.objects.create(route=made, marketplace_sku=sku)
    return made


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(STEPS)
def test_never_more_is_shown_than_is_left_and_just_that_once_all_is_quiet(
    route: Route, steps: list[tuple[Any, ...]]
) -> None:  # fmt: skip
    with transaction.atomic():
        shop = Shop(route, timezone.now() - timedelta(days=1))
        shop.read()
        for name, *values in steps:
            getattr(shop, name)(*values)
            left = shop.left()
            assert all((quantity or 0) <= left // UNITS[sku] for sku, quantity in shop.shown().items()), name
        shop.look()
        for _ in range(1 + len(shop.landed)):
            shop.approve()  # until each is approved, and that is noticed
        shop.read()
        assert shop.shown() == {sku: shop.left() // units for sku, units in UNITS.items()}
        transaction.set_rollback(True)
