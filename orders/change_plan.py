"""What a change of the warehouse's order aims at: every line of ours over there, with its units and new prices."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import zip_longest
from math import ceil

from integrations.models import Route
from integrations.ports import Warehouse
from integrations.sent_orders import PlacedLine, PlacedOrder
from inventory import catalogue, listings
from inventory.aliases import Resolution, Resolver, Wanted
from orders import cancelled_late, change_steps, changes, pricing, side_by_side, told_lines, warehouse_request
from orders.change_steps import NotPossible, Target, TargetLine
from orders.changes import SKUS, Change, Told
from orders.models import Order, OrderLine, SubmittedLine, WarehouseChange, WarehouseSubmission

# Where what has left keeps prices that make no exact sum any more.
ROUNDING = "Rounding of line {}"


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
    firm = news.replaced() | side_by_side.short_ships(change.order).keys()
    drawn.add_sent(sent, units, news.costs(), _shipped(sent, placed), firm)
    for number, resolution in _resolved(change, news.added(), warehouse):
        told = news.told[number]
        drawn.add_new(number, resolution, told_lines.to_ship(news.mine.get(number), told), changes.unit_cost(told))
    target = Target(
        lines=tuple(drawn.lines), address=news.address(), service=news.service(),
        address_label=str(submission.request.get("address_label", "")), roundings=drawn.roundings,
    )  # fmt: skip
    return Plan(target, news.found, tuple(drawn.parts))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an update takes away there, foreseen without asking the warehouse: lines, or the order itself."""

    deleted: tuple[str, ...] = ()
    voids: bool = False

    def __str__(self) -> str:
        if self.voids:
            return "Nothing of the order is left to ship, so that updating it voids it in the warehouse."
        if not self.deleted:
            return ""
        lines = f"Line {self.deleted[0]} is" if len(self.deleted) == 1 else f"Lines {', '.join(self.deleted)} are"
        return f"{lines} deleted in the warehouse's order."


def outlook(order: Order) -> Outlook:
    """Of what waits for a decision; nothing where that cannot be done."""
    submission: WarehouseSubmission | None = getattr(order, "submission", None)
    if submission is None or not order.told_now:
        return Outlook()
    asked = next((one for one in order.warehouse_changes.all() if one.status in WarehouseChange.CLAIMABLE), None)
    change = WarehouseChange(order=order, told=order.told_now, lines=asked.lines if asked else {})
    there = {line.order_line_id for line in submission.lines.all()}
    news = _News(change, there)
    try:
        units = {int(pk): left for pk, left in change.lines.items()} | news.units()
    except NotPossible:
        return Outlook()
    new = [number for number in news.added() if told_lines.to_ship(news.mine.get(number), news.told[number])]
    out = [line for line in news.mine.values() if line.pk in there and units.get(line.pk) == 0]
    voids = bool(news.found) and not new and len(out) == len(there) and not cancelled_late.has_left(order)
    return Outlook(tuple(line.number for line in out if line.number not in new and not line.quantity_shipped), voids)


def _shipped(sent: Sequence[SubmittedLine], placed: PlacedOrder) -> dict[int, int]:
    """Units that have left, by the id of the submitted line."""
    return {row.pk: ceil(there.shipped) for row, there in as_known(sent, placed) if there is not None}


def as_known(
    sent: Sequence[SubmittedLine], placed: PlacedOrder, *, by_ids: bool = False
) -> list[tuple[SubmittedLine, PlacedLine | None]]:  # fmt: skip
    """Each of our rows with its line over there, if it has one: by what we know of it, whatever it shall be."""
    known = [
        TargetLine(row.pk, row.item_id, row.sku, None, row.remote_id, row.quantity, row.unit_price) for row in sent
    ]
    return list(zip(sent, change_steps.matches(placed.lines, known, by_ids=by_ids), strict=True))


class _News:
    """What the marketplace says otherwise now, by line. `there` are ids of order lines that are in the warehouse."""

    def __init__(self, change: WarehouseChange, there: Container[int]) -> None:
        self.order: Order = change.order
        self.found = tuple(changes.compare(self.order.told, change.told)) if change.told and self.order.told else ()
        self.told: Mapping[str, Told] = change.told["lines"] if change.told else {}
        self.mine = {line.number: line for line in self.order.lines.all()}
        self._fields = {one.line: {other.field for other in self.found if other.line == one.line} for one in self.found}
        self._opened = {one.line for one in self.found if one.opens}
        self._anew = {number for number, line in self.mine.items() if self._is_anew(line, line.pk in there)}

    def _is_anew(self, line: OrderLine, is_there: bool) -> bool:
        """Whether it sells something else now, or is wanted again after it was taken out there."""
        if not self._fields.get(line.number, set()).isdisjoint(SKUS):
            return True
        if not is_there and self._is_raised(line):
            return True
        return line.number in self._opened and (not is_there or self._came_back_as_another(line))

    def _is_raised(self, line: OrderLine) -> bool:
        """One that was taken out when its quantity became 0 has units to ship."""
        is_counted = "quantity" in self._fields.get(line.number, set()) and not line.is_cancelled
        return is_counted and told_lines.to_ship(line, self.told[line.number]) > 0

    def _came_back_as_another(self, line: OrderLine) -> bool:
        """One that vanished and was kept in the warehouse is told as a new line, whatever it sells now."""
        told = self.told[line.number]
        return self._is_told_anew(line) and any(changes.differ(getattr(line, name), told[name]) for name in SKUS)

    def _is_told_anew(self, line: OrderLine) -> bool:
        return "line" in self._fields[line.number] and line.number in self.told

    def units(self) -> dict[int, int]:
        """Units to ship of lines that we have and that have changed in number, goods, cost or being there."""
        changed = [(self.mine[number], fields) for number, fields in self._fields.items() if number in self.mine]
        return {line.pk: self._units_of(line, fields) for line, fields in changed}

    def _units_of(self, line: OrderLine, fields: set[str]) -> int:
        told = self.told.get(line.number)
        if told is None or line.number in self._anew or (line.is_cancelled and line.number not in self._opened):
            return 0
        return line.quantity_to_ship if fields == {"unit_cost"} else told_lines.to_ship(line, told)

    def costs(self) -> dict[int, Decimal]:
        """What lines that stay cost now, where that has changed, or they were not told for a time."""
        changed = [number for number in self._fields if number in self.mine and self._costs_otherwise(number)]
        costs = {self.mine[number].pk: changes.unit_cost(self.told[number]) for number in changed}
        return {pk: cost for pk, cost in costs.items() if cost is not None}

    def _costs_otherwise(self, number: str) -> bool:
        line = self.mine[number]
        if self._is_told_anew(line):
            return changes.unit_cost(self.told[number]) != line.unit_cost
        return "unit_cost" in self._fields[number]

    def added(self) -> list[str]:
        """Numbers of lines that the warehouse's order does not have in this form."""
        return sorted((self._opened - set(self.mine)) | self._anew)

    def replaced(self) -> set[int]:
        """Ids of lines whose goods are others now: what has left of the old ones makes no part of the new."""
        return {self.mine[number].pk for number in self._anew}

    def address(self) -> dict[str, str]:
        return {one.field: one.after for one in self.found if not one.line and one.field in changes.ADDRESS}

    def service(self) -> tuple[str, str] | None:
        """The note of the service before and now; the one that a person chose stands."""
        codes = [one.after for one in self.found if one.field == "shipping_code"]
        if not codes or self.order.working_shipping_code:
            return None
        before, now = self.order.shipping_code, codes[0]
        return warehouse_request.service_note(self.order, before), warehouse_request.service_note(self.order, now)


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
    roundings: dict[str, Decimal] = field(default_factory=dict)

    def add_sent(
        self, sent: Sequence[SubmittedLine], units: Mapping[int, int], costs: Mapping[int, Decimal],
        shipped: Mapping[int, int], firm: Container[int],
    ) -> None:  # fmt: skip
        """The lines that are there, as they shall be: as they are, with other units, or at another cost too.

        What has left and makes no whole unit stays beside at its price, which a person settles; but for `firm` ones,
        of which nothing may have left.
        """
        by_line: dict[int, dict[str, list[SubmittedLine]]] = {}
        for line in sent:
            by_line.setdefault(line.order_line_id, {}).setdefault(line.item_id, []).append(line)
        for pk, parts in by_line.items():
            wanted, first = units.get(pk), len(self.lines)
            stays = pk not in firm and _whole(parts.values(), shipped) <= (wanted or 0)
            if wanted and pk in costs:
                self._reprice(list(parts.values()), wanted, costs[pk])
            else:
                for rows in parts.values():
                    self._lay(rows, _shared(rows, wanted, shipped, stays=stays))
            if wanted is not None and not _are_beyond(parts.values(), wanted, shipped):
                mine = next(iter(parts.values()))[0].order_line
                self._round(mine, (costs.get(pk, mine.unit_cost) or Decimal(0)) * wanted, self.lines[first:])

    def _round(self, line: OrderLine, cost: Decimal, laid: Sequence[TargetLine]) -> None:
        """To the cent: a warehouse may keep an amount no finer."""
        prices = [one.sent_price if one.unit_price is None else one.unit_price for one in laid]
        sums = [(one.quantity or 0) * price for one, price in zip(laid, prices, strict=True) if price is not None]
        if len(sums) == len(laid):  # else a price is not known
            self.roundings[ROUNDING.format(line.number)] = round(cost - sum(sums), 2)

    def _reprice(self, parts: Sequence[Sequence[SubmittedLine]], wanted: int, cost: Decimal) -> None:
        shares = pricing.split(cost, wanted, [rows[0].units for rows in parts])
        for rows, priced in zip(parts, shares, strict=True):
            self._lay(rows, priced)

    def _lay(self, rows: Sequence[SubmittedLine], shares: Sequence[tuple[int | None, Decimal | None]]) -> None:
        """The shares on the lines that are there, and on new ones; what is left over of those is taken out."""
        for row, share in zip_longest(rows, shares):
            quantity, price = share or (0, None)
            if row is not None:
                self._keep(row, quantity, price)
            else:
                first = rows[0]
                self._add(NewLine(first.order_line.number, first.sku, first.units), first.item_id, quantity or 0, price)

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


def _shared(
    rows: Sequence[SubmittedLine], wanted: int | None, shipped: Mapping[int, int], *, stays: bool
) -> list[tuple[int | None, Decimal | None]]:
    """Units, and a price where it is another one, of each of a component's lines, and of more that are to come.

    One that was sent as two lines, so that its price was exact, keeps the share of each. Only where more than that has
    left of one, or the shares make no exact sum, the rest is priced anew.
    """
    if wanted is None:
        return [(None, None)] * len(rows)
    total, cost = wanted * rows[0].units, (rows[0].order_line.unit_cost or Decimal(0)) * wanted
    left = [(shipped.get(row.pk, 0), row.unit_price or Decimal(0)) for row in rows]
    too_many = sum(number for number, _ in left) - total
    if too_many > 0:  # which is refused, with what has left, where whole units are too many
        return [(number if stays else max(number - too_many, 0), None) for number, _ in left]
    shares = _shares(rows, total)
    if shares and _fit(shares, left, cost):
        # One that was taken out of a kit comes back at its price.
        return [(share, None if row.quantity else row.unit_price) for row, share in zip(rows, shares, strict=True)]
    return list(pricing.rest(cost, total, left))


def _whole(parts: Iterable[Sequence[SubmittedLine]], shipped: Mapping[int, int]) -> int:
    """Units of a line that have left with all of their components."""
    return min(sum(shipped.get(row.pk, 0) for row in rows) // rows[0].units for rows in parts)


def _are_beyond(parts: Iterable[Sequence[SubmittedLine]], wanted: int, shipped: Mapping[int, int]) -> bool:
    """Whether more of a component has left than so many units take."""
    return any(sum(shipped.get(row.pk, 0) for row in rows) > wanted * rows[0].units for rows in parts)


def _fit(shares: Sequence[int], left: Sequence[pricing.Priced], cost: Decimal) -> bool:
    """Whether each is no less than has left, and the sum is exact: of a kit's components all but one are free."""
    if any(share < number for share, (number, _) in zip(shares, left, strict=True)):
        return False
    return sum(share * price for share, (_, price) in zip(shares, left, strict=True)) in (0, cost)


def _shares(rows: Sequence[SubmittedLine], total: int) -> list[int] | None:
    """So many units over the lines as they are shared now, which keeps the sum of their prices exact."""
    now = sum(row.quantity for row in rows)
    if not now and len(rows) == 1 and rows[0].unit_price is not None:
        return [total]
    if not now or any(row.quantity * total % now for row in rows):
        return None
    return [row.quantity * total // now for row in rows]
