"""The pages that say that something went wrong: of nothing but a template, so that they come whatever does not work.

Neither a user nor a session is asked for, no query is made and no text of the error is shown; the log has it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

STYLE = "integrations/failed.css"
WRONG_NAME = (
    "Crossdock is not reached under the name that stands in your browser's address. Use the address that you were "
    "given; if it is this one, whoever runs Crossdock has to add its name to ALLOWED_HOSTS."
)
TOO_MUCH = (
    "More was sent at once than is taken, so nothing of it was saved. Go back, and do it in several parts: fewer rows "
    "or ticks, or a smaller file."
)
ODD = (
    "Your browser sent something that cannot be right, so nothing was done. Open the page anew and try again; a link "
    "from elsewhere may be damaged."
)
BROKEN = (
    "It is our fault, not yours. What you entered may not have been saved: go back and look before you enter it "
    "again. If it happens again, tell whoever runs Crossdock; with the time below they find the reason in its log."
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """400 (`handler400`)."""
    if isinstance(exception, DisallowedHost):
        return _page(400, "Not known by this name", WRONG_NAME)
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return _page(400, "Too much at once", TOO_MUCH)
    return _page(400, "This cannot be answered", ODD)


def failed(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """500 (`handler500`)."""
    return _page(500, "Something went wrong", BROKEN, datetime.now(UTC))


def _page(status: int, title: str, text: str, at: datetime | None = None) -> HttpResponse:
    told = {"title": title, "text": text, "at": at, "style": _style()}
    return HttpResponse(render_to_string("failed.html", told), status=status)


def _style() -> str:
    """The address of the style sheet, also where nobody has collected the static files."""
    try:
        return staticfiles_storage.url(STYLE)
    except ValueError:
        return f"{settings.STATIC_URL}{STYLE}"
