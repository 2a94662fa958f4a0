"""What the marketplace changed, and what that makes of the warehouse's order: values in, values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.ports import Address, MarketplaceLine, MarketplaceOrder, SaleState
from integrations.sent_orders import LineChange, OrderChange, PlacedLine, PlacedOrder, Rounding
from orders import changes
from orders.change_steps import NotPossible, Target, TargetLine, leaves_nothing, steps
from orders.changes import Change

HERE = Address("Pat Doe", "12 Mill Lane", "", "Boise", "ID", "83702", "US", "208-555-0100")
AT = datetime(2026, 3, 4, tzinfo=UTC)
MUG = MarketplaceLine("1", "MUG-BLK", quantity=2)
TEE = MarketplaceLine("2", "TEE-RED-M", quantity=1)


def sale(*lines: MarketplaceLine, **values: Any) -> MarketplaceOrder:
    order = MarketplaceOrder("700-1", "OSTK", AT, AT, "Riverside DC", HERE, lines, shipping_code="GROUND")
    return replace(order, **values)


def found(before: MarketplaceOrder, now: MarketplaceOrder) -> list[Change]:
    return changes.compare(changes.facts(before), changes.facts(now))


# --- told now against told before -------------------------------------------------------------------------------


def test_each_difference_names_its_field_and_both_values() -> None:
    now = sale(
        replace(MUG, quantity=3), replace(TEE, partner_sku="TEE-BLU-M"), MarketplaceLine("3", "BOWL", quantity=4),
        ship_to=replace(HERE, city="Nampa"), shipping_code="TWO_DAY",
    )  # fmt: skip
    assert list(map(str, found(sale(MUG, TEE), now))) == [
        "city 'Boise' → 'Nampa'",
        "shipping code 'GROUND' → 'TWO_DAY'",
        "line 1 quantity 2 → 3",
        "line 2 partner SKU 'TEE-RED-M' → 'TEE-BLU-M'",
        "line 3 is new: 4 × BOWL",
    ]
    assert list(map(str, found(sale(MUG, TEE), sale(MUG)))) == ["line 2 is gone: 1 × TEE-RED-M"]


@pytest.mark.parametrize(
    "now",
    [
        replace(MUG, state=SaleState.CANCELLED, quantity=0),
        replace(MUG, state=SaleState.SHIPPED, quantity=9),
        replace(MUG, quantity_shipped=1),
        replace(MUG, quantity=None),
        replace(MUG, partner_sku=" MUG-BLK "),
        replace(MUG, title="Another title", notes="gift"),
        replace(MUG, unit_cost=None),
    ],
)
def test_what_shipped_was_cancelled_or_is_told_otherwise_is_no_change(now: MarketplaceLine) -> None:
    assert found(sale(MUG), sale(now)) == []


def test_what_was_closed_and_is_open_again_and_a_cost_are_changes() -> None:
    closed = replace(TEE, state=SaleState.CANCELLED)
    assert list(map(str, found(sale(MUG, closed), sale(MUG, TEE)))) == ["line 2 is open again: 1 × TEE-RED-M"]
    dear, same = replace(MUG, unit_cost=Decimal("12.5")), replace(MUG, unit_cost=Decimal("12.500"))
    assert list(map(str, found(sale(dear), sale(replace(MUG, unit_cost=Decimal("13.0001")))))) == [
        "line 1 unit cost 12.50 → 13.0001"
    ]
    assert found(sale(dear), sale(same)) == []


def test_blanks_in_an_address_are_no_change() -> None:
    assert found(sale(MUG), sale(MUG, ship_to=replace(HERE, address1=" 12  Mill Lane"))) == []


def test_lines_that_cannot_be_told_apart_are_not_compared() -> None:
    twice = replace(TEE, number="1")
    assert found(sale(MUG, twice), sale(MUG, replace(twice, quantity=7))) == []


numbers = st.sampled_from(["", "1", "2", "3"])
lines = st.builds(
    MarketplaceLine, number=numbers, partner_sku=st.sampled_from(["A", "B"]), quantity=st.none() | st.integers(0, 3),
    state=st.sampled_from(SaleState),
)  # fmt: skip
sales = st.builds(lambda some: sale(*some), st.lists(lines, max_size=4))


@given(sales, sales)
def test_an_order_never_differs_from_itself_and_every_change_can_be_said(one: MarketplaceOrder, other: Any) -> None:
    assert found(one, one) == []
    assert all(str(change) for change in found(one, other))


# --- what is to be done there -----------------------------------------------------------------------------------


def there(*rows: PlacedLine, **values: Any) -> PlacedOrder:
    order = PlacedOrder(
        "44", "SO44", "active", rows, HERE, address_id="7", address_label="SO44", notes="Service: Ground"
    )
    return replace(order, **values)


def line(remote_id: str, quantity: int, item_id: str = "mug", **values: int) -> PlacedLine:
    return PlacedLine(remote_id, item_id, Decimal(quantity), **{name: Decimal(one) for name, one in values.items()})


def ours(remote_id: str, sent: int, quantity: int | None, item_id: str = "mug") -> TargetLine:
    return TargetLine(1, item_id, item_id, quantity, remote_id, sent)


def test_only_what_differs_is_done() -> None:
    placed = there(line("a", 2), line("b", 1, "tee"))
    target = Target((ours("a", 2, 3), ours("b", 1, None, "tee")), {}, "SO44", ("Service: Ground", "Service: Two day"))
    assert steps(placed, target) == OrderChange((LineChange("a", "mug", 3),), notes="Service: Two day")
    assert not steps(there(line("a", 3), line("b", 1, "tee"), notes="Service: Two day"), target)


def test_a_line_of_the_notes_is_changed_and_what_staff_wrote_stays() -> None:
    placed = there(notes="Service: Ground\nRing twice")
    change = steps(placed, Target(service=("Service: Ground", "Service: Two day")))
    assert change.notes == "Service: Two day\nRing twice"
    assert not steps(replace(placed, notes=change.notes or ""), Target(service=("Service: Ground", "Service: Two day")))


def test_what_staff_corrected_of_the_address_stands() -> None:
    placed = there(ship_to=replace(HERE, address2="Rear entrance"))
    change = steps(placed, Target(address={"city": "Nampa"}, address_label="SO44"))
    assert change.ship_to == replace(HERE, address2="Rear entrance", city="Nampa")


def test_a_line_taken_out_already_is_not_sought_in_its_neighbour_of_the_same_item() -> None:
    target = Target((ours("a", 1, 0), ours("b", 1, None)))
    assert steps(there(line("a", 1), line("b", 1)), target).lines == (LineChange("a", "mug", 0),)
    assert not steps(there(line("b", 1)), target)


def test_ids_that_were_told_in_another_order_do_not_change_the_wrong_line() -> None:
    """Line of one is cancelled, line of two stays; their ids are known the wrong way round."""
    target = Target((ours("b", 1, 0), ours("a", 2, None)))
    assert steps(there(line("a", 1), line("b", 2)), target).lines == (LineChange("a", "mug", 0),)
    assert not steps(there(line("b", 2)), target)


def test_of_two_lines_alike_the_one_of_its_price_is_taken_out() -> None:
    """Their ids are known the wrong way round, as an answer may list them."""
    ten, twelve = Decimal(10), Decimal(12)
    placed = there(replace(line("a", 1), unit_price=ten), replace(line("b", 1), unit_price=twelve))
    target = Target((replace(ours("b", 1, 0), sent_price=ten), replace(ours("a", 1, None), sent_price=twelve)))
    assert steps(placed, target).lines == (LineChange("a", "mug", 0),)
    assert not steps(there(placed.lines[1]), target)


def test_a_price_is_changed_unless_the_warehouse_only_rounds_it() -> None:
    placed = there(replace(line("a", 2), unit_price=Decimal("10.00")))
    target = Target((replace(ours("a", 2, 2), unit_price=Decimal("12.5")),))
    assert steps(placed, target).lines == (LineChange("a", "mug", 2, Decimal("12.5")),)
    assert not steps(placed, Target((replace(ours("a", 2, 2), unit_price=Decimal("10.0004")),)))


def test_only_an_order_that_keeps_no_line_is_left_with_nothing() -> None:
    out = Target((ours("a", 2, 0), ours("b", 1, 0, "tee")))
    assert leaves_nothing(there(line("a", 2), line("b", 1, "tee")), out)
    assert leaves_nothing(there(), out)
    assert not leaves_nothing(there(line("a", 2), line("x", 1, "gift")), out)
    assert not leaves_nothing(there(line("a", 2)), Target((ours("a", 2, 0), ours("b", 1, None, "tee"))))


def test_a_new_line_that_is_there_already_is_not_added_again() -> None:
    target = Target((ours("a", 2, None), TargetLine(-1, "tee", "TEE", 4)))
    assert steps(there(line("a", 2)), target).lines == (LineChange("", "tee", 4),)
    assert not steps(there(line("a", 2), line("x", 4, "tee")), target)


def test_a_rounding_is_put_in_changed_and_taken_out_and_otherwise_left_alone() -> None:
    none, two = Decimal(0), Decimal("0.02")
    kept = there(roundings=(Rounding("of 1", two, "r"),))
    assert steps(there(), Target(roundings={"of 1": two})).roundings == (Rounding("of 1", two),)
    assert steps(kept, Target(roundings={"of 1": -two})).roundings == (Rounding("of 1", -two, "r"),)
    assert steps(kept, Target(roundings={"of 1": none})).roundings == (Rounding("of 1", none, "r"),)
    assert not steps(kept, Target(roundings={"of 1": two, "of 2": none}))
    assert not steps(kept, Target())


def test_boxes_with_what_is_taken_out_are_taken_apart_and_no_others() -> None:
    placed = there(line("a", 3, packed=2), line("b", 1, "tee", packed=1), packed={"p": ("a",), "q": ("b",)})
    assert steps(placed, Target((ours("a", 3, 1), ours("b", 1, None, "tee")))).unpack == ("p",)
    assert steps(placed, Target((ours("a", 3, 2), ours("b", 1, None, "tee")))).unpack == ()


@pytest.mark.parametrize(
    ("placed", "target", "says"),
    [
        (there(line("a", 2), is_ended=True, status="void"), Target((ours("a", 2, 1),)), "void"),
        (there(line("a", 2, shipped=2)), Target((ours("a", 2, 1),)), "2 of mug have shipped"),
        (there(), Target((ours("a", 2, 1),)), "no line of mug any more"),
        (there(address_label="Depot"), Target((), {"city": "Nampa"}, "SO44"), "others may use it"),
        (there(line("a", 2), status="fulfilled"), Target((ours("a", 2, 3),)), "All of it has shipped"),
    ],
)
def test_what_cannot_be_done_any_more_says_why(placed: PlacedOrder, target: Target, says: str) -> None:
    with pytest.raises(NotPossible, match=says):
        steps(placed, target)
