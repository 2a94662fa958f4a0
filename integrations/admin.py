"""Connections, their jobs and runs, and who may sign in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminPasswordWidget

from integrations.admin_base import ChangedFieldsOnly, ReadOnly, ago, ask
from integrations.connection_test import check_connection
from integrations.dispatch import enqueue, ensure_plans
from integrations.errors import Misconfigured
from integrations.models import Connection, Exchange, JobPlan, SyncRun
from integrations.registry import base_url_of

for hidden in (Failure, OrmQ, Schedule, Success, Group, User):
    if admin.site.is_registered(hidden):  # the queue registers its own table only when it is kept in the database
        admin.site.unregister(hidden)

HEALTH_COLOURS = {
    Connection.Health.WORKING: "success", Connection.Health.UNTESTED: "info",
    Connection.Health.TROUBLED: "warning", Connection.Health.STOPPED: "danger",
}  # fmt: skip
RUN_COLOURS = {
    SyncRun.Status.SUCCEEDED: "success", SyncRun.Status.RUNNING: "info", SyncRun.Status.PARTIAL: "warning",
    SyncRun.Status.FAILED: "danger", SyncRun.Status.INTERRUPTED: "danger",
}  # fmt: skip


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """The secret goes in and never comes out."""

    secret = forms.CharField(
        required=False, strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        label="password or token", help_text="Stored encrypted, never shown. Empty: the stored one stays.",
    )  # fmt: skip

    class Meta:
        model = Connection
        fields = (
            "name", "provider", "base_url", "username", "is_active", "options", "overlap_minutes",
            "recent_slice_minutes", "older_slice_hours",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("provider"):
            try:
                base_url_of(Connection(provider=values["provider"], base_url=values.get("base_url") or ""))
            except Misconfigured as exc:
                self.add_error("base_url", str(exc).partition(": ")[2])
        if not self.instance.pk and not values.get("secret"):
            self.add_error("secret", "A new connection needs its password or token.")
        return values


class JobPlans(TabularInline):
    model = JobPlan
    fields = ("job", "every_minutes", "is_enabled", "next_run_at")
    readonly_fields = ("job", "next_run_at")
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "Jobs: how often, and when next"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Connection)
class ConnectionAdmin(ChangedFieldsOnly):
    form = ConnectionForm
    inlines = (JobPlans,)
    list_display = ("name", "provider", "shown_health", "last_error", "is_active", "checked")
    actions_detail = ["test", "run_now"]
    readonly_fields = ("health", "last_error", "checked", "egress")

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        account = (None, {"fields": ("name", "provider", "username", "secret", "base_url", "is_active")})
        pulling = ("How it is read", {
            "classes": ["collapse"],
            "fields": ("overlap_minutes", "recent_slice_minutes", "older_slice_hours", "options"),
        })  # fmt: skip
        health = ("Health", {"fields": ("health", "last_error", "checked", "egress")})
        return [health, account, pulling] if obj else [account, pulling]

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        return (*self.readonly_fields, "provider") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Connection, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        if form.cleaned_data.get("secret"):
            obj.set_secret(form.cleaned_data["secret"])
        super().save_model(request, obj, form, change)
        ensure_plans(obj)

    def fields_set_by(self, form: forms.ModelForm) -> list[str]:  # type: ignore[type-arg]
        return ["encrypted_secret", "health", "health_message"] if form.cleaned_data.get("secret") else []

    @display(description="health", label=HEALTH_COLOURS)
    def shown_health(self, obj: Connection) -> tuple[str, str]:
        return obj.health, obj.get_health_display()

    @display(description="last error")
    def last_error(self, obj: Connection) -> str:
        return obj.health_message or "–"

    @display(description="since")
    def checked(self, obj: Connection) -> str:
        return ago(obj.health_at)

    @display(description="our address for their allow-list")
    def egress(self, obj: Connection) -> str:
        return settings.EGRESS_ADDRESS or "not set (EGRESS_ADDRESS)"

    @action(description="Test", url_path="test", icon="network_check")
    def test(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = get_object_or_404(Connection, pk=object_id)

        def do(_values: dict[str, Any]) -> str:
            steps = check_connection(connection)
            for step in steps:
                level = messages.INFO if step.ok else messages.ERROR
                messages.add_message(request, level, f"{step.tried}: {step.answered}")
            return f"{sum(step.ok for step in steps)} of {len(steps)} checks went well"

        return ask(
            self, request, connection, title=f"Test {connection}",
            consequence="Signs in with the stored credentials and only reads. If all is well, a stopped one resumes.",
            do=do,
        )  # fmt: skip

    @action(description="Run now", url_path="run-now", icon="play_arrow")
    def run_now(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = get_object_or_404(Connection, pk=object_id)
        names = [job.name for job in settings.JOBS if job.kind == connection.kind]

        class JobForm(forms.Form):
            job = forms.ChoiceField(choices=[(name, name.replace("_", " ")) for name in names])

        def do(values: dict[str, Any]) -> str:
            enqueue(values["job"], connection.pk)
            return f"{values['job']} is queued; its run shows under Runs"

        return ask(
            self, request, connection, title=f"Run a job of {connection} now",
            consequence="A worker runs it as soon as one is free, unless it is running already.", do=do,
            form_class=JobForm,
        )  # fmt: skip


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly):
    list_display = ("started", "job", "connection", "shown_status", "summary", "took")
    list_filter = ("status", "job", "connection")
    search_fields = ("summary", "error")
    date_hierarchy = "started_at"
    list_select_related = ("connection",)

    @display(description="started", ordering="started_at")
    def started(self, obj: SyncRun) -> str:
        return ago(obj.started_at)

    @display(description="status", label=RUN_COLOURS)
    def shown_status(self, obj: SyncRun) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="took")
    def took(self, obj: SyncRun) -> str:
        return f"{(obj.finished_at - obj.started_at).total_seconds():.1f} s" if obj.finished_at else "–"


@admin.register(JobPlan)
class JobPlanAdmin(ChangedFieldsOnly):
    list_display = ("job", "connection", "every_minutes", "is_enabled", "next_run_at")
    list_filter = ("connection", "job")
    list_select_related = ("connection",)
    readonly_fields = ("connection", "job", "next_run_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Exchange)
class ExchangeAdmin(ReadOnly):
    list_display = ("when", "connection", "method", "short_url", "status", "milliseconds", "error")
    list_filter = ("connection", "status", "method")
    search_fields = ("url", "request_body", "response_body")
    list_select_related = ("connection",)
    show_full_result_count = False

    @display(description="when", ordering="at")
    def when(self, obj: Exchange) -> str:
        return ago(obj.at)

    @display(description="address")
    def short_url(self, obj: Exchange) -> str:
        return obj.url if len(obj.url) < 100 else f"{obj.url[:97]}…"
