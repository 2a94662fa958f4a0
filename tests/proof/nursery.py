"""A process that has everything imported and forks a victim for each command: quicker than starting Python anew.

`Nursery` is its handle in the test. Both speak JSON, one object a line: what the victim is to do, what it answered (if
it lived), how it ended.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any

from django.conf import settings

# What would be imported by each victim anew.
LOADED = (
    "orders.tasks", "integrations.supplier_oasis.adapter", "integrations.tradegecko.adapter", "django_q.brokers.orm",
    "django.db.models.sql.compiler", "django.core.cache.backends.locmem", "encodings.utf_16_be", "_strptime",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How a victim ended: its exit status, negative for the signal that ended or stopped it; its answer, if it gave one."""

    status: int
    answer: dict[str, Any]


class Nursery:
    """A context manager. `database` is any address of the kind that the victims will use; it is not opened."""

    def __init__(self, database: str, **environment: str) -> None:
        self._environment = {
            **os.environ,
            **environment,
            "DATABASE_URL": database,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.nursery"], cwd=settings.BASE_DIR, env=self._environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def raise_one(self, database: str, **what: Any) -> Ended:
        """Fork a victim that does `what` (the arguments of `victim.live`) on this database; wait until it ends or stops."""
        return self._ask({"database": database, **what})

    def wake(self) -> Ended:
        """Have the one that was stopped go on to its end."""
        return self._ask({})

    def _ask(self, command: dict[str, Any]) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = {}
        for line in self._process.stdout:
            told = json.loads(line)
            if "ended" in told:
                return Ended(told["ended"], answer)
            answer = told
        raise AssertionError("the nursery itself has ended")


def main() -> None:
    import django

    django.setup()
    for name in LOADED:
        import_module(name)
    gc.freeze()
    from tests.proof import victim

    sleeper = 0
    for line in sys.stdin:
        command = json.loads(line)
        child = os.fork() if command else sleeper
        if not child:
            _be_victim(victim.live, command)
        if child == sleeper:
            os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            sleeper = child
        elif child == sleeper:
            sleeper = 0
        print(json.dumps({"ended": _status(status)}), flush=True)
    if sleeper:
        os.kill(sleeper, signal.SIGKILL)


def _status(status: int) -> int:
    return -os.WSTOPSIG(status) if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)


def _be_victim(live: Any, command: dict[str, Any]) -> None:
    """Do what is asked, answer, and end without the clean-up of the process that was forked."""
    from django.db import connections

    status = 0
    try:
        answer = live(**command)
    except Exception as exc:
        status, answer = 1, {"failed": f"{type(exc).__name__}: {exc}"}
    connections.close_all()
    os.write(1, (json.dumps(answer) + "\n").encode())
    os._exit(status)


if __name__ == "__main__":
    main()
