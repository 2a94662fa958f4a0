"""Connections: account, health, jobs, and what a person may try with them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from integrations.admin_base import (
    ChangedFieldsOnly,
    ChangedRowsOnly,
    NotDone,
    ago,
    ask,
    clip,
    found_or_404,
    is_used,
    job_name,
    labelled,
)
from integrations.circuit import asked_with, pause_text, standing, try_now
from integrations.connection_form import ConnectionForm
from integrations.connection_test import check_connection
from integrations.dispatch import enqueue, ensure_plans
from integrations.models import Connection, Exchange, JobPlan, SyncRun
from integrations.shared_state import Outage, RateWindow
from integrations.warehouse_facts import AccountCurrencies, CompanyRequest

# A connection's own traces: they go with it and do not make it one that was used.
TRACES = (JobPlan, SyncRun, Exchange, RateWindow, Outage, AccountCurrencies, CompanyRequest)

HEALTH_COLOURS = {
    Connection.Health.WORKING: "success", Connection.Health.UNTESTED: "info",
    Connection.Health.TROUBLED: "warning", Connection.Health.STOPPED: "danger",
}  # fmt: skip


class JobPlans(ChangedRowsOnly):
    model = JobPlan
    fields = ("shown_job", "every_minutes", "is_enabled", "next_run_at")
    readonly_fields = ("shown_job", "next_run_at")
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "Jobs: how often, and when next"

    @display(description="job")
    def shown_job(self, obj: JobPlan) -> str:
        return job_name(obj.job)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Connection)
class ConnectionAdmin(ChangedFieldsOnly):
    form = ConnectionForm
    inlines = (JobPlans,)
    list_display = ("name", "provider", "shown_health", "short_error", "is_active", "checked")
    actions_detail = ["test", "run_now"]
    readonly_fields = ("health_label", "last_error", "checked", "calls", "egress")

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        hint = "A connection that was used is switched off, not deleted." if obj else ""
        # Who may only look gets every field as plain text, and this one is never shown.
        secret = ("secret",) if self.has_change_permission(request, obj) or obj is None else ()
        fields = ("name", "provider", "username", *secret, "base_url", "is_active")
        account = (None, {"fields": fields, "description": hint})
        pulling = ("How it is read", {
            "classes": ["collapse"],
            "fields": ("overlap_minutes", "recent_slice_minutes", "older_slice_hours", "options"),
        })  # fmt: skip
        health = ("Health", {"fields": ("health_label", "last_error", "checked", "calls", "egress")})
        return [health, account, pulling] if obj else [account, pulling]

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        return (*self.readonly_fields, "provider") if obj else self.readonly_fields

    def get_actions(self, request: HttpRequest) -> Any:
        """A connection is deleted from its own page, where it says whether it was used."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or not is_used(obj, apart_from=TRACES))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        gone, counts, needed, protected = super().get_deleted_objects(objs, request)
        return gone, counts, needed - {model._meta.verbose_name for model in TRACES}, protected

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """No buttons for who may only look."""
        return super().get_actions_detail(request, object_id) if self.has_change_permission(request) else []

    def save_model(self, request: HttpRequest, obj: Connection, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        if form.cleaned_data.get("secret"):
            obj.set_secret(form.cleaned_data["secret"])
        super().save_model(request, obj, form, change)
        ensure_plans(obj)
        if set(form.changed_data) & {"secret", "username", "base_url"}:
            try_now([obj])

    def fields_set_by(self, form: forms.ModelForm) -> list[str]:  # type: ignore[type-arg]
        return ["encrypted_secret", "health", "health_message"] if form.cleaned_data.get("secret") else []

    @display(description="health", label=HEALTH_COLOURS)
    def shown_health(self, obj: Connection) -> tuple[str, str]:
        return obj.health, obj.get_health_display()

    @display(description="health")
    def health_label(self, obj: Connection) -> str:
        return labelled(HEALTH_COLOURS[Connection.Health(obj.health)], obj.get_health_display())

    @display(description="last error")
    def last_error(self, obj: Connection) -> str:
        return obj.health_message or "–"

    @display(description="last error")
    def short_error(self, obj: Connection) -> str:
        return clip(obj.health_message, 60) or "–"

    @display(description="since")
    def checked(self, obj: Connection) -> str:
        return ago(obj.health_at)

    @display(description="calls")
    def calls(self, obj: Connection) -> str:
        outage = standing().filter(connection=obj).first()
        return pause_text(obj, outage) if outage else "made as needed"

    @display(description="our address for their allow-list")
    def egress(self, obj: Connection) -> str:
        return settings.EGRESS_ADDRESS or "not set (EGRESS_ADDRESS)"

    @action(description="Test", url_path="test", icon="network_check")
    def test(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = found_or_404(self, request, object_id)

        def do(_values: dict[str, Any]) -> str:
            steps = check_connection(connection)
            for step in steps:
                level = messages.INFO if step.ok else messages.ERROR
                messages.add_message(request, level, f"{step.tried}: {step.answered}")
            text = f"{sum(step.ok for step in steps)} of {len(steps)} checks went well"
            if not all(step.ok for step in steps):
                raise NotDone(text)
            return text

        return ask(
            self, request, connection, title=f"Test {connection}", button="Test",
            consequence="Signs in with the stored credentials and only reads. If all is well, a stopped one resumes.",
            do=do,
        )  # fmt: skip

    @action(description="Run now", url_path="run-now", icon="play_arrow")
    def run_now(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = found_or_404(self, request, object_id)
        names = [job.name for job in settings.JOBS if job.kind == connection.kind]

        class JobForm(forms.Form):
            job = forms.ChoiceField(
                choices=[(name, job_name(name)) for name in names], widget=UnfoldAdminSelectWidget()
            )

        def do(values: dict[str, Any]) -> str:
            try_now(asked_with(connection))
            enqueue(values["job"], connection.pk)
            return f"“{job_name(values['job'])}” of {connection} is queued; its run shows under Runs"

        return ask(
            self, request, connection, title=f"Run a job of {connection} now", button="Run now",
            consequence="A worker runs it as soon as one is free, unless it is running already.", do=do,
            form_class=JobForm,
        )  # fmt: skip
