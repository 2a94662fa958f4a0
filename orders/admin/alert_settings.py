"""The page of the alert settings: whom to tell what, and when; and a test that shows at once whether it arrives."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldBooleanWidget

from integrations.admin_base import ChangedFieldsOnly, NotDone, ask, found_or_404
from integrations.admin_forms import ShownForm
from integrations.connection_form import hidden_input
from integrations.errors import Misconfigured
from integrations.transmissions import Transmission
from integrations.wording import moment
from orders.alerting import channels, delivering
from orders.models import AlertDelivery, AlertKind, AlertSettings

TESTING = "Sends a message to every recipient and to the web-hook now, and shows what each of them answered."
WEBHOOK_HINT = (
    "The address of an incoming web-hook of Slack or Mattermost, or of anything that takes JSON. It is stored "
    "encrypted and never shown."
)
NO_CHANNEL = "Nobody can be told: enter recipients, or a web-hook, and save."


class AlertSettingsForm(ShownForm):
    """The web-hook's address goes in and never comes out."""

    webhook_url = forms.CharField(label="Web-hook", required=False, max_length=2000, widget=hidden_input())
    forget_webhook = forms.BooleanField(label="Forget the web-hook", required=False, widget=UnfoldBooleanWidget())
    told_kinds = forms.MultipleChoiceField(
        label="Told of", choices=AlertKind.choices, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="What is not ticked is on the list of alerts all the same.",
    )  # fmt: skip

    class Meta:
        model = AlertSettings
        fields = ("recipients", "critical", "warning", "info", "tells_end", "time_zone", "digest_hour", "quiet_from",
                  "quiet_until", "cool_down_minutes", "reminder_hours")  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        untold = self.instance.untold_kinds
        self.initial["told_kinds"] = [kind for kind in AlertKind.values if kind not in untold]
        self.fields["webhook_url"].help_text = f"{WEBHOOK_HINT} {self._what_is_used()}"

    def _what_is_used(self) -> str:
        if self.instance.encrypted_webhook_url:
            return "One is stored; leave this empty to keep it."
        if settings.ALERT_WEBHOOK_URL:
            return f"Empty: that of ALERT_WEBHOOK_URL, at {channels.host_of(settings.ALERT_WEBHOOK_URL)}."
        return "None is set."

    def clean_webhook_url(self) -> str:
        url = str(self.cleaned_data["webhook_url"]).strip()
        problem = channels.problem_with(url) if url else ""
        if problem:
            raise forms.ValidationError(f"The address {problem}.")
        return url

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if values.get("webhook_url") and values.get("forget_webhook"):
            self.add_error("forget_webhook", "Either enter another web-hook or forget it.")
        return values

    def save(self, commit: bool = True) -> Any:
        values = self.cleaned_data
        if values.get("webhook_url") or values.get("forget_webhook"):
            self.instance.set_webhook_url(values["webhook_url"])
        self.instance.untold_kinds = [kind for kind in AlertKind.values if kind not in values["told_kinds"]]
        return super().save(commit)


@admin.register(AlertSettings)
class AlertSettingsAdmin(ChangedFieldsOnly):
    form = AlertSettingsForm
    readonly_fields = ("ways", "looked")
    actions_detail = ["send_test"]
    fieldsets = (
        (None, {"fields": ("ways", "recipients", "webhook_url", "forget_webhook", "looked")}),
        ("What, and how soon", {"fields": ("critical", "warning", "info", "tells_end", "told_kinds")}),
        ("When", {"fields": ("time_zone", "quiet_from", "quiet_until", "digest_hour", "cool_down_minutes",
                             "reminder_hours")}),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look gets every field as plain text, and those of the form alone have none."""
        if self.has_change_permission(request, obj):
            return self.fieldsets
        own = ("webhook_url", "forget_webhook", "told_kinds")
        return [
            (title, {"fields": [name for name in one["fields"] if name not in own]}) for title, one in self.fieldsets
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one record: the list is its page."""
        page: HttpResponse = self.changeform_view(request, "1", "", extra_context)
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return super().get_object(request, object_id, from_field) or (
            AlertSettings.current() if object_id == "1" else None
        )

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        return super().get_actions_detail(request, object_id) if self._may_test(request) else []

    def fields_set_by(self, form: Any) -> list[str]:
        names = {"webhook_url": "encrypted_webhook_url", "forget_webhook": "encrypted_webhook_url",
                 "told_kinds": "untold_kinds"}  # fmt: skip
        return sorted({column for name, column in names.items() if name in form.changed_data})

    def _may_test(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and bool(request.user.has_perm("orders.test_alerts"))

    @action(description="Send a test alert", url_path="test", icon="notification_important")
    def send_test(self, request: HttpRequest, object_id: int) -> HttpResponse:
        how = found_or_404(self, request, object_id)
        return ask(
            self, request, how, title="Send a test alert", consequence=TESTING, button="Send a test alert",
            do=lambda _values: self._tested(request, how), allowed=self._may_test(request),
        )  # fmt: skip

    def _tested(self, request: HttpRequest, how: AlertSettings) -> str:
        if not channels.configured(how):
            raise NotDone(NO_CHANNEL)
        rows = delivering.send_test(how)
        well = [row for row in rows if row.status == Transmission.Status.ACCEPTED]
        for row in rows:
            level, said = (messages.INFO, "taken") if row in well else (messages.ERROR, row.last_error)
            messages.add_message(request, level, f"{row.get_channel_display()} to {row.target}: {said}")
        text = f"{len(well)} of {len(rows)} channels took the test"
        if len(well) < len(rows):
            self.log_change(request, how, text)
            raise NotDone(text)
        return text

    @display(description="tells")
    def ways(self, obj: AlertSettings) -> str:
        names = channels.configured(obj)
        found = [f"{AlertDelivery.Channel(name).label.lower()} to {_where(name, obj)}" for name in names]
        missing = "" if channels.has_mail_server() else " No mail leaves before EMAIL_URL is set."
        return (f"By {' and '.join(found)}." if found else NO_CHANNEL) + missing

    @display(description="last look")
    def looked(self, obj: AlertSettings) -> str:
        return moment(obj.looked_at)


def _where(channel: str, how: AlertSettings) -> str:
    """Also of an address that no key opens: this is the page where another one is entered."""
    try:
        return channels.target(channel, how)
    except Misconfigured:
        return "an address that cannot be decrypted with any of CREDENTIALS_KEYS (enter it again)"
