"""Doorways of the queue into this layer: a connection's id in, one line about how it went out."""

from __future__ import annotations

from integrations.dispatch import enqueue
from integrations.models import Connection
from integrations.runs import Outcome, perform
from inventory import levels


def pull_levels(connection_id: int) -> str:
    outcome = run_pull_levels(Connection.objects.get(pk=connection_id))
    for job, other in sorted(outcome.wakes):
        enqueue(job, other)
    return outcome.text


def run_pull_levels(connection: Connection) -> Outcome:
    return perform(connection, "pull_levels", levels.pull)
