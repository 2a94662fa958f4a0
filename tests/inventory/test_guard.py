"""What looks like damage, and what is business as usual."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.guard import Change, Limits, Shown, judge

LIMITS = Limits(share=30, at_least=20)
quantities = st.integers(0, 2_000)
befores = st.one_of(st.none(), quantities)


@st.composite
def changes(draw: st.DrawFn, most: int = 80) -> list[Change]:
    found = draw(st.lists(st.tuples(befores, quantities, st.booleans(), st.booleans()), max_size=most))
    return [
        Change(place, before, after, is_sound, by_orders=by_orders and after < (before or 0))
        for place, (before, after, is_sound, by_orders) in enumerate(found) if before != after
    ]  # fmt: skip


def lowered(number: int, before: int = 5, after: int = 0) -> list[Change]:
    return [Change(place, before, after) for place in range(number)]


@pytest.mark.parametrize(
    ("number", "listings", "is_held"),
    [(1, 1, False), (19, 19, False), (20, 20, True), (20, 66, True), (20, 67, False), (30, 100, False),
     (31, 100, True), (100, 1_000, False)],
)  # fmt: skip
def test_many_zeros_are_held_and_few_are_not(number: int, listings: int, is_held: bool) -> None:
    found = judge(lowered(number), Shown(listings, listings), LIMITS)
    assert len(found.held) == (number if is_held else 0)


def test_zeros_are_a_share_of_what_is_in_stock() -> None:
    found = judge(lowered(50), Shown(listings=10_000, in_stock=60), LIMITS)
    assert found.reasons == ("50 of 60 listings in stock would show 0",)


def test_as_many_other_changes_are_held_too() -> None:
    found = judge(lowered(40, 5, 4), Shown(100, 100), LIMITS)
    assert found.reasons == ("40 of the 100 listings that are shown would show another quantity",)
    assert found.held == frozenset(range(40))


def test_what_was_never_shown_is_no_change() -> None:
    new = [Change(place, None, 7) for place in range(5_000)]
    assert judge(new, Shown(100, 100), LIMITS).held == frozenset()


def test_the_first_publish_of_a_route_holds_nothing() -> None:
    assert judge([Change(1, None, 10_000)], Shown(0, 0), LIMITS, "never read").held == frozenset()


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [(9, 90, False), (9, 99, True), (9, 100, True), (10, 100, False), (10, 101, True), (100, 1_000, False), (100, 1_001, True),
     (0, 5_000, False), (None, 5_000, False), (1, 99, True), (5, 60, True), (1, 19, False), (5_000, 1, False)],
)  # fmt: skip
def test_a_leap_holds_back_itself_alone(before: int | None, after: int, is_held: bool) -> None:
    sold_out = Change(2, 3, 0)
    found = judge([Change(1, before, after), sold_out], Shown(50, 50), LIMITS)
    assert found.held == (frozenset({1}) if is_held else frozenset())


@pytest.mark.parametrize(("after", "usual", "is_held"), [(60, 60, False), (60, 59, True), (120, 500, True)])
def test_a_delivery_that_brings_back_what_was_shown_lately_is_no_leap_below_a_hundred(
    after: int, usual: int, is_held: bool
) -> None:
    assert bool(judge([Change(1, 5, after, usual=usual)], Shown(50, 50), LIMITS).held) == is_held


def test_doubtful_stock_holds_back_what_does_not_stand_for_itself() -> None:
    found = judge([Change(1, 5, 0), Change(2, 5, 4, is_sound=True)], Shown(50, 50), LIMITS, "too old")
    assert (found.held, found.reasons) == (frozenset({1}), ("too old",))
    assert judge([Change(2, 5, 4, is_sound=True)], Shown(50, 50), LIMITS, "too old").reasons == ()


@given(changes(), st.integers(0, 200), st.sampled_from(["", "too old"]))
def test_there_is_a_reason_exactly_where_something_is_held(found: list[Change], others: int, doubt: str) -> None:
    verdict = judge(found, shown(found, others), LIMITS, doubt)
    assert bool(verdict.held) == bool(verdict.reasons)
    assert verdict.held <= {one.listing_id for one in found}


@given(changes(), st.integers(0, 200))
def test_what_is_let_through_is_no_mass(found: list[Change], others: int) -> None:
    whole = shown(found, others)
    held = judge(found, whole, LIMITS).held
    free = [one for one in found if one.listing_id not in held]
    assert judge(free, whole, LIMITS).held == frozenset()
    zeroed = sum(one.is_zeroing and not one.by_orders for one in free)
    assert zeroed < LIMITS.at_least or zeroed * 100 <= LIMITS.share * whole.in_stock or not whole.listings


@given(changes(most=40), st.randoms())
def test_the_order_of_changes_does_not_matter(found: list[Change], random: Random) -> None:
    mixed = list(found)
    random.shuffle(mixed)
    assert judge(mixed, shown(found, 0), LIMITS).held == judge(found, shown(found, 0), LIMITS).held


@given(changes(most=40), st.integers(0, 100))
def test_a_doubt_never_lets_more_through(found: list[Change], others: int) -> None:
    whole = shown(found, others)
    assert judge(found, whole, LIMITS).held <= judge(found, whole, LIMITS, "too old").held


@given(befores, quantities, befores, quantities)
def test_agreement_goes_no_further_than_what_was_shown(
    before: int | None, after: int, now_before: int | None, now_after: int
) -> None:
    agreed = Change(1, before, after).allows(Change(1, now_before, now_after))
    between = min(before or 0, after) <= now_after <= max(before or 0, after)
    assert agreed == (now_before == before and between)


def shown(found: list[Change], others: int) -> Shown:
    """Of a route that shows these and so many others, all in stock."""
    before = [one.before for one in found if one.before is not None]
    return Shown(len(before) + others, sum(one > 0 for one in before) + others)


def fixed(number: int, after: int = 0, of: int = 100) -> list[Change]:
    return [Change(of + place, 5, after, is_ruled=True) for place in range(number)]


def test_what_a_rule_fixes_does_not_wait_for_damaged_stock() -> None:
    found = judge([*lowered(40), *fixed(3)], Shown(100, 100), LIMITS)
    assert found.held == frozenset(range(40))
    assert found.reasons == (
        "40 of 100 listings in stock would show 0",
        "40 of the 100 listings that are shown would show another quantity",
    )


def test_rules_that_fix_many_are_a_mass_of_their_own() -> None:
    found = judge([*lowered(3), *fixed(40)], Shown(100, 100), LIMITS)
    assert found.held == frozenset(range(100, 140))
    both = judge([*lowered(40), *fixed(40)], Shown(100, 100), LIMITS)
    assert len(both.held) == 80


def test_rules_and_stock_that_are_a_mass_together_are_held_together() -> None:
    found = judge([*lowered(20), *fixed(20)], Shown(100, 100), LIMITS)
    assert len(found.held) == 40
