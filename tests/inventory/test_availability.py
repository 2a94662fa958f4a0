"""The quantity of a listing, and why."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from inventory.availability import Part, Rules, offer

PARTS = st.lists(
    st.builds(
        Part, st.just("A"), st.integers(1, 12), st.decimals(-50, 500, places=1), st.integers(0, 60),
        st.none() | st.integers(-5, 100),
    ),
    min_size=1, max_size=4,
)  # fmt: skip
RULES = st.builds(Rules, st.integers(0, 20), st.integers(0, 20), st.none() | st.integers(0, 50), st.none())


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


@given(PARTS, RULES)
def test_it_is_never_negative_nor_more_than_the_scarcest_part_allows(parts: list[Part], rules: Rules) -> None:
    quantity = offer(parts, rules).quantity
    assert quantity is not None
    assert quantity >= 0
    assert all(quantity * part.units <= max(part.available or 0, 0) for part in parts)


@given(PARTS, RULES, st.integers(0, 50))
def test_more_stock_never_means_less_to_sell(parts: list[Part], rules: Rules, more: int) -> None:
    richer = [Part(p.sku, p.units, (p.available or Decimal(0)) + more, p.pending, p.max_online) for p in parts]
    assert (offer(richer, rules).quantity or 0) >= (offer(parts, rules).quantity or 0)
    assert offer(parts, rules).quantity == offer(parts[::-1], rules).quantity
