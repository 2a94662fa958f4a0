"""manage.py sandbox: both systems, simulated, for training and trying out."""

from __future__ import annotations

import socket
import threading
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from integrations.management.base import Command as Base
from integrations.sandbox.server import Sandbox

HIGHEST_PORT = 65_535


class Command(Base):
    help = "Serve both simulated systems on this machine until Ctrl-C. Control: docs/sandbox.md."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--oasis-port", type=port, metavar="PORT", help="default: 8081 if free, else any")
        parser.add_argument("--tradegecko-port", type=port, metavar="PORT", help="default: 8082 if free, else any")
        parser.add_argument("--empty", action="store_true", help="no sample orders")

    def handle(self, *_args: Any, **options: Any) -> None:
        ports = (options["oasis_port"], 8081), (options["tradegecko_port"], 8082)
        oasis, gecko = (wanted if wanted is not None else free_port(usual) for wanted, usual in ports)
        try:
            box = Sandbox(oasis_port=oasis, tradegecko_port=gecko, with_samples=not options["empty"])
        except (OSError, SystemExit):
            self.fail(f"port {oasis} or {gecko} is in use; name others, or none")
        with box:
            self.stdout.write(
                f"Supplier Oasis {box.oasis_url}  user {box.oasis.username}  password {box.oasis.password}"
            )
            self.stdout.write(f"TradeGecko     {box.tradegecko_url}  token {box.tradegecko.token}")
            oauth = box.tradegecko.oauth
            self.stdout.write(
                f"  or OAuth     application {oauth.client_id}  secret {oauth.client_secret}  "
                f"refresh token {oauth.refresh_token}"
            )
            self.stdout.write("Ctrl-C stops it.")
            self.stdout.flush()
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                return


def port(text: str) -> int:
    """0 is any free one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= HIGHEST_PORT):
        raise ArgumentTypeError(f"{text!r} is no port; name one from 1 to {HIGHEST_PORT}, or 0 for any free one")
    return int(text)


def free_port(usual: int) -> int:
    """The usual port if nobody listens there, else 0 for any free one."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual
