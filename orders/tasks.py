"""Doorways of the queue into this layer: a connection's id in, one line about how it went out."""

from __future__ import annotations

from collections.abc import Callable

from integrations.dispatch import enqueue
from integrations.models import Connection
from integrations.runs import Outcome
from orders import jobs


def pull_orders(connection_id: int) -> str:
    return _do("pull_orders", connection_id)


def submit_orders(connection_id: int) -> str:
    return _do("submit_orders", connection_id)


def pull_shipments(connection_id: int) -> str:
    return _do("pull_shipments", connection_id)


def confirm_shipments(connection_id: int) -> str:
    return _do("confirm_shipments", connection_id)


def revisit_orders(connection_id: int) -> str:
    return _do("revisit_orders", connection_id)


def publish_inventory(connection_id: int) -> str:
    return _do("publish_inventory", connection_id)


def reconcile(connection_id: int, which: str = "") -> str:
    """The last days and what people asked for; with `asked` only that."""
    return _carry_out(jobs.reconcile_asked if which == "asked" else jobs.reconcile, connection_id)


def _do(job: str, connection_id: int) -> str:
    return _carry_out(jobs.BY_NAME[job], connection_id)


def _carry_out(job: Callable[[Connection], Outcome], connection_id: int) -> str:
    """Run the job, then enqueue those that it found work for."""
    outcome = job(Connection.objects.get(pk=connection_id))
    for name, other in sorted(outcome.wakes):
        enqueue(name, other)
    return outcome.text
