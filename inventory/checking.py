"""Read back what the marketplace shows, and keep what differs, by cause. Nothing is mended: that a person asks for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.dispatch import enqueue
from integrations.errors import IntegrationError
from integrations.models import Connection, Route
from integrations.runs import Run
from integrations.wording import counted
from inventory import drift, given_up, now, outbox, shown
from inventory.checked import DriftedListing, InventoryCheck
from inventory.models import Listing, Publication
from inventory.shown import Differing

T = Publication.Status
PER_QUERY = 500
MOST_REASONS = 3  # told in full
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
        run.note(NOT_READ_BACK)
        _finish(run, asked, note=NOT_READ_BACK)
        return
    there = shown.by_name(read)
    given_up.settle(routes, there, read_at)
    differing, compared = shown.compare(routes, there, read_at)
    report = asked[-1] if asked else InventoryCheck(connection=run.connection)
    report.read_at = read_at
    _keep(run, report, _with_causes(differing), compared)
    _finish(run, asked[:-1], note=f"answered by the check at {read_at:%Y-%m-%d %H:%M:%S} UTC")


def publish_again(report: InventoryCheck) -> str:
    """Have everything published that drifted and can be, with the next run and under the same guard."""
    mine = Listing.objects.filter(drifts__inventory_check=report).select_related("route__marketplace").order_by("pk")
    drifted = list(mine)
    refusals = now.why_not_of(drifted)
    again = [listing.pk for listing in drifted if listing.pk not in refusals]
    with transaction.atomic():
        outbox.ask(again)
        transaction.on_commit(partial(enqueue, "publish_inventory", report.connection_id))
    return f"{_told_of(again)}{_left_out(refusals)}"


def _told_of(again: Sequence[int]) -> str:
    """What the guard holds back does not go with the next run."""
    held = now.held(again)
    said = f"{counted(len(again) - len(held), 'listings')} to be published again with the next run."
    waits = f" {len(held)} more once a person has decided on what the guard holds back of them."
    return f"{said}{waits}" if held else said


def _left_out(refusals: Mapping[int, str]) -> str:
    """How many are not, and why: the reasons of the most."""
    reasons = Counter(refusals.values())
    told = "".join(f" {number} left out: {why}" for why, number in reasons.most_common(MOST_REASONS))
    others = reasons.total() - sum(number for _, number in reasons.most_common(MOST_REASONS))
    return f"{told} {others} more left out, each for a reason that its listing's page says." if others else told


def _with_causes(differing: Sequence[Differing]) -> list[DriftedListing]:
    earlier = _earlier([one.listing for one in differing])
    return [_drifted(one, earlier[one.listing]) for one in differing]


def _earlier(pks: Sequence[int]) -> dict[int, set[int]]:
    """By listing, the quantities that were taken before the last one, as far as they are kept."""
    taken: dict[int, list[int]] = defaultdict(list)
    for start in range(0, len(pks), PER_QUERY):
        rows = Publication.objects.filter(listing__in=pks[start : start + PER_QUERY], status=T.ACCEPTED)
        for pk, quantity in rows.order_by("finished_at", "pk").values_list("listing", "quantity"):
            taken[pk].append(quantity)
    return defaultdict(set, {pk: set(quantities[:-1]) for pk, quantities in taken.items()})


def _drifted(one: Differing, earlier: set[int]) -> DriftedListing:
    why = drift.cause(replace(one.sent, earlier=earlier), one.shown)
    return DriftedListing(listing_id=one.listing, sku=one.sku, cause=why, wanted=one.sent.wanted, shown=one.shown)


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
        verb = "shows" if len(rows) == 1 else "show"
        run.problem(f"{counted(len(rows), 'listings')} {verb} another quantity; the report of this run names them")


def _finish(run: Run, reports: Iterable[InventoryCheck], *, note: str) -> None:
    for report in reports:
        report.run, report.note, report.finished_at = run.record, note, timezone.now()
        report.save()
