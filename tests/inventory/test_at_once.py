"""Two jobs of one warehouse, or of one marketplace, at the same stock at the same time (PostgreSQL)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from integrations import processes
from integrations.batches import Batch
from integrations.models import Connection, Route, SyncRun
from integrations.ports import Item
from integrations.runs import Run as JobRun
from integrations.sandbox.server import Sandbox
from integrations.stock import LevelPage, StockLevel
from inventory import catalogue, files, levels, listings, outbox, sending
from inventory.decisions import Decision
from inventory.filed import InventoryFile
from inventory.models import GuardedPublish, InventoryLevel, Listing, Publication, WarehouseItem
from orders import jobs
from tests.children import PATIENCE, wait_for
from tests.inventory.test_guarding import GOODS, stock
from tests.threads import beside, somebody_waits

Run = Callable[..., str]
pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def page(*items: str, available: int = 5, later: int = 0) -> LevelPage:
    figures = [StockLevel(item, "1", Decimal(available), Decimal(0), Decimal(available)) for item in items]
    return LevelPage(items, tuple(figures), timezone.now() + timedelta(milliseconds=later))


def read(gecko: Connection, *items: str, **values: int) -> None:
    """As a sweep and the reading of what matters do with what they were answered."""
    levels.store(gecko, page(*items, **values), ["1"], items)


@pytest.mark.parametrize(("later", "expected"), [(5, 9), (-5, 4)])
def test_a_new_item_that_two_jobs_meet_at_once_has_the_figure_that_was_seen_last(
    gecko: Connection, later: int, expected: int
) -> None:
    with transaction.atomic():
        read(gecko, "A", available=4)
        other = beside(lambda: read(gecko, "A", available=9, later=later * 1000))
        wait_for(somebody_waits, "the other job waits for the new item")
    other.result(PATIENCE)
    assert InventoryLevel.objects.get().available == expected


def test_new_items_that_two_jobs_meet_in_different_order_lock_neither_out(gecko: Connection) -> None:
    with transaction.atomic():
        read(gecko, "A")
        other = beside(lambda: read(gecko, "B", "A"))
        wait_for(somebody_waits, "the other job waits for item A")
        read(gecko, "B")
    other.result(PATIENCE)
    assert set(InventoryLevel.objects.values_list("item_id", flat=True)) == {"A", "B"}


def test_skus_that_two_processes_ask_for_in_different_order_lock_neither_out(gecko: Connection) -> None:
    found = [Item("1", "A"), Item("2", "B")]
    with transaction.atomic():
        catalogue.remember(gecko, ["A"], found)
        other = beside(lambda: catalogue.remember(gecko, ["B", "A"], found))
        wait_for(somebody_waits, "the other process waits for SKU A")
        catalogue.remember(gecko, ["B"], found)
    other.result(PATIENCE)
    assert dict(WarehouseItem.objects.values_list("sku", "matches")) == {"A": 1, "B": 1}


def test_damage_that_a_publish_and_an_inventory_file_find_at_once_is_held_back_once(
    shop: Sandbox, manage: Run, alias: Callable[..., Any], overstock: Connection
) -> None:
    for place in range(GOODS):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(f"M{place}", f"V{place}")
    manage("run", "all")
    stock(shop, 0)
    manage("run", "pull_levels")
    facts = {"reason": "", "changed": 1, "zeroed": 1, "raised": 0, "fingerprint": "of the file"}
    with transaction.atomic():
        GuardedPublish.objects.create(route=Route.objects.get(), **facts)
        other = beside(lambda: jobs.publish_inventory(overstock))
        wait_for(somebody_waits, "the publish waits for what the file found")
    other.result(PATIENCE)
    assert GuardedPublish.objects.get().quantities.count() == GOODS
    assert SyncRun.objects.filter(job="publish_inventory").latest("pk").status == SyncRun.Status.PARTIAL
    assert set(shop.oasis.quantities.values()) == {5}


def note_file(route: Route, later: Listing, first: Listing) -> None:
    """As a person does who has uploaded a file with these in this order."""
    rows = [[one.pk, "", "", "", "", 3, one.marketplace_sku, timezone.now().isoformat()] for one in (later, first)]
    content = zlib.compress(json.dumps(rows).encode())
    files.mark_uploaded(
        InventoryFile.objects.create(route=route, state="made", made_at=timezone.now(), content=content), None
    )


def take_batch(route: Route, later: Listing, first: Listing) -> None:
    """As a publish does once the marketplace has taken these in this order."""
    told = [
        Publication.objects.create(listing=one, sku="X", quantity=3, observed_at=timezone.now())
        for one in (later, first)
    ]
    record = SyncRun.objects.create(connection=route.marketplace, job="publish_inventory", owner=processes.own_name())
    market: Any = None
    sending.Sender(JobRun(record, route.marketplace), market)._accept(Batch(told, "listing__route"))


def note_decisions(route: Route, later: Listing, first: Listing) -> None:
    """As a publish, or a file that is made, does: what it found out of one listing comes before the twin of another."""
    speaks = Listing.objects.create(route=route, marketplace_sku="Z")
    with transaction.atomic():
        outbox.note([Decision(later, "B", 0, problem="Nothing carries it"), Decision(speaks, "A", 0, twins=(first,))])


@pytest.mark.parametrize("deed", [note_file, take_batch, note_decisions])
def test_listings_that_two_processes_write_in_different_order_lock_neither_out(
    route: Route, deed: Callable[[Route, Listing, Listing], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PER_QUERY", 1)
    monkeypatch.setattr(sending, "WRITTEN_AT_ONCE", 1)
    first, later = (Listing.objects.create(route=route, marketplace_sku=name) for name in "AB")
    with transaction.atomic():
        outbox.ask([first.pk])
        other = beside(lambda: deed(route, later, first))
        wait_for(somebody_waits, "the other process waits for the first listing")
        outbox.ask([later.pk])
    other.result(PATIENCE)
    later.refresh_from_db()
    assert later.publish_asked_at is not None
    assert later.published_quantity == 3 or later.problem


def test_listings_that_leave_with_the_catalogue_while_a_person_asks_for_them_lock_nobody_out(
    route: Route, overstock: Connection
) -> None:
    first, later = (Listing.objects.create(route=route, marketplace_sku=name, origin="catalogue") for name in "AB")
    Listing.objects.filter(pk=first.pk).update(changed_at=timezone.now())  # its row lies behind the other one's now
    with transaction.atomic():
        outbox.ask([first.pk])
        other = beside(lambda: listings.learn_from_aliases(overstock))
        wait_for(somebody_waits, "the other process waits for the first listing")
        outbox.ask([later.pk])
    other.result(PATIENCE)
    left = Listing.objects.filter(is_active=False, origin="left", publish_asked_at__isnull=False)
    assert set(left) == {first, later}


def test_a_publish_does_not_wait_for_quantities_that_a_file_withdraws_at_this_moment(route: Route) -> None:
    made = [Listing.objects.create(route=route, marketplace_sku=name) for name in "AB"]
    told = [Publication.objects.create(listing=one, sku="X", quantity=3, observed_at=timezone.now()) for one in made]
    with transaction.atomic():
        Publication.objects.filter(pk=told[0].pk).update(status="withdrawn")
        claimed = beside(lambda: [row.pk for row in Batch(told).rows])
        assert claimed.result(PATIENCE) == [told[1].pk]
