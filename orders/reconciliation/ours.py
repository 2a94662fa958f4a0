"""What we hold of a marketplace's orders, as the facts that their buckets depend on. Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import OuterRef, Prefetch, Q, Subquery

from integrations.models import Connection, Route
from integrations.ports import Parcel, ParcelState, Receipt
from integrations.transmissions import Transmission
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
from orders.reconciliation.facts import GRACE, OurLine, Ours, There
from orders.reconciliation.market import Market
from orders.reconciliation.warehouse import Side, Warehouses

CHUNK = 500
T = Transmission.Status
Units = dict[int, int]  # by the id of an order line
Value = TypeVar("Value")


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


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
        yield from orders.prefetch_related("lines", "holds", "confirmations", submitted)


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
    order: Order, market: Market, side: Side | None, told: dict[int, list[ConfirmedLine]], started: datetime
) -> Ours:  # fmt: skip
    """The order in the rules' terms; `started` is when the reading of both sides began."""
    placed, holds = submission_of(order), list(order.holds.all())
    refused = [one.last_error for one in order.confirmations.all() if one.status == T.PARKED]
    shipped, untracked = _left(placed, side, started)
    paused = order.route if order.route and order.route.state == Route.State.PAUSED else None
    return Ours(
        number=order.full_number, status=order.status, skip_reason=order.skip_reason,
        cancel_requested=order.cancel_requested_at is not None,
        holds=tuple(str(hold) for hold in holds if hold.resolved_at is None),
        paused_route=str(paused or ""), moved_at=getattr(order, "moved_at", None) or order.received_at,
        submission=placed.status if placed else "", last_error=placed.last_error if placed else "",
        remote_id=placed.remote_id if placed else "", is_test=bool(placed and placed.is_test),
        sent_before=bool(placed and placed.finished_at and placed.finished_at < started - _until_found()),
        waits_for_all=bool(order.route and order.route.partial_shipments == Route.Partial.WHEN_COMPLETE),
        refused_confirmation=refused[0] if refused else "", void_resolved=_void_resolved(holds),
        must_show=order.received_at < started and market.must_show(order), last_told=order.told,
        lines=tuple(
            _line(line, told.get(line.pk, []), shipped.get(line.pk, 0), untracked.get(line.pk, 0), started)
            for line in order.lines.all()
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


def _line(line: OrderLine, told: Iterable[ConfirmedLine], shipped: int, untracked: int, started: datetime) -> OurLine:
    confirmed, fresh, underway = [], 0, 0
    for row in told:
        accepted_at = row.confirmation.finished_at if row.confirmation.status == T.ACCEPTED else None
        if accepted_at is None:
            underway += row.quantity
        elif accepted_at > started - GRACE:
            fresh += row.quantity
        else:
            confirmed.append((row.tracking_number, row.quantity))
    return OurLine(
        number=line.number, to_ship=line.quantity_to_ship, before=line.shipped_before, is_cancelled=line.is_cancelled,
        confirmed=tuple(confirmed), fresh=fresh, underway=underway, known=line.quantity_shipped,
        shipped=min(shipped, line.quantity_to_ship), untracked=untracked,
    )  # fmt: skip


def _until_found() -> timedelta:
    """How long the warehouse's lists may lack an order that it has just created."""
    return timedelta(seconds=settings.LOOKUP_GRACE_SECONDS)


def _left(placed: WarehouseSubmission | None, side: Side | None, started: datetime) -> tuple[Units, Units]:
    """Units per line that left over an hour ago, by the warehouse's own word: with tracking, and without."""
    if placed is None or side is None or not placed.remote_id:
        return {}, {}
    lines = list(placed.lines.all())
    left = [one for one in side.parcels.get(placed.remote_id, []) if _left_long_ago(one, started)]
    everything = parcels.whole_units([_contents(one) for one in left], lines)
    tracked = parcels.whole_units([_contents(one) for one in left if one.tracking_number.strip()], lines)
    return tracked, {line: units - tracked.get(line, 0) for line, units in everything.items()}


def _left_long_ago(parcel: Parcel, started: datetime) -> bool:
    """What is younger is being told; a tracking number may have come later than the parcel left."""
    last = max((at for at in (parcel.shipped_at, parcel.updated_at) if at), default=started - GRACE)
    return parcel.state == ParcelState.SHIPPED and last <= started - GRACE


def _contents(parcel: Parcel) -> list[dict[str, str]]:
    return [
        {"line_id": part.line_id, "item_id": part.item_id, "quantity": str(part.quantity)} for part in parcel.contents
    ]


def _void_resolved(holds: Iterable[Hold]) -> str:
    """What a person said to have done about the order's end in the warehouse; the last word counts."""
    ours = [one for one in holds if one.kind == Hold.Kind.VOIDED_ORDER]
    return ours[-1].resolution if ours and ours[-1].resolved_at else ""
