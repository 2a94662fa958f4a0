"""What we hold of a marketplace's orders, as the facts that their buckets depend on. Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Max, OuterRef, Prefetch, Q, Subquery

from integrations.circuit import asked_with
from integrations.models import Connection, JobPlan, Route
from integrations.ports import Parcel, ParcelState
from integrations.sent_orders import Receipt
from integrations.transmissions import Transmission, lookup_grace
from orders import parcels
from orders.models import (
    ConfirmedLine,
    Hold,
    Order,
    OrderEvent,
    OrderLine,
    SubmittedLine,
    WarehouseSubmission,
)
from orders.reconciliation.facts import SHORTEST_GRACE, OurLine, Ours, There
from orders.reconciliation.market import Market
from orders.reconciliation.warehouse import Side, Warehouses

CHUNK = 500
T = Transmission.Status
Units = dict[int, int]  # by the id of an order line
CARRYING = ("pull_orders", "submit_orders", "pull_shipments", "confirm_shipments")
Value = TypeVar("Value")


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def grace(connection: Connection) -> timedelta:
    """How long something may be on its way: two rounds of the slowest job that carries it, and a look-up."""
    plans = JobPlan.objects.filter(connection__in=asked_with(connection), job__in=CARRYING, is_enabled=True)
    minutes: int = plans.aggregate(most=Max("every_minutes"))["most"] or 1
    return max(2 * timedelta(minutes=minutes) + lookup_grace(), SHORTEST_GRACE)


def in_period(connection: Connection, market: Market, since: datetime, until: datetime) -> list[int]:
    """Ids of our orders that were created in the period, and of those that the marketplace told of it."""
    mine = Order.objects.filter(connection=connection)
    created = Q(marketplace_created_at__range=(since, until))
    unsaid = Q(marketplace_created_at=None, ordered_at__range=(since, until))
    pks = set(mine.filter(created | unsaid).values_list("pk", flat=True))
    for numbers in chunks(sorted({told.number for told in market.told.values()})):
        for pk, channel, number in mine.filter(full_number__in=numbers).values_list(
            "pk", "sales_channel", "full_number"
        ):
            if (channel, number) in market.told or ("", number) in market.told:
                pks.add(pk)
    return sorted(pks)


def loaded(pks: Sequence[int]) -> Iterator[Order]:
    """The orders with everything that is asked of them, in few queries."""
    moved = OrderEvent.objects.filter(order=OuterRef("pk")).order_by("-at").values("at")[:1]
    submitted = Prefetch("submission__lines", SubmittedLine.objects.order_by("position"))
    for ids in chunks(pks):
        orders = Order.objects.filter(pk__in=ids).defer("raw").annotate(moved_at=Subquery(moved)).order_by("pk")
        orders = orders.select_related("route__warehouse", "submission__connection")
        yield from orders.prefetch_related("lines", "holds", "shipments", "confirmations", "short_ships", submitted)


def confirmed_lines(pks: Sequence[int]) -> dict[int, list[ConfirmedLine]]:
    """What was told, or is about to be, by order line."""
    found: dict[int, list[ConfirmedLine]] = defaultdict(list)
    for ids in chunks(pks):
        rows = ConfirmedLine.objects.filter(confirmation__order__in=ids).select_related("confirmation", "shipment_line")
        for row in rows:
            found[row.shipment_line.order_line_id].append(row)
    return found


def submission_of(order: Order) -> WarehouseSubmission | None:
    return getattr(order, "submission", None)


def warehouse_of(order: Order) -> Connection | None:
    """Where it was sent, or would be."""
    placed = submission_of(order)
    return placed.connection if placed else order.route.warehouse if order.route else None


def facts(
    order: Order, market: Market, side: Side | None, told: dict[int, list[ConfirmedLine]], started: datetime,
    grace: timedelta,
) -> Ours:  # fmt: skip
    """The order in the rules' terms; `started` is when the reading of both sides began."""
    placed, holds = submission_of(order), list(order.holds.all())
    refused = [one.last_error for one in order.confirmations.all() if one.status == T.PARKED]
    short = [one.last_error for one in order.short_ships.all() if one.status == T.PARKED]
    left = _left(placed, side, started - grace)
    paused = order.route if order.route and order.route.state == Route.State.PAUSED else None
    return Ours(
        number=order.full_number, status=order.status, skip_reason=order.skip_reason,
        cancel_requested=order.cancel_requested_at is not None, cancel_settled=order.cancel_resolved_at is not None,
        holds=tuple(str(hold) for hold in holds if hold.resolved_at is None),
        paused_route=str(paused or ""), moved_at=getattr(order, "moved_at", None) or order.received_at,
        submission=placed.status if placed else "", last_error=placed.last_error if placed else "",
        remote_id=placed.remote_id if placed else "", is_test=bool(placed and placed.is_test),
        sent_before=bool(placed and placed.finished_at and placed.finished_at < started - lookup_grace()),
        waits_for_all=bool(order.route and order.route.partial_shipments == Route.Partial.WHEN_COMPLETE),
        refused_confirmation=refused[0] if refused else "", refused_short_ship=short[0] if short else "",
        void_resolved=_void_resolved(holds),
        left_at=left.last, must_show=order.received_at < started and market.must_show(order), last_told=order.told,
        lines=tuple(
            _line(line, told.get(line.pk, []), left, started - grace) for line in order.lines.all()
        ),
    )  # fmt: skip


def found_there(order: Order, warehouses: Warehouses) -> tuple[There, Side | None]:
    """What the warehouses hold of the order: under its number as it was sent, and under the id that it got."""
    placed, connection = submission_of(order), warehouse_of(order)
    side = warehouses.sides.get(connection.pk) if connection else None
    number = str(placed.request.get("full_number") or "") if placed else ""
    receipts = {one.remote_id: one for one in warehouses.of_number(number or order.full_number, order.pk)}
    bad = ""
    if placed and placed.remote_id and side:
        own = side.receipts.get(placed.remote_id)
        receipts |= {own.remote_id: own} if own else {}
        bad = next((reason for of, reason in side.unreadable.values() if of == placed.remote_id), "")
    name, trouble = str(connection or "the warehouse"), side.trouble if side else ""
    return There(name, *alive_and_ended(receipts.values()), trouble=trouble, unreadable_parcel=bad), side


def alive_and_ended(receipts: Iterable[Receipt]) -> tuple[tuple[Receipt, ...], tuple[Receipt, ...]]:
    found, ended = list(receipts), WarehouseSubmission.ENDED
    return tuple(one for one in found if one.status not in ended), tuple(one for one in found if one.status in ended)


@dataclass(frozen=True, slots=True)
class Left:
    """Units per line that left by the warehouse's own word. `last`: when the latest parcel within the grace did."""

    shipped: Units = field(default_factory=dict)
    untracked: Units = field(default_factory=dict)
    leaving: Units = field(default_factory=dict)
    last: datetime | None = None


def _line(line: OrderLine, told: Iterable[ConfirmedLine], left: Left, young: datetime) -> OurLine:
    confirmed, fresh, underway = [], 0, 0
    for row in told:
        accepted_at = row.confirmation.finished_at if row.confirmation.status == T.ACCEPTED else None
        if accepted_at is None:
            underway += row.quantity
        elif accepted_at > young:
            fresh += row.quantity
        else:
            confirmed.append((row.tracking_number, row.quantity))
    return OurLine(
        number=line.number, to_ship=line.quantity_to_ship, before=line.shipped_before, is_cancelled=line.is_cancelled,
        confirmed=tuple(confirmed), fresh=fresh, underway=underway, known=line.quantity_shipped,
        shipped=min(left.shipped.get(line.pk, 0), line.quantity_to_ship), untracked=left.untracked.get(line.pk, 0),
        leaving=left.leaving.get(line.pk, 0),
    )  # fmt: skip


def _left(placed: WarehouseSubmission | None, side: Side | None, young: datetime) -> Left:
    """What left before `young`, with tracking and without, and what has left since with it."""
    if placed is None or side is None or not placed.remote_id:
        return Left()
    lines = list(placed.lines.all())
    shipped = [one for one in side.parcels.get(placed.remote_id, []) if one.state == ParcelState.SHIPPED]
    tracked = [one for one in shipped if one.tracking_number.strip()]
    old, all_old = _units(tracked, lines, young), _units(shipped, lines, young)
    recent = [at for one in tracked if (at := _left_at(one)) and at > young]
    return Left(old, _less(all_old, old), _less(_units(tracked, lines), old), max(recent, default=None))


def _units(left: Iterable[Parcel], lines: list[SubmittedLine], young: datetime | None = None) -> Units:
    """Whole units per line, of all parcels or of those that left no later than `young`."""
    counted = [one for one in left if young is None or (_left_at(one) or young) <= young]
    return parcels.whole_units([_contents(one) for one in counted], lines)


def _less(units: Units, other: Units) -> Units:
    return {line: number - other.get(line, 0) for line, number in units.items()}


def _left_at(parcel: Parcel) -> datetime | None:
    """A tracking number may have come later than the parcel left."""
    return max((at for at in (parcel.shipped_at, parcel.updated_at) if at), default=None)


def _contents(parcel: Parcel) -> list[dict[str, str]]:
    return [
        {"line_id": part.line_id, "item_id": part.item_id, "quantity": str(part.quantity)} for part in parcel.contents
    ]


def _void_resolved(holds: Iterable[Hold]) -> str:
    """What a person said to have done about the order's end in the warehouse; the last word counts."""
    ours = [one for one in holds if one.kind == Hold.Kind.VOIDED_ORDER]
    return ours[-1].resolution if ours and ours[-1].resolved_at else ""
