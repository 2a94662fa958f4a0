"""Units in orders that the warehouse had not counted when its stock was observed. Handed down to publishing."""

from __future__ import annotations

from collections import Counter, defaultdict

from django.db.models import Q

from integrations.models import Route
from inventory.aliases import Resolver
from inventory.models import InventoryLevel
from orders.models import Order, SubmittedLine, WarehouseSubmission
from orders.settling import open_lines, wanted

S = Order.Status


def pending(warehouse_id: int, levels: dict[str, InventoryLevel]) -> dict[str, int]:
    """Per warehouse item, the units of orders that are on their way to this warehouse."""
    units = _unsent(warehouse_id)
    units.update(_sent_since(warehouse_id, levels))
    return dict(units)


def _unsent(warehouse_id: int) -> Counter[str]:
    """Orders that we hold, whatever for: they will take stock. Lines whose SKU is unknown cannot be counted."""
    units: Counter[str] = Counter()
    orders = Order.objects.filter(status__in=Order.UNSENT, route__warehouse=warehouse_id, cancel_requested_at=None)
    by_route: dict[Route, list[Order]] = defaultdict(list)
    for order in orders.select_related("route__warehouse").prefetch_related("lines"):
        if order.route is not None:
            by_route[order.route].append(order)
    for route, group in by_route.items():
        lines = [line for order in group for line in open_lines(order)]
        resolver = Resolver(route, [wanted(line) for line in lines])
        for line in lines:
            for part in resolver.resolve(wanted(line)).components:
                units[part.item_id] += line.quantity_to_ship * part.units
    return units


def _sent_since(warehouse_id: int, levels: dict[str, InventoryLevel]) -> Counter[str]:
    """Sent orders accepted after their item was observed, shipped or not; an unshipped draft commits nothing."""
    units: Counter[str] = Counter()
    if not levels:
        return units
    oldest = min(level.observed_at for level in levels.values())
    drafts = Q(submission__remote_status="draft", submission__order__status=S.SUBMITTED)
    sent = SubmittedLine.objects.filter(
        drafts | Q(submission__finished_at__gte=oldest), item_id__in=levels,
        submission__connection=warehouse_id, submission__status=WarehouseSubmission.Status.ACCEPTED,
    ).exclude(submission__order__status=S.CANCELLED)  # fmt: skip
    for line in sent.select_related("submission__order"):
        placed = line.submission
        draft = placed.remote_status == "draft" and placed.order.status == S.SUBMITTED
        if draft or placed.finished_at is None or placed.finished_at >= levels[line.item_id].observed_at:
            units[line.item_id] += line.quantity
    return units
