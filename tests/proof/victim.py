"""What runs in the process that is to be killed: our jobs as a worker runs them, and the points where it may die.

A kill can only make a difference around what others can see: a request that leaves, a commit. Everything in between is
lost either way. So the points are: before and after each request, each commit, and each write outside a transaction.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.utils.module_loading import import_string

from integrations import runs
from integrations.http import Door
from integrations.models import Connection, SyncRun
from integrations.oauth_grant import OAuthGrant
from integrations.transmissions import Transmission, transmission_models
from orders.models import Hold, Order
from tests.proof import clerk

WRITES = ("INSERT", "UPDATE", "DELETE")
T = Transmission.Status


class Points:
    """Counts the points passed, and sends its own process a signal at the one numbered `fatal` (0: at none)."""

    def __init__(self, fatal: int, by: int) -> None:
        self._fatal = fatal
        self._by = by
        self.passed = 0

    @property
    def are_deadly(self) -> bool:
        return self._by == signal.SIGKILL

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, with a point before it and one after it."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            result = call(*args, **kwargs)
            self._pass()
            return result

        return watched

    def around_bare_writes(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """Outside a transaction each statement is its own commit."""
        if not sql.startswith(WRITES) or context["connection"].in_atomic_block:
            return execute(sql, params, many, context)
        if self.are_deadly:
            return self.around(execute)(sql, params, many, context)
        self._pass()  # but not after it: SQLite's lock is held until the last row that it returns is fetched
        return execute(sql, params, many, context)

    def _pass(self) -> None:
        self.passed += 1
        if self.passed == self._fatal:
            os.kill(os.getpid(), self._by)
            runs.BEAT_EVERY = timedelta(0)  # who goes on here was suspended for long


def live(
    database: str, *, manage: Sequence[Sequence[str]] = (), code: str = "", decides: Sequence[Sequence[str]] = (),
    jobs: Sequence[str] = (), fatal: int = 0, by: int = signal.SIGKILL, later: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Run these commands, decisions and jobs on this database; how many points were passed, and how we stand.

    The points are those of decisions and jobs. With a `code` the warehouse's connection is authorized first. `later`: so
    long after what was done before that whoever did it counts as dead. To be called in a fresh process, before it has
    opened a connection.
    """
    connections.settings["default"]["NAME"] = database
    for command in manage:
        call_command(*command, stdout=StringIO(), stderr=StringIO())
    if later:
        SyncRun.objects.update(heartbeat_at=F("heartbeat_at") - timedelta(days=1))
        OAuthGrant.objects.update(claimed_at=F("claimed_at") - timedelta(days=1))
    if code:
        clerk.authorize(code)
    runs.BEAT_EVERY = timedelta(days=1)  # the points are the same however slow this machine is
    points = Points(fatal, by)
    _watch(points)
    for decision in decides:
        clerk.decide(*decision)
    for name in jobs:
        _do(name)
    connection.execute_wrappers.clear()
    return {"points": points.passed, "ours": ours()}


def _do(name: str) -> None:
    """A job, for each connection that has it."""
    job = next(one for one in settings.JOBS if one.name == name)
    for one in [one for one in Connection.objects.all() if one.kind == job.kind]:
        import_string(job.path)(one.pk)


def _watch(points: Points) -> None:
    """Where a kill, or a suspension, can make a difference.

    Who is suspended in a transaction makes the database wait, so that nobody takes over. And who is suspended between the
    last look at the lease, in `Door.send`, and the first byte sends it when it wakes: nothing can be done about that.
    """
    connection.execute_wrappers.append(points.around_bare_writes)
    if points.are_deadly:
        Door._exchange = points.around(Door._exchange)  # type: ignore[method-assign]
        BaseDatabaseWrapper._commit = points.around(BaseDatabaseWrapper._commit)  # type: ignore[attr-defined]
    else:
        Door.send = points.around(Door.send)  # type: ignore[method-assign]


def ours() -> dict[str, Any]:
    """How our own records stand."""
    rows = [row for model in transmission_models() for row in model._default_manager.all()]
    stopped = Connection.objects.filter(health=Connection.Health.STOPPED)
    return {
        "statuses": {order.full_number: order.status for order in Order.objects.all()},
        "running": [str(run) for run in SyncRun.objects.filter(status=SyncRun.Status.RUNNING)],
        "held": [hold.message for hold in Hold.objects.filter(resolved_at=None)],
        "open": [f"{row}: {row.status}" for row in rows if row.status not in (T.ACCEPTED, T.WITHDRAWN)],
        "stopped": [one.health_message for one in stopped],
    }
