"""What is sent for an order: every outbox that an order has, in the order in which they are used in its life."""

from __future__ import annotations

from typing import NamedTuple

from integrations.transmissions import Transmission
from orders.models.changing import ShortShip, WarehouseChange
from orders.models.order import Order
from orders.models.sending import ShipmentConfirmation, WarehouseSubmission

Sent = WarehouseSubmission | WarehouseChange | ShipmentConfirmation | ShortShip


class Outbox(NamedTuple):
    """`name` is what worklists call one of its rows, `carries` what several of them take over there, in words."""

    name: str
    model: type[Sent]
    carries: str


OUTBOXES = (
    Outbox("submission", WarehouseSubmission, "orders"), Outbox("change", WarehouseChange, "changes"),
    Outbox("confirmation", ShipmentConfirmation, "shipments"), Outbox("short_ship", ShortShip, "short ships"),
)  # fmt: skip


def parked_for(order: Order) -> list[Sent]:
    """What was refused or given up of an order."""
    parked = Transmission.Status.PARKED
    return [row for box in OUTBOXES for row in box.model._default_manager.filter(order=order, status=parked)]
