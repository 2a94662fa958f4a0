"""What every page of the admin shares: people's changes never undo a worker's, and every change asks first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil
from unfold.admin import ModelAdmin, TabularInline, checkbox
from unfold.decorators import display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from integrations.admin_forms import ShownForm
from integrations.exports import Exported
from integrations.titles import Titled
from integrations.transmissions import Transmission
from integrations.walking import along, back_of, through_list, way_of
from integrations.wording import job_name, moment

T = Transmission.Status
TRANSMISSION_COLOURS = {
    T.PENDING: "info", T.IN_FLIGHT: "info", T.UNCONFIRMED: "warning", T.ACCEPTED: "success", T.PARKED: "danger",
    T.WITHDRAWN: "default",
}  # fmt: skip


def is_saving(request: HttpRequest) -> bool:
    """Whether a form is being saved, in a transaction: what is read now may be kept from changing."""
    return request.method == "POST" and transaction.get_connection().in_atomic_block


def is_list(request: HttpRequest) -> bool:
    """Whether the page shows a list, whose rows do without what is long in a record."""
    return str(getattr(request.resolver_match, "url_name", "")).endswith("_changelist")


class Rows(ChangeList):
    """Rows of which a page offers to show all only where a filter or a search leaves some out."""

    full_result_count: int | None
    result_list: QuerySet[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._addresses: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """The theme makes the addresses of all heads again for each row."""
        asked = f"{new_params} {remove}"
        if asked not in self._addresses:
            self._addresses[asked] = super().get_query_string(new_params, remove)
        return self._addresses[asked]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.multi_page:
            self.result_list = self._joined(self.result_list)
        if self.full_result_count is None and not self.query and not self.get_filters_params():
            self.full_result_count = self.result_count

    def _joined(self, page: QuerySet[Any]) -> QuerySet[Any]:
        """The same rows, found by their keys first: a database joins to every row that a page leaves out before it."""
        keys = list(page.select_related(None).prefetch_related(None).values_list("pk", flat=True))
        rows: QuerySet[Any] = self.root_queryset.filter(pk__in=keys).order_by(*page.query.order_by)
        return rows if rows.query.select_related else self.apply_select_related(rows)


class Walked(Titled, Exported):
    """Records whose pages lead on through the list that somebody came from."""

    change_form_outer_before_template = "admin/walk.html"
    list_per_page = 50

    @display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, obj: models.Model) -> str:
        """As the theme has it, without a template for each row."""
        of = checkbox.attrs
        text = '<input type="checkbox" name="{}" value="{}" class="{}" aria-label="{}">'
        return format_html(text, ACTION_CHECKBOX_NAME, obj.pk, of["class"], of["aria-label"])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Rows]:
        return Rows

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        obj = context.get("original")
        walk = context["walk"] if "walk" in context else through_list(self, request, obj) if obj else None
        way = walk.way if walk else way_of(request)
        for one in context.get("actions_detail") or []:
            if "path" in one:
                one["path"] = along(way, one["path"])
        context |= {"walk": walk, "way": along(way, "")}
        return super().render_change_form(request, context, *args, **kwargs)


class ChangedFieldsOnly(Walked):
    """Saves only the fields that the person changed, so that what others wrote in the meantime stands."""

    form = ShownForm
    change_form_after_template = "admin/shown.html"
    list_fullwidth = True
    warn_unsaved_form = True

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The record; while a form is being saved it is kept from changing until that is done."""
        found = super().get_object(request, object_id, from_field)
        if found is None or not is_saving(request):
            return found
        self.model._default_manager.select_for_update().filter(pk=found.pk).order_by("pk").first()
        return super().get_object(request, object_id, from_field)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.save()
            return
        names = [*columns_of(obj, form.changed_data), *self.fields_set_by(form)]
        if names:
            obj.save(update_fields=names)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for obj in formset.deleted_objects:
            obj.delete()
        for obj, names in formset.changed_objects:
            self.save_inline(request, obj, columns_of(obj, names))
        for obj in formset.new_objects:
            obj.save()
        formset.save_m2m()

    def save_inline(self, request: HttpRequest, obj: Any, names: list[str]) -> None:
        """Save what the person changed of a row below the record."""
        obj.save(update_fields=names)

    def fields_set_by(self, form: Any) -> list[str]:
        """Model fields that a form field of another name sets."""
        return []


class Kept(ModelAdmin):
    """Records that are deleted one by one, and only before they were used.

    `traces` point to one without making it used, and go with it; `instead` says what is done with one that was used.
    """

    traces: tuple[type[models.Model], ...] = ()
    instead = ""

    def get_actions(self, request: HttpRequest) -> Any:
        """Only its own page says whether one was used."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or not is_used(obj, apart_from=self.traces))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Back to its page, with the reason, for who may delete it but for that."""
        obj = self.get_object(request, object_id)
        if obj is None or not self.has_delete_permission(request) or self.has_delete_permission(request, obj):
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)
            return answer
        messages.error(request, f"Nothing was deleted: {obj} is in use. {self.instead}")
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", obj.pk)


class ChangedRowsOnly(TabularInline):
    """Rows below a record, saved in the same way."""

    form = ShownForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        parent = self.admin_site._registry[self.parent_model]
        fields = super().get_fields(request, obj)
        return [*fields, "shown"] if parent.has_change_permission(request, obj) else fields

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_for_update() if is_saving(request) else rows

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A field of a row has no label but the head of its column, which is said to who cannot see that."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs.setdefault("aria-label", str(field.label))
        return field


class ReadOnly(Walked):
    """A record of what happened: looked at, never edited."""

    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def columns_of(obj: models.Model, names: list[str]) -> list[str]:
    """Those of the names that are the record's own columns."""
    own = {field.name for field in obj._meta.concrete_fields}
    return [name for name in names if name in own]


def found_or_404(admin: ModelAdmin, request: HttpRequest, object_id: object) -> Any:
    """The record of an address. Raises Http404 when there is none, also for what cannot be a key."""
    found = admin.get_object(request, str(object_id))
    if found is None:
        raise Http404(f"there is no {admin.opts.verbose_name} {object_id!r}")
    return found


def visible_or_404(admin: ModelAdmin, request: HttpRequest, object_id: object) -> Any:
    """The same, for a view that shows it. Raises PermissionDenied for who may not see it."""
    found = found_or_404(admin, request, object_id)
    if not admin.has_view_permission(request, found):
        raise PermissionDenied
    return found


class NotDone(Exception):
    """What a person asked for did not come right; the text says how."""


WITH_CURSOR = UnfoldAdminTextareaWidget(attrs={"rows": 2, "autofocus": True})  # nobody need go past the menu to it


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=200, widget=WITH_CURSOR)


class NoteForm(forms.Form):
    note = forms.CharField(max_length=200, widget=WITH_CURSOR, label="What was done about it")


class Nothing(forms.Form):
    """A question that needs no more than yes."""


def ask(
    admin: ModelAdmin, request: HttpRequest, obj: Any, *, title: str, consequence: str,
    do: Callable[[dict[str, Any]], str | HttpResponse], button: str, form_class: type[forms.Form] = Nothing,
    refuse: type[Exception] = NotDone, allowed: bool | None = None, back: Any = None, stopped: str = "",
) -> HttpResponse:  # fmt: skip
    """Ask before anything is changed: GET shows what would happen, POST does it and goes back to the record.

    What was done is in the audit log. It may lead elsewhere: then `do` answers the request itself, and logs.
    Who may change the record may do it, unless `allowed` says otherwise. `back` is another record to go back to, or an
    address; one that the request's own address names comes before it. `stopped` says why it cannot be done now: the
    page says only that, and leads back; `do` refuses it.
    """
    if not (admin.has_change_permission(request, obj) if allowed is None else allowed):
        raise PermissionDenied
    form = form_class(request.POST if request.method == "POST" else None)
    home = obj if back is None else back
    home_url = back_of(request) or (home if isinstance(home, str) else along(way_of(request), _page_of(home)))
    if request.method == "POST" and form.is_valid():
        try:
            done = do(form.cleaned_data)
            if isinstance(done, HttpResponse):
                return done
            log(request, [obj], done + _because(form.cleaned_data))
            messages.success(request, done)
        except refuse as exc:
            messages.error(request, str(exc))
        return redirect(home_url)
    return question(
        admin, request, form, title=title, consequence=stopped or consequence, button="" if stopped else button,
        back=home_url, object=obj,
    )  # fmt: skip


def _page_of(record: Any) -> str:
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])


def leads_to(answer: HttpResponse, origin: str) -> None:
    """The form on this page sends the browser on to another host, perhaps by way of more of them."""
    answer.leads_to = f"https: {origin}"  # type: ignore[attr-defined]


def _because(values: dict[str, Any]) -> str:
    why = values.get("reason") or values.get("note")
    return f": {why}" if why else ""


NAMED = 2


def do_each(
    request: HttpRequest, rows: QuerySet[Any], do: Callable[[Any], object], *, done: str, refuse: type[Exception],
    because: str = "",
) -> None:  # fmt: skip
    """Do it to each record, and say in one sentence how many it was done to and why not to the others.

    The audit log has a line for each that it was done to, with the reason in `because`.
    """
    number, refused = 0, []
    for row in rows:
        try:
            do(row)
            log(request, [row], f"{done.capitalize()}{because}")
            number += 1
        except refuse as exc:
            refused.append((row, exc))
    text = f"{number} {done}"
    if refused:
        names = ", ".join(str(row) for row, _ in refused[:NAMED])
        more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
        text += f"; {len(refused)} not: {names}{more} ({refused[0][1]})"
    level = messages.SUCCESS if not refused else messages.WARNING if number else messages.ERROR
    messages.add_message(request, level, text)


def log(request: HttpRequest, records: Sequence[Any], text: str) -> None:
    """The audit log's line of what this person did to each of these records, where no form of the admin wrote it."""
    LogEntry.objects.log_actions(request.user.pk, records, CHANGE, text)  # type: ignore[arg-type]


def is_used(record: models.Model, *, apart_from: tuple[type[models.Model], ...] = ()) -> bool:
    """Whether any other record points to this one, apart from these."""
    relations = [one for one in record._meta.related_objects if one.related_model not in apart_from]
    users = [
        models.Exists(one.related_model._default_manager.filter(**{one.field.name: models.OuterRef("pk")}))
        for one in relations
    ]
    mine = type(record)._default_manager.filter(pk=record.pk)
    return bool(users) and mine.filter(reduce(or_, map(models.Q, users))).exists()


def question(admin: ModelAdmin, request: HttpRequest, form: forms.Form, **context: Any) -> HttpResponse:
    """The page with a form that is asked before something is done; its texts are in the context."""
    page = {**admin.admin_site.each_context(request), "opts": admin.opts, "form": form, **context}
    return TemplateResponse(request, "admin/ask.html", page)


ONE_LINE, ON_A_CARD = 30, 300
CLIPPED = (
    '<span class="{}" style="max-width: {}" title="{}">{}<span class="dots">…</span><span class="rest">{}</span></span>'
)
NUMBER = 24  # longer texts are words, which may take several lines where the list is narrow


def clip(text: str, limit: int = 40) -> str:
    """The beginning of a long text, the whole on hover and on a card: one ugly record must not stretch a list."""
    if len(text) > limit:
        beginning, width = text[: limit - 1], f"{limit * 0.45:.1f}rem"
        rest = text[limit - 1 :] if len(text) <= ON_A_CARD else f"{text[limit - 1 : ON_A_CARD]}…"
        kind = "clipped wraps" if limit > NUMBER else "clipped"
        return format_html(CLIPPED, kind, width, text, beginning, rest)
    return format_html('<span class="one-line">{}</span>', text) if text and limit <= ONE_LINE else text or "–"


def job_label(job: str) -> str:
    """A job's name in words, the name that the command line takes on hover."""
    return format_html('<span class="one-line" title="{}">{}</span>', job, job_name(job))


def job_in_full(job: str) -> str:
    """A job's name in words, and the one that the command line takes."""
    return f"{job_name(job)} (on the command line: {job})"


def labelled(colour: str, text: str) -> str:
    """A coloured label for a record's own page; lists make theirs from a display's `label`."""
    return render_to_string("unfold/helpers/label.html", {"type": colour, "text": text})


def ago(at: datetime | None) -> str:
    """How long ago, or in how long, with the exact time on hover: what a list says of a time."""
    if at is None:
        return "–"
    now = timezone.now()
    if abs(at - now) < timedelta(minutes=1):
        text = "in a moment" if at > now else "just now"
    else:
        text = f"in {timeuntil(at, now).split(',')[0]}" if at > now else f"{timesince(at, now).split(',')[0]} ago"
    stamp = at.isoformat(timespec="seconds")  # the page's script adds the local time to the title
    return format_html('<time datetime="{}" title="{}" class="one-line">{}</time>', stamp, moment(at), text)
