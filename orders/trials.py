"""Orders that went out while their route was in test: never sent again, and taken out of both systems when asked.

Asking is written down first; what became of a lost answer is seen by reading the warehouse's order, and one that is
gone there is gone. What the marketplace still wants then comes in again like any order, also for a route that is live.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Least
from django.utils import timezone

from integrations import registry
from integrations.dispatch import enqueue
from integrations.errors import Refused, Unavailable, Unreadable
from integrations.models import Route
from integrations.ports import Warehouse
from integrations.runs import Run
from integrations.sent_orders import PlacedOrder
from integrations.wording import counted
from orders import checklist, lookup, settling, windows
from orders.models import NOT_SENT, Backfill, Order, WarehouseSubmission

if TYPE_CHECKING:
    from django.contrib.auth.models import User

T = WarehouseSubmission.Status
# Of a run's turn.
REMOVES_FOR = 0.25
REMOVED = "test orders removed"
AROUND = timedelta(seconds=1)
LOOKED_BACK = windows.FURTHEST_BACK - timedelta(days=2)  # the next look may be tomorrow's


def of_route(route: Route) -> QuerySet[WarehouseSubmission]:
    """What went out as a test for this route and was not taken out since."""
    return WarehouseSubmission.objects.filter(order__route=route, is_test=True)


def left_behind() -> QuerySet[WarehouseSubmission]:
    """Test orders of routes that are live by now: nobody ships them, and the marketplace may still want them."""
    return WarehouseSubmission.objects.filter(is_test=True, status=T.ACCEPTED, order__route__state=Route.State.LIVE)


def taken_over(route: Route) -> int:
    """How many orders that wait unsent go out with the route: its own, and those that had none."""
    waiting = Order.objects.filter(status__in=Order.UNSENT).order_by()
    recent = waiting.filter(ordered_on__gte=route.earliest_order_date)
    routeless = recent.filter(route=None, connection=route.marketplace_id)
    names = routeless.values_list("warehouse_name").annotate(Count("pk"))
    others: int = sum(number for name, number in names if settling.match_route(name, [route]))
    return waiting.filter(route=route).count() + others


def ask_to_remove(route: Route, actor: User | None) -> str:
    """Have every test order of the route removed. A route in test is paused first: it would only send them again."""
    with transaction.atomic():
        locked = Route.objects.select_for_update().get(pk=route.pk)
        paused = locked.state == Route.State.TEST
        if paused:
            locked.state = Route.State.PAUSED
            locked.save(update_fields=["state"])  # so that its history has it
        number = of_route(route).update(removal_asked_at=timezone.now())
    checklist.note_tested(route)
    for row in of_route(route).select_related("order"):
        row.order.note("its removal as a test order was asked for", actor=actor)
    enqueue("submit_orders", route.warehouse_id)
    then = f" Route {route} is paused meanwhile." if paused else ""
    return f"{counted(number, 'test orders')} are removed from {route.warehouse} and from here within a minute.{then}"


def remove(run: Run, warehouse: Warehouse) -> bool:
    """Remove what was asked for. One whose outcome is still looked up waits for that, unless that was given up.

    Whether the next run goes on at once, since most of this one's turn is left for what is to be changed or sent.
    """
    asked = list(_asked(run))
    for place, submission in enumerate(asked):
        run.beat()
        if place and run.is_past(REMOVES_FOR):
            run.count("test orders left to remove", len(asked) - place)
            return bool(run.counts[REMOVED])  # where none can be read, they wait for the next run as it is planned
        with run.isolated(f"test order {submission.order}"):
            if not _try(run, warehouse, submission):
                break
    return False


def _asked(run: Run) -> QuerySet[WarehouseSubmission]:
    """The first that was asked for first, so that one which cannot be read does not take the turn of the others."""
    done = Q(status__in=(T.ACCEPTED, T.PARKED)) | NOT_SENT
    mine = WarehouseSubmission.objects.filter(done, connection=run.connection, is_test=True)
    waiting = mine.exclude(removal_asked_at=None).order_by("removal_asked_at", "pk")
    return waiting.select_related("order__route", "order__connection")


def _try(run: Run, warehouse: Warehouse, submission: WarehouseSubmission) -> bool:
    """Whether the warehouse can be asked for the next one."""
    try:
        _remove(run, warehouse, submission)
    except Refused as exc:
        _keep(run, submission, str(exc))
    except (Unavailable, Unreadable) as exc:
        run.problem(f"test order {submission.order} is removed later: {exc}")
        WarehouseSubmission.objects.filter(pk=submission.pk).update(removal_asked_at=timezone.now())
        return not isinstance(exc, Unavailable)
    return True


def _remove(run: Run, warehouse: Warehouse, submission: WarehouseSubmission) -> None:
    living = _living(warehouse, submission)
    if any(one.has_shipped for one in living) and not registry.is_sandbox(submission.order.connection):
        text = "it was shipped there, perhaps to the customer. Undo that there and remove it again, or skip it here"
        _keep(run, submission, text)
        return
    for placed in living:
        if not placed.has_shipped:
            warehouse.cancel_order(placed)
    _forget(submission)
    run.count(REMOVED)


def _living(warehouse: Warehouse, submission: WarehouseSubmission) -> list[PlacedOrder]:
    """What the warehouse has of it: one order; where that was never decided, whatever it became, also twice."""
    ids = [submission.remote_id] if submission.remote_id else []
    if not ids and submission.request:
        found = lookup.found(warehouse, submission)
        ids = [one.remote_id for one in found if lookup.is_ours(submission, one)]
    there = [warehouse.order(remote_id) for remote_id in ids]
    return [one for one in there if one is not None and not one.is_ended]


def _keep(run: Run, submission: WarehouseSubmission, why: str) -> None:
    WarehouseSubmission.objects.filter(pk=submission.pk).update(removal_asked_at=None)
    text = f"it cannot be removed from {submission.connection}: {why}"
    submission.order.note(text)
    run.problem(f"test order {submission.order}: {text}")


@transaction.atomic
def _forget(submission: WarehouseSubmission) -> None:
    """Delete it here, and have the time that it came in read again; or it, where that is too long ago for a look."""
    order = Order.objects.select_for_update(of=("self",)).select_related("route").get(pk=submission.order_id)
    if order.route is not None and order.marketplace_created_at is not None:
        _read_again(order, order.route, order.marketplace_created_at)
    order.confirmations.all().delete()
    order.delete()


def _read_again(order: Order, route: Route, created_at: datetime) -> None:
    since = created_at - AROUND
    if settling.too_old(order.ordered_on, route) or since < timezone.now() - LOOKED_BACK:
        Backfill.objects.create(route=route, since=since, until=created_at + AROUND, numbers=[order.full_number])
    else:
        Route.objects.filter(pk=route.pk).exclude(read_until=None).update(read_until=Least(F("read_until"), since))
