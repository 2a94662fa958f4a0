"""Jobs and workers, as the start page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django_q.models import OrmQ

from integrations.admin.runs import RUN_COLOURS, when_next
from integrations.admin_base import ago
from integrations.models import JobPlan, SyncRun
from integrations.wording import job_name, lasted
from integrations.workers import NEVER_SEEN, SILENT_AFTER, late_by
from orders.admin.labels import Label


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a connection: its last run, if it has one, and when it comes next."""

    plan: JobPlan
    title: str
    run: SyncRun | None
    label: Label | None
    url: str
    at: str
    next: str


def jobs() -> list[Job]:
    """Two queries, whatever their number."""
    same = SyncRun.objects.filter(connection=OuterRef("connection"), job=OuterRef("job")).order_by("-started_at", "-pk")
    latest = JobPlan.objects.annotate(latest=Subquery(same.values("pk")[:1])).select_related("connection")
    plans: list[Any] = list(latest.order_by("connection__name", "pk"))
    runs = SyncRun.objects.defer("error", "counts").in_bulk([plan.latest for plan in plans if plan.latest])
    return [_job(plan, runs.get(plan.latest)) for plan in plans]


def _job(plan: JobPlan, run: SyncRun | None) -> Job:
    label = Label(RUN_COLOURS[SyncRun.Status(run.status)], run.get_status_display()) if run else None
    url = reverse("admin:integrations_syncrun_change", args=[run.pk]) if run else ""
    at = ago(run.started_at) if run else "never"
    return Job(plan, job_name(plan.job), run, label, url, at, when_next(plan))


@dataclass(frozen=True, slots=True)
class Workers:
    """Whether somebody works at the queue, and how much waits in it."""

    late: timedelta
    waiting: int

    @property
    def late_text(self) -> str:
        return lasted(self.late)

    @property
    def were_never_seen(self) -> bool:
        return self.late == NEVER_SEEN

    @property
    def are_silent(self) -> bool:
        return self.late >= SILENT_AFTER


def workers() -> Workers:
    """Three queries."""
    return Workers(max(late_by(), timedelta(0)), OrmQ.objects.count())
