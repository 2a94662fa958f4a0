"""manage.py connect PROVIDER NAME: create or update a connection."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from integrations.dispatch import ensure_plans
from integrations.management.base import Command as Base
from integrations.models import Connection
from integrations.registry import PROVIDERS, base_url_of, check_username


class Command(Base):
    help = "Create or update a connection. The secret comes from an environment variable or standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="provider", required=True)
        oasis = kinds.add_parser("supplier_oasis", help="Overstock")
        oasis.add_argument("name")
        oasis.add_argument("--username", required=True)
        oasis.add_argument("--password-env", metavar="VAR", help="empty: the password is read from standard input")
        oasis.add_argument("--base-url")
        gecko = kinds.add_parser("tradegecko", help="TradeGecko, with a privileged access token")
        gecko.add_argument("name")
        gecko.add_argument("--token-env", metavar="VAR", help="empty: the token is read from standard input")
        gecko.add_argument("--base-url")

    def handle(self, *_args: Any, provider: str, name: str, **options: Any) -> None:
        known = Connection.objects.filter(name=name).first()
        if known is not None and known.provider != provider:
            self.fail(f"connection {name!r} is one to {PROVIDERS[known.provider].label}; choose another name")
        connection = known or Connection(name=name, provider=provider)
        connection.username = options.get("username", connection.username)
        check_username(provider, connection.username)
        if options["base_url"] is not None:
            connection.base_url = options["base_url"]
        base_url_of(connection)
        what = "password" if provider == "supplier_oasis" else "token"
        connection.set_secret(self.secret(options.get(f"{what}_env"), what))
        connection.save()
        ensure_plans(connection)
        self.stdout.write(f"connection {name}: {'updated' if known else 'created'}. Test it with check_connection.")
