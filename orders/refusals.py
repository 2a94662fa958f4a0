"""Confirmations that the marketplace refused or may not have taken: taken apart, and looked up again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction

from orders.models import ConfirmedLine, Order, ShipmentConfirmation

T = ShipmentConfirmation.Status
TOGETHER = "it was refused together with other lines; it is looked up, and sent by itself if it has not arrived"


def of_several(error: str) -> str:
    """What is said of each line of a message that was refused: which one was to blame nobody knows."""
    return error if error.startswith(TOGETHER) else f"{TOGETHER}: {error}".removesuffix(": ")[:4000]


@transaction.atomic
def split(confirmation: ShipmentConfirmation, lines: Sequence[ConfirmedLine]) -> None:
    """Give each of these a confirmation of its own, since nothing says which of them was refused.

    Each was sent with the others, and may show only later that it was taken: it is read back first too.
    """
    for line in lines:
        own = ShipmentConfirmation.objects.create(
            order=confirmation.order, connection=confirmation.connection, sent_at=confirmation.sent_at,
            status=T.UNCONFIRMED, last_error=of_several(confirmation.last_error),
        )  # fmt: skip
        ConfirmedLine.objects.filter(pk=line.pk).update(confirmation=own)


def look_up_again(order: Order, numbers: Collection[str]) -> None:
    """What was refused of these lines, which the marketplace cancelled: told no more, unless it was taken after all.

    The next run looks that up. In a transaction that holds the order.
    """
    parked = ShipmentConfirmation.objects.select_for_update().filter(order=order, status=T.PARKED)
    for confirmation in parked:
        lines = list(confirmation.lines.select_related("shipment_line__order_line"))
        over = [line for line in lines if line.shipment_line.order_line.number in numbers]
        if len(over) < len(lines):
            split(confirmation, over)
        else:
            mine = ShipmentConfirmation.objects.filter(pk=confirmation.pk)
            mine.update(status=T.UNCONFIRMED, attempts=0, not_before=None, finished_at=None)
