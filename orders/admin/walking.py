"""The orders before and after in the list that somebody came from, also when what was done took this one off it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from orders.models import Order

FILTERS = "_changelist_filters"  # as Django's own lists hand it on
KEPT = "orders_walk"  # the way that led to the order which is open: buttons of its page lead back without it
FURTHEST = 2000


@dataclass(frozen=True, slots=True)
class Walk:
    """Addresses of the orders before and after, empty at the ends; and where this one is, in words."""

    before: str
    after: str
    back: str
    place: str


def walk(admin: Any, request: HttpRequest, order: Order) -> Walk | None:
    """None for who came from no list."""
    kept: Any = request.session.get(KEPT, {})
    filters, place = request.GET.get(FILTERS), None
    if filters is None and kept.get("order") == order.pk:
        filters, place = kept["filters"], kept["place"]
    keys = _keys(admin, request, filters) if filters is not None else []
    if filters is None or (order.pk not in keys and place is None):
        return None
    is_there = order.pk in keys
    here = keys.index(order.pk) if is_there else min(int(place or 0), len(keys))
    request.session[KEPT] = {"order": order.pk, "filters": filters, "place": here}
    following = here + 1 if is_there else here
    return Walk(
        _address(keys[here - 1], filters) if here > 0 else "",
        _address(keys[following], filters) if following < len(keys) else "",
        f"{reverse('admin:orders_order_changelist')}?{filters}",
        _words(here, keys) if is_there else f"no longer in the list, which has {len(keys)} now",
    )


def _words(here: int, keys: list[int]) -> str:
    return f"{here + 1} of {len(keys) if len(keys) < FURTHEST else f'more than {FURTHEST}'}"


def _keys(admin: Any, request: HttpRequest, filters: str) -> list[int]:
    """The orders of the list, in its order."""
    view = copy(request)
    view.GET, view.method = QueryDict(filters), "GET"
    try:
        found = admin.get_changelist_instance(view).queryset.prefetch_related(None)
    except (IncorrectLookupParameters, ValueError):
        return []
    return list(found.values_list("pk", flat=True)[:FURTHEST])


def _address(pk: int, filters: str) -> str:
    return f"{reverse('admin:orders_order_change', args=[pk])}?{urlencode({FILTERS: filters})}"
