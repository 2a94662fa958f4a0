"""A report as CSV: every order once, with the bucket that it is in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO

from integrations.exports import safe_cell
from orders.models import ReconciledOrder, Reconciliation

COLUMNS = (
    "bucket", "order", "sales_channel", "created_on_marketplace", "status_here", "warehouse", "orders_in_warehouse",
    "what", "what_mends_it",
)  # fmt: skip
CHUNK = 1000


def lines(report: Reconciliation) -> Iterator[str]:
    """One line after the other, in UTF-8 with a mark so that spreadsheets read it as such."""
    yield "\ufeff" + _line(COLUMNS)
    rows = report.orders.select_related("order", "warehouse").order_by("pk")
    for row in rows.iterator(chunk_size=CHUNK):
        yield _line(_cells(row))


def _cells(row: ReconciledOrder) -> tuple[str, ...]:
    return (
        row.get_bucket_display(), row.number, row.sales_channel, _time(row.created_on_marketplace),
        row.order.get_status_display() if row.order else "", str(row.warehouse or ""), row.remote_orders, row.text,
        row.action,
    )  # fmt: skip


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _line(cells: tuple[str, ...]) -> str:
    out = StringIO()
    csv.writer(out).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()
