"""Parcels of what the marketplace cancelled: refused by it, and settled together with the cancellation."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations.sandbox.server import Sandbox
from orders import actions
from orders.admin import tabs
from orders.models import Hold, OrderLine, ShipmentConfirmation
from tests.orders.test_changes import Run, Told, order, two_lines
from tests.orders.test_reopened_lines import reopen
from tests.orders.world import holds, parcels, ship


def one_line(box: Sandbox, manage: Run) -> str:
    number = box.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    return number


def tell(manage: Run) -> None:
    """Parcels are read and told, before the marketplace is asked for anything else."""
    for job in ("pull_shipments", "confirm_shipments"):
        with suppress(CommandError):
            manage("run", job)


def asked_again(manage: Run) -> None:
    """The refusal is long enough ago for a look that finds nothing to be believed."""
    ShipmentConfirmation.objects.exclude(sent_at=None).update(sent_at=timezone.now() - timedelta(minutes=5))
    for _ in range(3):
        for job in ("revisit_orders", "submit_orders", "pull_shipments", "confirm_shipments"):
            with suppress(CommandError):
                manage("run", job)


def refused(box: Sandbox, manage: Run) -> str:
    """An order that was cancelled there as its parcel left, which we did not know."""
    number = one_line(box, manage)
    ship(box, number, tracking="1Z1")
    box.oasis.cancel(number)
    tell(manage)
    assert tabs.counts()["refused"] == 1
    return number


def waiting() -> tuple[int, int, int]:
    """How many orders are held, have something refused, or something to confirm."""
    counts = tabs.counts()
    return counts["held"], counts["refused"], counts["unconfirmed"]


def settled(number: str) -> None:
    [hold] = order(number).holds.filter(resolved_at=None)
    assert hold.kind == Hold.Kind.CANCELLED_LATE
    actions.resolve(hold, "called back from the carrier", None)


def test_the_refusal_of_an_order_that_was_cancelled_leaves_the_worklist_for_its_hold(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = refused(shop, manage)
    asked_again(manage)
    assert (tabs.counts()["refused"], holds(told(number))) == (0, ["cancelled_late"])
    assert "takes no parcel of it any more" in told(number)["holds"][0]["message"]
    settled(number)
    asked_again(manage)
    assert waiting() == (0, 0, 0)
    assert (told(number)["status"], parcels(shop, number)) == ("shipped", [])
    assert [one.status for one in ShipmentConfirmation.objects.all()] == ["withdrawn"]
    assert OrderLine.objects.get().quantity_confirmed == 0


def test_a_refusal_that_stands_when_the_cancellation_is_settled_goes_with_it(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    number = refused(shop, manage)
    manage("run", "revisit_orders")
    ShipmentConfirmation.objects.update(status="parked")
    settled(number)
    asked_again(manage)
    assert (tabs.counts()["refused"], told(number)["status"]) == (0, "shipped")


@pytest.mark.parametrize("line", ["", "2"])
def test_what_ships_after_its_cancellation_was_settled_is_not_told_and_is_to_be_settled_again(
    line: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop)
    manage("run", "all")
    shop.oasis.cancel(number, line)
    asked_again(manage)
    settled(number)
    ship(shop, number, 1, 2, tracking="1Z1")
    ship(shop, number, 2, tracking="1Z2")
    asked_again(manage)
    assert holds(told(number)) == ["cancelled_late"]
    assert "takes no parcel of it any more" in told(number)["holds"][0]["message"]
    assert order(number).cancel_resolved_at is None
    settled(number)
    asked_again(manage)
    assert holds(told(number)) == []
    assert parcels(shop, number) == ([("1", "1Z1", 2)] if line else [])


def test_a_parcel_that_was_gathered_when_its_order_is_cancelled_is_not_told(shop: Sandbox, manage: Run) -> None:
    number = one_line(shop, manage)
    ship(shop, number, tracking="1Z1")
    shop.faults.add("oasis", "503", path="/shipments")
    tell(manage)
    shop.oasis.cancel(number)
    ShipmentConfirmation.objects.update(sent_at=None, status="pending", not_before=None)
    asked_again(manage)
    assert [one.status for one in ShipmentConfirmation.objects.all()] == ["withdrawn"]
    assert parcels(shop, number) == []


def test_a_refused_parcel_is_told_once_its_order_is_opened_again(shop: Sandbox, manage: Run, told: Told) -> None:
    number = refused(shop, manage)
    asked_again(manage)
    shop.oasis.edit(number, status="PROCESSING")
    reopen(shop, number, "1")
    asked_again(manage)
    assert (told(number)["status"], parcels(shop, number)) == ("confirmed", [("1", "1Z1", 1)])


@pytest.mark.parametrize("by", ["a look", "a retry"])
def test_the_refusal_of_a_line_that_was_cancelled_becomes_its_hold_and_the_rest_is_confirmed(
    by: str, shop: Sandbox, manage: Run, told: Told
) -> None:
    number = two_lines(shop)
    manage("run", "all")
    ship(shop, number, 1, 2, tracking="1Z1")
    tell(manage)
    ship(shop, number, 2, tracking="1Z2")
    shop.oasis.cancel(number, "2")
    tell(manage)
    assert (tabs.counts()["refused"], parcels(shop, number)) == (1, [("1", "1Z1", 2)])
    if by == "a retry":
        actions.retry_sending(order(number), None)
        tell(manage)
    asked_again(manage)
    assert (tabs.counts()["refused"], holds(told(number))) == (0, ["cancelled_late"])
    settled(number)
    asked_again(manage)
    assert (told(number)["status"], holds(told(number))) == ("confirmed", [])
    assert parcels(shop, number) == [("1", "1Z1", 2)]
    assert OrderLine.objects.get(number="2").quantity_confirmed == 0


def test_the_refusal_of_the_rest_of_a_line_becomes_its_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    number = two_lines(shop)
    manage("run", "all")
    ship(shop, number, 1, tracking="1Z1")
    ship(shop, number, 2, tracking="1Z2")
    tell(manage)
    ship(shop, number, 1, tracking="1Z3")
    shop.oasis.cancel(number, "1")
    tell(manage)
    assert tabs.counts()["refused"] == 1
    asked_again(manage)
    assert (tabs.counts()["refused"], holds(told(number))) == (0, ["cancelled_late"])
    settled(number)
    asked_again(manage)
    assert (told(number)["status"], parcels(shop, number)) == ("confirmed", [("1", "1Z1", 1), ("2", "1Z2", 1)])
    assert waiting() == (0, 0, 0)
