"""What was sent while its route was in test is sent for real once the route is live."""

from __future__ import annotations

from django.db import transaction

from integrations.models import Route
from integrations.runs import Run
from orders.models import Order, WarehouseSubmission

T = WarehouseSubmission.Status
SENT = (Order.Status.SUBMITTED, Order.Status.PARTLY_SHIPPED, Order.Status.SHIPPED)


def end(run: Run) -> None:
    """Take back the orders of this warehouse that went out as marked drafts, if their route is live now."""
    drafts = WarehouseSubmission.objects.filter(
        connection=run.connection, is_test=True, status=T.ACCEPTED, order__status__in=SENT,
        order__route__state=Route.State.LIVE,
    ).exclude(order__lines__quantity_confirmed__gt=0)  # fmt: skip
    for submission in drafts.select_related("order"):
        with run.isolated(f"order {submission.order}"):
            _take_back(submission)
            run.count("taken back from the test")


@transaction.atomic
def _take_back(submission: WarehouseSubmission) -> None:
    draft = submission.remote_number or submission.remote_id
    submission.order.move_to(
        Order.Status.RECEIVED,
        reason=f"the route is live now; the test order {draft} in {submission.connection} can be deleted",
    )
    WarehouseSubmission.objects.filter(pk=submission.pk).update(
        status=T.WITHDRAWN, generation=submission.generation + 1, is_test=False, remote_id="", remote_number="",
        remote_status="", sent_at=None, request={},
    )  # fmt: skip
    submission.lines.all().delete()
    submission.order.shipments.all().delete()
    submission.order.lines.update(quantity_shipped=0)
