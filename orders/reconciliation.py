"""Does every order of the last days have its place on both sides? Counts, and names what is missing where."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from integrations.errors import IntegrationError
from integrations.models import Connection, Route
from integrations.ports import MarketplaceOrder, Warehouse
from integrations.runs import Run
from orders.intake import active_routes
from orders.models import Order, UnreadableRecord, WarehouseSubmission
from orders.settling import match_route
from orders.windows import slices

PERIOD = timedelta(days=7)
SENT = (Order.Status.SUBMITTED, Order.Status.PARTLY_SHIPPED, Order.Status.SHIPPED, Order.Status.CONFIRMED)


def reconcile(run: Run) -> None:
    """Read both sides independently for the last seven days and compare them with what we hold."""
    routes, now = active_routes(run.connection), timezone.now()
    if not routes:
        return
    run.window(now - PERIOD, now)
    for number in _missing_here(run, routes, now - PERIOD, now):
        run.problem(f"order {number} is on {run.connection} but not here; backfill its day")
    for warehouse in {route.warehouse for route in routes}:
        try:
            _compare(run, warehouse, run.other_warehouse(warehouse), now - PERIOD)
        except IntegrationError as exc:  # the warehouse's trouble is not this marketplace's
            run.problem(f"{warehouse}: {exc}")


def _missing_here(run: Run, routes: list[Route], since: datetime, until: datetime) -> list[str]:
    market, missing = run.marketplace(), []
    read = [route.read_until for route in routes if route.read_until]
    if len(read) < len(routes):
        return []  # a route that was never pulled has nothing to compare with yet
    for start, end in slices(since, min(until, *read), recent=timedelta(hours=24), older=timedelta(hours=24)):
        run.beat()
        for told in market.orders(start, end):
            run.count("orders on the marketplace")
            known = Order.objects.filter(connection=run.connection, full_number=told.number)
            kept = UnreadableRecord.objects.filter(connection=run.connection, full_number=told.number)
            if known.exists() or kept.exists():
                continue
            if isinstance(told, MarketplaceOrder) and _expected(told, routes):
                missing.append(told.number)
    return missing


def _expected(told: MarketplaceOrder, routes: list[Route]) -> bool:
    route = match_route(told.warehouse_name, routes)
    return route is not None and told.ordered_at.date() >= route.earliest_order_date


def _compare(run: Run, connection: Connection, warehouse: Warehouse, since: datetime) -> None:
    """Against the warehouse: what we sent must be there, alive, and once."""
    receipts = list(warehouse.orders_since(since))
    run.count("orders in the warehouse", len(receipts))
    alive = Counter(receipt.full_number for receipt in receipts if receipt.status not in WarehouseSubmission.ENDED)
    there = {receipt.remote_id for receipt in receipts if receipt.status not in WarehouseSubmission.ENDED}
    accepted = WarehouseSubmission.objects.filter(
        connection=connection, status=WarehouseSubmission.Status.ACCEPTED, finished_at__gt=since, order__status__in=SENT
    ).select_related("order")
    for submission in accepted.filter(~Q(request={})):
        number = str(submission.request.get("full_number", ""))
        if submission.remote_id not in there:
            run.problem(f"order {submission.order} was sent, but {connection} no longer holds it")
        elif alive[number] > 1:
            run.problem(f"order {submission.order} is {alive[number]} times in {connection}")
