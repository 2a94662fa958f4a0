"""The records before and after in the list that somebody came from, also when what was done took this one off it.

Where one came from is in the address, so that each tab of a browser has its own way, and a way can be handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

LIST = "_changelist_filters"  # as Django's own lists hand it on
WORKLIST = "_worklist"
NUL = "%00"  # in what is an address itself; PostgreSQL looks for none
BACK = "back"
AT = "_at"  # the place in it, counted from 0: where to go on once the record has left it
FURTHEST = 2000
Way = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Walk:
    """Addresses of the records before and after, empty at the ends, and of the list; where this one is, in words.

    `way` is what an address needs so that one comes back to this place.
    """

    before: str
    after: str
    back: str
    place: str
    way: Way


def way_of(request: HttpRequest) -> Way:
    """Where the address says that one came from; empty for who came from no list."""
    told = {name: request.GET[name] for name in (LIST, WORKLIST, AT) if name in request.GET}
    return {} if any(NUL in one for one in told.values()) else told


def along(way: Way, url: str) -> str:
    """An address that keeps to the way."""
    path, anchor, name = url.partition("#")
    return f"{path}{'&' if '?' in path else '?'}{urlencode(way)}{anchor}{name}" if way else url


def back_of(request: HttpRequest) -> str:
    """The page that the address says one is to come back to; empty for none, and for one of another host."""
    told = request.GET.get(BACK, "")
    return told if told.startswith("/") and url_has_allowed_host_and_scheme(told, allowed_hosts=None) else ""


def coming_back(url: str, to: str) -> str:
    """An address of a page that asks before it does something, with the one to go back to afterwards."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({BACK: to})}"


def through_list(admin: Any, request: HttpRequest, record: Any, title: str = "") -> Walk | None:
    """The way through the admin's list as it was filtered and sorted. None for who came from no list."""
    way = way_of(request)
    if LIST not in way:
        return None
    of = f"admin:{admin.opts.app_label}_{admin.opts.model_name}"
    return through(
        _keys(admin, request, way[LIST]), record.pk, way, title=title or str(admin.opts.verbose_name_plural),
        back=f"{reverse(f'{of}_changelist')}?{way[LIST]}", page=lambda key: reverse(f"{of}_change", args=[key]),
    )  # fmt: skip


def through(
    keys: Sequence[Any], key: Any, way: Way, *, title: str, back: str, page: Callable[[Any], str]
) -> Walk | None:
    """The way through the records with these keys; None where this one is not among them and it is not known where
    it was. `page` gives a record's address.
    """
    at, is_there = way.get(AT, ""), key in keys
    if not is_there and not (at.isdecimal() and len(at) < len(str(FURTHEST)) + 3):
        return None
    here = keys.index(key) if is_there else min(int(at), len(keys))
    following = here + is_there

    def address(place: int) -> str:
        return along({**way, AT: str(place)}, page(keys[place])) if 0 <= place < len(keys) else ""

    place = f"{here + 1} of {_number(keys)} in {title}" if is_there else _left(keys, title)
    return Walk(address(here - 1), address(following), back, place, {**way, AT: str(here)})


def _left(keys: Sequence[Any], title: str) -> str:
    return f"no longer in {title}, which has {_number(keys) if keys else 'none'} now"


def _number(keys: Sequence[Any]) -> str:
    return f"{len(keys):,}" if len(keys) < FURTHEST else f"more than {FURTHEST:,}"


class _Keys(ChangeList):
    """A list that is neither counted nor shown."""

    def get_results(self, request: HttpRequest) -> None:
        pass


def _keys(admin: Any, request: HttpRequest, filters: str) -> list[Any]:
    """The first of the list's records, in its order: one query, and one for each filter in use that offers records."""
    view = copy(request)
    view.GET, view.method = QueryDict(filters), "GET"
    used = [one for one in admin.get_list_filter(view) if _is_used(one, view.GET)]
    boxes = ["action_checkbox"] if admin.get_actions(view) else []  # `o` of an address counts them as a column
    try:
        found = _Keys(
            view, admin.model, [*boxes, *admin.get_list_display(view)], (), used, admin.date_hierarchy,
            admin.get_search_fields(view), (), admin.list_per_page, admin.list_max_show_all, (), admin,
            admin.get_sortable_by(view), "",
        ).queryset  # fmt: skip
    except (IncorrectLookupParameters, SuspiciousOperation, ValueError):
        return []
    return list(found.select_related(None).prefetch_related(None).values_list("pk", flat=True)[:FURTHEST])


def _is_used(one: Any, asked: QueryDict) -> bool:
    """Whether a filter of a list has been chosen: those that were not would ask for what they offer."""
    name = one[0] if isinstance(one, tuple) else getattr(one, "parameter_name", one)
    return any(key == name or key.startswith(f"{name}__") for key in asked)
