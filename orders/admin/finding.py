"""The search box of the header: one order opens at once, several are listed with what of each was found."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from orders import search
from orders.admin import labels
from orders.folding import fold
from orders.models import Order, UnreadableRecord

MOST = 50


def find(admin: Any, request: HttpRequest) -> HttpResponse:
    """What the box asks for. Who may see the orders may find them."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    text = request.GET.get("q", "").strip()[:200]
    found = search.find(text, MOST)
    unreadable = _unreadable(text, request.user)
    if len(found.keys) == 1 and not found.is_cut_off and not unreadable:
        return redirect("admin:orders_order_change", next(iter(found.keys)))
    page = {
        **admin.admin_site.each_context(request), "opts": admin.opts, "title": "Find an order", "find_text": text,
        "found": found, "rows": _rows(found), "unreadable": unreadable, "is_too_short": _is_too_short(text),
    }  # fmt: skip
    return TemplateResponse(request, "admin/orders/find.html", page)


def _is_too_short(text: str) -> bool:
    return 0 < len(fold(text)) < search.LEAST_CHARS


def _rows(found: search.Found) -> list[tuple[Order, labels.Label, str]]:
    rows = Order.objects.select_related("route", "submission")  # the label asks for the submission
    orders = rows.defer("raw", "told", "told_now", "submission__request").in_bulk(list(found.keys))
    return [(orders[pk], labels.of_order(orders[pk]), what) for pk, what in found.keys.items() if pk in orders]


def _unreadable(text: str, user: Any) -> list[UnreadableRecord]:
    """Orders that could not be read have no order's page, only the record that came."""
    if not text or not user.has_perm("orders.view_unreadablerecord"):
        return []
    return list(UnreadableRecord.objects.filter(full_number=text, resolved_at=None)[:5])
