"""manage.py inventory_file ROUTE: a route's quantities as a file for upload by hand, under the rules of a publish."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from integrations.management.base import Command as Base
from integrations.models import Route
from inventory import files
from inventory.file_formats import FORMATS
from inventory.filed import InventoryFile
from orders import jobs


class Command(Base):
    help = "Decide every quantity of a route, keep that as an inventory file, and write it out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("route", help="the name of a route")
        parser.add_argument("--format", choices=list(FORMATS), default="csv", dest="kind")
        parser.add_argument("--output", type=Path, metavar="PATH", help="without it CSV goes to standard output")

    def handle(self, *_args: Any, route: str, kind: str, output: Path | None, **_options: Any) -> None:
        if output is None and kind != "csv":
            self.misuse(f"{kind} is not written to standard output; name a file with --output")
        record = self._made(self._route(route))
        content = FORMATS[kind][1](record)
        if output is None:
            self.stdout.write(content.decode(), ending="")
            return
        try:
            output.write_bytes(content)
        except OSError as exc:
            self.fail(f"the file is kept under Inventory files, but cannot be written to {output}: {exc.strerror}")
        self.stdout.write(f"{output}: {files.told(record)}")

    def _made(self, route: Route) -> InventoryFile:
        files.ask_quietly(route)
        record = InventoryFile.objects.filter(route=route).latest("asked_at")
        outcome = jobs.write_inventory_files(route.marketplace)
        record.refresh_from_db()
        if record.state == InventoryFile.State.FAILED:
            self.fail(f"no inventory file of route {route}: {record.error}")
        if record.state == InventoryFile.State.WAITING:
            self.fail(f"{outcome.text}; try again in a minute")
        return record

    def _route(self, name: str) -> Route:
        found = Route.objects.select_related("marketplace", "warehouse").filter(name=name).first()
        if found is None:
            known = ", ".join(repr(other) for other in Route.objects.values_list("name", flat=True)) or "none"
            self.fail(f"there is no route {name!r}; known are {known}")
        return found
