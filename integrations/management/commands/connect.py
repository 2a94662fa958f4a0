"""manage.py connect PROVIDER NAME: create or update a connection."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.db import transaction

from integrations import sign_in
from integrations.dispatch import ensure_plans
from integrations.management.base import Command as Base
from integrations.models import Connection
from integrations.registry import PROVIDERS, base_url_of, check_username


class Command(Base):
    help = "Create or update a connection. The secret comes from an environment variable or standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="provider", required=True)
        oasis = kinds.add_parser("supplier_oasis", help="Overstock", allow_abbrev=False)
        oasis.add_argument("name")
        oasis.add_argument("--username", required=True)
        oasis.add_argument("--password-env", metavar="VAR", help="empty: the password is read from standard input")
        oasis.add_argument("--base-url")
        gecko = kinds.add_parser(
            "tradegecko", help="TradeGecko, with a privileged access token or as an application", allow_abbrev=False
        )
        gecko.add_argument("name")
        way = gecko.add_mutually_exclusive_group()
        way.add_argument("--token-env", metavar="VAR", help="empty: the token is read from standard input")
        way.add_argument("--oauth-application", metavar="ID", help="sign in as this OAuth application")
        gecko.add_argument("--oauth-secret-env", metavar="VAR", help="its secret; empty: read from standard input")
        gecko.add_argument("--refresh-token-env", metavar="VAR", help="empty: authorize it in the admin")
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
        self.check_fields(connection)
        store, then = self._sign_in(provider, options)
        with transaction.atomic():
            connection.save()
            store(connection)
        ensure_plans(connection)
        self.stdout.write(f"connection {name}: {'updated' if known else 'created'}. {then}")

    def _sign_in(self, provider: str, options: dict[str, Any]) -> tuple[Callable[[Connection], None], str]:
        """How to store what the connection signs in with, and what to do then."""
        test_it = "Test it with check_connection."
        if not options.get("oauth_application"):
            if options.get("oauth_secret_env") or options.get("refresh_token_env"):
                self.misuse("a secret or refresh token needs its application: add --oauth-application")
            what = "password" if provider == "supplier_oasis" else "token"
            secret = self.secret(options.get(f"{what}_env"), what)
            return lambda connection: sign_in.with_secret(connection, secret), test_it
        identity = options["oauth_application"]
        secret = self.secret(options["oauth_secret_env"], "oauth-secret")
        variable = options["refresh_token_env"]
        token = self.secret(variable, "refresh-token") if variable else ""
        then = test_it if token else "Open it in the admin and press “Authorize”."
        return lambda connection: sign_in.as_application(connection, identity, secret, refresh_token=token), then
