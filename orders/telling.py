"""What a marketplace is to be told: shipped lines gathered into confirmations, and kept true until they leave.

Every change here holds the order's row, as the recount of its parcels does, so that the two never pass each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Min, QuerySet
from django.utils import timezone

from integrations import registry
from integrations.models import Connection, Route
from integrations.ports import MarketplaceOrder
from integrations.runs import Run
from orders import arrivals, edits, lowered, parcels, readback, settling
from orders.carriers import CarrierMap, plain, spoken
from orders.models import (
    TO_CONFIRM,
    WANTED,
    ConfirmedLine,
    Hold,
    Order,
    OrderLine,
    Shipment,
    ShipmentConfirmation,
    ShipmentLine,
    WarehouseSubmission,
)
from orders.readiness import Reason

GATHERED_TOGETHER = 100
# Of a run's turn.
GATHERS_FOR = 0.5

Codes = tuple[str, str]
Spoken = tuple[ShipmentLine, Codes | None]


def gather(run: Run, carriers: CarrierMap) -> bool:
    """Turn shipped lines that can be told now into confirmations; hold what names a carrier we do not know.

    Whether that were all of them: as much of the run's turn is left for telling what was gathered.
    """
    pks = _to_gather(run.connection)
    for start in range(0, len(pks), GATHERED_TOGETHER):
        run.beat()
        if start and run.is_past(GATHERS_FOR):
            run.count("orders left to gather", len(pks) - start)
            return False
        _gather_together(run, pks[start : start + GATHERED_TOGETHER], carriers)
    return True


def may_tell(order: Order, connection: Connection, *, was_test: bool) -> bool:
    """Whether the marketplace is to be told of what an order has shipped by now."""
    if order.route is None or not registry.may_reach(order.route, connection):
        return False
    if was_test and not registry.is_sandbox(connection):
        return False  # the parcel of a test order, whatever its route is by now
    waits = order.route.partial_shipments == Route.Partial.WHEN_COMPLETE
    return order.status == Order.Status.SHIPPED or (not waits and order.status == Order.Status.PARTLY_SHIPPED)


def ended(orders: Iterable[int]) -> QuerySet[Any, Any]:
    """Those that the warehouse voided or deleted: whatever left of them before, a person settles."""
    there = WarehouseSubmission.objects.filter(order__in=orders, remote_status__in=WarehouseSubmission.ENDED)
    return there.values_list("order", flat=True)


@transaction.atomic
def refresh(confirmation: ShipmentConfirmation, lines: Iterable[ConfirmedLine], carriers: CarrierMap) -> None:
    """Bring what was not told yet up to date; what can no longer be told goes back to be gathered again."""
    order = Order.objects.select_for_update().get(pk=confirmation.order_id)
    given_back, over = False, _lines_over(order) | lowered.gathered_too_many(order)
    for line in lines:
        parcel = line.shipment_line.shipment
        codes = _codes(parcel, order, carriers)
        if codes is None or line.shipment_line.order_line_id in over or not _is_tellable(parcel):
            _give_back(line)
            given_back = True
            continue
        facts = {
            "carrier_code": codes[0], "service_code": codes[1], "tracking_number": parcel.tracking_number,
            "shipped_at": parcel.shipped_at,
        }  # fmt: skip
        ConfirmedLine.objects.filter(pk=line.pk).update(**facts)
    if given_back:
        edits.follow_left(order)
        parcels.recount(order, WarehouseSubmission.objects.get(order=order))


@transaction.atomic
def still_wanted(order: Order, lines: Sequence[ConfirmedLine], shown: MarketplaceOrder) -> list[ConfirmedLine]:
    """Those of these lines, which were not taken, that the marketplace has not cancelled since.

    The others are given back before that is noticed: of their lines nothing was told then.
    """
    over = [line for line in lines if readback.is_cancelled(shown, line)]
    if over:
        mine = Order.objects.select_for_update().get(pk=order.pk)
        for line in over:
            _give_back(line)
        arrivals.seen_again(mine, shown)
        parcels.recount(mine, WarehouseSubmission.objects.get(order=mine))
    return [line for line in lines if line not in over]


def _lines_over(order: Order) -> set[int]:
    """Ids of its lines of which nothing is told any more: cancelled, alone or with all, or ended in the warehouse."""
    lines = order.lines.all() if ended([order.pk]).exists() else order.lines.exclude(WANTED)
    return set(lines.values_list("pk", flat=True))


@transaction.atomic
def gather_orders(pks: Sequence[int], connection: Connection, carriers: CarrierMap) -> int:
    """Write down what will be told of these orders, in one transaction with the quantities that it uses up.

    How many parcels; of all of these orders or, where one cannot be written, of none.
    """
    mine = Order.objects.select_for_update(of=("self",)).select_related("route").defer("raw", "told", "told_now")
    orders = {order.pk: order for order in mine.filter(pk__in=pks).order_by("pk")}
    spoken_of = _spoken_of(orders, carriers)
    _hold_unknown(orders, spoken_of, carriers, connection)
    tests = set(WarehouseSubmission.objects.filter(order__in=orders, is_test=True).values_list("order", flat=True))
    tellable = {
        order: [(row, codes) for row, codes in spoken_of[pk] if codes is not None]
        for pk, order in orders.items()
        if may_tell(order, connection, was_test=pk in tests)
    }
    _intend({order: rows for order, rows in tellable.items() if rows}, connection)
    return len({row.shipment_id for rows in tellable.values() for row, _ in rows})


def _to_gather(connection: Connection) -> list[int]:
    """Ids of orders with shipped lines that were not told yet, and of those that are held for a carrier."""
    untold = OrderLine.objects.filter(TO_CONFIRM, order__connection=connection)
    held = Hold.objects.filter(kind=Hold.Kind.UNKNOWN_CARRIER, resolved_at=None, order__connection=connection)
    return sorted({*untold.values_list("order_id", flat=True), *held.values_list("order_id", flat=True)})


def _gather_together(run: Run, pks: Sequence[int], carriers: CarrierMap) -> None:
    try:
        run.count("to confirm", gather_orders(pks, run.connection, carriers))
    except Exception:  # at one of them: that one is told, and keeps only itself back
        for pk in pks:
            with run.isolated(f"order {pk}"):
                run.count("to confirm", gather_orders([pk], run.connection, carriers))


def _spoken_of(orders: Mapping[int, Order], carriers: CarrierMap) -> dict[int, list[Spoken]]:
    """Per order id the lines that left with tracking and were not told, with their codes; None where not known."""
    left = ShipmentLine.objects.filter(
        order_line__in=OrderLine.objects.filter(WANTED, order__in=orders), confirmed=None,
        shipment__state=Shipment.State.SHIPPED,
    ).exclude(order_line__order__in=ended(orders))  # fmt: skip
    found: dict[int, list[Spoken]] = {pk: [] for pk in orders}
    for row in left.select_related("shipment").order_by("shipment_id", "order_line_id"):
        if _is_tellable(row.shipment):
            order = orders[row.shipment.order_id]
            found[order.pk].append((row, _codes(row.shipment, order, carriers)))
    return found


def _hold_unknown(
    orders: Mapping[int, Order], spoken_of: Mapping[int, Sequence[Spoken]], carriers: CarrierMap,
    connection: Connection,
) -> None:  # fmt: skip
    """Most orders are held for no carrier, or go on being held for the same one."""
    kind = Hold.Kind.UNKNOWN_CARRIER
    known: dict[int, set[tuple[str, str]]] = {pk: set() for pk in orders}
    for hold in Hold.objects.filter(order__in=orders, kind=kind, resolved_at=None):
        known[hold.order_id].add((hold.subject, hold.message))
    is_known = all(codes is not None for rows in spoken_of.values() for _, codes in rows)
    first_spellings = {} if is_known else _first_spellings(connection)
    for pk, rows in spoken_of.items():
        unknown = [_unknown(row.shipment, carriers, first_spellings) for row, codes in rows if codes is None]
        if known[pk] != {(reason.subject[: settling.SUBJECT_CHARS], reason.message) for reason in unknown}:
            settling.sync_holds(orders[pk], unknown, [kind])


def _intend(tellable: Mapping[Order, Sequence[tuple[ShipmentLine, Codes]]], connection: Connection) -> None:
    """One confirmation for each order, and the units of its lines used up."""
    confirmations = ShipmentConfirmation.objects.bulk_create(
        ShipmentConfirmation(order=order, connection=connection) for order in tellable
    )
    ConfirmedLine.objects.bulk_create(
        ConfirmedLine(
            confirmation=confirmation, shipment_line=row, quantity=row.quantity, carrier_code=codes[0],
            service_code=codes[1], tracking_number=row.shipment.tracking_number,
            shipped_at=row.shipment.shipped_at or timezone.now(),
        )
        for confirmation, rows in zip(confirmations, tellable.values(), strict=True)
        for row, codes in rows
    )  # fmt: skip
    _use_up(row for rows in tellable.values() for row, _ in rows)


def _use_up(rows: Iterable[ShipmentLine]) -> None:
    units: Counter[int] = Counter()
    for row in rows:
        units[row.order_line_id] += row.quantity
    by_units: dict[int, list[int]] = defaultdict(list)
    for line_id, number in units.items():
        by_units[number].append(line_id)
    for number, line_ids in by_units.items():
        OrderLine.objects.filter(pk__in=line_ids).update(quantity_confirmed=F("quantity_confirmed") + number)


def _give_back(line: ConfirmedLine) -> None:
    """Its units are free again; once, also where a process that was suspended meanwhile comes back to it."""
    gone, _ = ConfirmedLine.objects.filter(pk=line.pk).delete()
    if gone:
        mine = OrderLine.objects.filter(pk=line.shipment_line.order_line_id)
        mine.update(quantity_confirmed=F("quantity_confirmed") - line.quantity)


def _is_tellable(parcel: Shipment) -> bool:
    """The marketplace wants tracking with every parcel; it may come later than the parcel itself."""
    return parcel.state == Shipment.State.SHIPPED and bool(parcel.tracking_number) and parcel.shipped_at is not None


def _codes(parcel: Shipment, order: Order, carriers: CarrierMap) -> Codes | None:
    return carriers.codes(parcel.carrier, parcel.service, ordered_service=order.service_code)


def _first_spellings(connection: Connection) -> dict[str, str]:
    """How waiting parcels spelt a carrier first, by what its spellings have in common: one row of the map fits all."""
    held = Hold.objects.filter(kind=Hold.Kind.UNKNOWN_CARRIER, resolved_at=None, order__connection=connection)
    spelt = held.order_by().values_list("subject").annotate(since=Min("opened_at"))
    return {plain(subject): subject for subject, _ in spelt.order_by("-since", "-subject")}


def _unknown(parcel: Shipment, carriers: CarrierMap, first_spellings: dict[str, str]) -> Reason:
    text = spoken(parcel)[: settling.SUBJECT_CHARS]
    text = first_spellings.setdefault(plain(text), text)
    if carriers.row(parcel.carrier, parcel.service):
        says = f"The carrier map has no service code for {text!r}, and the order asked for no service. Enter one"
    elif parcel.carrier:
        says = f"The warehouse shipped by {text!r}, which is not in the carrier map. Add it"
    else:
        says = "The warehouse names no carrier for a parcel. Name one there, or add a row with an empty carrier text"
    return Reason(Hold.Kind.UNKNOWN_CARRIER, text, f"{says}, and the parcel is confirmed.")
