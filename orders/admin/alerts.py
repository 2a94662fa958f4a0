"""Alerts and their deliveries: what is wrong, since when, who was told, and who asked for quiet until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations.admin_base import (
    TRANSMISSION_COLOURS,
    NotDone,
    ReadOnly,
    ago,
    ask,
    clip,
    do_each,
    found_or_404,
    labelled,
)
from integrations.clusters import Cluster
from integrations.transmissions import Transmission, retry
from integrations.wording import moment
from orders.alerting.watch import LEFT
from orders.models import Alert, AlertDelivery, AlertKind, Severity

SEVERITY_COLOURS = {Severity.CRITICAL: "danger", Severity.WARNING: "warning", Severity.INFO: "info"}
STATES = {"open": "Open", "muted": "Muted", "closed": "Over"}
STATE_COLOURS = {"open": "warning", "muted": "default", "closed": "success"}
MUTE_FOR = ((1, "1 hour"), (4, "4 hours"), (12, "12 hours"), (24, "1 day"), (3 * 24, "3 days"), (7 * 24, "1 week"))
MUTING = (
    "Nobody is told of it until then, also if it ends and comes back; it stays on this list. What has not left yet is "
    "not sent. If it is still there at the end, it is told again."
)


class MuteForm(forms.Form):
    hours = forms.TypedChoiceField(
        label="For", coerce=int, choices=MUTE_FOR, initial=4, widget=UnfoldAdminSelectWidget()
    )  # fmt: skip
    reason = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget())


class State(admin.SimpleListFilter):
    """What is not over, unless somebody asks for others."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("muted", "Muted"), ("closed", "Over"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "Open"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        conditions = {
            "all": Q(), "closed": Q(closed_at__isnull=False),
            "muted": Q(closed_at=None, muted_until__gt=timezone.now()),
        }  # fmt: skip
        return queryset.filter(conditions.get(self.value() or "", Q(closed_at=None)))


class Deliveries(TabularInline):
    model = AlertDelivery
    fields = readonly_fields = ("sort", "channel", "target", "how_it_went", "when", "short_error")
    ordering = ("-created_at", "-pk")
    extra = 0
    can_delete = False
    hide_title = True
    show_change_link = True
    per_page = 20
    verbose_name_plural = "Deliveries"

    @display(description="message")
    def sort(self, obj: AlertDelivery) -> str:
        return str(obj.get_what_display())

    @display(description="status")
    def how_it_went(self, obj: AlertDelivery) -> str:
        return _status(obj)

    @display(description="when")
    def when(self, obj: AlertDelivery) -> str:
        return ago(obj.finished_at or obj.not_before or obj.created_at)

    @display(description="last error")
    def short_error(self, obj: AlertDelivery) -> str:
        return clip(obj.last_error, 60)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    list_display = ("what", "shown_severity", "kind", "count", "since", "shown_state", "told")
    list_filter = (State, "severity", "kind")
    search_fields = ("text",)
    export_columns = ("text", "severity", "kind", "count", "oldest", "opened_at", "seen_at", "closed_at", "told_at",
                      "muted_until", "muted_by__username", "mute_reason")  # fmt: skip
    list_select_related = ("muted_by",)
    show_full_result_count = False
    inlines = (Deliveries,)
    fields = ("text", "severity_label", "state_label", "mended", "kind", "count", "oldest_at", "opened", "closed",
              "told", "muted")  # fmt: skip
    actions = ["mute_many", "unmute_many"]
    actions_detail = ["dismiss", "mute", "unmute"]
    empty_hint = "Told here is what is wrong, or waits for longer than the alert settings allow."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        rows: QuerySet[Alert] = super().get_queryset(request)
        mine = AlertDelivery.objects.filter(alert=OuterRef("pk")).order_by("-created_at", "-pk")
        waiting, left = mine.filter(status=Transmission.Status.PENDING), mine.filter(status__in=LEFT)
        return rows.annotate(
            waits_until=Subquery(waiting.values("not_before")[:1]), left_at=Subquery(left.values("sent_at")[:1])
        )

    def get_inlines(self, request: HttpRequest, obj: Alert | None) -> Any:
        """No empty list of deliveries where nobody was told."""
        return super().get_inlines(request, obj) if obj and obj.deliveries.exists() else []

    def has_mute_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and bool(request.user.has_perm("orders.mute_alert"))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only the buttons that change something, and none for who may only look."""
        alert = self.get_object(request, str(object_id))
        if alert is None or alert.closed_at or not self.has_mute_permission(request):
            return []
        hidden = {"mute" if alert.is_muted else "unmute"} | (set() if _names_cluster(alert) else {"dismiss"})
        shown = super().get_actions_detail(request, object_id)
        return [one for one in shown if one.action_name.partition("_alert_")[2] not in hidden]

    @action(description="Dismiss", url_path="dismiss", icon="check")
    def dismiss(self, request: HttpRequest, object_id: int) -> HttpResponse:
        alert = found_or_404(self, request, object_id)
        return ask(
            self, request, alert, title=f"Dismiss: {alert}", button="Dismiss",
            consequence="The cluster is not missed any more, and the alert ends with the next look. If it lives after "
            "all, it is known again at its next sign of life.",
            do=lambda _values: self._dismiss(alert), allowed=self.has_mute_permission(request),
        )  # fmt: skip

    @action(description="Mute", url_path="mute", icon="notifications_off")
    def mute(self, request: HttpRequest, object_id: int) -> HttpResponse:
        alert = found_or_404(self, request, object_id)
        return ask(
            self, request, alert, title=f"Mute: {alert}", consequence=MUTING, button="Mute",
            do=lambda values: self._mute(request, alert, **values), form_class=MuteForm,
            allowed=self.has_mute_permission(request),
        )  # fmt: skip

    @action(description="Unmute", url_path="unmute", icon="notifications_active")
    def unmute(self, request: HttpRequest, object_id: int) -> HttpResponse:
        alert = found_or_404(self, request, object_id)
        return ask(
            self, request, alert, title=f"Unmute: {alert}", button="Unmute",
            consequence="It is told again with the next look, if it is still there.",
            do=lambda _values: self._unmute(alert), allowed=self.has_mute_permission(request),
        )  # fmt: skip

    @action(description="Mute for a day", permissions=["mute"])
    def mute_many(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        do_each(
            request, queryset, lambda one: self._mute(request, one, 24, ""), done="muted for a day", refuse=NotDone
        )  # fmt: skip

    @action(description="Unmute", permissions=["mute"])
    def unmute_many(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        do_each(request, queryset, lambda one: self._unmute(one), done="unmuted", refuse=NotDone)

    def _mute(self, request: HttpRequest, alert: Alert, hours: int, reason: str) -> str:
        until = timezone.now() + timedelta(hours=hours)
        values = {"muted_until": until, "muted_by": request.user, "mute_reason": reason}
        return self._write(alert, values, f"muted until {moment(until)}{f': {reason}' if reason else ''}")

    def _dismiss(self, alert: Alert) -> str:
        if not (_names_cluster(alert) and Cluster.objects.filter(pk=alert.key).delete()[0]):
            raise NotDone("only a cluster that is missed can be dismissed")
        return "The cluster is not missed any more"

    def _unmute(self, alert: Alert) -> str:
        if not alert.is_muted:
            raise NotDone("it is not muted")
        # The end of the mute stays, so that what happened in it is told now.
        return self._write(alert, {"muted_until": timezone.now(), "mute_reason": ""}, "unmuted")

    def _write(self, alert: Alert, values: dict[str, Any], said: str) -> str:
        if not Alert.objects.filter(pk=alert.pk, closed_at=None).update(**values):
            raise NotDone("it is over")
        return f"Alert {said}"

    @display(description="alert", ordering="text")
    def what(self, obj: Alert) -> str:
        return clip(obj.text, 70)

    @display(description="severity", ordering="severity", label=SEVERITY_COLOURS)
    def shown_severity(self, obj: Alert) -> tuple[str, str]:
        return obj.severity, obj.get_severity_display()

    @display(description="severity")
    def severity_label(self, obj: Alert) -> str:
        return labelled(SEVERITY_COLOURS[Severity(obj.severity)], obj.get_severity_display())

    @display(description="state", label=STATE_COLOURS)
    def shown_state(self, obj: Alert) -> tuple[str, str]:
        return obj.state, STATES[obj.state]

    @display(description="state")
    def state_label(self, obj: Alert) -> str:
        return labelled(STATE_COLOURS[obj.state], STATES[obj.state])

    @display(description="since", ordering="opened_at")
    def since(self, obj: Alert) -> str:
        return ago(obj.opened_at)

    @display(description="told", ordering="told_at")
    def told(self, obj: Alert) -> str:
        """When it last left, or until when what is to be told waits: in the quiet hours nobody heard of it yet."""
        waits = getattr(obj, "waits_until", None)
        if waits is not None and waits > timezone.now():
            return f"waits until {moment(waits)}"
        return ago(getattr(obj, "left_at", None))

    @display(description="found")
    def opened(self, obj: Alert) -> str:
        return f"{moment(obj.opened_at)}, last seen {moment(obj.seen_at)}"

    @display(description="over")
    def closed(self, obj: Alert) -> str:
        return moment(obj.closed_at)

    @display(description="oldest")
    def oldest_at(self, obj: Alert) -> str:
        return moment(obj.oldest)

    @display(description="where it is mended")
    def mended(self, obj: Alert) -> str:
        if not obj.path:
            return "–"
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">Go there</a>', obj.path)

    @display(description="muted")
    def muted(self, obj: Alert) -> str:
        if obj.muted_until is None:
            return "–"
        reason = f": {obj.mute_reason}" if obj.mute_reason else ""
        return f"until {moment(obj.muted_until)} by {obj.muted_by or 'somebody'}{reason}"


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ReadOnly):
    empty_hint = "What is told by e-mail or web-hook shows here; the alert settings say to whom."
    list_display = ("written", "sort", "channel", "shown_status", "short_subject", "attempts", "short_error")
    list_filter = ("status", "channel", "what")
    search_fields = ("subject", "last_error")
    export_columns = ("created_at", "what", "channel", "status", "subject", "attempts", "sent_at", "finished_at",
                      "last_error")  # fmt: skip
    show_full_result_count = False
    fields = ("subject", "sort", "channel", "target", "status_label", "attempts", "not_before", "sent_at",
              "finished_at", "last_error", "alert", "shown_text")  # fmt: skip
    actions_detail = ["again"]

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        row = self.get_object(request, str(object_id))
        may = row is not None and _may_be_sent_again(row) and self._may_resend(request)
        return super().get_actions_detail(request, object_id) if may else []

    @action(description="Retry", url_path="again", icon="refresh")
    def again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = found_or_404(self, request, object_id)
        return ask(
            self, request, row, title=f"Retry: {row}", button="Retry",
            consequence="A worker sends it within a minute if its cause is still there; in the quiet hours only what "
            "is critical, the rest at their end.",
            do=self._retrying(row), allowed=self._may_resend(request),
        )  # fmt: skip

    def _may_resend(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and bool(request.user.has_perm("orders.resend_alertdelivery"))

    def _retrying(self, row: AlertDelivery) -> Callable[[dict[str, Any]], str]:
        def do(_values: dict[str, Any]) -> str:
            if not _may_be_sent_again(row):
                raise NotDone("only a message that was given up or waits can be sent again")
            retry(row)
            return "It is sent within a minute"

        return do

    @display(description="written", ordering="created_at")
    def written(self, obj: AlertDelivery) -> str:
        return ago(obj.created_at)

    @display(description="message", ordering="what")
    def sort(self, obj: AlertDelivery) -> str:
        return str(obj.get_what_display())

    @display(description="status", ordering="status", label=TRANSMISSION_COLOURS)
    def shown_status(self, obj: AlertDelivery) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="status")
    def status_label(self, obj: AlertDelivery) -> str:
        return _status(obj)

    @display(description="subject")
    def short_subject(self, obj: AlertDelivery) -> str:
        return clip(obj.subject or "not written yet", 60)

    @display(description="last error")
    def short_error(self, obj: AlertDelivery) -> str:
        return clip(obj.last_error, 60)

    @display(description="text")
    def shown_text(self, obj: AlertDelivery) -> str:
        return format_html('<pre class="legible text-xs">{}</pre>', obj.text) if obj.text else "not written yet"


def _names_cluster(alert: Alert) -> bool:
    return alert.kind == AlertKind.WORKERS and bool(alert.key)


def _status(row: AlertDelivery) -> str:
    return labelled(TRANSMISSION_COLOURS[Transmission.Status(row.status)], row.get_status_display())


def _may_be_sent_again(row: AlertDelivery) -> bool:
    is_waiting = row.status in Transmission.CLAIMABLE and row.attempts > 0
    return row.what != AlertDelivery.What.TEST and (row.status == Transmission.Status.PARKED or is_waiting)
