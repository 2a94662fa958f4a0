"""Settings that say before they are saved which quantities would change, keep their history, and can be put back."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from simple_history.admin import SimpleHistoryAdmin

from integrations.admin_base import found_or_404, visible_or_404
from inventory.dry_run import Foreseen

AGREED, PAGE, REASON = "_agreed", "_page", "_reason"
OWN = (AGREED, PAGE, REASON, "csrfmiddlewaretoken")
PER_PAGE = 100
LONGEST_REASON = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting as it is now, and as it was."""

    name: str
    now: str
    then: str


class SettingsHistory(SimpleHistoryAdmin):
    """An admin whose forms are saved only after a look at what that would do. Goes before ChangedFieldsOnly."""

    def foresee(self, form: Any) -> Foreseen | None:
        """What saving this valid form would do to quantities; None where it cannot touch any."""
        raise NotImplementedError

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "POST" and request.POST.get(AGREED) != _fingerprint(request):
            page = self._dry_run(request, object_id)
            if page is not None:
                return page
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj._change_reason = request.POST.get(REASON, "").strip()[:LONGEST_REASON] or None
        super().save_model(request, obj, form, change)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """An earlier state beside the present one. To put it back is a change like any other, with its dry run."""
        obj = visible_or_404(self, request, object_id)
        then = self._version(obj, version_id)
        form = self.get_form(request, obj, change=True)(instance=obj)
        may_put_back = self.has_change_permission(request, obj)
        # Who may only look has a form without fields, and sees what differs all the same.
        named = form.fields if may_put_back else flatten_fieldsets(self.get_fieldsets(request, obj))
        kept = {field.name for field in then.tracked_fields}
        columns = [obj._meta.get_field(name) for name in named if name in kept]
        found = [_difference(field, obj, then) for field in columns]
        form.initial.update({field.name: field.value_from_object(then) for field in columns})
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"{obj} as it was", "object": obj,
            "then": then, "differences": [one for one in found if one], "form": form,
            "may_put_back": may_put_back,
            "change_url": self._url("change", obj), "history_url": self._url("history", obj),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/earlier_settings.html", context)

    def _version(self, obj: Any, version_id: str) -> Any:
        try:
            found = self.model.history.filter(pk=version_id, id=obj.pk).first()
        except (ValueError, OverflowError, ValidationError):
            found = None
        if found is None:
            raise Http404(f"{obj} has no state {version_id!r}")
        return found

    def _url(self, name: str, obj: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[obj.pk])

    def _dry_run(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        """The page that tells it; None where the usual one answers: without the right, or with errors, or nothing."""
        obj = found_or_404(self, request, object_id) if object_id else None
        if not (self.has_change_permission(request, obj) if obj else self.has_add_permission(request)):
            return None
        form = self.get_form(request, obj, change=obj is not None)(request.POST, request.FILES, instance=obj)
        foreseen = self.foresee(form) if form.is_valid() else None
        return None if foreseen is None else self._page(request, obj, form, foreseen)

    def _page(self, request: HttpRequest, obj: Any, form: Any, foreseen: Foreseen) -> HttpResponse:
        page = Paginator(foreseen.rows, PER_PAGE).get_page(request.POST.get(PAGE))
        kept = [(name, value) for name in request.POST if name not in OWN for value in request.POST.getlist(name)]
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Before it is saved: {form.instance}",
            "foreseen": foreseen, "page": page, "kept": kept, "fingerprint": _fingerprint(request),
            "reason": request.POST.get(REASON, ""), "longest_reason": LONGEST_REASON,
            "back": self._url("change", obj) if obj else request.path, "is_deletion": False,
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/dry_run.html", context)


def _fingerprint(request: HttpRequest) -> str:
    """Of what was entered: whoever agrees has seen what comes of just that."""
    entered = sorted((name, request.POST.getlist(name)) for name in request.POST if name not in OWN)
    return sha256(repr(entered).encode("utf-8", "surrogatepass")).hexdigest()


def _difference(field: Any, obj: Any, then: Any) -> Difference | None:
    now, earlier = field.value_from_object(obj), field.value_from_object(then)
    if now == earlier:
        return None
    return Difference(str(field.verbose_name), _spoken(field, now), _spoken(field, earlier))


def _spoken(field: Any, value: Any) -> str:
    if value in (None, ""):
        return "nothing"
    if field.is_relation:
        found = field.related_model._default_manager.filter(pk=value).first()
        return str(found or f"one that is gone (id {value})")
    return str(dict(field.flatchoices).get(value, value))
