"""The start page, the worklists and the lists with 100,000 orders: queries and milliseconds of processor time of each.

python -m bench.pages [--orders 100000] [--keep FILE]

On SQLite, in a file of its own. Signing in (session, user, permissions, second factor) is not counted.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from subprocess import run
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ORDERS, MOST_QUERIES, MOST_MS = 100_000, 12, 300
OF_SIGN_IN = ("django_session", "auth_user", "auth_permission", "integrations_authenticatorapp")
PAGES = (
    "/admin/", "/admin/start/wrong/", "/admin/start/figures/", "/admin/start/stock/", "/admin/start/jobs/",
    "/admin/worklists/refused/", "/admin/worklists/unknown/", "/admin/worklists/cancellations/",
    "/admin/worklists/changes/", "/admin/worklists/carriers/", "/admin/worklists/late/", "/admin/worklists/holds/",
    "/admin/worklists/guarded/", "/admin/worklists/connections/", "/admin/orders/hold/needs-mapping/",
    "/admin/integrations/syncrun/", "/admin/integrations/exchange/", "/admin/orders/order/",
    "/admin/orders/order/?q=4000", "/admin/orders/find/?q=4000", "/admin/orders/order/99901/change/",
    "/admin/orders/order/400/change/", "/admin/orders/shipment/", "/admin/orders/warehousesubmission/",
    "/admin/orders/hold/",
)  # fmt: skip


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--keep", help="a file to make, or to measure again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(given.keep or f"{folder}/pages.sqlite3").resolve()
        is_new = not file.exists()
        values = {"DEBUG": "1", "DATABASE_URL": f"sqlite:///{file}", "DJANGO_SETTINGS_MODULE": "config.settings"}
        os.environ.update(values)
        if is_new:
            run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True, env=os.environ)
        measure(given.orders if is_new else 0)


def measure(orders: int) -> None:
    """Make so many orders first; 0: there are some."""
    import django

    django.setup()
    if orders:
        from bench import pages_rows

        pages_rows.make(orders)
    client = _signed_in()
    for address in PAGES:
        client.get(address)  # templates are read once
        _tell(address, *_asked(client, address))


def _signed_in() -> Any:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    client = Client()
    client.force_login(User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)[0])
    return client


def _asked(client: Any, address: str) -> tuple[int, float, int]:
    """Queries of the page's own, milliseconds of processor time, and the size of the answer."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        started = time.process_time()  # what else the machine does is not the page's
        answer = client.get(address)
        taken = (time.process_time() - started) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")
    own = [one["sql"] for one in asked if not any(table in one["sql"] for table in OF_SIGN_IN)]
    if os.environ.get("BENCH_QUERIES"):
        for one in asked:
            print(f"    {one['time']} s  {one['sql'][:220]}")
    return len(own), taken, len(answer.content)


def _tell(address: str, queries: int, taken: float, size: int) -> None:
    over = " OVER" if queries > MOST_QUERIES or taken > MOST_MS else ""
    print(f"{address:45} {queries:3} queries {taken:6.0f} ms {size / 1000:6.0f} kB{over}", flush=True)


if __name__ == "__main__":
    main()
