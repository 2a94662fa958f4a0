"""Everything known about one order, and how the whole is doing, as plain values for the command line."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from integrations import workers
from integrations.clusters import Cluster
from integrations.models import Connection, JobPlan, SyncRun
from integrations.transmissions import Transmission
from inventory import readings
from inventory.models import GuardedPublish, Listing, Publication
from orders import alarms, causes, edits, trials
from orders.models import (
    Hold,
    Order,
    ReconciledOrder,
    Reconciliation,
    Shipment,
    ShipmentConfirmation,
    ShortShip,
    UnreadableRecord,
    WarehouseChange,
    WarehouseSubmission,
)
from orders.reconciliation import findings

LINE = (
    "number", "partner_sku", "option_sku", "title", "quantity", "quantity_to_ship", "quantity_shipped",
    "quantity_confirmed", "is_cancelled", "unit_cost", "currency",
)  # fmt: skip
SENT = ("status", "attempts", "finished_at", "last_error")
CHANGE = ("cancels_order", "lines", *SENT, "actor__username")
SHORT_SHIP = (
    "order_line__number", "quantity", "reason_code", "status", "finished_at", "last_error", "actor__username",
)  # fmt: skip


def find_orders(number: str) -> QuerySet[Order]:
    return Order.objects.filter(Q(full_number=number) | Q(short_reference=number)).select_related("route", "connection")


def order_report(order: Order) -> dict[str, Any]:
    """One order with lines, holds, the warehouse's order, shipments, confirmations and events."""
    return {
        **_own_facts(order),
        "holds": list(order.holds.filter(resolved_at=None).values("kind", "subject", "message", "opened_at")),
        "lines": list(order.lines.values(*LINE)),
        "warehouse_order": _warehouse_order(WarehouseSubmission.objects.filter(order=order).first()),
        "changes": [{"what": one.what, "before": one.before, "after": one.after} for one in edits.found_in(order)],
        "warehouse_changes": list(order.warehouse_changes.order_by("pk").values(*CHANGE)),
        "short_ships": list(order.short_ships.order_by("pk").values(*SHORT_SHIP)),
        "shipments": [_shipment(shipment) for shipment in order.shipments.all()],
        "confirmations": list(order.confirmations.order_by("pk").values(*SENT)),
        "events": [
            {"at": event.at, "status": event.new_status, "text": event.text} for event in order.events.order_by("pk")
        ],
    }


def _own_facts(order: Order) -> dict[str, Any]:
    return {
        "full_number": order.full_number,
        "short_reference": order.short_reference,
        "sales_channel": order.sales_channel,
        "status": order.status,
        "skip_reason": order.skip_reason,
        "route": order.route.name if order.route else None,
        "warehouse_name": order.warehouse_name,
        "marketplace_status": order.marketplace_status,
        "ordered_at": order.ordered_at,
        "cancel_requested_at": order.cancel_requested_at,
        "redacted_at": order.redacted_at,
    }


def unreadable_report(record: UnreadableRecord) -> dict[str, Any]:
    """An order that could not be read, with the same keys."""
    return {
        "full_number": record.full_number,
        "short_reference": None,
        "status": "unreadable",
        "holds": [{"kind": "unreadable", "subject": record.full_number, "message": record.reason}],
        "lines": [],
        "warehouse_order": None,
        "shipments": [],
        "events": [{"at": record.first_seen_at, "status": "unreadable", "text": record.reason}],
        "raw": record.raw,
    }


def status_report() -> dict[str, Any]:
    """Orders by status, worklists, the last run of each job, stock, reconciliation, connections, workers, alarms."""
    late = workers.late_by()
    statuses = dict(Order.objects.values_list("status").annotate(Count("pk")).order_by())
    return {
        "orders": {status: statuses.get(status, 0) for status in Order.Status.values},
        "worklists": _worklists(),
        "runs": _last_runs(),
        "stock": _stock(),
        "reconciliation": _last_reconciliations(),
        "connections": {
            one.name: {"provider": one.provider, "health": one.health, "message": one.health_message}
            for one in Connection.objects.all()
        },
        "workers": {
            "running": workers.are_seen(),
            "late_by_seconds": max(int(late.total_seconds()), 0),
            "clusters": _clusters(),
        },
        "alarms": alarms.alarms(),
    }


def _clusters() -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {"name": str(one), "started_at": one.started_at, "seen_at": one.seen_at, "gone": one.is_gone(now)}
        for one in Cluster.objects.order_by("name")
    ]


def _worklists() -> dict[str, int]:
    holds = dict(Hold.objects.filter(resolved_at=None).values_list("kind").annotate(Count("pk")).order_by())
    rows: dict[str, type[Transmission]] = {
        "submissions": WarehouseSubmission, "confirmations": ShipmentConfirmation, "publications": Publication,
        "warehouse_changes": WarehouseChange, "short_ships": ShortShip,
    }  # fmt: skip
    sent = {
        f"{name}_{status}": model._default_manager.filter(status=status).count()
        for name, model in rows.items()
        for status in (Transmission.Status.PARKED.value, Transmission.Status.UNCONFIRMED.value)
    }
    unresolved = Listing.objects.filter(is_active=True).exclude(problem="").count()
    return {
        **holds,
        **sent,
        "needs_mapping": causes.count(),
        "unresolved_listings": unresolved,
        "guarded_publishes": GuardedPublish.objects.filter(state=GuardedPublish.State.WAITING).count(),
        "test_orders": trials.left_behind().count(),
        "submissions_waiting": alarms.waiting_to_be_sent().count(),
        "shipped_without_tracking": _without_tracking(),
        "found_by_reconciliation": findings.found().count(),
        "unreadable": UnreadableRecord.objects.filter(resolved_at=None).count(),
    }


def _without_tracking() -> int:
    """Parcels that left and cannot be told of: the marketplace pays on their tracking number."""
    shipped = Shipment.objects.filter(state=Shipment.State.SHIPPED, tracking_number="", lines__confirmed=None)
    return shipped.filter(lines__order_line__is_cancelled=False).distinct().count()


def _last_runs() -> dict[str, Any]:
    runs: dict[str, Any] = {}
    for plan in JobPlan.objects.select_related("connection").order_by("pk"):
        run = SyncRun.objects.filter(connection=plan.connection, job=plan.job).first()
        if run is None:
            continue
        runs[f"{run.job} {plan.connection.name}"] = {
            "status": run.status,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "summary": run.summary,
        }
    return runs


def _stock() -> dict[str, Any]:
    """By warehouse, its last complete reading, what a later one lacked, and the age of the oldest figure in use."""
    return {
        one.connection.name: {
            "complete_began_at": one.reading.began_at if one.reading else None,
            "complete_ended_at": one.reading.ended_at if one.reading else None,
            "items": one.reading.items if one.reading else 0,
            "partial_at": one.reading.partial_at if one.reading else None,
            "partial_reason": one.reading.partial_reason if one.reading else "",
            "oldest_figure_at": one.oldest_figure_at,
            "oldest_figure_seconds": one.oldest_figure_seconds,
            "stale_items": one.stale_items,
        }
        for one in readings.freshness()
    }


def _last_reconciliations() -> dict[str, Any]:
    """By marketplace, its last finished report: when, of which period, and what should not be, by bucket."""
    reports = Reconciliation.objects.exclude(finished_at=None).select_related("connection").order_by("finished_at")
    return {
        one.connection.name: {
            "finished_at": one.finished_at,
            "since": one.since,
            "until": one.until,
            "is_complete": one.is_complete,
            "exceptions": one.exceptions,
            "buckets": {bucket.value: one.counts.get(bucket.value, 0) for bucket in ReconciledOrder.EXCEPTIONS},
        }
        for one in reports
    }


def _warehouse_order(submission: WarehouseSubmission | None) -> dict[str, Any] | None:
    if submission is None:
        return None
    return {
        "remote_id": submission.remote_id or None,
        "status": submission.remote_status or submission.status,
        "sending": submission.status,
        "number": submission.remote_number,
        "attempts": submission.attempts,
        "last_error": submission.last_error,
    }


def _shipment(shipment: Any) -> dict[str, Any]:
    return {
        "remote_id": shipment.remote_id,
        "state": shipment.state,
        "tracking_number": shipment.tracking_number,
        "carrier": shipment.carrier,
        "service": shipment.service,
        "shipped_at": shipment.shipped_at,
        "lines": [
            {"line": row.order_line.number, "quantity": row.quantity, "confirmed": hasattr(row, "confirmed")}
            for row in shipment.lines.select_related("order_line")
        ],
    }
