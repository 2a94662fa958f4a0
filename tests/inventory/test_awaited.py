"""A route that was just switched on waits quietly for the reading of the stock that this asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Route, SyncRun
from integrations.sandbox.server import Sandbox
from inventory import now
from inventory.filed import InventoryFile
from inventory.models import GuardedPublish, InventoryLevel, Listing, StockReading, StockSweep
from orders import route_states
from tests.admin.test_mapping import text_of

Run = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"
WAITS = "is read anew, since route Main was switched on at"


@pytest.fixture
def after_a_pause(shop: Sandbox, manage: Run, alias: Alias) -> Route:
    """Live again after two days, in which stock changed; and of one item the new figure came with an order's."""
    for place in range(3):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(f"M{place}", f"V{place}")
    manage("run", "all")
    route = Route.objects.get(name="Main")
    route_states.pause(route, None)
    long = timedelta(days=2)
    StockReading.objects.update(began_at=F("began_at") - long, ended_at=F("ended_at") - long)
    InventoryLevel.objects.update(observed_at=F("observed_at") - long)
    SyncRun.objects.update(started_at=F("started_at") - long, finished_at=F("finished_at") - long)
    for place in range(3):
        shop.tradegecko.set_stock(f"V{place}", 9)
    said = route_states.go_live(route, None, in_spite="in a test")
    assert said.endswith("Its quantities are published once the stock has been read.")
    InventoryLevel.objects.filter(observed_at__lt=timezone.now()).update(available=9, observed_at=timezone.now())
    return route


def shown(box: Sandbox) -> set[int]:
    return {quantity for (_, place), quantity in box.oasis.quantities.items() if place == DC}


def test_what_a_route_publishes_first_waits_for_the_stock_and_raises_no_alarm(
    shop: Sandbox, manage: Run, after_a_pause: Route, admin_client: Client
) -> None:
    said = manage("run", "publish_inventory")
    assert (shown(shop), GuardedPublish.objects.exists()) == ({5}, False)
    assert WAITS in said + SyncRun.objects.latest("pk").summary
    assert not [text for text in json.loads(manage("status", "--json"))["alarms"] if "last read completely" in text]
    listing = Listing.objects.earliest("pk")
    page = text_of(admin_client.get(reverse("admin:inventory_listing_change", args=[listing.pk])))
    assert (WAITS in page, "changes wait for a person" in page) == (True, False)
    assert WAITS in now.why_not(listing)
    manage("run", "pull_levels")
    manage("run", "publish_inventory")
    assert (shown(shop), GuardedPublish.objects.exists()) == ({9}, False)


def test_when_the_stock_cannot_be_read_or_that_takes_too_long_the_guard_judges_what_there_is(
    shop: Sandbox, manage: Run, after_a_pause: Route
) -> None:
    after_a_pause.history.update(history_date=F("history_date") - timedelta(hours=2))
    with suppress(CommandError):
        manage("run", "publish_inventory")
    assert "was last read completely at" in GuardedPublish.objects.get().reason
    after_a_pause.history.update(history_date=F("history_date") + timedelta(hours=2))
    shop.faults.add("tradegecko", "500_html", times=99)
    with suppress(CommandError):
        manage("run", "pull_levels")
    assert SyncRun.objects.filter(job="pull_levels").latest("pk").status == "failed"
    with suppress(CommandError):
        manage("run", "publish_inventory")
    assert (shown(shop), GuardedPublish.objects.get().state) == ({5}, "waiting")


def test_a_route_waits_for_the_stock_however_short_its_pause_was(shop: Sandbox, manage: Run, alias: Alias) -> None:
    for place in range(2):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(f"M{place}", f"V{place}")
    manage("run", "all")
    route = Route.objects.get(name="Main")
    route_states.pause(route, None)
    shop.tradegecko.set_stock("V0", 1)
    alias("N", "V0")
    assert route_states.go_live(route, None, in_spite="in a test").endswith("once the stock has been read.")
    assert WAITS in manage("run", "publish_inventory")
    assert shop.oasis.quantities.get(("N", DC)) is None
    manage("run", "pull_levels")
    StockSweep.objects.create(connection=route.warehouse, started_at=timezone.now(), next_page=1)  # the next one
    assert WAITS not in manage("run", "publish_inventory")
    assert (shop.oasis.quantities["N", DC], shop.oasis.quantities["M0", DC]) == (1, 1)


def test_a_reading_that_began_before_the_route_was_switched_on_is_not_the_one_that_it_waits_for(
    shop: Sandbox, manage: Run, after_a_pause: Route
) -> None:
    before = timezone.now() - timedelta(minutes=10)
    StockSweep.objects.create(connection=after_a_pause.warehouse, started_at=before, next_page=1)
    for _ in range(2):
        assert WAITS in manage("run", "publish_inventory")
        manage("run", "pull_levels")
    assert WAITS not in manage("run", "publish_inventory")


def test_an_inventory_file_is_made_once_the_stock_was_read(shop: Sandbox, manage: Run, after_a_pause: Route) -> None:
    Route.objects.update(publish_by="file")
    InventoryFile.objects.create(route=after_a_pause)
    manage("run", "write_inventory_files")
    assert InventoryFile.objects.get().state == "waiting"
    manage("run", "pull_levels")
    manage("run", "write_inventory_files")
    assert InventoryFile.objects.get().state == "made"
