"""Send publications in batches. A batch that is refused is halved down to the rows that are refused alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from integrations.batches import Batch
from integrations.errors import IntegrationError, Misconfigured, OutcomeUnknown, Refused, Unavailable
from integrations.models import Route
from integrations.ports import ListedQuantity, Marketplace
from integrations.runs import MAX_FAILURES_IN_A_ROW, Run
from integrations.transmissions import PATIENT_ATTEMPTS, due
from integrations.wording import counted
from inventory import listings
from inventory.models import Listing, Publication
from inventory.outbox import SHOWN

T = Publication.Status
# Whether it was refused before, whether it raises what is shown, how often it was tried, and its id.
Due = tuple[bool, bool, int, int]
WRITTEN_AT_ONCE = 100
MAX_REFUSED_IN_A_ROW = 25  # then it is not about these rows: each more would cost a call to learn the same


def send(run: Run, routes: Sequence[Route], current: Collection[int]) -> None:
    """Send what is due among the `current`, never refused first. Raises when the marketplace took nothing at all.

    What lowers a quantity goes before what raises one: selling what is not there costs more than not selling what is.
    """
    rows = _in_order(due(Publication.objects.filter(listing__route__in=routes)), current)
    if rows:
        sender = Sender(run, run.marketplace())
        for _, some in groupby(rows, itemgetter(0)):
            sender.send([pk for *_, pk in some])
        sender.close()
    _tell_refused(run, routes)


class Sender:
    """Sends one marketplace's publications in one run."""

    def __init__(self, run: Run, market: Marketplace) -> None:
        self._run = run
        self._market = market
        self._accepted = self._refused_in_a_row = self._failures_in_a_row = 0
        self._failures: list[tuple[str, IntegrationError]] = []

    def send(self, pks: Sequence[int]) -> None:
        """A batch is loaded as it is claimed: all of a large shop would not fit into memory."""
        size = self._market.publish_batch_size
        for start in range(0, len(pks), size):
            self._try([Publication(pk=pk) for pk in pks[start : start + size]])

    def close(self) -> None:
        """Tell what failed. Raises the last failure when nothing was taken: it is the marketplace's, not a batch's."""
        for what, exc in self._failures[:-1] if not self._accepted else self._failures:
            self._run.problem(f"{what}: {exc}")
        if self._is_hopeless():
            self._run.problem(f"the rest is left for later, after {self._why_hopeless()}")
        if self._failures and not self._accepted:
            raise self._failures[-1][1]

    def _try(self, rows: Sequence[Publication]) -> None:
        """Take these as far as they go now. Raises Misconfigured or a rate limit's Unavailable: stop."""
        if self._is_hopeless():
            return
        self._run.beat()
        batch = Batch(rows, "listing__route")
        if not batch.rows:
            return
        batch.intend(answered_nothing=False)
        try:
            is_said = self._market.publish([_listed(row) for row in batch.rows])
        except Refused as exc:
            self._refused(batch, exc)
        except Misconfigured:
            batch.release(T.PENDING, costs_attempt=False)
            raise
        except IntegrationError as exc:
            self._later(batch, exc)
        else:
            self._taken(batch, is_said)

    def _refused(self, batch: Batch[Publication], exc: Refused) -> None:
        """Repeating is harmless, since quantities are absolute: halves are sent until a row is refused alone."""
        self._failures_in_a_row = 0
        if len(batch.rows) == 1:
            self._refused_in_a_row += 1
            batch.finish(T.PARKED, error=str(exc), times_parked=F("times_parked") + 1)
            return
        batch.release(T.PENDING, costs_attempt=False)
        middle = len(batch.rows) // 2
        self._try(batch.rows[:middle])
        self._try(batch.rows[middle:])

    def _later(self, batch: Batch[Publication], exc: IntegrationError) -> None:
        wait = (exc.retry_after if isinstance(exc, Unavailable) else None) or timedelta(0)
        if isinstance(exc, Unavailable) and exc.throttled:
            batch.release(T.PENDING, after=wait, error=str(exc), costs_attempt=False)
            raise exc
        self._failures_in_a_row += 1
        self._failures.append((f"{counted(len(batch.rows), 'quantities')}, first SKU {batch.rows[0].sku}", exc))
        parked: dict[str, Any] = {"times_parked": F("times_parked") + 1}
        if isinstance(exc, Unavailable) and not isinstance(exc, OutcomeUnknown):
            batch.back_off(T.PENDING, str(exc), at_least=wait, attempts=PATIENT_ATTEMPTS, **parked)
        else:
            batch.back_off(T.UNCONFIRMED, str(exc), at_least=wait, **parked)

    def _taken(self, batch: Batch[Publication], is_said: bool) -> None:
        """An empty answer may be anybody's: what got one is sent once more, which is harmless, and then believed."""
        believed = [row for row in batch.rows if is_said or row.answered_nothing]
        doubted = [row for row in batch.rows if not (is_said or row.answered_nothing)]
        if doubted:
            text = f"{self._run.connection} answered with nothing; it is sent once more with the next run"
            batch.part(doubted).release(T.UNCONFIRMED, error=text, costs_attempt=False, answered_nothing=True)
            self._run.count("answered with nothing, to be sent once more", len(doubted))
        if believed:
            self._accept(batch.part(believed))
        self._accepted += len(batch.rows)
        self._refused_in_a_row = self._failures_in_a_row = 0

    @transaction.atomic
    def _accept(self, batch: Batch[Publication]) -> None:
        listings.lock(row.listing_id for row in batch.rows)
        batch.finish(T.ACCEPTED)
        now = timezone.now()
        for row in batch.rows:
            listing = row.listing
            listing.published_sku, listing.published_quantity, listing.published_at = row.sku, row.quantity, now
            listing.observed_at, listing.explanation = row.observed_at, row.explanation
        Listing.objects.bulk_update([row.listing for row in batch.rows], SHOWN, batch_size=WRITTEN_AT_ONCE)
        self._run.count("published", len(batch.rows))

    def _is_hopeless(self) -> bool:
        return self._refused_in_a_row >= MAX_REFUSED_IN_A_ROW or self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW

    def _why_hopeless(self) -> str:
        refused = f"{self._refused_in_a_row} refusals in a row"
        return refused if self._refused_in_a_row >= MAX_REFUSED_IN_A_ROW else f"{self._failures_in_a_row} failures"


def _in_order(ready: QuerySet[Publication], current: Collection[int]) -> list[Due]:
    """The current ones as they are to leave; what was never shown raises, unless it is 0."""
    facts = ready.values_list("pk", "quantity", "listing__published_quantity", "attempts", "times_parked")
    rows = [
        (bool(parked), quantity > (shown or 0), attempts, pk)
        for pk, quantity, shown, attempts, parked in facts.iterator(chunk_size=2_000)
        if pk in current
    ]
    return sorted(rows, key=itemgetter(0, 1, 2))


def _listed(row: Publication) -> ListedQuantity:
    listing = row.listing
    return ListedQuantity(
        sku=row.sku,
        warehouse_name=listing.route.marketplace_warehouse_name,
        quantity=row.quantity,
        partner_sku=listing.partner_sku,
        option_sku=listing.option_sku,
        upc=listing.upc,
    )


def _tell_refused(run: Run, routes: Sequence[Route]) -> None:
    """As long as something is refused, every run says so."""
    parked = Publication.objects.filter(listing__route__in=routes, listing__is_active=True, status=T.PARKED).order_by(
        "finished_at", "pk"
    )
    first = parked.first()
    if first is not None:
        run.problem(
            f"{run.connection} does not take {counted(parked.count(), 'quantities')}, see Publications; "
            f"first SKU {first.sku}: {first.last_error}"
        )
