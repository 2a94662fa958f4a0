"""What happened to an order, newest first: events, requests with their answers, comments, and settings that changed.

The sources are joined in the database and paged there, so that a long story costs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import CharField, F, Q, QuerySet, Subquery, Value

from integrations import subject, wording
from integrations.models import Exchange, Route
from orders.models import Order, OrderEvent

PER_PAGE = 50
LONGEST_VALUE = 60
EVENT, COMMENT, EXCHANGE, SETTING = "event", "comment", "exchange", "setting"
KINDS = {EVENT: "Events", COMMENT: "Comments", EXCHANGE: "Requests and answers", SETTING: "Settings"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `title` is the short word for it; `failed` says that it did not go well."""

    kind: str
    at: datetime
    title: str
    text: str
    actor: str = ""
    failed: bool = False
    exchange: int | None = None


def sources(user: Any) -> list[str]:
    """The kinds that this person may see."""
    rights = {EXCHANGE: "integrations.view_exchange", SETTING: "integrations.view_route"}
    return [kind for kind in KINDS if kind not in rights or user.has_perm(rights[kind])]


def page(order: Order, kinds: Sequence[str], number: str | None) -> Page[Entry]:
    """A page of what happened of these kinds; the number may be anything, as it stands in an address."""
    rows = [_keys(kind, _rows(kind, order)) for kind in kinds]
    paginator = Paginator(rows[0].union(*rows[1:], all=True).order_by("-at_", "-pk_"), PER_PAGE)
    found = paginator.get_page(number)
    return Page(_entries(order, list(found.object_list)), found.number, paginator)


def _keys(kind: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    at = "history_date" if kind == SETTING else "at"
    named = rows.order_by().annotate(kind_=Value(kind, output_field=CharField()), at_=F(at), pk_=F("pk"))
    keys: QuerySet[Any] = named.values_list("kind_", "at_", "pk_")
    return keys


def _rows(kind: str, order: Order) -> QuerySet[Any]:
    if kind == EXCHANGE:
        made: QuerySet[Any] = Exchange.objects.filter(about=subject.of_order(order.pk))
        return made
    if kind == SETTING:
        return _settings(order)
    said = OrderEvent.Kind.COMMENT if kind == COMMENT else OrderEvent.Kind.SYSTEM
    events: QuerySet[Any] = OrderEvent.objects.filter(order=order, kind=said)
    return events


def _settings(order: Order) -> QuerySet[Any]:
    """The states of its route's settings: the one that was in force when it came in, and all since."""
    states: QuerySet[Any] = Route.history.filter(id=order.route_id)
    before = states.filter(history_date__lte=order.received_at).order_by("-history_date", "-pk").values("pk")[:1]
    return states.filter(Q(history_date__gt=order.received_at) | Q(pk=Subquery(before)))


def _entries(order: Order, keys: list[tuple[str, Any, int]]) -> list[Entry]:
    found: dict[tuple[str, int], Entry] = {}
    for kind in dict.fromkeys(kind for kind, _, _ in keys):
        rows = _rows(kind, order).filter(pk__in=[pk for one, _, pk in keys if one == kind])
        if kind == SETTING:
            found |= {(kind, pk): entry for pk, entry in _of_settings(order, rows)}
        else:
            found |= {(kind, row.pk): _READ[kind](row) for row in _WITH[kind](rows)}
    return [found[kind, pk] for kind, _, pk in keys if (kind, pk) in found]


def _of_event(event: OrderEvent) -> Entry:
    moved = event.old_status != event.new_status
    title = str(event.get_new_status_display()) if moved else "Note"
    return Entry(EVENT, event.at, title, event.text, str(event.actor or ""))


def _of_comment(event: OrderEvent) -> Entry:
    return Entry(COMMENT, event.at, "Comment", event.text, str(event.actor or "somebody who is gone"))


def _of_exchange(row: Exchange) -> Entry:
    answer = f"HTTP {row.status}" if row.status else "no answer"
    text = f"{row.method} {wording.address(row.url)} → {answer} in {row.milliseconds} ms"
    failed = row.status is None or row.status >= 400
    return Entry(EXCHANGE, row.at, str(row.connection), f"{text}. {row.error}".removesuffix(". "), "", failed, row.pk)


def _of_settings(order: Order, rows: QuerySet[Any]) -> Iterator[tuple[int, Entry]]:
    """Each state with what it changed, but for the first, which was in force already."""
    wanted = set(rows.values_list("pk", flat=True))
    states = list(Route.history.filter(id=order.route_id).select_related("history_user").order_by("history_date", "pk"))
    for before, now in zip([None, *states], states, strict=False):
        if now.pk in wanted:
            in_force = before is None or now.history_date <= order.received_at
            what = "in force when the order came in" if in_force else _changes(now, before)
            why = f" ({now.history_change_reason})" if now.history_change_reason else ""
            actor = str(now.history_user or "")
            yield now.pk, Entry(SETTING, now.history_date, f"Route {now.name}", f"{what}{why}", actor)


def _changes(now: Any, before: Any) -> str:
    found = now.diff_against(before).changes
    names = {field.name: str(field.verbose_name) for field in Route._meta.fields}
    told = [f"{names.get(one.field, one.field)}: {_short(one.old)} → {_short(one.new)}" for one in found]
    return "; ".join(told) or "saved without a change"


def _short(value: object) -> str:
    text = str(value) if value not in (None, "") else "nothing"
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


_READ: dict[str, Callable[[Any], Entry]] = {EVENT: _of_event, COMMENT: _of_comment, EXCHANGE: _of_exchange}
_WITH: dict[str, Callable[[QuerySet[Any]], QuerySet[Any]]] = {
    EVENT: lambda rows: rows.select_related("actor"),
    COMMENT: lambda rows: rows.select_related("actor"),
    EXCHANGE: lambda rows: rows.select_related("connection").defer("request_body", "response_body"),
}
