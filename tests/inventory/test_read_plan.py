"""Reading what matters now with the fewest calls."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from inventory.read_plan import Means, plan

ITEMS = st.lists(st.integers(0, 300).map(str), max_size=400)


def test_a_sweep_that_takes_no_more_calls_reads_everything() -> None:
    items = [str(number) for number in range(101)]
    assert plan(items, Means(sweep_calls=3, batch_size=50, calls_left=9)).by_sweep
    assert len(plan(items, Means(sweep_calls=4, batch_size=50, calls_left=9)).items) == 101
    assert len(plan(items, Means(sweep_calls=0, batch_size=50, calls_left=9)).items) == 101


def test_with_few_calls_left_the_most_urgent_are_read() -> None:
    made = plan(["9", "1", "9", "5"], Means(sweep_calls=40, batch_size=2, calls_left=1))
    assert (made.items, made.left_out) == (("9", "1"), 1)


def test_where_nothing_matters_nothing_is_read() -> None:
    assert plan([], Means(1, 50, 100)) == plan((), Means(0, 50, 0))


@given(ITEMS, st.integers(0, 9), st.integers(1, 60), st.integers(0, 9))
def test_it_never_takes_more_calls_than_are_left_or_a_sweep_would(
    items: list[str], sweep: int, batch: int, left: int
) -> None:
    made = plan(items, Means(sweep, batch, left))
    calls = ceil(len(made.items) / batch)
    assert calls <= left
    assert not sweep or calls < sweep or not made.items
    assert made.by_sweep or len(made.items) + made.left_out == len(set(items))
