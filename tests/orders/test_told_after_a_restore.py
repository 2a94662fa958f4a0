"""What is told once a database was restored: what it may have told already is looked up, all else goes out."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.db.models import F

from integrations.models import Connection
from integrations.sandbox.oasis_state import Parcel
from integrations.sandbox.server import Sandbox
from orders import actions
from orders.models import Order, ShipmentConfirmation
from tests.orders.test_restored import Run, Told, lost, nobody_worked_for, reads
from tests.orders.world import holds, parcels, ship


@pytest.mark.long
def test_one_of_which_another_shipped_some_is_told_as_far_as_it_is_open(shop: Sandbox, manage: Run) -> None:
    """The warehouse holds all three, of which none had left there when the first was sent by somebody else."""
    manage("run", "all")
    with lost():
        number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
        manage("run", "all")
    shop.oasis.orders[number].line("1").ship(Parcel(1, "UPS", "GROUND", "OTHERS", "2026-11-01T10:00:00"))
    with suppress(CommandError):
        manage("run", "all")
    ship(shop, number, 1, 2, tracking="1Z1")
    manage("run", "pull_shipments")
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "OTHERS", 1), ("1", "1Z1", 2)]


@pytest.mark.parametrize(
    ("pause", "runs"),
    [(timedelta(minutes=4), {}), (timedelta(days=1), {"job": "confirm_shipments"}), (timedelta(0), {})],
    ids=["a restart", "a job that was switched off", "nothing"],
)
def test_who_remembers_everything_asks_for_nothing(
    shop: Sandbox, manage: Run, pause: timedelta, runs: dict[str, str]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    nobody_worked_for(pause, **runs)
    manage("run", "pull_shipments")
    before = reads(shop)
    manage("run", "confirm_shipments")
    assert (reads(shop), parcels(shop, number)) == (before, [("1", "1Z1", 1)])


def test_what_leaves_after_the_restore_is_told_without_a_look(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    nobody_worked_for(timedelta(hours=1))
    manage("run", "pull_shipments")
    Connection.objects.update(dark_until=F("dark_until") - timedelta(hours=1))
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    before = reads(shop)
    manage("run", "confirm_shipments")
    assert (reads(shop), parcels(shop, number)) == (before, [("1", "1Z1", 1)])


@pytest.mark.long
def test_one_that_is_not_shown_over_there_is_told_on_a_persons_word(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    nobody_worked_for(timedelta(hours=1))
    shop.oasis.orders[number].created_at -= timedelta(days=40)
    with pytest.raises(CommandError, match="does not show the order"):
        manage("run", "all")
    ShipmentConfirmation.objects.update(attempts=11)
    with pytest.raises(CommandError, match="told without a look"):
        manage("run", "all")
    assert parcels(shop, number) == []
    actions.retry_sending(Order.objects.get(), None)
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1Z1", 1)]


@pytest.mark.long
def test_a_parcel_whose_number_was_changed_after_it_was_told_is_a_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    with lost():
        parcel = ship(shop, number, tracking="1ZOLD")
        manage("run", "all")
        shop.tradegecko.change(shop.tradegecko.tables["fulfillments"][parcel], tracking_number="1ZNEW")
    manage("run", "all")
    assert parcels(shop, number) == [("1", "1ZOLD", 1)]
    assert (told(number)["status"], holds(told(number))) == ("confirmed", ["changed_shipment"])
    assert shop.calls("oasis").count(("POST", "/shipments")) == 1


@pytest.mark.long
def test_a_parcel_that_is_more_than_is_wanted_by_now_and_was_never_told_does_not_count_as_told(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    ship(shop, number, tracking="1Z1")
    nobody_worked_for(timedelta(hours=1))
    shop.oasis.edit(number, "1", quantity=1)
    manage("run", "pull_shipments")
    with pytest.raises(CommandError, match="refused the shipment"):
        manage("run", "confirm_shipments")
    assert (told(number)["status"], parcels(shop, number)) == ("shipped", [])
    assert ShipmentConfirmation.objects.get().status == ShipmentConfirmation.Status.PARKED
