"""What happened to an order, newest first: events, requests with their answers, comments, and settings that changed.

The sources are joined in the database and paged there, so that a long story costs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import CharField, F, IntegerField, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from integrations import subject, wording
from integrations.models import Exchange, Route
from orders import maps_in_force
from orders.models import Order, OrderEvent

PER_PAGE = 50
LONGEST_VALUE = 60
EVENT, COMMENT, EXCHANGE, SETTING = "event", "comment", "exchange", "setting"
KINDS = {EVENT: "Events", COMMENT: "Comments", EXCHANGE: "Requests and answers", SETTING: "Settings"}
MAP = "map"  # among the settings


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


class Row(NamedTuple):
    """A row of any kind: `before_` is an event's status before, and of a request what was asked for."""

    kind_: str
    pk_: int
    at_: datetime
    actor_: str | None
    title_: str
    before_: str
    text_: str
    status_: int | None
    milliseconds_: int | None


NOTHING, NOBODY = Value("", output_field=TextField()), Cast(Value(None), TextField())
NO_NUMBER = Cast(Value(None), IntegerField())
_SAID: dict[str, Any] = {"at_": F("at"), "actor_": "actor__username", "title_": "new_status", "before_": "old_status",
                         "text_": "text"}  # fmt: skip
COLUMNS: dict[str, dict[str, Any]] = {
    EVENT: _SAID, COMMENT: _SAID,
    EXCHANGE: {"at_": F("at"), "title_": "connection__name", "text_": "error",
               "before_": Concat("method", Value(" "), "url", output_field=TextField()),
               "status_": F("status"), "milliseconds_": F("milliseconds")},
    SETTING: {"at_": F("history_date"), "actor_": "history_user__username", "title_": "name",
              "text_": Coalesce("history_change_reason", Value(""), output_field=TextField())},
}  # fmt: skip


def sources(user: Any) -> list[str]:
    """The kinds that this person may see."""
    rights = {EXCHANGE: "integrations.view_exchange", SETTING: "integrations.view_route"}
    return [kind for kind in KINDS if kind not in rights or user.has_perm(rights[kind])]


def page(order: Order, kinds: Sequence[str], number: str | None) -> Page[Entry]:
    """A page of what happened of these kinds; the number may be anything, as it stands in an address.

    One query, another to count a story of several pages, and one if the route's settings were changed since.
    """
    first, *others = (rows for kind in kinds for rows in _sources(kind, order))
    rows = first.union(*others, all=True).order_by("-at_", "-pk_")
    if number not in (None, "1"):
        paginator = Paginator(rows, PER_PAGE)
        found = paginator.get_page(number)
        return Page(_entries(order, found.object_list), found.number, paginator)
    newest = list(rows[: PER_PAGE + 1])
    paginator = Paginator(rows if len(newest) > PER_PAGE else newest, PER_PAGE)
    return Page(_entries(order, newest[:PER_PAGE]), 1, paginator)


def _sources(kind: str, order: Order) -> Iterator[QuerySet[Any]]:
    yield _columns(kind, _rows(kind, order), COLUMNS[kind])
    if kind == SETTING:
        for rows, title, said in maps_in_force.states(order):
            yield _columns(MAP, rows, COLUMNS[SETTING] | {"title_": title, "before_": said})


def _columns(kind: str, rows: QuerySet[Any], own: Mapping[str, Any]) -> QuerySet[Any]:
    """The rows of a kind in the columns that all kinds have, as they are needed to tell it (`Row`)."""
    columns = {"actor_": NOBODY, "title_": NOTHING, "before_": NOTHING, "text_": NOTHING, "status_": NO_NUMBER,
               "milliseconds_": NO_NUMBER, **own}  # fmt: skip
    named = {"kind_": Value(kind, output_field=CharField()), "pk_": F("pk")} | {
        name: Cast(one, TextField()) if isinstance(one, str) else one for name, one in columns.items()
    }
    told: QuerySet[Any] = rows.order_by().annotate(**named).values_list(*Row._fields)
    return told


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


def _entries(order: Order, rows: Iterable[Any]) -> list[Entry]:
    told = [Row(*one) for one in rows]
    since = [one.pk_ for one in told if one.kind_ == SETTING and one.at_ > order.received_at]
    changes = _changes_of(order, since) if since else {}
    of_order: dict[str, Callable[[Row], Entry]] = {
        SETTING: lambda row: _of_setting(row, changes), MAP: lambda row: _of_map(row, order),
    }  # fmt: skip
    return [(_READ | of_order)[one.kind_](one) for one in told]


def _of_event(row: Row) -> Entry:
    moved = row.before_ != row.title_
    title = str(Order.Status(row.title_).label) if moved else "Note"
    return Entry(EVENT, row.at_, title, row.text_, row.actor_ or "")


def _of_comment(row: Row) -> Entry:
    return Entry(COMMENT, row.at_, "Comment", row.text_, row.actor_ or "somebody who is gone")


def _of_exchange(row: Row) -> Entry:
    answer = f"HTTP {row.status_}" if row.status_ else "no answer"
    method, url = row.before_.split(" ", 1)
    text = f"{method} {wording.address(url)} → {answer} in {row.milliseconds_} ms. {row.text_}".removesuffix(". ")
    return Entry(EXCHANGE, row.at_, row.title_, text, "", row.status_ is None or row.status_ >= 400, row.pk_)


def _of_setting(row: Row, changes: Mapping[int, str]) -> Entry:
    what = changes.get(row.pk_, maps_in_force.FIRST)
    return Entry(SETTING, row.at_, f"Route {row.title_}", f"{what}{_why(row)}", row.actor_ or "")


def _of_map(row: Row, order: Order) -> Entry:
    what = maps_in_force.in_words(order, row.at_, row.before_)
    return Entry(SETTING, row.at_, row.title_.strip(), f"{what}{_why(row)}", row.actor_ or "")


def _why(row: Row) -> str:
    return f" ({row.text_})" if row.text_ else ""


def _changes_of(order: Order, wanted: list[int]) -> dict[int, str]:
    """What each of these states of its route changed, but for the very first, which changed nothing."""
    states = list(Route.history.filter(id=order.route_id).order_by("history_date", "pk"))
    return {now.pk: _changes(now, before) for before, now in pairwise(states) if now.pk in wanted}


def _changes(now: Any, before: Any) -> str:
    found = now.diff_against(before).changes
    names = {field.name: str(field.verbose_name) for field in Route._meta.fields}
    told = [f"{names.get(one.field, one.field)}: {_short(one.old)} → {_short(one.new)}" for one in found]
    return "; ".join(told) or "saved without a change"


def _short(value: object) -> str:
    text = str(value) if value not in (None, "") else "nothing"
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


_READ: dict[str, Callable[[Row], Entry]] = {EVENT: _of_event, COMMENT: _of_comment, EXCHANGE: _of_exchange}
