"""Between two sweeps: read again the stock of what matters now, which is what orders wait for, changed or runs low."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.db.models import Min
from django.utils import timezone

from integrations.budget import RESERVED, calls_left
from integrations.models import Connection, Route
from integrations.ports import Warehouse
from integrations.runs import Run
from inventory import bundles, catalogue, levels, listings
from inventory.aliases import Resolver
from inventory.models import InventoryLevel, Listing, StockReading, StockSweep
from inventory.read_plan import Means, ReadPlan, plan

# (warehouse) → ids of the items in orders that its figures do not know yet
OnTheirWay = Callable[[Connection], Collection[str]]
FRESH_FOR, LOW_FRESH_FOR = timedelta(minutes=1), timedelta(minutes=5)
CHANGED_LATELY = timedelta(hours=1)
LOW = 5  # units shown: the next order may sell what is not there
MOST_OF_A_KIND, ITEMS_PER_QUERY = 1_000, 5_000


def refresh(run: Run, on_their_way: OnTheirWay) -> None:
    """Read what matters and is not fresh, as far as calls are left; then have it published.

    It says nothing of the stock as a whole: how old that is goes by the last complete sweep.
    """
    routes = [route for route in levels.routes_to(run.connection) if route.location_id]
    if not routes:
        return
    warehouse = run.warehouse()
    places = {place for route in routes for place in route.places}
    todo = _plan(run, warehouse, routes, on_their_way, places)
    if todo.by_sweep:
        _ask_for_sweep(run)
    elif todo.items:
        _read(run, warehouse, todo, places)
        for route in routes:
            run.wake("publish_inventory", route.marketplace_id)
    run.count("items left until calls are left for them", todo.left_out)
    levels.tell_age(run, places)


def _plan(
    run: Run, warehouse: Warehouse, routes: Collection[Route], on_their_way: OnTheirWay, places: Collection[str]
) -> ReadPlan:
    """The most urgent first: what orders wait for, what changed, what runs low."""
    now = timezone.now()
    wanted = dict.fromkeys(sorted(on_their_way(run.connection)), now - FRESH_FOR)
    for route in routes:
        for item, since in (*_changed(run, warehouse, route, now), *_low(route, now)):
            wanted[item] = max(since, wanted.get(item, since))
    seen = _seen(run.connection, places, wanted)
    old = [item for item, since in wanted.items() if item not in seen or seen[item] < since]
    last = StockReading.objects.filter(connection=run.connection).first()
    left = calls_left(run.connection, reserved=RESERVED["refresh_levels"])
    return plan(old, Means(last.calls if last else 0, warehouse.item_batch_size, left))


def _ask_for_sweep(run: Run) -> None:
    """Unless one is under way already."""
    if not StockSweep.objects.filter(connection=run.connection).exists():
        run.note("a whole sweep takes no more calls and was asked for")
        run.wake("pull_levels", run.connection.pk)


def _read(run: Run, warehouse: Warehouse, todo: ReadPlan, places: Collection[str]) -> None:
    missing = set(todo.items)
    for page in warehouse.levels_of(todo.items):
        run.beat()
        known = levels.known_items(run.connection, page)
        run.count("levels", levels.store(run.connection, page, sorted(places), known))
        missing.difference_update(page.item_ids)
    levels.ask_for_missing(run, warehouse, missing, sorted(places))


def _changed(run: Run, warehouse: Warehouse, route: Route, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Items of listings that are new or changed, or their aliases or rules, and when; unknown SKUs are asked for."""
    names = listings.changed_since(route, now - CHANGED_LATELY, MOST_OF_A_KIND)
    rows = listings.called(route, names)
    skus = Resolver(route, [listings.wanted(row) for row in rows]).warehouse_skus()
    catalogue.learn(run.connection, warehouse, skus)
    for row, items in _items(route, rows):
        at = max(names.get(name, row.changed_at) for name in (row.marketplace_sku, row.partner_sku, row.option_sku))
        yield from ((item, at) for item in items)


def _low(route: Route, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Items of listings of which little is shown; then of those that show none, which may be there again."""
    mine = route.listings.filter(is_active=True, published_quantity__lte=LOW).defer("explanation")
    few = list(mine.filter(published_quantity__gt=0).order_by("published_quantity", "pk")[:MOST_OF_A_KIND])
    none = list(mine.filter(published_quantity=0).order_by("-published_at", "pk")[: MOST_OF_A_KIND - len(few)])
    for _, items in _items(route, [*few, *none]):
        yield from ((item, now - LOW_FRESH_FOR) for item in items)


def _items(route: Route, rows: Collection[Listing]) -> Iterator[tuple[Listing, list[str]]]:
    """With what is in bundles among them: a bundle's quantity rests on the figures of its components, too."""
    resolver, made = Resolver(route, [listings.wanted(row) for row in rows]), bundles.of(route.warehouse_id)
    for row in rows:
        parts = bundles.opened(made, resolver.resolve(listings.wanted(row)).components)
        yield row, [part.item_id for part in parts]


def _seen(connection: Connection, places: Collection[str], items: Iterable[str]) -> Mapping[str, datetime]:
    """When the oldest figure of each item was seen."""
    asked = list(items)
    known = InventoryLevel.objects.filter(connection=connection, location_id__in=places)
    return {
        item: at
        for start in range(0, len(asked), ITEMS_PER_QUERY)
        for item, at in known.filter(item_id__in=asked[start : start + ITEMS_PER_QUERY])
        .order_by()
        .values_list("item_id")
        .annotate(Min("observed_at"))
    }
