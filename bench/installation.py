"""A real installation for a measurement: a database of its own, child processes, and a sandbox in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from integrations.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parent.parent


class Installation:
    """Runs manage.py with an environment of its own; what is left of its children ends with the block."""

    def __init__(self, box: Sandbox, log: Path, **environment: str) -> None:
        self._children: list[subprocess.Popen[bytes]] = []
        self._log = log.open("ab")
        self._environment = {
            **os.environ, "DEBUG": "1", "ALLOW_CUSTOM_ENDPOINTS": "1", "REDIS_URL": "",
            "OASIS_PASSWORD": box.oasis.password, "GECKO_TOKEN": box.tradegecko.token, **environment,
        }  # fmt: skip
        commands = [
            ["migrate", "--verbosity", "0"],
            ["connect", "supplier_oasis", "Overstock", "--username", box.oasis.username,
             "--password-env", "OASIS_PASSWORD", "--base-url", box.oasis_url],
            ["connect", "tradegecko", "Gecko", "--token-env", "GECKO_TOKEN", "--base-url", box.tradegecko_url],
            ["route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
             "--location", "Main DC", "--live"],
        ]  # fmt: skip
        calls = "\n".join(f"call(*{command!r})" for command in commands)
        self.ask(f"from django.core.management import call_command as call\n{calls}")

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """manage.py with these arguments, in the background; what it says goes to the log."""
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "manage.py", *args], cwd=ROOT, env=self._environment, stdout=self._log, stderr=self._log
        )
        self._children.append(child)
        return child

    def ask(self, code: str) -> str:
        """What this Python code prints when it is run inside Crossdock."""
        command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(timeout=60)
        self._log.close()
