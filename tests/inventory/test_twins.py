"""Listings that orders taught to be shown under one SKU: whichever speaks, what a person said of any of them counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from inventory import changed, dry_run, now
from inventory.explanation import in_words
from inventory.models import Listing, SkuAlias
from inventory.rules import InventoryRule
from tests.admin.test_listings import text_of

Run = Callable[..., str]
DC = "Riverside DC"


@pytest.fixture
def vase(shop: Sandbox, alias: Callable[..., SkuAlias], tried: Run) -> Listing:
    """A listing that an order is about to teach to be shown by another one."""
    Route.objects.update(published_sku="partner")
    shop.tradegecko.add_variant("V", stock=9)
    alias("VASE", "V")
    alias("30-VASE", "V")
    tried("run", "all")
    return Listing.objects.get(marketplace_sku="VASE")


def rule(listing: Listing, **figures: Any) -> InventoryRule:
    return InventoryRule.objects.create(route=listing.route, listing=listing, note="off sale", **figures)


def teach(shop: Sandbox, tried: Run) -> None:
    shop.oasis.add_order({"partner_sku": "VASE", "option_sku": "30-VASE", "quantity": 1})
    for _ in range(2):
        tried("run", "all")
    assert Listing.objects.get(marketplace_sku="VASE").explanation == {"shown_by": "30-VASE"}


def test_a_rule_holds_on_when_an_order_has_another_listing_speak(shop: Sandbox, tried: Run, vase: Listing) -> None:
    rule(vase, fixed_quantity=0)
    tried("run", "all")
    teach(shop, tried)
    assert shop.oasis.quantities["VASE", DC] == 0
    decided = now.decision(Listing.objects.get(marketplace_sku="30-VASE"))
    assert decided
    assert in_words(decided.explanation)[-1] == (
        "Shown", f"fixed quantity 0 (rule {InventoryRule.objects.get().pk} of the listing VASE: off sale)"
    )  # fmt: skip


@pytest.mark.parametrize(("figures", "shown"), [({"reserve": 6}, 2), ({"max_online": 4}, 4), ({"minimum_level": 9}, 0)])
def test_so_do_its_reserve_its_cap_and_its_minimum_level(
    shop: Sandbox, tried: Run, vase: Listing, figures: dict[str, int], shown: int
) -> None:
    rule(vase, **figures)
    teach(shop, tried)
    assert shop.oasis.quantities["VASE", DC] == shown


def test_what_is_not_to_be_published_stays_as_it_is(shop: Sandbox, tried: Run, vase: Listing) -> None:
    made = rule(vase, do_not_publish=True)
    teach(shop, tried)
    assert shop.oasis.quantities["VASE", DC] == 9
    speaks = Listing.objects.get(marketplace_sku="30-VASE")
    assert speaks.not_published == "a rule of the listing VASE says so (off sale)"
    assert speaks.not_published_by == made.pk


def test_a_new_rule_of_a_silent_listing_does_what_was_foreseen_also_on_a_large_route(
    shop: Sandbox, tried: Run, vase: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed, "SMALL", 0)
    teach(shop, tried)
    foreseen = dry_run.of_rule(InventoryRule(route=vase.route, listing=vase, max_online=3))
    assert [(one.sku, one.before, one.after) for one in foreseen.rows] == [("VASE", 8, 3)]
    made = rule(vase, max_online=3)
    tried("run", "publish_inventory")
    assert shop.oasis.quantities["VASE", DC] == 3
    decided = [now.decision(one) for one in Listing.objects.all()]
    assert [one and one.quantity for one in decided] == [3, 3]
    assert [one.after for one in dry_run.of_removal(made).rows] == [8]
    made.delete()
    tried("run", "publish_inventory")
    assert shop.oasis.quantities["VASE", DC] == 8


def test_the_page_of_the_listing_that_shows_it_says_that_a_switched_off_one_has_it_left_alone(
    shop: Sandbox, tried: Run, vase: Listing, admin_client: Client
) -> None:
    teach(shop, tried)
    page = reverse("admin:inventory_listing_change", args=[Listing.objects.get(marketplace_sku="30-VASE").pk])
    assert "Left as it is" not in admin_client.get(page).content.decode()
    Listing.objects.filter(pk=vase.pk).update(is_active=False, changed_at=timezone.now())
    shop.tradegecko.set_stock("V", 1)
    tried("run", "all")
    assert shop.oasis.quantities["VASE", DC] == 8
    answer = admin_client.get(page).content.decode()
    assert "Listing VASE has the same SKU there and is switched off: nothing is published of it" in answer
    there = text_of(admin_client.get(reverse("admin:inventory_listing_change", args=[vase.pk])))
    assert "So it does of listing 30-VASE, which has the same SKU there: nothing is published of that one" in there
    assert reverse("admin:inventory_listing_change", args=[vase.pk]) in answer


def test_the_page_of_a_listing_that_another_one_shows_says_so_once_and_leads_to_it(
    shop: Sandbox, tried: Run, vase: Listing, admin_client: Client
) -> None:
    teach(shop, tried)
    answer = admin_client.get(reverse("admin:inventory_listing_change", args=[vase.pk]))
    assert text_of(answer).count("has the same SKU there") == 1
    speaks = Listing.objects.get(marketplace_sku="30-VASE")
    assert reverse("admin:inventory_listing_change", args=[speaks.pk]) in answer.content.decode()
