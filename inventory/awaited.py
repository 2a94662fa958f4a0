"""A route that was just switched on publishes nothing before the stock was read, which switching it on asked for.

Until then nothing is wrong: figures from before its pause, or from a reading that had begun before, would be published,
or held back for a person, a few minutes before the right ones are there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from integrations.models import Route, SyncRun
from integrations.wording import moment
from inventory import readings
from inventory.models import StockReading, WarehouseItem

R = SyncRun.Status
LONGEST = timedelta(hours=1)  # then the guard judges what there is, so that no route waits for ever


def stock(route: Route) -> str:
    """What a route waits for, in words; empty if it does not."""
    since = switched_on_at(route)
    if since is None or since < timezone.now() - LONGEST or _was_tried(route, since):
        return ""
    return (
        f"the stock of {route.warehouse} is read anew, since route {route} was switched on at {moment(since)}; its "
        "quantities are published as soon as that has ended"
    )


def switched_on_at(route: Route) -> datetime | None:
    """When it last left its pause; None while it is paused, and where its history does not go back so far."""
    states = route.history.order_by("-history_id")
    paused = states.filter(state=Route.State.PAUSED).values_list("history_id", flat=True).first()
    if paused is None or route.state == Route.State.PAUSED:
        return None
    at: datetime | None = states.filter(history_id__gt=paused).values_list("history_date", flat=True).last()
    return at


def _was_tried(route: Route, since: datetime) -> bool:
    """Whether a reading has ended that began since then, well or not. One that the call limit broke off goes on."""
    mine = StockReading.objects.filter(connection=route.warehouse_id)
    if mine.filter(began_at__gte=since).exists():
        return True
    if readings.under_way_since(route.warehouse_id) is not None:
        return False
    runs = SyncRun.objects.filter(connection=route.warehouse_id, job="pull_levels", started_at__gte=since)
    is_known = WarehouseItem.objects.filter(connection=route.warehouse_id, matches=1).exists()
    in_vain = (R.FAILED,) if is_known else (R.FAILED, R.SUCCEEDED, R.PARTIAL)  # of no item there is any stock to read
    return mine.filter(partial_at__gte=since).exists() or runs.filter(status__in=in_vain).exists()
