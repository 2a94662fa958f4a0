"""What the marketplace wants of an order after it has come to its end here: seen by a person, or followed by rule."""

from __future__ import annotations

import pytest

from integrations.sandbox.server import Sandbox
from orders import decisions, short_shipping
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule
from tests.orders.test_short_shipping import done, line
from tests.orders.world import holds, ship


def confirmed(box: Sandbox, manage: Run) -> str:
    """Line 2 was cancelled and taken out in the warehouse; line 1 has shipped, and the marketplace knows."""
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(box, manage)
    box.oasis.cancel(number, "2")
    again(manage)
    ship(box, number, tracking="1ZONE")
    manage("run", "all")
    assert order(number).status == "confirmed"
    return number


def reopen(box: Sandbox, number: str, *lines: str) -> None:
    box.oasis.edit(number, status="PROCESSING")
    for one in lines:
        box.oasis.edit(number, one, status="PROCESSING")


def test_a_line_that_is_opened_after_all_was_confirmed_is_a_hold_each_time_until_a_person_decides(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = confirmed(shop, manage)
    manage("run", "revisit_orders")
    for _ in range(2):
        reopen(shop, number, "2")
        for _ in range(2):
            manage("run", "revisit_orders")
            [hold] = told(number)["holds"]
            assert "line 2 is open again: 1 × TEE-RED-M. All of it has shipped and was confirmed" in hold["message"]
        assert decisions.possible(order(number)) == {"keep"}
        decisions.keep(order(number), None)
        manage("run", "revisit_orders")
        assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
        shop.oasis.cancel(number, "2")
        manage("run", "revisit_orders")


@pytest.mark.long
def test_what_is_ordered_on_top_of_a_confirmed_order_is_a_hold_that_closes_when_it_is_taken_back(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = confirmed(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    reopen(shop, number, "1")
    shop.oasis.edit(number, "1", quantity=3)
    manage("run", "revisit_orders")
    [text] = [hold["message"] for hold in told(number)["holds"]]
    assert "line 1 quantity 2 → 3" in text
    assert "line 3 is new: 4 × TEE-RED-M" in text
    assert "Nampa" not in text
    shop.oasis.cancel(number, "3")
    manage("run", "revisit_orders")
    assert "line 3" not in told(number)["holds"][0]["message"]
    shop.oasis.edit(number, "1", status="SHIPPED", quantity=2)
    manage("run", "revisit_orders")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


@pytest.mark.long
def test_an_address_that_was_changed_too_late_is_no_hold_any_more_once_it_is_what_it_was(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    ship(shop, number, tracking="1ZONE")
    manage("run", "all")
    manage("run", "revisit_orders")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", ["changed_order"])
    shop.oasis.edit(number, address={"city": "Boise"})
    manage("run", "revisit_orders")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])


@pytest.mark.parametrize("rule", ["apply", "ask"])
def test_a_line_that_comes_as_all_of_an_unsent_order_is_short_shipped_is_followed_by_the_rule(
    shop: Sandbox, manage: Run, told: Told, rule: str
) -> None:
    set_rule(changes_before_sending=rule, short_ship_reasons="OUT_OF_STOCK")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    short_shipping.ask(line(number, "1"), "OUT_OF_STOCK", None)
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M"})
    done(manage)
    assert order(number).status == "cancelled"
    manage("run", "revisit_orders")
    if rule == "ask":
        assert holds(told(number)) == ["changed"]
        decisions.apply(order(number), None)
    manage("run", "submit_orders")
    assert goods(shop, number) == {"TEE-RED-M": "1.0"}
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])
