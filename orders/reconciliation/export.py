"""A report as CSV: every order once, with the bucket that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from integrations.exports import csv_line
from orders.models import ReconciledOrder, Reconciliation

COLUMNS = (
    "bucket", "order", "sales_channel", "created_on_marketplace", "status_here", "warehouse", "orders_in_warehouse",
    "what", "what_mends_it",
)  # fmt: skip
CHUNK = 1000


def lines(report: Reconciliation) -> Iterator[str]:
    """One line after the other, in UTF-8 with a mark so that spreadsheets read it as such."""
    yield "\ufeff" + csv_line(COLUMNS)
    rows = report.orders.select_related("order", "warehouse").order_by("pk")
    for row in rows.iterator(chunk_size=CHUNK):
        yield csv_line(_cells(row))


def _cells(row: ReconciledOrder) -> tuple[str, ...]:
    return (
        row.get_bucket_display(), row.number, row.sales_channel, _time(row.created_on_marketplace),
        row.order.get_status_display() if row.order else "", str(row.warehouse or ""), row.remote_orders, row.text,
        row.action,
    )  # fmt: skip


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
