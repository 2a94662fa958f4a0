"""OAuth's code flow in the browser: off to the provider with a state of this session, and back with a code."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from integrations import oauth_tokens, registry
from integrations.admin_base import NotDone, ago, ask, leads_to, log
from integrations.budget import RunJournal
from integrations.errors import IntegrationError
from integrations.models import Connection
from integrations.oauth_grant import OAuthGrant

BACK = "integrations_connection_authorized"
PENDING = "oauth_pending"
LASTS_SECONDS = 600


def redirect_uri(request: HttpRequest) -> str:
    """Where the provider sends the browser back to, as it must be registered there."""
    return request.build_absolute_uri(reverse(f"admin:{BACK}"))


def start(admin: ModelAdmin, request: HttpRequest, connection: Connection) -> HttpResponse:
    """Ask, then send the browser to the provider, with a state that only this session can bring back, once."""
    grant = OAuthGrant.objects.filter(connection=connection).first()

    def do(_values: dict[str, Any]) -> HttpResponse:
        if grant is None:
            raise NotDone("This connection does not sign in as an OAuth application; enter one first.")
        try:
            return _leave(request, connection, grant)
        except IntegrationError as exc:
            raise NotDone(str(exc)) from None

    provider = connection.get_provider_display()
    answer = ask(
        admin, request, connection, title=f"Authorize {connection}", button=f"Go to {provider}", do=do,
        consequence=f"Sign in at {provider} as the user whose rights Crossdock is to have, and agree; you come back "
        "here, and the connection is tested. The application is registered there with the redirect URI "
        f"{redirect_uri(request)}", allowed=admin.has_credentials_permission(request),
    )  # fmt: skip
    if grant is not None:
        leads_to(answer, _origin(connection))
    return answer


def come_back(admin: ModelAdmin, request: HttpRequest, test: Callable[[HttpRequest, Connection], str]) -> HttpResponse:
    """The browser is back. Its address holds a code: it is not passed on, and no page is shown under it."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    answer = _come_back(admin, request, test)
    answer["Referrer-Policy"] = "no-referrer"
    answer["Cache-Control"] = "no-store"
    return answer


def described(connection: Connection) -> str:
    """What the connection signs in with, and how that is; never a secret."""
    if connection.is_marketplace:
        return "user name and password"
    grant: OAuthGrant | None = getattr(connection, "oauth", None)
    if grant is None:
        return "access token"
    if not grant.is_authorized:
        return format_html("OAuth application {}. Authorize it with the button above.", grant.application)
    again = "Authorize again with the button above." if connection.is_stopped else ""
    if grant.expires_at is None:
        known = "The access token comes with the first call."
    else:
        how = "good until" if grant.lives(timezone.now()) else "ended"
        until = f"{grant.expires_at:%Y-%m-%d %H:%M} UTC"
        known = format_html("Access token {} {}, renewed {}.", how, until, ago(grant.renewed_at))
    return format_html("OAuth application {}. {} {}", grant.application, known, again)


def _origin(connection: Connection) -> str:
    """Of the provider's page to sign in; empty when its address is wrong, which the button then says."""
    try:
        parts = urlsplit(registry.authorize_url_of(connection))
    except IntegrationError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _leave(request: HttpRequest, connection: Connection, grant: OAuthGrant) -> HttpResponse:
    address, state, back = registry.authorize_url_of(connection), secrets.token_urlsafe(32), redirect_uri(request)
    request.session[PENDING] = {
        "state": state, "connection": connection.pk, "redirect_uri": back, "until": time.time() + LASTS_SECONDS,
        "application": grant.application,
    }  # fmt: skip
    query = registry.oauth_of(connection.provider).authorize_query(grant.as_application(back), state)
    return HttpResponseRedirect(f"{address}?{query}")


def _come_back(admin: ModelAdmin, request: HttpRequest, test: Callable[[HttpRequest, Connection], str]) -> HttpResponse:
    connections = "admin:integrations_connection_changelist"
    if not admin.admin_site.has_permission(request):
        return redirect(connections)  # the page to sign in: its own address must not carry the code
    if not admin.has_credentials_permission(request):
        raise PermissionDenied
    pending = _take_pending(request)
    connection = Connection.objects.filter(pk=pending["connection"]).first() if pending else None
    if connection is None:
        messages.error(
            request,
            "Nothing was changed: this authorization was not begun in this session, was used before, or took longer "
            "than 10 minutes. Open the connection and authorize again.",
        )
        return redirect(connections)
    try:
        _redeem(request, connection, pending)
        log(request, [connection], "Authorized as an OAuth application")
        messages.success(request, f"{connection} is authorized; {test(request, connection)}")
    except (IntegrationError, NotDone) as exc:
        messages.error(request, str(exc))
    return redirect("admin:integrations_connection_change", connection.pk)


def _take_pending(request: HttpRequest) -> dict[str, Any]:
    """What this session was sent away for, once; empty when the state is not its own or too old."""
    pending: dict[str, Any] = request.session.get(PENDING) or {}
    if not pending or not constant_time_compare(request.GET.get("state", ""), pending["state"]):
        return {}
    del request.session[PENDING]
    return pending if pending["until"] > time.time() else {}


def _redeem(request: HttpRequest, connection: Connection, pending: dict[str, Any]) -> None:
    name, code = connection.get_provider_display(), request.GET.get("code", "")
    if not code:
        said = request.GET.get("error_description") or request.GET.get("error") or "it gave no code"
        why = "the request was refused there" if request.GET.get("error") == "access_denied" else said[:200]
        raise NotDone(f"{name} did not authorize Crossdock: {why}. Nothing was changed.")
    grant = OAuthGrant.objects.filter(connection=connection).first()
    if grant is None or grant.application != pending["application"]:
        raise NotDone("The connection's application was changed meanwhile. Nothing was changed; authorize again.")
    oauth_tokens.redeem(connection, RunJournal(connection), code, pending["redirect_uri"])
