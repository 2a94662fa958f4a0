"""What the warehouse's order consists of, line by line: as it was sent, or as a lost database had sent it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import floor

from django.db import transaction
from django.utils import timezone

from integrations.models import Connection
from integrations.ports import Warehouse
from integrations.sent_orders import PlacedOrder, Receipt
from orders import settling, warehouse_request
from orders.models import Order, OrderLine, SubmittedLine, WarehouseSubmission
from orders.settling import Plan


def write(submission: WarehouseSubmission, plan: Plan) -> None:
    submission.lines.all().delete()
    SubmittedLine.objects.bulk_create(
        SubmittedLine(
            submission=submission, order_line=part.line, position=position, item_id=part.component.item_id,
            sku=part.component.sku, units=part.component.units, quantity=part.quantity, unit_price=part.unit_price,
        )
        for position, part in enumerate(warehouse_request.parts(plan), start=1)
    )  # fmt: skip


def note_ids(submission: WarehouseSubmission, receipt: Receipt) -> None:
    """The ids that the lines have there, by the order in which they were sent."""
    lines = list(submission.lines.order_by("position"))
    if len(lines) != len(receipt.line_ids):
        return  # parcels are matched by item then
    for line, remote_id in zip(lines, receipt.line_ids, strict=True):
        line.remote_id = remote_id
    SubmittedLine.objects.bulk_update(lines, ["remote_id"])


def take_whole(submission: WarehouseSubmission, warehouse: Warehouse, found: Receipt) -> None:
    """Where a found order holds all of lines of which some counts as shipped without us, and that has left from it.

    Its parcels account for what the marketplace was told, and the rest of them is told.
    """
    shipped = submission.order.lines.filter(is_cancelled=False).exclude(shipped_before=0)
    placed = warehouse.order(found.remote_id) if shipped.exists() else None
    if placed is not None:
        _follow(submission, placed)


@transaction.atomic
def _follow(submission: WarehouseSubmission, placed: PlacedOrder) -> None:
    Order.objects.select_for_update().get(pk=submission.order_id)
    for is_wanted in (_has_shipped, _has_shipped_in_part):
        order = settling.loaded(Order.objects.filter(pk=submission.order_id)).get()
        lines = [line for line in order.lines.all() if is_wanted(line)]
        gone = {line.pk: line.quantity or 0 if line.shipped_before is None else line.shipped_before for line in lines}
        for line in lines:
            line.quantity_to_ship, line.shipped_before = line.quantity or 0, 0
        plan = settling.plan([order], None)[order.pk]
        if lines and not plan.reasons and _is_made_of(placed, plan, gone):
            _take(submission, order, lines, plan)
            return


def _has_shipped(line: OrderLine) -> bool:
    return line.shipped_before != 0 and bool(line.quantity) and not line.is_cancelled


def _has_shipped_in_part(line: OrderLine) -> bool:
    return line.shipped_before is not None and _has_shipped(line)


def _is_made_of(placed: PlacedOrder, plan: Plan, gone: Mapping[int, int]) -> bool:
    """Whether it holds all that lines of which so much is gone consist of, and no more, and as much has left there."""
    wanted, left = Counter[str](), Counter[str]()
    for line, found in plan.lines:
        for part in found.components:
            wanted[part.item_id] += line.quantity_to_ship * part.units
            left[part.item_id] += gone.get(line.pk, 0) * part.units
    there: dict[str, Decimal] = defaultdict(Decimal)
    for held in placed.lines:
        there[held.item_id] += held.quantity
        left[held.item_id] -= floor(held.shipped)
    of_lines = {part.item_id for line, found in plan.lines if line.pk in gone for part in found.components}
    return all(there[item] == wanted[item] and left[item] <= 0 for item in of_lines)


def _take(submission: WarehouseSubmission, order: Order, lines: Sequence[OrderLine], plan: Plan) -> None:
    OrderLine.objects.bulk_update(lines, ["quantity_to_ship", "shipped_before"])
    write(submission, plan)
    submission.note(request={**submission.request, "lines": warehouse_request.lines_as_json(plan)})
    order.note(f"all of line {', '.join(line.number for line in lines)} ships from the order that was found")
    # A database that was begun anew does not know that it has a past: what it tells now is looked up first, too.
    Connection.objects.filter(pk=order.connection_id, dark_until=None).update(dark_until=timezone.now())
