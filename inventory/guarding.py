"""Hold back what looks like damage, before anything of it is written down to be sent, until a person says so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from integrations.dispatch import enqueue
from integrations.models import Route
from integrations.runs import Run
from integrations.wording import counted
from inventory import readings, ruled, sold
from inventory.decisions import Decision
from inventory.explanation import briefly
from inventory.filed import InventoryFile
from inventory.gathered import Gathered, shown_before
from inventory.guard import Change, Limits, Verdict, is_mass, judge
from inventory.models import GuardedPublish, GuardedQuantity, Publication
from inventory.now import why_nothing_of
from inventory.sold import NOTHING, Sold

S = GuardedPublish.State
Told = tuple[Decision, str]  # a decision that waits, and why, in a few words
PER_QUERY = 500
LATELY = timedelta(days=90)


GONE_ON = "These quantities are not the ones any more that were shown. Look at them again."


class NotReleased(Exception):
    """What a person decided on is no longer what waits; the text says what to do."""


@transaction.atomic
def admit(run: Run, route: Route, gathered: Gathered) -> list[Decision]:
    """The decisions that may be published now. What is held back is kept for a person, and told.

    Of what is held back, what our own orders took since it was shown, and rules take, is published all the same.
    """
    doubt, decisions = readings.doubt(route), gathered.kept
    before = {one.listing.pk: shown_before(one) for one in decisions}
    concerned = [one for one in decisions if _is_change(one, before)]
    since = sold.since_shown(concerned)
    parts = _parts(concerned, since)
    by_rules = _by_rules(route, gathered, concerned, since, parts)
    made = [_change(route, one, before[one.listing.pk], doubt, since, parts, by_rules) for one in concerned]
    changes = _with_usual(_with_held_from(made, concerned))
    if changes and not gathered.shown.listings:
        run.count("shown for the first time", len(changes))
    rest = _beyond_release(route, changes)
    verdict = _judge(route, gathered, rest, doubt)
    waits = [one for one in rest if one.listing_id in verdict.held and one.meanwhile != one.after]
    held = {one.listing_id: replace(one, before=one.meanwhile) for one in waits}
    _keep(run, route, verdict.reasons, held, (_told(one, since) for one in decisions if one.listing.pk in held))
    free = [one for one in decisions if one.listing.pk not in held]
    return [*free, *(part for pk, part in (parts | by_rules).items() if pk in held)]


def release(record: GuardedPublish, fingerprint: str, by: User | None) -> str:
    """Have the rows published that were shown, and no others. Raises NotReleased when they have changed since."""
    _decide(record, fingerprint, by, S.RELEASED, finished_at=None)
    route, quantities = record.route, f"{counted(record.changed, 'quantities')} of route {record.route}"
    if route.publish_by == Route.PublishBy.FILE:
        # The next one by schedule may come when the release is over.
        InventoryFile.objects.get_or_create(route=route, state=InventoryFile.State.WAITING, defaults={"asked_by": by})
        enqueue("write_inventory_files", route.marketplace_id)
        return f"{quantities} are in the inventory file that is made now."
    enqueue("publish_inventory", route.marketplace_id)
    refusal = why_nothing_of(route)
    if refusal:
        return f"{quantities} are released for 24 hours. {refusal}"
    return f"{quantities} are published with the next run."


def discard(record: GuardedPublish, fingerprint: str, by: User | None) -> str:
    """Forget what was held back; the next run decides anew, and holds it back again if it still looks the same."""
    _decide(record, fingerprint, by, S.DISCARDED, finished_at=timezone.now())
    enqueue("publish_inventory", record.route.marketplace_id)
    return f"Discarded; the next run decides the quantities of route {record.route} anew."


def _decide(record: GuardedPublish, fingerprint: str, by: User | None, state: str, **values: Any) -> None:
    waiting = GuardedPublish.objects.filter(pk=record.pk, state=S.WAITING, fingerprint=fingerprint)
    if not waiting.update(state=state, decided_at=timezone.now(), decided_by=by, **values):
        raise NotReleased(GONE_ON)


def _is_change(one: Decision, before: dict[int, int | None]) -> bool:
    shown = before[one.listing.pk]
    return one.quantity is not None and one.quantity != shown and not (shown is None and one.quantity == 0)


def _parts(decisions: Sequence[Decision], since: Mapping[int, Sold]) -> dict[int, Decision]:
    """By listing, what orders alone make of what is shown, where that is less."""
    known = [one for one in decisions if one.listing.pk in since]
    found = {one.listing.pk: sold.shown_as(one, since[one.listing.pk].explanation) for one in known}
    return {pk: part for pk, part in found.items() if part is not None}


def _by_rules(
    route: Route, gathered: Gathered, decisions: Sequence[Decision], since: Mapping[int, Sold],
    parts: Mapping[int, Decision],
) -> dict[int, Decision]:  # fmt: skip
    """By listing, what rules make less of that; of none where they do of so many that it is a mass of its own."""
    if _limits(route).are_passed(sum(map(ruled.is_limited, decisions)), gathered.shown.listings):
        return {}  # so many that their explanations would not fit into memory
    found = ruled.lowered(decisions, since)
    before = {pk: parts[pk].quantity if pk in parts else one.listing.published_quantity for pk, one in found.items()}
    changes = [Change(pk, before[pk], one.quantity or 0) for pk, one in found.items()]
    return {} if is_mass(changes, gathered.shown, _limits(route)) else found


def _change(
    route: Route, one: Decision, before: int | None, doubt: str, since: Mapping[int, Sold],
    parts: Mapping[int, Decision], by_rules: Mapping[int, Decision],
) -> Change:  # fmt: skip
    pk, after = one.listing.pk, one.quantity or 0
    left = parts[pk].quantity if pk in parts else None
    least = by_rules[pk].quantity if pk in by_rules else left
    is_less = before is not None and after < before
    is_ruled = one.is_fixed or (is_less and pk in by_rules and after >= (least or 0))
    is_sound = bool(doubt) and (is_ruled or _is_sound(route, one, before, after))
    is_by_orders = before is not None and is_less and _is_by_orders(one, before, left, since.get(pk, NOTHING))
    return Change(pk, before, after, is_sound, is_ruled, by_orders=is_by_orders, left=least)


def _is_by_orders(one: Decision, before: int, left: int | None, since: Sold) -> bool:
    """By the figures that were believed, or by those of now: had these orders not come, it would stay."""
    if one.offered is None:
        return False
    return (left is not None and (one.quantity or 0) >= left) or (one.offered.without(since.orders) or 0) >= before


def _told(one: Decision, since: Mapping[int, Sold]) -> Told:
    return one, briefly(one.explanation, since.get(one.listing.pk, NOTHING).counted)


def _is_sound(route: Route, one: Decision, before: int | None, after: int) -> bool:
    if before is None:
        return one.observed_at > timezone.now() - timedelta(hours=route.stale_after_hours)
    return after < before <= (one.offered.counted if one.offered else -1)


def _with_held_from(changes: Sequence[Change], decisions: Sequence[Decision]) -> list[Change]:
    """Where it matters, which is where nothing is shown, with what was before our orders took it while it waited."""
    raised = {one.listing_id for one in changes if one.before == 0 and one.after}
    found = sold.held_from([one for one in decisions if one.listing.pk in raised])
    return [replace(one, held_from=found[one.listing_id]) if one.listing_id in found else one for one in changes]


def _with_usual(changes: Sequence[Change]) -> list[Change]:
    """Where it matters, with the most that the marketplace took of it lately."""
    steep, since = [one.listing_id for one in changes if one.is_steep], timezone.now() - LATELY
    most: dict[int, int] = {}
    for start in range(0, len(steep), PER_QUERY):
        told = Publication.objects.filter(listing__in=steep[start : start + PER_QUERY], finished_at__gt=since)
        taken = told.filter(status=Publication.Status.ACCEPTED).order_by().values_list("listing")
        most |= dict(taken.annotate(Max("quantity")))
    return [replace(one, usual=most.get(one.listing_id, 0)) if one.is_steep else one for one in changes]


def _judge(route: Route, gathered: Gathered, changes: Sequence[Change], doubt: str) -> Verdict:
    """While stock is being read, what was read so far is judged for itself too: zeros must not slip in by and by."""
    limits = _limits(route)
    verdict = judge(changes, gathered.shown, limits, doubt)
    since = gathered.since
    if since is None or not changes:
        return verdict
    read = {one.listing.pk for one in gathered.kept if one.observed_at >= since}
    part = judge([one for one in changes if one.listing_id in read], gathered.read, limits, doubt)
    return Verdict(verdict.held | part.held, tuple(dict.fromkeys((*verdict.reasons, *part.reasons))))


def _limits(route: Route) -> Limits:
    return Limits(route.guard_share, route.guard_listings)


def _beyond_release(route: Route, changes: Sequence[Change]) -> list[Change]:
    """The changes that no person has agreed to. An agreement to one that is not wanted any more is used up."""
    released = GuardedPublish.objects.select_for_update().filter(route=route, state=S.RELEASED)
    found = list(released.order_by("pk"))
    if not found:
        return list(changes)
    wanted = {one.listing_id: one for one in changes}
    agreed = {listing for record in found for listing in _still_agreed(record, wanted)}
    return [one for one in changes if one.listing_id not in agreed]


def _still_agreed(record: GuardedPublish, wanted: dict[int, Change]) -> set[int]:
    """The listings of a release that may go; each goes once, so that the same damage later is held back again."""
    rows = record.quantities.filter(is_spent=False).values_list("pk", "listing_id", "before", "after")
    shown = {pk: Change(listing, before, after) for pk, listing, before, after in rows}
    lasts = record.decided_at is not None and record.decided_at > timezone.now() - GuardedPublish.RELEASE_LASTS
    good = {
        pk for pk, one in shown.items() if lasts and one.listing_id in wanted and one.allows(wanted[one.listing_id])
    }  # fmt: skip
    if not good:
        record.quantities.update(is_spent=True)
        taken = record.quantities.filter(listing__published_quantity=F("after")).exists()
        _finish(record, S.PUBLISHED if taken else S.CLOSED)
        return set()
    spent = [pk for pk in shown if pk not in good]
    for start in range(0, len(spent), PER_QUERY):
        GuardedQuantity.objects.filter(pk__in=spent[start : start + PER_QUERY]).update(is_spent=True)
    return {shown[pk].listing_id for pk in good}


def _keep(run: Run, route: Route, reasons: Sequence[str], held: dict[int, Change], decisions: Iterable[Told]) -> None:
    """One record per route waits: opened, brought up to date, or closed since nothing is alarming any more."""
    mine = GuardedPublish.objects.select_for_update().filter(route=route, state=S.WAITING)
    if not held:
        for waiting in mine:
            _finish(waiting, S.CLOSED)
        return
    reason = "; ".join(reasons)
    run.count("held back", len(held))
    run.problem(f"route {route}: {counted(len(held), 'quantities')} held back until a person decides: {reason}")
    facts = {**_facts(held.values()), "reason": reason, "checked_at": timezone.now()}
    # A publish and an inventory file may find the same at once; the second one brings it up to date.
    waiting, is_new = mine.get_or_create(route=route, state=S.WAITING, defaults=facts)
    if is_new:
        _forget_old(route)
    GuardedPublish.objects.filter(pk=waiting.pk).update(**facts)
    if is_new or waiting.fingerprint != facts["fingerprint"]:
        waiting.quantities.all().delete()
        _fill(waiting, held, decisions)


def _fill(record: GuardedPublish, held: dict[int, Change], decisions: Iterable[Told]) -> None:
    rows = (
        GuardedQuantity(
            guarded=record, listing=one.listing, sku=one.sku, before=held[one.listing.pk].before,
            after=held[one.listing.pk].after, why=why[:300],
        )
        for one, why in decisions
    )  # fmt: skip
    GuardedQuantity.objects.bulk_create(rows, batch_size=PER_QUERY)


def _facts(held: Collection[Change]) -> dict[str, Any]:
    rows = sorted((one.listing_id, one.before, one.after) for one in held)
    return {
        "changed": len(rows),
        "zeroed": sum(one.after == 0 for one in held),
        "raised": sum(one.after > (one.before or 0) for one in held),
        "fingerprint": sha256(repr(rows).encode()).hexdigest(),
    }


def _finish(record: GuardedPublish, state: str) -> None:
    GuardedPublish.objects.filter(pk=record.pk).update(state=state, finished_at=timezone.now())


def _forget_old(route: Route) -> None:
    limit = timezone.now() - GuardedPublish.KEPT_FOR
    GuardedPublish.objects.filter(route=route, finished_at__lt=limit).delete()
