"""Inventory rules: what goes before a route's settings, after a look at what it would do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.decorators import display

from integrations.admin_base import ChangedFieldsOnly, ago, clip, found_or_404
from inventory import dry_run
from inventory.admin.history import reason_of
from inventory.admin.settings_history import AGREED, PAGE, PER_PAGE, SettingsHistory, has_agreed
from inventory.alias_plan import LONGEST_REASON
from inventory.dry_run import Foreseen
from inventory.rulebook import in_force
from inventory.rules import InventoryRule

FIGURES = (("reserve", "reserve"), ("max_online", "cap"), ("minimum_level", "minimum level"),
           ("fixed_quantity", "fixed quantity"))  # fmt: skip
COLOURS = {"now": "success", "later": "info", "ended": "default"}


class Holds(admin.SimpleListFilter):
    title, parameter_name = "holds", "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "Now"), ("later", "Later"), ("ended", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InventoryRule]) -> QuerySet[InventoryRule]:
        now = timezone.now()
        chosen = {"now": in_force(now), "later": Q(starts_at__gt=now), "ended": Q(ends_at__lte=now)}
        return queryset.filter(chosen[self.value() or ""]) if self.value() in chosen else queryset


@admin.register(InventoryRule)
class InventoryRuleAdmin(SettingsHistory, ChangedFieldsOnly):
    list_display = ("of", "route", "says", "holds", "starts", "ends", "short_note")
    list_filter = (Holds, "route")
    list_select_related = ("route", "listing")
    search_fields = ("listing__marketplace_sku", "listing__option_sku", "listing__partner_sku", "note")
    export_columns = ("route__name", "listing__marketplace_sku", "reserve", "max_online", "minimum_level",
                      "fixed_quantity", "do_not_publish", "starts_at", "ends_at", "note")  # fmt: skip
    autocomplete_fields = ("listing",)
    fields = ("route", "listing", "reserve", "max_online", "minimum_level", "fixed_quantity", "do_not_publish",
              "starts_at", "ends_at", "note")  # fmt: skip
    empty_hint = "Without a rule, the route's own settings hold for every listing."

    def get_readonly_fields(self, request: HttpRequest, obj: InventoryRule | None = None) -> Any:
        """Whose it is stays: one for another listing is another rule."""
        return ("route", "listing") if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "do_not_publish" and field is not None:
            field.widget.choices = [("unknown", "Says nothing"), ("true", "Yes"), ("false", "No")]
        return field

    def foresee(self, form: Any) -> Foreseen | None:
        is_same = form.instance.pk is not None and not set(form.changed_data) - {"note"}
        return None if is_same else dry_run.of_rule(form.instance)

    def before_return(self, request: HttpRequest, obj: InventoryRule) -> HttpResponse | None:
        if has_agreed(request):
            return None
        return self.before_saving(request, obj, dry_run.of_rule(obj), request.path)

    def get_actions(self, request: HttpRequest) -> Any:
        """A rule is deleted from its own page, where it says what comes of it."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        rule = found_or_404(self, request, object_id)
        if request.POST.get(AGREED) != _as_shown(rule) and self.has_delete_permission(request, rule):
            return self._before_deletion(request, rule)
        answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        return answer

    def _before_deletion(self, request: HttpRequest, rule: InventoryRule) -> HttpResponse:
        foreseen = dry_run.of_removal(rule)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Before it is deleted: {rule}",
            "foreseen": foreseen, "page": Paginator(foreseen.rows, PER_PAGE).get_page(request.POST.get(PAGE)),
            "kept": [("post", "yes")], "fingerprint": _as_shown(rule), "longest_reason": LONGEST_REASON,
            "back": self._url("change", rule.pk), "is_deletion": True,
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/dry_run.html", context)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        obj._change_reason = reason_of(request) or None
        super().delete_model(request, obj)

    def fields_set_by(self, form: Any) -> list[str]:
        return ["changed_at"] if form.changed_data else []

    @display(description="listing", ordering="listing__marketplace_sku")
    def of(self, obj: InventoryRule) -> str:
        return clip(obj.listing.marketplace_sku, 30) if obj.listing else "all of the route"

    @display(description="says")
    def says(self, obj: InventoryRule) -> str:
        given = [f"{word} {getattr(obj, name)}" for name, word in FIGURES if getattr(obj, name) is not None]
        if obj.do_not_publish is not None:
            given.append("do not publish" if obj.do_not_publish else "publish")
        return ", ".join(given)

    @display(description="holds", label=COLOURS)
    def holds(self, obj: InventoryRule) -> tuple[str, str]:
        now = timezone.now()
        if obj.ends_at and obj.ends_at <= now:
            return "ended", "Ended"
        return ("later", "Later") if obj.starts_at and obj.starts_at > now else ("now", "Now")

    @display(description="starts", ordering="starts_at")
    def starts(self, obj: InventoryRule) -> str:
        return ago(obj.starts_at) if obj.starts_at else "at once"

    @display(description="ends", ordering="ends_at")
    def ends(self, obj: InventoryRule) -> str:
        return ago(obj.ends_at) if obj.ends_at else "never"

    @display(description="note", ordering="note")
    def short_note(self, obj: InventoryRule) -> str:
        return clip(obj.note, 40)


def _as_shown(rule: InventoryRule) -> str:
    """Whoever agrees to a deletion has seen what comes of it as the rule was then."""
    return f"{rule.changed_at:%Y%m%d%H%M%S%f}"
