"""What waits for a person loses meanwhile what was sold of it, once, and nothing else."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory import chain, checking, guarding, now, sold
from inventory.availability import Part, Rules, offer
from inventory.bundled import BundleReading
from inventory.checked import DriftedListing, InventoryCheck
from inventory.models import GuardedPublish, Listing, SkuAlias
from inventory.on_their_way import Counted
from orders import decisions
from orders.models import Order, WarehouseSubmission
from tests.admin.test_listings import text_of
from tests.inventory.test_guarding import DC, GOODS, Alias, Run, released, shown, stock
from tests.inventory.test_guarding import goods as goods
from tests.inventory.test_guarding import waiting as waiting

ORDERED = datetime(2026, 3, 1, 8, tzinfo=UTC)


def ordered(box: Sandbox, sku: str, quantity: int, *, is_sent: bool = True) -> None:
    """One whose address is not complete is held."""
    line = {"partner_sku": sku, "quantity": quantity}
    if is_sent:
        box.oasis.add_order(line)
    else:
        box.oasis.add_order(line, address={"city": ""})


def read_back(overstock: Connection) -> None:
    overstock.options = {"read_inventory": True}
    overstock.save(update_fields=["options"])


def test_what_waits_is_lowered_by_what_was_sold_of_it_and_only_once(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run, overstock: Connection
) -> None:
    ordered(shop, "M0", 3, is_sent=False)
    manage("run", "pull_orders")
    for _ in range(2):
        tried("run", "publish_inventory")
        assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (2, 5)
    waiting.refresh_from_db()
    row = waiting.quantities.get(sku="M0")
    assert (waiting.state, waiting.changed, row.before, row.after) == ("waiting", GOODS, 2, 0)
    listing = Listing.objects.get(marketplace_sku="M0")
    assert (listing.published_quantity, chain.reckoned(listing.explanation)) == (2, 2)
    read_back(overstock)
    manage("run", "check_inventory")
    assert (InventoryCheck.objects.get().compared, DriftedListing.objects.exists()) == (GOODS, False)
    released(waiting)
    manage("run", "publish_inventory")
    assert shown(shop) == {0}


def test_what_waits_and_is_to_be_published_again_is_once_that_is_decided_and_says_so(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run, overstock: Connection
) -> None:
    read_back(overstock)
    for sku in ("M0", "M1"):
        shop.oasis.quantities[sku, DC] = 50
    tried("run", "check_inventory")
    assert checking.publish_again(InventoryCheck.objects.get()) == (
        "0 listings to be published again with the next run. 2 more once a person has decided on what the guard holds "
        "back of them."
    )
    listing = Listing.objects.get(marketplace_sku="M0")
    said = now.publish(listing)
    assert said == f"A change of {listing} waits for a person: {listing} is published once that is decided."
    stock(shop, 5)
    manage("run", "all")
    assert shown(shop) == {5}


def test_the_pages_add_up_to_what_is_shown_while_it_waits(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run, admin_client: Client
) -> None:
    ordered(shop, "M0", 3, is_sent=False)
    manage("run", "pull_orders")
    for _ in range(2):
        tried("run", "publish_inventory")
    assert shop.oasis.quantities["M0", DC] == 2
    listing = Listing.objects.get(marketplace_sku="M0")
    said = text_of(admin_client.get(reverse("admin:inventory_listing_change", args=[listing.pk])))
    assert "0 waits for a person" in said
    assert f"Order that the warehouse has not counted yet: {Order.objects.get().full_number} − 3" in said
    assert f"{chain.HELD[1:]} – Quantity 2" in said
    page = admin_client.get(reverse("admin:inventory_guardedpublish_change", args=[waiting.pk]), {"q": "M0"})
    assert "M0 2 0 V0: 0 available at Main DC − 3 in orders" in text_of(page)
    told = listing.publications.latest("pk")
    assert (told.quantity, chain.reckoned(told.explanation)) == (2, 2)


def test_what_waits_is_lowered_once_also_when_the_warehouse_counts_the_order_meanwhile(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    stock(shop, 1, range(1))
    ordered(shop, "M0", 1)
    manage("run", "pull_orders")
    tried("run", "publish_inventory")
    for _ in range(2):
        tried("run", "all")
        assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (4, 5)
    guarding.discard(GuardedPublish.objects.get(), GuardedPublish.objects.get().fingerprint, None)
    tried("run", "publish_inventory")
    assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (4, 5)
    stock(shop, 5)
    manage("run", "all")
    assert not GuardedPublish.objects.filter(state="waiting").exists()
    assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (4, 5)


def test_an_order_that_what_is_shown_knows_already_is_not_taken_off_again(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    """It came, was sent and counted within seconds before that was published."""
    ordered(shop, "M0", 3)
    for job in ("pull_orders", "submit_orders", "pull_levels", "publish_inventory"):
        manage("run", job)
    stock(shop, 0)
    for _ in range(2):
        tried("run", "all")
        assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (2, 5)


def test_an_order_that_was_received_before_and_sent_since_is_taken_off(
    shop: Sandbox, goods: None, manage: Run, tried: Run, alias: Alias
) -> None:
    """Nobody knew what it was for until then."""
    ordered(shop, "NEW", 3)
    manage("run", "pull_orders")
    Order.objects.update(received_at=F("received_at") - timedelta(hours=9))
    shop.tradegecko.set_stock("V0", 6)
    manage("run", "all")
    stock(shop, 1)
    tried("run", "all")
    alias("NEW", "V0")
    for _ in range(2):
        tried("run", "all")
        assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (3, 5)


def test_what_was_added_to_an_order_that_what_is_shown_knows_is_taken_off(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    number = shop.oasis.add_order({"partner_sku": "M0", "quantity": 1})
    for _ in range(2):
        manage("run", "all")
    stock(shop, 1)
    tried("run", "all")
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "revisit_orders")
    decisions.amend(Order.objects.get(), None)
    for job in ("submit_orders", "pull_levels", "publish_inventory", "publish_inventory"):
        tried("run", job)
    assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (2, 5)


def test_what_was_sold_while_the_marketplace_was_down_is_taken_off(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    ordered(shop, "M0", 3)
    for job in ("pull_orders", "submit_orders", "pull_levels"):
        manage("run", job)
    long = timedelta(hours=7)
    Order.objects.update(received_at=F("received_at") - long)
    WarehouseSubmission.objects.update(committed_at=F("committed_at") - long, finished_at=F("finished_at") - long)
    for listing in Listing.objects.all():
        at = datetime.fromisoformat(listing.explanation["orders_at"]) - 2 * long
        listing.explanation["orders_at"] = at.isoformat()
        listing.published_at = at
        listing.save()
    tried("run", "publish_inventory")
    assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (2, 5)


def test_the_order_that_teaches_the_name_to_publish_under_lowers_the_one_that_is_shown(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    shop.oasis.add_order({"partner_sku": "M0", "option_sku": "OPT-0", "quantity": 3})
    for _ in range(3):
        tried("run", "all")
        assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities.get(("OPT-0", DC))) == (2, None)
    waiting.refresh_from_db()
    released(waiting)
    manage("run", "publish_inventory")
    assert shop.oasis.quantities["OPT-0", DC] == 0


def test_what_waits_below_a_cap_is_lowered_by_the_figures_that_came_last(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    Route.objects.update(max_online=5)
    for there in (1, 90, 6):
        shop.tradegecko.set_stock("V0", there)
        manage("run", "all")
    stock(shop, 0)
    tried("run", "all")
    ordered(shop, "M0", 4, is_sent=False)
    manage("run", "pull_orders")
    for _ in range(2):
        tried("run", "publish_inventory")
        assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (2, 5)


def test_an_order_that_a_delivery_made_good_is_not_taken_off(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    ordered(shop, "M0", 2)
    for job in ("pull_orders", "submit_orders"):
        manage("run", job)
    shop.tradegecko.set_stock("V0", 7)
    for _ in range(2):
        manage("run", "all")
    stock(shop, 0)
    for _ in range(2):
        tried("run", "all")
        assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (5, 5)


def test_more_than_there_is_leaves_none(shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run) -> None:
    ordered(shop, "M0", 9, is_sent=False)
    manage("run", "pull_orders")
    tried("run", "publish_inventory")
    assert (shop.oasis.quantities["M0", DC], shop.oasis.quantities["M1", DC]) == (0, 5)


def test_an_order_that_comes_after_the_word_of_a_person_does_not_undo_it(
    shop: Sandbox, waiting: GuardedPublish, manage: Run
) -> None:
    ordered(shop, "M0", 3, is_sent=False)
    manage("run", "pull_orders")
    released(waiting)
    manage("run", "publish_inventory")
    assert shown(shop) == {0}


def test_what_the_marketplace_did_not_take_yet_does_not_undo_the_word_of_a_person(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    ordered(shop, "M0", 3, is_sent=False)
    manage("run", "pull_orders")
    shop.faults.add("oasis", "503", path="/inventory")
    tried("run", "publish_inventory")
    assert shown(shop) == {5}
    released(waiting)
    Listing.objects.get(marketplace_sku="M0").publications.update(not_before=None)
    manage("run", "publish_inventory")
    assert shown(shop) == {0}


@pytest.mark.long
def test_a_leap_that_waits_loses_what_is_sold_too(shop: Sandbox, goods: None, manage: Run, tried: Run) -> None:
    stock(shop, 5_000, range(1))
    tried("run", "all")
    ordered(shop, "M0", 3, is_sent=False)
    manage("run", "pull_orders")
    for _ in range(2):
        tried("run", "publish_inventory")
        assert shop.oasis.quantities["M0", DC] == 2
    released(GuardedPublish.objects.get())
    manage("run", "publish_inventory")
    assert shop.oasis.quantities["M0", DC] == 4_997


@pytest.mark.parametrize("sales", [[5], [2, 3], [4, 3]])
def test_a_leap_of_which_all_that_was_shown_is_sold_waits_on(
    shop: Sandbox, goods: None, manage: Run, tried: Run, sales: list[int]
) -> None:
    stock(shop, 60, range(1))
    tried("run", "all")
    for quantity in sales:
        ordered(shop, "M0", quantity, is_sent=False)
        manage("run", "pull_orders")
        tried("run", "publish_inventory")
    for _ in range(2):
        tried("run", "publish_inventory")
        assert (shop.oasis.quantities["M0", DC], GuardedPublish.objects.get().state) == (0, "waiting")
    stock(shop, 5 + sum(sales), range(1))
    tried("run", "all")
    assert (shop.oasis.quantities["M0", DC], GuardedPublish.objects.get().state) == (5, "closed")


def test_what_is_sold_out_while_nothing_waits_is_restocked(shop: Sandbox, goods: None, manage: Run) -> None:
    ordered(shop, "M0", 5, is_sent=False)
    manage("run", "all")
    stock(shop, 5_005, range(1))
    manage("run", "all")
    assert shop.oasis.quantities["M0", DC] == 5_000


@pytest.mark.long
def test_a_file_has_what_waits_less_what_was_sold(shop: Sandbox, waiting: GuardedPublish, manage: Run) -> None:
    ordered(shop, "M0", 3, is_sent=False)
    manage("run", "pull_orders")
    rows = list(csv.reader(StringIO(manage("inventory_file", Route.objects.get().name))))
    assert [row[-1] for row in rows if "M0" in row or "M1" in row] == ["2", "5"]


def test_what_a_bundle_loses_with_its_components_is_no_damage_once_the_warehouse_has_counted_it(
    shop: Sandbox, goods: None, manage: Run
) -> None:
    shop.tradegecko.add_variant("MUG", stock=10)
    for sku in ("ONE", *(f"SET{place}" for place in range(GOODS))):
        shop.oasis.add_listing(sku)
    shop.tradegecko.add_bundle("MUGS", {"MUG": 1})
    SkuAlias.objects.bulk_create(
        SkuAlias(connection=Connection.objects.get(name="Overstock"), marketplace_sku=sku, warehouse_sku=item)
        for sku, item in (("ONE", "MUG"), *((f"SET{place}", "MUGS") for place in range(GOODS)))
    )
    BundleReading.objects.all().delete()  # else bundles are asked for in an hour
    manage("run", "all")
    ordered(shop, "ONE", 3)
    for job in ("pull_orders", "submit_orders", "pull_levels", "publish_inventory"):
        manage("run", job)
    assert {shop.oasis.quantities[f"SET{place}", DC] for place in range(GOODS)} == {7}


# --- reckoned -----------------------------------------------------------------------------------------------------


def part(available: int, units: int = 1, **values: object) -> Part:
    return Part("V", units, Decimal(available), **values)  # type: ignore[arg-type]


def test_a_pack_loses_as_many_as_its_units_allow() -> None:
    shown_as = offer([part(21, 4, pending=1, orders={"1": 1})], Rules()).explanation
    now = part(0, 4, pending=4, orders={"1": 1, "2": 3}, counted=(Counted(ORDERED, "3", 4),))
    found = sold.of_parts([now], shown_as, datetime(2026, 3, 1, 7, tzinfo=UTC))
    assert (shown_as["quantity"], found.orders, found.counted) == (5, {"V": {"2": 3, "3": 4}}, {"V": 4})
    assert found.explanation["quantity"] == 3
    assert sold.of_parts([now], found.explanation, ORDERED).orders == {}


def test_what_the_figures_knew_when_it_was_shown_is_not_taken_off_though_it_was_sent_within_the_same_minute() -> None:
    now = part(2, counted=(Counted(ORDERED, "3", 4), Counted(ORDERED, "4", 1)))
    shown_as = offer([part(2, counted=(Counted(ORDERED, "3", 2), Counted(ORDERED, "4", 1)))], Rules()).explanation
    found = sold.of_parts([now], shown_as, ORDERED - timedelta(minutes=1))
    assert (found.orders, found.counted) == ({"V": {"3": 2}}, {"V": 2})


def test_what_was_counted_before_it_was_shown_is_not_taken_off() -> None:
    now = part(2, counted=(Counted(ORDERED, "3", 4),))
    assert sold.of_parts([now], offer([part(2)], Rules()).explanation, ORDERED).orders == {}


@given(st.integers(0, 50), st.integers(1, 5), st.integers(0, 60), st.integers(0, 9), st.integers(0, 9))
def test_what_is_left_is_the_number_that_its_explanation_adds_up_to_and_never_more(
    available: int, units: int, taken: int, reserve: int, minimum: int
) -> None:
    rules = Rules(reserve=reserve, minimum_level=minimum, max_online=20)
    shown_as = offer([part(available, units)], rules).explanation
    left = sold.taken_off(shown_as, {"V": {"1": taken}})
    again = offer([part(available, units, pending=taken, orders={"1": taken})], rules).explanation
    assert left["quantity"] == chain.reckoned(left) == again["quantity"] <= shown_as["quantity"]
    assert {name: left[name] for name in ("sells", "cut_off")} == {name: again[name] for name in ("sells", "cut_off")}
