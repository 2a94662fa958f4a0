"""What every page of the admin shares: people's changes never undo a worker's, and every change asks first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.admin import ModelAdmin


class ChangedFieldsOnly(ModelAdmin):
    """Saves only the fields that the person changed, so that a worker's write in the meantime stands."""

    list_fullwidth = True
    warn_unsaved_form = True

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.save()
            return
        names = {field.name for field in obj._meta.concrete_fields}
        changed = [name for name in form.changed_data if name in names]
        extra = self.fields_set_by(form)
        if changed or extra:
            obj.save(update_fields=[*changed, *extra])

    def fields_set_by(self, form: Any) -> list[str]:
        """Model fields that a form field of another name sets."""
        return []


class ReadOnly(ModelAdmin):
    """A record of what happened: looked at, never edited."""

    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=200, widget=forms.Textarea(attrs={"rows": 2, "cols": 60, "class": "border rounded p-2"})
    )


class Nothing(forms.Form):
    """A question that needs no more than yes."""


def ask(
    admin: ModelAdmin, request: HttpRequest, obj: Any, *, title: str, consequence: str,
    do: Callable[[dict[str, Any]], str], form_class: type[forms.Form] = Nothing, refuse: type[Exception] = ValueError,
) -> HttpResponse:  # fmt: skip
    """Ask before anything is changed: GET shows what would happen, POST does it and goes back to the record."""
    if not admin.has_change_permission(request, obj):
        raise PermissionDenied
    form = form_class(request.POST if request.method == "POST" else None)
    back = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change"
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, do(form.cleaned_data))
        except refuse as exc:
            messages.error(request, str(exc))
        return redirect(back, obj.pk)
    context = {
        **admin.admin_site.each_context(request),
        "title": title, "consequence": consequence, "form": form, "object": obj, "opts": obj._meta, "back": back,
    }  # fmt: skip
    return TemplateResponse(request, "admin/ask.html", context)


def clip(text: str, limit: int = 40) -> str:
    """The beginning of a long text, the whole on hover: one ugly record must not stretch a list."""
    return text if len(text) <= limit else format_html('<span title="{}">{}…</span>', text, text[: limit - 1])


def ago(at: Any) -> str:
    """How long ago, with the exact time on hover."""
    if at is None:
        return "–"
    return format_html(
        '<span title="{}">{} ago</span>', f"{at:%Y-%m-%d %H:%M:%S} UTC", timesince(at, timezone.now()).split(",")[0]
    )
