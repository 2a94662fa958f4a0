"""What a page shows of a quantity adds up to it; pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from inventory import chain, chart, drift
from inventory.availability import Figure, Origin, Part, Rules, offer
from inventory.checked import DriftedListing
from inventory.drift import Sent

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
