"""Runs and job plans: how a job went, how it goes while it runs, and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import action, display

from integrations import wording
from integrations.admin.named import named
from integrations.admin_base import (
    ChangedFieldsOnly,
    ReadOnly,
    ago,
    ask,
    clip,
    found_or_404,
    job_in_full,
    job_label,
    labelled,
    visible_or_404,
)
from integrations.alike import grouped
from integrations.circuit import asked_with, try_now
from integrations.dispatch import enqueue
from integrations.models import JobPlan, SyncRun

RUN_COLOURS = {
    SyncRun.Status.SUCCEEDED: "success", SyncRun.Status.RUNNING: "info", SyncRun.Status.PARTIAL: "warning",
    SyncRun.Status.FAILED: "danger", SyncRun.Status.INTERRUPTED: "danger",
}  # fmt: skip
RUN_AGAIN = "integrations.run_job"
CALLS = "calls"


class OfJob(admin.SimpleListFilter):
    title, parameter_name = "job", "job"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(job.name, wording.job_name(job.name)) for job in settings.JOBS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(job=self.value()) if self.value() else queryset


@dataclass(frozen=True, slots=True)
class Facts:
    """How a run went, or goes. `problems` are the first of each cause, with how many there are."""

    run: SyncRun
    label: str
    took: str
    calls: int
    failed_calls: int
    counts: tuple[tuple[str, int], ...]
    problems: tuple[tuple[str, int], ...]
    exchanges_url: str

    @property
    def is_running(self) -> bool:
        return self.run.status == SyncRun.Status.RUNNING


def facts(run: SyncRun) -> Facts:
    """One query: the requests that it has made so far."""
    failed = Q(status=None) | Q(status__gte=400)
    made = run.exchanges.aggregate(calls=Count("pk"), failed=Count("pk", filter=failed))
    counted = {name: number for name, number in run.counts.items() if number and name != CALLS}
    return Facts(
        run, labelled(RUN_COLOURS[SyncRun.Status(run.status)], run.get_status_display()), duration(run, timezone.now()),
        max(made["calls"], run.counts.get(CALLS, 0)), made["failed"], tuple(sorted(counted.items())),
        tuple(grouped(run.error.splitlines())),
        f"{reverse('admin:integrations_exchange_changelist')}?run={run.pk}",
    )  # fmt: skip


def duration(run: SyncRun, now: datetime) -> str:
    """How long it took, or has taken so far."""
    return wording.lasted((run.finished_at or now) - run.started_at)


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly):
    empty_hint = "Jobs run by themselves once a connection is switched on and a worker is there."
    list_display = ("started", "shown_job", "connection", "shown_status", "shown_summary", "calls", "took")
    list_filter = ("status", OfJob, "connection", "started_at")
    export_columns = ("started_at", "finished_at", "job", "connection__name", "status", "summary", "error",
                      "window_since", "window_until", "counts")  # fmt: skip
    search_fields = ("summary", "error")
    list_select_related = ("connection",)
    show_full_result_count = False
    fields = ("job_and_command", "connection", "summary", "started_at", "finished_at", "window", "done_by")
    done_by = named("owner", "worker")
    change_form_before_template = "admin/integrations/run.html"
    actions_detail = ["run_again"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.progress)
        return [path("<path:object_id>/progress/", view, name="integrations_syncrun_progress"), *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        run = self.get_object(request, str(object_id))
        more = {"facts": facts(run)} if run else {}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def progress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """How a run goes, fetched while it runs; once it has ended the whole page is loaded again."""
        run = visible_or_404(self, request, object_id)
        answer = TemplateResponse(request, "admin/integrations/run_progress.html", {"facts": facts(run)})
        if run.status != SyncRun.Status.RUNNING:
            answer["HX-Refresh"] = "true"
        return answer

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """No button for who may not have a job run."""
        return super().get_actions_detail(request, object_id) if request.user.has_perm(RUN_AGAIN) else []

    @action(description="Run again", url_path="run-again", icon="replay")
    def run_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        run = found_or_404(self, request, object_id)
        name, connection = wording.job_name(run.job), run.connection

        def do(_values: dict[str, Any]) -> str:
            try_now(asked_with(connection))
            enqueue(run.job, connection.pk)
            return f"“{name}” of {connection} is queued; its run shows under Runs"

        return ask(
            self, request, run, title=f"Run “{name}” of {connection} again", button="Run again", do=do,
            consequence="A worker runs it as soon as one is free, unless it is running already. It goes on from where "
            "the last run got to; nothing is sent twice.", allowed=request.user.has_perm(RUN_AGAIN),
        )  # fmt: skip

    @display(description="started", ordering="started_at")
    def started(self, obj: SyncRun) -> str:
        return ago(obj.started_at)

    @display(description="status", label=RUN_COLOURS)
    def shown_status(self, obj: SyncRun) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="job", ordering="job")
    def shown_job(self, obj: SyncRun) -> str:
        return job_label(obj.job)

    @display(description="job")
    def job_and_command(self, obj: SyncRun) -> str:
        return job_in_full(obj.job)

    @display(description="summary")
    def shown_summary(self, obj: SyncRun) -> str:
        return clip(obj.summary or obj.error, 90)

    @display(description="window")
    def window(self, obj: SyncRun) -> str:
        if obj.window_since is None or obj.window_until is None:
            return "–"
        return f"{wording.moment(obj.window_since)} to {wording.moment(obj.window_until)}"

    @display(description="calls")
    def calls(self, obj: SyncRun) -> str:
        return str(obj.counts.get(CALLS, "–"))

    @display(description="took")
    def took(self, obj: SyncRun) -> str:
        return duration(obj, timezone.now()) if obj.finished_at else "–"


def when_next(plan: JobPlan) -> str:
    """When a job comes next; what is due and does not come says what it waits for."""
    if not (plan.is_enabled and plan.connection.is_active):
        return "switched off"
    if plan.connection.is_stopped:
        return "connection stopped"
    return ago(plan.next_run_at) if plan.next_run_at > timezone.now() else "due"


@admin.register(JobPlan)
class JobPlanAdmin(ChangedFieldsOnly):
    empty_hint = "A connection brings its jobs with it."
    list_display = ("shown_job", "connection", "every_minutes", "is_enabled", "next")
    list_filter = ("connection", OfJob, "is_enabled")
    export_columns = ("job", "connection__name", "every_minutes", "is_enabled", "next_run_at")
    list_select_related = ("connection",)
    fields = ("job_and_command", "connection", "every_minutes", "is_enabled", "next_run_at")
    readonly_fields = ("connection", "job_and_command", "next_run_at")

    @display(description="job", ordering="job")
    def shown_job(self, obj: JobPlan) -> str:
        return job_label(obj.job)

    @display(description="job")
    def job_and_command(self, obj: JobPlan) -> str:
        return job_in_full(obj.job)

    @display(description="next run", ordering="next_run_at")
    def next(self, obj: JobPlan) -> str:
        return when_next(obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: JobPlan | None = None) -> bool:
        return False
