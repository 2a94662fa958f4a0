"""What a person on call must know: connections in trouble, jobs that did not run, workers that are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.urls import reverse
from django.utils import timezone

from integrations import clusters
from integrations.circuit import pause_text, standing
from integrations.dispatch import expected_plans
from integrations.models import Connection, JobPlan, Route, SyncRun
from integrations.transmissions import Transmission
from integrations.wording import counted, lasted, moment
from integrations.workers import EVERY, NEVER_SEEN, OVERDUE_INTERVALS, SILENT_AFTER, late_by
from inventory import awaited
from inventory.models import GuardedPublish, StockReading
from orders.models import OUTBOXES, Alert, AlertKind, Sent, Severity, WarehouseSubmission

# A run shows every 45 s that it lives (runs.Pulse).
LIFELESS_AFTER = timedelta(seconds=100)
# Longer than the queue allows a task; a shorter interval says nothing of how long a run may take.
LONG_RUN = timedelta(minutes=15)
WAITED_LONG = timedelta(minutes=15)
# Longer than a look-up takes; whatever is tried for the third time in vain has been in doubt for minutes too.
IN_DOUBT_LONG = timedelta(minutes=5)
IN_DOUBT_ATTEMPTS = 3
# What only the look for alerts finds, every minute.
LOOKED_FOR = (AlertKind.CREDENTIAL, AlertKind.SILENCE, AlertKind.DELIVERY)
ASK = "is `manage.py qcluster` running?"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong now. `kind` and `key` name its cause, `path` is where in the admin it is mended.

    `count` is how many records it concerns, `oldest` since when the first of them does. `example` quotes what the other
    side said of one of them, which may hold what a customer entered: it stays in the admin and on the command line.
    """

    kind: AlertKind
    key: str
    severity: Severity
    text: str
    path: str
    count: int = 1
    oldest: datetime | None = None
    example: str = ""

    @property
    def in_full(self) -> str:
        return f"{self.text}; {self.example}" if self.example else self.text


def alarms() -> list[str]:
    """What is wrong now, in words; of what is looked for, as it was found last."""
    last = Alert.objects.filter(kind__in=LOOKED_FOR, closed_at=None).order_by("opened_at")
    return [*(one.in_full for one in found(timezone.now())), *last.values_list("text", flat=True)]


def found(now: datetime) -> list[Alarm]:
    return [
        *_connections(),
        *_workers(),
        *_clusters(now),
        *_waiting(now),
        *_in_doubt(now),
        *_stock(now),
        *_guarded(),
        *_jobs(now),
    ]


def list_of(name: str, query: str = "") -> str:
    """The address of a list of the admin."""
    return reverse(f"admin:{name}_changelist") + (f"?{query}" if query else "")


def page_of(name: str, pk: int) -> str:
    """The address of a record's page in the admin."""
    return reverse(f"admin:{name}_change", args=[pk])


def waiting_to_be_sent() -> QuerySet[WarehouseSubmission]:
    """Orders that nothing holds and that could not be sent all the same; their last error says why."""
    return WarehouseSubmission.objects.filter(status=Transmission.Status.PENDING).exclude(last_error="")


def waiting_long(now: datetime) -> QuerySet[WarehouseSubmission]:
    return waiting_to_be_sent().filter(created_at__lt=now - WAITED_LONG)


def _connections() -> Iterator[Alarm]:
    unwell = (Connection.Health.STOPPED, Connection.Health.TROUBLED)
    for one in Connection.objects.filter(health__in=unwell):
        text = f"connection {one.name}: {one.get_health_display().lower()}: {one.health_message}"
        severity = Severity.CRITICAL if one.is_stopped else Severity.WARNING
        yield _of_connection(one.pk, severity, text, one.health_at)
    for outage in standing():
        text = pause_text(outage.connection, outage)
        yield _of_connection(outage.connection_id, Severity.WARNING, text, outage.since)


def _of_connection(pk: int, severity: Severity, text: str, since: datetime | None) -> Alarm:
    path = page_of("integrations_connection", pk)
    return Alarm(AlertKind.CONNECTION, str(pk), severity, text, path, oldest=since)


def _workers() -> Iterator[Alarm]:
    late = late_by()
    if late >= SILENT_AFTER:
        seen = "was seen yet" if late == NEVER_SEEN else f"has been seen for {lasted(late + EVERY)}"
        text = f"no worker {seen}; {ASK} If it is, restart it: its workers take no work."
        yield Alarm(AlertKind.WORKERS, "", Severity.CRITICAL, text, reverse("admin:index"))


def _clusters(now: datetime) -> Iterator[Alarm]:
    """What is wrong even while others do the work."""
    for one in clusters.gone(now):
        text = (
            f"a cluster ended without being told to, or its machine is gone: {one}, last seen {moment(one.seen_at)}; "
            "start `manage.py qcluster` there again, or dismiss this alert if it is not to come back"
        )
        path = list_of("orders_alert", f"kind__exact={AlertKind.WORKERS.value}")
        yield Alarm(AlertKind.WORKERS, str(one.pk), Severity.WARNING, text, path, oldest=one.seen_at)


def _waiting(now: datetime) -> Iterator[Alarm]:
    rows = waiting_long(now).order_by().values("connection", "connection__name")
    for row in rows.annotate(number=Count("pk"), first=Min("pk"), oldest=Min("created_at")):
        error = WarehouseSubmission.objects.filter(pk=row["first"]).values_list("last_error", flat=True).first()
        wait = "waits" if row["number"] == 1 else "wait"
        text = f"{counted(row['number'], 'orders')} {wait} to be sent to {row['connection__name']}"
        path = list_of("orders_warehousesubmission", f"waits=long&connection__id__exact={row['connection']}")
        yield Alarm(
            AlertKind.SENDING, str(row["connection"]), Severity.WARNING, text, path, row["number"], row["oldest"],
            f"the first one: {error}",
        )  # fmt: skip


def _in_doubt(now: datetime) -> Iterator[Alarm]:
    """What was sent without a clear answer, again and again or long ago: it may be there or not."""
    kinds = {box.carries: box.model for box in OUTBOXES}
    first_kind, *others = (_doubted(box.model, box.carries, now) for box in OUTBOXES)
    for what, connection, number, pk, oldest in first_kind.union(*others, all=True).order_by("what", "connection"):
        model = kinds[what]
        first = model._default_manager.select_related("order", "connection").filter(pk=pk).first()
        if first is None:
            continue  # a test order that was removed a moment ago
        text = (
            f"whether {first.connection} took {counted(number, what)} is not known; the first is that of "
            f"order {first.order}, looked up before it is sent again"
        )
        path = list_of(
            f"orders_{model._meta.model_name}", f"status__exact=unconfirmed&connection__id__exact={connection}"
        )
        yield Alarm(
            AlertKind.IN_DOUBT, f"{what}:{connection}", Severity.WARNING, text, path, number, oldest,
            first.last_error or "no answer came",
        )  # fmt: skip


def _doubted(model: type[Sent], what: str, now: datetime) -> QuerySet[Any, Any]:
    """By connection how many, the first of them, and since when it is in doubt."""
    long = Q(sent_at__lt=now - IN_DOUBT_LONG) | Q(attempts__gte=IN_DOUBT_ATTEMPTS)
    doubt = model._default_manager.filter(long, status=Transmission.Status.UNCONFIRMED).order_by()
    groups = doubt.annotate(what=Value(what)).values("what", "connection")
    told: QuerySet[Any, Any] = groups.annotate(number=Count("pk"), first=Min("pk"), oldest=Min("sent_at")).values_list(
        "what", "connection", "number", "first", "oldest"
    )
    return told


def _stock(now: datetime) -> Iterator[Alarm]:
    """Stock of which the last reading was not complete, or whose last complete one is older than a route allows."""
    routes = Route.objects.exclude(state=Route.State.PAUSED).filter(warehouse__is_active=True)
    known = list(routes.select_related("warehouse").order_by("-stale_after_hours", "pk"))
    allowed = {route.warehouse_id: route.stale_after_hours for route in known}
    for one in StockReading.objects.filter(connection__in=allowed).select_related("connection").order_by("pk"):
        text = ""
        if one.partial_reason:
            text = f"the last reading of the stock of {one.connection} was not complete: {one.partial_reason}"
        elif one.began_at and one.began_at < now - timedelta(hours=allowed[one.connection_id]):
            text = f"the stock of {one.connection} was last read completely at {moment(one.began_at)}"
        if text and not all(awaited.stock(route) for route in known if route.warehouse_id == one.connection_id):
            key, path = str(one.connection_id), page_of("integrations_connection", one.connection_id)
            yield Alarm(AlertKind.STOCK, key, Severity.WARNING, text, path, oldest=one.began_at)
    yield from _never_read(allowed)
    yield from _uncounted(known)


def _never_read(warehouses: Iterable[int]) -> Iterator[Alarm]:
    """Warehouses whose stock nobody got to read yet, since a run went wrong before: no quantity is published then."""
    runs = SyncRun.objects.filter(connection=OuterRef("pk"), job="pull_levels", finished_at__isnull=False)
    last = runs.order_by("-started_at").values("status")[:1]
    unread = Connection.objects.filter(pk__in=warehouses, stock_reading=None, sweep=None).annotate(last=Subquery(last))
    for one in unread.filter(last__in=(SyncRun.Status.PARTIAL, SyncRun.Status.FAILED)).order_by("pk"):
        text = f"the stock of {one} was never read; the runs of Pull levels say why"
        path = list_of("integrations_syncrun", f"job=pull_levels&connection__id__exact={one.pk}")
        yield Alarm(AlertKind.STOCK, str(one.pk), Severity.WARNING, text, path)


def _uncounted(routes: Iterable[Route]) -> Iterator[Alarm]:
    """Locations whose stock was to count and does not: it looks as if there were less."""
    for one in routes:
        names = ", ".join(map(repr, one.uncounted_names))
        if names:
            text = (
                f"route {one}: the stock of {names} is not counted, since {one.warehouse} has no such active location "
                "that holds stock, or more than one; correct the name here or there"
            )
            path = page_of("integrations_route", one.pk)
            yield Alarm(AlertKind.STOCK, f"route {one.pk}", Severity.WARNING, text, path)


def _guarded() -> Iterator[Alarm]:
    for one in GuardedPublish.objects.filter(state=GuardedPublish.State.WAITING).select_related("route").order_by("pk"):
        number = counted(one.changed, "quantities")
        text = f"route {one.route}: {number} held back until a person decides (Guarded publishes): {one.reason}"
        path = page_of("inventory_guardedpublish", one.pk)
        yield Alarm(
            AlertKind.GUARDED, str(one.route_id), Severity.WARNING, text, path, one.changed, one.found_at
        )  # fmt: skip


def _jobs(now: datetime) -> Iterator[Alarm]:
    """Jobs without a run for two intervals, and runs that do not end."""
    latest = SyncRun.objects.filter(connection=OuterRef("connection"), job=OuterRef("job")).order_by("-started_at")
    expected = expected_plans(now).select_related("connection").order_by("pk")
    plans = list(expected.annotate(latest=Subquery(latest.values("pk")[:1])))
    runs = SyncRun.objects.in_bulk([plan.latest for plan in plans if plan.latest])
    for plan in plans:
        run = runs.get(plan.latest or 0)
        is_running = run is not None and run.status == SyncRun.Status.RUNNING
        text = _stuck(run, plan, now) if run and is_running else _overdue(plan, run, now)
        if text:
            path = list_of("integrations_syncrun", f"job={plan.job}&connection__id__exact={plan.connection_id}")
            yield Alarm(AlertKind.JOB, str(plan.pk), Severity.CRITICAL, text, path)


def _stuck(run: SyncRun, plan: JobPlan, now: datetime) -> str:
    if run.heartbeat_at < now - LIFELESS_AFTER:
        return f"{plan} has shown no sign of life since {run.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC; {ASK}"
    if run.started_at < now - max(LONG_RUN, _allowed(plan)):
        return f"{plan} has been running since {run.started_at:%Y-%m-%d %H:%M} UTC; end its process ({run.owner})"
    return ""


def _overdue(plan: JobPlan, run: SyncRun | None, now: datetime) -> str:
    since = max(plan.expected_since, (run.finished_at or run.started_at) if run else plan.expected_since)
    if now - since <= _allowed(plan):
        return ""
    should = "every minute" if plan.every_minutes == 1 else f"every {plan.every_minutes} minutes"
    return f"{plan} is overdue: it should run {should} and has not since {since:%Y-%m-%d %H:%M} UTC; {ASK}"


def _allowed(plan: JobPlan) -> timedelta:
    return OVERDUE_INTERVALS * timedelta(minutes=plan.every_minutes)
