"""The pages that say no, in the admin's clothes: with its menu for who has signed in, without it for anyone else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

INSIDE, OUTSIDE = "admin/base_site.html", "unfold/layouts/unauthenticated.html"
NUL = "\x00"


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """403 (`handler403`). What the exception says is not shown."""
    text = "Your login has no permission for this. Whoever looks after the users can give it to you."
    return refused(request, 403, "Not allowed", text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """404 (`handler404`), the same for what is not there and for an address that never was."""
    text = "There is nothing at this address. The record may have been deleted, or the link is wrong."
    return refused(request, 404, "Page not found", text)


def not_from_here(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """403 for a form without a valid token (`CSRF_FAILURE_VIEW`)."""
    text = (
        "Nothing was saved: the form does not belong to your present sign-in. Open the page again and repeat your "
        "change. Cookies must be allowed for this address."
    )
    return refused(request, 403, "This form is out of date", text)


class ReadableAddresses:
    """Refuses (400) an address with a NUL character: no record has one, and PostgreSQL does not look for it.

    And those (404) of records whose id is no number, as none is. What is opened though a form sends to it says so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if NUL in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            text = "The address holds a NUL character, which no record has. Type what you look for anew."
            return refused(request, 400, "This cannot be looked for", text)
        answer = self._get_response(request)
        return _only_sent_to(request, answer) if _is_blank(request, answer) else answer

    def process_view(self, _request: HttpRequest, _view: object, _args: object, kwargs: dict[str, Any]) -> None:
        if not str(kwargs.get("object_id", "0")).isdecimal():
            raise Http404


def _is_blank(request: HttpRequest, answer: HttpResponse) -> bool:
    """Of the admin, since a program that calls a web-hook wrongly wants no page."""
    return answer.status_code == 405 and not answer.content and request.path_info.startswith("/admin/")


def _only_sent_to(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """405: who signs in again after a form was sent too late comes to the form's address."""
    text = (
        "Nothing was done: this address only takes what a button sends. Open the record again and repeat what you did."
    )
    page = refused(request, 405, "Nothing to be seen here", text, _record_of(request.path_info))
    page.headers["Allow"] = answer.headers["Allow"]
    return page


def _record_of(path: str) -> str:
    """The page of the record whose button an address of the admin is; empty where it names none."""
    app, model, key, *_ = [*path.split("/")[2:], "", "", ""]
    if not key.isdecimal():
        return ""
    with suppress(NoReverseMatch):
        return reverse(f"admin:{app}_{model}_change", args=[key])
    return ""


def refused(request: HttpRequest, status: int, title: str, text: str, record: str = "") -> HttpResponse:
    """A page that says no, and what to do; with the address of the record that it was about, if there is one."""
    if not hasattr(request, "user"):  # refused before anybody looked who it is
        request.user = AnonymousUser()
    context = admin.site.each_context(request)
    layout = INSIDE if context["has_permission"] else OUTSIDE
    return render(
        request,
        "refused.html",
        {**context, "layout": layout, "title": title, "text": text, "record": record},
        status=status,
    )
