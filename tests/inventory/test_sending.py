"""What the marketplace refuses, or does not answer, concerns only itself; the newest quantity is the last."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.urls import reverse

from integrations.batches import Batch
from integrations.models import Connection, Exchange, Route
from integrations.processes import RunLost
from integrations.sandbox.server import Sandbox
from integrations.transmissions import MAX_ATTEMPTS, recover
from inventory import outbox
from inventory.decisions import Decision
from inventory.models import Listing, Publication
from inventory.outbox import MOST_TIMES_PARKED
from inventory.rules import InventoryRule
from orders import worklists
from orders.jobs import publish_inventory
from tests.admin.test_listings import text_of

Run = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"


def messages(box: Sandbox) -> int:
    return len([call for call in box.calls("oasis") if call == ("POST", "/inventory")])


@pytest.fixture
def many(shop: Sandbox, alias: Alias) -> list[str]:
    """Twenty listings, all known to the marketplace but `BAD`."""
    names = [f"M{place}" for place in range(20)]
    for place, name in enumerate(names):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(name, f"V{place}")
    del shop.oasis.catalogue["M7"], shop.oasis.catalogue["M8"]
    return names


def test_a_refused_quantity_keeps_only_itself(shop: Sandbox, tried: Run, manage: Run, many: list[str]) -> None:
    assert "Overstock does not take 2 quantities" in tried("run", "all")
    assert len(shop.oasis.quantities) == 18
    assert set(Publication.objects.filter(status="parked").values_list("sku", flat=True)) == {"M7", "M8"}
    assert messages(shop) < 12
    assert json.loads(manage("status", "--json"))["worklists"]["publications_parked"] == 2


def test_a_refused_quantity_of_what_is_not_to_be_published_any_more_waits_for_nobody(
    shop: Sandbox, tried: Run, many: list[str]
) -> None:
    tried("run", "all")
    refused = Listing.objects.get(marketplace_sku="M7")
    InventoryRule.objects.create(route=refused.route, listing=refused, do_not_publish=True)
    tried("run", "publish_inventory")
    assert list(Publication.objects.filter(status="parked").values_list("sku", flat=True)) == ["M8"]


def test_what_goes_down_is_sent_before_what_goes_up(
    shop: Sandbox, manage: Run, alias: Alias, overstock: Connection
) -> None:
    Connection.objects.filter(pk=overstock.pk).update(options={"publish_batch_size": 1})
    for name in ("UP", "DOWN"):
        shop.tradegecko.add_variant(f"V-{name}", stock=5)
        alias(name, f"V-{name}")
    manage("run", "all")
    shop.tradegecko.set_stock("V-UP", 9)
    shop.tradegecko.set_stock("V-DOWN", 1)
    manage("run", "all")
    sent = Exchange.objects.filter(method="POST", url__endswith="/inventory").order_by("pk")
    assert [">DOWN<" in one.request_body for one in sent][-2:] == [True, False]


def test_what_a_person_asks_for_is_published_though_nothing_changed(shop: Sandbox, manage: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    manage("run", "all")
    before = messages(shop)
    outbox.ask([Listing.objects.get().pk])
    manage("run", "publish_inventory")
    manage("run", "publish_inventory")
    assert messages(shop) == before + 1
    assert Publication.objects.filter(status="accepted").count() == 2


@pytest.mark.long
def test_as_long_as_something_is_refused_every_run_says_so(shop: Sandbox, tried: Run, many: list[str]) -> None:
    tried("run", "all")
    sent = messages(shop)
    assert "Overstock does not take 2 quantities" in tried("run", "publish_inventory")
    assert messages(shop) == sent


@pytest.mark.long
def test_a_refused_quantity_is_tried_again_when_it_changes_or_after_a_growing_pause(
    shop: Sandbox, tried: Run, many: list[str]
) -> None:
    tried("run", "all")
    shop.tradegecko.set_stock("V7", 3)
    tried("run", "all")
    assert Publication.objects.get(sku="M7").times_parked == 2
    assert Publication.objects.get(sku="M8").times_parked == 1
    Publication.objects.filter(status="parked").update(finished_at=F("finished_at") - timedelta(minutes=90))
    tried("run", "publish_inventory")
    assert Publication.objects.get(sku="M7").times_parked == 2
    assert Publication.objects.get(sku="M8").times_parked == 2


@pytest.mark.long
def test_a_refused_quantity_is_not_tried_for_ever(shop: Sandbox, tried: Run, many: list[str]) -> None:
    tried("run", "all")
    Publication.objects.filter(status="parked").update(
        times_parked=MOST_TIMES_PARKED, finished_at=F("finished_at") - timedelta(days=365)
    )
    sent = messages(shop)
    tried("run", "publish_inventory")
    assert messages(shop) == sent


@pytest.mark.long
def test_what_was_refused_is_shown_once_the_marketplace_knows_it(
    shop: Sandbox, tried: Run, manage: Run, many: list[str]
) -> None:
    tried("run", "all")
    shop.oasis.add_listing("M7")
    shop.oasis.add_listing("M8")
    Publication.objects.filter(status="parked").update(finished_at=F("finished_at") - timedelta(minutes=61))
    manage("run", "all")
    assert len(shop.oasis.quantities) == 20


def test_a_marketplace_that_refuses_everything_is_not_asked_row_by_row(shop: Sandbox, tried: Run, alias: Alias) -> None:
    for place in range(120):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(f"M{place}", f"V{place}")
    shop.oasis.catalogue.clear()
    assert "the rest is left for later" in tried("run", "all")
    assert messages(shop) < 70
    assert Publication.objects.filter(status="pending").count() == 95


@pytest.mark.long
def test_an_unclear_answer_to_one_batch_does_not_keep_the_others(
    shop: Sandbox, tried: Run, alias: Alias, overstock: Connection
) -> None:
    Connection.objects.filter(pk=overstock.pk).update(options={"publish_batch_size": 1})
    for sku in ("MUG-BLK", "THROW-WL", "RUG-5X8"):
        alias(f"A-{sku}", sku)
    shop.faults.add("oasis", "503", path="/inventory")
    assert "1 quantity, first SKU A-MUG-BLK" in tried("run", "all")
    assert len(shop.oasis.quantities) == 2
    assert tried("run", "all") == ""
    assert len(shop.oasis.quantities) == 3


@pytest.mark.long
def test_answers_that_never_come_clear_are_for_a_person_after_so_many_attempts(
    shop: Sandbox, tried: Run, alias: Alias
) -> None:
    alias("X", "MUG-BLK")
    shop.faults.add("oasis", "500_html", path="/inventory", times=1000)
    for _ in range(MAX_ATTEMPTS + 3):
        tried("run", "all")
    row = Publication.objects.get()
    assert (row.status, row.attempts) == ("parked", MAX_ATTEMPTS)
    assert row.last_error.startswith(f"given up after {MAX_ATTEMPTS} attempts")
    assert messages(shop) == MAX_ATTEMPTS


def test_a_lost_answer_is_followed_by_the_newest_quantity(shop: Sandbox, tried: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    shop.faults.add("oasis", "reset_after_apply", path="/inventory")
    tried("run", "all")
    assert Publication.objects.get().status == "unconfirmed"
    shop.tradegecko.set_stock("MUG-BLK", 4)
    tried("run", "all")
    assert shop.oasis.quantities == {("X", DC): 4}
    assert Publication.objects.get().status == "accepted"


def test_a_lost_answer_of_what_is_not_to_be_published_any_more_ends_as_not_known(
    shop: Sandbox, tried: Run, alias: Alias, admin_client: Client
) -> None:
    alias("X", "MUG-BLK")
    tried("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", 4)
    tried("run", "pull_levels")
    shop.faults.add("oasis", "reset_after_apply", path="/inventory")
    tried("run", "publish_inventory")
    listing = Listing.objects.get()
    rule = InventoryRule.objects.create(route=listing.route, listing=listing, do_not_publish=True)
    tried("run", "publish_inventory")
    lost = listing.publications.latest("pk")
    assert (lost.status, lost.last_error) == ("withdrawn", outbox.UNKNOWN_FOR_GOOD)
    assert worklists.tallies()["unknown"].number == 0
    page = text_of(admin_client.get(reverse("admin:inventory_listing_change", args=[listing.pk])))
    assert "Whether the marketplace shows 4, or 120 as before, is not known." in page
    assert "Not known 120 before, published" in page
    rule.delete()
    shop.tradegecko.set_stock("MUG-BLK", 120)
    tried("run", "all")
    assert shop.oasis.quantities == {("X", DC): 120}


@pytest.mark.parametrize(
    ("fault", "status", "shows"), [("reset_after_apply", "accepted", 4), ("reset", "withdrawn", 120)]
)
def test_what_is_read_back_tells_what_a_listing_that_fell_silent_shows(
    shop: Sandbox, tried: Run, alias: Alias, overstock: Connection, admin_client: Client, fault: str, status: str,
    shows: int,
) -> None:  # fmt: skip
    Connection.objects.filter(pk=overstock.pk).update(options={"read_inventory": True})
    alias("X", "MUG-BLK")
    tried("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", 4)
    tried("run", "pull_levels")
    shop.faults.add("oasis", fault, method="POST", path="/inventory")
    tried("run", "publish_inventory")
    listing = Listing.objects.get()
    InventoryRule.objects.create(route=listing.route, listing=listing, do_not_publish=True)
    tried("run", "publish_inventory")
    assert tried("run", "check_inventory") == ""
    listing.refresh_from_db()
    assert (listing.publications.latest("pk").status, listing.published_quantity) == (status, shows)
    page = text_of(admin_client.get(reverse("admin:inventory_listing_change", args=[listing.pk])))
    assert f"The marketplace goes on showing {shows}, since" in page


def test_a_quantity_of_which_nobody_knows_whether_it_arrived_is_0_once_it_is_not_known_what_it_is(
    shop: Sandbox, tried: Run, alias: Alias
) -> None:
    made = alias("X", "MUG-BLK")
    shop.faults.add("oasis", "reset_after_apply", path="/inventory")
    tried("run", "all")
    listing = Listing.objects.get()
    rule = InventoryRule.objects.create(route=listing.route, listing=listing, do_not_publish=True)
    tried("run", "publish_inventory")
    rule.delete()
    made.warehouse_sku = "GONE"
    made.save()
    tried("run", "all")
    assert shop.oasis.quantities == {("X", DC): 0}


def test_what_was_never_shown_is_not_shown_as_0_though_a_person_asked_for_it(
    shop: Sandbox, tried: Run, alias: Alias, route: Route
) -> None:
    alias("X", "GONE")
    listing = Listing.objects.create(route=route, marketplace_sku="X")
    with transaction.atomic():
        outbox.ask([listing.pk])
    tried("run", "all")
    assert shop.oasis.quantities == {}


def test_a_quantity_that_was_answered_with_nothing_is_sent_once_more_and_not_a_third_time(
    shop: Sandbox, manage: Run, alias: Alias
) -> None:
    alias("X", "MUG-BLK")
    shop.faults.add("oasis", "204", path="/inventory")  # that says nothing, and does nothing
    manage("run", "all")
    assert shop.oasis.quantities == {}
    assert Publication.objects.get().status == "unconfirmed"
    assert worklists.tallies()["unknown"].number == 0  # for a person there is nothing to do
    shop.faults.add("oasis", "empty_200_after_apply", path="/inventory", times=2)
    manage("run", "publish_inventory")
    assert shop.oasis.quantities == {("X", DC): 120}
    manage("run", "publish_inventory")
    assert messages(shop) == 2


def test_an_empty_answer_to_one_quantity_says_nothing_of_another(shop: Sandbox, manage: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    shop.faults.add("oasis", "empty_200_after_apply", path="/inventory")
    manage("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", 4)
    shop.faults.add("oasis", "202_empty", path="/inventory")
    manage("run", "all")
    assert shop.oasis.quantities == {("X", DC): 120}
    manage("run", "all")
    assert shop.oasis.quantities == {("X", DC): 4}
    assert Listing.objects.get().published_quantity == 4


@pytest.mark.long
def test_what_cannot_be_decided_anew_is_not_sent_as_it_was(shop: Sandbox, tried: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    shop.faults.add("oasis", "429", path="/inventory")
    tried("run", "all")
    assert Publication.objects.get().quantity == 120
    Listing.objects.update(is_active=False)
    Publication.objects.update(not_before=None)
    tried("run", "publish_inventory")
    assert shop.oasis.quantities == {}


def test_a_worker_that_was_taken_for_dead_sends_and_closes_nothing(shop: Sandbox, tried: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    shop.faults.add("oasis", "429", path="/inventory")
    tried("run", "all")
    Publication.objects.update(not_before=None)
    sleeper = Batch([Publication.objects.get()])
    recover(Publication.objects.all())
    with pytest.raises(RunLost):
        sleeper.intend()
    with pytest.raises(RunLost):
        sleeper.finish("accepted")
    assert Batch([Publication.objects.get()]).rows
    assert Batch([Publication.objects.get()]).rows == []


@pytest.mark.long
def test_the_number_of_queries_does_not_grow_with_the_listings(
    shop: Sandbox, manage: Run, alias: Alias, overstock: Connection, django_assert_max_num_queries: Any
) -> None:
    for place in range(150):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(f"M{place}", f"V{place}")
    manage("run", "pull_levels")
    with django_assert_max_num_queries(78):
        publish_inventory(overstock)
    assert len(shop.oasis.quantities) == 150
    with django_assert_max_num_queries(
        58
    ):  # the route is new; a slow machine's run also shows now and then that it lives
        publish_inventory(overstock)


@pytest.mark.long
def test_what_was_shown_before_is_told_again_after_another_quantity_got_no_clear_answer(
    shop: Sandbox, tried: Run, manage: Run, alias: Alias
) -> None:
    alias("X", "MUG-BLK")
    manage("run", "all")
    shop.tradegecko.set_stock("MUG-BLK", 200)
    tried("run", "pull_levels")
    shop.faults.add("oasis", "reset_after_apply", path="/inventory", times=99)
    for _ in range(MAX_ATTEMPTS):
        tried("run", "publish_inventory")
    assert Publication.objects.latest("pk").status == "parked"
    shop.faults.clear()
    shop.tradegecko.set_stock("MUG-BLK", 120)
    manage("run", "all")
    assert shop.oasis.quantities == {("X", DC): 120}


def test_a_quantity_in_doubt_of_a_listing_that_falls_silent_is_told_by_the_one_that_speaks(
    shop: Sandbox, tried: Run, alias: Alias
) -> None:
    alias("X", "MUG-BLK")
    alias("Y", "MUG-BLK")
    tried("run", "all")
    shop.oasis.quantities["X", DC] = 150  # as a request says that was sent for X, and whose answer got lost
    lost = Publication.objects.get(sku="X")
    lost.pk = None
    lost.status, lost.quantity, lost.finished_at = "unconfirmed", 150, None
    lost.save()
    Listing.objects.filter(marketplace_sku="Y").update(option_sku="X")
    tried("run", "publish_inventory")
    assert Listing.objects.get(marketplace_sku="X").explanation == {"shown_by": "Y"}
    assert shop.oasis.quantities["X", DC] == 120
    assert not Publication.objects.filter(status="unconfirmed").exists()


def test_what_was_never_sent_makes_way_for_what_may_have_arrived(shop: Sandbox, tried: Run, alias: Alias) -> None:
    alias("X", "MUG-BLK")
    alias("Y", "MUG-BLK")
    tried("run", "all")
    silent, speaks = Listing.objects.get(marketplace_sku="X"), Listing.objects.get(marketplace_sku="Y")
    silent.publications.update(status="unconfirmed")
    speaks.publications.update(status="unconfirmed", sent_at=None)
    outbox.note([Decision(speaks, "X", 0, problem="Nothing carries it", twins=(silent,))])
    [left] = Publication.objects.filter(status__in=Publication.OPEN)
    assert (left.listing, left.sku, left.sent_at is None) == (speaks, "X", False)
