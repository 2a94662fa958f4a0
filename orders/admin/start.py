"""The start page. What needs a person comes with the page; its other parts are fetched by themselves, and again.

So the page is there at once, each request asks few queries, and who leaves it open sees how things stand now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from inventory import listing_states, readings
from orders import alarms, figures, ship_dates, worklists
from orders.admin import machinery, tiles, worklist_page
from orders.admin.charts import bars

May = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with an address of its own. Who has none of `permissions` does not get it."""

    title: str
    permissions: tuple[str, ...]
    context: Callable[[May], dict[str, Any]]


def page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the start page shows to this person (unfold's DASHBOARD_CALLBACK)."""
    may = request.user.has_perm
    sees_orders = may("orders.view_order")
    return {
        **context,
        "waiting": tiles.waiting(may, worklist_page.tallies_of(request)) if sees_orders else None,
        "standings": tiles.standings(timezone.now()) if sees_orders else [],
        "ages": [f"over {age.days}\N{NO-BREAK SPACE}d" for age in figures.AGES],
        "risk": tiles.risk() if sees_orders else None,
        "connections": tiles.connections() if may("integrations.view_connection") else [],
        "sections": [(name, one, section_url(name)) for name, one in SECTIONS.items() if _sees(may, one)],
    }


def urls() -> list[URLPattern]:
    """The parts of the page and the worklists, each with a name of its own: `start_jobs`, `worklist_refused`."""
    view, page_of, export = admin.site.admin_view, worklist_page.worklist, worklist_page.export
    return [
        *(path(f"start/{one}/", view(section), {"name": one}, name=f"start_{one}") for one in SECTIONS),
        *(path(f"worklists/{one}/", view(page_of), {"name": one}, name=f"worklist_{one}") for one in worklists.BY_NAME),
        *(
            path(f"worklists/{one}/<str:kind>/", view(export), {"name": one}, name=f"worklist_{one}_download")
            for one in worklists.BY_NAME
        ),
    ]


@require_safe
def section(request: HttpRequest, name: str) -> HttpResponse:
    """One part of the page. Raises PermissionDenied for who may not see it."""
    found = SECTIONS[name]
    if not _sees(request.user.has_perm, found):
        raise PermissionDenied
    return TemplateResponse(request, f"admin/start/{name}.html", found.context(request.user.has_perm))


def section_url(name: str) -> str:
    return reverse(f"admin:start_{name}")


def _sees(may: May, one: Section) -> bool:
    return any(may(permission) for permission in one.permissions)


def _wrong(may: May) -> dict[str, Any]:
    now = timezone.now()
    return {"alarms": alarms.found(now), "told": tiles.told(now) if may("orders.view_alert") else []}


def _figures(may: May) -> dict[str, Any]:
    day = ship_dates.today()
    return {
        "orders": bars(figures.orders_per_day(day), tiles.orders_of_day),
        "parcels": bars(figures.parcels_per_day(timezone.now().date()), tiles.parcels_of_day),
        "legs": list(tiles.legs(may, timezone.now())), "days": figures.LATENCY_DAYS, "sample": figures.SAMPLE,
    }  # fmt: skip


def _stock(may: May) -> dict[str, Any]:
    return {
        "quantities": listing_states.coverage() if may("inventory.view_listing") else None,
        "listings_url": tiles.list_url("inventory_listing"),
        "levels_url": tiles.list_url("inventory_inventorylevel"),
        "stock": list(readings.freshness()) if may("inventory.view_inventorylevel") else [],
    }


def _machinery(_may: May) -> dict[str, Any]:
    return {"jobs": machinery.jobs(), "workers": machinery.workers()}


SECTIONS = {
    "wrong": Section("What is wrong now", ("integrations.view_connection",), _wrong),
    "figures": Section("How much, and how fast", ("orders.view_order",), _figures),
    "stock": Section("Inventory", ("inventory.view_listing", "inventory.view_inventorylevel"), _stock),
    "jobs": Section("Jobs and workers", ("integrations.view_syncrun",), _machinery),
}
