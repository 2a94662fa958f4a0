"""What may happen between two steps of ours: a loser that wakes late, a route given away, a clock that was ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations import dispatch, sign_in
from integrations.models import Connection, JobPlan, Route, SyncRun
from integrations.ports import OrderRequest
from integrations.processes import RunLost
from integrations.registry import warehouse_for
from integrations.sandbox.server import Sandbox
from integrations.sent_orders import Receipt
from integrations.shared_state import RateWindow
from integrations.tradegecko.adapter import TradeGecko
from integrations.transmissions import recover
from inventory import catalogue
from orders import jobs, readback
from orders.models import ConfirmedLine, WarehouseSubmission
from tests.orders.world import holds, parcels, placed, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
DAY = timedelta(days=1)


def change(box: Sandbox, parcel: int, **values: Any) -> None:
    box.tradegecko.change(box.tradegecko.tables["fulfillments"][parcel], **values)


@pytest.mark.long
@pytest.mark.parametrize("later", [["1ZB"], ["1ZB", "1ZC"]])
def test_a_parcel_that_waits_for_its_tracking_number_keeps_its_units(
    shop: Sandbox, manage: Run, told: Told, later: list[str]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 1 + len(later)})
    manage("run", "all")
    first = ship(shop, number, 1, tracking="")
    for tracking in later:
        ship(shop, number, 1, tracking=tracking)
        manage("run", "all")
    change(shop, first, tracking_number="1ZA")
    manage("run", "all")
    assert sorted(parcels(shop, number)) == [("1", tracking, 1) for tracking in ["1ZA", *later]]
    assert told(number)["status"] == "confirmed"


@pytest.mark.long
def test_a_tracking_number_corrected_while_its_confirmation_is_in_doubt_is_told_to_a_person(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = ship(shop, number, tracking="1ZOLD")
    shop.faults.add("oasis", "reset_after_apply", path="/shipments", method="POST")
    with pytest.raises(CommandError):
        manage("run", "all")
    change(shop, parcel, tracking_number="1ZNEW")
    manage("run", "pull_shipments")
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1ZOLD", 1)]
    assert holds(told(number)) == ["changed_shipment"]


@pytest.mark.long
def test_a_line_that_was_taken_and_shows_late_is_not_told_again(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.oasis.switch(atomic=False)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M", "quantity": 3})
    manage("run", "all")
    order = placed(shop, number)
    first, second = shop.tradegecko.lines(order["id"])
    shop.tradegecko.ship(order["id"], {first["id"]: 1, second["id"]: 1}, tracking="1ZA")
    shop.oasis.cancel(number, "1")  # so that this line is refused, and only they know why
    manage("run", "pull_shipments")
    real, looks = readback.missing, []

    def late(told: Any, lines: Sequence[ConfirmedLine]) -> list[ConfirmedLine]:
        looks.append(1)
        return list(lines) if len(looks) == 1 else real(told, lines)

    monkeypatch.setattr(readback, "missing", late)
    for _ in range(3):
        with suppress(CommandError):
            manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("2", "1ZA", 1)]


def test_a_loser_that_wakes_late_changes_nothing_of_the_winners_claim(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    loser = WarehouseSubmission.objects.get()
    assert loser.claim()
    loser.intend()
    recover(WarehouseSubmission.objects.all())
    winner = WarehouseSubmission.objects.get()
    assert winner.claim()
    with pytest.raises(RunLost):
        loser.note(generation=9, sent_at=None)
    with pytest.raises(RunLost):
        loser.release("pending", error="late")
    winner.finish("accepted")
    assert WarehouseSubmission.objects.get().generation == 1


def test_a_route_given_to_another_warehouse_while_its_orders_go_out_doubles_none(
    shop: Sandbox, manage: Run, gecko: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox() as other:
        monkeypatch.setenv("SECOND", other.tradegecko.token)
        manage("connect", "tradegecko", "Second", "--token-env", "SECOND", "--base-url", other.tradegecko_url)
        second = Connection.objects.get(name="Second")
        catalogue.learn(second, warehouse_for(second), {"MUG-BLK"})
        numbers = {shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)}
        manage("run", "pull_orders")
        real = TradeGecko.create_order

        def create(self: TradeGecko, request: OrderRequest) -> Receipt:
            receipt = real(self, request)
            if Route.objects.filter(warehouse=gecko).update(warehouse=second, location_id="", company_id=""):
                WarehouseSubmission.objects.filter(status="pending").update(connection=second)
                shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
            return receipt

        monkeypatch.setattr(TradeGecko, "create_order", create)
        jobs.submit_orders(gecko)
        for _ in range(3):
            jobs.submit_orders(second)
        there = [one["reference_number"] for box in (shop, other) for one in box.tradegecko.living()]
    assert sorted(there) == sorted(numbers)


@pytest.mark.long
def test_what_a_clock_that_was_ahead_left_behind_loses_no_parcel(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    manage("run", "pull_shipments")
    latest = SyncRun.objects.filter(job="pull_shipments").latest("pk")
    SyncRun.objects.filter(pk=latest.pk).update(window_until=timezone.now() + DAY)
    ship(shop, number, tracking="1ZA")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1ZA", 1)]


@pytest.mark.long
def test_what_a_clock_that_was_ahead_left_behind_stops_no_job(shop: Sandbox, manage: Run) -> None:
    dispatch.dispatch()
    JobPlan.objects.update(next_run_at=timezone.now() + 2 * DAY, queued_at=None)
    RateWindow.objects.update(resets_at=timezone.now() + DAY, remaining=0)
    assert dispatch.dispatch() == JobPlan.objects.count()
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert placed(shop, number)


@pytest.mark.long
def test_a_token_address_that_answers_nonsense_parks_no_order(shop: Sandbox, manage: Run, gecko: Connection) -> None:
    for _ in range(4):
        shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    sign_in.as_application(gecko, "app", "secret", refresh_token="r1")
    shop.faults.add("tradegecko", "error_in_200", path="/oauth/token", method="POST", times=100)
    before = len(shop.calls("tradegecko"))
    for _ in range(13):
        jobs.submit_orders(Connection.objects.get(pk=gecko.pk))
    assert set(WarehouseSubmission.objects.values_list("status", "attempts")) == {("pending", 0)}
    assert shop.calls("tradegecko")[before:] == [("POST", "/oauth/token")]


@pytest.mark.long
def test_parcels_that_could_not_leave_are_all_told_once_the_marketplace_is_back(
    shop: Sandbox, manage: Run, overstock: Connection, settings: Any
) -> None:
    settings.RETRY_BASE_SECONDS, settings.LOOKUP_GRACE_SECONDS = 30, 30
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(3)]
    manage("run", "all")
    for number in numbers:
        ship(shop, number, tracking=f"1Z{number}")
    manage("run", "pull_shipments")
    where = overstock.base_url
    Connection.objects.filter(pk=overstock.pk).update(base_url="http://127.0.0.1:1")
    for _ in range(6):
        with pytest.raises(CommandError):
            manage("run", "confirm_shipments")
    Connection.objects.filter(pk=overstock.pk).update(base_url=where)
    manage("run", "all")
    assert [parcels(shop, number) for number in numbers] == [[("1", f"1Z{number}", 1)] for number in numbers]
