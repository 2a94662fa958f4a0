"""Nobody comes past the sign-in without their second factor, if they have one or must have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse

from integrations import second_factor

ASK, SET_UP = "second_factor", "second_factor_set_up"
OPEN = {ASK, SET_UP, "admin:login", "admin:logout", "admin:jsi18n", "healthz"}


class SecondFactor:
    """Sends whoever is signed in with a password alone to the page that comes first for them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if user.is_authenticated and not user.is_verified():
            page = ASK if second_factor.is_set_up(user) else SET_UP if is_required(user) else ""
            if page and _name(request.path_info) not in OPEN:
                return redirect(f"{reverse(page)}{_next(request)}")
        return self._get_response(request)


def is_required(user: Any) -> bool:
    """Whether REQUIRE_SECOND_FACTOR names a role of theirs; a superuser counts as every role."""
    named = settings.REQUIRE_SECOND_FACTOR
    if not named:
        return False
    return "Everyone" in named or user.is_superuser or user.groups.filter(name__in=named).exists()


def _name(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


def _next(request: HttpRequest) -> str:
    """Back to what was asked for; never with an authorization's code, which belongs into no other address."""
    if request.method != "GET" or "code" in request.GET:
        return ""
    return "?" + urlencode({"next": request.get_full_path()})
