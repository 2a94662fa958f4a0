"""Processes that work on alias imports: one is killed while it stores, another one goes on, and two want the same one.

python -m tests.inventory.importers KILLED RACED (keys of confirmed imports) prints as JSON how each of them ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from multiprocessing import Barrier
from typing import Any

import django

django.setup()

from django_q.models import OrmQ  # noqa: E402

from inventory import alias_plan, alias_upload, tasks  # noqa: E402
from inventory.models import AliasImport, SkuAlias  # noqa: E402

AT_ONCE, KILLED_AT, PATIENCE = 50, 100, 60.0


class Child:
    """A fork that does this and nothing else. What it returned is read when it has ended."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self._answer, write = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            try:
                os.write(write, json.dumps(do()).encode())
                os._exit(0)
            finally:
                os._exit(1)
        os.close(write)

    def ended(self) -> tuple[int, Any]:
        """The exit status, negative for a signal, and the answer, if it gave one."""
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        with os.fdopen(self._answer) as answer:
            text = answer.read()
        return status, json.loads(text) if text else None


def be_killed(pk: int) -> None:
    """With some of the aliases written, and the others not."""
    alias_plan.STORED_AT_ONCE = AT_ONCE

    def tick(stored: int) -> None:
        if stored >= KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)

    alias_upload._percent = lambda beat, total: tick
    alias_upload.carry_on(pk)


def take_over(pk: int) -> list[str]:
    """As the dispatcher and a worker do it."""
    alias_upload.take_care()
    waiting = [row.task for row in OrmQ.objects.all() if row.task["func"].endswith("carry_on_import")]
    return [tasks.carry_on_import(pk) for task in waiting if task["args"] == (pk,)]


def race(pk: int, barrier: Any) -> str:
    """Claim it at the moment at which the other one, too, has seen that it is free."""
    is_free = alias_upload.is_free

    def seen_by_both(record: AliasImport, now: datetime) -> bool:
        found = is_free(record, now)
        barrier.wait(PATIENCE)
        return found

    alias_upload.is_free = seen_by_both
    return alias_upload.carry_on(pk)


def look() -> dict[str, Any]:
    """What there is, and how often the orders that wait for aliases were asked for."""
    return {
        "aliases": sorted(SkuAlias.objects.values_list("marketplace_sku", flat=True)),
        "states": list(AliasImport.objects.order_by("pk").values_list("state", flat=True)),
        "wakes": sum(row.task["name"].startswith("submit_orders") for row in OrmQ.objects.all()),
    }


def main(killed: int, raced: int) -> None:
    barrier = Barrier(2)
    told = {
        "killed": Child(lambda: be_killed(killed)).ended(),
        "after the kill": Child(look).ended(),
        "taken over": Child(lambda: take_over(killed)).ended(),
    }
    two = [Child(lambda: race(raced, barrier)) for _ in range(2)]
    told["raced"] = [child.ended() for child in two]  # type: ignore[assignment]
    told["in the end"] = Child(look).ended()
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
