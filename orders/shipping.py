"""Parcels back: what the warehouse shipped, voided or labelled since the last look, in units of our order lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from integrations.models import Connection, SyncRun
from integrations.ports import Parcel, UnreadableParcel, Warehouse
from integrations.runs import Run
from orders import by_hand, cancelled_late, edits, parcels, settling, side_by_side, told, warehouse_status
from orders.models import Hold, Order, Shipment, WarehouseSubmission

T = WarehouseSubmission.Status
IN_DOUBT = (T.IN_FLIGHT, T.UNCONFIRMED)
# Before parcels are told, no more is read than this: where the job itself does not run, that is its alarm. It did not
# get to it yet where nobody worked since its last look: all that happened meanwhile is read then.
CAUGHT_UP = timedelta(hours=1)


def pull(run: Run) -> None:
    """Read every parcel changed since the last look and store those of our orders."""
    since, now = _since(run.connection), timezone.now()
    if since is None:
        return
    mine = WarehouseSubmission.objects.filter(connection=run.connection)
    in_doubt = mine.filter(status__in=IN_DOUBT).aggregate(at=Min("sent_at"))["at"]
    warehouse = run.warehouse()
    warehouse_status.follow(run, warehouse, since)
    run.count("parcels seen again", _read(run, run.connection, warehouse, since))
    by_hand.note_lines(run, warehouse, since)
    by_hand.look_at_all(run, warehouse)
    if not run.faults and not run.is_handed_over:
        run.window(since, min(now, in_doubt or now))


def catch_up(run: Run, connection: Connection) -> None:
    """Store what changed in this warehouse since its last look, before parcels of it are told: one call, as a rule."""
    since = _since(connection)
    if since is None or connection.is_stopped or not connection.is_active:
        return
    if not _nobody_worked_since(connection):
        since = max(since, timezone.now() - CAUGHT_UP)
    _read(run, connection, run.other_warehouse(connection), since)


def _nobody_worked_since(connection: Connection) -> bool:
    """Whether its last complete look was before a time in which nobody worked, or that this database does not know."""
    read_until = _read_until(connection)
    return connection.dark_until is not None and (read_until is None or read_until < connection.dark_until)


def _read(run: Run, connection: Connection, warehouse: Warehouse, since: datetime) -> int:
    """Store the parcels that changed since, as far as the run's turn goes; how many were no news."""
    recent = Shipment.objects.filter(connection=connection, remote_updated_at__gte=since)
    known = {one.remote_id: one.remote_updated_at for one in recent if one.remote_updated_at}
    seen_again = 0
    for parcel in warehouse.parcels(since, known):
        run.beat()
        with run.isolated(f"parcel {parcel.remote_id}"):
            if isinstance(parcel, UnreadableParcel):
                _hold_unreadable(run, connection, parcel)
            else:
                seen_again += _store(run, connection, parcel)
        if run.hands_over():
            run.note("not all parcels read; the next run goes on")
            break
    return seen_again


def _since(connection: Connection) -> datetime | None:
    """From when on changes are asked for; None while nothing was sent.

    An order that we learned of late, by looking it up, may have shipped before the last look.
    """
    sent = WarehouseSubmission.objects.filter(connection=connection, status=T.ACCEPTED)
    first = sent.aggregate(at=Min("created_at"))["at"]
    if first is None:
        return None
    read_until = _read_until(connection) or first
    late = sent.filter(finished_at__gt=read_until).aggregate(at=Min("created_at"))["at"]
    return min(read_until, late or read_until) - timedelta(minutes=connection.overlap_minutes)


def _read_until(connection: Connection) -> datetime | None:
    """The end of the last complete look: only such a one has a window. None that a clock set ahead left behind."""
    done = SyncRun.objects.filter(connection=connection, job="pull_shipments", window_until__lte=timezone.now())
    return done.order_by("-window_until").values_list("window_until", flat=True).first()


def _store(run: Run, connection: Connection, parcel: Parcel) -> bool:
    """Whether it was known as it is; one of an order that is not ours is left out."""
    submission = _submission(connection, parcel)
    if submission is None:
        return False
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=submission.order_id)
        unread = order.holds.filter(kind=Hold.Kind.UNREADABLE_PARCEL, subject=parcel.remote_id, resolved_at=None)
        unread.update(resolved_at=timezone.now())
        news = _remember(connection, order, parcel)
        if not news:
            return True
        told.hold_beyond(order, parcels.recount(order, submission))
        known = Shipment.objects.get(connection=connection, remote_id=parcel.remote_id)
        for subject in _cancelled_in(order, known if "state" in news else None):
            cancelled_late.hold(order, subject)  # what can be done about it is another thing now
        edits.follow_left(order)
        told.check(order, known, news)
    run.count("parcels")
    run.wake("confirm_shipments", order.connection_id)
    return False


def _cancelled_in(order: Order, parcel: Shipment | None) -> set[str]:
    """What to say anew of what the marketplace cancelled, by the holds' subjects; `parcel` has just got another state.

    What a person had settled is to be settled once more when it has left after that: nobody is told of it by itself.
    """
    late = order.holds.filter(kind=Hold.Kind.CANCELLED_LATE, resolved_at=None)
    said = set(late.values_list("subject", flat=True))
    if parcel is None or parcel.state != Shipment.State.SHIPPED or order.status in Order.UNWANTED:
        return said
    if order.cancel_requested_at is not None:
        Order.objects.filter(pk=order.pk).update(cancel_resolved_at=None)
        return {*said, ""}
    ours = side_by_side.short_ships(order)  # cancelled by us, which the short ship's own row tells of
    cancelled = parcel.lines.filter(order_line__is_cancelled=True).exclude(order_line__in=ours)
    return {*said, *cancelled.values_list("order_line__number", flat=True)}


def _hold_unreadable(run: Run, connection: Connection, parcel: UnreadableParcel) -> None:
    """A person is told once; what is wrong may stay wrong for ever, and must not keep the others back."""
    submission = _submission(connection, parcel)
    if submission is None:
        run.count("unreadable parcels of no order of ours")
        return
    text = (
        f"Parcel {parcel.remote_id or 'without an id'} of this order in {connection} cannot be read, so the "
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
    facts = _facts(parcel)
    known = Shipment.objects.filter(connection=connection, remote_id=parcel.remote_id).first()
    if known is not None:
        return _change(order, known, parcel, facts)
    Shipment.objects.create(
        connection=connection, remote_id=parcel.remote_id, order=order, remote_updated_at=parcel.updated_at, **facts
    )
    order.note(f"parcel {facts['tracking_number'] or parcel.remote_id}: {parcel.state.value}")
    return list(facts)


def _facts(parcel: Parcel) -> dict[str, Any]:
    return {
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


def _change(order: Order, known: Shipment, parcel: Parcel, facts: dict[str, Any]) -> list[str]:
    """Bring a known parcel up to date, unless this is older than what we have."""
    if known.remote_updated_at and parcel.updated_at and parcel.updated_at < known.remote_updated_at:
        return []
    if known.shipped_at is not None and parcel.shipped_at is None and parcel.state.value == "shipped":
        facts["shipped_at"] = known.shipped_at
    news = [name for name, value in facts.items() if getattr(known, name) != value]
    if news:
        facts["changed_at"] = timezone.now()
        order.note(f"parcel {facts['tracking_number'] or parcel.remote_id} changed: {', '.join(news)}")
    Shipment.objects.filter(pk=known.pk).update(**facts, remote_updated_at=parcel.updated_at)
    return news
