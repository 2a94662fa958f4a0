"""What the last comparison of both sides found wrong with an order, for its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from integrations.admin_base import ago
from integrations.walking import Way, along, coming_back
from orders import periods
from orders.models import Order, ReconciledOrder
from orders.next_step import Step
from orders.reconciliation import findings

STEP = Step("Put right what the two sides do not agree on, as is said below.")


@dataclass(frozen=True, slots=True)
class FoundWrong:
    """`report` and `again` are addresses, empty for who may not go there."""

    title: str
    text: str
    compared: str
    report: str
    again: str


def of(order: Order, user: Any, way: Way) -> FoundWrong | None:
    """One query; None where both sides agree, or were not compared."""
    row = findings.of(order)
    if row is None:
        return None
    report = reverse("admin:orders_reconciliation_change", args=[row.report_id])
    return FoundWrong(
        str(row.get_bucket_display()), row.in_words, ago(row.report.finished_at),
        report if user.has_perm("orders.view_reconciliation") else "",
        _again(order, row, way) if user.has_perm("orders.add_reconciliation") else "",
    )  # fmt: skip


def _again(order: Order, row: ReconciledOrder, way: Way) -> str:
    """Where the order's day is compared once more."""
    day = periods.day_of(order.connection, row.created_on_marketplace or order.ordered_at)
    asked: dict[str, str | int] = {"connection": order.connection_id, "first": str(day), "last": str(day)}
    page = along(way, reverse("admin:orders_order_change", args=[order.pk]))
    return coming_back(f"{reverse('admin:orders_reconciliation_reconcile')}?{urlencode(asked)}", page)
