"""Decisions → publications: what must be told and is not shown already, one per listing, in a few queries per route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.models import Route
from integrations.runs import Run
from inventory import listings, new_publications
from inventory.decisions import Decision
from inventory.gathered import Memory
from inventory.models import Listing, Publication

T = Publication.Status
AT_REST = (T.PENDING, T.UNCONFIRMED, T.PARKED)
SHOWN = ["published_sku", "published_quantity", "published_at", "observed_at", "explanation"]
NOT_PUBLISHED = ["not_published", "not_published_by"]
RENEWED = ["sku", "quantity", "observed_at", "explanation", "status", "attempts", "not_before", "finished_at",
           "answered_nothing"]  # fmt: skip
LONGEST_PAUSE = timedelta(hours=24)
MOST_TIMES_PARKED = 10
ASKED_AT_ONCE = 500  # a query takes only so many names
UNKNOWN_FOR_GOOD = "It is not known whether it has arrived, and it is not sent again: the listing is not published now."
GIVEN_UP = Q(status=T.WITHDRAWN, last_error=UNKNOWN_FOR_GOOD)


def write(run: Run, route: Route, decisions: Sequence[Decision], held: Sequence[Decision] = ()) -> set[int]:
    """Store what is to be sent; the ids of the publications that now hold what was just decided.

    Of what the guard `held` back, only what `note` keeps of it is stored.
    A run that was taken for dead writes nothing here: its older values must not overwrite newer ones.
    """
    with transaction.atomic():
        run.hold()
        note(decisions, held)
        return _Outbox(route).take(run, decisions)


def perhaps_shown(route: Route) -> set[int]:
    """The listings that took no quantity for sure, and may have: where they are not known any more they show 0."""
    sent = Q(sent_at__isnull=False, status__in=(*Publication.OPEN, T.PARKED)) | GIVEN_UP
    rows = Publication.objects.filter(sent, listing__route=route, listing__published_quantity=None)
    return set(rows.values_list("listing_id", flat=True))


def open_listings(route: Route) -> set[int]:
    """The listings with a publication that was not accepted yet."""
    rows = Publication.objects.filter(listing__route=route, status__in=(*Publication.OPEN, T.PARKED))
    return set(rows.values_list("listing_id", flat=True))


class _Outbox:
    """The publications of one route that were not accepted yet: per listing the newest, which is used again."""

    def __init__(self, route: Route) -> None:
        rows = Publication.objects.filter(listing__route=route, status__in=(*Publication.OPEN, T.PARKED)).order_by("pk")
        rows = rows.defer("explanation")
        self._live = {row.listing_id: row for row in rows}
        self._route, self._now = route, timezone.now()
        self._memory = Memory.of(route)
        self._withdrawn = [row.pk for row in rows if self._live[row.listing_id] is not row]
        self._given_up: list[Publication] = []

    def take(self, run: Run, decisions: Sequence[Decision]) -> set[int]:
        fresh: list[Decision] = []
        renewed: list[Publication] = []
        current: list[int] = []
        for one in decisions:
            live = self._live.get(one.listing.pk)
            if one.not_published and live is not None:
                self._end(live)
            if one.quantity is None or (one.problem and not self._may_be_shown(one.listing)):
                continue
            if live is None:
                fresh += [] if self._memory.is_shown(one) else [one]
            # Also when it is to be what was shown before: a request without a clear answer may have changed that.
            elif live.status != T.PARKED or self._may_try_again(live, one):
                renewed += [live] if _renew(live, one) else []
                current.append(live.pk)
        run.count("changed", len(fresh) + len(renewed))
        Publication.objects.bulk_update(renewed, RENEWED, batch_size=100)
        current += new_publications.write(fresh)
        self._withdraw()
        self._give_up()
        return set(current)

    @cached_property
    def _perhaps(self) -> set[int]:
        return perhaps_shown(self._route)

    def _may_be_shown(self, listing: Listing) -> bool:
        return listing.published_quantity is not None or listing.pk in self._perhaps

    def _end(self, live: Publication) -> None:
        """It is not to be told any more. Whether it was not taken, or may have been, is known or never will be."""
        if live.status == T.PARKED or live.sent_at is None:
            self._withdrawn.append(live.pk)
        elif live.status == T.UNCONFIRMED:
            self._given_up.append(live)

    def _give_up(self) -> None:
        """Nobody knows what these show: once they are published again they are sent, whatever it is."""
        for start in range(0, len(self._given_up), ASKED_AT_ONCE):
            some = self._given_up[start : start + ASKED_AT_ONCE]
            in_doubt = Publication.objects.filter(pk__in=[row.pk for row in some], status=T.UNCONFIRMED)
            in_doubt.update(
                status=T.WITHDRAWN, finished_at=self._now, not_before=None, last_error=UNKNOWN_FOR_GOOD
            )  # fmt: skip
            Listing.objects.filter(pk__in=[row.listing_id for row in some]).update(publish_asked_at=self._now)

    def _may_try_again(self, parked: Publication, one: Decision) -> bool:
        if (parked.sku, parked.quantity) != (one.sku, one.quantity):
            return True
        rests_until = (parked.finished_at or parked.created_at) + pause_of(parked)
        return parked.times_parked < MOST_TIMES_PARKED and rests_until <= self._now

    def _withdraw(self) -> None:
        for start in range(0, len(self._withdrawn), 500):
            superseded = Publication.objects.filter(pk__in=self._withdrawn[start : start + 500])
            superseded.update(status=T.WITHDRAWN, finished_at=self._now)


def is_unknown_for_good(row: Publication, listing: Listing) -> bool:
    """Whether it may show this or what it showed before, since the listing was not to be published any more."""
    is_given_up = row.status == T.WITHDRAWN and row.last_error == UNKNOWN_FOR_GOOD
    return is_given_up and (listing.published_at is None or row.sent_at is None or listing.published_at < row.sent_at)


def is_in_doubt(last: Publication | None, listing: Listing) -> bool:
    """Whether nobody knows what is shown: no answer to its newest publication came yet, or none will come."""
    if last is None:
        return False
    return last.status in (T.IN_FLIGHT, T.UNCONFIRMED) or is_unknown_for_good(last, listing)


def pause_of(parked: Publication) -> timedelta:
    """One hour, doubled each time that it was parked, up to a day."""
    return min(timedelta(hours=2 ** min(max(parked.times_parked - 1, 0), 10)), LONGEST_PAUSE)


def retry(parked: Sequence[Publication]) -> int:
    """A person says: again, at the next run and with the quantity as it is then. How many are taken up."""
    newest = {row.listing_id: row.pk for row in sorted(parked, key=lambda row: row.pk)}
    busy = Publication.objects.filter(listing__in=newest, status__in=Publication.OPEN).values("listing")
    free = Publication.objects.filter(pk__in=newest.values(), status=T.PARKED).exclude(listing__in=busy)
    return free.update(status=T.PENDING, attempts=0, times_parked=0, not_before=None, finished_at=None)


def note(decisions: Sequence[Decision], held: Sequence[Decision] = ()) -> None:
    """Keep what was found out about the listings themselves. In a transaction.

    What waits for a person is to be published: of it no more is kept than that nothing says otherwise.
    """
    both = [*decisions, *held]
    listings.lock(one.pk for decision in both for one in (decision.listing, *decision.twins))
    _note_problems(decisions)
    _note_not_published(both)
    _silence_twins(decisions)


def ask(asked: Sequence[int]) -> None:
    """A person says: publish these with the next run, also what did not change or was refused. In a transaction."""
    now = timezone.now()
    listings.lock(asked)
    for start in range(0, len(asked), ASKED_AT_ONCE):
        some = asked[start : start + ASKED_AT_ONCE]
        told = Publication.objects.filter(listing__in=some)
        retry(list(told.filter(status=T.PARKED).defer("explanation")))
        told.filter(status__in=(T.PENDING, T.UNCONFIRMED)).update(not_before=None)
        Listing.objects.filter(pk__in=some).update(publish_asked_at=now, changed_at=now)


def _renew(live: Publication, one: Decision) -> bool:
    """Bring it up to date; whether there was anything to change."""
    if live.status != T.PARKED and (live.sku, live.quantity) == (one.sku, one.quantity):
        return False
    if live.status == T.PARKED:
        live.status, live.attempts, live.not_before, live.finished_at = T.PENDING, 0, None, None
    live.sku, live.quantity, live.answered_nothing = one.sku, one.quantity or 0, False
    live.observed_at, live.explanation = one.observed_at, one.explanation
    return True


def _note_problems(decisions: Sequence[Decision]) -> None:
    changed = [one for one in decisions if one.listing.problem != one.problem]
    for one in changed:
        one.listing.problem = one.problem
    Listing.objects.bulk_update([one.listing for one in changed], ["problem"], batch_size=200)


def _note_not_published(decisions: Sequence[Decision]) -> None:
    changed = []
    for one in decisions:
        listing, found = one.listing, (one.not_published, one.not_published_by)
        if (listing.not_published, listing.not_published_by) != found:
            listing.not_published, listing.not_published_by = found
            changed.append(listing)
    Listing.objects.bulk_update(changed, NOT_PUBLISHED, batch_size=200)


def _silence_twins(decisions: Sequence[Decision]) -> None:
    """Two listings with one published SKU: the speaker takes over what is shown, the twin shows nothing any more."""
    silenced, speakers = [], []
    for one in decisions:
        for twin in one.twins:
            silent = {"shown_by": str(one.listing)}
            if twin.explanation == silent:
                continue
            if twin.published_sku == one.sku and _at(twin) > _at(one.listing):
                for name in SHOWN:
                    setattr(one.listing, name, getattr(twin, name))
                speakers.append(one.listing)
            twin.published_sku, twin.published_quantity, twin.published_at = "", None, None
            twin.explanation, twin.problem, twin.not_published, twin.not_published_by = silent, "", "", None
            silenced.append(twin)
    Listing.objects.bulk_update([*silenced, *speakers], [*SHOWN, *NOT_PUBLISHED, "problem"], batch_size=100)
    _hand_over({twin.pk: one for one in decisions for twin in one.twins})


def _hand_over(spoken_for: Mapping[int, Decision]) -> None:
    """What silent twins have under way, but for what is being sent at this moment: that is for the next run.

    Nobody knows what may have arrived: so it goes to the listing that speaks, which sends the quantity as it is now.
    """
    twins, withdrawn = list(spoken_for), []
    for start in range(0, len(twins), ASKED_AT_ONCE):
        rows = Publication.objects.filter(listing__in=twins[start : start + ASKED_AT_ONCE], status__in=AT_REST)
        for row in rows.defer("explanation").order_by("pk"):
            one = spoken_for[row.listing_id]
            if row.sent_at is None or row.sku != one.sku or not _take_over(row, one.listing):
                withdrawn.append(row.pk)
    for start in range(0, len(withdrawn), ASKED_AT_ONCE):
        rows = Publication.objects.filter(pk__in=withdrawn[start : start + ASKED_AT_ONCE], status__in=AT_REST)
        rows.update(status=T.WITHDRAWN, finished_at=timezone.now())


def _take_over(row: Publication, speaker: Listing) -> bool:
    """Unless it may have sent something itself that is under way, which tells the quantity as it is now, too."""
    own = Publication.objects.filter(listing=speaker)
    if own.filter(Q(status=T.IN_FLIGHT) | Q(sent_at__isnull=False), status__in=Publication.OPEN).exists():
        return False
    own.filter(status__in=AT_REST).update(status=T.WITHDRAWN, finished_at=timezone.now())
    doubtful = {"status": T.UNCONFIRMED, "attempts": 0, "not_before": None, "finished_at": None}
    return bool(Publication.objects.filter(pk=row.pk, status=row.status).update(listing=speaker, **doubtful))


def _at(listing: Listing) -> datetime:
    return listing.published_at or datetime.min.replace(tzinfo=UTC)
