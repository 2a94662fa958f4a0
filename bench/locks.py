"""SQLite under one web process, one cluster and the command line at once: is the database ever locked?

python -m bench.locks --seconds 30
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import requests

from bench.installation import Measured
from integrations.sandbox.server import Sandbox

PORT = 8765
PREPARE = """
from django.contrib.auth.models import User
User.objects.create_superuser("bench", "", "bench")
"""
DUE = "from integrations.models import JobPlan; from django.utils import timezone as t; from integrations.dispatch import dispatch; JobPlan.objects.update(next_run_at=t.now()); dispatch()"  # noqa: E501
PAGES = ("/admin/", "/admin/orders/order/", "/admin/integrations/syncrun/", "/admin/inventory/skualias/")


class Clerk(threading.Thread):
    """Signs in and goes through pages and forms until told to stop; remembers how long each answer took."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.took: list[float] = []
        self.failed: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        session, base = requests.Session(), f"http://127.0.0.1:{PORT}"
        session.get(f"{base}/admin/login/")
        form = {"username": "bench", "password": "bench", "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        session.post(f"{base}/admin/login/?next=/admin/", form)
        place = 0
        while not self.stopped.is_set():
            place += 1
            self._time(lambda: session.get(base + PAGES[place % len(PAGES)], timeout=90))  # noqa: B023
            form = {
                "csrfmiddlewaretoken": session.cookies["csrftoken"], "connection": "1", "units": "1",
                "marketplace_sku": f"SKU-{place}", "warehouse_sku": "MUG-BLK", "is_active": "on",
            }  # fmt: skip
            self._time(lambda: session.post(f"{base}/admin/inventory/skualias/add/", form, timeout=90))  # noqa: B023

    def _time(self, do: Callable[[], requests.Response]) -> None:
        started = time.perf_counter()
        answer = do()
        self.took.append(time.perf_counter() - started)
        if answer.status_code >= 500:
            self.failed.append(answer.text[:200])


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    seconds = parser.parse_args().seconds
    with Sandbox() as box, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        box.tradegecko.limit = 10**6
        box.tradegecko.set_stock("MUG-BLK", 10**5)
        made = Measured(box, log, DATABASE_URL=f"sqlite:///{folder}/bench.sqlite3", RETRY_BASE_SECONDS="0")
        made.ask(PREPARE)
        made.start("qcluster")
        made.start("runserver", "--noreload", str(PORT))
        _until_served()
        clerk = Clerk()
        clerk.start()
        commands, until = 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            for _ in range(20):
                box.oasis.add_order({"partner_sku": "MUG-BLK"})
            made.ask(DUE)
            made.start("run", "all").wait()
            commands += 1
        clerk.stopped.set()
        clerk.join()
        made.stop()
        text = log.read_text()
    took = sorted(clerk.took)
    print(
        f"{seconds} s on {os.cpu_count()} processors: {len(took)} pages and forms, half of them within "
        f"{took[len(took) // 2]:.2f} s, the slowest {took[-1]:.2f} s; {commands} full cycles from the command line "
        f"beside the cluster's, {len(box.tradegecko.orders)} orders sent"
    )
    print(f"database is locked: {text.count('database is locked')}; answers with 5xx: {len(clerk.failed)}")


def _until_served() -> None:
    for _ in range(600):
        try:
            requests.get(f"http://127.0.0.1:{PORT}/healthz", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the web process does not answer")


if __name__ == "__main__":
    main()
