"""What the commands share: finding a connection by name, reading a secret, and one line on stderr when it fails."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from getpass import getpass
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, InterfaceError, OperationalError, ProgrammingError
from django.db import connection as database
from django.db.models import Model

from integrations import shutdown
from integrations.errors import IntegrationError
from integrations.models import Connection
from integrations.redaction import Redactor

USAGE = 2


class Command(BaseCommand):
    """A command whose failures are one line on stderr and exit status 1; wrong usage is 2."""

    has_own_process = False  # else it was called by a script, and is not the last thing that this one does

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Options are not abbreviated: `--password` must not pass for `--password-env`, and its value be told."""
        return super().create_parser(prog_name, subcommand, **{"allow_abbrev": False, **kwargs})

    def run_from_argv(self, argv: list[str]) -> None:
        self.has_own_process = True
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            with shutdown.by_sigterm():
                told = super().execute(*args, **options)
                self.stdout.flush()
        except IntegrationError as exc:
            raise CommandError(str(exc)) from None
        except (OperationalError, ProgrammingError, InterfaceError) as exc:
            raise CommandError(_about_the_database(exc)) from None
        except BrokenPipeError:
            _hush()
            sys.exit(1)
        except KeyboardInterrupt as exc:
            number = signal.SIGTERM if isinstance(exc, shutdown.Stopped) else signal.SIGINT
            if not self.has_own_process:
                # A script that goes on after a command that failed would go on after this one too.
                signal.raise_signal(number)
            text = "stopped; what was under way is looked up by the next run before anything is sent again"
            raise CommandError(text, returncode=128 + number) from None
        return told

    def fail(self, text: str) -> NoReturn:
        raise CommandError(" ".join(text.split()))

    def misuse(self, text: str) -> NoReturn:
        """For arguments that do not go together."""
        raise CommandError(text, returncode=USAGE)

    def check_fields(self, row: Model) -> None:
        """Fail, naming the field, for a value that it does not take."""
        try:
            row.full_clean()
        except ValidationError as exc:
            by_field = exc.message_dict.items()
            named = [f"{field.replace('_', ' ')}: {text}" for field, texts in by_field for text in texts]
            self.fail("; ".join(one.removeprefix("__all__: ") for one in named))

    def connection(self, name: str) -> Connection:
        try:
            return Connection.objects.get(name=name)
        except Connection.DoesNotExist:
            known = ", ".join(repr(other) for other in Connection.objects.values_list("name", flat=True)) or "none"
            self.fail(f"there is no connection {name!r}; known are {known}. Make it with `manage.py connect`.")

    def secret(self, variable: str | None, what: str) -> str:
        """From the named environment variable, or a line of standard input; never from an argument."""
        if variable:
            if not os.environ.get(variable):
                self.fail(f"the environment variable {variable} holds no {what}")
            return os.environ[variable]
        value = _line(f"{what} (not shown while you type, nor stored in plain text): ")
        if not value:
            self.fail(f"no {what} came on standard input; name a variable with --{what}-env instead")
        return value


def _line(prompt: str) -> str:
    """A line of standard input; from a terminal without showing it."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    with suppress(EOFError):
        return getpass(prompt)
    return ""


NO_TABLE = ("no such table", "no such column", "no column named")


def _about_the_database(exc: Error) -> str:
    """One line of what is wrong with our own database and what to do, without its password."""
    said = " ".join(str(exc).partition("LINE 1:")[0].partition("DETAIL:")[0].split()).rstrip(".")
    said = Redactor("", str(database.settings_dict.get("PASSWORD") or "")).clean_text(said)
    if any(words in said for words in (*NO_TABLE, *(["does not exist"] if isinstance(exc, ProgrammingError) else []))):
        return f"the database lacks a table or column ({said}). Run `manage.py migrate`, then try again."
    return f"the database cannot be used ({said}). Check DATABASE_URL, and that the database runs."


def _hush() -> None:
    """Whoever read our output has gone; Python would complain once more when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
