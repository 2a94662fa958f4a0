"""Real processes of Crossdock on a database file of their own, and a look into that file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.installation import ROOT, Installation
from integrations.sandbox.server import Sandbox

PATIENCE = 60.0  # seconds, after which what did not happen is believed not to happen


@cache
def migrated() -> bytes:
    """A database file with every table and no row of ours."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.sqlite3"
        environment = {**os.environ, "DEBUG": "1", "DATABASE_URL": f"sqlite:///{file}"}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        with sqlite3.connect(file) as database:
            database.execute("pragma wal_checkpoint(truncate)")
        return file.read_bytes()


class Installed(Installation):
    """One with a database file in this folder: a copy of the one that was migrated first."""

    MIGRATIONS = ()

    def __init__(self, folder: Path, box: Sandbox, *then: list[str], **environment: str) -> None:
        self._file = folder / "children.sqlite3"
        self._file.write_bytes(migrated())
        super().__init__(box, *then, **{"DATABASE_URL": f"sqlite:///{self._file}", **environment})

    def start(self, *args: str, **how: Any) -> subprocess.Popen[str]:
        """In a session of its own, and heard by pipes."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return super().start(*args, **pipes, start_new_session=True, preexec_fn=_hear_ctrl_c, **how)

    def run(self, *args: str) -> str:
        with ended(self.start(*args)) as process:
            out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        return out

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self._file, timeout=PATIENCE) as database:
            return database.execute(query).fetchall()


def _hear_ctrl_c() -> None:
    """Shells start what runs in the background with Ctrl-C ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, which is gone after the block whatever happens in it."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def wait_for(fact: Callable[[], object], what: str) -> None:
    """Look until it is so; fail when it is not so in the end."""
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:.0f} s"
        time.sleep(0.05)
