"""Pages around a route's first day: the checklist, the preview, and loading what a person names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from integrations.admin_base import log
from integrations.connection_test import check_route
from integrations.dispatch import enqueue
from integrations.errors import IntegrationError
from integrations.models import Route
from integrations.registry import marketplace_for
from integrations.walking import coming_back
from integrations.wording import counted
from orders import backfill, checklist, periods, route_states
from orders.admin.labels import Label
from orders.admin.reconciliations import Day
from orders.checklist import Point, State
from orders.models import Backfill
from orders.preview import Row, look_from, preview, preview_first_pull
from orders.windows import FURTHEST_BACK

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin

May = Callable[[str], bool]

STATES = {
    State.DONE: Label("success", "Done"), State.OPEN: Label("warning", "Open"),
    State.UNKNOWN: Label("info", "Not known"),
}  # fmt: skip
IN_THE_WAY = Label("danger", "To do")
LAST_BACKFILLS = 10
ROUTE_STATES = {Route.State.LIVE: "success", Route.State.TEST: "warning", Route.State.PAUSED: "info"}


@dataclass(frozen=True, slots=True)
class Button:
    """A step from here, the one that comes next in colour."""

    title: str
    url: str
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class ShownPoint:
    """A point of the checklist with its label, and the page where it is mended."""

    point: Point
    label: Label
    url: str
    link: str


def checklist_page(admin: ModelAdmin, request: HttpRequest, route: Route) -> HttpResponse:
    """What is done and what is missing until the route can go live."""
    may = request.user.has_perm
    shown = [_shown(point, route, may) for point in checklist.points(route)]
    return TemplateResponse(
        request, "admin/orders/set_up.html",
        {
            **_context(admin, request, route, f"Set-up of route {route}"), "points": shown,
            "missing": [one.point.title for one in shown if one.point.is_in_the_way],
            "buttons": list(_buttons(route, may)),
            "state": route.get_state_display(), "state_colour": ROUTE_STATES[Route.State(route.state)],
        },
    )  # fmt: skip


def preview_page(admin: ModelAdmin, request: HttpRequest, route: Route) -> HttpResponse:
    """GET says what a look is; POST looks what the next pull would load, which for the checklist counts as seen."""
    title = f"{'Preview' if route.read_until else 'Preview of the first pull'}: {route}"
    context = {**_context(admin, request, route, title), "look": checklist.look_at(route)}
    if request.method != "POST":
        return TemplateResponse(request, "admin/orders/preview.html", context)
    context["is_shown"] = True
    try:
        context["since"] = look_from(route)
        context["steps"] = check_route(route)
        rows = preview_first_pull(route, request.user)  # type: ignore[arg-type]
    except IntegrationError as exc:
        return TemplateResponse(request, "admin/orders/preview.html", {**context, "error": str(exc)})
    log(request, [route], f"Looked at what would load: {counted(len(rows), 'orders')}")
    return TemplateResponse(request, "admin/orders/preview.html", {**context, "groups": by_verdict(rows)})


class GoLiveForm(forms.Form):
    """What becomes of the orders that went out as a test."""

    remove_tests = forms.BooleanField(
        label="Remove the test orders first; what the marketplace still wants then comes in again for real",
        required=False, initial=True, widget=UnfoldBooleanWidget(),
    )  # fmt: skip


class BackfillForm(forms.Form):
    """The days, as the marketplace counts them, and perhaps single orders in them."""

    first = forms.DateField(label="Created on the marketplace from", widget=Day())
    last = forms.DateField(label="to (included)", widget=Day())
    numbers = forms.CharField(
        label="Only these orders (numbers, one a line; empty: all of the period)", required=False, max_length=50_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )  # fmt: skip

    def __init__(self, *args: Any, route: Route, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._route = route

    def clean_numbers(self) -> list[str]:
        numbers = backfill.numbers_in(self.cleaned_data["numbers"])
        if len(numbers) > backfill.MOST_NUMBERS:
            raise forms.ValidationError(f"At most {backfill.MOST_NUMBERS} at once; load their period instead.")
        return numbers

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                found = periods.of_days(self._route.marketplace, values["first"], values["last"])
            except (periods.Impossible, IntegrationError) as exc:
                raise forms.ValidationError({"first": f"{capfirst(str(exc))}."}) from None
            values["since"], values["until"] = found
        return values


def backfill_page(admin: ModelAdmin, request: HttpRequest, route: Route) -> HttpResponse:
    """Ask for a period or for single orders, see what would be loaded, and have it loaded."""
    is_asked = request.method == "POST"
    form = BackfillForm(request.POST if is_asked else None, route=route, initial=_days(request.GET, route))
    context = _context(admin, request, route, f"Load orders: {route}")
    if is_asked and form.is_valid():
        values = form.cleaned_data
        if "load" in request.POST and request.POST.get("previewed") == _digest(values):
            said = _ask_for(route, values, request.user)
            log(request, [route], f"Orders to load: {values['first']} to {values['last']}, {_numbered(values)}")
            messages.success(request, said)
            return redirect(request.path)
        try:
            rows = preview(route.marketplace, [route], values["since"], values["until"], numbers=values["numbers"])
        except IntegrationError as exc:
            context["error"] = str(exc)
        else:
            context |= {"groups": by_verdict(rows), "is_shown": True, "would_load": _would_load(rows)}
            context |= {"previewed": _digest(values), "is_other": "load" in request.POST}
    asked = Backfill.objects.filter(route=route).select_related("asked_by")[:LAST_BACKFILLS]
    return TemplateResponse(request, "admin/orders/backfill.html", {**context, "form": form, "asked": asked})


@dataclass(frozen=True, slots=True)
class Group:
    """The orders of one verdict, what needs a hand first."""

    verdict: str
    colour: str
    rows: list[Row]


VERDICTS = {
    "hold": "danger", "unreadable": "danger", "not found": "danger", "load": "success", "skip": "default",
    "elsewhere": "info", "known": "default",
}  # fmt: skip


def by_verdict(rows: list[Row]) -> list[Group]:
    found = [Group(name, colour, [row for row in rows if row.verdict == name]) for name, colour in VERDICTS.items()]
    return [group for group in found if group.rows]


def _digest(values: dict[str, Any]) -> str:
    """What a preview was of: days or numbers that were changed since are previewed anew, not loaded."""
    asked = (values["first"], values["last"], values["numbers"])
    return sha256(repr(asked).encode()).hexdigest()[:20]


def _would_load(rows: list[Row]) -> int:
    return sum(row.verdict in ("load", "hold") for row in rows)


def _numbered(values: dict[str, Any]) -> str:
    return f"only {', '.join(values['numbers'])}" if values["numbers"] else "all of them"


def _ask_for(route: Route, values: dict[str, Any], user: Any) -> str:
    """Written down first: a worker that is ended loses nothing of it."""
    Backfill.objects.create(
        route=route, since=values["since"], until=values["until"], numbers=values["numbers"], asked_by=user
    )
    enqueue("pull_orders", route.marketplace_id)
    return "These orders are loaded with the next pull, within a minute; what came of it then shows below."


def _days(query: Mapping[str, Any], route: Route) -> dict[str, Any]:
    """The last 30 days, or those of the address, for links from elsewhere."""
    today = timezone.localdate(timezone=marketplace_for(route.marketplace).time_zone)
    first, last = query.get("first"), query.get("last")
    return {
        "first": _day(first) or today - FURTHEST_BACK, "last": _day(last) or today, "numbers": query.get("numbers", ""),
    }  # fmt: skip


def _day(text: str | None) -> Any:
    try:
        return datetime.fromisoformat(text or "").date()
    except ValueError:
        return None


def _buttons(route: Route, may: May) -> Iterator[Button]:
    possible = route_states.possible(route)
    has_tested = checklist.has_tested(route)
    allowed = possible if may("integrations.change_route") else possible & {"go_live"}
    yield Button("Preview", _page("preview", route))
    if "start_test" in allowed:
        yield Button("Start the test", _from_here("start_test", route), is_main=not has_tested)
    if "go_live" in allowed and may("integrations.go_live"):
        yield Button("Go live", _from_here("go_live", route), is_main=has_tested)
    if "pause" in allowed:
        yield Button("Pause", _from_here("pause", route))
    if "remove_tests" in allowed:
        yield Button("Remove test orders", _from_here("remove_tests", route))


def _context(admin: ModelAdmin, request: HttpRequest, route: Route, title: str) -> dict[str, Any]:
    return {**admin.admin_site.each_context(request), "opts": admin.opts, "object": route, "title": title}


def _page(name: str, route: Route) -> str:
    return reverse(f"admin:integrations_route_{name}", args=[route.pk])


def _from_here(name: str, route: Route) -> str:
    """A page that is left for the set-up again, whatever is done there."""
    return coming_back(_page(name, route), _page("set_up", route))


def _shown(point: Point, route: Route, may: May) -> ShownPoint:
    label = IN_THE_WAY if point.is_in_the_way else STATES[point.state]
    permission, url, link = _mended(point.place, route)
    return ShownPoint(point, label, url if may(permission) else "", link)


def _to_test(route: Route) -> tuple[str, str, str]:
    """What brings a test order, until the test is on."""
    if "start_test" in route_states.possible(route):
        return "integrations.change_route", _from_here("start_test", route), "Start the test"
    return "integrations.view_route", _page("change", route), "Open the route"


def _mended(place: str, route: Route) -> tuple[str, str, str]:
    """Where a point is put right: the permission that it needs, the address, and what the link says."""
    if place in ("marketplace", "warehouse"):
        address = reverse("admin:integrations_connection_change", args=[getattr(route, place).pk])
        return "integrations.view_connection", address, "Open the connection"
    return {
        "route": ("integrations.view_route", _page("change", route), "Open the route"),
        "test": _to_test(route),
        "preview": ("orders.add_routelook", _page("preview", route), "Open the preview"),
        "mapping": ("orders.view_hold", reverse("admin:orders_needs_mapping"), "Map them"),
        "shipping": (
            "orders.view_shippingmethod", reverse("admin:orders_shippingmethod_changelist"), "Open the map",
        ),
        "workers": ("integrations.view_syncrun", reverse("admin:integrations_syncrun_changelist"), "Open the runs"),
    }[place]  # fmt: skip
