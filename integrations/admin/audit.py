"""The audit log: who did what to which record, and when. Nobody edits it, and nothing of it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst
from unfold.decorators import display

from integrations.admin.by_date import ByDate
from integrations.admin_base import ReadOnly, ago, clip
from integrations.wording import moment

KINDS = {ADDITION: ("success", "Added"), CHANGE: ("info", "Changed"), DELETION: ("danger", "Deleted")}
COLOURS = {text: colour for colour, text in KINDS.values()}


@admin.register(LogEntry)
class LogEntryAdmin(ByDate, ReadOnly):
    empty_hint = "What people do in the admin is written down here, for good."
    list_filter = ("action_flag", "user", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")
    list_select_related = ("user", "content_type")
    date_hierarchy = "action_time"
    show_full_result_count = False
    export_columns = ("action_time", "user__username", "action_flag", "content_type__model", "object_id", "object_repr",
                      "change_message")  # fmt: skip
    export_words = {"change_message": lambda kept: LogEntry(change_message=kept).get_change_message()}

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("at", "user", "kind", "record_kind", _record_for(request.user), "what")

    def get_fields(self, request: HttpRequest, obj: LogEntry | None = None) -> Any:
        return ("exactly", "who", "kind", "record_kind", _record_for(request.user), "in_full")

    @display(description="when", ordering="action_time")
    def at(self, obj: LogEntry) -> str:
        return ago(obj.action_time)

    @display(description="when")
    def exactly(self, obj: LogEntry) -> str:
        return moment(obj.action_time)

    @display(description="user")
    def who(self, obj: LogEntry) -> str:
        """Their name alone: the user's own page is for administrators."""
        return obj.user.get_username()

    @display(description="action", ordering="action_flag", label=COLOURS)
    def kind(self, obj: LogEntry) -> str:
        return KINDS[obj.action_flag][1]

    @display(description="kind of record", ordering="content_type")
    def record_kind(self, obj: LogEntry) -> str:
        return capfirst(obj.content_type.name) if obj.content_type else "–"

    @display(description="what")
    def what(self, obj: LogEntry) -> str:
        return clip(_said(obj), 48)

    @display(description="what")
    def in_full(self, obj: LogEntry) -> str:
        return _said(obj)


def _record_for(user: Any) -> Callable[[LogEntry], str]:
    """A column with the record, which is a link for who may see it."""

    @display(description="record", ordering="object_repr")
    def record(obj: LogEntry) -> str:
        text, kind = clip(obj.object_repr, 40), obj.content_type
        address = obj.get_admin_url() if kind and obj.action_flag != DELETION else None
        if address is None or kind is None or not user.has_perm(f"{kind.app_label}.view_{kind.model}"):
            return text
        return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', address, text)

    column: Callable[[LogEntry], str] = record
    return column


def _said(entry: LogEntry) -> str:
    return entry.get_change_message() or KINDS[entry.action_flag][1]
