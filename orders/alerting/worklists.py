"""What waits for a person, as alarms: one per cause, however many orders it concerns. A query or two per worklist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.db.models import Count, F, Min
from django.urls import reverse

from integrations.transmissions import Transmission
from integrations.wording import counted
from inventory.models import Publication
from orders import ship_dates
from orders.alarms import Alarm, list_of
from orders.models import (
    OUTBOXES,
    AlertKind,
    Hold,
    Order,
    Severity,
    UnreadableRecord,
)
from orders.reconciliation import findings

PARKED = Transmission.Status.PARKED


def alarms(names: Mapping[int, str]) -> Iterator[Alarm]:
    """Every worklist that is not empty. `names` are those of the connections, by id."""
    yield from _held(names)
    yield from _refused(names)
    yield from _refused_quantities()
    yield from _unreadable(names)
    yield from _reconciliations(names)
    yield from _late(names)


def _held(names: Mapping[int, str]) -> Iterator[Alarm]:
    """One per marketplace and kind of hold; how many subjects (SKUs, codes) it is about is in the text."""
    groups = Hold.objects.filter(resolved_at=None).order_by().values("kind", "order__connection")
    for row in groups.annotate(
        orders=Count("order", distinct=True), subjects=Count("subject", distinct=True), about=Min("subject"),
        oldest=Min("opened_at"),
    ):  # fmt: skip
        kind, marketplace = Hold.Kind(row["kind"]), row["order__connection"]
        more = f" and {row['subjects'] - 1} more" if row["subjects"] > 1 else ""
        about = f" ({row['about']}{more})" if row["about"] else ""
        verb = "waits" if row["orders"] == 1 else "wait"
        text = f"{counted(row['orders'], 'orders')} of {names[marketplace]} {verb} for a person: {kind.label}{about}"
        path = list_of("orders_order", f"held={kind.value}&connection__id__exact={marketplace}")
        yield Alarm(
            AlertKind.HELD, f"{kind.value}:{marketplace}", Severity.WARNING, text, path, row["orders"], row["oldest"]
        )  # fmt: skip


def _refused(names: Mapping[int, str]) -> Iterator[Alarm]:
    for _, model, what in OUTBOXES:
        parked = model._default_manager.filter(connection__in=list(names), status=PARKED).order_by()
        rows = parked.values("connection").annotate(number=Count("pk"), oldest=Min("finished_at"))
        for row in rows:
            verb = "was" if row["number"] == 1 else "were"
            number = counted(row["number"], what)
            text = f"{number} to {names[row['connection']]} {verb} refused or given up"
            query = f"status__exact=parked&connection__id__exact={row['connection']}"
            path = list_of(f"orders_{model._meta.model_name}", query)
            key = f"{model._meta.model_name}:{row['connection']}"
            yield Alarm(AlertKind.REFUSED, key, Severity.WARNING, text, path, row["number"], row["oldest"])


def _refused_quantities() -> Iterator[Alarm]:
    """Those of listings that are switched off wait for nobody."""
    parked = Publication.objects.filter(status=PARKED, listing__is_active=True).order_by()
    rows = parked.values(route=F("listing__route"))
    for row in rows.annotate(number=Count("pk"), oldest=Min("finished_at"), name=Min("listing__route__name")):
        verb = "was" if row["number"] == 1 else "were"
        text = f"{counted(row['number'], 'quantities')} of route {row['name']} {verb} refused (Publications)"
        path = list_of("inventory_publication", "status__exact=parked")
        yield Alarm(
            AlertKind.REFUSED, f"publication:{row['route']}", Severity.WARNING, text, path, row["number"], row["oldest"]
        )  # fmt: skip


def _unreadable(names: Mapping[int, str]) -> Iterator[Alarm]:
    rows = UnreadableRecord.objects.filter(resolved_at=None).order_by().values("connection")
    for row in rows.annotate(number=Count("pk"), oldest=Min("first_seen_at")):
        text = f"{counted(row['number'], 'orders')} of {names[row['connection']]} could not be read"
        path = list_of("orders_unreadablerecord", f"connection__id__exact={row['connection']}")
        yield Alarm(
            AlertKind.UNREADABLE, str(row["connection"]), Severity.WARNING, text, path, row["number"], row["oldest"]
        )  # fmt: skip


def _reconciliations(names: Mapping[int, str]) -> Iterator[Alarm]:
    """What comparisons found wrong and is not mended: the worklist *Found by the reconciliation*, by marketplace."""
    rows = findings.found().order_by().values(marketplace=F("report__connection"))
    for row in rows.annotate(number=Count("pk"), oldest=Min("report__finished_at")):
        verb = "is" if row["number"] == 1 else "are"
        number, name = counted(row["number"], "orders"), names[row["marketplace"]]
        text = f"{number} of {name} {verb} not the same on both sides"
        path = f"{reverse('admin:worklist_found')}?connection={row['marketplace']}"
        yield Alarm(
            AlertKind.RECONCILIATION, str(row["marketplace"]), Severity.WARNING, text, path, row["number"],
            row["oldest"],
        )  # fmt: skip


def _late(names: Mapping[int, str]) -> Iterator[Alarm]:
    """The orders of the worklist *Late to ship*, by marketplace."""
    late = Order.objects.filter(ship_dates.current().late, connection__in=list(names)).order_by()
    for row in late.values("connection").annotate(number=Count("pk"), oldest=Min("ordered_at")):
        verb = "is" if row["number"] == 1 else "are"
        text = (
            f"{counted(row['number'], 'orders')} of {names[row['connection']]} {verb} late: the ship date is over, and "
            "not all of it has shipped"
        )
        path = f"{reverse('admin:worklist_late')}?connection={row['connection']}"
        yield Alarm(
            AlertKind.LATE, str(row["connection"]), Severity.WARNING, text, path, row["number"], row["oldest"]
        )  # fmt: skip
