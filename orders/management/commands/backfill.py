"""manage.py backfill NAME --from DATE --to DATE: read a period again, or show what that would load."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from integrations.circuit import asked_with, try_now
from integrations.connection_test import problems_of
from integrations.errors import Unavailable
from integrations.management.base import Command as Base
from integrations.models import Connection, Route
from integrations.registry import marketplace_for
from integrations.runs import perform
from orders import intake, preview


class Command(Base):
    help = "Pull the orders of a period (marketplace dates, both included), also those older than the route's earliest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a route, or a marketplace connection")
        parser.add_argument("--from", dest="since", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="until", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--dry-run", action="store_true", help="store nothing; list what would happen")

    def handle(self, *_args: Any, name: str, since: date, until: date, dry_run: bool, **_options: Any) -> None:
        if until < since:
            self.fail(f"--to {until} lies before --from {since}")
        connection, routes = self._routes(name)
        try_now(asked_with(connection))
        zone = marketplace_for(connection).time_zone
        start = datetime.combine(since, time.min, zone)
        end = datetime.combine(until + timedelta(days=1), time.min, zone) - timedelta(seconds=1)
        if dry_run:
            self._tell_set_up(routes)
            rows = preview.preview(connection, routes, start, end, too_old_too=True)
            for row in rows:
                self.stdout.write(f"{row.number}  {row.verdict}  {'; '.join(row.reasons)}".rstrip())
            if not rows:
                self.stdout.write(f"nothing: {connection} tells of no order created from {since} to {until}")
            return
        outcome = perform(connection, "pull_orders", partial(intake.backfill, routes=routes, since=start, until=end))
        if outcome.failed or not outcome.started:
            self.fail(f"{outcome.text}; try again in a minute" if not outcome.failed else outcome.text)
        self.stdout.write(outcome.text)

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
