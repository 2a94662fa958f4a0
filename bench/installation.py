"""A real installation: a database of its own, child processes, and a sandbox in this process. The tests use it too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from integrations.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parent.parent


def set_up(box: Sandbox) -> list[list[str]]:
    """The commands by which staff connect both systems and lay a live route; the secrets come by the environment."""
    return [
        ["connect", "supplier_oasis", "Overstock", "--username", box.oasis.username, "--password-env", "OASIS_PASSWORD",
         "--base-url", box.oasis_url],
        ["connect", "tradegecko", "Gecko", "--token-env", "GECKO_TOKEN", "--base-url", box.tradegecko_url],
        ["route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
         "--location", "Main DC", "--live"],
    ]  # fmt: skip


class Installation:
    """Runs manage.py with an environment of its own: migrated, with a live route to the sandbox.

    `then` are more commands to run in it, `environment` what differs from ours; it must name the DATABASE_URL.
    """

    MIGRATIONS = (["migrate", "--verbosity", "0"],)

    def __init__(self, box: Sandbox, *then: list[str], **environment: str) -> None:
        self._environment = {
            **os.environ, "DEBUG": "1", "ALLOW_CUSTOM_ENDPOINTS": "1", "REDIS_URL": "",
            "OASIS_PASSWORD": box.oasis.password, "GECKO_TOKEN": box.tradegecko.token, **environment,
        }  # fmt: skip
        commands = [*self.MIGRATIONS, *set_up(box), *then]
        calls = "\n".join(f"call(*{command!r})" for command in commands)
        self.ask(f"from django.core.management import call_command as call\n{calls}")

    def start(self, *args: str, **how: Any) -> subprocess.Popen[str]:
        """manage.py with these arguments, in the background; `how` is for Popen."""
        command = [sys.executable, "manage.py", *args]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, text=True, **how)  # noqa: S603

    def ask(self, code: str) -> str:
        """What this Python code prints when it is run inside Crossdock."""
        command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()


class Measured(Installation):
    """One whose processes work in the background and write to a log, until it is stopped."""

    def __init__(self, box: Sandbox, log: Path, **environment: str) -> None:
        self._children: list[subprocess.Popen[str]] = []
        self._log = log.open("ab")
        super().__init__(box, **environment)

    def start(self, *args: str, **how: Any) -> subprocess.Popen[str]:
        child = super().start(*args, stdout=self._log, stderr=self._log, **how)
        self._children.append(child)
        return child

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(timeout=60)
        self._log.close()
