"""Crashes, faults of our own, and odd data: what they hit is told, and everything else goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.models import Connection
from integrations.processes import RunLost
from integrations.sandbox.server import Sandbox
from integrations.transmissions import PATIENT_ATTEMPTS, recover
from orders import actions, parcels
from orders.models import Order, SubmittedLine, WarehouseSubmission
from tests.orders.world import placed

HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


@pytest.mark.long
def test_an_order_that_was_found_late_has_its_earlier_parcel_told(
    shop: Sandbox, manage: Run, told: Told, gecko: Connection
) -> None:
    Connection.objects.filter(pk=gecko.pk).update(overlap_minutes=0)
    lost, other = (shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2))
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    shop.faults.add("tradegecko", "503", path="/orders", method="GET", times=1000)
    manage("run", "pull_orders")
    for _ in range(PATIENT_ATTEMPTS):
        with pytest.raises(CommandError):
            manage("run", "submit_orders")
    assert (told(lost)["warehouse_order"]["status"], told(other)["status"]) == ("parked", "submitted")
    parcel = shop.tradegecko.ship(placed(shop, lost)["id"], tracking="1Z1")
    shop.tradegecko.tables["fulfillments"][parcel]["updated_at"] = f"{HOUR_AGO:%Y-%m-%dT%H:%M:%S}.000Z"
    WarehouseSubmission.objects.filter(order__full_number=lost).update(created_at=HOUR_AGO - timedelta(hours=1))
    shop.faults.clear()
    manage("run", "pull_shipments")

    actions.retry_sending(Order.objects.get(full_number=lost), None)
    manage("run", "all")

    assert [parcel.tracking_number for _, parcel in shop.oasis.shipments(lost)] == ["1Z1"]


@pytest.mark.long
def test_a_parcel_that_we_fail_at_does_not_keep_the_others(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    for number in numbers:
        shop.tradegecko.ship(placed(shop, number)["id"], tracking=number)
    recount = parcels.recount

    def fails_at_the_first(order: Order, submission: WarehouseSubmission) -> parcels.Beyond:
        if order.full_number == numbers[0]:
            raise RuntimeError("our fault")
        return recount(order, submission)

    monkeypatch.setattr(parcels, "recount", fails_at_the_first)
    with pytest.raises(CommandError, match="unexpected RuntimeError: our fault"):
        manage("run", "all")
    assert [len(shop.oasis.shipments(number)) for number in numbers] == [0, 1]

    monkeypatch.undo()
    manage("run", "all")
    assert [len(shop.oasis.shipments(number)) for number in numbers] == [1, 1]


def test_a_worker_that_was_taken_for_dead_sends_nothing(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    sleeper = WarehouseSubmission.objects.get()
    sleeper.claim()
    recover(WarehouseSubmission.objects.all())
    with pytest.raises(RunLost):
        sleeper.intend(request={})
    with pytest.raises(RunLost):
        sleeper.finish("accepted", remote_id="1")
    assert WarehouseSubmission.objects.get().status == "unconfirmed"


@pytest.mark.long
def test_a_submission_that_breaks_off_again_and_again_is_for_a_person(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    for _ in range(PATIENT_ATTEMPTS):
        WarehouseSubmission.objects.get().claim()
        recover(WarehouseSubmission.objects.all())
    assert told(number)["warehouse_order"]["status"] == "parked"
    assert "given up" in told(number)["warehouse_order"]["last_error"]


@pytest.mark.long
def test_what_shipped_before_the_stock_was_read_again_is_not_sold_twice(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 5})
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z1")
    manage("run", "pull_shipments")
    manage("run", "publish_inventory")
    assert shop.oasis.quantities == {("MUG-BLK", "Riverside DC"): 114}


def test_characters_that_no_database_keeps_do_no_harm(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z\x00\ud8001", carrier="UPS\x00")
    manage("run", "all")
    assert told(number)["status"] == "confirmed"


@pytest.mark.long
def test_line_ids_that_came_in_another_order_confirm_the_right_line(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    mug, tee = SubmittedLine.objects.order_by("position")
    for line, other in ((mug, tee.remote_id), (tee, mug.remote_id)):
        SubmittedLine.objects.filter(pk=line.pk).update(remote_id=other)
    shop.tradegecko.ship(placed(shop, number)["id"], {int(mug.remote_id): 1}, tracking="1Z-MUG")
    manage("run", "all")
    assert [(line, parcel.tracking_number) for line, parcel in shop.oasis.shipments(number)] == [("1", "1Z-MUG")]


@pytest.mark.long
def test_two_lines_of_one_item_share_what_was_shipped_whatever_their_ids(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 1}, {"partner_sku": "MUG-BLK", "quantity": 3})
    manage("run", "all")
    one, three = SubmittedLine.objects.order_by("position")
    for line, other in ((one, three.remote_id), (three, one.remote_id)):
        SubmittedLine.objects.filter(pk=line.pk).update(remote_id=other)
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z1")
    manage("run", "all")
    assert [(line, parcel.quantity) for line, parcel in shop.oasis.shipments(number)] == [("1", 1), ("2", 3)]
    assert told(number)["holds"] == []


@pytest.mark.parametrize("atomic", [True, False])
def test_a_line_that_the_marketplace_refuses_does_not_hold_back_the_others(
    shop: Sandbox, manage: Run, told: Told, atomic: bool
) -> None:
    shop.oasis.atomic = atomic
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"}, {"partner_sku": "RUG-5X8"})
    manage("run", "all")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z1")
    shop.oasis.orders[number].lines[1].quantity = 0
    manage("run", "pull_shipments")
    manage("run", "confirm_shipments")
    with pytest.raises(CommandError, match="of which 0 are open"):
        manage("run", "confirm_shipments")
    assert [line for line, _ in shop.oasis.shipments(number)] == ["1", "3"]
    assert {one["status"] for one in told(number)["confirmations"]} == {"accepted", "parked"}


def test_a_line_that_was_cancelled_just_before_its_parcel_is_told_is_held_and_the_others_are_told(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"}, {"partner_sku": "RUG-5X8"})
    manage("run", "all")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z1")
    shop.oasis.orders[number].lines[1].status = "CANCELLED"
    for job in ("pull_shipments", "confirm_shipments", "confirm_shipments"):
        manage("run", job)
    assert [line for line, _ in shop.oasis.shipments(number)] == ["1", "3"]
    assert {one["status"] for one in told(number)["confirmations"]} == {"accepted", "withdrawn"}
    assert [one["kind"] for one in told(number)["holds"]] == ["cancelled_late"]
