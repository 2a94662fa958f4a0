"""The address at which a system tells that something changed: if it is signed, so much is believed, and no more."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from integrations import dispatch, registry
from integrations.errors import Misconfigured
from integrations.models import Connection
from integrations.oauth_grant import OAuthGrant

NAME = "webhooks"
MOST_BYTES = 64 * 1024
UNSIGNED = "This connection signs in with an access token: what is told to it cannot be signed, and is not believed."


def address_of(connection: Connection) -> str:
    """Where the connection's system is to tell what changed; empty while SITE_URL is not set."""
    return settings.SITE_URL and f"{settings.SITE_URL}{reverse(NAME, args=[connection.provider, connection.pk])}"


@csrf_exempt
@require_POST
def receive(request: HttpRequest, provider: str, connection_id: int) -> HttpResponse:
    """Have the job run that reads what changed. Never 410, at which TradeGecko forgets the address (tradegecko 3.17).

    What is not signed costs the one query that finds the connection, and nothing of it is kept.
    """
    try:
        body = request.read(MOST_BYTES + 1)
    except UnreadablePostError:
        return _no(400, "The request did not come whole.")
    if len(body) > MOST_BYTES:
        return _no(413, f"More than {MOST_BYTES} bytes are not read.")
    connection = Connection.objects.filter(pk=connection_id, provider=provider).select_related("oauth").first()
    if connection is None:
        return _no(404, "There is no such connection.")
    grant: OAuthGrant | None = getattr(connection, "oauth", None)
    return _no(403, UNSIGNED) if grant is None else _take_in(request, body, connection, grant)


def _take_in(request: HttpRequest, body: bytes, connection: Connection, grant: OAuthGrant) -> HttpResponse:
    webhooks = registry.webhooks_of(connection.provider)
    try:
        secret = grant.as_application().secret
    except Misconfigured:
        return _no(503, "The application's secret cannot be read here.")
    if not webhooks.is_signed(secret, body, request.headers):
        return _no(403, "This is not signed with the secret of the connection's application.")
    grant.note_webhook()
    job = webhooks.job_for(body)
    if job:
        dispatch.hasten(job, connection.pk)
    return HttpResponse(status=200)


def _no(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain")
