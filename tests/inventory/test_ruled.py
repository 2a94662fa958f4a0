"""What a person lowers by a rule is shown also while damaged stock waits; what rules would raise waits with it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrations.sandbox.server import Sandbox
from inventory import chain, ruled, sold
from inventory.availability import Part, Rules, offer
from inventory.models import GuardedPublish, InventoryLevel, Listing, Publication, WarehouseItem
from inventory.rules import InventoryRule
from tests.inventory.test_guarding import DC, GOODS, Run, released, shown, stock, stock_is_older
from tests.inventory.test_guarding import goods as goods
from tests.inventory.test_guarding import waiting as waiting

limits = st.one_of(st.none(), st.integers(0, 30))
rules = st.builds(
    Rules, reserve=st.integers(0, 9), minimum_level=st.integers(0, 9), max_online=limits, untracked_quantity=limits,
    fixed_quantity=limits,
)  # fmt: skip
parts = st.builds(
    Part, st.sampled_from(["A", "B"]), st.integers(1, 3), st.one_of(st.none(), st.decimals(-5, 40, places=2)),
    max_online=limits,
)  # fmt: skip


@given(some=st.lists(parts, min_size=1, max_size=3), then=rules, now=rules)
def test_stricter_rules_never_show_more_and_what_they_show_adds_up(some: list[Part], then: Rules, now: Rules) -> None:
    before = sold.taken_off(offer(some, then).explanation, {})
    if before["quantity"] is None:
        return
    after = ruled.stricter(before, now)
    assert chain.reckoned(after) == after["quantity"] <= before["quantity"]
    assert ruled.stricter(after, now)["quantity"] == after["quantity"]
    if then.fixed_quantity is None and now.fixed_quantity is not None:
        assert after["quantity"] <= now.fixed_quantity
    if then.fixed_quantity is None and now.max_online is not None:
        assert after["quantity"] <= now.max_online


def rule(sku: str, **values: Any) -> InventoryRule:
    listing = Listing.objects.get(marketplace_sku=sku)
    return InventoryRule.objects.create(route=listing.route, listing=listing, **values)


def test_what_a_rule_lowers_is_shown_while_damaged_stock_waits(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    rule("M1", max_online=2)
    rule("M2", reserve=4)
    rule("M3", minimum_level=6)
    rule("M4", max_online=4)
    rule("M4", reserve=2, fixed_quantity=1)
    rule("M5", max_online=9)
    for _ in range(2):
        tried("run", "publish_inventory")
        assert [shop.oasis.quantities[f"M{place}", DC] for place in range(1, 7)] == [2, 1, 0, 1, 5, 5]
    for listing in Listing.objects.all():
        assert chain.reckoned(listing.explanation) == listing.published_quantity
    cap = Listing.objects.get(marketplace_sku="M1").explanation["rules"]["max_online"]
    assert (cap["rule"], cap["of"]) == (InventoryRule.objects.get(max_online=2).pk, "listing")
    waiting.refresh_from_db()
    row = waiting.quantities.get(sku="M1")
    assert (waiting.state, waiting.changed, row.before, row.after) == ("waiting", GOODS - 2, 2, 0)
    released(waiting)
    manage("run", "publish_inventory")
    assert sorted(shop.oasis.quantities.values()) == [0] * (GOODS - 1) + [1]


def test_what_a_rule_lowers_and_what_was_sold_are_both_taken_off_while_it_waits(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    rule("M1", reserve=1)
    shop.oasis.add_order({"partner_sku": "M1", "quantity": 2})
    manage("run", "pull_orders")
    for _ in range(2):
        tried("run", "all")
        assert (shop.oasis.quantities["M1", DC], shop.oasis.quantities["M2", DC]) == (2, 5)


def test_a_rule_for_so_many_that_it_is_a_mass_waits_with_what_is_held(
    shop: Sandbox, waiting: GuardedPublish, tried: Run
) -> None:
    InventoryRule.objects.create(route=waiting.route, max_online=2)
    tried("run", "publish_inventory")
    assert shown(shop) == {5}


def test_the_end_of_a_rule_raises_nothing_while_damaged_stock_waits(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    made = rule("M1", max_online=2)
    tried("run", "publish_inventory")
    made.delete()
    tried("run", "publish_inventory")
    assert (shop.oasis.quantities["M1", DC], shop.oasis.quantities["M2", DC]) == (2, 5)
    stock(shop, 5)
    manage("run", "all")
    assert shown(shop) == {5}


def test_what_is_released_goes_though_a_rule_lowered_it_and_the_marketplace_was_not_told_of_that(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    rule("M1", max_online=2)
    shop.faults.add("oasis", "503", path="/inventory")
    tried("run", "publish_inventory")
    released(waiting)
    Publication.objects.update(not_before=None)
    manage("run", "publish_inventory")
    assert shown(shop) == {0}


def test_a_rule_lowers_what_rests_on_old_stock_too(shop: Sandbox, goods: None, tried: Run) -> None:
    stock_is_older(hours=7)
    InventoryLevel.objects.filter(item_id=WarehouseItem.objects.get(sku="V1").remote_id).update(available=1)
    rule("M1", max_online=3)
    tried("run", "publish_inventory")
    assert (shop.oasis.quantities["M1", DC], GuardedPublish.objects.get().quantities.get().before) == (3, 3)
