"""What the marketplace is told of parcels, and what happens when one changes on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError

from integrations import runs
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from orders import actions, jobs, telling
from orders.models import CarrierService, Order, OrderLine, Shipment, ShipmentConfirmation
from tests.orders.world import holds, parcels, pauses_end, placed, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]


def change(box: Sandbox, parcel: int, **values: Any) -> None:
    box.tradegecko.change(box.tradegecko.tables["fulfillments"][parcel], **values)


def test_a_parcel_voided_while_its_confirmation_waits_is_not_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = ship(shop, number, tracking="1Z1")
    shop.faults.add("oasis", "429", path="/shipments")
    with pytest.raises(CommandError):
        manage("run", "all")
    shop.tradegecko.void_parcel(shop.tradegecko.tables["fulfillments"][parcel])
    manage("run", "pull_shipments")
    pauses_end()
    ShipmentConfirmation.objects.update(not_before=None)
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == []
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])


def test_thousands_of_parcels_are_read_and_told_in_turns(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, overstock: Connection, gecko: Connection
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(3)]
    manage("run", "all")
    for number in numbers:
        ship(shop, number, tracking=f"1Z{number}")
    monkeypatch.setattr(runs, "LONGEST_TURN", timedelta(0))
    assert "the next run goes on" in jobs.pull_shipments(gecko).text
    assert Shipment.objects.count() == 1
    assert "the next run goes on" in jobs.confirm_shipments(overstock).text
    assert not any(parcels(shop, number) for number in numbers)
    monkeypatch.undo()
    manage("run", "pull_shipments")
    manage("run", "confirm_shipments")
    assert [parcels(shop, number) for number in numbers] == [[("1", f"1Z{number}", 1)] for number in numbers]


def test_what_was_gathered_in_a_turn_is_told_in_it(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, overstock: Connection
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(3)]
    manage("run", "all")
    for number in numbers:
        ship(shop, number, tracking=f"1Z{number}")
    manage("run", "pull_shipments")
    monkeypatch.setattr(telling, "GATHERED_TOGETHER", 1)
    monkeypatch.setattr(telling, "GATHERS_FOR", 0)
    first = jobs.confirm_shipments(overstock)
    assert first.is_handed_over
    assert "2 orders left to gather" in first.text
    assert [len(parcels(shop, number)) for number in numbers] == [1, 0, 0]
    manage("run", "confirm_shipments")
    assert [len(parcels(shop, number)) for number in numbers] == [1, 1, 1]


def test_an_order_that_cannot_be_written_down_keeps_no_other_from_being_told(shop: Sandbox, manage: Run) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    for number in numbers:
        ship(shop, number, tracking=f"1Z{number}")
    manage("run", "pull_shipments")
    OrderLine.objects.filter(order__full_number=numbers[0]).update(quantity_to_ship=0)
    with pytest.raises(CommandError, match="unexpected IntegrityError"):
        manage("run", "confirm_shipments")
    assert [len(parcels(shop, number)) for number in numbers] == [0, 1]


def test_a_refused_confirmation_goes_out_as_the_parcel_is_now(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = ship(shop, number, tracking="wrong")
    shop.faults.add("oasis", "400_xml", path="/shipments")
    with pytest.raises(CommandError, match="switched on"):
        manage("run", "all")
    change(shop, parcel, tracking_number="1Z1")
    manage("run", "all")
    actions.retry_sending(Order.objects.get(), None)
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1)]
    assert told(number)["status"] == "confirmed"


def test_two_parcels_under_one_tracking_number_are_both_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    ship(shop, number, 1, tracking="1Z1")
    manage("run", "all")
    ship(shop, number, 1, tracking="1Z1")
    shop.faults.add("oasis", "reset", path="/shipments")
    with pytest.raises(CommandError):
        manage("run", "all")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1), ("1", "1Z1", 1)]
    assert told(number)["status"] == "confirmed"


@pytest.mark.long
@pytest.mark.parametrize("partial", ["at_once", "when_complete"])
def test_a_line_cancelled_after_sending_does_not_keep_the_others_from_being_told(
    shop: Sandbox, manage: Run, told: Told, partial: str
) -> None:
    Route.objects.update(partial_shipments=partial)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.cancel(number, "2")
    manage("run", "pull_orders")
    ship(shop, number, 1, tracking="1Z1")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1)]
    assert holds(told(number)) == ["cancelled_late"]
    assert told(number)["status"] == "confirmed"


@pytest.mark.long
def test_a_cancelled_line_that_shipped_all_the_same_does_not_spoil_the_message(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.cancel(number, "2")
    manage("run", "pull_orders")
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1)]


@pytest.mark.parametrize("news", [{"tracking_number": "1Z2"}, {"units": "2.0"}])
def test_a_parcel_changed_after_it_was_told_is_a_hold(
    shop: Sandbox, manage: Run, told: Told, news: dict[str, Any]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
    manage("run", "all")
    parcel = ship(shop, number, 1, tracking="1Z1")
    manage("run", "all")
    if "units" in news:
        rows = shop.tradegecko.tables["fulfillment_line_items"].values()
        next(row for row in rows if row["fulfillment_id"] == parcel)["quantity"] = news["units"]
        news = {"notes": "corrected"}
    change(shop, parcel, **news)
    manage("run", "all")
    assert holds(told(number)) == ["changed_shipment"]


def test_an_unknown_service_of_a_known_carrier_is_not_guessed(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1", service="Drone Express")
    manage("run", "all")
    assert [hold["subject"] for hold in told(number)["holds"]] == ["UPS / Drone Express"]
    assert parcels(shop, number) == []

    CarrierService.objects.create(connection=overstock, carrier_text="UPS", service_text="*", carrier_code="UPS",
                                  service_code="NEXT_DAY")  # fmt: skip
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1)]
    assert holds(told(number)) == []


@pytest.mark.long
def test_an_unknown_carrier_is_no_matter_once_its_parcel_is_void(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = ship(shop, number, tracking="X1", carrier="Bob's Van")
    manage("run", "all")
    assert holds(told(number)) == ["unknown_carrier"]
    shop.tradegecko.void_parcel(shop.tradegecko.tables["fulfillments"][parcel])
    manage("run", "all")
    assert holds(told(number)) == []


def test_a_mapped_carrier_that_lacks_a_service_code_is_not_called_unmapped(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    Order.objects.update(shipping_code="")
    row = CarrierService.objects.create(connection=overstock, carrier_text="Owl", service_text="*", carrier_code="UPS")
    ship(shop, number, tracking="1Z1", carrier="Owl", service="Night")
    manage("run", "pull_shipments")
    manage("run", "confirm_shipments")
    [hold] = told(number)["holds"]
    assert hold["message"].startswith("The carrier map has no service code for 'Owl / Night'")
    CarrierService.objects.filter(pk=row.pk).update(service_code="GROUND")
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1Z1", 1)]


def test_nothing_of_an_order_that_was_voided_in_the_warehouse_is_told(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection
) -> None:
    shop.tradegecko.switch(void_shipped=True)
    gathered, waits = (shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2))
    manage("run", "all")
    ship(shop, gathered, tracking="1Z1")
    ship(shop, waits, tracking="1Z2", carrier="Owl")
    shop.faults.add("oasis", "429", path="/shipments")
    with pytest.raises(CommandError):
        manage("run", "all")
    for number in (gathered, waits):
        shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    CarrierService.objects.create(
        connection=overstock, carrier_text="Owl", service_text="*", carrier_code="UPS", service_code="GROUND"
    )
    pauses_end()
    manage("run", "confirm_shipments")
    for number, tracking in ((gathered, "1Z1"), (waits, "1Z2")):
        assert parcels(shop, number) == []
        [hold] = told(number)["holds"]
        assert hold["kind"] == "voided_order"
        assert f"Left before: parcel {tracking}. Overstock is told of it by hand only." in hold["message"]


@pytest.mark.long
def test_the_known_codes_are_there_before_the_first_order_is_judged(shop: Sandbox, manage: Run, told: Told) -> None:
    Route.objects.update(unmapped_shipping="refuse")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    assert told(number)["status"] == "ready"


def shipped_orders(shop: Sandbox, manage: Run, number_of: int) -> list[str]:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(number_of)]
    manage("run", "all")
    for number in numbers:
        ship(shop, number, tracking=f"1Z{number}")
    return numbers


@pytest.mark.long
def test_a_202_that_says_success_is_a_yes(shop: Sandbox, manage: Run, told: Told) -> None:
    numbers = shipped_orders(shop, manage, 5)
    shop.oasis.success = 202
    manage("run", "all")
    assert {told(number)["status"] for number in numbers} == {"confirmed"}


def test_a_202_without_a_word_is_read_back_and_is_nobodys_trouble(shop: Sandbox, manage: Run, told: Told) -> None:
    numbers = shipped_orders(shop, manage, 5)
    shop.faults.add("oasis", "202_empty_after_apply", path="/shipments", times=5)
    manage("run", "pull_shipments")
    assert "5 taken in and to be read back" in manage("run", "confirm_shipments")
    manage("run", "confirm_shipments")
    assert {told(number)["status"] for number in numbers} == {"confirmed"}
    assert [len(parcels(shop, number)) for number in numbers] == [1] * 5


@pytest.fixture
def shipped(shop: Sandbox, manage: Run) -> tuple[str, int]:
    """An order whose parcel is known here and not told yet: its number and the parcel's id."""
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    return number, parcel


def void(box: Sandbox, parcel: int) -> None:
    box.tradegecko.void_parcel(box.tradegecko.tables["fulfillments"][parcel])


@pytest.mark.long
def test_a_parcel_voided_just_before_it_is_told_is_not_told(
    shop: Sandbox, manage: Run, told: Told, shipped: tuple[str, int]
) -> None:
    number, parcel = shipped
    void(shop, parcel)
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == []
    assert (told(number)["status"], holds(told(number))) == ("submitted", [])


@pytest.mark.long
def test_a_tracking_number_corrected_just_before_it_is_told_is_told(
    shop: Sandbox, manage: Run, shipped: tuple[str, int]
) -> None:
    number, parcel = shipped
    change(shop, parcel, tracking_number="1Z2")
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1Z2", 1)]


@pytest.mark.long
@pytest.mark.parametrize("fault", ["503", "429", "401", "422", "html_200", "truncated"])
def test_a_warehouse_that_cannot_be_asked_keeps_no_parcel_from_being_told(
    shop: Sandbox, manage: Run, shipped: tuple[str, int], fault: str
) -> None:
    shop.faults.add("tradegecko", fault, times=1000)
    manage("run", "confirm_shipments")
    assert parcels(shop, shipped[0]) == [("1", "1Z1", 1)]


@pytest.mark.long
def test_looking_once_more_costs_a_call_for_all_parcels_and_none_where_nothing_is_told(
    shop: Sandbox, manage: Run, shipped: tuple[str, int]
) -> None:
    other = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    for job in ("pull_orders", "submit_orders"):
        manage("run", job)
    ship(shop, other, tracking="1Z2")
    manage("run", "pull_shipments")
    before = len(shop.calls("tradegecko"))
    manage("run", "confirm_shipments")
    manage("run", "confirm_shipments")
    assert shop.calls("tradegecko")[before:] == [("GET", "/fulfillments")]
    assert parcels(shop, other) == [("1", "1Z2", 1)]


@pytest.mark.long
@pytest.mark.parametrize("is_seen_first", [True, False])
def test_the_hold_of_a_voided_parcel_names_the_one_that_was_shipped_instead(
    shop: Sandbox, manage: Run, told: Told, shipped: tuple[str, int], is_seen_first: bool
) -> None:
    number, parcel = shipped
    manage("run", "confirm_shipments")
    void(shop, parcel)
    if is_seen_first:
        manage("run", "all")
        assert "Ship it again" in told(number)["holds"][0]["message"]
    ship(shop, number, tracking="1Z2")
    manage("run", "all")
    [hold] = told(number)["holds"]
    assert hold["message"] == (
        "Parcel 1Z1 was voided in the warehouse after the marketplace was told of it, and its units were shipped "
        "again: parcel 1Z2. That is not told by itself, since they count as told. Give the new tracking number to "
        "Overstock, then resolve this."
    )
    assert parcels(shop, number) == [("1", "1Z1", 1)]


def test_a_line_that_was_taken_though_the_answer_names_an_error_is_told(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    shop.faults.add("oasis", "error_in_200_after_apply", path="/shipments")
    manage("run", "all")
    assert (told(number)["status"], parcels(shop, number)) == ("confirmed", [("1", "1Z1", 1)])
