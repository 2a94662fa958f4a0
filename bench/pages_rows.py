"""A year of orders for `bench.pages` and what a busy shop has besides, straight into the database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from integrations.models import Connection, Exchange, JobPlan, Route, SyncRun
from inventory.models import InventoryLevel, Listing, Publication, SkuAlias, WarehouseItem
from orders.models import (
    ConfirmedLine,
    Hold,
    Order,
    OrderEvent,
    OrderLine,
    Shipment,
    ShipmentConfirmation,
    ShipmentLine,
    SubmittedLine,
    WarehouseSubmission,
)

AT_ONCE = 5_000
RUNS, EXCHANGES, LISTINGS, PUBLICATIONS = 20_000, 50_000, 20_000, 100_000
FIRST_NAMES = ("Ann", "Bo", "Carla", "Dmitri", "Eve", "Femi", "Gus", "Hana", "Ivo", "Jo", "Kim", "Lu")
LAST_NAMES = ("Abbot", "Brook", "Castle", "Dale", "Elm", "Field", "Grove", "Hill", "Isle", "Lake", "Moor", "Vale")
TOLD = {"lines": [{"sku": "SKU", "quantity": 1}] * 5}
SHOWN = {"quantity": 3, "steps": [{"what": "observed", "units": 5, "of": "Main DC"}] * 6}
CHANCE = random.Random()  # noqa: S311
ERRORS = ("TradeGecko refused order {n}: no such company", "HTTP 500 for order {n}", "address of {n} has no city")
S = Order.Status


def make(orders: int) -> None:
    """One in a hundred orders waits for a person, one in fifty is on its way; the others are done."""
    CHANCE.seed(6)
    market = Connection.objects.create(name="Overstock", provider="supplier_oasis", health="working")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko", health="troubled", health_message="slow")
    route = Route.objects.create(
        name="Main", state="live", marketplace=market, warehouse=gecko, marketplace_warehouse_name="Main DC",
        location_name="Main DC",
    )  # fmt: skip
    _stored(_orders(orders, route))
    rows = list(Order.objects.order_by("pk"))
    _stored(_lines(rows))
    _stored(_events(rows))
    _stored(_submissions(rows, gecko))
    _stored(_submitted())
    _stored(_holds(rows))
    _ship([one for one in rows if one.status in (S.SHIPPED, S.CONFIRMED)], market, gecko)
    _stored(_runs(market))
    _stored(_exchanges(market))
    _goods(market, gecko, route)


def _stored(rows: Iterator[Any]) -> None:
    while some := list(islice(rows, AT_ONCE)):
        type(some[0])._default_manager.bulk_create(some)


def _orders(number: int, route: Route) -> Iterator[Order]:
    now = timezone.now()
    for place in range(number):
        at = now - timedelta(days=365) * (1 - place / number)
        waits, is_new = place % 100 == 0, place > number * 0.98
        status = S.ON_HOLD if waits else S.SUBMITTED if is_new else S.SHIPPED if place % 97 == 0 else S.CONFIRMED
        yield Order(
            connection=route.marketplace, route=route, sales_channel="OSTK", full_number=f"4{place:09}",
            short_reference=f"4{place:09}", status=status, ordered_at=at, ordered_on=at.date(),
            received_at=at + timedelta(seconds=CHANCE.randint(20, 400)), raw="<order/>" * 100, told=TOLD,
            ship_name=f"{CHANCE.choice(FIRST_NAMES)} {CHANCE.choice(LAST_NAMES)}",
            ship_postal_code=f"{CHANCE.randint(501, 99950):05}", ship_phone=f"801 555 {CHANCE.randint(0, 9999):04}",
        )  # fmt: skip


def _lines(rows: list[Order]) -> Iterator[OrderLine]:
    for one in rows:
        sku = f"SKU-{CHANCE.randrange(LISTINGS)}"
        shipped = one.status in (S.SHIPPED, S.CONFIRMED)
        yield OrderLine(
            order=one, position=1, partner_sku=sku, option_sku=f"O{sku}", quantity=1, quantity_to_ship=1,
            quantity_shipped=shipped, quantity_confirmed=one.status == S.CONFIRMED,
        )  # fmt: skip


def _events(rows: list[Order]) -> Iterator[OrderEvent]:
    for one in rows:
        for status in (S.READY, one.status):
            yield OrderEvent(order=one, at=one.received_at, new_status=status, text="as the bench made it")


def _submissions(rows: list[Order], gecko: Connection) -> Iterator[WarehouseSubmission]:
    for place, one in enumerate(rows):
        if one.status == S.ON_HOLD and place % 200:
            continue
        stuck = ("parked", "unconfirmed")[place % 400 == 0] if one.status == S.ON_HOLD else "accepted"
        at = one.received_at + timedelta(seconds=CHANCE.randint(1, 90))
        yield WarehouseSubmission(
            order=one, connection=gecko, status=stuck, sent_at=at, finished_at=at, created_at=one.received_at,
            last_error=CHANCE.choice(ERRORS).format(n=one.full_number) if stuck != "accepted" else "",
            remote_id=str(place), remote_number=f"SO{place:07}", request={"order": {"lines": [1] * 50}},
        )  # fmt: skip


def _submitted() -> Iterator[SubmittedLine]:
    sent = dict(WarehouseSubmission.objects.values_list("order", "pk"))
    for line in OrderLine.objects.iterator():
        if line.order_id in sent:
            yield SubmittedLine(
                submission_id=sent[line.order_id], order_line=line, position=1, item_id="1", quantity=1,
                sku=f"W{line.partner_sku}",
            )  # fmt: skip


def _holds(rows: list[Order]) -> Iterator[Hold]:
    kinds = ("unknown_sku", "cancelled_late", "changed_order", "unknown_carrier", "unusable_address", "manual")
    for place, one in enumerate(held for held in rows if held.status == S.ON_HOLD):
        kind, subject = kinds[place % len(kinds)], f"SKU-{place % 40}"
        yield Hold(order=one, kind=kind, subject=subject, message="Something is to be done.", opened_at=one.received_at)


def _ship(rows: list[Order], market: Connection, gecko: Connection) -> None:
    lines = dict(OrderLine.objects.values_list("order", "pk"))
    _stored(
        Shipment(
            connection=gecko, remote_id=f"s{one.pk}", order=one, state="shipped", tracking_number=f"1Z{one.pk}",
            shipped_at=min(one.received_at + timedelta(hours=CHANCE.randint(2, 40)), timezone.now()),
        )
        for one in rows
    )  # fmt: skip
    shipments = list(Shipment.objects.all())
    _stored(ShipmentLine(shipment=one, order_line_id=lines[one.order_id], quantity=1) for one in shipments)
    by_order = {one.order_id: one for one in shipments}
    _stored(
        ShipmentConfirmation(
            order=one, connection=market, status="accepted",
            finished_at=(by_order[one.pk].shipped_at or timezone.now()) + timedelta(minutes=CHANCE.randint(1, 90)),
        )
        for one in rows if one.status == S.CONFIRMED
    )  # fmt: skip
    told = dict(ShipmentConfirmation.objects.values_list("order", "pk"))
    _stored(
        ConfirmedLine(
            confirmation_id=told[line.shipment.order_id], shipment_line=line, quantity=1, carrier_code="UPS",
            service_code="GROUND", tracking_number="1Z", shipped_at=line.shipment.shipped_at,
        )
        for line in ShipmentLine.objects.select_related("shipment").iterator()
        if line.shipment.order_id in told and line.shipment.shipped_at
    )  # fmt: skip


def _runs(market: Connection) -> Iterator[SyncRun]:
    now = timezone.now()
    JobPlan.objects.get_or_create(connection=market, job="pull_orders", defaults={"every_minutes": 1})
    for place in range(RUNS):
        at = now - timedelta(minutes=RUNS - place)
        yield SyncRun(
            connection=market, job="pull_orders", status="succeeded", started_at=at, heartbeat_at=at,
            finished_at=at + timedelta(seconds=3), counts={"orders": 1, "calls": 2}, summary="1 order",
        )  # fmt: skip


def _exchanges(market: Connection) -> Iterator[Exchange]:
    now = timezone.now()
    for place in range(EXCHANGES):
        yield Exchange(
            connection=market, at=now - timedelta(seconds=30 * (EXCHANGES - place)), method="GET", status=200,
            url="https://api.example.com/orders", milliseconds=80, response_body="<order/>" * 200,
        )  # fmt: skip


def _goods(market: Connection, gecko: Connection, route: Route) -> None:
    now, skus = timezone.now(), [f"SKU-{place}" for place in range(LISTINGS)]
    _stored(SkuAlias(connection=market, marketplace_sku=sku, warehouse_sku=f"W{sku}") for sku in skus)
    _stored(
        WarehouseItem(
            connection=gecko, sku=f"W{sku}", matches=1, remote_id=str(1000 + place), title=f"A thing no. {place}",
            checked_at=now,
        )
        for place, sku in enumerate(skus)
    )  # fmt: skip
    _stored(
        InventoryLevel(
            connection=gecko, item_id=str(1000 + place), location_id="1", on_hand=5, committed=0, available=5,
            observed_at=now,
        )
        for place in range(LISTINGS)
    )  # fmt: skip
    _stored(
        Listing(
            route=route, marketplace_sku=sku, partner_sku=sku, option_sku=f"O{sku}", published_sku=f"O{sku}",
            published_quantity=5, published_at=now, observed_at=now, explanation=SHOWN,
        )
        for sku in skus
    )  # fmt: skip
    _stored(_publications(list(Listing.objects.order_by("pk"))))


def _publications(listings: list[Listing]) -> Iterator[Publication]:
    now = timezone.now()
    for place in range(PUBLICATIONS):
        at = now - timedelta(days=30) * (1 - place / PUBLICATIONS)
        one = CHANCE.choice(listings)
        yield Publication(
            listing=one, sku=one.published_sku, quantity=place % 9, observed_at=at, created_at=at, finished_at=at,
            status="parked" if place % 5000 == 0 else "accepted", explanation=SHOWN,
            last_error="no such SKU" if place % 5000 == 0 else "",
        )  # fmt: skip
