"""The worklists: what waits for a person, each with its sources. A row is there as long as its cause is, and no longer.

A source is a query of the records that wait; nothing is written when one comes or goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import BigIntegerField, Count, DateTimeField, F, Min, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from integrations.alike import alike, firsts
from integrations.models import Connection
from integrations.transmissions import Transmission
from inventory.models import GuardedPublish, Publication
from orders import causes, route_trouble, ship_dates
from orders.models import (
    OUTBOXES,
    Hold,
    Order,
    Outbox,
)
from orders.reconciliation import findings

K, T = Hold.Kind, Transmission.Status
CHANGED_SINCE = (K.CHANGED_ORDER, K.CHANGED_SHIPMENT, K.VOIDED_SHIPMENT, K.VOIDED_ORDER, K.DIFFERENT_THERE)
LISTED = (*causes.MAPPED, *CHANGED_SINCE, K.CANCELLED_LATE)
# Where the subject is the cause, and not a detail of one order.
CAUSE_IN_SUBJECT = (*causes.MAPPED, K.NO_ROUTE)
MOST = 10_000  # rows that a page looks at, those that have waited longest


@dataclass(frozen=True, slots=True)
class Source:
    """Records that wait. All but `name` and `rows` are look-ups; an empty one is what these records do not have."""

    name: str
    rows: Callable[[], QuerySet[Any]]
    since: str
    connection: str
    order: str = "order"
    number: str = "order__full_number"
    kind: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that waits. Those of one `cause` wait for the same thing, and `text` is what this one says of it."""

    source: str
    pk: int
    order: int | None
    since: datetime | None
    connection: int
    cause: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Worklist:
    """`permission` is what its page needs, `means` what is on it, `empty` what it means that nothing is; `since` is
    what the time of its rows tells.
    """

    name: str
    title: str
    icon: str
    permission: str
    means: str
    empty: str
    sources: tuple[Source, ...]
    since: str = "Since"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows a worklist has, and since when the first of them waits."""

    number: int = 0
    oldest: datetime | None = None


def _holds(name: str, *kinds: str, others: bool = False) -> Source:
    def rows() -> QuerySet[Hold]:
        mine = Hold.objects.filter(resolved_at=None)
        return mine.exclude(kind__in=kinds) if others else mine.filter(kind__in=kinds)

    return Source(name, rows, "opened_at", "order__connection", kind="kind", text="subject")


def _sent(status: str, since: str) -> tuple[Source, ...]:
    """What was sent for orders and is in this status."""

    def source(box: Outbox) -> Source:
        rows = partial(box.model._default_manager.filter, status=status)
        return Source(box.name, rows, since, "connection", text="last_error")

    # What was answered with nothing is sent again with the next run, and settled then.
    publications = Publication.objects.exclude(status=T.UNCONFIRMED, answered_nothing=True)
    quantities = Source(
        "publication", lambda: publications.filter(status=status), since, "listing__route__marketplace",
        order="", number="sku", text="last_error",
    )  # fmt: skip
    return (*map(source, OUTBOXES), quantities)


def _late() -> QuerySet[Order]:
    return Order.objects.filter(ship_dates.current().late)


def _in_trouble() -> QuerySet[Connection]:
    unwell = Q(health__in=(Connection.Health.STOPPED, Connection.Health.TROUBLED))
    return Connection.objects.filter(unwell | Q(outage__paused_until__isnull=False))


ALL = (
    Worklist(
        "refused", "Refused", "block", "orders.view_order",
        "Orders, changes, confirmations, short ships and quantities that the other side said no to, or that were given "
        "up. Quantities are tried again by and by; nothing else is sent again until a person says so.",
        "The other side has taken everything that it was sent.", _sent(T.PARKED, "finished_at"),
    ),
    Worklist(
        "unknown", "Outcome unknown", "help", "orders.view_order",
        "Sent, and no clear answer came. Each is looked up before it is sent again, by itself; it waits here until "
        "the other side has said whether it is there.",
        "Of everything that was sent it is known whether it arrived.", _sent(T.UNCONFIRMED, "sent_at"),
    ),
    Worklist(
        "cancellations", "Cancel requests", "cancel", "orders.view_order",
        "The marketplace cancelled the order, or a line of it, after the warehouse had it.",
        "Nothing was cancelled that the warehouse has and nobody decided on.", (_holds("hold", K.CANCELLED_LATE),),
    ),
    Worklist(
        "changes", "Changed after sending", "published_with_changes", "orders.view_order",
        "What was sent or confirmed is not so any more, on the marketplace or in the warehouse.",
        "Orders that were sent are on both sides as they were sent.", (_holds("hold", *CHANGED_SINCE),),
    ),
    Worklist(
        "carriers", "Carrier unknown", "local_post_office", "orders.view_order",
        "Parcels whose carrier or service has no code in the map: the marketplace is told of them once it has.",
        "Every parcel's carrier and service is in the map.", (_holds("hold", K.UNKNOWN_CARRIER),),
    ),
    Worklist(
        "late", "Late to ship", "running_with_errors", "orders.view_order",
        "Their ship date is over, and not all of them has shipped. Ask the warehouse about those that it has; what "
        "will never ship is a short ship, on the order's page.",
        "Every order whose ship date is over has shipped.",
        (Source("order", _late, "ordered_at", "connection", order="pk", number="full_number", text="status"),),
        since="Ordered",
    ),
    Worklist(
        "found", "Found by the reconciliation", "balance", "orders.view_order",
        "What the two sides do not agree on, as they were compared last. A row leaves with the next comparison that "
        "finds it mended: every day, or at once by Compare again on the order's page.",
        "Where both sides were compared, they agree, or what they do not agree on is on another worklist.",
        (Source("finding", findings.found, "report__finished_at", "report__connection", number="number",
                kind="bucket", text="text"),),
        since="Compared",
    ),
    Worklist(
        "holds", "Other holds", "front_hand", "orders.view_order",
        "Orders that wait for a person for any other reason: an address, a route, a line, somebody's own hold.",
        "No order waits for any other reason.",
        (_holds("hold", *LISTED, others=True),
         Source("of_route", route_trouble.waiting, "created_at", "connection", text="last_error")),
    ),
    Worklist(
        "guarded", "Guarded inventory", "gpp_maybe", "inventory.view_guardedpublish",
        "Quantities that look like damage and are held back until a person releases or discards them.",
        "The guard holds nothing back.",
        (Source("guarded", lambda: GuardedPublish.objects.filter(state=GuardedPublish.State.WAITING), "found_at",
                "route__marketplace", order="", number="route__name", text="reason"),),
    ),
    Worklist(
        "connections", "Connections in trouble", "power_off", "integrations.view_connection",
        "Connections that were stopped, give no clear answers, or whose calls are paused.",
        "Every connection works, or was not tried yet.",
        (Source("connection", _in_trouble, "health_at", "pk", order="", number="name", kind="health",
                text="health_message"),),
    ),
)  # fmt: skip
BY_NAME = {one.name: one for one in ALL}
MAPPING = "mapping"  # the worklist that has a page of its own


def allowed(user: Any) -> list[Worklist]:
    """Those that this person may see."""
    return [one for one in ALL if user.has_perm(one.permission)]


def tallies() -> dict[str, Tally]:
    """Of every worklist, and of what needs mapping (its causes), with one query beside that of the routes' days."""
    parts = [_tally(one.name, source) for one in ALL for source in one.sources]
    found: dict[str, Tally] = {one.name: Tally() for one in ALL}
    for name, number, oldest in parts[0].union(*parts[1:], _mapping(), all=True):
        before = found.get(name, Tally())
        times = [at for at in (before.oldest, oldest) if at]
        found[name] = Tally(before.number + number, min(times) if times else None)
    return found


def _tally(name: str, source: Source) -> QuerySet[Any, Any]:
    return _as_row(source.rows(), name, Count("pk"), source.since)


def _mapping() -> QuerySet[Any, Any]:
    """As many as there are causes: one hold of each stands for it. Carriers are counted as parcels, on their own."""
    firsts = Hold.objects.filter(resolved_at=None, kind__in=causes.BEFORE_SENDING).order_by()
    one_each = firsts.values(*causes.KEY).annotate(first=Min("pk")).values("first")
    return _as_row(Hold.objects.filter(pk__in=one_each), MAPPING, Count("pk"), "opened_at")


def _as_row(rows: QuerySet[Any], name: str, number: Count, since: str) -> QuerySet[Any, Any]:
    row: QuerySet[Any, Any] = rows.order_by().annotate(list_name=Value(name)).values("list_name")
    oldest = Cast(Min(since), DateTimeField())
    told: QuerySet[Any, Any] = row.annotate(list_number=number, list_oldest=oldest).values_list(
        "list_name", "list_number", "list_oldest"
    )
    return told


def entries(worklist: Worklist, *, connection: int | None = None, search: str = "") -> tuple[list[Entry], bool]:
    """Its rows, the one that has waited longest first, and whether there are more than these MOST. One query."""
    first, *others = (_asked(source, connection, search) for source in worklist.sources)
    rows = first.union(*others, all=True) if others else first
    found = list(rows.order_by(F("since_").asc(nulls_last=True), "source_", "pk_")[: MOST + 1])
    return [_entry(*row) for row in found[:MOST]], len(found) > MOST


def _asked(source: Source, connection: int | None, search: str) -> QuerySet[Any, Any]:
    """What is asked for of a source, in the columns of `_entry`."""
    rows = source.rows().order_by()
    if connection is not None:
        rows = rows.filter(**{source.connection: connection})
    if search:
        words = source.text or source.number
        rows = rows.filter(Q(**{f"{source.number}__icontains": search}) | Q(**{f"{words}__icontains": search}))
    columns: QuerySet[Any, Any] = rows.annotate(
        source_=Value(source.name), pk_=F("pk"), since_=F(source.since), connection_=F(source.connection),
        order_=F(source.order) if source.order else Value(None, output_field=BigIntegerField()),
        kind_=_as_text(source.kind), text_=_as_text(source.text),
    ).values_list("source_", "pk_", "order_", "since_", "connection_", "kind_", "text_")  # fmt: skip
    return columns


def _as_text(column: str) -> Cast | Value:
    return Cast(column, TextField()) if column else Value("", output_field=TextField())


def _entry(
    source: str, pk: int, order: int | None, since: datetime | None, connection: int, kind: str, text: str
) -> Entry:
    return Entry(
        source, pk, order, since, connection, f"{source}:{connection}:{kind}:{_cause(source, kind, text)}", text
    )


def _cause(source: str, kind: str, text: str) -> str:
    if source == "hold":
        return text if kind in CAUSE_IN_SUBJECT else ""
    if source == "finding":
        return ""
    return text if source == "order" else alike(text)


def by_cause(rows: Iterable[Entry]) -> list[tuple[Entry, int]]:
    """The first row of each cause and how many it has, most first."""
    return firsts(rows, lambda one: one.cause)
