"""manage.py check_connection NAME: what was tried, and what was answered."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from integrations.connection_test import check_connection
from integrations.management.base import Command as Base


class Command(Base):
    help = "Test a connection. A stopped one resumes when the test succeeds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *_args: Any, name: str, **_options: Any) -> None:
        steps = check_connection(self.connection(name))
        for step in steps:
            well = "open" if step.is_open else "ok  "
            self.stdout.write(f"{well if step.ok else 'FAIL'} {step.tried}: {step.answered}")
        bad = [step for step in steps if not step.ok]
        if bad:
            self.fail(f"connection {name}: {bad[0].tried}: {bad[0].answered}")
