"""One measurement of bench.quantities, in a process of its own: python -m bench.quantities_child WHAT LISTINGS."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Exists, F, OuterRef, Subquery  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.aliases import MEGABYTE  # noqa: E402
from bench.quantities import CHANGED  # noqa: E402
from integrations.models import Connection, Route, SyncRun  # noqa: E402
from integrations.runs import Run  # noqa: E402
from integrations.stock import LevelPage, StockLevel  # noqa: E402
from inventory import changed, levels, publishing, sending  # noqa: E402
from inventory.bundled import BundleComponent  # noqa: E402
from inventory.models import (  # noqa: E402
    InventoryLevel,
    Listing,
    Publication,
    SkuAlias,
    StockReading,
    WarehouseItem,
)
from orders import demand  # noqa: E402

PAGE, AT_ONCE = 250, 1_000


def prepare(number: int) -> None:
    """Aliases, items and listings of a route with two locations; a tenth packs of three, a twentieth kits, bundles."""
    call_command("migrate", verbosity=0)
    market = Connection.objects.create(name="Market", provider="supplier_oasis", username="bench")
    store = Connection.objects.create(name="Store", provider="tradegecko")
    route = Route.objects.create(
        name="Bench", state="live", marketplace=market, marketplace_warehouse_name="DC", warehouse=store,
        location_name="Main", location_id="1", counted_locations="East", counted_location_ids={"East": "2"}, reserve=1,
    )  # fmt: skip
    now, places = timezone.now(), range(number)
    _fill(WarehouseItem(connection=store, sku=f"V{place}", matches=1, remote_id=str(1000 + place), checked_at=now)
          for place in places)  # fmt: skip
    _fill(SkuAlias(connection=market, marketplace_sku=f"M{place}", warehouse_sku=f"V{place}",
                   units=3 if place % 10 == 0 else 1) for place in places)  # fmt: skip
    _fill(Listing(route=route, marketplace_sku=f"M{place}") for place in places)
    _make_up(market, store, number)
    StockReading.objects.create(connection=store, began_at=now, ended_at=now, items=number)
    _a_while_ago()


def _make_up(market: Connection, store: Connection, number: int) -> None:
    """One listing in forty is a kit of two items, and one a bundle of the warehouse, of three units of two others."""
    kits, bundles = range(1, number - 2, 40), range(21, number - 2, 40)
    _fill(SkuAlias(connection=market, marketplace_sku=f"M{place}", warehouse_sku=f"V{place + 1}", units=2)
          for place in kits)  # fmt: skip
    _fill(BundleComponent(connection=store, bundle_id=str(1000 + place), item_id=str(1000 + place + part),
                          sku=f"V{place + part}", units=part) for place in bundles for part in (1, 2))  # fmt: skip


def yardstick(number: int) -> None:
    """The numbers without a reason, and the same rows inserted without a thought."""
    numbers = [max(min(40 + place % 7 - 1, 50), 0) for place in range(number)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (id bigint PRIMARY KEY, sku varchar(120), quantity integer)")
        rows = [(place, f"M{place}", quantity) for place, quantity in enumerate(numbers)]
        cursor.executemany("INSERT INTO bare VALUES (%s, %s, %s)", rows)
        cursor.execute("DROP TABLE bare")


def sweep(number: int) -> None:
    store, at = Connection.objects.get(name="Store"), timezone.now()
    for start in range(0, number, PAGE):
        ids = [str(1000 + place) for place in range(start, min(start + PAGE, number))]
        page = LevelPage(tuple(ids), tuple(_levels(ids)), at)
        levels.store(store, page, ["1", "2"], levels.known_items(store, page))


def _levels(ids: list[str]) -> Iterator[StockLevel]:
    for item in ids:
        for place in ("1", "2"):
            yield StockLevel(item, place, Decimal(20 + int(item) % 7), Decimal(2), Decimal(18 + int(item) % 7))


def decide(_number: int) -> None:
    """As the job does it, but for the marketplace's answers."""
    market = Connection.objects.get(name="Market")
    run = Run(SyncRun.objects.create(connection=market, job="publish_inventory"), market)
    try:
        publishing.publish(run, list(Route.objects.select_related("marketplace", "warehouse")), demand.pending)
    finally:
        SyncRun.objects.filter(pk=run.record.pk).update(status="succeeded", finished_at=timezone.now())


def take_all() -> None:
    """The marketplace took everything."""
    mine = Publication.objects.filter(listing=OuterRef("pk"), status="pending").order_by("-pk")
    Listing.objects.filter(Exists(mine)).update(
        published_sku=Subquery(mine.values("sku")[:1]), published_quantity=Subquery(mine.values("quantity")[:1]),
        explanation=Subquery(mine.values("explanation")[:1]), published_at=timezone.now(),
    )  # fmt: skip
    Publication.objects.filter(status="pending").update(status="accepted", finished_at=timezone.now())


def change_some() -> None:
    some = [str(1000 + place) for place in range(1, 1 + CHANGED * 7, 7)]
    mine = InventoryLevel.objects.filter(item_id__in=some, location_id="1")
    mine.update(available=F("available") - 1, changed_at=timezone.now(), observed_at=timezone.now())


def _a_while_ago() -> None:
    """What was changed so far is a minute old: what is younger is decided again, in case it was not committed yet."""
    then = timezone.now() - timedelta(minutes=1)
    for model in (SkuAlias, WarehouseItem, Listing, InventoryLevel):
        model._default_manager.filter(changed_at__gt=then).update(changed_at=then)


def _fill(rows: Iterator[Any]) -> None:
    made = list(rows)
    type(made[0])._default_manager.bulk_create(made, batch_size=AT_ONCE)


def measured(work: Callable[[int], None], number: int) -> dict[str, float]:
    queries, before = [0], Publication.objects.count()

    def counted(execute: Any, *args: Any) -> Any:
        queries[0] += 1
        return execute(*args)

    with connection.execute_wrapper(counted):
        started = time.process_time()
        work(number)
        cpu = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    return {"cpu": cpu, "queries": queries[0], "written": Publication.objects.count() - before, "peak": peak}


def main(what: str, number: int) -> dict[str, float]:
    sending.send = lambda *_: None
    if what == "prepare":
        prepare(number)
        return {}
    if what == "nothing":
        take_all()
        _a_while_ago()
        decide(number)  # so that what the answers changed is known
    if what == "some":
        change_some()
    if what == "whole":
        take_all()
        changed.SMALL = number
    work = {"yardstick": yardstick, "sweep": sweep, "sweep_again": sweep}.get(what, decide)
    return measured(work, number)


if __name__ == "__main__":
    settings.DEBUG = False  # else every query is kept
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
