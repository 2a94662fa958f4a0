"""What a page shows of a quantity adds up to it; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from inventory import chain, chart, drift
from inventory.availability import Figure, Origin, Part, Rules, offer
from inventory.checked import DriftedListing
from inventory.drift import Sent
from inventory.explanation import briefly, in_words

C = DriftedListing.Cause
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
small = st.integers(0, 40)


@st.composite
def parts(draw: st.DrawFn) -> Part:
    figures = tuple(
        Figure(f"DC {place}", draw(st.decimals(-5, 90, places=2)), AT) for place in range(draw(st.integers(1, 3)))
    )
    orders = draw(st.dictionaries(st.text("0123456789-", min_size=1, max_size=6), st.integers(1, 9), max_size=3))
    return Part(
        "V", draw(st.integers(1, 4)), sum((one.available for one in figures), Decimal(0)),
        sum(orders.values()), draw(st.none() | small), figures, orders,
    )  # fmt: skip


untracked = st.just(Part("SERVICE", 1, None))
rules = st.builds(
    Rules, reserve=small, minimum_level=st.integers(0, 9), max_online=st.none() | small,
    untracked_quantity=st.none() | small, fixed_quantity=st.none() | small, do_not_publish=st.booleans(),
)  # fmt: skip


@given(st.lists(parts() | untracked, min_size=1, max_size=3), rules)
def test_the_number_reckoned_from_the_explanation_is_the_number(some: list[Part], ruled: Rules) -> None:
    made = offer(some, ruled)
    assert chain.reckoned(made.explanation) == made.quantity
    last = chain.sections(made.explanation)[-1].steps[-1]
    assert last.is_result
    if made.quantity is not None:
        assert last.amount == str(made.quantity)


@given(st.lists(parts(), min_size=1, max_size=3), st.integers(0, 9))
def test_the_steps_of_a_component_add_up(some: list[Part], reserve: int) -> None:
    made = offer(some, Rules(reserve=reserve))
    for section, part in zip(chain.sections(made.explanation), some, strict=False):
        figures = [Decimal(step.amount) for step in section.steps if step.at]
        taken = [int(step.amount.removeprefix("− ")) for step in section.steps if step.amount.startswith("− ")]
        left = next(step for step in section.steps if step.text.startswith("Left"))
        assert int(left.amount) == max(int(sum(figures) // 1) - sum(taken), 0)
        assert {step.order: step.amount for step in section.steps if step.order} == {
            number: f"− {units}" for number, units in part.orders.items()
        }


def test_each_rule_that_took_part_is_named_and_can_be_followed() -> None:
    origins = {"max_online": Origin(7, "Clearance", "listing"), "reserve": Origin(3, "", "route")}
    part = Part("V", 1, Decimal(12), figures=(Figure("Main DC", Decimal(12), AT),))
    steps = [
        step for one in chain.sections(offer([part], Rules(2, 0, 5, origins=origins)).explanation) for step in one.steps
    ]
    assert [(step.text, step.amount, step.rule) for step in steps if step.rule] == [
        ("Reserve (rule of the route)", "− 2", 3), ("Cap: never more than (rule of the listing: Clearance)", "5", 7),
    ]  # fmt: skip


def said_of(part: Part, ruled: Rules, *uncounted: str) -> list[tuple[str, str]]:
    told = offer([part], ruled, uncounted).explanation
    return [(step.text, step.amount) for one in chain.sections(told) for step in one.steps]


MUGS = Part("MUG", 1, Decimal(49), figures=(Figure("Main DC", Decimal(49), AT),))
NAMED = {"reserve": Origin(3, "", "route"), "minimum_level": Origin(4, "Few left", "route"),
         "max_online": Origin(5, "Launch", "listing")}  # fmt: skip


def test_in_brief_the_rule_that_made_the_number_is_named() -> None:
    ruled = (Rules(minimum_level=50), Rules(reserve=1), Rules(max_online=9), Rules(max_online=50))
    told = [briefly(offer([MUGS], replace(one, origins=NAMED)).explanation) for one in ruled]
    counted = "MUG: 49 available at Main DC − 0 in orders"
    assert told == [
        f"{counted}; below the minimum level 50 (rule 4 of the route: Few left)",
        f"{counted} − 1 reserve (rule 3 of the route)",
        f"{counted}; cap 9 (rule 5 of the listing: Launch)",
        counted,
    ]


def test_what_is_below_the_minimum_level_shows_0() -> None:
    assert ("Below the minimum level of 50", "0") in said_of(MUGS, Rules(minimum_level=50))
    assert ("Minimum level", "49") in said_of(MUGS, Rules(minimum_level=49))


def test_what_may_be_sold_below_zero_is_not_said_to_be_untracked() -> None:
    ruled = Rules(untracked_quantity=9)
    kept, untracked = Part("KEEP", 1, None, keep_selling=True), Part("SERVICE", 1, None)
    assert ("The warehouse lets it be sold below zero", "–") in said_of(kept, ruled)
    assert ("The warehouse does not track its stock", "–") in said_of(untracked, ruled)
    assert briefly(offer([kept], ruled).explanation) == "may be sold below zero: untracked quantity 9"
    assert briefly(offer([untracked], ruled).explanation) == "stock not tracked: untracked quantity 9"


def test_a_location_that_should_count_and_is_not_there_is_said_so() -> None:
    texts = [text for text, _ in said_of(MUGS, Rules(), "East Store")]
    assert "East Store: not counted, since the warehouse has no single location of that name that holds stock" in texts
    told = offer([MUGS], Rules(), ("East Store",)).explanation
    assert briefly(told) == "MUG: 49 available at Main DC (East Store not counted) − 0 in orders"


def test_what_is_inside_a_bundle_says_which_bundle_that_is() -> None:
    part = replace(MUGS, units=2, bundles={"GIFT": 2})
    told = offer([part], Rules()).explanation
    assert chain.sections(told)[0].title == "2 × MUG (in bundle GIFT)"
    assert in_words(told)[0][0] == "2 × MUG (in bundle GIFT)"
    assert briefly(told).startswith("MUG (in bundle GIFT): 49 available")


def test_an_older_explanation_without_orders_still_adds_up() -> None:
    old = {"components": [{"sku": "V", "units": 2, "tracked": True, "available": "9", "pending": 3, "reserve": 1,
                           "sells": 2}], "sells": 2, "cap": None, "minimum_level": 0, "cut_off": False, "quantity": 2}  # fmt: skip
    assert chain.reckoned(old) == 2
    assert "− 3" in [step.amount for step in chain.sections(old)[0].steps]


def test_what_was_never_decided_has_no_chain() -> None:
    assert chain.sections({}) == []
    assert chain.reckoned({}) is None
    assert chain.reckoned({"problem": "Not carried", "quantity": 0}) == 0


def test_a_quantity_stands_until_the_next_one_in_the_drawing() -> None:
    hours = [(AT.replace(hour=hour), quantity) for hour, quantity in ((8, 10), (10, 0), (12, 5))]
    made = chart.draw(hours, AT.replace(hour=16))
    assert made is not None
    assert made.line == "M56.0 12.0H220.0V152.0H384.0V82.0H712.0"
    assert [mark.text for mark in made.levels] == ["0", "5", "10"]
    assert "between 0 and 10, the last one 5" in made.summary
    assert chart.draw(hours[:1], AT) is None


def test_drift_has_one_cause() -> None:
    assert not drift.differs(Sent(5), 5)
    assert not drift.differs(Sent(), None)
    assert not drift.differs(Sent(5, refused=3), 3)
    assert drift.differs(Sent(5), None)
    assert drift.cause(Sent(), 4) == C.NEVER_SENT
    assert drift.cause(Sent(5, refused=3), 5) == C.REFUSED
    assert drift.cause(Sent(5, earlier={9, 7}), 7) == C.OUT_OF_ORDER
    assert drift.cause(Sent(5, earlier={9, 7}), 6) == C.CHANGED_THERE
    assert drift.cause(Sent(5, earlier={9}), None) == C.CHANGED_THERE
