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
WAITS = "waits"
OR_WAITS: dict[str, str] = {**{status.value: colour for status, colour in ORDER.items()}, WAITS: "danger"}
PARCEL = {P.PACKED: "info", P.SHIPPED: "success", P.VOID: "danger"}


@dataclass(frozen=True, slots=True)
class Label:
    """What the label template shows."""

    type: str
    text: str


def what_waits(order: Order) -> str:
    """In the place of *Ready*, which says only that nothing holds it, once its sending has stopped."""
    submission = getattr(order, "submission", None)
    if order.status != S.READY or submission is None or submission.status != Transmission.Status.PARKED:
        return ""
    return "Refused" if submission.sent_at is None else "Waits for a person"


def of_order(order: Order) -> Label:
    waits = what_waits(order)
    if waits:
        return Label(OR_WAITS[WAITS], waits)
    return Label(ORDER[S(order.status)], order.get_status_display())


def of_transmission(row: Transmission) -> Label:
    return Label(TRANSMISSION_COLOURS[Transmission.Status(row.status)], row.get_status_display())


def of_parcel(parcel: Shipment) -> Label:
    return Label(PARCEL[P(parcel.state)], parcel.get_state_display())
