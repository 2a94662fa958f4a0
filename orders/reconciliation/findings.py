"""What comparisons found to be wrong and nothing has shown to be right since: of every order its last word, while that
is an exception. Only reads; a finding ends with the next comparison of its order, or with what can be seen to mend it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from integrations.models import Connection
from integrations.transmissions import Transmission
from orders.models import (
    Hold,
    Order,
    ReconciledOrder,
    Reconciliation,
    ShipmentConfirmation,
    UnreadableRecord,
)

B = ReconciledOrder.Bucket
# What is held is on a worklist of its own, unless only the order itself says what to do.
WRONG = Q(bucket__in=(*ReconciledOrder.EXCEPTIONS, B.HELD)) & (~Q(bucket=B.HELD) | Q(mend=ReconciledOrder.Mend.ORDER))
MARGIN = timedelta(hours=1)


def found() -> QuerySet[ReconciledOrder]:
    """Every finding that is open; an order has one at most."""
    wrong = ReconciledOrder.objects.filter(WRONG).values("pk")  # by the index: reports are mostly of what is right
    rows = ReconciledOrder.objects.filter(pk__in=wrong)
    return rows.exclude(_judged_later()).exclude(_numberless_and_read_later()).exclude(_mended())


def of(order: Order) -> ReconciledOrder | None:
    """What the last comparison found wrong with this order, if that is still open. One query, and none where the order
    was read with its `key` and has no finding.
    """
    rows = found().filter(order=order)
    if hasattr(order, "finding"):
        rows = ReconciledOrder.objects.filter(pk=order.finding) if order.finding else rows.none()
    return rows.select_related("report").order_by("-pk").first()


def key() -> Subquery:
    """The id of an order's finding, to be read with it."""
    return Subquery(found().filter(order=OuterRef("pk")).order_by("-pk").values("pk")[:1])


def since(connection: Connection, period: timedelta, kept: timedelta, now: datetime) -> datetime:
    """From when the daily comparison reads: its period, or back to the oldest order that is to be looked at again."""
    open_here = found().filter(report__connection=connection, created_on_marketplace__gte=now - kept)
    oldest = open_here.order_by("created_on_marketplace").values_list("created_on_marketplace", flat=True).first()
    return min(now - period, oldest - MARGIN) if oldest else now - period


def _judged_later() -> Q:
    """A report that was read later says something of it, whichever was asked for first. What could not be checked
    says nothing.
    """
    newer = ReconciledOrder.objects.filter(
        number=OuterRef("number"), report__connection=OuterRef("report__connection"),
        report__started_at__gt=OuterRef("report__started_at"),
    )  # fmt: skip
    return Q(Exists(newer.exclude(bucket=B.UNCHECKED)))


def _numberless_and_read_later() -> Q:
    """What has no number cannot be found again: the newest report alone speaks of it."""
    later = Reconciliation.objects.filter(
        connection=OuterRef("report__connection"), finished_at__isnull=False,
        started_at__gt=OuterRef("report__started_at"),
    )  # fmt: skip
    return Q(Exists(later), number="")


def _mended() -> Q:
    """What is known here to have been done about it since, before both sides are compared again."""
    came_in = Order.objects.filter(
        connection=OuterRef("report__connection"), full_number=OuterRef("number"),
        sales_channel=OuterRef("sales_channel"),
    )  # fmt: skip
    listed = UnreadableRecord.objects.filter(connection=OuterRef("report__connection"), full_number=OuterRef("number"))
    told = ShipmentConfirmation.objects.filter(
        order=OuterRef("order"), status=Transmission.Status.ACCEPTED, finished_at__gt=OuterRef("report__started_at")
    )
    settled = Hold.objects.filter(
        order=OuterRef("order"), kind=Hold.Kind.VOIDED_ORDER, resolved_at__gt=OuterRef("report__started_at")
    )
    return (
        Q(Exists(came_in), bucket=B.MISSING_HERE)
        | Q(Exists(listed), bucket=B.UNREADABLE)  # it is on that list, or was taken off it
        | Q(Exists(told), bucket=B.UNCONFIRMED, order__status=Order.Status.CONFIRMED)
        | Q(Exists(settled), bucket=B.MISSING_THERE)
        | Q(bucket=B.GONE, order__status__in=(Order.Status.SKIPPED, Order.Status.CANCELLED))
    )
