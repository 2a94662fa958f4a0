"""manage.py reconcile NAME --from DATE --to DATE: compare both sides for a period, and keep the report."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from integrations.management.base import Command as Base
from integrations.models import Connection
from integrations.runs import perform
from orders import periods
from orders.models import Reconciliation
from orders.reconciliation import export, job


class Command(Base):
    help = "Compare the orders of a period (marketplace dates, both included) on both sides. Nothing is mended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a marketplace connection")
        parser.add_argument("--from", dest="since", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="until", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--csv", type=Path, metavar="FILE", help="write every order with its bucket to this file")

    def handle(
        self, *_args: Any, name: str, since: date, until: date, csv: Path | None, **_options: Any
    ) -> None:  # fmt: skip
        connection = self._marketplace(name)
        try:
            start, end = periods.of_days(connection, since, until)
        except periods.Impossible as exc:
            self.fail(str(exc))
        report = Reconciliation(connection=connection, since=start, until=end)
        outcome = perform(connection, "reconcile", partial(job.compare, report=report))
        if not outcome.started:
            self.fail(f"{outcome.text}; try again in a minute")
        if csv is not None and report.pk:
            self._write(csv, report)
        if outcome.failed:
            self.fail(outcome.text)
        self.stdout.write(outcome.text)

    def _write(self, file: Path, report: Reconciliation) -> None:
        try:
            file.write_text("".join(export.lines(report)), encoding="utf-8", newline="")
        except OSError as exc:
            self.fail(f"the report is kept, but cannot be written to {file}: {exc.strerror}")

    def _marketplace(self, name: str) -> Connection:
        connection = self.connection(name)
        if not connection.is_marketplace:
            self.fail(f"{name!r} is a {connection.kind}; reconciliation starts from a marketplace")
        return connection
