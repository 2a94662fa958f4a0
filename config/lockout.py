"""Who tries passwords is locked out for a while (django-axes): by user name and address together."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config import refusals


def address_of(request: HttpRequest) -> str | None:
    """The browser's address. Behind TRUSTED_PROXY_COUNT proxies, what the outermost of them saw.

    Each proxy adds at the end of X-Forwarded-For whom it talked to; anything before that the browser may have made up.
    """
    trusted = settings.TRUSTED_PROXY_COUNT
    seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    told = seen[-trusted] if 0 < trusted <= len(seen) else ""
    return _valid(told) or _valid(request.META.get("REMOTE_ADDR", ""))


def locked(request: HttpRequest, *_others: Any) -> HttpResponse:
    """The page for who is locked out (429); it says the same whether or not there is such a user."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    text = (
        f"Too many sign-ins failed for this user name from your address. Wait {_minutes(seconds)} and try again, or "
        "ask an administrator to unlock it: Lock-outs, in the menu."
    )
    answer = refusals.refused(request, 429, "Signing in is locked", text)
    answer["Retry-After"] = str(seconds)
    return answer


def _minutes(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _valid(address: str) -> str | None:
    try:
        return str(ip_address(address))
    except ValueError:
        return None
