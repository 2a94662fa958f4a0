"""Orders are looked at again after they were read: on the marketplace before they go out, in the warehouse after."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError

from integrations import runs
from integrations.models import Connection, Route, SyncRun
from integrations.ports import MarketplaceOrder
from integrations.registry import marketplace_for
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import actions, arrivals, jobs, submission
from orders.models import Backfill, Order, WarehouseSubmission
from tests.orders.world import holds, placed

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
MINUTE = timedelta(minutes=1)
TWO_HOURS_AGO = datetime.now(UTC) - timedelta(hours=2)


def old_order(box: Sandbox, *lines: dict[str, Any]) -> str:
    return box.oasis.add_order(*lines, ordered_at=TWO_HOURS_AGO, created_at=TWO_HOURS_AGO)


def test_an_order_cancelled_while_it_was_held_is_not_sent(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    number = old_order(shop, {"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    shop.oasis.cancel(number)
    SkuAlias.objects.create(connection=overstock, marketplace_sku="MYSTERY-9", warehouse_sku="MUG-BLK")
    manage("run", "all")
    assert shop.tradegecko.by_reference(number) == []
    assert told(number)["status"] == "cancelled"


def test_a_line_cancelled_between_pull_and_send_is_left_out(shop: Sandbox, manage: Run) -> None:
    number = old_order(shop, {"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "pull_orders")
    shop.oasis.cancel(number, "2")
    manage("run", "submit_orders")
    [line] = shop.tradegecko.lines(placed(shop, number)["id"])
    assert line["quantity"] == "1.0"


@pytest.mark.long
def test_what_was_shipped_without_us_while_it_was_held_is_not_sent(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    number = old_order(shop, {"partner_sku": "MYSTERY-9", "quantity": 3}, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.orders[number].lines[1].status = "SHIPPED"
    SkuAlias.objects.create(connection=overstock, marketplace_sku="MYSTERY-9", warehouse_sku="TEE-RED-M")
    manage("run", "all")
    assert [line["quantity"] for line in shop.tradegecko.lines(placed(shop, number)["id"])] == ["3.0"]


@pytest.mark.long
def test_an_order_goes_out_though_the_marketplace_cannot_be_asked_if_it_was_seen_lately(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    lately, long_ago = old_order(shop, {"partner_sku": "MUG-BLK"}), old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    Order.objects.filter(full_number=long_ago).update(last_seen_at=TWO_HOURS_AGO)
    shop.faults.add("oasis", "503", path="/salesorders", times=100)
    with pytest.raises(CommandError, match=f"order {long_ago} waits"):
        manage("run", "submit_orders")
    assert (told(lately)["status"], told(long_ago)["status"]) == ("submitted", "ready")
    shop.faults.clear()
    manage("run", "submit_orders")
    assert told(long_ago)["status"] == "submitted"


def test_an_order_that_the_marketplace_no_longer_shows_is_held_until_it_is_released(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    Order.objects.update(last_seen_at=TWO_HOURS_AGO)
    del shop.oasis.orders[number]
    manage("run", "submit_orders")
    manage("run", "submit_orders")
    assert (told(number)["status"], holds(told(number))) == ("on_hold", ["gone"])
    actions.release(Order.objects.get(), None)
    manage("run", "submit_orders")
    assert told(number)["status"] == "submitted"


def test_a_slower_look_finds_late_cancellations_and_orders_that_came_late(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.cancel(number)
    late = old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    assert (holds(told(number)), Order.objects.filter(full_number=late).exists()) == ([], False)
    manage("run", "revisit_orders")
    manage("run", "submit_orders")
    assert holds(told(number)) == ["cancelled_late"]
    assert told(late)["status"] == "submitted"


def test_a_sent_order_that_is_cancelled_while_its_route_is_paused_is_a_hold(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    Route.objects.update(state="paused")
    shop.oasis.cancel(number)
    new = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "revisit_orders")
    assert holds(told(number)) == ["cancelled_late"]
    assert not Order.objects.filter(full_number=new).exists()


def test_an_order_voided_in_the_warehouse_is_a_hold_and_never_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    assert (told(number)["warehouse_order"]["status"], holds(told(number))) == ("void", ["voided_order"])


@pytest.mark.long
def test_an_order_cancelled_on_both_sides_is_cancelled(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    assert holds(told(number)) == ["cancelled_late"]
    shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    assert (told(number)["status"], holds(told(number))) == ("cancelled", [])


@pytest.mark.long
def test_what_was_not_sent_goes_where_the_route_leads_now(shop: Sandbox, manage: Run, told: Told) -> None:
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    with Sandbox() as other:
        manage("connect", "tradegecko", "Other", "--token-env", "GECKO_TOKEN", "--base-url", other.tradegecko_url)
        Route.objects.update(warehouse=Connection.objects.get(name="Other"), location_id="", company_id="")
        manage("run", "all")
        manage("run", "all")
        assert len(other.tradegecko.by_reference(number)) == 1
    assert shop.tradegecko.by_reference(number) == []


def test_an_unclear_answer_is_looked_up_though_the_route_is_paused(shop: Sandbox, manage: Run, told: Told) -> None:
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with pytest.raises(CommandError):
        manage("run", "all")
    Route.objects.update(state="paused")
    manage("run", "submit_orders")
    assert told(number)["status"] == "submitted"


@pytest.mark.long
def test_a_refused_order_can_be_skipped_and_a_cancel_of_it_is_a_cancel(shop: Sandbox, manage: Run, told: Told) -> None:
    skipped, cancelled = old_order(shop, {"partner_sku": "MUG-BLK"}), old_order(shop, {"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "422", path="/orders", method="POST", times=2)
    with pytest.raises(CommandError):
        manage("run", "all")
    actions.skip(Order.objects.get(full_number=skipped), "sold elsewhere", None)
    shop.oasis.cancel(cancelled)
    manage("run", "revisit_orders")
    assert (told(skipped)["status"], told(cancelled)["status"]) == ("skipped", "cancelled")
    assert not WarehouseSubmission.objects.exclude(status="withdrawn").exists()


@pytest.mark.long
def test_a_long_outage_parks_nothing_and_all_of_it_goes_when_it_ends(shop: Sandbox, manage: Run, told: Told) -> None:
    numbers = [old_order(shop, {"partner_sku": "MUG-BLK"}) for _ in range(5)]
    manage("run", "pull_orders")
    shop.faults.add("tradegecko", "503", path="/companies", times=1000)
    for _ in range(30):
        with pytest.raises(CommandError):
            manage("run", "submit_orders")
    assert Connection.objects.get(name="Gecko").health == "troubled"
    shop.faults.clear()
    WarehouseSubmission.objects.filter(order__full_number=numbers[0]).update(
        not_before=datetime.now(UTC) + timedelta(hours=1)
    )
    manage("run", "submit_orders")
    manage("run", "submit_orders")
    assert [told(number)["status"] for number in numbers] == ["submitted"] * 5
    assert Connection.objects.get(name="Gecko").health == "working"


@pytest.mark.long
def test_orders_of_a_route_that_names_no_location_are_seen_to_wait(shop: Sandbox, manage: Run, told: Told) -> None:
    Route.objects.update(location_name="Nowhere", location_id="")
    number = old_order(shop, {"partner_sku": "MUG-BLK"})
    with pytest.raises(CommandError, match="Nowhere"):
        manage("run", "all")
    WarehouseSubmission.objects.update(created_at=TWO_HOURS_AGO)
    status = json.loads(manage("status", "--json"))
    assert status["worklists"]["submissions_waiting"] == 1
    assert any("no active location 'Nowhere'" in alarm for alarm in status["alarms"])
    Route.objects.update(location_name="Main DC")
    manage("run", "submit_orders")
    assert told(number)["status"] == "submitted"
    assert json.loads(manage("status", "--json"))["worklists"]["submissions_waiting"] == 0


@pytest.mark.long
def test_a_wrong_password_is_tried_once_in_a_cycle(shop: Sandbox, manage: Run) -> None:
    manage("run", "all")
    shop.oasis.password = "changed"
    with pytest.raises(CommandError):
        manage("run", "pull_orders")
    before = len(shop.calls("oasis"))
    with pytest.raises(CommandError):
        manage("run", "all")
    assert len(shop.calls("oasis")) - before == 1


def test_a_run_hands_over_before_the_queue_ends_it(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, overstock: Connection, gecko: Connection
) -> None:
    for _ in range(2):
        old_order(shop, {"partner_sku": "MUG-BLK"})
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    Route.objects.update(read_until=TWO_HOURS_AGO)
    Backfill.objects.create(route=Route.objects.get(), since=TWO_HOURS_AGO - MINUTE, until=TWO_HOURS_AGO + MINUTE)
    assert "the next run goes on" in jobs.pull_orders(overstock).text
    assert (Order.objects.count(), Route.objects.get().read_until) == (1, TWO_HOURS_AGO)
    assert Backfill.objects.get().finished_at is None
    monkeypatch.undo()
    manage("run", "pull_orders")
    assert Backfill.objects.get().finished_at is not None
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    assert "1 left for the next run" in jobs.submit_orders(gecko).text
    assert len(shop.tradegecko.living()) == 1
    monkeypatch.undo()
    manage("run", "submit_orders")
    assert len(shop.tradegecko.living()) == 2


def test_who_runs_a_job_from_the_command_line_has_all_of_it_done(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        old_order(shop, {"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    assert "2 left for the next run" in manage("run", "submit_orders")
    assert len(shop.tradegecko.living()) == 3


def test_many_orders_of_the_same_minutes_are_asked_for_once_in_a_turn(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "LOOKED_AT_TOGETHER", 2)
    numbers = [old_order(shop, {"partner_sku": "MUG-BLK"}) for _ in range(6)]
    manage("run", "pull_orders")
    shop.oasis.cancel(numbers[5])
    shop.log.clear()
    manage("run", "submit_orders")
    assert len(shop.calls("oasis")) == 1
    assert [len(shop.tradegecko.by_reference(number)) for number in numbers] == [1, 1, 1, 1, 1, 0]


def test_orders_of_one_day_whose_creation_is_not_told_are_asked_for_with_one_window(shop: Sandbox, manage: Run) -> None:
    numbers = [
        shop.oasis.add_order({"partner_sku": "MUG-BLK"}, ordered_at=TWO_HOURS_AGO - age, created_at=TWO_HOURS_AGO - age)
        for age in (0 * MINUTE, 5 * MINUTE, 600 * MINUTE)
    ]
    manage("run", "pull_orders")
    Order.objects.update(marketplace_created_at=None)
    shop.log.clear()
    manage("run", "submit_orders")
    assert len(shop.calls("oasis")) == 1
    assert all(placed(shop, number) for number in numbers)


def test_of_what_the_same_answer_shows_only_what_goes_out_soon_is_compared(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "LOOKED_AT_TOGETHER", 1)
    monkeypatch.setattr(submission, "SENT_IN_A_TURN", 2)
    numbers = [old_order(shop, {"partner_sku": "MUG-BLK"}) for _ in range(3)]
    manage("run", "pull_orders")
    shop.oasis.cancel(numbers[2])
    manage("run", "submit_orders")
    assert [told(number)["status"] for number in numbers] == ["submitted", "submitted", "cancelled"]
    run = SyncRun.objects.filter(job="submit_orders").latest("pk")
    assert (run.counts["seen again"], run.counts["cancelled"]) == (2, 1)  # not each of them three times


def test_an_order_that_is_told_as_before_is_only_noted_as_seen(
    shop: Sandbox, manage: Run, django_assert_max_num_queries: Any
) -> None:
    number = old_order(shop, {"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "pull_orders")
    order = Order.objects.get(full_number=number)
    [told_again] = marketplace_for(order.connection).orders(TWO_HOURS_AGO - MINUTE, TWO_HOURS_AGO + MINUTE)
    assert isinstance(told_again, MarketplaceOrder)
    with django_assert_max_num_queries(2):
        assert arrivals.seen_unchanged(order.connection, told_again)
    assert Order.objects.get(pk=order.pk).last_seen_at > order.last_seen_at
    Order.objects.filter(pk=order.pk).update(marketplace_status="CANCELLED")
    assert not arrivals.seen_unchanged(order.connection, told_again)  # whoever opened it again is looked at properly
