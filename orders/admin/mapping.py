"""The worklist of what is to be mapped, a row per cause, and the page that maps one and frees what waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from unfold.admin import ModelAdmin

from integrations.admin.paging import around
from integrations.admin_base import ago, clip
from integrations.exports import Cell, cells, download, links
from integrations.models import Connection
from integrations.walking import along, back_of, way_of
from integrations.wording import counted
from inventory import kits, suggestions
from inventory.likeness import Goods
from orders import answered, causes, mapping
from orders.admin.mapping_forms import Form, SkuForm, form_for, may_map
from orders.causes import Cause, Waiting
from orders.models import Hold, Order, OrderLine

PER_PAGE, TOGETHER = 50, 500  # rows of a page, and of an export that are read at once
K = Hold.Kind
WHAT = {
    K.UNKNOWN_SKU: "SKU", K.AMBIGUOUS_SKU: "SKU", K.UNMAPPED_SHIPPING: "shipping code", K.UNKNOWN_CARRIER: "carrier",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the worklist. `url` leads to where it is mapped; it is empty for who may only look."""

    kind: str
    subject: str
    marketplace: str
    orders: int
    units: int
    since: str
    ship_by: str
    orders_url: str
    url: str
    paused: str


def worklist(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("orders.view_hold"):
        raise PermissionDenied
    search = _search(request)
    page = Paginator(causes.grouped(search), PER_PAGE).get_page(request.GET.get("page"))
    found = causes.waiting(list(page))
    context = {
        **admin.admin_site.each_context(request), "opts": admin.opts, "title": "Needs mapping", "search": search,
        "page": page, "rows": [_shown(one, request.user) for one in found], "pages": around(page, q=search),
        "exports": links("admin:orders_needs_mapping_download", urlencode({"q": search})),
        "has_carriers": any(one.cause.concerns_parcels for one in found) and request.user.has_perm("orders.view_order"),
    }  # fmt: skip
    return TemplateResponse(request, "admin/orders/needs_mapping.html", context)


def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """The worklist's causes, of all pages."""
    if not request.user.has_perm("orders.view_hold"):
        raise PermissionDenied
    return download(kind, _table(list(causes.grouped(_search(request)))), "Needs mapping")


def _table(rows: list[dict[str, Any]]) -> Iterator[list[Cell]]:
    yield ["kind", "what is not known", "marketplace", "orders", "units", "waits since", "ship by", "paused"]
    for start in range(0, len(rows), TOGETHER):
        for one in causes.waiting(rows[start : start + TOGETHER]):
            what = one.cause.kind.label, one.cause.subject, one.cause.marketplace
            yield cells([*what, one.orders, one.units, one.since, one.ship_by, _paused(one)])


def _search(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()


def map_cause(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """GET shows what would be freed; POST maps it, frees the orders and says how many."""
    cause = _asked_for(request)
    if not request.user.has_perm("orders.view_hold") or not may_map(request.user, cause.kind):
        raise PermissionDenied
    if not cause.holds().exists():
        messages.info(request, f"Nothing waits for the {_named(cause)} any more. {answered.in_words(cause)}".strip())
        return redirect(_back(request))
    if request.method == "POST" and "look" in request.POST:
        return _look(request, cause)
    form = form_for(cause, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return _save(request, cause, form)
    context = {
        **admin.admin_site.each_context(request), "opts": admin.opts, "title": f"Map the {_named(cause)}",
        "cause": cause, "what": WHAT[cause.kind], "form": form, "verdict": in_words(mapping.judged(cause)),
        "hold": cause.holds().first(), "orders_url": _orders_url(cause), "back": _back(request),
        "answered": answered.in_words(cause),
        **(_about_sku(cause) if isinstance(form, SkuForm) else {}),
    }  # fmt: skip
    template = "admin/orders/map_sku.html" if isinstance(form, SkuForm) else "admin/orders/map_code.html"
    return TemplateResponse(request, template, context)


def address(marketplace_id: int, kind: str, subject: str, order: Order | None = None) -> str:
    """The page that maps a cause; it leads back to the order, if it was opened from one."""
    asked: dict[str, str | int] = {"marketplace": marketplace_id, "kind": kind, "subject": subject}
    return f"{reverse('admin:orders_map_cause')}?{urlencode({**asked, **({'order': order.pk} if order else {})})}"


def _save(request: HttpRequest, cause: Cause, form: Form) -> HttpResponse:
    try:
        done = form.save(request)
    except kits.Changed as exc:
        messages.error(request, f"{exc} {answered.in_words(cause)}".strip())
        return redirect(request.get_full_path())
    freed = mapping.free(cause)
    text = f"{done}: {_outcome(cause, freed)}."
    if form.note:
        text += f" {form.note}. They go out once it answers."
    messages.add_message(request, messages.SUCCESS if freed.freed else messages.WARNING, text)
    return redirect(_back(request))


def _look(request: HttpRequest, cause: Cause) -> HttpResponse:
    wrong = suggestions.look(cause.marketplace, cause.subject)
    if wrong:
        messages.warning(request, wrong)
    return redirect(request.get_full_path())


def _asked_for(request: HttpRequest) -> Cause:
    given = request.GET
    kind, marketplace, subject = (given.get(name, "") for name in ("kind", "marketplace", "subject"))
    if kind not in causes.MAPPED or not marketplace.isdecimal() or len(marketplace) > 18:
        raise Http404("there is no such cause")
    found = Connection.objects.filter(pk=int(marketplace)).first()
    if found is None:
        raise Http404(f"there is no marketplace {marketplace}")
    return Cause(found, K(kind), subject)


def _back(request: HttpRequest) -> str:
    if told := back_of(request):
        return told
    order = request.GET.get("order", "")
    if order.isdecimal() and request.user.has_perm("orders.view_order"):
        return along(way_of(request), reverse("admin:orders_order_change", args=[order]))
    return reverse("admin:orders_needs_mapping")


def _about_sku(cause: Cause) -> dict[str, Any]:
    line = _line(cause)
    asked = Goods(cause.subject, line.title if line else "", line.upc if line else "")
    return {"line": line, "suggestions": suggestions.suggest(cause.marketplace, asked)}


def _line(cause: Cause) -> OrderLine | None:
    """A line that names the SKU, for its title and UPC."""
    hold = cause.holds().first()
    lines = OrderLine.objects.filter(order=hold.order_id) if hold else OrderLine.objects.none()
    return next((one for one in lines if cause.subject in (one.partner_sku.strip(), one.option_sku.strip())), None)


def _shown(one: Waiting, user: Any) -> Shown:
    cause = one.cause
    may = may_map(user, cause.kind)
    return Shown(
        str(cause.kind.label), clip(cause.subject or "(none)", 44), clip(str(cause.marketplace), 24), one.orders,
        one.units, ago(one.since), f"{one.ship_by or '–'}",
        _orders_url(cause) if user.has_perm("orders.view_order") else "",
        address(cause.marketplace.pk, cause.kind.value, cause.subject) if may else "", _paused(one),
    )  # fmt: skip


def _paused(one: Waiting) -> str:
    """Why mapping it alone sends nothing, or not all."""
    named = [
        f"route {route} is paused" + (f" ({number} of {counted(one.orders, 'orders')})" if number < one.orders else "")
        for route, number in one.paused.items()
    ]
    return "; ".join(named)


def _orders_url(cause: Cause) -> str:
    value = f"{cause.kind.value}:{cause.marketplace.pk}:{cause.subject}"
    return f"{reverse('admin:orders_order_changelist')}?{urlencode({'cause': value})}"


def _named(cause: Cause) -> str:
    return f"{WHAT[cause.kind]} “{cause.subject}”" if cause.subject else f"missing {WHAT[cause.kind]}"


def in_words(verdict: mapping.Verdict) -> str:
    """The one sentence on what mapping frees, for an order's page and for that of the cause."""
    parts = [f"frees {counted(verdict.frees, 'orders')}"]
    if verdict.others:
        parts.append(f"{verdict.others} {_wait(verdict.others)} for something else too")
    return "; ".join([*parts, *_of_paused(verdict.paused)])


def _of_paused(paused: Mapping[str, int]) -> Iterator[str]:
    for route, number in paused.items():
        yield f"{number} {_wait(number)} until route {route}, which is paused, is switched on"


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _outcome(cause: Cause, freed: mapping.Freed) -> str:
    if not any((freed.freed, freed.waiting, freed.later, freed.paused)):
        return "its orders were freed a moment ago"
    doing = "told to the marketplace" if cause.concerns_parcels else "sent"
    verb = "is" if freed.freed == 1 else "are"
    parts = [f"{counted(freed.freed, 'orders')} {verb} freed and being {doing}"]
    if freed.waiting:
        parts.append(f"{freed.waiting} still {_wait(freed.waiting)}")
    parts += _of_paused(freed.paused)
    if freed.later:
        parts.append(f"{counted(freed.later, 'more orders')} follow in the background")
    return "; ".join(parts)
