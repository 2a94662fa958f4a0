"""A listing that is not published on purpose says so: on its page, recalculated, in the list and in files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from inventory import dry_run, listing_states
from inventory.models import GuardedPublish, Listing
from inventory.rules import InventoryRule
from tests.admin.test_listings import listed, page_of, text_of
from tests.inventory.conftest import alias as alias
from tests.inventory.conftest import tried as tried
from tests.inventory.test_listings import asked_long_ago, change_variant

Manage = Callable[..., str]


@pytest.fixture
def mug(shop: Sandbox, manage: Manage, alias: Callable[..., Any]) -> Listing:
    """Four were published, as many as the warehouse had."""
    shop.tradegecko.add_variant("MUG", stock=4)
    alias("MUG-OS", "MUG")
    manage("run", "all")
    return Listing.objects.get()


@pytest.fixture
def silenced(mug: Listing, shop: Sandbox, manage: Manage) -> InventoryRule:
    """A rule says that it is not to be published, and the warehouse has two by now."""
    rule = InventoryRule.objects.create(route=mug.route, listing=mug, do_not_publish=True, note="Recall")
    shop.tradegecko.set_stock("MUG", 2)
    manage("run", "all")
    return rule


def untrack(shop: Sandbox, manage: Manage) -> None:
    change_variant(shop, "MUG", manage_stock=False)
    asked_long_ago()
    manage("run", "all")


def test_the_page_says_that_nothing_is_published_and_which_rule_says_so(
    silenced: InventoryRule, admin_client: Client
) -> None:
    listing = Listing.objects.get()
    for name in ("change", "recalculate"):
        page = admin_client.get(page_of(listing, name))
        said = text_of(page)
        assert "Nothing is published now A rule of the listing says so (Recall)." in said
        assert f"The marketplace goes on showing 4, since {listing.published_at:%Y-%m-%d %H:%M:%S} UTC." in said
        assert reverse("admin:inventory_inventoryrule_change", args=[silenced.pk]) in page.content.decode()
        assert "Nothing would change" not in said
    assert "How the quantity came about that was published last" in text_of(admin_client.get(page_of(listing)))


def test_a_rule_that_was_deleted_since_is_said_to_be_and_led_to_no_more(
    silenced: InventoryRule, shop: Sandbox, manage: Manage, admin_client: Client
) -> None:
    address = reverse("admin:inventory_inventoryrule_change", args=[silenced.pk])
    silenced.delete()
    page = admin_client.get(page_of(Listing.objects.get()))
    assert "A rule of the listing says so (Recall). That rule was deleted since" in text_of(page)
    assert address not in page.content.decode()
    rule = InventoryRule.objects.create(route=Route.objects.get(), reserve=1, note="Safety stock")
    manage("run", "publish_inventory")
    address = reverse("admin:inventory_inventoryrule_change", args=[rule.pk])
    assert address in admin_client.get(page_of(Listing.objects.get())).content.decode()
    rule.delete()
    page = admin_client.get(page_of(Listing.objects.get()))
    assert "Reserve (rule of the route: Safety stock) – since deleted − 1" in text_of(page)
    assert address not in page.content.decode()
    manage("run", "publish_inventory")
    assert shop.oasis.quantities["MUG-OS", "Riverside DC"] == 2
    assert "since deleted" not in text_of(admin_client.get(page_of(Listing.objects.get())))


def test_an_item_that_is_not_tracked_any_more_is_said_to_be_so(
    mug: Listing, shop: Sandbox, manage: Manage, admin_client: Client
) -> None:
    untrack(shop, manage)
    for name in ("change", "recalculate"):
        said = text_of(admin_client.get(page_of(mug, name)))
        assert "The warehouse does not track the stock of MUG, and the route has no untracked quantity." in said
        assert "goes on showing 4" in said
    Route.objects.update(untracked_quantity=20)
    manage("run", "publish_inventory")
    assert "Nothing is published now" not in text_of(admin_client.get(page_of(mug)))
    Route.objects.update(untracked_quantity=None)
    manage("run", "publish_inventory")
    assert "goes on showing 20" in text_of(admin_client.get(page_of(mug)))


def test_what_is_not_published_on_purpose_is_not_stale_and_is_found(
    silenced: InventoryRule, admin_client: Client
) -> None:
    Listing.objects.update(published_at=timezone.now() - timedelta(days=3))
    assert listed(admin_client, state="stale") == set()
    assert listed(admin_client, state="silent") == {"MUG-OS"}
    assert listing_states.coverage().oldest_at is None
    Listing.objects.update(published_at=None, published_quantity=None)
    assert listed(admin_client, state="never") == set()


def test_the_list_is_exported_with_why_nothing_is_published(silenced: InventoryRule, admin_client: Client) -> None:
    told = admin_client.post(reverse("admin:inventory_listing_export"), {"format": "0"}).content.decode()
    assert "not published, since a rule of the listing says so (Recall)" in told


def test_publishing_it_now_says_why_nothing_is_published(silenced: InventoryRule, admin_client: Client) -> None:
    listing = Listing.objects.get()
    for answer in (admin_client.get, admin_client.post):
        said = text_of(answer(page_of(listing, "publish_now"), follow=True))
        assert "Nothing is published of it, since a rule of the listing says so (Recall)." in said
        assert "is published as soon as" not in said
    assert listing.publish_asked_at is None
    silenced.delete()
    assert "is published as soon as" in text_of(admin_client.post(page_of(listing, "publish_now"), follow=True))


def test_it_is_forgotten_with_the_rule_even_while_the_guard_holds_the_quantity_back(
    silenced: InventoryRule, shop: Sandbox, manage: Manage, tried: Manage
) -> None:
    shop.tradegecko.set_stock("MUG", 900)
    silenced.delete()
    tried("run", "all")
    assert GuardedPublish.objects.filter(state="waiting").exists()
    assert not Listing.objects.filter(listing_states.not_published()).exists()


def test_what_a_rule_would_take_from_publishing_is_counted_apart_neither_up_nor_down(
    mug: Listing,
) -> None:
    found = dry_run.of_rule(InventoryRule(route=mug.route, listing=mug, do_not_publish=True))
    assert (len(found.rows), found.ended, found.lowered, found.raised) == (1, 1, 0, 0)
