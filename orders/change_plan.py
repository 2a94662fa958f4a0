"""What a change of the warehouse's order aims at: every line of ours over there, with its units and new prices."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import zip_longest

from integrations.models import Route
from integrations.ports import Warehouse
from integrations.sent_orders import PlacedOrder
from inventory import catalogue, listings
from inventory.aliases import Resolution, Resolver, Wanted
from orders import changes, pricing, told_lines, warehouse_request
from orders.change_steps import NotPossible, Target, TargetLine
from orders.changes import SKUS, Change, Told
from orders.models import Order, OrderLine, SubmittedLine, WarehouseChange, WarehouseSubmission


@dataclass(frozen=True, slots=True)
class NewLine:
    """A component that the warehouse's order gets: for which marketplace line, and how it is made up."""

    number: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the order shall be there. Keys of the target's lines are ids of submitted lines, or negative: places in
    `new`, from -1 on."""

    target: Target
    found: tuple[Change, ...] = ()
    new: tuple[NewLine, ...] = ()


def plan(
    change: WarehouseChange, submission: WarehouseSubmission, warehouse: Warehouse, placed: PlacedOrder
) -> Plan:  # fmt: skip
    """Every line of ours over there, with the units that it shall have. Raises NotPossible for an unknown SKU."""
    sent = list(submission.lines.select_related("order_line").order_by("position"))
    news = _News(change, {line.order_line_id for line in sent})
    units = {int(pk): quantity for pk, quantity in change.lines.items()} | news.units()
    drawn = _Drawn()
    drawn.add_sent(sent, units, news.costs(), _most_shipped(placed))
    for number, resolution in _resolved(change, news.added(), warehouse):
        told = news.told[number]
        drawn.add_new(number, resolution, told_lines.to_ship(news.mine.get(number), told), changes.unit_cost(told))
    target = Target(
        lines=tuple(drawn.lines), address=news.address(), service=news.service(),
        address_label=str(submission.request.get("address_label", "")),
    )  # fmt: skip
    return Plan(target, news.found, tuple(drawn.parts))


def _most_shipped(placed: PlacedOrder) -> dict[str, Decimal]:
    """Of each item, the units that have left of the one of its lines of which most have."""
    most: dict[str, Decimal] = {}
    for line in placed.lines:
        most[line.item_id] = max(line.shipped, most.get(line.item_id, Decimal(0)))
    return most


class _News:
    """What the marketplace says otherwise now, by line. `there` are ids of order lines that are in the warehouse."""

    def __init__(self, change: WarehouseChange, there: Container[int]) -> None:
        self.order: Order = change.order
        self.found = tuple(changes.compare(self.order.told, change.told)) if change.told and self.order.told else ()
        self.told: Mapping[str, Told] = change.told["lines"] if change.told else {}
        self.mine = {line.number: line for line in self.order.lines.all()}
        self._fields = {one.line: {other.field for other in self.found if other.line == one.line} for one in self.found}
        self._opened = {one.line for one in self.found if one.opens}
        self._anew = {number for number, line in self.mine.items() if self._is_anew(number, line.pk in there)}

    def _is_anew(self, number: str, is_there: bool) -> bool:
        """Whether it sells something else now, or is wanted again after it was taken out there."""
        fields = self._fields.get(number, set())
        return not fields.isdisjoint(SKUS) or (number in self._opened and not is_there)

    def units(self) -> dict[int, int]:
        """Units to ship of lines that we have and that have changed in number, goods, cost or being there."""
        changed = [(self.mine[number], fields) for number, fields in self._fields.items() if number in self.mine]
        return {line.pk: self._units_of(line, fields) for line, fields in changed}

    def _units_of(self, line: OrderLine, fields: set[str]) -> int:
        told = self.told.get(line.number)
        if told is None or line.number in self._anew or (line.is_cancelled and line.number not in self._opened):
            return 0
        return line.quantity_to_ship if fields == {"unit_cost"} else _lowered(line, told)

    def costs(self) -> dict[int, Decimal]:
        """What lines that stay cost now, where that has changed."""
        changed = [number for number, fields in self._fields.items() if "unit_cost" in fields and number in self.mine]
        costs = {self.mine[number].pk: changes.unit_cost(self.told[number]) for number in changed}
        return {pk: cost for pk, cost in costs.items() if cost is not None}

    def added(self) -> list[str]:
        """Numbers of lines that the warehouse's order does not have in this form."""
        return sorted((self._opened - set(self.mine)) | self._anew)

    def address(self) -> dict[str, str]:
        return {one.field: one.after for one in self.found if not one.line and one.field in changes.ADDRESS}

    def service(self) -> tuple[str, str] | None:
        """The note of the service before and now; the one that a person chose stands."""
        codes = [one.after for one in self.found if one.field == "shipping_code"]
        if not codes or self.order.working_shipping_code:
            return None
        before, now = self.order.shipping_code, codes[0]
        return warehouse_request.service_note(self.order, before), warehouse_request.service_note(self.order, now)


def _lowered(line: OrderLine, told: Told) -> int:
    if told["quantity"] is not None and told["quantity"] < line.quantity_confirmed:
        raise NotPossible(f"{line.quantity_confirmed} of line {line.number} were told to the marketplace as shipped.")
    return told_lines.to_ship(line, told)


def _resolved(
    change: WarehouseChange, numbers: Sequence[str], warehouse: Warehouse
) -> Iterator[tuple[str, Resolution]]:  # fmt: skip
    """What these lines are in the warehouse; each SKU is a listing from now on, as one of an order's first lines is."""
    route = change.order.route
    if not numbers or route is None or not change.told:
        return
    if route.warehouse_id != change.connection_id:
        raise NotPossible(
            f"Route {route} leads to {route.warehouse} now; change the order in {change.connection} by hand."
        )
    told = change.told["lines"]
    wanted = {number: Wanted(told[number]["partner_sku"], told[number]["option_sku"]) for number in numbers}
    resolver = _resolver(route, list(wanted.values()), warehouse)
    for number, one in wanted.items():
        resolution = resolver.resolve(one)
        if not resolution.is_known:
            raise NotPossible(f"Line {number}: {resolution.problem}")
        listings.learn_from_line(
            route, resolution.sku, by_alias=resolution.by_alias, partner_sku=one.partner_sku,
            option_sku=one.option_sku, upc=told[number]["upc"],
        )  # fmt: skip
        yield number, resolution


def _resolver(route: Route, wanted: Sequence[Wanted], warehouse: Warehouse) -> Resolver:
    catalogue.learn(route.warehouse, warehouse, Resolver(route, wanted).warehouse_skus())
    return Resolver(route, wanted)


@dataclass
class _Drawn:
    """The target's lines so far, and how the new ones of them are made up."""

    lines: list[TargetLine] = field(default_factory=list)
    parts: list[NewLine] = field(default_factory=list)

    def add_sent(
        self, sent: Sequence[SubmittedLine], units: Mapping[int, int], costs: Mapping[int, Decimal],
        shipped: Mapping[str, Decimal],
    ) -> None:  # fmt: skip
        """The lines that are there, as they shall be: as they are, with other units, or at another cost too."""
        by_line: dict[int, dict[str, list[SubmittedLine]]] = {}
        for line in sent:
            by_line.setdefault(line.order_line_id, {}).setdefault(line.item_id, []).append(line)
        for pk, parts in by_line.items():
            wanted = units.get(pk)
            if wanted and pk in costs:
                self._reprice(list(parts.values()), wanted, costs[pk])
                continue
            for item_id, rows in parts.items():
                left = shipped.get(item_id, Decimal(0))
                for row, quantity in zip(rows, _quantities(rows, wanted, left), strict=True):
                    self._keep(row, quantity)

    def _reprice(self, parts: Sequence[Sequence[SubmittedLine]], wanted: int, cost: Decimal) -> None:
        shares = pricing.split(cost, wanted, [rows[0].units for rows in parts])
        for rows, priced in zip(parts, shares, strict=True):
            for row, share in zip_longest(rows, priced):
                quantity, price = share or (0, None)
                if row is not None:
                    self._keep(row, quantity, price)
                else:
                    first = rows[0]
                    self._add(NewLine(first.order_line.number, first.sku, first.units), first.item_id, quantity, price)

    def add_new(self, number: str, found: Resolution, quantity: int, cost: Decimal | None) -> None:
        shares = pricing.split(cost or Decimal(0), quantity, [part.units for part in found.components])
        for part, priced in zip(found.components, shares, strict=True):
            for units, price in priced:
                self._add(NewLine(number, part.sku, part.units), part.item_id, units, price)

    def _keep(self, row: SubmittedLine, quantity: int | None, price: Decimal | None = None) -> None:
        self.lines.append(
            TargetLine(row.pk, row.item_id, row.sku, quantity, row.remote_id, row.quantity, row.unit_price, price)
        )

    def _add(self, new: NewLine, item_id: str, quantity: int, price: Decimal | None) -> None:
        self.parts.append(new)
        self.lines.append(TargetLine(-len(self.parts), item_id, new.sku, quantity, unit_price=price))


def _quantities(rows: Sequence[SubmittedLine], wanted: int | None, shipped: Decimal) -> Sequence[int | None]:
    """A component that was sent as two lines, so that its price was exact, keeps the share of each.

    Only where that may be less than what left of one, or the shares are no whole units, it is lowered from the last on.
    """
    if wanted is None:
        return [None] * len(rows)
    total = wanted * rows[0].units
    shares = _shares(rows, total)
    if shares and (total >= sum(row.quantity for row in rows) or min(shares) >= shipped):
        return shares
    return _from_the_last(rows, total)


def _shares(rows: Sequence[SubmittedLine], total: int) -> list[int] | None:
    """So many units over the lines as they are shared now, which keeps the sum of their prices exact."""
    now = sum(row.quantity for row in rows)
    if any(row.quantity * total % now for row in rows):
        return None
    return [row.quantity * total // now for row in rows]


def _from_the_last(rows: Sequence[SubmittedLine], total: int) -> list[int]:
    quantities = []
    for row in rows[:-1]:
        quantities.append(min(total, row.quantity))
        total -= quantities[-1]
    return [*quantities, total]
