"""manage.py import_aliases NAME FILE: SKU aliases from a CSV or XLSX file, all or none."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from integrations.management.base import Command as Base
from integrations.models import Connection, Route
from inventory.alias_file import FileProblem, read_file
from inventory.alias_import import AliasResource, problems


class Command(Base):
    help = "Import SKU aliases for a marketplace connection (or that of a route). Nothing is stored if a row is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a marketplace connection, or a route")
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *_args: Any, name: str, file: Path, dry_run: bool, **_options: Any) -> None:
        resource = AliasResource(connection=self._marketplace(name))
        try:
            rows = read_file(file)
        except (OSError, FileProblem) as exc:
            text = (exc.strerror or "cannot be read") if isinstance(exc, OSError) else str(exc)
            self.fail(f"{file}: {text}. Nothing was imported.")
        result = resource.import_data(rows, dry_run=dry_run, use_transactions=True)
        wrong = problems(result)
        if wrong:
            for line in wrong[1:]:
                self.stdout.write(line)
            self.fail(f"{file}: {wrong[0]} ({len(wrong)} wrong in all). Nothing was imported.")
        totals = result.totals
        counts = f"{totals['new']} new, {totals['update']} changed, {totals['skip']} unchanged"
        self.stdout.write(f"{counts}{' (dry run: nothing was stored)' if dry_run else ''}")

    def _marketplace(self, name: str) -> Connection:
        route = Route.objects.filter(name=name).select_related("marketplace").first()
        connection = Connection.objects.filter(name=name).first() or (route.marketplace if route else None)
        if connection is None or not connection.is_marketplace:
            self.fail(f"{name!r} is neither a marketplace connection nor a route")
        return connection
