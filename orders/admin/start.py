"""The start page: what waits for a person by cause, what is wrong, and the last run of each job. Few queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max
from django.http import HttpRequest
from django.urls import reverse

from integrations.admin.connections import HEALTH_COLOURS
from integrations.admin.records import RUN_COLOURS
from integrations.admin_base import ago
from integrations.models import Connection, SyncRun
from integrations.transmissions import Transmission
from integrations.wording import job_name
from inventory import listing_states, readings
from inventory.models import GuardedPublish, Publication
from orders import causes, trials
from orders.admin import labels, worklists
from orders.admin.labels import Label
from orders.alarms import alarms
from orders.models import Hold, Order, Reconciliation, UnreadableRecord

LEFT_BEHIND = "submission__is_test__exact=1&route__state__exact=live"
H, R = Connection.Health, SyncRun.Status


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are of something, and the list that shows them."""

    title: str
    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Linked:
    """A record with its state, for a row that leads to its page."""

    title: str
    label: Label
    record: Any
    url: str
    at: str = ""


def page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the start page shows to this person (unfold's DASHBOARD_CALLBACK)."""
    may = request.user.has_perm
    return {
        **context,
        "waiting": _waiting(may) if may("orders.view_order") else None,
        "unreconciled": _unreconciled() if may("orders.view_reconciliation") else None,
        "statuses": _statuses() if may("orders.view_order") else [],
        "alarms": alarms() if may("integrations.view_connection") else [],
        "connections": _connections() if may("integrations.view_connection") else [],
        "quantities": listing_states.coverage() if may("inventory.view_listing") else None,
        "listings_url": _list("inventory_listing"),
        "stock": list(readings.freshness()) if may("inventory.view_inventorylevel") else [],
        "runs": _last_runs() if may("integrations.view_syncrun") else [],
    }


def _waiting(may: Callable[[str], bool]) -> list[Tally]:
    """Causes that hold up at least one order, and what was refused; only what is there."""
    orders, found = _list("orders_order"), worklists.counts()
    others = [
        Tally("Refused by the other side", found["refused"], f"{orders}?list=refused"),
        Tally("Test orders of live routes", trials.left_behind().count(), f"{orders}?{LEFT_BEHIND}"),
        Tally("Shipped, not confirmed yet", found["unconfirmed"], f"{orders}?list=unconfirmed"),
        Tally(
            "Records that could not be read", UnreadableRecord.objects.filter(resolved_at=None).count(),
            _list("orders_unreadablerecord"),
        ),
    ]  # fmt: skip
    if may("inventory.view_publication"):
        parked = Publication.objects.filter(status=Transmission.Status.PARKED).count()
        others.append(_guarded())
        others.append(Tally("Quantities refused", parked, f"{_list('inventory_publication')}?status__exact=parked"))
    return [one for one in (*_by_cause(may), *others) if one.number]


def _by_cause(may: Callable[[str], bool]) -> Iterator[Tally]:
    if may("orders.view_hold"):
        yield Tally("To map: SKUs, shipping codes, carriers", causes.count(), reverse("admin:orders_needs_mapping"))
    holds = Hold.objects.filter(resolved_at=None).order_by("kind").values_list("kind")
    for kind, number in holds.annotate(Count("order", distinct=True)):
        yield Tally(str(Hold.Kind(kind).label), number, f"{_list('orders_order')}?held={kind}")


def _guarded() -> Tally:
    number = GuardedPublish.objects.filter(state=GuardedPublish.State.WAITING).count()
    return Tally(
        "Publishes that the guard held back", number, f"{_list('inventory_guardedpublish')}?state__exact=waiting"
    )


def _unreconciled() -> Tally | None:
    """What the last comparison of both sides found to be wrong."""
    last = Reconciliation.objects.exclude(finished_at=None).order_by("-finished_at").first()
    if last is None or not last.exceptions:
        return None
    address = reverse("admin:orders_reconciliation_change", args=[last.pk])
    return Tally(f"Exceptions when both sides were compared, {last}", last.exceptions, address)


def _statuses() -> list[tuple[Tally, str]]:
    counts = dict(Order.objects.order_by().values_list("status").annotate(Count("pk")))
    address = f"{_list('orders_order')}?status__exact="
    return [
        (Tally(str(status.label), counts[status.value], address + status.value), labels.ORDER[status])
        for status in Order.Status
        if status.value in counts
    ]


def _connections() -> list[Linked]:
    return [
        Linked(one.name, Label(HEALTH_COLOURS[H(one.health)], one.get_health_display()), one,
               reverse("admin:integrations_connection_change", args=[one.pk]))
        for one in Connection.objects.all()
    ]  # fmt: skip


def _last_runs() -> list[Linked]:
    latest = SyncRun.objects.order_by().values("connection", "job").annotate(last=Max("pk")).values("last")
    runs = SyncRun.objects.filter(pk__in=latest).select_related("connection").order_by("connection__name", "pk")
    return [
        Linked(job_name(run.job), Label(RUN_COLOURS[R(run.status)], run.get_status_display()), run,
               reverse("admin:integrations_syncrun_change", args=[run.pk]), ago(run.started_at))
        for run in runs
    ]  # fmt: skip


def _list(name: str) -> str:
    return reverse(f"admin:{name}_changelist")
