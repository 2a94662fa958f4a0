"""Read the warehouse's stock for the items that our listings need. Older news never overwrites newer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations import places
from integrations.errors import IntegrationError, Misconfigured, Refused, Unavailable
from integrations.models import Connection, Route
from integrations.ports import Location, Warehouse
from integrations.runs import Run
from integrations.stock import LevelPage
from inventory import bundle_reading, catalogue, catalogue_reading, listings, readings
from inventory.aliases import Resolver
from inventory.filed import InventoryFile
from inventory.item_changes import ItemChanges
from inventory.models import InventoryLevel, StockSweep, WarehouseItem

Figures = tuple[Decimal, Decimal, Decimal]
FIGURES = ["on_hand", "committed", "available", "observed_at", "changed_at"]
ROWS_AT_ONCE, ITEMS_PER_QUERY = 2_000, 5_000
ASKED_AGAIN_AFTER = timedelta(hours=1)
MOST_NAMED = 5  # items, in a problem of a run


def pull(run: Run) -> None:
    """Sweep the stock and store what concerns us; then the marketplaces it feeds have something to publish."""
    routes = list(routes_to(run.connection))
    if not routes:
        return
    warehouse = run.warehouse()
    for marketplace in {route.marketplace for route in routes}:
        listings.learn_from_aliases(marketplace)
    catalogue_reading.learn(run, warehouse, routes)
    if run.is_handed_over:
        return
    changes = None if any(route.publish_catalogue for route in routes) else ItemChanges(run, warehouse)
    if changes:
        changes.begin()
    _read(run, warehouse, routes)
    for route in routes:
        run.wake("publish_inventory", route.marketplace_id)
        if InventoryFile.objects.filter(route=route, state=InventoryFile.State.WAITING).exists():
            run.wake("write_inventory_files", route.marketplace_id)
    if changes:
        changes.end()


def _read(run: Run, warehouse: Warehouse, routes: Sequence[Route]) -> None:
    for route in routes:
        _learn_items(run.connection, warehouse, route)
    bundle_reading.learn(run, warehouse)
    locations = _locations(run, routes, warehouse)
    if locations and WarehouseItem.objects.filter(connection=run.connection, matches=1).exists():
        _sweep(run, warehouse, locations)
        tell_age(run, locations)


def routes_to(warehouse: Connection) -> QuerySet[Route]:
    """Those that its stock is read for."""
    return Route.objects.filter(warehouse=warehouse).exclude(state=Route.State.PAUSED).select_related("marketplace")


def tell_age(run: Run, places: Collection[str]) -> None:
    """How old the oldest figure is that a quantity may rest on."""
    oldest = readings.oldest_figure(run.connection, places)
    if oldest is not None:
        age = max(timezone.now() - oldest, timedelta(0))
        run.note(f"the oldest figure in use is {int(age.total_seconds() // 60)} min old")


def _sweep(run: Run, warehouse: Warehouse, locations: Sequence[str]) -> None:
    """Read page after page. What the call limit or the network breaks off goes on at the same page next time."""
    now = timezone.now()
    sweep = readings.to_go_on_with(run.connection)
    if sweep is None:
        values = {"next_page": 1, "started_at": now, "items": 0, "options": run.connection.options}
        sweep, _ = StockSweep.objects.update_or_create(connection=run.connection, defaults=values)
    try:
        for page in warehouse.levels(first_page=sweep.next_page):
            run.beat()
            known = known_items(run.connection, page)
            run.count("levels", store(run.connection, page, locations, known))
            sweep.next_page, sweep.items = sweep.next_page + 1, sweep.items + len(known)
            sweep.save(update_fields=["next_page", "items"])
    except Unavailable:
        raise
    except IntegrationError as exc:
        _give_up(sweep, exc)
        raise
    since = sweep.started_at
    missing = readings.missing_since(run.connection, locations, since) if _end(run, sweep, locations) else []
    if missing:
        ask_for_missing(run, warehouse, missing, locations)
        _read_absent(run, warehouse, readings.not_counted_since(run.connection, locations, since), locations)


def ask_for_missing(run: Run, warehouse: Warehouse, items: Collection[str], places: Sequence[str]) -> None:
    """Items that did not come with the stock may be archived or merged: ask what their SKUs are now.

    At once where the stock came since they were asked for last, else once an hour.
    """
    came = InventoryLevel.objects.filter(
        connection=run.connection, item_id=OuterRef("remote_id"), observed_at__gte=OuterRef("checked_at")
    )
    known = WarehouseItem.objects.filter(
        Exists(came) | Q(checked_at__lt=timezone.now() - ASKED_AGAIN_AFTER),
        connection=run.connection, matches=1, stock_managed=True,
    )  # fmt: skip
    gone = sorted(items)
    for start in range(0, len(gone), ITEMS_PER_QUERY):
        skus = set(known.filter(remote_id__in=gone[start : start + ITEMS_PER_QUERY]).values_list("sku", flat=True))
        if skus:
            run.count("items asked for, since their stock did not come", len(skus))
            catalogue.doubt(run.connection, skus)
            catalogue.learn(run.connection, warehouse, skus)
            _read_replaced(run, warehouse, skus, places)


def _read_replaced(run: Run, warehouse: Warehouse, skus: Collection[str], places: Sequence[str]) -> None:
    """An item that took over the SKU of one that is gone has no figure yet, and what is shown is the other's."""
    figures = InventoryLevel.objects.filter(connection=run.connection, item_id=OuterRef("remote_id"))
    fresh = WarehouseItem.objects.filter(
        ~Exists(figures), connection=run.connection, sku__in=skus, matches=1, stock_managed=True
    )
    for page in warehouse.levels_of(list(fresh.values_list("remote_id", flat=True))):
        run.count("levels", store(run.connection, page, places, known_items(run.connection, page)))


def _read_absent(run: Run, warehouse: Warehouse, items: Mapping[str, str], places: Sequence[str]) -> None:
    """Of items (SKUs by id) that a reading left out though their SKUs are there: ask for them by name.

    One that does not come then either keeps its figure, and once an hour a reading says that it is an old one.
    """
    absent = dict(items)
    for page in warehouse.levels_of(list(items)):
        run.count("levels", store(run.connection, page, places, known_items(run.connection, page)))
        for item in page.item_ids:
            absent.pop(item, None)
    if absent:
        run.problem(_not_come(sorted(absent.values())))


def _not_come(skus: Sequence[str]) -> str:
    more = f" and {len(skus) - MOST_NAMED} more" if len(skus) > MOST_NAMED else ""
    return (
        f"the stock of {', '.join(skus[:MOST_NAMED])}{more} did not come, though asked for by name: what is shown of "
        "it rests on an old figure. Look at it in the warehouse; a rule with fixed quantity 0 takes it off sale"
    )


@transaction.atomic
def _end(run: Run, sweep: StockSweep, locations: Sequence[str]) -> bool:
    """Whether the reading was complete."""
    missing = readings.close(sweep, locations)
    if missing:
        run.problem(
            f"{missing}; the figures of the others stay as they were, and changes are guarded until it is whole"
        )
    sweep.delete()
    return not missing


@transaction.atomic
def _give_up(sweep: StockSweep, exc: IntegrationError) -> None:
    """The next one starts anew. Credentials that are refused say nothing of the figures."""
    if sweep.next_page > 1 and not isinstance(exc, Misconfigured):
        readings.note_partial(sweep.connection, str(exc))
    sweep.delete()


def known_items(connection: Connection, page: LevelPage) -> set[str]:
    """Of the items on a page, those that concern us."""
    items = WarehouseItem.objects.filter(connection=connection, matches=1, remote_id__in=page.item_ids)
    return set(items.values_list("remote_id", flat=True))


def store(connection: Connection, page: LevelPage, locations: Sequence[str], known: Collection[str]) -> int:
    """Keep a page's figures of known items; a mapped location that an item does not list holds none of it."""
    figures: dict[tuple[str, str], Figures] = {
        (item, place): (Decimal(0), Decimal(0), Decimal(0)) for item in known for place in locations
    }
    for level in page.levels:
        if level.item_id in known:
            figures[level.item_id, level.location_id] = (level.on_hand, level.committed, level.available)
    in_turn = dict(sorted(figures.items()))  # the same for all, so that no two jobs wait for each other
    try:
        return _upsert(connection, in_turn, page.observed_at)
    except IntegrityError:  # another job met the same new items at this moment: they are known by now
        return _upsert(connection, in_turn, page.observed_at)


@transaction.atomic
def _upsert(connection: Connection, figures: dict[tuple[str, str], Figures], observed_at: datetime) -> int:
    """Most figures are the same as before: only when they were seen is written then, with one query."""
    rows = InventoryLevel.objects.select_for_update().filter(
        connection=connection, item_id__in={item for item, _ in figures}
    )
    columns = rows.values_list("item_id", "location_id", "pk", "observed_at", *FIGURES[:3])
    existing = {(item, place): (pk, at, tuple(known)) for item, place, pk, at, *known in columns}
    same, others, fresh, now = [], [], [], timezone.now()
    for key, seen in figures.items():
        if key not in existing:
            fresh.append(_row(connection, key, seen, observed_at, now))
            continue
        pk, before, known = existing[key]
        if before >= observed_at and before <= now:  # later than now it was seen by a clock that was set ahead
            continue
        if known == seen:
            same.append(pk)
        else:
            others.append(_row(connection, key, seen, observed_at, now, pk))
    InventoryLevel.objects.bulk_create(fresh, batch_size=500)
    InventoryLevel.objects.bulk_update(others, FIGURES, batch_size=200)
    InventoryLevel.objects.filter(pk__in=same).update(observed_at=observed_at)
    return len(fresh) + len(others) + len(same)


def _row(
    connection: Connection, key: tuple[str, str], figures: Figures, observed_at: datetime, now: datetime,
    pk: int | None = None,
) -> InventoryLevel:  # fmt: skip
    return InventoryLevel(
        pk=pk, connection=connection, item_id=key[0], location_id=key[1], observed_at=observed_at, changed_at=now,
        on_hand=figures[0], committed=figures[1], available=figures[2],
    )  # fmt: skip


def _learn_items(connection: Connection, warehouse: Warehouse, route: Route) -> None:
    rows = route.listings.filter(is_active=True).defer("explanation").order_by("pk").iterator(ROWS_AT_ONCE)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        resolver = Resolver(route, [listings.wanted(one) for one in some])
        catalogue.learn(connection, warehouse, resolver.warehouse_skus())


def _locations(run: Run, routes: Sequence[Route], warehouse: Warehouse) -> list[str]:
    """The ids of all locations that count for a route; what is wrong with one is told."""
    found: dict[str, None] = {}
    known: Sequence[Location] | None = None
    for route in routes:
        try:
            places.location_id(route, warehouse)
        except Refused as exc:
            run.problem(str(exc))
            continue
        if route.counted_names:
            known = warehouse.locations() if known is None else known
            for problem in places.learn_counted(route, known):
                run.problem(problem)
        found.update(dict.fromkeys(route.places))
    return list(found)
