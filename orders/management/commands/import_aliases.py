"""manage.py import_aliases NAME FILE: SKU aliases from a CSV or XLSX file, all or none."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from integrations.management.base import Command as Base
from integrations.models import Connection, Route
from inventory import alias_effects, alias_file, alias_upload
from inventory.alias_file import ENCODINGS, FileProblem
from inventory.alias_import import AliasResource, AliasResult, problems
from inventory.models import AliasImport

NOTHING = "Nothing was imported."
SHOWN = 200


class Command(Base):
    help = "Import SKU aliases for a marketplace connection (or that of a route). Nothing is stored if a row is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a marketplace connection, or a route")
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what it would do, and store nothing")
        parser.add_argument("--replace", action="store_true", help="switch off the aliases that the file does not name")
        parser.add_argument(
            "--switch-off-most", action="store_true", help="with --replace: also if that is more than half of them"
        )
        parser.add_argument("--encoding", choices=list(ENCODINGS), default=alias_file.UTF_8, help="of a CSV file")

    def handle(self, *_args: Any, name: str, file: Path, **options: Any) -> None:
        marketplace = self._marketplace(name)
        mode = AliasImport.Mode.REPLACE if options["replace"] else AliasImport.Mode.UPDATE
        try:
            content = alias_file.load(file)
            rows = alias_file.read(content, options["encoding"])
        except (OSError, FileProblem) as exc:
            text = (exc.strerror or "cannot be read") if isinstance(exc, OSError) else str(exc)
            self.fail(f"{file}: {text}. {NOTHING}")
        result = AliasResource(marketplace, mode).import_data(rows, dry_run=True)
        self._check(file, result, may_switch_off_most=options["switch_off_most"])
        if not options["dry_run"]:
            record = alias_upload.keep(marketplace, None, file.name, content, encoding=options["encoding"], mode=mode)
            self._store(file, record)
        self._tell(result, mode, is_dry=options["dry_run"])

    def _check(self, file: Path, result: AliasResult, *, may_switch_off_most: bool) -> None:
        wrong = problems(result)
        if wrong:
            for line in wrong[1:]:
                self.stdout.write(line)
            self.fail(f"{file}: {wrong[0]} ({len(wrong)} wrong in all). {NOTHING}")
        counts = result.plan.counts()
        if alias_upload.switches_off_most(counts) and not may_switch_off_most:
            self.fail(
                f"{file}: --replace would switch off {counts['switched_off']} of {counts['active_before']} aliases. "
                f"{NOTHING} Add --switch-off-most if that is meant."
            )

    def _store(self, file: Path, record: AliasImport) -> None:
        alias_upload.go_on(record, at_once=True)
        alias_upload.confirm(record, record.fingerprint, None, at_once=True)
        if record.state == AliasImport.State.DONE:
            return
        why = record.error or "the aliases changed meanwhile, or the database was busy; try again."
        record.delete()
        self.fail(f"{file}: {why} {NOTHING}")

    def _tell(self, result: AliasResult, mode: str, *, is_dry: bool) -> None:
        """What the admin's plan shows."""
        counts = result.plan.counts()
        self._list("column not imported", result.ignored)
        warnings = [f"line {one.line}: {one.shown[-1]}: {one.text}" for one in result.plan.warnings]
        self._list("to check", warnings)
        self._list("switched off", [" → ".join(one.key) for one in result.plan.changes if not one.line])
        self._tell_effects(alias_effects.told(result.effects))
        off = f", {counts['switched_off']} switched off" if mode == AliasImport.Mode.REPLACE else ""
        text = f"{counts['new']} new, {counts['changed']} changed, {counts['unchanged']} unchanged{off}"
        self.stdout.write(f"{text}{' (dry run: nothing was stored)' if is_dry else ''}")

    def _list(self, what: str, texts: Sequence[str]) -> None:
        for text in texts[:SHOWN]:
            self.stdout.write(f"{what}: {text}")
        if len(texts) > SHOWN:
            self.stdout.write(f"{what}: {len(texts) - SHOWN} more")

    def _tell_effects(self, effects: Sequence[alias_effects.Effect]) -> None:
        for effect in effects:
            named = ", ".join(text for text, _ in effect.links)
            more = f" and {effect.more} more" if effect.more else ""
            self.stdout.write(f"effect: it {effect.text}{': ' if named else ''}{named}{more}")

    def _marketplace(self, name: str) -> Connection:
        route = Route.objects.filter(name=name).select_related("marketplace").first()
        connection = Connection.objects.filter(name=name).first() or (route.marketplace if route else None)
        if connection is None or not connection.is_marketplace:
            self.fail(f"{name!r} is neither a marketplace connection nor a route")
        return connection
