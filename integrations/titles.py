"""What a page of the admin is called in the browser's tab, where Django's words say less than ours."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin


class Titled(ModelAdmin):  # type: ignore[misc]
    """A list is called by what it lists, and the page that deletes a record by that record."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(str(self.opts.verbose_name_plural))
        answer: HttpResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return answer

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        is_possible = not (context["perms_lacking"] or context["protected"])
        doing = "Delete" if is_possible else "Cannot delete"
        context["title"] = f"{doing} {self.opts.verbose_name} {context['object']}"
        answer: HttpResponse = super().render_delete_form(request, context)
        return answer
