"""Records whose earlier states are kept, with who, when and why, and can be put back; deleted ones, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from simple_history.admin import SimpleHistoryAdmin
from simple_history.template_utils import HistoricalRecordContextHelper
from unfold.decorators import action

from integrations.admin.paging import around
from inventory.alias_effects import Effect
from inventory.alias_plan import LONGEST_REASON

REASON, PUT_BACK = "_reason", "_put_back"
PER_PAGE = 50
NO_REASON = "Nothing was put back: say why first. The reason is kept in the history."
STAYS = "It stays as it is now."
IS_GONE = "It was deleted, so what there is now stays."
NO_OWNER = "It cannot come back: what it belonged to was deleted too. Bring that back first, or add it anew."


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting as it is now, and as it was. `stays` says why it is not put back; empty if it is."""

    name: str
    now: str
    then: str
    stays: str = ""


class Words(HistoricalRecordContextHelper):
    """What changed, in the words of the form."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        field = self.model._meta.get_field(change.field)
        return value if field.is_relation and value is not None else _spoken(field, value)


class History(SimpleHistoryAdmin):
    """Goes before ChangedFieldsOnly. Every change may have a reason; putting an earlier state back must."""

    change_form_after_template = "admin/inventory/reason.html"
    object_history_list_template = "admin/inventory/states.html"
    actions_list: Sequence[str] = ["deleted"]
    # Fields that no form sets and no earlier state brings back, and what does.
    set_elsewhere: Mapping[str, str] = {}

    def effects(self, now: Any, then: Any) -> list[Effect]:
        """What would come of putting this earlier state back, where that is known; `now` is None for a deleted one."""
        return []

    def revive(self, obj: Any) -> None:
        """Change what a deleted record must not come back with."""

    def before_return(self, request: HttpRequest, obj: Any) -> HttpResponse | None:
        """The page that a person is to see before this deleted record comes back; None: it may."""
        return None

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "POST" and PUT_BACK in request.POST and not reason_of(request):
            messages.error(request, NO_REASON)
            return redirect(request.get_full_path())
        more = {"longest_reason": LONGEST_REASON, **(extra_context or {})}
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, more)
        return answer

    def get_historical_record_context_helper(self, request: HttpRequest, historical_record: Any) -> Words:
        return Words(self.model, historical_record)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj._change_reason = reason_of(request) or None
        super().save_model(request, obj, form, change)

    @action(description="Deleted", url_path="deleted", icon="restore_from_trash", permissions=["view"])
    def deleted(self, request: HttpRequest) -> HttpResponse:
        """What was deleted and is not there again, the last one first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        there = self.model._default_manager.order_by().values("pk")
        gone = self.model.history.filter(history_type="-").exclude(id__in=there).select_related("history_user")
        page = Paginator(gone, PER_PAGE).get_page(request.GET.get("page"))
        rows = [(one, str(one.instance), self._url("simple_history", one.id, one.pk)) for one in page]
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "rows": rows, "page": page,
            "title": f"Deleted {self.opts.verbose_name_plural}", "pages": around(page),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/deleted.html", context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """An earlier state beside the present one. To put it back is a change like any other, or adding it again."""
        obj = self.get_object(request, object_id)
        then = self._version(object_id, version_id)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None and request.method == "POST":
            return self._bring_back(request, then)
        context = self._of_gone(request, then) if obj is None else self._of_present(request, obj, then)
        context |= {
            **self.admin_site.each_context(request), "opts": self.opts, "then": then, "object": obj,
            "effects": self.effects(obj, then) if context["differences"] and not _is_orphan(then) else [],
            "longest_reason": LONGEST_REASON, "history_url": self._url("history", object_id),
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/earlier_settings.html", context)

    def _of_present(self, request: HttpRequest, obj: Any, then: Any) -> dict[str, Any]:
        form = self.get_form(request, obj, change=True)(instance=obj)
        may = self.has_change_permission(request, obj)
        # Who may only look has a form without fields, and sees what differs all the same; and so is what no form sets.
        columns = self._columns(then, flatten_fieldsets(self.get_fieldsets(request, obj)))
        stays = {field.name: self._why_not(field, then, form) if may else "" for field in columns}
        found = [_difference(field, obj, then, stays[field.name]) for field in columns]
        back = [field for field in columns if field.name in form.fields and not stays[field.name]]
        form.initial.update({field.name: field.value_from_object(then) for field in back})
        differences = [one for one in found if one]
        return {
            "title": f"{obj} as it was", "differences": differences, "form": form,
            "address": self._url("change", obj.pk), "may_put_back": may and any(not one.stays for one in differences),
        }  # fmt: skip

    def _why_not(self, field: Any, then: Any, form: Any) -> str:
        """Why this setting is not put back with the others; empty if it is."""
        if field.name not in form.fields:
            return self.set_elsewhere.get(field.name, STAYS)
        return IS_GONE if _is_gone(field, then) else ""

    def _of_gone(self, request: HttpRequest, then: Any) -> dict[str, Any]:
        columns = self._columns(then, flatten_fieldsets(self.get_fieldsets(request)))
        told = [Difference(_name(one), "deleted", _spoken(one, one.value_from_object(then))) for one in columns]
        return {
            "title": f"{then.instance}, which was deleted", "differences": told, "form": (),
            "address": request.path, "may_put_back": self.has_add_permission(request) and not _is_orphan(then),
        }  # fmt: skip

    def _columns(self, then: Any, named: Any) -> list[Any]:
        """The columns that the history keeps, of the fields with these names."""
        kept = {field.name for field in then.tracked_fields}
        return [self.opts.get_field(name) for name in named if name in kept]

    def _bring_back(self, request: HttpRequest, then: Any) -> HttpResponse:
        """Add a deleted record again, under its old key, so that its history goes on."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        obj, why = then.instance, reason_of(request)
        try:
            if not why:
                raise ValidationError(NO_REASON)
            if _is_orphan(then):
                raise ValidationError(NO_OWNER)
            with transaction.atomic():
                self.revive(obj)
                obj.full_clean()
                page = self.before_return(request, obj)
                if page is not None:
                    return page
                self.save_model(request, obj, None, change=False)
                self.log_addition(request, obj, f"Brought back: {why}")
        except ValidationError as exc:
            messages.error(request, " ".join(exc.messages))
            return redirect(request.path)
        messages.success(request, f"{obj} is there again.")
        return redirect(self._url("change", obj.pk))

    def _version(self, object_id: str, version_id: str) -> Any:
        try:
            found = self.model.history.filter(pk=version_id, id=object_id).first()
        except (ValueError, OverflowError, ValidationError):
            found = None
        if found is None:
            raise Http404(f"{self.opts.verbose_name} {object_id!r} has no state {version_id!r}")
        return found

    def _url(self, name: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)


def _is_orphan(then: Any) -> bool:
    """Whether something that it belonged to is not there any more."""
    return any(_is_gone(field, then) for field in then.tracked_fields if field.is_relation)


def _is_gone(field: Any, then: Any) -> bool:
    key = field.value_from_object(then) if field.is_relation else None
    return bool(key) and not field.related_model._default_manager.filter(pk=key).exists()


def reason_of(request: HttpRequest) -> str:
    """Why, as a person gave it; empty for none."""
    return request.POST.get(REASON, "").replace("\x00", "").strip()[:LONGEST_REASON]


def _difference(field: Any, obj: Any, then: Any, stays: str) -> Difference | None:
    now, earlier = field.value_from_object(obj), field.value_from_object(then)
    return None if now == earlier else Difference(_name(field), _spoken(field, now), _spoken(field, earlier), stays)


def _name(field: Any) -> str:
    return str(field.verbose_name)


def _spoken(field: Any, value: Any) -> str:
    if value in (None, ""):
        return "nothing"
    if field.is_relation:
        found = field.related_model._default_manager.filter(pk=value).first()
        return str(found or f"one that is gone (id {value})")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(dict(field.flatchoices).get(value, value))
