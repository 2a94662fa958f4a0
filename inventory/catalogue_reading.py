"""The catalogue as a whole, page by page, with the listings that come of it: for routes that publish every SKU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from integrations.errors import Refused, Unreadable
from integrations.models import Connection, Route
from integrations.ports import Warehouse
from integrations.runs import Run
from integrations.stock import ItemPage
from inventory import catalogue, listings
from inventory.catalogued import CatalogueReading
from inventory.models import StockReading, WarehouseItem

GOES_ON_FOR = timedelta(hours=6)  # then its first pages are too old, and it starts anew
LONGEST_SKU = 120
SHARE_OF_A_TURN = 0.5


def learn(run: Run, warehouse: Warehouse, routes: Sequence[Route]) -> None:
    """Once per sweep of the stock; what the call limit or the run's turn ends goes on at the same page next time."""
    wanting = [route for route in routes if route.publish_catalogue]
    if not wanting:
        return
    reading = _due(run.connection)
    if reading is None:
        return
    try:
        if not _read(run, warehouse, reading):
            return
    except (Refused, Unreadable) as exc:
        reading.delete()
        run.problem(f"the catalogue was not read to its end, and is read anew with the next run: {exc}")
        return
    # Only now: a SKU that is there twice may be on two pages.
    for route in wanting:
        run.count("listings of the catalogue", listings.learn_from_catalogue(route, reading.began_at))
    reading.ended_at = timezone.now()
    reading.save(update_fields=["ended_at"])


def _due(connection: Connection) -> CatalogueReading | None:
    """The reading to go on with, or a new one; None while the stock was not swept since the last one."""
    now = timezone.now()
    last = CatalogueReading.objects.filter(connection=connection).first()
    if last and last.ended_at is None and last.began_at > now - GOES_ON_FOR:
        return last
    if last and last.ended_at and last.ended_at <= now:
        swept = StockReading.objects.filter(connection=connection, began_at__gt=last.ended_at)
        if not swept.exists():
            return None
    values = {"began_at": now, "next_page": 1, "ended_at": None}
    return CatalogueReading.objects.update_or_create(connection=connection, defaults=values)[0]


def _read(run: Run, warehouse: Warehouse, reading: CatalogueReading) -> bool:
    """Whether it came to its end. The stock is swept in another run where this takes long."""
    for page in warehouse.catalogue(first_page=reading.next_page):
        run.beat()
        _keep(run.connection, warehouse, page)
        run.count("items of the catalogue", len(page.items))
        reading.next_page += 1
        reading.save(update_fields=["next_page"])
        if run.is_past(SHARE_OF_A_TURN):
            run.hand_over()
            return False
    return True


def _keep(connection: Connection, warehouse: Warehouse, page: ItemPage) -> None:
    """A page is believed of a SKU that it has once, and of which no other answer is known.

    Any other SKU is asked for by itself, since another page may have it too, and so is one that its item does not go by
    any more: it is not to be sold under both.
    """
    renamed = catalogue.named_otherwise(connection, page)
    carried = [item for item in page.items if 0 < len(item.sku) <= LONGEST_SKU]
    spoilt = {sku for sku in page.spoilt if 0 < len(sku) <= LONGEST_SKU}
    times = Counter(item.sku for item in carried)
    rows = WarehouseItem.objects.filter(connection=connection, sku__in=times.keys() | spoilt)
    known = {sku: answer for sku, *answer in rows.values_list("sku", "matches", "remote_id")}
    plain = [
        item for item in carried
        if times[item.sku] == 1 and item.sku not in spoilt and known.get(item.sku) in (None, [1, item.remote_id])
    ]  # fmt: skip
    catalogue.remember(connection, [item.sku for item in plain], plain)
    others = renamed | ((times.keys() | spoilt) - {item.sku for item in plain})
    catalogue.doubt(connection, [sku for sku in others if sku in renamed or known.get(sku, [0])[0] == 1])
    catalogue.learn(connection, warehouse, others)
