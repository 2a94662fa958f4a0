"""A sign-in ends: after a time without use, and at the latest some hours after it began."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse

BEGAN, USED = "signed_in_at", "used_at"
# How exact the last use is kept: not every page has to write the session.
GRAIN_SECONDS = 60


class SessionLimits:
    """Signs out whose session is over, and says so; the page that was asked for comes after signing in again.

    What an open page fetches by itself is no use by a person. The page is loaded anew once nobody is signed in: else
    the one to sign in would appear in the middle of it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_fetched = "HX-Request" in request.headers
        if request.user.is_authenticated:
            why = _over(request.session, time.time())
            if why:
                logout(request)
                messages.info(request, f"You were signed out {why}. Sign in again to go on.")
            elif not is_fetched:
                _note_use(request.session, time.time())
        if is_fetched and not request.user.is_authenticated:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return self._get_response(request)


def _over(session: SessionBase, now: float) -> str:
    """Why the session is over; empty while it is not."""
    if now - session.get(BEGAN, now) > settings.SESSION_COOKIE_AGE:
        return f"{_hours(settings.SESSION_COOKIE_AGE)} after you signed in"
    if now - session.get(USED, now) > settings.SESSION_IDLE_SECONDS:
        return f"after {_hours(settings.SESSION_IDLE_SECONDS)} without use"
    return ""


def _note_use(session: SessionBase, now: float) -> None:
    if BEGAN not in session:
        session[BEGAN] = int(now)
    if now - session.get(USED, 0) >= min(GRAIN_SECONDS, settings.SESSION_IDLE_SECONDS / 2):
        session[USED] = int(now)


def _hours(seconds: int) -> str:
    value, unit = (seconds // 3600, "hour") if seconds % 3600 == 0 else (-(-seconds // 60), "minute")
    return f"{value} {unit}{'' if value == 1 else 's'}"
