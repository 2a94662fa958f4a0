"""manage.py remove_test_orders NAME: take a route's test orders out of the warehouse and out of Crossdock."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from integrations.management.base import Command as Base
from integrations.models import Route
from orders import trials


class Command(Base):
    help = "Remove a route's test orders, in the warehouse and here. A route in test is paused first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a route")

    def handle(self, *_args: Any, name: str, **_options: Any) -> None:
        route = Route.objects.filter(name=name).first()
        if route is None:
            known = ", ".join(map(repr, Route.objects.values_list("name", flat=True))) or "none"
            self.fail(f"there is no route {name!r}; known are {known}")
        self.stdout.write(trials.ask_to_remove(route, None))
