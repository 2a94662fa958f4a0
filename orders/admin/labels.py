"""States as coloured labels, the same on every page; the word always stands beside the colour."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html

from integrations.admin_base import TRANSMISSION_COLOURS, clip
from integrations.transmissions import Transmission
from orders import route_trouble
from orders.models import Order, Shipment

S, P = Order.Status, Shipment.State
ORDER = {
    S.RECEIVED: "info", S.READY: "info", S.ON_HOLD: "danger", S.SKIPPED: "default", S.SUBMITTED: "primary",
    S.PARTLY_SHIPPED: "warning", S.SHIPPED: "warning", S.CONFIRMED: "success", S.CANCELLED: "default",
}  # fmt: skip
WAITS = "waits"
FOR_A_PERSON = "Waits for a person"
ENDING = 8  # characters
OR_WAITS: dict[str, str] = {**{status.value: colour for status, colour in ORDER.items()}, WAITS: "danger"}
PARCEL = {P.PACKED: "info", P.SHIPPED: "success", P.VOID: "danger"}


@dataclass(frozen=True, slots=True)
class Label:
    """What the label template shows."""

    type: str
    text: str


def number(text: str, limit: int = 20) -> str:
    """A number in a list: a long one with its beginning and its end, by which such ones differ; the whole on hover."""
    if len(text) <= limit:
        return clip(text, limit)
    shown = f"{text[: limit - ENDING - 1]}…{text[-ENDING:]}"
    return format_html('<span class="one-line" title="{}">{}</span>', text, shown)


def what_waits(order: Order) -> str:
    """In the place of *Ready*, which says only that nothing holds it, once its sending has stopped."""
    if route_trouble.of(order):
        return FOR_A_PERSON
    submission = getattr(order, "submission", None)
    if order.status != S.READY or submission is None or submission.status != Transmission.Status.PARKED:
        return ""
    return "Refused" if submission.sent_at is None else FOR_A_PERSON


def of_order(order: Order) -> Label:
    waits = what_waits(order)
    if waits:
        return Label(OR_WAITS[WAITS], waits)
    return Label(ORDER[S(order.status)], order.get_status_display())


def of_transmission(row: Transmission) -> Label:
    return Label(TRANSMISSION_COLOURS[Transmission.Status(row.status)], row.get_status_display())


def of_parcel(parcel: Shipment) -> Label:
    return Label(PARCEL[P(parcel.state)], parcel.get_state_display())
