"""Parcels and orders that were changed in the warehouse too late: what a person is to tell the marketplace."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.text import capfirst

from orders import parcels, settling
from orders.models import ConfirmedLine, Hold, Order, Shipment, ShipmentConfirmation

LEFT_BEFORE = " Left before: "


def check(order: Order, parcel: Shipment, news: list[str]) -> None:
    """Hold the order where a parcel is no longer what was told of it; `news` names what changed."""
    told = ConfirmedLine.objects.filter(
        shipment_line__shipment=parcel, confirmation__status=ShipmentConfirmation.Status.ACCEPTED
    )
    if told.exists():
        if parcel.state == Shipment.State.VOID:
            hold_voided(order, parcel)
        elif "contents" in news or told.exclude(tracking_number=parcel.tracking_number).exists():
            hold_changed(order, parcel, ", ".join(news).replace("_", " "))
    _name_replacements(order)
    for hold in order.holds.filter(kind=Hold.Kind.VOIDED_ORDER, resolved_at=None):
        _say_what_left(order, hold)


def hold_voided(order: Order, parcel: Shipment) -> None:
    voided = f"{_named(parcel)} was voided in the warehouse after the marketplace was told of it"
    instead = [_named(one) for one in _shipped_instead(order, parcel)]
    if instead:
        text = (
            f"{voided}, and its units were shipped again: {', '.join(instead)}. That is not told by itself, since they "
            f"count as told. Give the new tracking number to {order.connection}, then resolve this."
        )
    else:
        text = f"{voided}. Ship it again, or tell the marketplace."
    settling.open_hold(order, Hold.Kind.VOIDED_SHIPMENT, parcel.remote_id, text[:1].upper() + text[1:])


def hold_ended(order: Order, what: str) -> None:
    """An order that the warehouse ships no more, though the marketplace waits for it."""
    text = (
        f"{capfirst(what)}, and {order.connection} still waits for it. Have it shipped otherwise, or cancel it there; "
        "then resolve this."
    )
    settling.open_hold(order, Hold.Kind.VOIDED_ORDER, "", text)
    _say_what_left(order, order.holds.get(kind=Hold.Kind.VOIDED_ORDER, subject="", resolved_at=None))


def _say_what_left(order: Order, hold: Hold) -> None:
    """What left before the order ended is told of by nobody, so a person needs its numbers."""
    untold = order.shipments.filter(state=Shipment.State.SHIPPED).exclude(
        lines__confirmed__confirmation__status=ShipmentConfirmation.Status.ACCEPTED
    )
    named = ", ".join(_named(one) for one in untold.order_by("pk"))
    text = hold.message.partition(LEFT_BEFORE)[0]
    if named:
        text += f"{LEFT_BEFORE}{named}. {order.connection} is told of it by hand only."
    if text != hold.message:
        Hold.objects.filter(pk=hold.pk).update(message=text)


def hold_changed(order: Order, parcel: Shipment, what: str) -> None:
    settling.open_hold(
        order, Hold.Kind.CHANGED_SHIPMENT, parcel.remote_id,
        f"Parcel {parcel.tracking_number or parcel.remote_id} was changed in the warehouse ({what}) after the "
        "marketplace was told of it. Tell the marketplace, then resolve this.",
    )  # fmt: skip


def hold_beyond(order: Order, beyond: Mapping[str, str]) -> None:
    """Hold the order for what these parcels hold beyond it, but for what a person has settled just so."""
    closed = order.holds.filter(kind=Hold.Kind.OVER_SHIPPED, resolved_at__isnull=False)
    known = set(closed.exclude(resolution=parcels.NO_MORE).values_list("subject", "message"))
    for parcel, text in beyond.items():
        if (parcel, text) not in known:
            settling.open_hold(order, Hold.Kind.OVER_SHIPPED, parcel, text)


def _name_replacements(order: Order) -> None:
    """Open holds of voided parcels say what was shipped in their place, as soon as that is known."""
    for hold in order.holds.filter(kind=Hold.Kind.VOIDED_SHIPMENT, resolved_at=None):
        for parcel in order.shipments.filter(remote_id=hold.subject):
            hold_voided(order, parcel)


def _shipped_instead(order: Order, voided: Shipment) -> list[Shipment]:
    """Shipped parcels with the same items of which no unit is left to be told."""
    items = {part.get("item_id") for part in voided.contents}
    others = order.shipments.filter(state=Shipment.State.SHIPPED, lines=None).order_by("pk")
    return [one for one in others if items & {part.get("item_id") for part in one.contents}]


def _named(parcel: Shipment) -> str:
    return f"parcel {parcel.tracking_number or parcel.remote_id}"
