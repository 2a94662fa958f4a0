"""Small things that people do on an order's page at once: a comment, and looking after it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import capfirst

from integrations.admin_base import found_or_404, log
from integrations.walking import along, way_of
from orders import taking
from orders.models import IllegalTransition, Order
from orders.models.order import LONGEST_COMMENT


class CommentForm(forms.Form):
    text = forms.CharField(max_length=LONGEST_COMMENT)


def comment(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Keep what somebody says of the order, with name and time."""
    order = _changeable(admin, request, object_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = CommentForm(request.POST)
    if form.is_valid():
        order.comment(form.cleaned_data["text"], request.user)  # type: ignore[arg-type]
        log(request, [order], "Commented")
        messages.success(request, f"Your comment on order {order} is kept.")
    else:
        errors = " ".join(str(text) for texts in form.errors.values() for text in texts)
        messages.error(request, f"The comment was not kept. {errors}")
    return redirect(_page(request, order, "#story"))


def take(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Look after a held order, or give it back."""
    order = _changeable(admin, request, object_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    do = taking.give_back if "give_back" in request.POST else taking.take
    try:
        text = capfirst(do(order, request.user))  # type: ignore[arg-type]
        log(request, [order], text)
        messages.success(request, f"{text}.")
    except IllegalTransition as exc:
        messages.error(request, str(exc))
    return redirect(_page(request, order))


def _page(request: HttpRequest, order: Order, anchor: str = "") -> str:
    return along(way_of(request), reverse("admin:orders_order_change", args=[order.pk]) + anchor)


def _changeable(admin: Any, request: HttpRequest, object_id: str) -> Order:
    order: Order = found_or_404(admin, request, object_id)
    if not admin.has_change_permission(request, order):
        raise PermissionDenied
    return order
