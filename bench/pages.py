"""Every page that staff have open, with 100,000 orders: its queries and the milliseconds of processor time of each.

python -m bench.pages [--orders 100000] [--keep FILE | --database postgres://…] [--only PART]

On SQLite, in a file of its own; or in that database, a PostgreSQL on this machine, which is filled if it is empty: its
processor time comes second. Signing in (session, user, permissions, second factor) is not counted.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ORDERS, MOST_QUERIES, MOST_MS = 100_000, 12, 300
OF_SIGN_IN = ("django_session", "auth_user", "auth_permission", "integrations_authenticatorapp")
START = ("", "start/wrong/", "start/figures/", "start/stock/", "start/jobs/")
WORKLISTS = (
    "refused", "unknown", "cancellations", "changes", "carriers", "late", "holds", "guarded", "connections",
)  # fmt: skip
ORDER_LIST = (
    "", "?p=900", "?o=1", "?o=-3.7", "?list=held", "?list=refused", "?list=unconfirmed", "?status__exact=confirmed",
    "?status__exact=submitted", "?status__exact=on_hold", "?route__id__exact=1", "?connection__id__exact=1",
    "?held=unknown_sku", "?owner=nobody", "?is_freight__exact=0", "?submission__is_test__exact=0",
    "?route__state__exact=live", "?ship=late", "?ordered_at__year=2026",
)  # fmt: skip
SEARCHES = (
    "4000", "4000050000", "SKU-7", "SKU-1234", "Ann", "Ann Vale", "Vale", "84047", "840", "1Z1", "1Z50000", "SO1",
)  # fmt: skip
OTHERS = (
    "orders/hold/needs-mapping/", "orders/order/99901/change/", "orders/order/400/change/",
    "orders/order/400/change/?_worklist=unknown%3F", "orders/order/50000/change/?_changelist_filters=p%3D1&_at=3",
    "orders/hold/", "orders/hold/?state=all", "orders/hold/?q=SKU-7", "orders/warehousesubmission/",
    "orders/warehousesubmission/?status__exact=parked", "orders/warehousesubmission/?q=4000050000",
    "orders/shipment/", "orders/shipment/?q=1Z50000", "orders/shipmentconfirmation/",
    "orders/shipmentconfirmation/?q=4000050000", "orders/shortship/", "orders/warehousechange/",
    "integrations/syncrun/", "integrations/syncrun/20000/change/", "integrations/syncrun/?q=order",
    "integrations/exchange/", "integrations/exchange/?q=4000050000", "integrations/exchange/50000/change/",
    "inventory/listing/", "inventory/listing/?q=SKU-1234", "inventory/listing/1234/change/", "inventory/skualias/",
    "inventory/skualias/?q=SKU-1234", "inventory/publication/", "inventory/publication/?q=SKU-1234",
    "inventory/inventorylevel/", "inventory/inventorylevel/?q=SKU-1234", "inventory/warehouseitem/",
    "inventory/warehouseitem/?q=SKU-1234",
)  # fmt: skip
FILTERED = {
    "orders/warehousesubmission": (
        "p=900", "status__exact=accepted", "connection__id__exact=2", "is_test__exact=0", "is_test__exact=1", "q=Ann",
        "q=such company",
    ),
    "orders/shipmentconfirmation": (
        "p=900", "status__exact=accepted", "status__exact=parked", "connection__id__exact=1", "q=Ann",
    ),
    "orders/shipment": (
        "p=900", "state__exact=shipped", "tracked=no", "connection__id__exact=2", "order__route__id__exact=1",
        "shipped_at__year=2026", "q=Ann", "q=1Z1",
    ),
    "orders/hold": ("kind__exact=unknown_sku", "order__route__id__exact=1"),
    "integrations/exchange": (
        "p=900", "answer=ok", "answer=failed", "connection__id__exact=1", "method=GET", "method=POST", "q=order",
    ),
    "integrations/syncrun": (
        "p=300", "status__exact=succeeded", "status__exact=failed", "job=pull_orders", "connection__id__exact=1",
    ),
    "inventory/listing": ("p=300", "route__id__exact=1", "is_active__exact=1", "state=refused", "q=SKU-1"),
    "inventory/publication": (
        "p=900", "status__exact=accepted", "status__exact=parked", "listing__route__id__exact=1", "q=SKU-1",
    ),
    "inventory/skualias": ("connection__id__exact=1", "is_active__exact=1"),
    "inventory/inventorylevel": ("connection__id__exact=2", "location=1"),
    "inventory/warehouseitem": ("connection__id__exact=2", "matches__exact=1"),
}  # fmt: skip
PAGES = (
    *START, *(f"worklists/{one}/" for one in WORKLISTS), *(f"orders/order/{one}" for one in ORDER_LIST),
    *(f"orders/order/{page}?q={one}" for one in SEARCHES for page in ("find/", "")), *OTHERS,
    *(f"{of}/?{one}" for of, several in FILTERED.items() for one in several),
)  # fmt: skip


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--keep", help="a file to make, or to measure again")
    parser.add_argument("--database", help="measure there instead, in a database for this alone")
    parser.add_argument("--only", default="", help="pages whose address has this in it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"sqlite:///{Path(given.keep or f'{folder}/pages.sqlite3').resolve()}"
        values = {"DEBUG": "1", "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "config.settings"}
        os.environ.update(values)
        run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True, env=os.environ)
        measure(given.orders, given.only)


def measure(orders: int, only: str) -> None:
    """Make so many orders first, where there are none."""
    import django

    django.setup()
    from bench import pages_rows
    from orders.models import Order

    if not Order.objects.exists():
        pages_rows.make(orders)
    client = _signed_in()
    for address in (f"/admin/{page}" for page in PAGES if only in page):
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


def _asked(client: Any, address: str) -> tuple[int, float, float, int]:
    """Queries of the page's own, milliseconds of processor time here and of PostgreSQL, and the size of the answer."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    of_database = _processor_time_of_database()
    with CaptureQueriesContext(connection) as asked:
        started, there = time.process_time(), of_database()  # what else the machine does is not the page's
        answer = client.get(address)
        taken, there = time.process_time() - started, of_database() - there
    if answer.status_code not in (200, 302):  # one order that is found opens at once
        raise RuntimeError(f"{address} answered {answer.status_code}")
    own = [one["sql"] for one in asked if not any(table in one["sql"] for table in OF_SIGN_IN)]
    if os.environ.get("BENCH_QUERIES"):
        for one in asked:
            print(f"    {one['time']} s  {one['sql'][: int(os.environ['BENCH_QUERIES'])]}")
    return len(own), taken * 1000, there * 1000, len(answer.content)


def _processor_time_of_database() -> Callable[[], float]:
    """In seconds, of our session at a PostgreSQL on this machine (Linux); 0 for SQLite, which works in our process."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return lambda: 0
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # others' time is not counted
        cursor.execute("SELECT pg_backend_pid()")
        told = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return lambda: int(told.read_text().split()[0]) / 1e9


def _tell(address: str, queries: int, taken: float, there: float, size: int) -> None:
    over = " OVER" if queries > MOST_QUERIES or taken + there > MOST_MS else ""
    print(f"{address:68} {queries:3} queries {taken:6.0f} ms + {there:5.0f} ms {size / 1000:6.0f} kB{over}", flush=True)


if __name__ == "__main__":
    main()
