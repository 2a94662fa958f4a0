"""manage.py route NAME: create or update a route."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from datetime import date
from typing import Any

from integrations.connection_test import problems_of
from integrations.errors import IntegrationError, Unavailable
from integrations.management.base import Command as Base
from integrations.models import Route
from integrations.wording import counted
from orders import checklist, route_states, trials

# What stays as it is unless it is given.
SETTINGS = (
    "company_name", "earliest_order_date", "changes_before_sending", "cancels_after_sending",
    "short_ship_reasons", "publish_catalogue", "guard_share", "guard_listings", "stale_after_hours",
)  # fmt: skip
MEND = "Name another one, or put it right over there; then run this again."


def _reason(given: str) -> str:
    """CODE=text as a line of the route's list. Raises ArgumentTypeError."""
    code, equals, text = (part.strip() for part in given.partition("="))
    if not (code and equals and text) or len(code.split()) > 1 or not text.isprintable():
        raise ArgumentTypeError(f"{given!r} is not CODE=text, with a code without blanks")
    return f"{code} {text}"


class Command(Base):
    help = "Create or update a route. A new one is paused until --live or --test."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--marketplace", required=True, help="a connection's name")
        parser.add_argument("--warehouse-name", required=True, help="exactly as on the marketplace")
        parser.add_argument("--warehouse", required=True, help="a connection's name")
        parser.add_argument("--location", required=True, help="the warehouse's location")
        parser.add_argument(
            "--count-location", action="append", metavar="NAME",
            help="a further location whose stock counts; may be repeated, and '' leaves only --location",
        )  # fmt: skip
        parser.add_argument("--company")
        parser.add_argument("--earliest-order-date", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--changes-before-sending", choices=Route.ChangesBefore.values)
        parser.add_argument("--cancels-after-sending", choices=Route.CancelsAfter.values)
        parser.add_argument(
            "--short-ship-reason", action="append", type=_reason, metavar="CODE=TEXT", dest="short_ship_reasons",
            help="a code that the marketplace takes, and what it means (several times for several; they are the whole "
            "list then)",
        )  # fmt: skip
        parser.add_argument(
            "--publish-catalogue", action=BooleanOptionalAction,
            help="every warehouse SKU is a listing, or only those with an alias or on an order",
        )  # fmt: skip
        parser.add_argument(
            "--guard-share", type=int, metavar="PERCENT", help="more changed quantities wait for a person"
        )
        parser.add_argument("--guard-listings", type=int, metavar="N", help="fewer are never so many")
        parser.add_argument("--stale-after-hours", type=int, metavar="H", help="older stock waits for a person")
        state = parser.add_mutually_exclusive_group()
        for name in Route.State.values:
            state.add_argument(f"--{name}", dest="state", action="store_const", const=name)

    def handle(self, *_args: Any, name: str, **options: Any) -> None:
        known = Route.objects.filter(name=name).first()
        route = known or Route(name=name)
        route.marketplace = self.connection(options["marketplace"])
        route.warehouse = self.connection(options["warehouse"])
        if not route.marketplace.is_marketplace or route.warehouse.is_marketplace:
            self.fail("--marketplace takes a connection to Overstock, --warehouse one to TradeGecko")
        route.marketplace_warehouse_name = options["warehouse_name"]
        route.location_name, route.location_id, route.company_id = options["location"], "", ""
        if options["count_location"] is not None:
            route.counted_locations = "\n".join(name for name in options["count_location"] if name.strip())
        route.counted_location_ids = {}
        options["company_name"] = options["company"] or None
        options["short_ship_reasons"] = "\n".join(options["short_ship_reasons"] or ()) or None
        for field in SETTINGS:
            if options[field] is not None:
                setattr(route, field, options[field])
        self.check_fields(route)
        route.save()
        self._move(route, options["state"] or route.state)
        self.stdout.write(f"route {name}: {'updated' if known else 'created'}, {route.get_state_display().lower()}")
        self._check(route)

    def _move(self, route: Route, state: str) -> None:
        """As on its page; but who says --live goes live in spite of the checklist, and is told what that misses."""
        if state == route.state:
            return
        if state != Route.State.LIVE:
            # What the warehouse lacks is said below, as it is now.
            if state == Route.State.TEST:
                route_states.start_test(route, None, in_spite=True)
            else:
                route_states.pause(route, None)
            return
        missing, tests = checklist.missing(route), trials.of_route(route).count()
        points = f", {counted(len(missing), 'points')} of the checklist open" if missing else ""
        route_states.go_live(route, None, in_spite=f"manage.py route --live{points}")
        for point in missing:
            self.stderr.write(f"route {route} is live, and its checklist misses: {point.title}: {point.answer}")
        if tests:
            left = f"{counted(tests, 'test orders')} of it stay as they are and are never sent again"
            self.stderr.write(f"route {route} is live, and {left}; its page removes them")

    def _check(self, route: Route) -> None:
        """Does the warehouse know what was named? One that cannot be asked now is no fault of the route."""
        try:
            problems = problems_of(route)
        except Unavailable as exc:
            self.stderr.write(
                f"route {route} is saved, but {route.warehouse} could not be asked whether it knows location and "
                f"company: {exc}. Try `manage.py check_connection {shlex.quote(route.warehouse.name)}` later."
            )
            return
        except IntegrationError as exc:
            self.fail(f"route {route} is saved, but could not be checked: {exc}")
        lines = [f"route {route} is saved, but {text}. {MEND}" for text in problems]
        for line in lines[:-1]:
            self.stderr.write(line)
        if lines:
            self.fail(lines[-1])
