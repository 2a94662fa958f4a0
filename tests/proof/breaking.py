"""A job's process, watched from outside: it can be ended before any write or around any request, or made to wait there.

Each example of the machine is one database transaction that is rolled back at its end, so a savepoint that is released
stands for a commit. An end is a `Killed`: no handler of ours catches it, and whatever `finally` blocks still try to
write or send has no effect, as after SIGKILL. (Real signals to real processes are proven beside this.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.db.transaction import Atomic

from integrations import processes
from integrations.http import Answer, Call, Door

WRITES = ("INSERT", "UPDATE", "DELETE", "RELEASE")
CLEANING_UP = ("ROLLBACK", "RELEASE")
WRITE, READ, REQUEST, ANSWER = "write", "read", "request", "answer"


class Killed(BaseException):
    """The process ends here."""


@dataclass(frozen=True)
class Moment:
    """Before the nth write to the database, before the nth read or any request of a system, or after its answer."""

    kind: str
    number: int


class Watch:
    """Sees every statement and request of this thread. `on_request` is told of each request, before it leaves."""

    def __init__(self, on_request: Callable[[], None]) -> None:
        self._on_request = on_request
        self._moment: Moment | None = None
        self._then: Callable[[], None] = self.kill
        self._passed = 0
        self._is_dead = False
        self._depth = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Inside a transaction: every inner one gets a savepoint of its own, to be undone alone."""
        exchange, begin = Door._exchange, Atomic.__init__

        def watched(door: Door, call: Call) -> Answer:
            return self._exchange(call.method, lambda: exchange(door, call))

        def with_savepoint(self: Atomic, using: Any, _savepoint: bool, durable: bool) -> None:
            begin(self, using, True, durable)

        self._depth = len(connection.savepoint_ids)
        with (
            connection.execute_wrapper(self._statement),
            patch.object(Door, "_exchange", watched),
            patch.object(Atomic, "__init__", with_savepoint),
        ):
            yield

    def kill(self) -> None:
        self._is_dead = True
        raise Killed

    def end_at(self, moment: Moment, job: Callable[[], None], *, elsewhere: bool) -> bool:
        """Run a job in a process that ends at this moment; whether it came so far.

        A process of this machine is seen to be gone at once; one elsewhere only by its silence.
        """
        name = f"{'elsewhere' if elsewhere else processes._machine()} 1 never@started"
        self._moment, self._then, self._passed = moment, self.kill, 0
        try:
            with patch.object(processes, "own_name", lambda: name):
                job()
        except Killed:
            return True
        finally:
            self._moment, self._is_dead = None, False
        return False

    def meanwhile(self, moment: Moment, job: Callable[[], None], then: Callable[[], None]) -> None:
        """Run a job, and let something else happen at this moment of it."""
        self._moment, self._then, self._passed = moment, then, 0
        try:
            job()
        finally:
            self._moment = None

    def _reached(self, kind: str) -> None:
        if self._moment is None or self._moment.kind != kind:
            return
        self._passed += 1
        if self._passed == self._moment.number:
            self._moment = None
            self._then()

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        word = sql.partition(" ")[0]
        if self._is_dead and word not in CLEANING_UP:
            raise Killed
        if not self._is_dead and word in WRITES:
            try:
                self._reached(WRITE)
            except Killed:
                if word == "RELEASE":  # the commit does not happen
                    execute(sql.replace("RELEASE", "ROLLBACK TO"), params, many, context)
                raise
        return execute(sql, params, many, context)

    def _exchange(self, method: str, send: Callable[[], Answer]) -> Answer:
        if self._is_dead:
            raise Killed
        assert len(connection.savepoint_ids) == self._depth, "a transaction is held open across the network"
        self._on_request()
        self._reached(REQUEST)
        if method == "GET":
            self._reached(READ)
        answer = send()
        self._reached(ANSWER)
        return answer
