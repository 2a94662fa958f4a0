"""manage.py run JOB: run a job now, in this process, for one connection or for all of its kind."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from integrations.circuit import asked_with, try_now
from integrations.connection_test import check_connection
from integrations.management.base import Command as Base
from integrations.models import Connection
from integrations.runs import Outcome
from orders import jobs

# One full cycle; reconcile compares, and is asked for by name.
CYCLE = (
    "pull_orders", "revisit_orders", "submit_orders", "pull_shipments", "confirm_shipments", "pull_levels",
    "publish_inventory",
)  # fmt: skip


class Command(Base):
    help = "Run a job now. `all` is one full cycle."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", choices=[*jobs.BY_NAME, "all"])
        parser.add_argument("--connection", metavar="NAME")

    def handle(self, *_args: Any, job: str, **options: Any) -> None:
        only = self.connection(options["connection"]) if options["connection"] else None
        try_now(asked_with(only) if only else Connection.objects.all())
        failed, self._tested, was_run = [], set[int](), False
        for name in CYCLE if job == "all" else (job,):
            for connection in self._connections(name, only, whole_cycle=job == "all"):
                outcome, was_run = self._run(name, connection), True
                while outcome.is_handed_over:
                    self.stdout.write(outcome.text)
                    outcome = jobs.BY_NAME[name](connection)
                self.stdout.write(outcome.text)
                if outcome.failed:
                    failed.append(outcome.text)
        if not was_run:
            self.fail("nothing was run: no such connection is switched on. Switch one on, or make it with `connect`.")
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            self.fail(f"{failed[0]}{more}")

    def _connections(self, job: str, only: Connection | None, *, whole_cycle: bool) -> list[Connection]:
        kind = next(known.kind for known in settings.JOBS if known.name == job)
        if only is not None:
            if only.kind != kind and not whole_cycle:
                self.fail(f"{job} is a job of a {kind}; {only} is a {only.kind}")
            return [only] if only.kind == kind else []
        return [one for one in Connection.objects.filter(is_active=True) if one.kind == kind]

    def _run(self, job: str, connection: Connection) -> Outcome:
        """Asked for by a person: a stopped connection is tested first, and resumes if that goes well."""
        connection.refresh_from_db()
        if connection.is_stopped and connection.pk not in self._tested:
            self._tested.add(connection.pk)
            check_connection(connection)
        return jobs.BY_NAME[job](connection)
