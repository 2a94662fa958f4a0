"""Keep the quantities on the marketplace right: only what changed is sent, absolute, newest observation last.

Each run decides what may have changed, holds back what looks like damage, brings what was not accepted yet up to date,
and sends only what it has just decided.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from integrations.models import Route
from integrations.runs import Run
from integrations.transmissions import recover
from inventory import awaited, changed, guarding, listings, outbox, readings, retold, sending
from inventory.changed import Scope
from inventory.decisions import Pending, decide_rows
from inventory.gathered import Gathered, gather, shown_on
from inventory.models import Publication


def publish(run: Run, routes: Sequence[Route], pending: Pending) -> None:
    """Decide every listing of these routes, then send what differs from what was last accepted."""
    listings.learn_from_aliases(run.connection)
    # What is in flight was left by a dead run. Quantities are absolute: they are sent again as they are now.
    mine = Publication.objects.filter(listing__route__marketplace=run.connection)
    run.outboxes.append(mine)
    run.count("found in doubt after a crash", recover(mine))
    current: set[int] = set()
    for route in routes:
        if not route.location_id:
            continue
        run.beat()
        waits = awaited.stock(route)
        if waits:
            run.note(waits)
        else:
            current |= _decide(run, route, pending)
    sending.send(run, routes, current)


def _decide(run: Run, route: Route, pending: Pending) -> set[int]:
    """The ids of the publications that now hold what was just decided."""
    live = outbox.open_listings(route)
    scope = changed.scope(route, pending, live)
    gathered = _gather(route, scope, live)
    if not scope.is_full and gathered.since and len(gathered.kept) >= route.guard_listings:
        # So many changes are judged against all that was read so far, and that takes all decisions.
        scope = changed.whole(route, scope)
        gathered = _gather(route, scope, live)
    if not scope.is_full and gathered.kept:
        gathered.shown = shown_on(route)
    return _write(run, route, scope, gathered)


def _gather(route: Route, scope: Scope, live: set[int]) -> Gathered:
    since = readings.under_way_since(route.warehouse_id)
    decisions = decide_rows(route, scope.on_their_way, scope.names)
    return gather(route, retold.followed(route, decisions, live), live, since)


@transaction.atomic
def _write(run: Run, route: Route, scope: Scope, gathered: Gathered) -> set[int]:
    """What is held back is neither written down nor sent; an earlier quantity of it stays where it is."""
    admitted = guarding.admit(run, route, gathered)
    current = outbox.write(run, route, admitted, gathered.without(admitted))
    changed.note(route, scope)
    return current
