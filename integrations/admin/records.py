"""Runs, job plans, and requests with their answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from lxml import etree
from unfold.decorators import display

from integrations import wording
from integrations.admin_base import ChangedFieldsOnly, ReadOnly, ago, clip, job_in_full, job_label, labelled
from integrations.models import Exchange, JobPlan, SyncRun

RUN_COLOURS = {
    SyncRun.Status.SUCCEEDED: "success", SyncRun.Status.RUNNING: "info", SyncRun.Status.PARTIAL: "warning",
    SyncRun.Status.FAILED: "danger", SyncRun.Status.INTERRUPTED: "danger",
}  # fmt: skip


class OfJob(admin.SimpleListFilter):
    title, parameter_name = "job", "job"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(job.name, wording.job_name(job.name)) for job in settings.JOBS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(job=self.value()) if self.value() else queryset


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly):
    list_display = ("started", "shown_job", "connection", "shown_status", "shown_summary", "took")
    list_filter = ("status", OfJob, "connection")
    search_fields = ("summary", "error")
    date_hierarchy = "started_at"
    list_select_related = ("connection",)
    fields = ("job_and_command", "connection", "status_label", "summary", "error", "started_at", "finished_at", "took",
              "window_since", "window_until", "counts", "owner")  # fmt: skip

    @display(description="started", ordering="started_at")
    def started(self, obj: SyncRun) -> str:
        return ago(obj.started_at)

    @display(description="status", label=RUN_COLOURS)
    def shown_status(self, obj: SyncRun) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="status")
    def status_label(self, obj: SyncRun) -> str:
        return labelled(RUN_COLOURS[SyncRun.Status(obj.status)], obj.get_status_display())

    @display(description="job", ordering="job")
    def shown_job(self, obj: SyncRun) -> str:
        return job_label(obj.job)

    @display(description="job")
    def job_and_command(self, obj: SyncRun) -> str:
        return job_in_full(obj.job)

    @display(description="summary")
    def shown_summary(self, obj: SyncRun) -> str:
        return clip(obj.summary or obj.error, 90)

    @display(description="took")
    def took(self, obj: SyncRun) -> str:
        return f"{(obj.finished_at - obj.started_at).total_seconds():.1f} s" if obj.finished_at else "–"


@admin.register(JobPlan)
class JobPlanAdmin(ChangedFieldsOnly):
    list_display = ("shown_job", "connection", "every_minutes", "is_enabled", "next")
    list_filter = ("connection", OfJob)
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
        return ago(obj.next_run_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: JobPlan | None = None) -> bool:
        return False


@admin.register(Exchange)
class ExchangeAdmin(ReadOnly):
    list_display = ("when", "connection", "method", "path", "answer", "milliseconds", "short_error")
    list_filter = ("connection", "status", "method")
    search_fields = ("url", "request_body", "response_body")
    list_select_related = ("connection",)
    show_full_result_count = False
    fields = ("connection", "run", "at", "method", "address", "answer", "milliseconds", "error", "asked", "answered")

    @display(description="when", ordering="at")
    def when(self, obj: Exchange) -> str:
        return ago(obj.at)

    @display(description="path")
    def path(self, obj: Exchange) -> str:
        parts = urlsplit(obj.url)
        return clip(wording.address(parts.path + (f"?{parts.query}" if parts.query else "")), 70)

    @display(description="address")
    def address(self, obj: Exchange) -> str:
        return format_html('<span class="breakable" title="as sent: {}">{}</span>', obj.url, wording.address(obj.url))

    @display(description="answer", ordering="status")
    def answer(self, obj: Exchange) -> str:
        return str(obj.status or "none")

    @display(description="error")
    def short_error(self, obj: Exchange) -> str:
        return clip(obj.error, 60)

    @display(description="request")
    def asked(self, obj: Exchange) -> str:
        return legible(obj.request_body)

    @display(description="response")
    def answered(self, obj: Exchange) -> str:
        return legible(obj.response_body)


def legible(body: str) -> str:
    """A body as a person reads it: JSON and XML indented, anything else as it came."""
    if not body.strip():
        return "nothing"
    return format_html('<pre class="legible text-xs">{}</pre>', _indented(body))


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        pass
    if not body.lstrip().startswith("<"):
        return body
    is_whole = body.rstrip().endswith(">")  # what is kept of a long one ends anywhere
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=True,
        recover=not is_whole, encoding="utf-8",
    )  # fmt: skip
    try:
        root = etree.fromstring(body.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return body
    cut_off = "" if is_whole else "\n(kept up to here)"
    return body if root is None else etree.tostring(root, pretty_print=True, encoding="unicode") + cut_off
