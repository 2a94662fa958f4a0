"""Test orders: never sent again, and taken out of TradeGecko and from here by one action."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations import registry, runs
from integrations.errors import Unreadable
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from integrations.sent_orders import PlacedOrder
from integrations.tradegecko.adapter import TradeGecko
from orders import jobs, route_states, trials
from orders.models import Order, WarehouseSubmission
from orders.references import ALLOWED
from tests.conftest import Run
from tests.orders.test_second_look import Told, old_order
from tests.orders.world import placed, ship


@pytest.fixture
def tested(shop: Sandbox, manage: Run) -> str:
    """An order that went out as a marked draft; its route is still in test."""
    Route.objects.update(state="test")
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert placed(shop, f"TEST-{number}")["status"] == "draft"
    return number


def cycles(manage: Run, times: int = 2) -> None:
    for _ in range(times):
        manage("run", "all")
        manage("run", "revisit_orders")


def test_going_live_never_sends_a_test_order_again(tested: str, shop: Sandbox, manage: Run, told: Told) -> None:
    Route.objects.update(state="live")
    cycles(manage)
    assert [row["order_number"] for row in shop.tradegecko.living()] == [f"TEST-{tested}"]
    assert told(tested)["status"] == "submitted"
    assert json.loads(manage("status", "--json"))["worklists"]["test_orders"] == 1


def test_removing_empties_both_systems_and_pauses_the_test(tested: str, shop: Sandbox, manage: Run) -> None:
    trials.ask_to_remove(Route.objects.get(), None)
    cycles(manage)
    assert shop.tradegecko.living() == []
    assert not Order.objects.exists()
    assert Route.objects.get().state == "paused"


@pytest.mark.long
def test_what_was_removed_comes_in_for_real_once_the_route_is_live(tested: str, shop: Sandbox, manage: Run) -> None:
    route = Route.objects.get()
    trials.ask_to_remove(route, None)
    Route.objects.update(state="live")
    cycles(manage)
    assert [(row["order_number"], row["status"]) for row in shop.tradegecko.living()] == [(tested, "active")]
    assert Order.objects.get().status == "submitted"


@pytest.mark.long
@pytest.mark.parametrize("days", [10, 40])
def test_one_that_a_person_had_loaded_comes_in_again_however_old_it_is(
    days: int, shop: Sandbox, manage: Run, told: Told
) -> None:
    Route.objects.update(state="test")
    long_ago = timezone.now() - timedelta(days=days)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, ordered_at=long_ago, created_at=long_ago)
    manage(
        "backfill",
        "Main",
        "--order",
        number,
        "--from",
        str(long_ago.date() - timedelta(days=1)),
        "--to",
        str(long_ago.date() + timedelta(days=1)),
    )
    manage("run", "all")
    assert placed(shop, f"TEST-{number}")["status"] == "draft"
    route_states.go_live(Route.objects.get(), None, remove_tests=True, in_spite="it is a test")
    cycles(manage, times=3)
    assert [row["order_number"] for row in shop.tradegecko.living()] == [number]
    assert told(number)["status"] == "submitted"


def test_after_a_test_was_removed_another_one_goes_out_at_once(tested: str, shop: Sandbox, manage: Run) -> None:
    trials.ask_to_remove(Route.objects.get(), None)
    manage("run", "submit_orders")
    Route.objects.update(state="test")
    manage("run", "all")
    assert [row["order_number"] for row in shop.tradegecko.living()] == [f"TEST-{tested}"]


@pytest.mark.long
@pytest.mark.parametrize("fault", ["reset_after_apply", "503_after_apply", "503"])
def test_an_answer_to_the_removal_that_is_lost_loses_and_doubles_nothing(
    tested: str, shop: Sandbox, manage: Run, fault: str
) -> None:
    trials.ask_to_remove(Route.objects.get(), None)
    shop.faults.add("tradegecko", fault, method="DELETE")
    with pytest.raises(CommandError):
        manage("run", "submit_orders")
    assert Order.objects.count() == 1
    cycles(manage, 1)
    assert (shop.tradegecko.living(), Order.objects.count()) == ([], 0)


@pytest.mark.long
def test_one_whose_outcome_was_unclear_is_looked_up_and_then_removed(shop: Sandbox, manage: Run) -> None:
    Route.objects.update(state="test")
    old_order(shop, {"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with pytest.raises(CommandError):
        manage("run", "all")
    assert WarehouseSubmission.objects.get().status == "unconfirmed"
    trials.ask_to_remove(Route.objects.get(), None)
    cycles(manage)
    assert (shop.tradegecko.living(), Order.objects.count()) == ([], 0)


@pytest.mark.long
def test_one_that_was_shipped_and_told_to_the_sandbox_is_removed_here(tested: str, shop: Sandbox, manage: Run) -> None:
    ship(shop, f"TEST-{tested}", tracking="1Z1")
    cycles(manage)
    assert Order.objects.get().status == "confirmed"
    trials.ask_to_remove(Route.objects.get(), None)
    cycles(manage)
    assert not Order.objects.exists()


@pytest.mark.long
def test_one_that_was_shipped_to_a_customer_stays_and_says_so(
    tested: str, shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_elsewhere(_connection: Connection) -> bool:
        return False

    monkeypatch.setattr(registry, "is_sandbox", is_elsewhere)
    ship(shop, f"TEST-{tested}", tracking="1Z1")
    manage("run", "all")
    trials.ask_to_remove(Route.objects.get(), None)
    with pytest.raises(CommandError, match="it was shipped there"):
        manage("run", "submit_orders")
    assert Order.objects.count() == 1
    manage("run", "submit_orders")


def test_the_command_line_removes_them_too(tested: str, shop: Sandbox, manage: Run) -> None:
    assert "1 test order" in manage("remove_test_orders", "Main")
    manage("run", "submit_orders")
    assert shop.tradegecko.living() == []
    with pytest.raises(CommandError, match="there is no route 'None'"):
        manage("remove_test_orders", "None")


def test_hundreds_are_removed_in_turns_and_leave_orders_that_are_to_be_sent_theirs(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, gecko: Connection
) -> None:
    Route.objects.update(state="test")
    for _ in range(3):
        old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    trials.ask_to_remove(Route.objects.get(), None)
    Route.objects.update(state="live")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    first = jobs.submit_orders(gecko)
    assert "2 test orders left to remove" in first.text
    assert first.is_handed_over
    assert len(shop.tradegecko.living()) == 3
    assert placed(shop, number)["status"] == "active"
    manage("run", "submit_orders")
    assert [row["order_number"] for row in shop.tradegecko.living()] == [number]


def test_those_that_cannot_be_read_are_not_asked_for_without_a_pause_and_take_nobodys_turn(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, gecko: Connection
) -> None:
    Route.objects.update(state="test")
    for _ in range(2):
        old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    first, last = (one.order.full_number for one in WarehouseSubmission.objects.order_by("pk"))
    placed(shop, f"TEST-{first}")["order_number"] = {"odd": 1}
    trials.ask_to_remove(Route.objects.get(), None)
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    assert not jobs.submit_orders(gecko).is_handed_over
    assert "removed" in jobs.submit_orders(gecko).text
    assert [one.full_number for one in Order.objects.all()] == [first]
    assert not shop.tradegecko.by_reference(f"TEST-{last}")


@pytest.mark.long
def test_one_that_cannot_be_read_does_not_keep_the_others(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Route.objects.update(state="test")
    for _ in range(2):
        old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    first, last = (one.order.full_number for one in WarehouseSubmission.objects.all())
    bad = placed(shop, f"TEST-{first}")["id"]
    real = TradeGecko.order

    def read(self: TradeGecko, remote_id: str) -> PlacedOrder | None:
        if remote_id == str(bad):
            raise Unreadable("a parcel without a quantity")
        return real(self, remote_id)

    monkeypatch.setattr(TradeGecko, "order", read)
    trials.ask_to_remove(Route.objects.get(), None)
    with pytest.raises(CommandError, match=f"test order {first} is removed later"):
        manage("run", "submit_orders")
    assert [one.full_number for one in Order.objects.all()] == [first]
    assert not shop.tradegecko.by_reference(f"TEST-{last}")


@pytest.mark.long
def test_one_that_is_there_twice_is_removed_from_there_twice(shop: Sandbox, manage: Run) -> None:
    Route.objects.update(state="test")
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with pytest.raises(CommandError):
        manage("run", "submit_orders")
    twin = dict(placed(shop, f"TEST-{number}"))
    del twin["id"]
    shop.tradegecko.add("orders", **twin)
    with pytest.raises(CommandError, match="more than once"):
        manage("run", "submit_orders")
    assert WarehouseSubmission.objects.get().status == "parked"
    trials.ask_to_remove(Route.objects.get(), None)
    manage("run", "submit_orders")
    assert (shop.tradegecko.living(), Order.objects.count()) == ([], 0)


@pytest.mark.parametrize("characters", list(Route.Characters))
def test_the_number_of_a_test_order_keeps_to_the_length_and_characters_of_its_route(
    shop: Sandbox, manage: Run, characters: Route.Characters
) -> None:
    Route.objects.update(state="test", reference_length=12, reference_characters=characters)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    sent = placed(shop, f"TEST-{number}")
    assert sent["order_number"] != number
    assert len(sent["order_number"]) <= 12
    assert re.fullmatch(ALLOWED[characters], sent["order_number"])
    assert "TEST" in sent["tags"]
