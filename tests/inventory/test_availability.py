"""The quantity of a listing, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inventory.availability import Figure, Offer, Part, Rules, offer

AT = datetime(2026, 1, 2, tzinfo=UTC)
AVAILABLE = st.decimals(-50, 500, places=1)
PARTS = st.lists(
    st.builds(
        Part, st.just("A"), st.integers(1, 12), AVAILABLE, st.integers(0, 60), st.none() | st.integers(-5, 100),
    ),
    min_size=1, max_size=4,
)  # fmt: skip
RULES = st.builds(Rules, st.integers(0, 20), st.integers(0, 20), st.none() | st.integers(0, 50), st.none())
ANY_RULES = st.builds(
    Rules, st.integers(0, 20), st.integers(0, 20), st.none() | st.integers(0, 50), st.none() | st.integers(0, 50),
    st.none() | st.integers(0, 50), st.booleans(),
)  # fmt: skip


def part(*figures: tuple[str, str]) -> Part:
    seen = tuple(Figure(place, Decimal(available), AT) for place, available in figures)
    return Part("A", 1, sum((one.available for one in seen), Decimal(0)), figures=seen)


def shown(parts: list[Part], rules: Rules) -> int:
    quantity = offer(parts, rules).quantity
    assert quantity is not None
    return quantity


def reckoned(made: Offer) -> int | None:
    """The quantity from the explanation alone, as a person would do it with paper and pencil."""
    told: dict[str, Any] = made.explanation
    if told.get("do_not_publish"):
        return None
    if "fixed_quantity" in told:
        return int(told["fixed_quantity"])
    sells = []
    for step in told["components"]:
        if step["tracked"]:
            left = max(Decimal(step["available"]) // 1 - (Decimal(step["available"]) % 1 < 0), Decimal(-(10**9)))
            sells.append(max(int(left) - step["pending"] - step["reserve"], 0) // step["units"])
    number = min(sells) if sells else told["sells"]
    if number is None:
        return None
    capped = number if told["cap"] is None else min(number, told["cap"])
    return 0 if capped < told["minimum_level"] else int(capped)


def test_orders_on_their_way_and_the_reserve_are_taken_off() -> None:
    assert offer([Part("A", 1, Decimal(10), 3)], Rules(reserve=2)).quantity == 5


def test_a_kit_is_as_available_as_its_scarcest_part() -> None:
    assert offer([Part("A", 1, Decimal(10)), Part("B", 4, Decimal(11))], Rules()).quantity == 2


def test_below_the_minimum_level_nothing_is_shown() -> None:
    assert offer([Part("A", 1, Decimal(4))], Rules(minimum_level=5)).quantity == 0
    assert offer([Part("A", 1, Decimal(5))], Rules(minimum_level=5)).quantity == 5


def test_untracked_stock_shows_the_set_quantity_or_nothing() -> None:
    assert offer([Part("A", 1, None)], Rules()).quantity is None
    assert offer([Part("A", 1, None)], Rules(untracked_quantity=99, max_online=50)).quantity == 50


def test_a_fixed_quantity_is_shown_whatever_the_stock_is() -> None:
    rules = Rules(reserve=3, minimum_level=9, max_online=2, fixed_quantity=7)
    assert offer([Part("A", 1, Decimal(-4))], rules).quantity == 7
    assert offer([], rules).quantity == 7
    assert offer([Part("A", 1, Decimal(9))], replace(rules, do_not_publish=True)).quantity is None


def test_what_one_location_owes_is_taken_off_the_others() -> None:
    made = offer([part(("Main DC", "-3"), ("East Store", "10.5"))], Rules())
    assert made.quantity == 7
    [step] = made.explanation["components"]
    assert [(place, available) for place, available, _ in step["places"]] == [("Main DC", "-3"), ("East Store", "10.5")]
    assert step["place"] == "Main DC + East Store"


def test_a_fraction_of_a_bundle_is_none() -> None:
    assert offer([part(("Main DC", "13.5"))], Rules()).quantity == 13
    assert offer([part(("Main DC", "-0.5"))], Rules()).quantity == 0


@given(PARTS, RULES)
def test_it_is_never_negative_nor_more_than_the_scarcest_part_allows(parts: list[Part], rules: Rules) -> None:
    quantity = shown(parts, rules)
    assert quantity >= 0
    assert all(quantity * part.units <= max((part.available or 0) - part.pending, 0) for part in parts)


@given(PARTS, RULES, st.integers(0, 50))
def test_more_stock_never_means_less_to_sell(parts: list[Part], rules: Rules, more: int) -> None:
    richer = [replace(part, available=(part.available or Decimal(0)) + more) for part in parts]
    assert shown(richer, rules) >= shown(parts, rules)


@given(st.permutations(range(4)), st.lists(PARTS, min_size=4, max_size=4), RULES)
def test_the_order_of_the_parts_does_not_matter(order: list[int], parts: list[list[Part]], rules: Rules) -> None:
    four = [some[0] for some in parts]
    assert shown([four[place] for place in order], rules) == shown(four, rules)


@given(PARTS, RULES, st.integers(1, 40))
def test_a_sale_and_a_restock_of_the_same_amount_give_back_the_same_number(
    parts: list[Part], rules: Rules, units: int
) -> None:
    sold = [replace(part, pending=part.pending + units) for part in parts]
    counted = [replace(part, available=(part.available or Decimal(0)) - units) for part in parts]
    back = [replace(part, available=(part.available or Decimal(0)) + units) for part in counted]
    assert shown(sold, rules) == shown(counted, rules) <= shown(parts, rules)
    assert shown(back, rules) == shown(parts, rules)


@given(PARTS | st.just([Part("U", 2, None)]), ANY_RULES)
def test_reckoned_again_from_its_explanation_it_is_the_same_number(parts: list[Part], rules: Rules) -> None:
    made = offer(parts, rules)
    assert reckoned(made) == made.quantity == made.explanation["quantity"]
