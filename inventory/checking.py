"""Read back what the marketplace shows, and keep what differs, by cause. Nothing is mended: that a person asks for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.dispatch import enqueue
from integrations.errors import IntegrationError
from integrations.models import Connection, Route
from integrations.runs import Run
from integrations.wording import counted
from inventory import drift, listings, now, outbox
from inventory.checked import DriftedListing, InventoryCheck
from inventory.drift import Sent
from inventory.models import Listing, Publication
from inventory.outbox import OPEN
from inventory.shown import Shown, by_place, quantity_at

T = Publication.Status
PER_QUERY = 500
NOT_READ_BACK = "its quantities are not read back: switch on the option read_inventory, if it answers that"


def ask_for(connection: Connection, by: Any) -> str:
    """Have a worker check it; a sentence for the screen."""
    InventoryCheck.objects.create(connection=connection, asked_by=by)
    enqueue("check_inventory", connection.pk)
    return f"The quantities of {connection} are read back as soon as a worker is free; the report then shows here."


def check(run: Run) -> None:
    """One reading answers everybody who asked. On schedule it only makes a report where it can read."""
    mine = InventoryCheck.objects.filter(connection=run.connection)
    mine.filter(finished_at__lt=timezone.now() - InventoryCheck.KEPT_FOR).delete()
    waiting = mine.filter(finished_at=None)
    asked = list(waiting.order_by("asked_at", "pk"))
    routes = list(Route.objects.filter(marketplace=run.connection).exclude(state=Route.State.PAUSED))
    read_at = timezone.now()
    try:
        read = run.marketplace().quantities()
    except IntegrationError as exc:
        _finish(run, asked or [InventoryCheck(connection=run.connection)], note=str(exc))
        raise
    if read is None:
        _finish(run, asked, note=NOT_READ_BACK)
        return
    rows, compared = _compare(routes, by_place(read), read_at)
    report = asked[-1] if asked else InventoryCheck(connection=run.connection)
    report.read_at = read_at
    _keep(run, report, rows, compared)
    _finish(run, asked[:-1], note=f"answered by the check at {read_at:%Y-%m-%d %H:%M:%S} UTC")


def publish_again(report: InventoryCheck) -> str:
    """Have everything published that drifted and can be, with the next run and under the same guard."""
    mine = Listing.objects.filter(drifts__inventory_check=report).select_related("route").order_by("pk")
    drifted = [listing.pk for listing in mine.iterator(PER_QUERY) if not now.why_not(listing)]
    with transaction.atomic():
        outbox.ask(drifted)
        transaction.on_commit(partial(enqueue, "publish_inventory", report.connection_id))
    return f"{counted(len(drifted), 'listings')} to be published again with the next run."


def _compare(routes: Sequence[Route], shown: Shown, read_at: Any) -> tuple[list[DriftedListing], int]:
    """What differs of the listings that are settled, and how many were compared."""
    compared, differing = 0, []
    for route in routes:
        refused, spoken_for = _refused(route), _spoken_for(route)
        for listing in _settled(route, read_at):
            sku = listing.published_sku or listings.published_name(listing, route)
            if not listing.published_sku and sku in spoken_for:
                continue
            compared += 1
            there = quantity_at(shown, sku, route.marketplace_warehouse_name)
            sent = Sent(listing.published_quantity, refused.get(listing.pk))
            if drift.differs(sent, there):
                differing.append((listing.pk, sku, sent, there))
    earlier = _earlier([pk for pk, *_ in differing])
    return [_drifted(pk, sku, sent, there, earlier[pk]) for pk, sku, sent, there in differing], compared


def _settled(route: Route, read_at: Any) -> Iterator[Listing]:
    """Those with nothing under way. What was published since it was read is left out."""
    rows = route.listings.filter(is_active=True).exclude(published_at__gte=read_at)
    busy = Publication.objects.filter(listing__route=route, status__in=OPEN)
    named = rows.exclude(pk__in=busy.values("listing")).only(
        "marketplace_sku", "partner_sku", "option_sku", "published_sku", "published_quantity"
    )
    return named.order_by("pk").iterator(chunk_size=2000)


def _spoken_for(route: Route) -> set[str]:
    """SKUs that another listing was published under."""
    return set(route.listings.exclude(published_sku="").values_list("published_sku", flat=True).iterator())


def _refused(route: Route) -> dict[int, int]:
    """By listing, the quantity that was not taken."""
    parked = Publication.objects.filter(listing__route=route, status=T.PARKED).order_by("pk")
    return dict(parked.values_list("listing", "quantity"))


def _earlier(pks: Sequence[int]) -> dict[int, set[int]]:
    """By listing, the quantities that were taken before the last one, as far as they are kept."""
    taken: dict[int, list[int]] = defaultdict(list)
    for start in range(0, len(pks), PER_QUERY):
        rows = Publication.objects.filter(listing__in=pks[start : start + PER_QUERY], status=T.ACCEPTED)
        for pk, quantity in rows.order_by("finished_at", "pk").values_list("listing", "quantity"):
            taken[pk].append(quantity)
    return defaultdict(set, {pk: set(quantities[:-1]) for pk, quantities in taken.items()})


def _drifted(pk: int, sku: str, sent: Sent, shown: int | None, earlier: set[int]) -> DriftedListing:
    known = Sent(sent.taken, sent.refused, earlier)
    wanted = sent.taken if sent.refused is None else sent.refused
    return DriftedListing(listing_id=pk, sku=sku, cause=drift.cause(known, shown), wanted=wanted, shown=shown)


@transaction.atomic
def _keep(run: Run, report: InventoryCheck, rows: Sequence[DriftedListing], compared: int) -> None:
    report.counts, report.compared = dict(Counter(str(row.cause) for row in rows)), compared
    report.run, report.finished_at = run.record, timezone.now()
    report.save()
    for row in rows:
        row.inventory_check = report
    DriftedListing.objects.bulk_create(rows, batch_size=PER_QUERY)
    run.count("listings compared", compared)
    if rows:
        run.problem(f"{counted(len(rows), 'listings')} show another quantity; the report of this run names them")


def _finish(run: Run, reports: Iterable[InventoryCheck], *, note: str) -> None:
    for report in reports:
        report.run, report.note, report.finished_at = run.record, note, timezone.now()
        report.save()
