"""`roles`: what each role may do; `roles --grant` gives the groups exactly that again."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.db import transaction

from integrations.management.base import Command as BaseCommand
from orders import roles


class Command(BaseCommand):
    help = "Print what each role may do. With --grant, give the roles' groups exactly that again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--grant", action="store_true", help="put the groups right, for example after a restore")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["grant"]:
            with transaction.atomic():
                roles.grant(apps)
        self.stdout.write(roles.in_words())
