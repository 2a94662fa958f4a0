"""Short references: as the number is when it fits, else deterministic and never shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from integrations.models import Route
from orders.references import short_reference

RULES = st.sampled_from(list(Route.Characters))


def test_a_number_that_fits_is_left_as_it_is() -> None:
    assert short_reference("OSTK", "700100201-1") == "700100201-1"
    assert short_reference("OSTK", "Order 12") == "Order 12"


@given(st.text(min_size=1, max_size=200), st.integers(10, 60), RULES)
def test_it_keeps_to_length_and_characters_and_is_always_the_same(
    number: str, length: int, rule: Route.Characters
) -> None:
    found = short_reference("OSTK", number, length=length, characters=rule)
    assert 0 < len(found) <= length
    assert found == short_reference("OSTK", number, length=length, characters=rule)
    if rule == Route.Characters.DIGITS:
        assert found.isdigit()
    if rule == Route.Characters.ALPHANUMERIC:
        assert found.isalnum()


@given(st.text("ABC-", min_size=40, max_size=80), st.text("ABC-", min_size=40, max_size=80))
def test_numbers_with_the_same_beginning_get_different_references(first: str, second: str) -> None:
    same = "X" * 40
    if first != second:
        assert short_reference("OSTK", same + first) != short_reference("OSTK", same + second)


def test_the_next_candidate_differs() -> None:
    assert short_reference("OSTK", "12", salt=1) != short_reference("OSTK", "12", salt=2) != "12"
