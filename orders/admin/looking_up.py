"""The question whether what was sent for an order without a clear answer has arrived, asked now."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from integrations.admin_base import ask, found_or_404
from integrations.circuit import asked_with, try_now
from integrations.dispatch import enqueue
from integrations.transmissions import Transmission
from integrations.walking import back_of
from orders.models import OUTBOXES, Order

RUN = "integrations.run_job"
# What each outbox's row is called in a sentence, and the job that looks it up.
SOUGHT = {
    "submission": ("the order itself", "submit_orders"), "change": ("the change", "submit_orders"),
    "confirmation": ("the confirmation", "confirm_shipments"), "short_ship": ("the short ship", "confirm_shipments"),
}  # fmt: skip
CONSEQUENCE = (
    "Of order {order}, {what} was sent, and no clear answer came. {there} is asked now whether it has arrived. If it "
    "has, nothing is sent again; only if it surely has not is it sent once more, as would be done by itself later. "
    "What else waits for {there} goes on with it."
)


def ask_for(admin: Any, request: HttpRequest, object_id: str, source: str) -> HttpResponse:
    """The page that has it looked up. Back from there one comes to where the address says, else to the order."""
    if source not in SOUGHT:
        raise Http404(f"nothing of an order is called {source!r}")
    order: Order = found_or_404(admin, request, object_id)
    may = admin.has_view_permission(request, order) and request.user.has_perm(RUN)
    if not may:
        raise PermissionDenied
    what, job = SOUGHT[source]
    back = back_of(request)
    sent = _sent(order, source)
    if sent is None:
        messages.info(request, f"Of order {order} it is known by now whether {what} arrived.")
        return redirect(back or reverse("admin:orders_order_change", args=[order.pk]))
    there = sent.connection

    def do(_values: dict[str, Any]) -> str:
        try_now(asked_with(there))
        enqueue(job, there.pk)
        return f"order {order}: {there} is asked whether {what} has arrived; the order's page then says what it found"

    return ask(
        admin, request, order, title=f"Look up order {order} at {there}", button="Look it up now", do=do, allowed=may,
        consequence=CONSEQUENCE.format(order=order, what=what, there=there), back=back or None,
    )  # fmt: skip


def _sent(order: Order, source: str) -> Any:
    """What no clear answer came to; None where it is known by now."""
    model = next(box.model for box in OUTBOXES if box.name == source)
    rows = model._default_manager.filter(order=order, status=Transmission.Status.UNCONFIRMED)
    return rows.select_related("connection").first()
