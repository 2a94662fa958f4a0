"""Which rule makes a figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import Route
from inventory.availability import Rules
from inventory.models import Listing
from inventory.rulebook import Rulebook, combine
from inventory.rules import InventoryRule

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Facts:
    pk: int
    listing_id: int | None = None
    starts_at: datetime | None = None
    note: str = ""
    reserve: int | None = None
    minimum_level: int | None = None
    max_online: int | None = None
    fixed_quantity: int | None = None
    do_not_publish: bool | None = None


SETTINGS = Rules(reserve=1, minimum_level=2, max_online=30, untracked_quantity=9)
SOME = st.none() | st.integers(0, 3)
FACTS = st.builds(
    Facts, st.integers(1, 10**6), st.sampled_from([None, 7, 8]), st.none() | st.integers(0, 4).map(lambda hours: NOON + hours * HOUR),
    st.just(""), SOME, SOME, SOME, SOME, st.none() | st.booleans(),
)  # fmt: skip


def test_a_listings_rule_goes_before_the_routes_and_that_before_the_settings() -> None:
    rules = [Facts(1, reserve=5, max_online=8), Facts(2, listing_id=7, reserve=0)]
    made = combine(SETTINGS, rules)
    assert (made.reserve, made.max_online, made.minimum_level, made.untracked_quantity) == (0, 8, 2, 9)
    assert {name: (one.rule, one.of) for name, one in made.origins.items()} == {
        "reserve": (2, "listing"), "max_online": (1, "route"),
    }  # fmt: skip


def test_of_two_rules_the_one_that_started_last_wins_field_by_field() -> None:
    early = Facts(9, starts_at=NOON, reserve=1, max_online=1)
    late = Facts(3, starts_at=NOON + HOUR, reserve=2)
    made = combine(SETTINGS, [late, early, Facts(99, reserve=3)])
    assert (made.reserve, made.max_online) == (2, 1)


def test_a_listing_may_be_published_though_its_route_is_not() -> None:
    assert not combine(SETTINGS, [Facts(1, do_not_publish=True), Facts(2, 7, do_not_publish=False)]).do_not_publish


def test_of_listings_that_share_a_sku_the_stricter_figure_holds() -> None:
    early = Facts(1, 7, NOON, reserve=9, fixed_quantity=2, do_not_publish=True)
    late = Facts(2, 7, NOON + HOUR, reserve=3, max_online=8, minimum_level=1)
    other = Facts(
        3, 8, NOON + 2 * HOUR, reserve=2, max_online=5, minimum_level=4, fixed_quantity=6, do_not_publish=False
    )
    made = combine(SETTINGS, [early, late, other, Facts(4, reserve=20, max_online=1)], {7: "VASE"})
    assert (made.reserve, made.max_online, made.minimum_level) == (3, 5, 4)
    assert (made.fixed_quantity, made.do_not_publish) == (2, True)
    assert {name: (one.rule, one.of) for name, one in made.origins.items()} == {
        "reserve": (2, "listing VASE"), "max_online": (3, "listing"), "minimum_level": (3, "listing"),
        "fixed_quantity": (1, "listing VASE"), "do_not_publish": (1, "listing VASE"),
    }  # fmt: skip


def test_a_listing_that_says_nothing_leaves_what_its_twin_says() -> None:
    made = combine(
        SETTINGS, [Facts(1, 7, reserve=0, do_not_publish=False), Facts(2, reserve=4, do_not_publish=True)], {8: "B"}
    )
    assert (made.reserve, made.do_not_publish) == (0, False)


@given(st.lists(FACTS, max_size=6, unique_by=lambda one: one.pk), st.randoms())
def test_the_order_of_the_rules_does_not_matter(rules: list[Facts], chance: object) -> None:
    shuffled = list(rules)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert combine(SETTINGS, shuffled) == combine(SETTINGS, rules)


def test_a_rule_holds_from_its_start_to_its_end(route: Route) -> None:
    InventoryRule.objects.create(route=route, reserve=4, starts_at=NOON, ends_at=NOON + HOUR)
    held = [Rulebook(route, NOON + minutes * timedelta(minutes=1)).of(1).reserve for minutes in (-1, 0, 59, 60)]
    assert held == [0, 4, 4, 0]


def test_a_rule_that_says_nothing_or_ends_before_its_start_is_refused(route: Route) -> None:
    with pytest.raises(ValidationError, match="at least one of reserve"):
        InventoryRule(route=route).full_clean()
    with pytest.raises(ValidationError, match="ends after its start"):
        InventoryRule(route=route, reserve=1, starts_at=NOON, ends_at=NOON).full_clean()
    with pytest.raises(IntegrityError):
        InventoryRule.objects.create(route=route)


def test_a_rule_stays_with_its_listing(route: Route) -> None:
    first, second = (Listing.objects.create(route=route, marketplace_sku=sku) for sku in ("A", "B"))
    rule = InventoryRule.objects.create(route=route, listing=first, reserve=1)
    rule.listing = second
    with pytest.raises(ValidationError, match="make another one"):
        rule.full_clean()
