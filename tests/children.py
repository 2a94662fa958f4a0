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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0  # seconds, after which what did not happen is believed not to happen


@dataclass
class Installation:
    """A database of its own and the environment to run commands on it."""

    file: Path
    environment: dict[str, str]

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *args], cwd=ROOT, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=_hear_ctrl_c,
        )  # fmt: skip

    def run(self, *args: str) -> str:
        with ended(self.start(*args)) as process:
            out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        return out

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.file, timeout=PATIENCE) as database:
            return database.execute(query).fetchall()


def install(folder: Path, box: Sandbox, *then: list[str], **environment: str) -> Installation:
    """Migrated, with both connections and a live route to the sandbox; `then` are commands to run in it."""
    file = folder / "children.sqlite3"
    given = {
        **os.environ, "DATABASE_URL": f"sqlite:///{file}", "REDIS_URL": "", "OASIS_PASSWORD": box.oasis.password,
        "GECKO_TOKEN": box.tradegecko.token, **environment,
    }  # fmt: skip
    made = Installation(file, given)
    commands = [
        ["migrate", "--verbosity", "0"],
        ["connect", "supplier_oasis", "Overstock", "--username", box.oasis.username,
         "--password-env", "OASIS_PASSWORD", "--base-url", box.oasis_url],
        ["connect", "tradegecko", "Gecko", "--token-env", "GECKO_TOKEN", "--base-url", box.tradegecko_url],
        ["route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
         "--location", "Main DC", "--live"],
        *then,
    ]  # fmt: skip
    code = "from django.core.management import call_command as call"
    made.run("shell", "-c", "\n".join([code, *(f"call(*{command!r})" for command in commands)]))
    return made


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
