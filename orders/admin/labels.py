"""States as coloured labels, the same on every page; the word always stands beside the colour."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.admin_base import TRANSMISSION_COLOURS
from integrations.transmissions import Transmission
from orders.models import Order, Shipment

S, P = Order.Status, Shipment.State
ORDER = {
    S.RECEIVED: "info", S.READY: "info", S.ON_HOLD: "danger", S.SKIPPED: "default", S.SUBMITTED: "primary",
    S.PARTLY_SHIPPED: "warning", S.SHIPPED: "warning", S.CONFIRMED: "success", S.CANCELLED: "default",
}  # fmt: skip
PARCEL = {P.PACKED: "info", P.SHIPPED: "success", P.VOID: "danger"}


@dataclass(frozen=True, slots=True)
class Label:
    """What the label template shows."""

    type: str
    text: str


def of_order(order: Order) -> Label:
    return Label(ORDER[S(order.status)], order.get_status_display())


def of_transmission(row: Transmission) -> Label:
    return Label(TRANSMISSION_COLOURS[Transmission.Status(row.status)], row.get_status_display())


def of_parcel(parcel: Shipment) -> Label:
    return Label(PARCEL[P(parcel.state)], parcel.get_state_display())
