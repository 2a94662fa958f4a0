"""Parcels back: what the warehouse shipped, voided or labelled since the last look, in units of our order lines."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from integrations.models import Connection, SyncRun
from integrations.ports import Parcel
from integrations.runs import Run
from orders import parcels, placed, settling
from orders.confirmation import hold_voided
from orders.models import ConfirmedLine, Hold, Order, Shipment, ShipmentConfirmation, WarehouseSubmission

T = WarehouseSubmission.Status
IN_DOUBT = (T.IN_FLIGHT, T.UNCONFIRMED)


def pull(run: Run) -> None:
    """Read every parcel changed since the last look and store those of our orders."""
    mine = WarehouseSubmission.objects.filter(connection=run.connection)
    first = mine.filter(status=T.ACCEPTED).aggregate(at=Min("created_at"))["at"]
    if first is None:
        return
    now = timezone.now()
    overlap = timedelta(minutes=run.connection.overlap_minutes)
    since = _since(mine, _read_until(run.connection) or first) - overlap
    in_doubt = mine.filter(status__in=IN_DOUBT).aggregate(at=Min("sent_at"))["at"]
    run.window(since, min(now, in_doubt or now))
    warehouse = run.warehouse()
    placed.follow(run, warehouse, since)
    for parcel in warehouse.parcels(since):
        run.beat()
        with run.isolated(f"parcel {parcel.remote_id}"):
            _store(run, parcel)


def _since(mine: QuerySet[WarehouseSubmission], read_until: datetime) -> datetime:
    """An order that we learned of late, by looking it up, may have shipped before the last look."""
    late = mine.filter(status=T.ACCEPTED, finished_at__gt=read_until).aggregate(at=Min("created_at"))["at"]
    return min(read_until, late or read_until)


def _read_until(connection: Connection) -> datetime | None:
    """The end of the last complete look."""
    done = SyncRun.objects.filter(
        connection=connection, job="pull_shipments", status=SyncRun.Status.SUCCEEDED, window_until__isnull=False
    )
    return done.order_by("-window_until").values_list("window_until", flat=True).first()


def _store(run: Run, parcel: Parcel) -> None:
    submission = WarehouseSubmission.objects.filter(
        connection=run.connection, remote_id=parcel.order_id, status=T.ACCEPTED
    ).first()
    if submission is None:
        return  # of an order that is not ours
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=submission.order_id)
        news = _remember(run.connection, order, parcel)
        if not news:
            run.count("parcels seen again")
            return
        over = parcels.recount(order, submission)
        _report(order, Shipment.objects.get(connection=run.connection, remote_id=parcel.remote_id), news, over)
    run.count("parcels")
    run.wake("confirm_shipments", order.connection_id)


def _remember(connection: Connection, order: Order, parcel: Parcel) -> list[str]:
    """Store the parcel as it is told now; the names of what is news."""
    told = {
        "state": parcel.state.value,
        "tracking_number": parcel.tracking_number.strip()[:120],
        "tracking_url": parcel.tracking_url[:500],
        "carrier": parcel.carrier.strip()[:120],
        "service": parcel.service.strip()[:120],
        "shipped_at": parcel.shipped_at or (parcel.updated_at if parcel.state.value == "shipped" else None),
        "contents": [
            {"line_id": part.line_id, "item_id": part.item_id, "quantity": str(part.quantity)}
            for part in parcel.contents
        ],
    }
    known = Shipment.objects.filter(connection=connection, remote_id=parcel.remote_id).first()
    if known is None:
        Shipment.objects.create(connection=connection, remote_id=parcel.remote_id, order=order, **told)
        order.note(f"parcel {told['tracking_number'] or parcel.remote_id}: {parcel.state.value}")
        return list(told)
    if known.shipped_at is not None and parcel.shipped_at is None and parcel.state.value == "shipped":
        told["shipped_at"] = known.shipped_at
    news = [name for name, value in told.items() if getattr(known, name) != value]
    if news:
        Shipment.objects.filter(pk=known.pk).update(**told, changed_at=timezone.now())
        order.note(f"parcel {told['tracking_number'] or parcel.remote_id} changed: {', '.join(news)}")
    return news


def _report(order: Order, parcel: Shipment, news: list[str], over: list[str]) -> None:
    """Tell people of what cannot be right: more shipped than ordered, or a parcel changed after it was confirmed."""
    for text in over:
        settling.open_hold(order, Hold.Kind.OVER_SHIPPED, parcel.remote_id, text)
    told = ConfirmedLine.objects.filter(
        shipment_line__shipment=parcel, confirmation__status=ShipmentConfirmation.Status.ACCEPTED
    )
    if not told.exists():
        return
    if parcel.state == Shipment.State.VOID:
        hold_voided(order, parcel)
    elif "contents" in news or told.exclude(tracking_number=parcel.tracking_number).exists():
        settling.open_hold(
            order, Hold.Kind.CHANGED_SHIPMENT, parcel.remote_id,
            f"Parcel {parcel.tracking_number or parcel.remote_id} was changed in the warehouse "
            f"({', '.join(news)}) after the marketplace was told of it. Tell the marketplace, then resolve this.",
        )  # fmt: skip
