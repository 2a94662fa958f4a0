"""The question what became of a quantity that was sent without a clear answer, settled now."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from integrations.admin_base import ask, visible_or_404
from integrations.circuit import asked_with, try_now
from integrations.dispatch import enqueue
from integrations.walking import back_of
from inventory import awaited
from inventory.models import Listing, Publication
from inventory.now import why_nothing_of

RUN = "integrations.run_job"
CONSEQUENCE = (
    "Of {sku}, the quantity {quantity} was sent, and no clear answer came. {there} does not say what it shows, so the "
    "quantity is decided anew and sent once more now, as would be done by itself later. It is the whole number, so if "
    "the first one has arrived the second changes nothing. What else waits for {there} goes on with it."
)


def ask_for(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page that settles it. Back from there one comes to where the address says, else to the listing."""
    row: Publication = visible_or_404(admin, request, object_id)
    may = request.user.has_perm(RUN)
    if not may:
        raise PermissionDenied
    back = back_of(request) or _page_of(row.listing)
    if row.status != Publication.Status.UNCONFIRMED:
        messages.info(request, f"Of {row.sku} it is known by now what became of the quantity {row.quantity}.")
        return redirect(back)
    there = row.listing.route.marketplace

    def do(_values: dict[str, Any]) -> str:
        if waits := why_nothing_of(row.listing.route) or awaited.stock(row.listing.route):
            return f"{row.sku}: not now. {waits[:1].upper()}{waits[1:]}"
        try_now(asked_with(there))
        enqueue("publish_inventory", there.pk)
        return (
            f"{row.sku}: its quantity is sent to {there} once more now; the listing's page then says what it answered"
        )

    return ask(
        admin, request, row, title=f"Look up {row.sku} at {there}", button="Look it up now", do=do, allowed=may,
        consequence=CONSEQUENCE.format(sku=row.sku, quantity=row.quantity, there=there), back=back,
    )  # fmt: skip


def address_of(row: Publication) -> str:
    return reverse("admin:inventory_publication_look_up", args=[row.pk])


def _page_of(listing: Listing) -> str:
    return reverse("admin:inventory_listing_change", args=[listing.pk])
