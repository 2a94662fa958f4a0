"""What the marketplace cancelled and the warehouse still has, when a person called that settled: there is a way back."""

from __future__ import annotations

import pytest

from integrations.sandbox.server import Sandbox
from orders import actions, decisions, next_step, settling
from orders.models import Hold, IllegalTransition, Order
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule, state
from tests.orders.world import holds, parcels, placed, ship


def resolved(box: Sandbox, manage: Run, line: str = "") -> str:
    """An order that was cancelled after sending, as a whole or a line of it, and whose hold a person closed."""
    number = sent(box, manage)
    box.oasis.cancel(number, line)
    again(manage)
    [hold] = order(number).holds.filter(resolved_at=None)
    actions.resolve(hold, "settled by telephone", None)
    again(manage)
    return number


def test_an_order_that_was_called_settled_is_cancelled_in_the_warehouse_all_the_same(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = resolved(shop, manage)
    assert (decisions.possible(order(number)), state(shop, number)) == ({"void"}, "active")
    decisions.void(order(number), None)
    assert decisions.possible(order(number)) == set()
    manage("run", "submit_orders")
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")
    assert decisions.possible(order(number)) == set()


def test_a_line_that_was_called_settled_is_taken_out_all_the_same(shop: Sandbox, manage: Run, told: Told) -> None:
    number = resolved(shop, manage, "2")
    assert decisions.possible(order(number)) == {"void"}
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number))) == ({"MUG-BLK": "2.0"}, [])
    assert decisions.possible(order(number)) == set()


@pytest.mark.parametrize("ships", [False, True])
def test_a_line_that_was_called_settled_does_not_get_lost_when_all_else_is_confirmed(
    ships: bool, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = resolved(shop, manage, "2")
    ship(shop, number, 1, 2, tracking="1Z1")
    for job in ("pull_shipments", "confirm_shipments"):
        manage("run", job)
    assert (told(number)["status"], decisions.possible(order(number))) == ("confirmed", {"void"})
    if ships:
        ship(shop, number, 2, tracking="1Z2")
        for job in ("pull_shipments", "confirm_shipments"):
            manage("run", job)
        assert (holds(told(number)), parcels(shop, number)) == (["cancelled_late"], [("1", "1Z1", 2)])
        return
    decisions.void(order(number), None)
    assert holds(told(number)) == ["cancelled_late"]
    manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number)), told(number)["status"]) == ({"MUG-BLK": "2.0"}, [], "confirmed")


def test_a_line_that_was_left_to_ship_stays_when_another_one_is_cancelled_after_it(shop: Sandbox, manage: Run) -> None:
    number = resolved(shop, manage, "2")
    before = decisions.cancellable(order(number))
    settling.open_hold(order(number), Hold.Kind.CANCELLED_LATE, "1", "cancelled")
    order(number).lines.filter(number="1").update(is_cancelled=True)
    assert (before, decisions.cancellable(order(number))) == (["2"], ["1"])


def test_who_cancels_what_a_colleague_has_cancelled_is_told_so(shop: Sandbox, manage: Run) -> None:
    number = resolved(shop, manage)
    seen = decisions.state_of(order(number))
    decisions.void(order(number), None, seen)
    with pytest.raises(IllegalTransition, match="nothing that can be cancelled"):
        decisions.void(order(number), None, seen)


def test_what_was_left_to_ship_is_offered_after_all_else(shop: Sandbox, manage: Run) -> None:
    number = resolved(shop, manage)
    assert next_step.of(order(number), {"void"}, []).action == "void"
    held = [Hold(kind=Hold.Kind.VOIDED_SHIPMENT)]
    assert next_step.of(order(number), {"void", "retry"}, held).action == "retry"
    assert next_step.of(order(number), {"void"}, held).action == ""


def test_what_the_warehouse_refuses_then_is_a_hold_again_that_says_why(shop: Sandbox, manage: Run, told: Told) -> None:
    number = resolved(shop, manage)
    decisions.void(order(number), None)
    assert order(number).cancel_resolved_at is None
    shop.faults.add("tradegecko", "422", path="/orders/*/actions/void", method="POST")
    again(manage)
    [hold] = told(number)["holds"]
    assert (hold["kind"], "by hand, then resolve this" in hold["message"]) == ("cancelled_late", True)


@pytest.mark.parametrize("gone", ["shipped", "void"])
def test_what_has_gone_or_ended_there_is_not_offered(gone: str, shop: Sandbox, manage: Run) -> None:
    number = resolved(shop, manage)
    if gone == "shipped":
        ship(shop, number, tracking="1Z1")
    else:
        shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    assert decisions.possible(order(number)) == set()
    with pytest.raises(IllegalTransition):
        decisions.void(order(number), None)


@pytest.mark.long
def test_a_route_that_never_cancels_there_does_not_offer_it_then_either(shop: Sandbox, manage: Run) -> None:
    number = resolved(shop, manage)
    set_rule(cancels_after_sending="never")
    assert decisions.possible(Order.objects.get(full_number=number)) == set()
