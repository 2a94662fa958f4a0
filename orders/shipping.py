"""Parcels back: what the warehouse shipped, voided or labelled since the last look, in units of our order lines."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from integrations.models import Connection, SyncRun
from integrations.ports import Parcel, UnreadableParcel, Warehouse
from integrations.runs import Run
from orders import parcels, placed, settling
from orders.confirmation import hold_changed, hold_voided
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
    warehouse = run.warehouse()
    placed.follow(run, warehouse, since)
    _read(run, warehouse, since)
    if not run.faults:
        run.window(since, min(now, in_doubt or now))


def _read(run: Run, warehouse: Warehouse, since: datetime) -> None:
    """Store every parcel that changed since."""
    recent = Shipment.objects.filter(connection=run.connection, remote_updated_at__gte=since)
    known = {one.remote_id: one.remote_updated_at for one in recent if one.remote_updated_at}
    for parcel in warehouse.parcels(since, known):
        run.beat()
        with run.isolated(f"parcel {parcel.remote_id}"):
            _store(run, parcel) if isinstance(parcel, Parcel) else _hold_unreadable(run, parcel)


def _since(mine: QuerySet[WarehouseSubmission], read_until: datetime) -> datetime:
    """An order that we learned of late, by looking it up, may have shipped before the last look."""
    late = mine.filter(status=T.ACCEPTED, finished_at__gt=read_until).aggregate(at=Min("created_at"))["at"]
    return min(read_until, late or read_until)


def _read_until(connection: Connection) -> datetime | None:
    """The end of the last complete look: only such a one has a window. None that a clock set ahead left behind."""
    done = SyncRun.objects.filter(connection=connection, job="pull_shipments", window_until__lte=timezone.now())
    return done.order_by("-window_until").values_list("window_until", flat=True).first()


def _store(run: Run, parcel: Parcel) -> None:
    submission = _submission(run.connection, parcel)
    if submission is None:
        return  # of an order that is not ours
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=submission.order_id)
        unread = order.holds.filter(kind=Hold.Kind.UNREADABLE_PARCEL, subject=parcel.remote_id, resolved_at=None)
        unread.update(resolved_at=timezone.now())
        news = _remember(run.connection, order, parcel)
        if not news:
            run.count("parcels seen again")
            return
        over = parcels.recount(order, submission)
        _report(order, Shipment.objects.get(connection=run.connection, remote_id=parcel.remote_id), news, over)
    run.count("parcels")
    run.wake("confirm_shipments", order.connection_id)


def _hold_unreadable(run: Run, parcel: UnreadableParcel) -> None:
    """A person is told once; what is wrong may stay wrong for ever, and must not keep the others back."""
    submission = _submission(run.connection, parcel)
    if submission is None:
        run.count("unreadable parcels of no order of ours")
        return
    text = (
        f"Parcel {parcel.remote_id or 'without an id'} of this order in {run.connection} cannot be read, so the "
        f"marketplace is not told of it: {parcel.reason}. Correct the parcel there; it is then read again."
    )
    if settling.open_hold(submission.order, Hold.Kind.UNREADABLE_PARCEL, parcel.remote_id, text):
        submission.order.note(f"unreadable parcel {parcel.remote_id}: {parcel.reason}"[:500])
        run.problem(f"order {submission.order}: {text}")


def _submission(connection: Connection, parcel: Parcel | UnreadableParcel) -> WarehouseSubmission | None:
    ours = WarehouseSubmission.objects.filter(connection=connection, remote_id=parcel.order_id, status=T.ACCEPTED)
    return ours.exclude(remote_id="").select_related("order").first()


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
        Shipment.objects.create(
            connection=connection, remote_id=parcel.remote_id, order=order, remote_updated_at=parcel.updated_at, **told
        )
        order.note(f"parcel {told['tracking_number'] or parcel.remote_id}: {parcel.state.value}")
        return list(told)
    if known.remote_updated_at and parcel.updated_at and parcel.updated_at < known.remote_updated_at:
        return []  # older news
    if known.shipped_at is not None and parcel.shipped_at is None and parcel.state.value == "shipped":
        told["shipped_at"] = known.shipped_at
    news = [name for name, value in told.items() if getattr(known, name) != value]
    if news:
        told["changed_at"] = timezone.now()
        order.note(f"parcel {told['tracking_number'] or parcel.remote_id} changed: {', '.join(news)}")
    Shipment.objects.filter(pk=known.pk).update(**told, remote_updated_at=parcel.updated_at)
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
        hold_changed(order, parcel, ", ".join(news).replace("_", " "))
