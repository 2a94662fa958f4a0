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


def pending(route: Route, levels: dict[str, InventoryLevel]) -> dict[str, int]:
    """Per warehouse item, the units of orders that are on their way to this route's location, from whatever route."""
    units = _unsent(route)
    units.update(_sent_since(route, levels))
    return dict(units)


def _unsent(place: Route) -> Counter[str]:
    """Orders that we hold, whatever for: they will take stock. Lines whose SKU is unknown cannot be counted."""
    units: Counter[str] = Counter()
    here = Q(route__location_id=place.location_id) | Q(route__location_id="", route__location_name=place.location_name)
    orders = Order.objects.filter(
        here, status__in=Order.UNSENT, route__warehouse=place.warehouse_id, cancel_requested_at=None
    )
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


def _sent_since(place: Route, levels: dict[str, InventoryLevel]) -> Counter[str]:
    """Sent orders accepted after their item was observed, shipped or not; an unshipped draft commits nothing.

    They count where they were sent to, even if their route leads elsewhere by now.
    """
    units: Counter[str] = Counter()
    if not levels:
        return units
    oldest = min(level.observed_at for level in levels.values())
    drafts = Q(submission__remote_status="draft", submission__order__status=S.SUBMITTED)
    sent = SubmittedLine.objects.filter(
        drafts | Q(submission__finished_at__gte=oldest),
        submission__connection=place.warehouse_id, submission__status=WarehouseSubmission.Status.ACCEPTED,
        submission__request__location_id=place.location_id,
    ).exclude(submission__order__status=S.CANCELLED)  # fmt: skip
    for line in sent.select_related("submission__order"):
        if line.item_id not in levels:
            continue
        placed = line.submission
        draft = placed.remote_status == "draft" and placed.order.status == S.SUBMITTED
        if draft or placed.finished_at is None or placed.finished_at >= levels[line.item_id].observed_at:
            units[line.item_id] += line.quantity
    return units
