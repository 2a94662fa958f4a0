"""manage.py demo: both systems simulated, a web server, a cluster, and one full cycle, printed step by step."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from integrations.management.base import Command as Base
from integrations.management.commands.sandbox import free_port
from integrations.sandbox.samples import ALIASED
from integrations.sandbox.server import Sandbox
from integrations.wording import counted

PATIENCE = 60.0
LOGIN, PASSWORD = "demo", "demo-crossdock"
MARKETPLACE, WAREHOUSE, WAREHOUSE_NAME = "Overstock (demo)", "TradeGecko (demo)", "Riverside DC"


class Command(Base):
    help = (
        "Show the whole job on a throw-away database. --once ends after the cycle, with status 0 if all came out right."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true")

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        try:
            self._show(once)
        except subprocess.TimeoutExpired as exc:
            self.fail(f"{exc.cmd[2]} took more than {exc.timeout:.0f} s: this machine is too busy; try again later")

    def _show(self, once: bool) -> None:
        with ending_well() as ending, ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crossdock-demo-")))
            box = stack.enter_context(Sandbox(with_samples=True))
            demo = Demo(box, folder, self._say, ending)
            demo.manage("migrate", "--verbosity", "0")
            address = stack.enter_context(demo.served())
            demo.set_up()
            right = demo.cycle()
            if not right:
                self.fail("the demo's cycle did not come out right; the steps marked FAIL above say where")
            if not once:
                self._say(f"\nThe admin: {address}/admin/   login {LOGIN}, password {PASSWORD}")
                self._say(f"Overstock:  {box.oasis_url}   user {box.oasis.username}, password {box.oasis.password}")
                self._say(f"TradeGecko: {box.tradegecko_url}   token {box.tradegecko.token}   (docs/sandbox.md)")
                self._say("Ctrl-C stops everything.")
                threading.Event().wait()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class Demo:
    """One demo on its own database. Every step is the command that a user would type."""

    def __init__(self, box: Sandbox, folder: Path, say: Callable[[str], None], ending: Ending) -> None:
        self._box = box
        self._folder = folder
        self._say = say
        self._ending = ending
        self._environment = {
            **os.environ,
            "DEBUG": "1",
            "ALLOW_CUSTOM_ENDPOINTS": "1",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}",
            "REDIS_URL": "",
            "RETRY_BASE_SECONDS": "1",
            "LOOKUP_GRACE_SECONDS": "2",
            "DEMO_PASSWORD": box.oasis.password,
            "DEMO_TOKEN": box.tradegecko.token,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py to its end; what it printed."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *arguments], cwd=settings.BASE_DIR, env=self._environment,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            self._say(f"     {arguments[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        return done.stdout

    @contextmanager
    def served(self) -> Iterator[str]:
        """A web server and a cluster beside us; the server's address. Both are stopped at the end."""
        port = free_port(8000) or free_port(0) or _any_port()
        address = f"http://127.0.0.1:{port}"
        web = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
        cluster = [sys.executable, "manage.py", "qcluster"]
        log = (self._folder / "log.txt").open("w")
        started: list[subprocess.Popen[bytes]] = []
        try:
            for command in (web, cluster):
                with self._ending.put_off():
                    started.append(
                        subprocess.Popen(  # noqa: S603
                            command, cwd=settings.BASE_DIR, env=self._environment, stdout=log, stderr=log,
                            start_new_session=True,
                        )
                    )  # fmt: skip
            self._say(f"ok   web server at {address}, cluster of 2 workers, both systems simulated")
            yield address
        finally:
            for process in started:
                stop(process)
            log.close()

    def set_up(self) -> None:
        """Two connections, a route, an alias, a login."""
        box, aliases = self._box, self._folder / "aliases.csv"
        aliases.write_text(f"marketplace_sku,warehouse_sku,units\n{ALIASED['partner_sku']},LAMP-OAK-01,1\n")
        self.manage("createsuperuser", "--noinput", "--username", LOGIN, "--email", "demo@example.com")
        self.manage("connect", "supplier_oasis", MARKETPLACE, "--username", box.oasis.username,
                    "--password-env", "DEMO_PASSWORD", "--base-url", box.oasis_url)  # fmt: skip
        self.manage("connect", "tradegecko", WAREHOUSE, "--token-env", "DEMO_TOKEN", "--base-url", box.tradegecko_url)
        self.manage("import_aliases", MARKETPLACE, str(aliases))
        self.manage("route", "Riverside", "--marketplace", MARKETPLACE, "--warehouse-name", WAREHOUSE_NAME,
                    "--warehouse", WAREHOUSE, "--location", "Main DC", "--live")  # fmt: skip
        self._say("ok   two connections, one route, one alias")

    def cycle(self) -> bool:
        """Every step of an order's way, each judged by what the simulated systems then hold."""
        ours = self._ours()
        mystery = next(number for number, order in ours.items() if order.lines[0].partner_sku == "MYSTERY-9")
        sendable = [number for number, order in ours.items() if order.status == "PROCESSING" and number != mystery]
        gecko, oasis = self._box.tradegecko, self._box.oasis
        steps: list[tuple[str, str, Callable[[], bool]]] = [
            ("pull_orders", "orders pulled from Overstock", lambda: self._count() >= len(ours)),
            ("pull_orders", f"order {mystery} held: unknown SKU MYSTERY-9", lambda: self._status(mystery) == "on_hold"),
            (
                "submit_orders", f"{counted(len(sendable), 'orders')} created in TradeGecko, each once",
                lambda: all(len(gecko.by_reference(number)) == 1 for number in sendable),
            ),
            ("", "all of them shipped there", lambda: self._ship(sendable)),
            ("pull_shipments", "parcels seen", lambda: all(self._parcels(number) for number in sendable)),
            (
                "confirm_shipments", "confirmed to Overstock with tracking",
                lambda: all(order.status == "COMPLETE" for number, order in ours.items() if number in sendable),
            ),
            ("pull_levels", "stock read", lambda: True),
            ("publish_inventory", "quantities published", lambda: self._published(oasis.quantities)),
        ]  # fmt: skip
        results = [self._step(*step) for step in steps]
        return all(results)

    def _step(self, job: str, text: str, right: Callable[[], bool]) -> bool:
        """Run the job and wait for its effect: the cluster may have been at it already."""
        deadline, came_right = time.monotonic() + PATIENCE, False
        while not came_right and time.monotonic() < deadline:
            if job:
                self.manage("run", job)
            came_right = right()
            if not came_right:
                time.sleep(1)
        self._say(f"{'ok  ' if came_right else 'FAIL'} {text}")
        return came_right

    def _ours(self) -> dict[str, Any]:
        return {n: order for n, order in self._box.oasis.orders.items() if order.warehouse == WAREHOUSE_NAME}

    def _count(self) -> int:
        return sum(json.loads(self.manage("status", "--json"))["orders"].values())

    def _status(self, number: str) -> str:
        return str(json.loads(self.manage("order", number, "--json") or "{}").get("status"))

    def _parcels(self, number: str) -> list[Any]:
        return list(json.loads(self.manage("order", number, "--json"))["shipments"])

    def _ship(self, numbers: list[str]) -> bool:
        for place, number in enumerate(numbers):
            freight = self._box.oasis.orders[number].is_freight
            carrier, service = ("FedEx Freight", "") if freight else ("UPS", "Ground")
            with self._box.lock:
                [order] = self._box.tradegecko.by_reference(number)
                self._box.tradegecko.ship(order["id"], tracking=f"1ZDEMO{place:04}", carrier=carrier, service=service)
        return True

    def _published(self, quantities: dict[tuple[str, str], int]) -> bool:
        lamp = quantities.get((str(ALIASED["option_sku"]), WAREHOUSE_NAME))
        mug = [quantity for quantity in quantities.values() if quantity == 116]
        return lamp == 38 and len(mug) == 1


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end its work; whatever of it is left after ten seconds is ended."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Ending:
    """Turns the first Ctrl-C or SIGTERM into SystemExit, so that what was started is stopped; later ones wait."""

    def __init__(self) -> None:
        self._is_put_off = False
        self._asked = 0

    def ask(self, signum: int, _frame: object) -> None:
        if self._asked:
            return
        self._asked = signum
        if not self._is_put_off:
            self._end()

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """What happens inside is not broken off half-way."""
        self._is_put_off = True
        yield
        self._is_put_off = False
        if self._asked:
            self._end()

    def _end(self) -> None:
        raise SystemExit(128 + self._asked)


@contextmanager
def ending_well() -> Iterator[Ending]:
    """From here on the demo ends with status 130 or 143 when it is asked to, and without a traceback."""
    ending = Ending()
    before = {one: signal.signal(one, ending.ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ending
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
