"""A change of the warehouse's order in our books: how it is asked for, what it aims at, what follows once it is done.

Everything here holds the order's row first.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from integrations.amendments import OrderChange, PlacedOrder
from integrations.ports import Warehouse
from inventory import catalogue
from inventory.aliases import Resolution, Resolver, Wanted
from orders import amendment, arrivals, changes, edits, parcels, pricing, warehouse_request
from orders.amendment import NotPossible, Target, TargetLine
from orders.changes import Change, Told
from orders.models import (
    Hold,
    IllegalTransition,
    Order,
    OrderLine,
    SubmittedLine,
    WarehouseChange,
    WarehouseSubmission,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

S, T, K = Order.Status, WarehouseChange.Status, Hold.Kind
OPEN = (T.PENDING, T.IN_FLIGHT, T.UNCONFIRMED)


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


# --- asked for --------------------------------------------------------------------------------------------------


@transaction.atomic
def cancel(hold: Hold, actor: User | None) -> None:
    """Do in the warehouse what the marketplace cancelled. Raises IllegalTransition when it is too late, or not now."""
    order = _locked(hold.order_id)
    if not hold.subject:
        if order.status != S.SUBMITTED:
            raise IllegalTransition(f"order {order} is {order.get_status_display().lower()}; it is not voided any more")
        _ask(order, actor, cancels_order=True)
        return
    line = order.lines.filter(number=hold.subject, is_cancelled=True).first()
    if line is None or line.quantity_shipped or line.quantity_confirmed:
        raise IllegalTransition(f"line {hold.subject} of order {order} has shipped; it is not taken out any more")
    _ask(order, actor, lines={str(line.pk): 0})


@transaction.atomic
def update(order: Order, actor: User | None) -> None:
    """Make the warehouse's order what the marketplace says now. Raises IllegalTransition as `cancel` does."""
    mine = _locked(order.pk)
    if not mine.told_now or mine.status not in (S.SUBMITTED, S.PARTLY_SHIPPED):
        raise IllegalTransition(f"order {mine} has nothing to update there: {mine.get_status_display().lower()}")
    _ask(mine, actor, told=mine.told_now)


def lower(order: Order, line: OrderLine, units: int, actor: User | None) -> None:
    """Leave only so many units of a line there. In a transaction that holds the order."""
    _ask(order, actor, lines={str(line.pk): units})


def end(order: Order, actor: User | None) -> None:
    """Cancel all of it there. In a transaction that holds the order."""
    _ask(order, actor, cancels_order=True)


def call_off_parked(order: Order) -> None:
    """What could not be done there is not to be tried again. In a transaction that holds the order."""
    WarehouseChange.objects.filter(order=order, status=T.PARKED).update(status=T.WITHDRAWN)


def _ask(
    order: Order, actor: User | None, *, cancels_order: bool = False, lines: dict[str, int] | None = None,
    told: Told | None = None,
) -> None:  # fmt: skip
    """Commit the intent; one that is open already takes it in too."""
    submission = WarehouseSubmission.objects.select_for_update().filter(order=order, status=T.ACCEPTED).first()
    if submission is None:
        raise IllegalTransition(f"order {order} is being sent right now; look again in a minute")
    known = WarehouseChange.objects.select_for_update().filter(order=order)
    row = known.exclude(status__in=(T.ACCEPTED, T.WITHDRAWN)).first()
    if row is not None and row.status == T.IN_FLIGHT:
        raise IllegalTransition(f"order {order} is being changed in {row.connection} right now; look again in a minute")
    if row is not None and row.status == T.PARKED:  # what it could not do waits with its hold
        call_off_parked(order)
        row = None
    row = row or WarehouseChange(order=order, connection=submission.connection)
    row.cancels_order = row.cancels_order or cancels_order
    row.lines = {**row.lines, **(lines or {})}
    row.told = told if told is not None else row.told
    row.actor = actor or row.actor
    row.status = T.UNCONFIRMED if row.sent_at else T.PENDING
    row.attempts, row.not_before, row.finished_at, row.created_at = 0, None, None, timezone.now()
    row.save()
    what = "to be cancelled" if row.cancels_order else "to be changed"
    order.note(f"{what} in {submission.connection}", actor=actor)


def _locked(pk: int) -> Order:
    return Order.objects.select_for_update(of=("self",)).select_related("route", "connection").get(pk=pk)


# --- aimed at ---------------------------------------------------------------------------------------------------


def plan(
    change: WarehouseChange, submission: WarehouseSubmission, warehouse: Warehouse, placed: PlacedOrder
) -> Plan:  # fmt: skip
    """Every line of ours over there, with the units that it shall have. Raises NotPossible for an unknown SKU."""
    order = change.order
    found = tuple(changes.compare(order.told, change.told)) if change.told and order.told else ()
    sent = list(submission.lines.select_related("order_line").order_by("position"))
    units = {int(pk): quantity for pk, quantity in change.lines.items()}
    swapped = {one.line for one in found if one.field in ("partner_sku", "option_sku")}
    units.update(_told_units(order, change, found, swapped))
    lines = list(_target_lines(sent, units, {line.item_id for line in placed.lines if line.shipped}))
    added, parts = _added(change, found, swapped, warehouse)
    return Plan(
        Target(
            lines=(*lines, *added), address=_address(found), service=_service(order, found),
            address_label=str(submission.request.get("address_label", "")),
        ),
        found, tuple(parts),
    )  # fmt: skip


def _target_lines(
    sent: Iterable[SubmittedLine], units: Mapping[int, int], shipped: Container[str]
) -> Iterator[TargetLine]:  # fmt: skip
    """A component that was sent as two lines, so that its price was exact, keeps the share of each.

    Only where items of it have left, or the shares are no whole units, it is lowered from the last one on.
    """
    parts: dict[tuple[int, str], list[SubmittedLine]] = {}
    for line in sent:
        parts.setdefault((line.order_line_id, line.item_id), []).append(line)
    for (order_line, item_id), lines in parts.items():
        wanted = units.get(order_line)
        quantities: Sequence[int | None] = [None] * len(lines)
        if wanted is not None:
            shares = None if item_id in shipped else _shares(lines, wanted * lines[0].units)
            quantities = shares or _from_the_last(lines, wanted * lines[0].units)
        for line, quantity in zip(lines, quantities, strict=True):
            yield TargetLine(line.pk, line.item_id, line.sku, quantity, line.remote_id, line.quantity)


def _shares(lines: Sequence[SubmittedLine], total: int) -> list[int] | None:
    """So many units over the lines as they are shared now, which keeps the sum of their prices exact."""
    now = sum(line.quantity for line in lines)
    if any(line.quantity * total % now for line in lines):
        return None
    return [line.quantity * total // now for line in lines]


def _from_the_last(lines: Sequence[SubmittedLine], total: int) -> list[int]:
    quantities = []
    for line in lines[:-1]:
        quantities.append(min(total, line.quantity))
        total -= quantities[-1]
    return [*quantities, total]


def _told_units(order: Order, change: WarehouseChange, found: Iterable[Change], swapped: set[str]) -> dict[int, int]:
    """Units to ship of lines that we have and whose number, SKU or being there has changed."""
    mine = {line.number: line for line in order.lines.all()}
    units = {}
    for number in {one.line for one in found if one.line in mine}:
        told = change.told["lines"].get(number) if change.told else None
        line = mine[number]
        if told is None or number in swapped or line.is_cancelled:
            units[line.pk] = 0
        elif any(one.field == "quantity" for one in found if one.line == number):
            units[line.pk] = _lowered(line, told)
    return units


def _lowered(line: OrderLine, told: Told) -> int:
    if told["quantity"] is not None and told["quantity"] < line.quantity_confirmed:
        raise NotPossible(f"{line.quantity_confirmed} of line {line.number} were told to the marketplace as shipped.")
    return edits.to_ship(line, told)


def _added(
    change: WarehouseChange, found: Iterable[Change], swapped: set[str], warehouse: Warehouse
) -> tuple[list[TargetLine], list[NewLine]]:
    """The components of lines that are new, or sell something else now."""
    route = change.order.route
    mine = {line.number: line for line in change.order.lines.all()}
    new = {one.line for one in found if one.field == "line" and one.after and one.line not in mine} | swapped
    told = {number: change.told["lines"][number] for number in sorted(new)} if change.told else {}
    if not told or route is None:
        return [], []
    if route.warehouse_id != change.connection_id:
        raise NotPossible(
            f"Route {route} leads to {route.warehouse} now; change the order in {change.connection} by hand."
        )
    wanted = {number: Wanted(one["partner_sku"], one["option_sku"]) for number, one in told.items()}
    resolver = Resolver(route, wanted.values())
    catalogue.learn(route.warehouse, warehouse, resolver.warehouse_skus())
    resolver = Resolver(route, wanted.values())
    lines: list[TargetLine] = []
    parts: list[NewLine] = []
    for number, one in told.items():
        resolution = resolver.resolve(wanted[number])
        if not resolution.is_known:
            raise NotPossible(f"Line {number}: {resolution.problem}")
        _add(lines, parts, number, resolution, edits.to_ship(mine.get(number), one), changes.unit_cost(one))
    return lines, parts


def _add(
    lines: list[TargetLine], parts: list[NewLine], number: str, found: Resolution, quantity: int, cost: Decimal | None
) -> None:
    shares = pricing.split(cost or Decimal(0), quantity, [part.units for part in found.components])
    for part, priced in zip(found.components, shares, strict=True):
        for number_of_units, price in priced:
            parts.append(NewLine(number, part.sku, part.units))
            lines.append(TargetLine(-len(parts), part.item_id, part.sku, number_of_units, unit_price=price))


def _address(found: Iterable[Change]) -> dict[str, str]:
    return {one.field: one.after for one in found if not one.line and one.field in changes.ADDRESS}


def _service(order: Order, found: Iterable[Change]) -> tuple[str, str] | None:
    """The note of the service before and now; the one that a person chose stands."""
    for one in found:
        if one.field == "shipping_code" and not order.working_shipping_code:
            return (
                warehouse_request.service_note(order, order.shipping_code),
                warehouse_request.service_note(order, one.after),
            )
    return None


def as_json(todo: OrderChange) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(json.dumps(asdict(todo), cls=DjangoJSONEncoder))
    return kept


# --- done, or not -----------------------------------------------------------------------------------------------


@transaction.atomic
def cancelled(change: WarehouseChange, status: str) -> None:
    """The warehouse shows it as ended."""
    order = _locked(change.order_id)
    change.finish(T.ACCEPTED)
    WarehouseSubmission.objects.filter(order=order).update(remote_status=status[:20])
    text = f"order is {status} in {change.connection}, as it was to be"
    if order.status == S.SUBMITTED:
        arrivals.close_cancelled(order, text)
    else:
        order.note(text)


@transaction.atomic
def changed(change: WarehouseChange, submission: WarehouseSubmission, plan: Plan, placed: PlacedOrder) -> None:
    """The warehouse shows it as it shall be: our books follow."""
    order = _locked(change.order_id)
    change.finish(T.ACCEPTED)
    if change.told is not None:
        edits.write(order, change.told, plan.found)
    _follow_lines(submission, plan, placed)
    if plan.new or any((line.quantity or 0) > line.sent for line in plan.target.lines):
        # Stock that was seen before now may not know what was added.
        known = WarehouseSubmission.objects.filter(pk=submission.pk, committed_at__isnull=False)
        known.update(committed_at=timezone.now())
    _close_lines(order, change)
    if change.told is not None:
        _follow_told(order, change, plan)
    else:
        order.note(f"changed in {change.connection}", actor=change.actor)
    parcels.recount(_locked(order.pk), submission)


def _follow_lines(submission: WarehouseSubmission, plan: Plan, placed: PlacedOrder) -> None:
    """The submitted lines say what is there now, under the ids that it has there."""
    found = amendment.matches(placed.lines, plan.target.lines)
    sent = submission.lines.in_bulk()
    numbers = {line.number: line for line in submission.order.lines.all()}
    position = max((line.position for line in sent.values()), default=0)
    for wanted, there in zip(plan.target.lines, found, strict=True):
        remote_id = there.remote_id if there else ""
        if wanted.key in sent:
            _follow_line(sent[wanted.key], wanted, remote_id)
            continue
        new, position = plan.new[-wanted.key - 1], position + 1
        SubmittedLine.objects.create(
            submission=submission, order_line=numbers[new.number], position=position, item_id=wanted.item_id,
            sku=new.sku, units=new.units, quantity=wanted.quantity or 0, remote_id=remote_id,
        )  # fmt: skip


def _follow_line(line: SubmittedLine, wanted: TargetLine, remote_id: str) -> None:
    """One that was taken out is none any more: a kit is complete by the components that it has now."""
    if wanted.quantity == 0:
        line.delete()
        return
    line.quantity = line.quantity if wanted.quantity is None else wanted.quantity
    line.remote_id = remote_id or line.remote_id
    line.save(update_fields=["quantity", "remote_id"])


def _close_lines(order: Order, change: WarehouseChange) -> None:
    """Lines that were cancelled are closed here, as far as nothing of them was told."""
    for line in order.lines.filter(pk__in=map(int, change.lines)):
        left = max(change.lines[str(line.pk)], line.quantity_confirmed)
        OrderLine.objects.filter(pk=line.pk).update(quantity_to_ship=min(left, line.quantity_to_ship))
        late = order.holds.filter(kind=K.CANCELLED_LATE, subject=line.number, resolved_at=None)
        late.update(resolved_at=timezone.now(), resolution=f"changed in {change.connection}"[:300])
        order.note(f"line {line.number}: {left} left in {change.connection}", actor=change.actor)


def _follow_told(order: Order, change: WarehouseChange, plan: Plan) -> None:
    later = order.told_now
    text = f"updated in {change.connection}: {changes.in_words(plan.found)}"
    edits.decided(order, change.told or {}, text, change.actor)
    if later and change.told and changes.compare(change.told, later):
        Order.objects.filter(pk=order.pk).update(told_now=later)
        edits.hold_changed(order, changes.in_words(changes.compare(change.told, later)))


def say_why_not(change: WarehouseChange, why: str) -> None:
    """The holds that it was to close say why they stay; those of an order that ended meanwhile are closed."""
    order = _locked(change.order_id)
    if order.status in edits.CLOSED:
        return
    for hold in order.holds.filter(kind=K.CANCELLED_LATE, resolved_at=None):
        if change.cancels_order or hold.subject:
            arrivals.hold_cancelled_late(order, hold.subject, why)
    if change.told is not None and order.told and order.told_now:
        edits.hold_changed(order, changes.in_words(changes.compare(order.told, change.told)), why)
