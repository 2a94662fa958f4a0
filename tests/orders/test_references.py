"""Short references: as the number is when it fits, else deterministic and never shared."""

from __future__ import annotations

import re

import pytest
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


@pytest.mark.parametrize("number", ["12\t34", "12\n34", "12\x0034", "12\x8534", " 1234", "1234 "])
def test_a_number_with_a_tab_or_a_control_character_gives_a_reference_without_it(number: str) -> None:
    found = short_reference("OSTK", number)
    assert found.isprintable()
    assert re.fullmatch(r"12-?34-\w{7}", found)


def test_a_number_with_blanks_inside_is_kept() -> None:
    assert short_reference("OSTK", "PO 12  b") == "PO 12  b"
