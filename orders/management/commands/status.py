"""manage.py status: orders by state, worklists, last run of each job, workers, alarms."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from integrations.management.base import Command as Base
from orders.report import status_report


class Command(Base):
    help = "How the whole is doing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *_args: Any, as_json: bool, **_options: Any) -> None:
        report = status_report()
        if as_json:
            self.stdout.write(json.dumps(report, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
            return
        for title in ("orders", "worklists"):
            self.stdout.write(f"{title}: " + (", ".join(f"{k} {v}" for k, v in report[title].items() if v) or "none"))
        for name, run in report["runs"].items():
            self.stdout.write(f"run {name}: {run['status']} {run['started_at']:%Y-%m-%d %H:%M:%S} {run['summary']}")
        for name, last in report["reconciliation"].items():
            found = ", ".join(f"{bucket} {number}" for bucket, number in last["buckets"].items() if number)
            incomplete = "" if last["is_complete"] else ", not complete"
            at = f"{last['finished_at']:%Y-%m-%d %H:%M:%S}"
            self.stdout.write(f"reconciliation {name}: {at} {found or 'no exceptions'}{incomplete}")
        for name, one in report["connections"].items():
            self.stdout.write(f"connection {name}: {one['health']} {one['message']}".rstrip())
        self.stdout.write(f"workers: {'running' if report['workers']['running'] else 'none seen'}")
        for one in report["workers"]["clusters"]:
            state = "gone" if one["gone"] else "at work"
            self.stdout.write(f"cluster {one['name']}: {state}, last seen {one['seen_at']:%Y-%m-%d %H:%M:%S}")
        for alarm in report["alarms"]:
            self.stdout.write(f"ALARM {alarm}")
