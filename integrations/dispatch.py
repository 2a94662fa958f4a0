"""When each job of each connection runs: a plan per job, moved on by compare-and-set, and a task for what is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.utils import timezone
from django_q.tasks import async_task

from integrations.models import Connection, Exchange, JobPlan, Route, SyncRun, Transmission
from integrations.runs import reap

KEPT = timedelta(days=30)
DONE = (Transmission.Status.ACCEPTED, Transmission.Status.WITHDRAWN)


def dispatch() -> int:
    """Enqueue what is due. Run by the queue's one schedule, every minute; returns how many jobs that were."""
    reap()
    now = timezone.now()
    if now.minute == 0:
        forget_old(now)
    for connection in Connection.objects.filter(is_active=True):
        ensure_plans(connection)
    plans = JobPlan.objects.filter(is_enabled=True, next_run_at__lte=now, connection__is_active=True)
    plans = plans.exclude(connection__health=Connection.Health.STOPPED).order_by("pk")
    taken = [plan for plan in plans.select_related("connection") if _take(plan, now)]
    for plan in taken:
        enqueue(plan.job, plan.connection_id)
    return len(taken)


def forget_old(now: datetime) -> None:
    """Requests and uneventful runs are kept for a month, and what was sent for as long as its kind says."""
    Exchange.objects.filter(at__lt=now - KEPT).delete()
    SyncRun.objects.filter(started_at__lt=now - KEPT, status=SyncRun.Status.SUCCEEDED).delete()
    for model in apps.get_models():
        kept_for = getattr(model, "KEPT_FOR", None)
        if issubclass(model, Transmission) and kept_for is not None:
            model._default_manager.filter(status__in=DONE, finished_at__lt=now - kept_for).delete()


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
    async_task(path, connection_id, *more, task_name=f"{job}:{connection_id}")


def enqueue_for_warehouses(marketplace_id: int, job: str) -> None:
    """Have the warehouses that this marketplace feeds do it: something changed that their orders may wait for."""
    for warehouse in set(Route.objects.filter(marketplace=marketplace_id).values_list("warehouse", flat=True)):
        enqueue(job, warehouse)


def _take(plan: JobPlan, now: datetime) -> bool:
    """Move the plan on, unless another dispatcher did; missed runs are not made up for."""
    after = now + timedelta(minutes=plan.every_minutes) - timedelta(seconds=5)
    mine = JobPlan.objects.filter(pk=plan.pk, next_run_at=plan.next_run_at)
    return mine.update(next_run_at=after) == 1
