"""The page of a worklist: its causes with their number, its rows with the next action, and the counts in the menu."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from integrations.admin.paging import around
from integrations.alike import shared
from integrations.exports import Cell, cells, download, links
from integrations.models import Connection
from integrations.walking import AT, WORKLIST, Way, along
from integrations.wording import counted
from orders import worklists
from orders.admin.worklist_rows import Key, Row, returning, rows_of
from orders.worklists import MOST, Entry, Tally, Worklist

PER_PAGE, CAUSES_SHOWN = 50, 30
COMPARED = 100  # rows of a cause that its title is made of
TOGETHER = 500  # rows of an export are read at once
KEPT = "_worklist_tallies"


@require_safe
def worklist(request: HttpRequest, name: str) -> HttpResponse:
    """Raises PermissionDenied for who may not see it."""
    found = worklists.BY_NAME[name]
    if not request.user.has_perm(found.permission):
        raise PermissionDenied
    asked = asked_in(request.GET)
    entries, is_cut = worklists.entries(found, connection=asked.connection, search=asked.search)
    causes = worklists.by_cause(entries)
    shown = asked.of(entries)
    places = {order: str(place) for place, order in enumerate(orders_of(shown))}
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    known = rows_of([*page, *(entry for entry, _ in causes[:CAUSES_SHOWN])], request.user)
    context = {
        **admin.site.each_context(request), "title": found.title, "worklist": found, "page": page, "asked": asked,
        "has_ship_dates": any(row.ship_date for row in known.values()),
        "rows": [
            returning(_on({WORKLIST: f"{name}?{asked.query}", AT: places.get(one.order or 0, "")},
                          known[one.source, one.pk]), request.get_full_path())
            for one in page if (one.source, one.pk) in known
        ],
        "pages": around(page, **asked.values), "causes": _causes(causes, known, asked, _texts(entries)),
        "more_causes": max(len(causes) - CAUSES_SHOWN, 0), "connections": list(Connection.objects.order_by("name")),
        "number": counted(len(shown), "rows"), "is_cut": is_cut, "most": MOST,
        "exports": links(f"admin:worklist_{name}_download", asked.query),
    }  # fmt: skip
    return TemplateResponse(request, "admin/orders/worklist.html", context)


@require_safe
def export(request: HttpRequest, name: str, kind: str) -> HttpResponseBase:
    """The rows that the address asks for, of all pages. Raises PermissionDenied for who may not see them."""
    found = worklists.BY_NAME[name]
    if not request.user.has_perm(found.permission):
        raise PermissionDenied
    return download(kind, _table(found, chosen(found, asked_in(request.GET)), request.user), found.title)


def _table(worklist: Worklist, entries: list[Entry], user: Any) -> Iterator[list[Cell]]:
    yield ["what", "where", worklist.since.lower(), "ship date", "what is wrong"]
    for start in range(0, len(entries), TOGETHER):
        some = entries[start : start + TOGETHER]
        known = rows_of(some, user)
        for one in some:
            if row := known.get((one.source, one.pk)):
                yield cells([row.title, row.where, one.since, row.ship_date, row.wrong])


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked to see of a worklist."""

    search: str
    connection: int | None
    cause: str

    @property
    def values(self) -> dict[str, str]:
        """As an address asks for it."""
        return {"q": self.search, "connection": str(self.connection or ""), "cause": self.cause}

    @property
    def query(self) -> str:
        """The same without what is empty."""
        return urlencode({name: value for name, value in self.values.items() if value})

    def of_cause(self, cause: str) -> str:
        """The address that asks for the same of another cause."""
        return f"?{replace(self, cause=cause).query}"

    def of(self, entries: list[Entry]) -> list[Entry]:
        """Those of the cause that is asked for."""
        return [one for one in entries if one.cause == self.cause] if self.cause else entries


def chosen(worklist: Worklist, asked: Asked) -> list[Entry]:
    """The rows of a worklist that somebody asked for."""
    return asked.of(worklists.entries(worklist, connection=asked.connection, search=asked.search)[0])


def orders_of(entries: list[Entry]) -> list[int]:
    """The orders of these rows, each once, in the order of the rows: the way through a worklist."""
    return list(dict.fromkeys(one.order for one in entries if one.order))


def _on(way: Way, row: Row) -> Row:
    """The row, whose links keep to the way through the worklist where they lead to an order, or back to it."""
    own = reverse("admin:app_list", args=["orders"])
    urls = (along(way, url) if url.startswith(own) else url for url in (row.url, row.action_url))
    return replace(row, url=next(urls), action_url=next(urls))


def asked_in(values: QueryDict) -> Asked:
    """What an address asks for; what cannot be is left out."""
    given = {name: values.get(name, "").strip() for name in ("q", "connection", "cause")}
    known = given["connection"].isdecimal() and len(given["connection"]) <= 18
    return Asked(given["q"], int(given["connection"]) if known else None, given["cause"])


@dataclass(frozen=True, slots=True)
class Cause:
    """What several rows wait for, and the address that shows only them; `where` tells apart what reads alike."""

    text: str
    where: str
    number: int
    url: str
    is_chosen: bool


def _texts(entries: list[Entry]) -> dict[str, list[str]]:
    """What the first rows of each cause say, by cause."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in entries:
        if len(found[one.cause]) < COMPARED:
            found[one.cause].append(one.text)
    return found


def _title(row: Row, entry: Entry, texts: list[str]) -> str:
    """What the rows of a cause have in common: the number of one of its orders says nothing of the others."""
    return row.cause.replace(entry.text, shared(texts)) if entry.text else row.cause


def _causes(
    found: list[tuple[Entry, int]], known: Mapping[Key, Row], asked: Asked, texts: Mapping[str, list[str]]
) -> list[Cause]:
    """The causes with most rows. One alone needs no choice."""
    if len(found) < 2 and not asked.cause:
        return []
    shown = [
        (replace(known[key], cause=_title(known[key], entry, texts[entry.cause])), entry.cause, number)
        for entry, number in found[:CAUSES_SHOWN]
        if (key := (entry.source, entry.pk)) in known  # it may have gone meanwhile
    ]
    alike = Counter(row.cause for row, _, _ in shown)
    return [
        Cause(row.cause, row.where if alike[row.cause] > 1 else "", number, asked.of_cause(cause), cause == asked.cause)
        for row, cause, number in shown
    ]


def tallies_of(request: HttpRequest) -> Mapping[str, Tally]:
    """Of all worklists; asked once for each page, however many entries of the menu tell them."""
    known: Mapping[str, Tally] | None = getattr(request, KEPT, None)
    if known is None:
        known = worklists.tallies()
        setattr(request, KEPT, known)
    return known


def badge_of(request: HttpRequest, name: str) -> str:
    """How many rows a worklist has, for the menu; nothing where that is none."""
    found = worklists.BY_NAME.get(name)
    may = request.user.has_perm(found.permission if found else "orders.view_hold")
    number = tallies_of(request)[name].number if may else 0
    return f"{number:,}" if number else ""
