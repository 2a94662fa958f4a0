"""When each job of each connection runs: a plan per job, moved on by compare-and-set, and a task for what is due.

At most one task of a plan waits for a worker, and one that a later run has made needless ends at once: however long
nobody worked, each job then runs once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.tasks import async_task

from integrations import circuit, shutdown
from integrations.models import Connection, Exchange, JobPlan, Route, SyncRun
from integrations.runs import Outcome, reap
from integrations.transmissions import Transmission, transmission_models

logger = logging.getLogger(__name__)

KEPT = timedelta(days=30)
WRONG_KEPT = timedelta(days=90)
# A task may get lost with the worker that took it; then the next one is queued after two intervals, or this.
LOST_AFTER = timedelta(minutes=5)
# A job that is hastened again and again runs so often at most: each run costs calls.
HASTENED_EVERY = timedelta(seconds=10)
FURTHEST_PUT_OFF = timedelta(hours=2)  # a Retry-After is kept for an hour at most


def dispatch() -> int:
    """Enqueue what is due. Run by the queue's one schedule, every minute; returns how many jobs that were."""
    reap()
    _call_each(settings.CARETAKERS)
    now = timezone.now()
    if now.minute == 0:
        forget_old(now)
    for connection in Connection.objects.filter(is_active=True):
        ensure_plans(connection)
    able = expected_plans(now)
    JobPlan.objects.exclude(pk__in=able.values("pk")).update(expected_since=now)
    due = [plan for plan in able.order_by("pk") if _is_due(plan, now)]
    busy = set(SyncRun.objects.filter(status=SyncRun.Status.RUNNING).values_list("connection", "job"))
    taken = [plan for plan in due if (plan.connection_id, plan.job) not in busy and _take(plan, now)]
    for plan in taken:
        enqueue(plan.job, plan.connection_id)
    return len(taken)


def _call_each(paths: Iterable[str]) -> None:
    """What one of them comes upon keeps neither the others nor the jobs from their turn."""
    for path in paths:
        try:
            import_string(path)()
        except Exception:
            logger.exception("%s", path)


def _is_due(plan: JobPlan, now: datetime) -> bool:
    """Its time has come; or lies so far ahead that only a clock which was set ahead can have written it."""
    furthest = now + timedelta(minutes=plan.every_minutes) + FURTHEST_PUT_OFF
    return plan.next_run_at <= now or plan.next_run_at > furthest


def expected_plans(now: datetime) -> QuerySet[JobPlan]:
    """The plans that should run: switched on, of a connection that is not switched off, stopped or paused."""
    plans = JobPlan.objects.filter(is_enabled=True, connection__is_active=True)
    plans = plans.exclude(connection__health=Connection.Health.STOPPED)
    return plans.exclude(connection__in=circuit.paused(now).values("connection"))


def forget_old(now: datetime) -> None:
    """Requests and uneventful runs are kept for a month, other runs for three; what was sent, and histories, as their
    kind says. Requests and runs, which quote customers, never for longer than personal data."""
    Exchange.objects.filter(at__lt=now - at_most(KEPT)).delete()
    _old_runs(now).delete()
    for model in transmission_models():
        kept_for = getattr(model, "KEPT_FOR", None)
        if kept_for is not None:
            model._default_manager.filter(status__in=Transmission.OVER, finished_at__lt=now - kept_for).delete()
    for tracked in apps.get_models():
        kept_for = getattr(tracked, "HISTORY_KEPT_FOR", None)
        if kept_for is not None:
            _old_states(tracked, now - kept_for).delete()
    _call_each(settings.FORGETTERS)


def at_most(usual: timedelta) -> timedelta:
    """How long to keep what may quote customers and is usually kept for so long."""
    days: int = settings.PERSONAL_DATA_DAYS
    return min(usual, timedelta(days=days)) if days else usual


def _old_states(model: Any, limit: datetime) -> QuerySet[Any]:
    """What its records were that were something else already at that time."""
    states: QuerySet[Any] = model.history.model._default_manager.filter(history_date__lt=limit)
    return states.filter(Exists(states.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))))


def _old_runs(now: datetime) -> QuerySet[SyncRun]:
    """All but the newest of each job, which says how that stands however long ago it was."""
    uneventful = Q(status=SyncRun.Status.SUCCEEDED, started_at__lt=now - at_most(KEPT))
    old = SyncRun.objects.filter(uneventful | Q(started_at__lt=now - at_most(WRONG_KEPT)))
    same_job = SyncRun.objects.filter(connection=OuterRef("connection"), job=OuterRef("job"))
    newest = same_job.order_by("-started_at", "-pk").values("pk")[:1]
    return old.exclude(status=SyncRun.Status.RUNNING).exclude(pk=Subquery(newest))


def ensure_plans(connection: Connection) -> None:
    """Give a connection a plan for every job of its kind."""
    known = set(connection.plans.values_list("job", flat=True))
    for job in settings.JOBS:
        if job.kind == connection.kind and job.name not in known:
            defaults = {"every_minutes": job.every_minutes}
            JobPlan.objects.get_or_create(connection=connection, job=job.name, defaults=defaults)


def enqueue(job: str, connection_id: int, *more: str) -> None:
    """Have a worker run this job as soon as one is free. A second one at the same time ends at once by itself.

    `more` goes to the job's task.
    """
    path = next(known.path for known in settings.JOBS if known.name == job)
    async_task(path, connection_id, timezone.now().isoformat(), *more, task_name=f"{job}:{connection_id}")


def hasten(job: str, connection_id: int) -> None:
    """There is news for this job: it runs at once, or is due again if its task waits already or it ran just now.

    However many call this, one task waits; none does while the job should not run.
    """
    now = timezone.now()
    plan = expected_plans(now).filter(connection=connection_id, job=job).first()
    if plan is None:
        return
    same = JobPlan.objects.filter(pk=plan.pk, queued_at=plan.queued_at)
    lately = SyncRun.objects.filter(connection=connection_id, job=job, started_at__gt=now - HASTENED_EVERY)
    if _waits(plan, now) or lately.exists():
        same.filter(next_run_at__gt=now).update(next_run_at=now)
        return
    with transaction.atomic():  # a plan whose task could not be queued must not pass for one that waits
        if same.update(queued_at=now):
            enqueue(job, connection_id)


def take_up(job: str, connection_id: int, asked_at: str, do: Callable[[Connection], Outcome]) -> str:
    """A worker's turn at a task: do the job, then enqueue those that it found work for. Returns a line on how it went.

    `asked_at` (ISO 8601) is when the task was queued: a run that started after that has done it already.
    """
    plan = JobPlan.objects.filter(connection=connection_id, job=job)
    plan.update(queued_at=None)
    if asked_at and SyncRun.objects.filter(connection=connection_id, job=job, started_at__gte=asked_at).exists():
        return f"{job} has run since this was asked for"
    try:
        with shutdown.may_break_off():
            if shutdown.is_closing():
                raise shutdown.Stopped
            outcome = do(Connection.objects.get(pk=connection_id))
    except shutdown.Stopped:
        plan.update(next_run_at=timezone.now())
        return f"{job} was broken off, since this process is to stop; it is due again"
    if not outcome.started:
        plan.update(next_run_at=timezone.now())
    for name, other in sorted(outcome.wakes):
        enqueue(name, other)
    return outcome.text


def enqueue_for_warehouses(marketplace_id: int, job: str) -> None:
    """Have the warehouses that this marketplace feeds do it: something changed that their orders may wait for."""
    for warehouse in set(Route.objects.filter(marketplace=marketplace_id).values_list("warehouse", flat=True)):
        enqueue(job, warehouse)


def _take(plan: JobPlan, now: datetime) -> bool:
    """Move the plan on, unless another dispatcher did or its task still waits; missed runs are not made up for."""
    if _waits(plan, now):
        return False
    after = now + timedelta(minutes=plan.every_minutes) - timedelta(seconds=5)
    mine = JobPlan.objects.filter(pk=plan.pk, next_run_at=plan.next_run_at)
    return mine.update(next_run_at=after, queued_at=now) == 1


def _waits(plan: JobPlan, now: datetime) -> bool:
    """Whether a task of it waits for a worker, and is not lost."""
    lost_after = max(LOST_AFTER, 2 * timedelta(minutes=plan.every_minutes))
    return plan.queued_at is not None and plan.queued_at > now - lost_after
