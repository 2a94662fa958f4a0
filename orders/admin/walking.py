"""The orders before and after in the list or the worklist that somebody came from."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from integrations.walking import LIST, WORKLIST, Walk, along, through, through_list, way_of
from orders import causes
from orders.admin.tabs import CONDITIONS
from orders.admin.worklist_page import asked_in, chosen, orders_of
from orders.models import Order
from orders.worklists import BY_NAME

ORDER = "order"  # its key and the way to it: what a route's page makes of a way would be one through routes
LONGEST_KEY = 18


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


def to_route(request: HttpRequest, order: Order) -> str:
    """The address of the page of an order's route; who saves there comes back to the order."""
    back = urlencode({ORDER: along(way_of(request), str(order.pk))})
    return f"{reverse('admin:integrations_route_change', args=[order.route_id])}?{back}"


def from_route(request: HttpRequest) -> str:
    """The address of the order that somebody came from to its route; empty for who came from none."""
    key, _, way = request.GET.get(ORDER, "").partition("?")
    return f"{_page(int(key))}?{way}" if key.isdecimal() and len(key) <= LONGEST_KEY else ""


def _page(order_id: int) -> str:
    return reverse("admin:orders_order_change", args=[order_id])


def _title(filters: QueryDict) -> str:
    """What the list shows, in words."""
    tab = CONDITIONS.get(str(filters.get("list", "")))
    if tab is not None:
        return tab.title
    return "Needs mapping" if str(filters.get("cause", "")).partition(":")[0] in causes.MAPPED else "Orders"
