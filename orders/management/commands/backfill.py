"""manage.py backfill NAME --from DATE --to DATE: load a period, or single orders, or show what that would load."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, datetime
from functools import partial
from typing import Any

from django.utils import timezone

from integrations.circuit import asked_with, try_now
from integrations.connection_test import problems_of
from integrations.errors import Unavailable
from integrations.management.base import Command as Base
from integrations.models import Connection, Route
from integrations.registry import marketplace_for
from integrations.runs import perform
from orders import backfill, intake, periods, preview
from orders.windows import FURTHEST_BACK


class Command(Base):
    help = "Pull the orders of a period (marketplace dates, both included), also those older than the route's earliest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a route, or a marketplace connection")
        parser.add_argument("--from", dest="since", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="until", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument(
            "--order", dest="numbers", action="append", default=[], metavar="NUMBER",
            help="only this order (may be given several times); searched in the last 30 days without --from and --to",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="store nothing; list what would happen")

    def handle(
        self, *_args: Any, name: str, since: date | None, until: date | None, numbers: list[str], dry_run: bool,
        **_options: Any,
    ) -> None:  # fmt: skip
        if not numbers and (since is None or until is None):
            self.misuse("give --from and --to, or --order for single orders")
        if len(numbers) > backfill.MOST_NUMBERS:
            self.fail(f"at most {backfill.MOST_NUMBERS} orders at once; give their period instead")
        connection, routes = self._routes(name)
        try_now(asked_with(connection))
        start, end = self._period(connection, since, until)
        if dry_run:
            self._preview(connection, routes, start, end, numbers)
            return
        work = partial(backfill.load, routes=routes, since=start, until=end, numbers=numbers)
        outcome = perform(connection, "pull_orders", work)
        if outcome.failed or not outcome.started:
            self.fail(f"{outcome.text}; try again in a minute" if not outcome.failed else outcome.text)
        self.stdout.write(outcome.text)

    def _period(self, connection: Connection, since: date | None, until: date | None) -> tuple[datetime, datetime]:
        today = timezone.localdate(timezone=marketplace_for(connection).time_zone)
        try:
            return periods.of_days(connection, since or today - FURTHEST_BACK, until or today)
        except periods.Impossible as exc:
            self.fail(str(exc))

    def _preview(
        self, connection: Connection, routes: list[Route], start: datetime, end: datetime, numbers: list[str]
    ) -> None:
        self._tell_set_up(routes)
        rows = preview.preview(connection, routes, start, end, numbers=numbers)
        for row in rows:
            self.stdout.write(f"{row.number}  {row.verdict}  {'; '.join(row.reasons)}".rstrip())
        if not rows:
            days = periods.named(connection, start, end)
            self.stdout.write(f"nothing: {connection} tells of no order created from {days}")

    def _tell_set_up(self, routes: list[Route]) -> None:
        """What would keep the orders from being sent although nothing is wrong with them."""
        for route in routes:
            try:
                found = problems_of(route)
            except Unavailable as exc:
                found = [f"the set-up of route {route} could not be checked: {exc}"]
            for text in found:
                self.stdout.write(f"put right first: {text}")

    def _routes(self, name: str) -> tuple[Connection, list[Route]]:
        route = Route.objects.filter(name=name).select_related("marketplace", "warehouse").first()
        if route is not None:
            return route.marketplace, [route]
        connection = self.connection(name)
        if not connection.is_marketplace:
            self.fail(f"{name!r} is neither a route nor a marketplace connection")
        routes = intake.active_routes(connection)
        if not routes:
            self.fail(f"no route of {name!r} is switched on; name a route, or set one live")
        return connection, routes
