"""An order line by line: what was ordered, what we sent, what the warehouse holds, what shipped, what was confirmed.

Units are the marketplace's, but for what the warehouse was sent and holds, which is in its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from integrations.transmissions import Transmission
from integrations.wording import counted
from orders import parcels as parcels_of
from orders.models import (
    ConfirmedLine,
    Order,
    OrderLine,
    Shipment,
    ShipmentLine,
    ShortShip,
    SubmittedLine,
    WarehouseSubmission,
)

T = Transmission.Status


@dataclass(frozen=True, slots=True)
class Cell:
    """What one side says of a line: short texts, and in a few words how that differs from the side before it."""

    texts: tuple[str, ...]
    differs: str = ""
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the order across the five sides."""

    line: OrderLine
    ordered: Cell
    sent: Cell
    held: Cell
    shipped: Cell
    confirmed: Cell

    @property
    def cells(self) -> list[tuple[str, Cell]]:
        return list(zip(COLUMNS, (self.ordered, self.sent, self.held, self.shipped, self.confirmed), strict=True))

    @property
    def differs(self) -> bool:
        return any(cell.differs for _, cell in self.cells)


COLUMNS = ("Ordered", "Sent to the warehouse", "Warehouse holds", "Shipped", "Confirmed")


Units = dict[str, int]  # by warehouse SKU


@dataclass(frozen=True, slots=True)
class NotTold:
    """Units of a line that left in a parcel, and of which the marketplace is told nothing, by itself at least."""

    parcel: Shipment
    line: OrderLine
    units: int

    def __str__(self) -> str:
        why = never_ships(self.line) or "it takes no more"
        return f"not told of {counted(self.units, 'units')} of line {self.line.number}: {why}"


@dataclass(slots=True)
class _Sides:
    """What belongs to each line, by its key."""

    submission: WarehouseSubmission | None
    sent: dict[int, Units] = field(default_factory=dict)
    held: dict[int, Units] = field(default_factory=dict)
    shipped: dict[int, list[ShipmentLine]] = field(default_factory=lambda: defaultdict(list))
    not_told: dict[int, list[NotTold]] = field(default_factory=lambda: defaultdict(list))
    short: dict[int, ShortShip] = field(default_factory=dict)


def rows(order: Order, submission: WarehouseSubmission | None, parcels: list[Shipment]) -> list[Row]:
    """All lines of the order: one query for them, and one for those of the submission."""
    lines = list(order.lines.all())
    sides = _Sides(submission, short=short_ships(order))
    if submission is not None:
        submitted = list(submission.lines.all())
        sides.sent, sides.held = _sent_units(submission, submitted, lines), _held_units(submitted)
    for parcel in parcels:
        if parcel.state == Shipment.State.SHIPPED:
            for inside in parcel.lines.all():
                sides.shipped[inside.order_line_id].append(inside)
    for one in not_told(order, submission, parcels):
        sides.not_told[one.line.pk].append(one)
    return [_row(line, sides) for line in lines]


def not_told(order: Order, submission: WarehouseSubmission | None, parcels: list[Shipment]) -> list[NotTold]:
    """What has left and is told to nobody, parcel by parcel."""
    if submission is None:
        return []
    lines = {line.pk: line for line in order.lines.all()}
    shipped = {one.pk: one for one in parcels if one.state == Shipment.State.SHIPPED}
    submitted = sorted(submission.lines.all(), key=lambda row: row.position)
    found = parcels_of.not_told(shipped.values(), submitted)
    return [NotTold(shipped[parcel], lines[line], units) for (parcel, line), units in found.items()]


def short_ships(order: Order) -> dict[int, ShortShip]:
    """By the key of the line whose units are kept back or told: what was called off is none."""
    return {one.order_line_id: one for one in order.short_ships.all() if one.status != T.WITHDRAWN}


def never_ships(line: OrderLine) -> str:
    """Why what is open of it ships no more, in a word; empty while it may, and where all of it was told."""
    order = line.order
    if ended := _ended_there(line):
        return ended
    if line.is_cancelled:
        return "cancelled"
    if order.status == Order.Status.SKIPPED:
        is_open = line.quantity_to_ship or (not line.quantity and line.shipped_before is not None)
        return "skipped" if is_open else "shipped without us"
    is_over = order.status == Order.Status.CANCELLED or order.cancel_requested_at
    return "cancelled" if is_over and (not line.quantity_to_ship or _untold(line)) else ""


def _ended_there(line: OrderLine) -> str:
    """How its order ended in the warehouse, where the marketplace has opened the line again since."""
    order = line.order
    if order.status != Order.Status.CANCELLED or order.cancel_requested_at is not None or not order.told:
        return ""
    submission: WarehouseSubmission | None = getattr(order, "submission", None)
    if submission is None or submission.remote_status not in submission.ENDED:
        return ""
    is_open = order.told["lines"].get(line.number, {}).get("is_open")
    return f"{submission.remote_status} in the warehouse" if is_open else ""


def _untold(line: OrderLine) -> int:
    return line.quantity_to_ship - line.quantity_confirmed


def _row(line: OrderLine, sides: _Sides) -> Row:
    sent, held, parcels = sides.sent.get(line.pk, {}), sides.held.get(line.pk, {}), sides.shipped[line.pk]
    return Row(
        line, _ordered(line, sides.short.get(line.pk)), _sent(line, sent, sides), _held(sent, held, sides.submission),
        _shipped(line, parcels, sides.not_told[line.pk]), _confirmed(line, parcels),
    )  # fmt: skip


def _ordered(line: OrderLine, short: ShortShip | None) -> Cell:
    skus = [text for text in (line.partner_sku, line.option_sku) if text]
    cost = () if line.unit_cost is None else (f"{line.unit_cost:.2f} {line.currency} each".replace("  ", " "),)
    quantity = "?" if line.quantity is None else str(line.quantity)
    return Cell((f"{quantity} × {skus[0] if skus else 'no SKU'}", *skus[1:2], *cost), _less(line, short))


def _less(line: OrderLine, short: ShortShip | None) -> str:
    """Why less of it ships than was ordered. Only the marketplace cancels; a short ship is our own doing."""
    if short is not None:
        return f"{short.quantity} {'short shipped' if short.status == T.ACCEPTED else 'to be short shipped'}"
    if why := never_ships(line):
        return why
    return f"{line.quantity_to_ship} to ship" if line.quantity not in (None, line.quantity_to_ship) else ""


def _sent(line: OrderLine, sent: Units, sides: _Sides) -> Cell:
    if sent:
        return Cell(_in_words(sent))
    is_left_out = bool(sides.sent) and line.quantity_to_ship > 0 and not never_ships(line)
    return Cell(("not sent",), differs="left out" if is_left_out else "")


def _held(sent: Units, held: Units, submission: WarehouseSubmission | None) -> Cell:
    if submission is None or not (sent or held):
        return Cell(("–",))
    if submission.status != T.ACCEPTED:
        return Cell(("not known",), waits=submission.get_status_display().lower())
    if submission.remote_status in submission.ENDED:
        return Cell(_in_words(held) or ("nothing",), differs=submission.remote_status)
    return Cell((*(_in_words(held) or ("nothing",)), *_changed(sent, held)))


def _changed(sent: Units, held: Units) -> Iterator[str]:
    for sku in dict.fromkeys((*sent, *held)):
        more = held.get(sku, 0) - sent.get(sku, 0)
        if more:
            yield f"{abs(more)} {'more' if more > 0 else 'fewer'} than sent"


def _in_words(units: Units) -> tuple[str, ...]:
    return tuple(f"{quantity} × {sku}" for sku, quantity in units.items() if quantity)


def _shipped(line: OrderLine, parcels: list[ShipmentLine], not_told: list[NotTold]) -> Cell:
    before = (f"{line.shipped_before} before us",) if line.shipped_before else ()
    inside = Counter({one.shipment: one.quantity for one in parcels})
    inside.update({one.parcel: one.units for one in not_told})
    texts = (
        *before,
        *(f"{units} in {one.tracking_number or 'a parcel without number'}" for one, units in inside.items()),
    )
    total, more = line.quantity_shipped, sum(one.units for one in not_told)
    if more:
        return Cell((str(inside.total()), *texts), f"{more} not told")
    if total > line.quantity_to_ship:
        return Cell((str(total), *texts), f"{total - line.quantity_to_ship} too many")
    left = line.quantity_to_ship - total
    return Cell((str(total), *texts), waits=f"{left} open" if left and not never_ships(line) else "")


def _confirmed(line: OrderLine, parcels: list[ShipmentLine]) -> Cell:
    told = [one for one in (getattr(row, "confirmed", None) for row in parcels) if one is not None]
    good = sum(one.quantity for one in told if one.confirmation.status == T.ACCEPTED)
    refused = any(one.confirmation.status == T.PARKED for one in told)
    codes = dict.fromkeys(_as_told(one) for one in told)
    left = 0 if refused or never_ships(line) else line.quantity_shipped - good
    return Cell((str(good), *codes), "refused" if refused else "", f"{left} to confirm" if left > 0 else "")


def _as_told(one: ConfirmedLine) -> str:
    return f"{one.carrier_code} {one.service_code}".strip()


def _held_units(submitted: list[SubmittedLine]) -> dict[int, Units]:
    found: dict[int, Units] = defaultdict(dict)
    for one in submitted:
        units = found[one.order_line_id]
        units[one.sku] = units.get(one.sku, 0) + one.quantity
    return found


def _sent_units(
    submission: WarehouseSubmission, submitted: list[SubmittedLine], lines: list[OrderLine]
) -> dict[int, Units]:
    """What the request said, for the line that each of its positions belongs to.

    A position that was taken out since has no row any more; it goes to the lines that have none, in their order.
    """
    owners = {one.position: one.order_line_id for one in submitted}
    asked = dict(enumerate(submission.request.get("lines", []), start=1))
    bare = [line.pk for line in lines if line.pk not in owners.values()]
    owners |= dict(zip((place for place in asked if place not in owners), bare, strict=False))
    found: dict[int, Units] = defaultdict(dict)
    for place, one in asked.items():
        if place in owners:
            units, sku = found[owners[place]], str(one.get("sku", ""))
            units[sku] = units.get(sku, 0) + int(one.get("quantity", 0))
    return found
