"""Keep the quantities on the marketplace right: only what changed is sent, absolute, newest observation last.

Each run decides anew, holds back what looks like damage, brings what was not accepted yet up to date, and sends only
what it has just decided.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from integrations.models import Route
from integrations.runs import Run
from integrations.transmissions import recover
from inventory import guarding, listings, outbox, sending
from inventory.decisions import Decision, Pending, decide
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
        if route.location_id:
            run.beat()
            current |= _write(run, route, decide(route, pending))
    sending.send(run, routes, current)


@transaction.atomic
def _write(run: Run, route: Route, decisions: Sequence[Decision]) -> set[int]:
    """What is held back is neither written down nor sent; an earlier quantity of it stays where it is."""
    return outbox.write(run, route, guarding.admit(run, route, decisions))
