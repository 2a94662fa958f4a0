"""What the page of a report shows: counts that add up, and the orders of a bucket with what mends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Case, Q, QuerySet, When
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from integrations.admin.paging import around
from integrations.admin_base import clip
from integrations.exports import links
from orders.admin.labels import Label
from orders.models import ReconciledOrder, Reconciliation

B, M = ReconciledOrder.Bucket, ReconciledOrder.Mend
PER_PAGE = 100
COLOURS = {
    B.SENT: "success", B.HELD: "warning", B.SKIPPED: "default", B.CANCELLED: "default", B.BEING_SENT: "info",
    **dict.fromkeys(ReconciledOrder.EXCEPTIONS, "danger"), B.UNCHECKED: "warning",
}  # fmt: skip
MEANINGS = {
    B.SENT: "the warehouse has it, and both sides agree on what was shipped, or are about to",
    B.HELD: "a person must act before it goes on",
    B.SKIPPED: "not ours to send",
    B.CANCELLED: "nothing is to be sent",
    B.BEING_SENT: "on its way for a few minutes at most",
    B.MISSING_HERE: "the marketplace has it, Crossdock does not",
    B.MISSING_THERE: "it was sent, and the warehouse has it no more",
    B.DOUBLED: "it would be shipped twice",
    B.UNCONFIRMED: "it left the warehouse, and the marketplace does not show it",
    B.DIFFERENT: "what the marketplace shows is not what it was told",
    B.GONE: "Crossdock has it, the marketplace shows it no more",
    B.UNREADABLE: "the marketplace's record of it cannot be understood",
    B.UNCHECKED: "one side could not be read",
}
HELD_LAST = Case(When(bucket=B.HELD, then=1), default=0)  # they are on worklists of their own
ATTENTION, ALL = "attention", "all"


@dataclass(frozen=True, slots=True)
class Count:
    """A line of the sum."""

    label: Label
    meaning: str
    number: int
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An order of the report with the way to what mends it; the address is empty where the words must do."""

    row: ReconciledOrder
    number: str
    label: Label
    link: str
    mend: str
    url: str


def facts(report: Reconciliation, asked: QueryDict, user: Any) -> dict[str, Any]:
    """Everything that the template of the page shows to this person."""
    chosen, number = asked.get("bucket", ATTENTION), asked.get("q", "").strip()
    rows = rows_of(report, asked).select_related("order", "warehouse")
    page = Paginator(rows, PER_PAGE).get_page(asked.get("page"))
    query = urlencode({"bucket": chosen, **({"q": number} if number else {})})
    waiting = sum(report.counts.get(bucket, 0) for bucket in _attention())
    return {
        "report": report, "counts": _counts(report, chosen), "chosen": chosen, "number": number, "page": page,
        "rows": [_shown(row, report, user) for row in page], "title_of_list": _title(chosen),
        "attention": waiting, "pages": around(page, "#orders", bucket=chosen, q=number),
        "exports": links("admin:orders_reconciliation_rows", query, report.pk),
    }  # fmt: skip


def rows_of(report: Reconciliation, asked: QueryDict) -> QuerySet[ReconciledOrder]:
    """The orders of the bucket and with the number that an address asks for."""
    found, number = report.orders.filter(_condition(asked.get("bucket", ATTENTION))), asked.get("q", "").strip()
    return (found.filter(number__icontains=number) if number else found).order_by(HELD_LAST, "pk")


def _attention() -> list[str]:
    return [bucket.value for bucket in (*ReconciledOrder.EXCEPTIONS, B.HELD)]


def _condition(chosen: str) -> Q:
    if chosen == ALL:
        return Q()
    return Q(bucket=chosen) if chosen in B.values else Q(bucket__in=_attention())


def _title(chosen: str) -> str:
    if chosen == ALL:
        return "All orders"
    return str(B(chosen).label) if chosen in B.values else "What needs a hand"


def _counts(report: Reconciliation, chosen: str) -> list[Count]:
    return [
        Count(Label(COLOURS[bucket], str(bucket.label)), MEANINGS[bucket], report.counts.get(bucket.value, 0),
              f"?bucket={bucket.value}", chosen == bucket.value)
        for bucket in B
    ]  # fmt: skip


def _shown(row: ReconciledOrder, report: Reconciliation, user: Any) -> Shown:
    permission, url = way_to_mend(row, report)
    may = bool(url) and user.has_perm(permission)
    link = reverse("admin:orders_order_change", args=[row.order_id]) if row.order_id else ""
    label = Label(COLOURS[B(row.bucket)], row.get_bucket_display())
    return Shown(
        row, clip(row.number or "without a number", 28), label, link if user.has_perm("orders.view_order") else "",
        row.get_mend_display() if may else "", url if may else "",
    )  # fmt: skip


def way_to_mend(row: ReconciledOrder, report: Reconciliation) -> tuple[str, str]:
    """The permission that it needs, and its address."""
    if row.mend in (M.ORDER, M.LISTED) and row.order_id:
        return "orders.view_order", reverse("admin:orders_order_change", args=[row.order_id])
    if row.mend == M.RETRY and row.order_id:
        return "orders.resend_order", reverse("admin:orders_order_retry", args=[row.order_id])
    if row.mend == M.ROUTE and row.order and row.order.route_id:
        return "integrations.change_route", reverse("admin:integrations_route_change", args=[row.order.route_id])
    if row.mend == M.RECORD:
        found = urlencode({"state": "all", "q": row.number})
        return "orders.view_unreadablerecord", f"{reverse('admin:orders_unreadablerecord_changelist')}?{found}"
    if row.mend == M.CONNECTION:
        place = row.warehouse_id or report.connection_id
        return "integrations.view_connection", reverse("admin:integrations_connection_change", args=[place])
    return _run_now(row, report)


JOBS = {
    M.READ_AGAIN.value: "revisit_orders", M.CONFIRM.value: "confirm_shipments", M.PULL.value: "pull_shipments",
    M.SUBMIT.value: "submit_orders",
}  # fmt: skip


def _run_now(row: ReconciledOrder, report: Reconciliation) -> tuple[str, str]:
    """The page that runs a job of the connection that it belongs to, with the job chosen."""
    place = row.warehouse_id if row.mend in (M.PULL, M.SUBMIT) else report.connection_id
    if row.mend not in JOBS or place is None:
        return "", ""
    address = reverse("admin:integrations_connection_run_now", args=[place])
    return "integrations.run_job", f"{address}?job={JOBS[row.mend]}"
