"""How many whole units of each order line the shipped parcels of an order complete, and what status that gives it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import floor

from django.utils import timezone

from integrations.wording import counted
from orders.models import (
    Hold,
    IllegalTransition,
    Order,
    OrderLine,
    Shipment,
    ShipmentLine,
    SubmittedLine,
    WarehouseSubmission,
)

S = Order.Status
NO_MORE = "no more has left than is ordered"
Beyond = dict[str, str]  # what was shipped beyond the order, in words, by the parcel's id


def recount(order: Order, submission: WarehouseSubmission) -> Beyond:
    """Bring the shipment lines, shipped quantities and status up to date; what was shipped beyond the order.

    Lines that the marketplace was told of stay as they are, and their parcels come first: what they used up is not
    taken from a parcel that still waits for its tracking number. Then in the order in which we first saw them.
    """
    fixed = _told(order)
    assigned: Counter[int] = Counter()
    for (_, line_id), quantity in fixed.items():
        assigned[line_id] += quantity
    ShipmentLine.objects.filter(shipment__order=order, confirmed__isnull=True).delete()
    beyond = _assign(order, list(submission.lines.order_by("position")), fixed, assigned)
    if not beyond:
        over = order.holds.filter(kind=Hold.Kind.OVER_SHIPPED, resolved_at=None)
        over.update(resolved_at=timezone.now(), resolution=NO_MORE)
    _settle(order, assigned)
    return beyond


def _told(order: Order) -> dict[tuple[int, int], int]:
    """Units by parcel and order line that the marketplace was told of, or is about to be."""
    told = ShipmentLine.objects.filter(shipment__order=order, confirmed__isnull=False)
    return {(row.shipment_id, row.order_line_id): row.quantity for row in told}


def _assign(
    order: Order, submitted: list[SubmittedLine], fixed: Mapping[tuple[int, int], int], assigned: Counter[int]
) -> Beyond:
    """Give each parcel the units that it completes beyond those `assigned`; what was shipped beyond the order."""
    lines = {line.pk: line for line in order.lines.all()}
    told_in = {shipment_id for shipment_id, _ in fixed}
    shipped: dict[int, Decimal] = defaultdict(Decimal)
    so_far: Counter[int] = Counter()
    beyond: dict[str, str] = {}
    left = Shipment.objects.filter(order=order, state=Shipment.State.SHIPPED)
    for shipment in sorted(left, key=lambda one: (one.pk not in told_in, one.pk)):
        said = _unpack(shipment.contents, submitted, shipped)
        for line_id, complete in _complete(submitted, shipped).items():
            line = lines[line_id]
            if complete > max(line.quantity_to_ship, so_far[line_id]):
                said.append(_too_many(line, complete))
            so_far[line_id] = complete
            new = min(complete, line.quantity_to_ship) - assigned[line_id]
            if new > 0 and (shipment.pk, line_id) not in fixed:
                ShipmentLine.objects.create(shipment=shipment, order_line=line, quantity=new)
                assigned[line_id] += new
        if said:
            beyond[shipment.remote_id] = " ".join(said)
    return beyond


def _too_many(line: OrderLine, units: int) -> str:
    ordered = line.quantity_to_ship
    taken = 0 if line.is_cancelled else ordered
    told = f"the marketplace is told of {taken or 'none'}"
    return (
        f"{counted(units, 'units')} of line {line.number} shipped, {ordered} to be shipped: {told}. Have the rest come "
        "back, or settle it with the marketplace; then resolve this."
    )


def components(rows: Iterable[SubmittedLine]) -> Counter[tuple[str, int]]:
    """What lines of the warehouse's order hold, by item and its units in one of ours: two lines may be of one item."""
    there: Counter[tuple[str, int]] = Counter()
    for row in rows:
        there[row.item_id, row.units] += row.quantity
    return there


def whole_units_there(rows: Iterable[SubmittedLine]) -> int:
    """What lines of the warehouse's order make, by the component of which least is there."""
    return min((units // each for (_, each), units in components(rows).items()), default=0)


@dataclass(frozen=True, slots=True)
class Astray:
    """A component of which the warehouse's order holds other units than are to ship. No item: it holds nothing at all
    of the line.
    """

    item_id: str
    sku: str
    there: int
    wanted: int


def astray(lines: Iterable[OrderLine], rows: Iterable[SubmittedLine]) -> dict[OrderLine, list[Astray]]:
    """By line, the components of which other units are there than are to ship; not of cancelled lines. Pure."""
    of: dict[int, list[SubmittedLine]] = defaultdict(list)
    for row in rows:
        of[row.order_line_id].append(row)
    found = {line: _astray(line, of[line.pk]) for line in lines if not line.is_cancelled}
    return {line: some for line, some in found.items() if some}


def _astray(line: OrderLine, rows: Sequence[SubmittedLine]) -> list[Astray]:
    if not rows:
        sku = line.option_sku or line.partner_sku
        return [Astray("", sku, 0, line.quantity_to_ship)] if line.quantity_to_ship else []
    skus = {row.item_id: row.sku for row in rows}
    each = [
        Astray(item, skus[item], there, line.quantity_to_ship * units)
        for (item, units), there in components(rows).items()
    ]
    return [one for one in each if one.there != one.wanted]


def units_left(order: Order, submission: WarehouseSubmission) -> Counter[int]:
    """Marketplace units that have left, by the id of the order line; also those beyond what is to ship."""
    left = order.shipments.filter(state=Shipment.State.SHIPPED).values_list("contents", flat=True)
    return Counter(whole_units(left, list(submission.lines.order_by("position"))))


def whole_units(parcels: Iterable[Sequence[Mapping[str, str]]], submitted: list[SubmittedLine]) -> dict[int, int]:
    """Marketplace units per order line that parcels with these contents complete. Pure."""
    shipped: dict[int, Decimal] = defaultdict(Decimal)
    for contents in parcels:
        _unpack(contents, submitted, shipped)
    return _complete(submitted, shipped)


def not_told(shipped: Iterable[Shipment], submitted: list[SubmittedLine]) -> dict[tuple[int, int], int]:
    """Units by parcel and order line that have left, and of which nothing is told: the line takes no more. Pure."""
    unpacked: dict[int, Decimal] = defaultdict(Decimal)
    so_far: Counter[int] = Counter()
    more: dict[tuple[int, int], int] = {}
    for one in sorted(shipped, key=lambda one: (not any(_is_told(row) for row in one.lines.all()), one.pk)):
        _unpack(one.contents, submitted, unpacked)
        inside = {row.order_line_id: row.quantity for row in one.lines.all()}
        for line_id, complete in _complete(submitted, unpacked).items():
            more[one.pk, line_id] = complete - so_far[line_id] - inside.get(line_id, 0)
            so_far[line_id] = complete
    # What one parcel has more than it was told of may be told with a later one.
    lines = {line_id for _, line_id in more if sum(units for (_, of), units in more.items() if of == line_id) > 0}
    return {(pk, line_id): units for (pk, line_id), units in more.items() if units > 0 and line_id in lines}


def _is_told(row: ShipmentLine) -> bool:
    return getattr(row, "confirmed", None) is not None


def _unpack(
    contents: Sequence[Mapping[str, str]], submitted: list[SubmittedLine], shipped: dict[int, Decimal]
) -> list[str]:
    """Add a parcel's contents to what is shipped per submitted line; what fits none of them, in words."""
    strange = []
    for part in contents:
        quantity = _decimal(part.get("quantity"))
        lines = _candidates(part, submitted)
        if not lines:
            strange.append(
                f"The parcel holds {quantity.normalize():f} of item {part.get('item_id')}, which was not ordered."
            )
            continue
        for line in lines:
            fits = min(quantity, max(line.quantity - shipped[line.pk], Decimal(0)))
            shipped[line.pk] += fits
            quantity -= fits
        shipped[lines[0].pk] += quantity
    return strange


def _candidates(part: Mapping[str, str], submitted: list[SubmittedLine]) -> list[SubmittedLine]:
    """The submitted lines that a parcel's content can be of: the one with its id first, then those of the same item.

    The ids of an order's lines are known only by their order in an answer, which is not promised: an id whose item is
    another one is not believed.
    """
    line_id, item_id = part.get("line_id", ""), part.get("item_id", "")
    named = [line for line in submitted if line.remote_id and line.remote_id == line_id]
    if not item_id:
        return named
    same_item = [line for line in submitted if line.item_id == item_id]
    return sorted(same_item, key=lambda line: line not in named)


def _complete(submitted: list[SubmittedLine], shipped: dict[int, Decimal]) -> dict[int, int]:
    """Whole units per order line: its scarcest component decides (product rule for kits).

    A component may be two lines, of different prices: what is shipped of either counts.
    """
    units = {(line.order_line_id, line.item_id): line.units for line in submitted}
    left: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for line in submitted:
        left[line.order_line_id, line.item_id] += shipped[line.pk]
    complete: dict[int, int] = {}
    for part, each in units.items():
        whole = floor(left[part] / each)
        complete[part[0]] = min(whole, complete.get(part[0], whole))
    return complete


def _settle(order: Order, assigned: Counter[int]) -> None:
    lines = list(order.lines.all())
    for line in lines:
        line.quantity_shipped = assigned[line.pk]
    OrderLine.objects.bulk_update(lines, ["quantity_shipped"])
    wanted = [line for line in lines if line.quantity_to_ship and not line.is_cancelled]
    if _is_all_gone(order, lines, wanted):
        status = S.SHIPPED
    else:
        status = S.PARTLY_SHIPPED if any(line.quantity_shipped for line in wanted) else S.SUBMITTED
    if order.status in (status, S.CONFIRMED):
        return
    try:
        order.move_to(status)
    except IllegalTransition as exc:
        order.note(f"the parcels say {status.label}, but {exc}")


def _is_all_gone(order: Order, lines: Sequence[OrderLine], wanted: Sequence[OrderLine]) -> bool:
    """Also where nothing was wanted any more, though not cancelled, when it had left."""
    if wanted or all(line.is_cancelled for line in lines):
        return bool(wanted) and all(line.quantity_shipped >= line.quantity_to_ship for line in wanted)
    return order.shipments.filter(state=Shipment.State.SHIPPED).exists()


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
