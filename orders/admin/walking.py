"""The orders before and after in the list or the worklist that somebody came from."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from integrations.walking import LIST, WORKLIST, Walk, through, through_list, way_of
from orders import causes
from orders.admin.tabs import CONDITIONS
from orders.admin.worklist_page import asked_in, chosen, orders_of
from orders.models import Order
from orders.worklists import BY_NAME


def walk(admin: Any, request: HttpRequest, order: Order) -> Walk | None:
    """None for who came from neither."""
    way = way_of(request)
    if LIST in way:
        return through_list(admin, request, order, _title(QueryDict(way[LIST])))
    name, _, asked = way.get(WORKLIST, "").partition("?")
    found = BY_NAME.get(name)
    if found is None or not request.user.has_perm(found.permission):
        return None
    return through(
        orders_of(chosen(found, asked_in(QueryDict(asked)))), order.pk, way, title=found.title,
        back=f"{reverse(f'admin:worklist_{name}')}?{asked}", page=_page,
    )  # fmt: skip


def _page(order_id: int) -> str:
    return reverse("admin:orders_order_change", args=[order_id])


def _title(filters: QueryDict) -> str:
    """What the list shows, in words."""
    tab = CONDITIONS.get(str(filters.get("list", "")))
    if tab is not None:
        return tab.title
    return "Needs mapping" if str(filters.get("cause", "")).partition(":")[0] in causes.MAPPED else "Orders"
