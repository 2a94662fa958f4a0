"""Inventory files: made by the rules and the guard of a publish, kept, and counted as published once uploaded."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from integrations.dispatch import enqueue
from integrations.models import Route
from integrations.processes import RunLost
from integrations.redaction import named
from integrations.runs import Run
from integrations.wording import counted, moment
from inventory import awaited, guarding, listings, outbox, readings
from inventory.decisions import Decision, Pending, decide_all
from inventory.filed import InventoryFile
from inventory.gathered import gather
from inventory.models import Listing, Publication
from inventory.outbox import SHOWN

S, T = InventoryFile.State, Publication.Status
PER_QUERY = 500
SOON = timedelta(minutes=5)  # a file is made after its run began, and the next run comes an interval after that
NOTED_AT_ONCE = 2_000  # lines; more than these are no work for a request


class NotUploaded(Exception):
    """A file cannot be marked as uploaded; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file, with what a listing is published as when the file was uploaded. Times are ISO 8601."""

    listing: int
    supplier_sku: str
    option_sku: str
    upc: str
    warehouse: str
    quantity: int
    sku: str
    observed_at: str
    explanation: dict[str, Any] = field(default_factory=dict)


LINE = tuple(one.name for one in fields(Row) if one.name != "explanation")


def ask_for(route: Route, by: Any) -> InventoryFile:
    """Have a worker make one; the one that is being made already, if there is."""
    try:
        with transaction.atomic():
            record = InventoryFile.objects.create(route=route, asked_by=by)
            transaction.on_commit(partial(enqueue, "write_inventory_files", route.marketplace_id))
            return record
    except IntegrityError:
        return InventoryFile.objects.filter(route=route).latest("asked_at")


def make_due(run: Run, routes: Sequence[Route], pending: Pending) -> None:
    """Note what was uploaded, make what somebody asked for or a route's schedule, forget what is old."""
    noting = InventoryFile.objects.filter(route__marketplace=run.connection, state=S.NOTING)
    for record in noting.order_by("uploaded_at", "pk"):
        with run.isolated(str(record)):
            note_published(record)
    by_id = {route.pk: route for route in routes}
    for route in routes:
        if _is_due(route):
            ask_quietly(route)
    waiting = InventoryFile.objects.filter(route__marketplace=run.connection, state=S.WAITING).order_by("pk")
    for record in waiting:
        told = by_id.get(record.route_id)
        if told is None:
            _fail(run, record, f"route {record.route} is paused, or in test at a real marketplace")
        elif not told.location_id:
            _fail(run, record, f"the location of route {told} is not known yet: run Pull levels of {told.warehouse}")
        elif waits := awaited.stock(told):
            run.note(f"inventory file: {waits}")
        else:
            _try(run, record, told, pending)
    old = InventoryFile.objects.filter(route__marketplace=run.connection).exclude(state__in=(S.WAITING, S.NOTING))
    old.filter(asked_at__lt=timezone.now() - InventoryFile.KEPT_FOR).delete()


def ask_quietly(route: Route) -> None:
    """One for the schedule, or the command line, that the same run makes."""
    InventoryFile.objects.get_or_create(route=route, state=S.WAITING)


def rows_of(record: InventoryFile) -> list[Row]:
    """The lines, without the reasons."""
    return [Row(*one) for one in _unpacked(record.content) or ()]


def _unpacked(content: bytes | memoryview | None) -> Any:
    return json.loads(zlib.decompress(bytes(content))) if content else None


def mark_uploaded(record: InventoryFile, by: Any) -> str:
    """A person has uploaded it: what it says counts as published, unless something newer was. Raises NotUploaded.

    A long one is left to a worker.
    """
    with transaction.atomic():
        mine = InventoryFile.objects.filter(pk=record.pk, state=S.MADE)
        if not mine.update(state=S.NOTING, uploaded_at=timezone.now(), uploaded_by=by):
            raise NotUploaded("Only a file that waits to be uploaded can be marked so, and only once.")
        if record.listings > NOTED_AT_ONCE:
            transaction.on_commit(partial(enqueue, "write_inventory_files", record.route.marketplace_id))
            return f"The quantities of route {record.route} count as published as soon as a worker has noted them."
        return note_published(record)


@transaction.atomic
def note_published(record: InventoryFile) -> str:
    """Note what an uploaded file published, once."""
    if not InventoryFile.objects.filter(pk=record.pk, state=S.NOTING).update(state=S.UPLOADED):
        return "It is noted already."
    record.refresh_from_db()
    reasons: dict[str, dict[str, Any]] = _unpacked(record.reasons) or {}
    rows = [replace(row, explanation=reasons.get(str(row.listing), {})) for row in rows_of(record)]
    listings.lock(row.listing for row in rows)
    noting = _Noting(record)
    for start in range(0, len(rows), PER_QUERY):
        noting.note(rows[start : start + PER_QUERY])
    return f"{noting.told()}{_again(record, noting.doubted)}"


def _again(record: InventoryFile, doubted: Sequence[int]) -> str:
    """Have them told once more; what becomes of them, in a sentence of its own."""
    if not doubted:
        return ""
    outbox.ask(doubted)
    how = "published again with the next run"
    if record.route.publish_by == Route.PublishBy.FILE:
        ask_for(record.route, record.uploaded_by)
        how = "in the inventory file that is made now: upload that, too"
    which = f"{counted(len(doubted), 'quantities')} {'is' if len(doubted) == 1 else 'are'}"
    return f" Whether this or something newer reached the marketplace last is not known: {which} {how}."


def _is_due(route: Route) -> bool:
    if route.inventory_file_hours is None:
        return False
    last = InventoryFile.objects.filter(route=route, made_at__isnull=False).aggregate(last=Max("made_at"))["last"]
    return last is None or last <= timezone.now() - timedelta(hours=route.inventory_file_hours) + SOON


def _try(run: Run, record: InventoryFile, route: Route, pending: Pending) -> None:
    with run.isolated(f"inventory file of route {route}"):
        try:
            _make(run, record, route, pending)
        except RunLost:
            raise  # it is left to the run that took over
        except Exception as exc:
            InventoryFile.objects.filter(pk=record.pk).update(state=S.FAILED, error=f"unexpected {named(exc)}"[:2000])
            raise


def _fail(run: Run, record: InventoryFile, why: str) -> None:
    InventoryFile.objects.filter(pk=record.pk).update(state=S.FAILED, error=why)
    run.problem(f"no inventory file: {why}")


def _make(run: Run, record: InventoryFile, route: Route, pending: Pending) -> None:
    """Decide, guard, and keep what the file says. Of what is held back it repeats what is shown."""
    run.beat()
    record.made_at = timezone.now()
    rows: dict[int, Row | None] = {}
    row = partial(_row, route, perhaps=outbox.perhaps_shown(route))
    decisions = _noted(decide_all(route, pending(route)), row, rows)
    gathered = gather(route, decisions, (), readings.under_way_since(route.warehouse_id))
    with transaction.atomic():
        run.hold()
        admitted = guarding.admit(run, route, gathered)
        held = gathered.without(admitted)
        outbox.note(admitted, held)
        for some, is_held in ((admitted, False), (held, True)):
            rows |= {one.listing.pk: row(one, is_held=is_held) for one in some}
        record.held = len(held) + sum(one.noted is not None for one in admitted)
        _keep(run, record, [row for row in rows.values() if row is not None])


def _noted(
    decisions: Iterable[Decision], row: Callable[..., Row | None], rows: dict[int, Row | None]
) -> Iterator[Decision]:  # fmt: skip
    """Pass decisions on, and note the line of each: a route may have more of them than fit into memory."""
    for one in decisions:
        rows[one.listing.pk] = row(one, is_held=False)
        yield one


def _keep(run: Run, record: InventoryFile, rows: Sequence[Row]) -> None:
    content = json.dumps([[getattr(row, name) for name in LINE] for row in rows], ensure_ascii=False).encode()
    reasons = {row.listing: row.explanation for row in rows if row.explanation}
    record.state, record.run = S.MADE, run.record
    record.listings, record.changed = len(rows), len(reasons)
    record.content, record.sha256 = zlib.compress(content), sha256(content).hexdigest()
    record.reasons = zlib.compress(json.dumps(reasons, ensure_ascii=False).encode())
    record.save()
    run.count("listings in files", len(rows))


def _quantity(one: Decision, perhaps: Collection[int], is_held: bool) -> int | None:
    """What the file says; None leaves the listing out: it is not to be published, or unknown and was never shown.

    `perhaps` are those that may have been shown.
    """
    shown = one.listing.published_quantity
    if one.not_published:
        return None
    is_nothing_to_tell = one.problem and shown is None and one.listing.pk not in perhaps
    return shown if is_held or one.quantity is None or is_nothing_to_tell else one.quantity


def _row(route: Route, one: Decision, perhaps: Collection[int], *, is_held: bool) -> Row | None:
    """None where the file says nothing. Only one that differs from what is shown comes with its reason."""
    listing, quantity = one.listing, _quantity(one, perhaps, is_held)
    if quantity is None:
        return None
    sku = one.sku if quantity == one.quantity else listing.published_sku
    is_changed = (sku, quantity) != (listing.published_sku, listing.published_quantity)
    return Row(
        listing=listing.pk,
        supplier_sku=listing.partner_sku or listing.marketplace_sku,
        option_sku=listing.option_sku,
        upc=listing.upc,
        warehouse=route.marketplace_warehouse_name,
        quantity=quantity,
        sku=sku,
        observed_at=one.observed_at.isoformat(),
        explanation=one.explanation if is_changed else {},
    )


class _Noting:
    """Notes the lines of an uploaded file, whose listings are locked. Files are said to be uploaded in that order.

    `doubted` are listings of which that is not so: what was made later, or sent since, was told of before. Nobody knows
    then what they show, since this may have been uploaded after it.
    """

    def __init__(self, record: InventoryFile) -> None:
        self._record, self._at = record, record.uploaded_at or timezone.now()
        told = InventoryFile.objects.filter(route=record.route_id, state=S.UPLOADED)
        self._made = dict(told.values_list("uploaded_at", "made_at"))
        self._published = self._left = 0
        self.doubted: list[int] = []

    def note(self, rows: Sequence[Row]) -> None:
        """Note those as published that nothing newer was published for."""
        there = Listing.objects.in_bulk([row.listing for row in rows])
        mine = {pk for pk, listing in there.items() if not self._shows_newer(listing)}
        differing = [row for row in rows if row.listing in there and _differs(there[row.listing], row)]
        self.doubted += [pk for pk in (row.listing for row in differing) if (pk in mine) != self._is_last(there[pk])]
        self._store([row for row in differing if row.listing in mine], there)
        self._close(mine)
        self._published += len(mine)
        self._left += len(rows) - len(mine)

    def told(self) -> str:
        were = "was" if self._left == 1 else "were"
        left = f"; {counted(self._left, 'listings')} {were} left out, published since it was made or gone"
        route, published = self._record.route, counted(self._published, "quantities")
        return f"{published} of route {route} count as published{left if self._left else ''}."

    def _shows_newer(self, listing: Listing) -> bool:
        """Whether it was published since this file was made; what another file published is as old as that one."""
        at, made_at = listing.published_at, self._record.made_at
        return at is not None and made_at is not None and (self._made.get(at) or at) > made_at

    def _is_last(self, listing: Listing) -> bool:
        return listing.published_at is None or listing.published_at <= self._at

    def _store(self, changed: Sequence[Row], there: Mapping[int, Listing]) -> None:
        told = [_publication(self._record, row, self._at) for row in changed]
        shown = [_shown(there[row.listing], row, self._at) for row in changed]
        # As they are locked, each is there: this only updates, in a tenth of the time that bulk_update takes.
        Listing.objects.bulk_create(shown, update_conflicts=True, unique_fields=["id"], update_fields=SHOWN)
        Publication.objects.bulk_create(told, batch_size=PER_QUERY)

    def _close(self, mine: Collection[int]) -> None:
        Listing.objects.filter(pk__in=mine).update(published_at=self._at)
        waiting = Publication.objects.filter(listing__in=mine, status__in=(T.PENDING, T.PARKED))
        waiting.update(status=T.WITHDRAWN, finished_at=self._at)


def _differs(listing: Listing, row: Row) -> bool:
    return (listing.published_sku, listing.published_quantity) != (row.sku, row.quantity)


def _shown(listing: Listing, row: Row, now: datetime) -> Listing:
    listing.published_sku, listing.published_quantity, listing.published_at = row.sku, row.quantity, now
    listing.observed_at, listing.explanation = datetime.fromisoformat(row.observed_at), row.explanation
    return listing


def _publication(record: InventoryFile, row: Row, now: datetime) -> Publication:
    return Publication(
        listing_id=row.listing, sku=row.sku, quantity=row.quantity, observed_at=datetime.fromisoformat(row.observed_at),
        explanation=row.explanation, status=T.ACCEPTED, sent_at=now, finished_at=now, file=record,
    )  # fmt: skip


def name_of(record: InventoryFile, suffix: str) -> str:
    """A file name that sorts by time and every system takes."""
    route = "".join(char if char.isascii() and char.isalnum() else "-" for char in record.route.name).strip("-")
    at = record.made_at or record.asked_at
    return f"inventory-{route or 'route'}-{at:%Y%m%d-%H%M%S}.{suffix}"


def told(record: InventoryFile) -> str:
    """What it holds, in a sentence."""
    held = f", {record.held} held back by the guard and repeated as they are" if record.held else ""
    return (
        f"{counted(record.listings, 'listings')} of route {record.route} at {moment(record.made_at)}, "
        f"{record.changed} changed{held}"
    )
