"""What makes the warehouse's order what it shall be: only what differs from what is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from decimal import Decimal
from itertools import product

from integrations.ports import Address
from integrations.sent_orders import LineChange, OrderChange, PlacedLine, PlacedOrder, Rounding

LEAST_DIFFERENCE = Decimal("0.005")


class NotPossible(Exception):
    """The order is too far on over there, or is no longer what we sent. The text says so, and what to do."""


@dataclass(frozen=True, slots=True)
class TargetLine:
    """A line of ours over there, of which we know `sent` units; none of a new one.

    `quantity` None leaves it alone, as does `unit_price` with its price. `sent_price` is the price that we sent it at,
    where that is known. `key` is whatever the caller knows it by.
    """

    key: int
    item_id: str
    sku: str
    quantity: int | None
    remote_id: str = ""
    sent: int = 0
    sent_price: Decimal | None = None
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """How the order shall be. What is None or not named stays; `address` are fields of it.

    `address_label` is the one that we sent it under. `service` is a line of the notes before and now; what staff wrote
    beside it stays. `roundings` are amounts by the label of each.
    """

    lines: tuple[TargetLine, ...] = ()
    address: Mapping[str, str] = field(default_factory=dict)
    address_label: str = ""
    service: tuple[str, str] | None = None
    roundings: Mapping[str, Decimal] = field(default_factory=dict)


ALL_SHIPPED = "All of it has shipped."


def steps(placed: PlacedOrder, target: Target) -> OrderChange:
    """What is still to be done; nothing once it is so. Raises NotPossible."""
    if placed.is_ended:
        raise NotPossible(f"Order {placed.number} is {placed.status} there, so that there is nothing to change.")
    found = matches(placed.lines, target.lines)
    lines = tuple(
        change for line, there in zip(target.lines, found, strict=True) for change in _step(placed, line, there)
    )
    change = OrderChange(
        lines, _address(placed, target), _notes(placed, target), _boxes(placed, lines), _roundings(placed, target)
    )
    if change and placed.status == "fulfilled":
        raise NotPossible(ALL_SHIPPED)
    return change


def leaves_nothing(placed: PlacedOrder, target: Target) -> bool:
    """Whether every line goes out, so that the order itself is to end; not where staff put in lines of their own."""
    ours = [one for one in matches(placed.lines, target.lines) if one is not None]
    return all(line.quantity == 0 for line in target.lines) and len(ours) == len(placed.lines)


def matches(
    placed: Sequence[PlacedLine], wanted: Sequence[TargetLine], *, by_ids: bool = False
) -> list[PlacedLine | None]:  # fmt: skip
    """For each of ours the line over there, if it has one.

    Ids are known only by their order in an answer, which is not promised, and staff may put a line in anew: an id
    counts with its item only, and less than the price and the units. What is to stay is found first, so that a line
    that was taken out already is not sought in its neighbour; but where the units are not those of the one that stays,
    and are those of the one that goes. A new line is none of those that we know. `by_ids`: they were looked at before,
    and count more than the units.
    """
    kinds = ((_by_all, _by_id), (_by_units, _by_item)) if by_ids else ((_by_all, _by_units), (_by_id, _by_item))
    left, known = list(placed), {line.remote_id for line in wanted if line.sent}
    found: dict[int, PlacedLine] = {}
    groups = ([line for line in wanted if line.quantity != 0], [line for line in wanted if line.quantity == 0])
    for any_price, alike, group in product((False, True), kinds, groups):
        for is_it, line in product(alike, group):
            mine = [one for one in left if line.sent or one.remote_id not in known]
            there = next((one for one in mine if is_it(line, one) and (any_price or _at_price(line, one))), None)
            if there is not None and id(line) not in found:
                found[id(line)] = there
                left.remove(there)
    return [found.get(id(line)) for line in wanted]


def _at_price(line: TargetLine, there: PlacedLine) -> bool:
    return there.unit_price is not None and there.unit_price in (line.sent_price, line.unit_price)


def _by_item(line: TargetLine, there: PlacedLine) -> bool:
    return there.item_id == line.item_id


def _by_id(line: TargetLine, there: PlacedLine) -> bool:
    return _by_item(line, there) and there.remote_id == line.remote_id != ""


def _by_units(line: TargetLine, there: PlacedLine) -> bool:
    return _by_item(line, there) and there.quantity in (line.sent, line.quantity)


def _by_all(line: TargetLine, there: PlacedLine) -> bool:
    return _by_id(line, there) and _by_units(line, there)


def _step(placed: PlacedOrder, line: TargetLine, there: PlacedLine | None) -> list[LineChange]:
    if line.quantity is None or (there is None and not line.quantity):
        return []
    if there is None:
        if not line.sent:
            return [LineChange("", line.item_id, line.quantity, line.unit_price)]
        raise NotPossible(f"Order {placed.number} has no line of {line.sku} any more; somebody took it out there.")
    if line.quantity < there.shipped:
        raise NotPossible(f"{there.shipped.normalize():f} of {line.sku} have shipped, more than {line.quantity}.")
    price = line.unit_price if line.sent and _costs_otherwise(line, there) else None
    if there.quantity == line.quantity and price is None:
        return []
    if price is not None and there.shipped:
        raise NotPossible(
            f"{there.shipped.normalize():f} of {line.sku} have shipped at {there.unit_price}, so that the price stays. "
            "Settle the difference in its invoice, then keep the order as it is."
        )
    return [LineChange(there.remote_id, line.item_id, line.quantity, price)]


def _costs_otherwise(line: TargetLine, there: PlacedLine) -> bool:
    """By half a cent at least: a warehouse may round what it was sent."""
    if not line.quantity or line.unit_price is None or there.unit_price is None:
        return False
    return abs(line.unit_price - there.unit_price) >= LEAST_DIFFERENCE


def _boxes(placed: PlacedOrder, lines: Sequence[LineChange]) -> tuple[str, ...]:
    """Boxes that hold more of a line than it shall have."""
    by_id = {line.remote_id: line for line in placed.lines}
    short = {
        one.remote_id
        for one in lines
        if one.remote_id and one.quantity < by_id[one.remote_id].shipped + by_id[one.remote_id].packed
    }
    return tuple(box for box, contents in placed.packed.items() if short & set(contents))


def _roundings(placed: PlacedOrder, target: Target) -> tuple[Rounding, ...]:
    there = {one.label: one for one in placed.roundings}
    known = {label: there.get(label, Rounding(label)) for label in target.roundings}
    return tuple(
        replace(known[label], amount=amount)
        for label, amount in target.roundings.items()
        if known[label].amount != amount
    )


def _address(placed: PlacedOrder, target: Target) -> Address | None:
    """What staff corrected there stands, apart from the fields that are to be others."""
    wanted = replace(placed.ship_to, **target.address)
    if _words(placed.ship_to) == _words(wanted):
        return None
    if not placed.address_id or placed.address_label.strip() != target.address_label.strip():
        raise NotPossible(
            f"Order {placed.number} goes to an address there that is not the one we sent ({placed.address_label!r}), "
            "and others may use it."
        )
    return wanted


def _notes(placed: PlacedOrder, target: Target) -> str | None:
    if target.service is None:
        return None
    before, now = target.service
    there = placed.notes.splitlines()
    kept = [line for line in there if line.strip() not in ("", before, now)]
    new = [now, *kept] if now else kept
    return None if [line.strip() for line in there if line.strip()] == new else "\n".join(new)


def _words(address: Address) -> list[list[str]]:
    return [str(value).split() for value in astuple(address)]
