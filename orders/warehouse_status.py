"""What became of our orders in the warehouse: approved, shipped, voided or deleted there. Never told as a shipment."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from integrations.ports import Warehouse
from integrations.runs import Run
from integrations.sent_orders import Receipt
from orders import arrivals, by_hand, cancelled_late, edits, told
from orders.models import Order, WarehouseSubmission

BATCH = 500


def follow(run: Run, warehouse: Warehouse, since: datetime) -> None:
    """Note the status of every order of ours that changed; an order that ended there is cancelled or held here.

    And which are to be read, as somebody may have changed their lines.
    """
    changed = {receipt.remote_id: receipt for receipt in warehouse.changed_orders(since)}
    ids = list(changed)
    for start in range(0, len(ids), BATCH):
        run.beat()
        mine = WarehouseSubmission.objects.filter(
            connection=run.connection, remote_id__in=ids[start : start + BATCH],
            status=WarehouseSubmission.Status.ACCEPTED,
        ).select_related("connection")  # fmt: skip
        by_hand.note_changed(mine, changed)
        by_hand.note_held(mine, changed)
        for submission in mine:
            receipt = changed[submission.remote_id]
            if receipt.status != submission.remote_status:
                with run.isolated(f"order {receipt.number}"):
                    _note(submission, receipt)


@transaction.atomic
def _note(submission: WarehouseSubmission, receipt: Receipt) -> None:
    order = Order.objects.select_for_update().get(pk=submission.order_id)
    mine = WarehouseSubmission.objects.filter(pk=submission.pk)
    mine.update(remote_status=receipt.status)
    if receipt.status != "draft":  # when it was approved is not told: stock that was seen before now may not know it
        mine.filter(committed_at=None).update(committed_at=timezone.now())
    if receipt.status not in WarehouseSubmission.ENDED:
        return
    what = f"order {receipt.number} is {receipt.status} in {submission.connection}"
    if order.cancel_requested_at and order.status == Order.Status.SUBMITTED:
        arrivals.close_cancelled(order, f"the marketplace cancelled it, and {what}")
        return
    order.note(what)
    cancelled_late.close_lines(order, what)  # nothing is left there that could be taken out
    told.hold_ended(order, what)
    edits.say_again(order)  # it cannot be updated any more
