"""Several clusters on one database: each order once, each parcel once, and how long it takes.

createdb bench && python -m bench.clusters --database postgres://postgres@127.0.0.1/bench --orders 10000 --clusters 3
… --redis redis://127.0.0.1:6379/5
"""

from __future__ import annotations

import json
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from bench.installation import Measured
from integrations import shutdown
from integrations.sandbox.server import Sandbox

LOOK_EVERY_SECONDS = 10.0  # each look starts a process, which takes seconds from what it measures
COUNT = """
import json
from django.db.models import Count, Max
from django.utils import timezone
from integrations.dispatch import dispatch
from integrations.models import JobPlan, SyncRun
from orders.models import Order, WarehouseSubmission
JobPlan.objects.filter(every_minutes__lte=10).update(next_run_at=timezone.now())
dispatch()
print(json.dumps({
    "orders": dict(Order.objects.order_by().values_list("status").annotate(Count("pk"))),
    "runs": dict(SyncRun.objects.order_by().values_list("status").annotate(Count("pk"))),
    "attempts": WarehouseSubmission.objects.aggregate(most=Max("attempts"))["most"],
    "problems": list(SyncRun.objects.exclude(error="").values_list("error", flat=True)[:3]),
}))
"""


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--redis", default="")
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--clusters", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=60, help="give up after so long")
    with shutdown.by_sigterm():  # the clusters must not outlive it
        measure(parser.parse_args())


def measure(args: Namespace) -> None:
    with Sandbox() as box, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        box.tradegecko.limit = 10**6
        box.tradegecko.set_stock("MUG-BLK", args.orders * 2)
        numbers = [box.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(args.orders)]
        made = Measured(box, log, DATABASE_URL=args.database, REDIS_URL=args.redis)
        try:
            started = time.perf_counter()
            for _ in range(args.clusters):
                made.start("qcluster")
            sent = wait_until(made, "submitted", args)
            print(f"{args.orders} orders sent by {args.clusters} clusters: {sent - started:.0f} s")
            for order in list(box.tradegecko.living()):
                box.tradegecko.ship(order["id"], tracking=f"1Z{order['id']}")
            shipped = time.perf_counter()
            told = wait_until(made, "confirmed", args)
            print(f"their parcels told: {told - shipped:.0f} s")
        finally:
            stopping = time.perf_counter()
            made.stop()
            print(f"clusters stopped: {time.perf_counter() - stopping:.1f} s")
        judge(box, numbers, log.read_text())


def wait_until(made: Measured, status: str, args: Namespace) -> float:
    """When all orders had this status. The frequent jobs are due all the time, as with a scheduler of seconds."""
    deadline = time.perf_counter() + args.minutes * 60
    while True:
        found = json.loads(made.ask(COUNT))
        print(f"  {found['orders']} runs {found['runs']} attempts ≤ {found['attempts']}", flush=True)
        if found["orders"].get(status) == args.orders:
            return time.perf_counter()
        if time.perf_counter() > deadline:
            raise SystemExit(f"not {status} after {args.minutes} minutes; {found['problems']}")
        time.sleep(LOOK_EVERY_SECONDS)


def judge(box: Sandbox, numbers: list[str], log: str) -> None:
    """Say whether each order and each parcel is there once, and what the processes complained of."""
    orders = Counter(len(box.tradegecko.by_reference(number)) for number in numbers)
    parcels = Counter(len(box.oasis.shipments(number)) for number in numbers)
    print(f"orders by how often they are in the warehouse: {dict(orders)}; by parcels told: {dict(parcels)}")
    bad = ("deadlock", "database is locked", "Traceback")
    print("in the log: " + ", ".join(f"{word} {log.count(word)}" for word in bad))


if __name__ == "__main__":
    main()
