"""What is cancelled after it was sent: done in the warehouse by a rule or a button, unless it has left, and told if not."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from orders import actions, decisions
from orders.admin import tabs
from orders.models import Hold, IllegalTransition, WarehouseChange
from tests.orders.test_changes import Run, Told, again, goods, order, sent, set_rule, state, two_lines
from tests.orders.test_second_look import old_order
from tests.orders.world import holds, parcels, placed, ship


def test_a_cancel_after_sending_waits_for_a_button_where_the_route_asks(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert (holds(told(number)), state(shop, number)) == (["cancelled_late"], "active")
    decisions.void(order(number), None)
    manage("run", "submit_orders")
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")


@pytest.mark.parametrize(("sent_as", "ends_as"), [("draft", "deleted"), ("active", "void"), ("finalized", "void")])
def test_by_the_rule_a_cancelled_order_is_ended_in_the_warehouse(
    shop: Sandbox, manage: Run, told: Told, sent_as: str, ends_as: str
) -> None:
    set_rule(order_status=sent_as, cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], ends_as)


def test_by_the_rule_never_nothing_is_done_there(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="never")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    assert state(shop, number) == "active"
    assert "never cancels there" in told(number)["holds"][0]["message"]
    assert decisions.possible(order(number)) == set()
    with pytest.raises(IllegalTransition):
        decisions.void(order(number), None)


def test_a_cancelled_line_is_taken_out_there_and_the_rest_goes_on_to_its_end(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}
    ship(shop, number, tracking="1ZREST")
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("1", "1ZREST", 2)]


@pytest.mark.long
def test_what_lies_packed_is_taken_apart_before_it_is_voided(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, status="packed")
    shop.oasis.cancel(number)
    again(manage)
    assert (state(shop, number), told(number)["status"]) == ("void", "cancelled")
    assert [row["status"] for row in shop.tradegecko.tables["fulfillments"].values()] == ["deleted"]


@pytest.mark.long
def test_a_packed_line_is_unpacked_and_taken_out(shop: Sandbox, manage: Run) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, 2, status="packed")
    shop.oasis.cancel(number, "2")
    again(manage)
    assert goods(shop, number) == {"MUG-BLK": "2.0"}


@pytest.mark.parametrize("is_known", [True, False])
def test_of_an_order_of_which_a_part_has_shipped_the_rest_is_taken_out_and_a_hold_says_so(
    shop: Sandbox, manage: Run, told: Told, is_known: bool
) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, 1, tracking="1ZGONE")
    if is_known:
        manage("run", "pull_shipments")
    shop.oasis.cancel(number)
    again(manage)
    manage("run", "pull_shipments")
    again(manage)
    assert (state(shop, number), goods(shop, number)) == ("fulfilled", {"MUG-BLK": "1.0"})
    assert holds(told(number)) == ["cancelled_late"]
    [hold] = told(number)["holds"]
    assert "The warehouse has shipped of it, and no more of it is in its order. The marketplace" in hold["message"]
    assert all(fulfillment["status"] == "fulfilled" for fulfillment in shop.tradegecko.tables["fulfillments"].values())


def test_a_lost_answer_to_the_void_is_looked_up(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders/*/actions/void", method="POST")
    again(manage)
    again(manage)
    assert (state(shop, number), told(number)["status"]) == ("void", "cancelled")
    assert len([call for call in shop.calls("tradegecko") if call[1].endswith("/actions/void")]) == 1


@pytest.mark.long
def test_an_order_that_ships_between_our_look_and_the_void_is_held(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.tradegecko.adapter import TradeGecko

    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    real = TradeGecko.cancel_order

    def late(self: TradeGecko, found: Any) -> None:
        ship(shop, number, tracking="1ZFAST")
        real(self, found)

    monkeypatch.setattr(TradeGecko, "cancel_order", late)
    again(manage)
    assert state(shop, number) == "fulfilled"
    assert "has shipped" in told(number)["holds"][0]["message"]
    assert WarehouseChange.objects.get().status == "parked"


def test_what_the_warehouse_refuses_says_what_to_do_by_hand(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.edit(number, "1", quantity=5)
    again(manage)
    decisions.amend(order(number), None)
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="PUT")
    with suppress(CommandError):
        manage("run", "submit_orders")
    [hold] = told(number)["holds"]
    assert (hold["kind"], "by hand" in hold["message"]) == ("changed_order", True)
    assert decisions.possible(order(number)) == {"amend", "keep"}
    actions.retry_sending(order(number), None)
    manage("run", "submit_orders")
    assert (goods(shop, number)["MUG-BLK"], holds(told(number))) == ("5.0", [])


@pytest.mark.long
def test_an_order_voided_there_is_shown_and_closed_once_it_is_cancelled_here_too(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = sent(shop, manage)
    shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    assert holds(told(number)) == ["voided_order"]
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], holds(told(number))) == ("cancelled", [])


@pytest.mark.long
def test_a_second_cancel_while_the_first_is_parked_is_asked_for_again(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number, "1")
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="DELETE")
    again(manage)
    assert holds(told(number)) == ["cancelled_late"]
    shop.oasis.cancel(number, "2")
    again(manage)
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")
    assert not Hold.objects.filter(resolved_at=None).exists()


@pytest.mark.long
def test_a_line_cancelled_while_the_other_has_shipped_is_taken_out(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    ship(shop, number, 1, units=2, tracking="1ZONE")
    manage("run", "pull_shipments")
    shop.oasis.cancel(number, "2")
    again(manage)
    manage("run", "all")
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("1", "1ZONE", 2)]


@pytest.mark.long
def test_what_is_cancelled_while_its_send_is_in_doubt_is_voided_once_it_is_found(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(cancels_after_sending="do")
    number = two_lines(shop)
    manage("run", "pull_orders")
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with suppress(CommandError):
        manage("run", "submit_orders")
    shop.oasis.cancel(number)
    again(manage)
    again(manage)
    assert (told(number)["status"], state(shop, number)) == ("cancelled", "void")


@pytest.mark.long
def test_a_cancellation_joins_a_change_that_waits(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    shop.oasis.cancel(number)
    again(manage)
    assert (told(number)["status"], state(shop, number), holds(told(number))) == ("cancelled", "void", [])
    assert WarehouseChange.objects.count() == 1


@pytest.mark.long
def test_the_hold_of_a_cancelled_order_that_ships_meanwhile_says_so(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    [hold] = told(number)["holds"]
    assert hold["message"].endswith("Cancel it there while it is unshipped.")
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    [hold] = told(number)["holds"]
    assert "The warehouse has shipped of it" in hold["message"]


@pytest.mark.long
def test_what_was_done_by_hand_is_off_the_worklist(shop: Sandbox, manage: Run) -> None:
    set_rule(order_status="finalized", cancels_after_sending="do")
    number = sent(shop, manage)
    shop.tradegecko.switch(finalized_lines_stay=True)
    shop.oasis.cancel(number, "2")
    again(manage)
    assert tabs.counts()["refused"] == 1
    actions.resolve(Hold.objects.get(resolved_at=None), "taken out there", None)
    again(manage)
    assert tabs.counts()["refused"] == 0
    assert not Hold.objects.filter(resolved_at=None).exists()


@pytest.mark.long
def test_a_cancellation_that_is_given_up_says_so_in_its_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number)
    again(manage)
    decisions.void(order(number), None)
    WarehouseChange.objects.update(attempts=100)
    shop.faults.add("tradegecko", "503", path="/orders/*", method="GET")
    again(manage)
    assert WarehouseChange.objects.get().status == "parked"
    assert "given up after" in told(number)["holds"][0]["message"]


@pytest.mark.long
def test_why_one_line_could_not_be_taken_out_is_not_said_of_another(shop: Sandbox, manage: Run, told: Told) -> None:
    number = sent(shop, manage)
    shop.oasis.cancel(number, "1")
    again(manage)
    decisions.void(order(number), None)
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4})
    shop.oasis.cancel(number, "2")
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="DELETE")
    again(manage)
    texts = {hold["subject"]: hold["message"] for hold in told(number)["holds"]}
    assert "by hand, then resolve this" in texts["1"]
    assert texts["2"].endswith("Cancel it there while it is unshipped.")


@pytest.mark.long
def test_the_rule_cancels_a_line_though_something_else_was_asked_of_the_warehouse_since(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.cancel(number, "2")
    manage("run", "revisit_orders")
    shop.oasis.edit(number, address={"city": "Nampa"})
    manage("run", "revisit_orders")
    decisions.amend(order(number), None)
    again(manage)
    assert (list(goods(shop, number)), holds(told(number))) == (["MUG-BLK"], [])


@pytest.mark.long
def test_a_refused_update_is_not_said_of_a_cancelled_line(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending="do")
    number = sent(shop, manage)
    shop.oasis.edit(number, address={"city": "Nampa"})
    again(manage)
    decisions.amend(order(number), None)
    shop.faults.add("tradegecko", "422", path="*", method="PUT")
    again(manage)
    assert holds(told(number)) == ["changed_order"]
    shop.oasis.cancel(number, "2")
    manage("run", "revisit_orders")
    texts = {hold["kind"]: hold["message"] for hold in told(number)["holds"]}
    assert texts["cancelled_late"].endswith("It is cancelled there too, while it is unshipped, with the next run.")


@pytest.mark.long
def test_what_was_refused_of_one_line_is_asked_again_when_another_one_is_cancelled(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(cancels_after_sending="do")
    number = shop.oasis.add_order(*({"partner_sku": sku} for sku in ("MUG-BLK", "TEE-RED-M", "TEE-RED-M")))
    manage("run", "all")
    shop.oasis.cancel(number, "1")
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="DELETE", times=1)
    again(manage)
    assert holds(told(number)) == ["cancelled_late"]
    shop.oasis.cancel(number, "2")
    again(manage)
    manage("run", "submit_orders")
    assert (goods(shop, number), holds(told(number))) == ({"TEE-RED-M": "1.0"}, [])


def test_of_an_order_of_which_a_part_has_shipped_a_button_takes_out_the_rest(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    set_rule(order_status="finalized", cancels_after_sending="ask")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(shop, number, 1, 1, tracking="1Z1")
    manage("run", "all")
    shop.oasis.cancel(number)
    again(manage)
    [hold] = told(number)["holds"]
    assert "has 3 units more in its order. Take the rest out there while it is unshipped." in hold["message"]
    assert decisions.possible(order(number)) == {"void"}
    decisions.void(order(number), None)
    assert "The rest is taken out there too" in told(number)["holds"][0]["message"]
    manage("run", "submit_orders")
    assert goods(shop, number) == {"MUG-BLK": "1.0"}
    [hold] = told(number)["holds"]
    assert "no more of it is in its order" in hold["message"]
    assert (decisions.possible(order(number)), parcels(shop, number)) == (set(), [("1", "1Z1", 1)])
    actions.resolve(Hold.objects.get(resolved_at=None), "the customer keeps it", None)
    manage("run", "all")
    assert holds(told(number)) == []


def test_a_route_cancels_in_the_warehouse_too_unless_told_otherwise(shop: Sandbox, manage: Run, told: Told) -> None:
    set_rule(cancels_after_sending=Route._meta.get_field("cancels_after_sending").get_default())
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.cancel(number)
    manage("run", "all")  # a full cycle also sees what happened to an order of two hours ago
    assert (told(number)["status"], holds(told(number)), state(shop, number)) == ("cancelled", [], "void")
