"""A connection's page on web-hooks: where the other side tells what changed, when it last did, and having it do so."""

from __future__ import annotations

from django.utils.html import format_html

from integrations.admin_base import NotDone, ago
from integrations.budget import RunJournal, SharedBudget
from integrations.errors import IntegrationError
from integrations.models import Connection
from integrations.registry import warehouse_for
from integrations.webhooks import address_of


def described(connection: Connection) -> str:
    """The address for web-hooks and when one last came, or what is missing for that."""
    missing = _missing(connection)
    if missing:
        return missing
    at = connection.oauth.webhook_at
    last = format_html("The last one came {}.", ago(at)) if at else "None came yet."
    return format_html('By web-hooks to <span class="breakable">{}</span>. {}', address_of(connection), last)


def ask_for(connection: Connection) -> str:
    """Enter the address at the other side, where it is not. Raises NotDone with what is missing or was refused."""
    missing = _missing(connection)
    if missing:
        raise NotDone(missing)
    try:
        warehouse = warehouse_for(connection, budget=SharedBudget(connection), journal=RunJournal(connection))
        new = warehouse.announce_to(address_of(connection))
    except IntegrationError as exc:
        raise NotDone(str(exc)) from None
    provider = connection.get_provider_display()
    return f"{provider} tells {connection} at once" if new else f"{provider} has told {connection} at once before"


def _missing(connection: Connection) -> str:
    """What web-hooks cannot be had without; empty when there is nothing."""
    if not hasattr(connection, "oauth"):
        return "Needs an OAuth application: what is told to a connection with an access token is not signed."
    return "" if address_of(connection) else "Needs SITE_URL, the address at which Crossdock is reached from outside."
