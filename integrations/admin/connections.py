"""Connections: account, health, jobs, and what a person may try with them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.request import getproxies

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from integrations import sign_in
from integrations.admin import announcing, authorizing
from integrations.admin_base import (
    ChangedFieldsOnly,
    ChangedRowsOnly,
    Kept,
    NotDone,
    ago,
    ask,
    clip,
    found_or_404,
    job_label,
    labelled,
)
from integrations.circuit import asked_with, pause_text, try_now
from integrations.connection_form import SHOWN_IF, SIGNING_IN, ConnectionForm
from integrations.connection_test import check_connection
from integrations.dispatch import enqueue, ensure_plans
from integrations.models import Connection, Exchange, JobPlan, SyncRun
from integrations.oauth_grant import OAuthGrant
from integrations.registry import needs_username, uses_oauth
from integrations.shared_state import Outage, RateWindow
from integrations.walking import back_of
from integrations.warehouse_facts import AccountCurrencies, CompanyRequest
from integrations.wording import job_name, moment

# A connection's own traces: they go with it and do not make it one that was used.
TRACES = (JobPlan, SyncRun, Exchange, RateWindow, Outage, AccountCurrencies, CompanyRequest, OAuthGrant)
AUTHORIZE, ANNOUNCE = "authorize", "announce"
CREDENTIALS, RUN = "integrations.change_credentials", "integrations.run_job"
HEALTH_FACTS = ("health_label", "last_error", "since", "calls", "signed_in_with", "told_at", "egress")

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
        return job_label(obj.job)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Connection)
class ConnectionAdmin(Kept, ChangedFieldsOnly):
    form = ConnectionForm
    traces, instead = TRACES, "Switch it off instead: untick “Switched on”, and save."
    inlines = (JobPlans,)
    list_display = ("name", "provider", "shown_health", "short_error", "is_active", "checked")
    list_filter = ("provider", "health", "is_active")
    export_columns = ("name", "provider", "base_url", "is_active", "health", "health_message", "health_at",
                      "credential_expires_on")  # fmt: skip
    actions_detail = ["authorize", "announce", "test", "run_now"]
    readonly_fields = HEALTH_FACTS
    conditional_fields = SHOWN_IF
    empty_hint = "A connection is an account at Overstock or TradeGecko. A route needs one of each."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """A page that only shows it reads what belongs to it at once."""
        rows: QuerySet[Connection] = super().get_queryset(request)
        return rows.select_related("outage", "oauth") if request.method == "GET" else rows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What is stored encrypted is not found out letter by letter, by filtering for it."""
        return not lookup.startswith("encrypted_") and bool(super().lookup_allowed(lookup, value, request))

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        hint = "A connection that was used is switched off, not deleted." if obj else ""
        # Who may only look gets every field as plain text, and this one is never shown.
        may = obj is None or (self.has_change_permission(request, obj) and self.has_credentials_permission(request))
        secrets = self._secrets_of(obj) if may else ()
        username = ("username",) if obj is None or needs_username(obj.provider) else ()
        fields = ("name", "provider", *username, *secrets, "credential_expires_on", "base_url", "is_active")
        account = (None, {"fields": fields, "description": hint})
        pulling = ("How it is read", {
            "classes": ["collapse"],
            "fields": ("overlap_minutes", "recent_slice_minutes", "older_slice_hours", "options"),
        })  # fmt: skip
        tells = obj is not None and uses_oauth(obj.provider)
        facts = [name for name in HEALTH_FACTS if tells or name != "told_at"]
        health = ("Health", {"fields": facts})
        return [health, account, pulling] if obj else [account, pulling]

    def get_inlines(self, request: HttpRequest, obj: Connection | None) -> Any:
        """A new connection gets its jobs when it is saved."""
        return super().get_inlines(request, obj) if obj else []

    def _secrets_of(self, obj: Connection | None) -> tuple[str, ...]:
        has_choice = obj is None or uses_oauth(obj.provider)
        return ("sign_in", "secret", "application", "application_secret") if has_choice else ("secret",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows the address of this installation, as this browser sees it."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.redirect_uri = authorizing.redirect_uri(request)
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        """What is signed in with, and where that is sent, is a permission of its own."""
        if obj is None:
            return self.readonly_fields
        kept = () if self.has_credentials_permission(request) else (*SIGNING_IN, "username", "base_url", "options")
        return (*self.readonly_fields, "provider", *kept)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        gone, counts, needed, protected = super().get_deleted_objects(objs, request)
        return gone, counts, needed - {model._meta.verbose_name for model in TRACES}, protected

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only what this person's permissions allow, and none that needs an application where there is none."""
        found = super().get_actions_detail(request, object_id)
        if OAuthGrant.objects.filter(connection=object_id).exists():
            return found
        return [one for one in found if not one.action_name.endswith((f"_{AUTHORIZE}", f"_{ANNOUNCE}"))]

    def has_credentials_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(CREDENTIALS) and self.has_view_permission(request))

    def has_run_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(RUN) and self.has_view_permission(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A connection begins with what it signs in with."""
        return bool(super().has_add_permission(request) and request.user.has_perm(CREDENTIALS))

    def get_urls(self) -> list[Any]:
        back = path("authorized/", self._authorized, name=authorizing.BACK)
        return [back, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        values = form.cleaned_data
        ends = obj.credential_expires_on if "credential_expires_on" in form.changed_data else None
        if form.has_new_sign_in and form.is_application:
            sign_in.as_application(obj, values["application"], values["application_secret"], expires_on=ends)
        elif form.has_new_sign_in:
            sign_in.with_secret(obj, values["secret"], expires_on=ends)
        ensure_plans(obj)
        if set(form.changed_data) & {"secret", "username", "base_url"}:
            try_now([obj])

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
        return clip(obj.health_message, 60)

    @display(description="since")
    def since(self, obj: Connection) -> str:
        return moment(obj.health_at)

    @display(description="since", ordering="health_at")
    def checked(self, obj: Connection) -> str:
        return ago(obj.health_at)

    @display(description="signed in with")
    def signed_in_with(self, obj: Connection) -> str:
        return authorizing.described(obj)

    @display(description="told at once")
    def told_at(self, obj: Connection) -> str:
        return announcing.described(obj)

    @display(description="calls")
    def calls(self, obj: Connection) -> str:
        outage = getattr(obj, "outage", None)
        return pause_text(obj, outage) if outage and outage.paused_until else "made as needed"

    @display(description="our address for their allow-list")
    def egress(self, obj: Connection) -> str:
        host = _proxy()
        through = f", through the proxy {host}" if host else ""
        return f"{settings.EGRESS_ADDRESS or 'not set (EGRESS_ADDRESS)'}{through}"

    @action(description="Test", url_path="test", icon="network_check", permissions=["run"])
    def test(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = found_or_404(self, request, object_id)

        return ask(
            self, request, connection, title=f"Test connection {connection}", button="Test",
            consequence="Signs in with the stored credentials and only reads. If all is well, a stopped one resumes.",
            do=lambda _values: _tested(request, connection), allowed=self.has_run_permission(request),
        )  # fmt: skip

    @action(description="Authorize", url_path=AUTHORIZE, icon="key", permissions=["credentials"])
    def authorize(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return authorizing.start(self, request, found_or_404(self, request, object_id))

    @action(description="Be told at once", url_path=ANNOUNCE, icon="bolt", permissions=["credentials"])
    def announce(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = found_or_404(self, request, object_id)
        provider = connection.get_provider_display()

        return ask(
            self, request, connection, title=f"Have {provider} tell {connection} at once", button="Be told at once",
            consequence=f"Enters this connection's address at {provider}, as its web-hook for parcels and for stock, "
            "where it is not entered yet. It must be able to reach that address.",
            do=lambda _values: announcing.ask_for(connection), allowed=self.has_credentials_permission(request),
        )  # fmt: skip

    def _authorized(self, request: HttpRequest) -> HttpResponse:
        return authorizing.come_back(self, request, _tested)

    @action(description="Run now", url_path="run-now", icon="play_arrow", permissions=["run"])
    def run_now(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = found_or_404(self, request, object_id)
        names = [job.name for job in settings.JOBS if job.kind == connection.kind]

        class JobForm(forms.Form):
            job = forms.ChoiceField(
                choices=[(name, job_name(name)) for name in names],
                widget=UnfoldAdminSelectWidget(),
                initial=request.GET.get("job"),
            )

        def do(values: dict[str, Any]) -> str:
            try_now(asked_with(connection))
            enqueue(values["job"], connection.pk)
            return f"“{job_name(values['job'])}” of {connection} is queued; its run shows under Runs"

        return ask(
            self, request, connection, title=f"Run a job of {connection} now", button="Run now",
            consequence="A worker runs it as soon as one is free, unless it is running already.", do=do,
            form_class=JobForm, allowed=self.has_run_permission(request), back=back_of(request) or None,
        )  # fmt: skip


def _proxy() -> str:
    """The host of HTTPS_PROXY, through which requests leave; its user name and password are told to nobody."""
    with suppress(LocationParseError):
        return parse_url(getproxies().get("https", "")).host or ""
    return ""


def _tested(request: HttpRequest, connection: Connection) -> str:
    """Test a connection and tell the person each step. Raises NotDone when not all went well."""
    steps = check_connection(connection)
    for step in steps:
        well = messages.WARNING if step.is_open else messages.INFO
        level = well if step.ok else messages.ERROR
        messages.add_message(request, level, f"{step.tried}: {step.answered}")
    text = f"{sum(step.ok for step in steps)} of {len(steps)} checks went well"
    if not all(step.ok for step in steps):
        raise NotDone(text)
    return text
