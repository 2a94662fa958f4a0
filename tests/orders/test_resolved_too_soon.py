"""What the marketplace cancelled and the warehouse still has, when a person called that settled: there is a way back."""

from __future__ import annotations

import pytest

from integrations.sandbox.server import Sandbox
from orders import actions, decisions
from orders.models import IllegalTransition, Order
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule, state
from tests.orders.world import holds, placed, ship


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
