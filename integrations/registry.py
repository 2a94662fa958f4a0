"""Which systems Crossdock can talk to. A new one is a folder and a line here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from django.conf import settings

from integrations.account import Account, Budget, Journal, Lease, Tokens
from integrations.errors import Misconfigured
from integrations.ports import Marketplace, Warehouse

if TYPE_CHECKING:
    from integrations.models import Connection, Route

MARKETPLACE = "marketplace"
WAREHOUSE = "warehouse"


@dataclass(frozen=True, slots=True)
class Provider:
    """`package` holds an `adapter` module with `connect`, `DEFAULT_BASE_URL` and `HOSTS`.

    With `has_oauth` there are an `oauth` and a `webhooks` one, too.
    """

    label: str
    kind: str
    package: str
    needs_username: bool = False
    has_oauth: bool = False


PROVIDERS = {
    "supplier_oasis": Provider(
        "Overstock (Supplier Oasis)", MARKETPLACE, "integrations.supplier_oasis", needs_username=True
    ),
    "tradegecko": Provider("TradeGecko", WAREHOUSE, "integrations.tradegecko", has_oauth=True),
}


def choices() -> list[tuple[str, str]]:
    return [(key, provider.label) for key, provider in PROVIDERS.items()]


def kind_of(provider: str) -> str:
    return _provider(provider).kind


def base_url_of(connection: Connection) -> str:
    """The address to talk to, or Misconfigured when it is not one that this installation allows."""
    adapter = import_module(f"{_provider(connection.provider).package}.adapter")
    url: str = connection.base_url or adapter.DEFAULT_BASE_URL
    problem = _problem_with(url, adapter.HOSTS)
    if problem:
        raise Misconfigured(f"connection {connection.name}: base URL {_shown(url)!r} {problem}")
    return url


def is_sandbox(connection: Connection) -> bool:
    """Whether it leads to this machine, where no customer waits."""
    host = urlsplit(connection.base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def may_reach(route: Route, connection: Connection) -> bool:
    """A test route tells the marketplace nothing, unless that is a sandbox on this machine."""
    return not route.is_test or is_sandbox(connection)


def needs_username(provider: str) -> bool:
    """Whether connections of this provider sign in with a user name."""
    return provider in PROVIDERS and PROVIDERS[provider].needs_username


def uses_oauth(provider: str) -> bool:
    """Whether connections of this provider may sign in as an OAuth application."""
    return provider in PROVIDERS and PROVIDERS[provider].has_oauth


def oauth_of(provider: str) -> Any:
    """The provider's `oauth` module: `redeem`, `refresh`, `authorize_query`, `AUTHORIZE_PATH` and `AUTHORIZE_HOSTS`."""
    return import_module(f"{_provider(provider).package}.oauth")


def webhooks_of(provider: str) -> Any:
    """The `webhooks` module of a provider with OAuth: `is_signed` and `job_for`."""
    return import_module(f"{_provider(provider).package}.webhooks")


def authorize_url_of(connection: Connection) -> str:
    """Where staff authorize the connection's application. Raises Misconfigured for a host that is not allowed."""
    oauth = oauth_of(connection.provider)
    named = connection.options.get("authorize_url") if isinstance(connection.options, Mapping) else ""
    url = str(named or base_url_of(connection).rstrip("/") + oauth.AUTHORIZE_PATH)
    problem = _problem_with(url, oauth.AUTHORIZE_HOSTS)
    if problem:
        raise Misconfigured(f"connection {connection.name}: authorize_url {_shown(url)!r} {problem}")
    return url


def check_options(provider: str, given: Mapping[str, object]) -> None:
    """Raise Misconfigured, naming what is wrong, for options that the provider's adapter would not take."""
    try:
        import_module(f"{_provider(provider).package}.options").read(given, "options")
    except OSError as exc:  # a time zone that is the name of a folder
        raise Misconfigured(f"connection options: {exc.strerror}: {exc.filename}") from None


def check_username(provider: str, name: str) -> None:
    """Raise Misconfigured for a user name, perhaps none, that nobody could sign in to the provider with."""
    known = _provider(provider)
    if known.needs_username and not name.strip():
        raise Misconfigured(f"{known.label} needs a user name: that of the account whose password this is")
    if ":" in name:
        raise Misconfigured("a user name holds no colon: signing in could not tell it from the password")


def marketplace_for(
    connection: Connection, *, journal: Journal | None = None, lease: Lease | None = None
) -> Marketplace:
    """An adapter for a marketplace connection. Raises Misconfigured."""
    # By name, like the circuit.
    pause = import_module("integrations.budget").SharedPause(connection)
    return cast(Marketplace, _connect(connection, MARKETPLACE, pause, journal, lease))


def warehouse_for(
    connection: Connection, *, budget: Budget | None = None, journal: Journal | None = None, lease: Lease | None = None
) -> Warehouse:
    """An adapter for a warehouse connection. Raises Misconfigured."""
    return cast(Warehouse, _connect(connection, WAREHOUSE, budget, journal, lease))


def codes_of(provider: str) -> object:
    """The provider's `codes` module: its carrier and service codes, and the texts known to mean them."""
    return import_module(f"{_provider(provider).package}.codes")


def _connect(
    connection: Connection, kind: str, budget: Budget | None, journal: Journal | None, lease: Lease | None
) -> object:
    provider = _provider(connection.provider)
    if provider.kind != kind:
        raise Misconfigured(f"connection {connection.name} is a {provider.kind}, not a {kind}")
    account = Account(
        name=connection.name,
        base_url=base_url_of(connection),
        username=connection.username,
        secret=connection.decrypted_secret,
        options=connection.options,
        budget=budget,
        journal=journal,
        tokens=_tokens_of(connection, journal),
        # By name, since the circuit keeps its state in models, which import this module.
        circuit=import_module("integrations.circuit").SharedCircuit(connection),
        lease=lease,
    )
    return _connect_of(connection.provider)(account)


def _tokens_of(connection: Connection, journal: Journal | None) -> Tokens | None:
    from integrations.oauth_tokens import tokens_of  # needs the models, and they need this module

    return tokens_of(connection, journal)


def _connect_of(provider: str) -> Callable[[Account], object]:
    return cast(Callable[[Account], object], import_module(f"{_provider(provider).package}.adapter").connect)


def _provider(key: str) -> Provider:
    try:
        return PROVIDERS[key]
    except KeyError:
        raise Misconfigured(f"there is no provider {key!r}; known are {', '.join(PROVIDERS)}") from None


def _shown(url: str) -> str:
    """An address without the user name, password or token that somebody may have put into it."""
    before, at, rest = url.rpartition("@")
    scheme = before[: before.find("://") + 3] if "://" in before else ""
    return re.sub(r"([?#]).*", r"\1…", f"{scheme}{at and '…@'}{rest}", flags=re.DOTALL)


def _problem_with(url: str, own_hosts: frozenset[str]) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # whose text repeats what may be a part of a password
        return "is not an address: what follows the // is not a host, perhaps with a port from 1 to 65535"
    if port == 0 or any(char.isspace() or not char.isprintable() for char in url):
        return "is not an address: it holds a blank, or port 0"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "is not an http(s) address"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "must hold only a scheme, a host and a path; credentials belong in their own fields"
    if parts.scheme == "https" and parts.hostname in own_hosts:
        return ""
    if not settings.ALLOW_CUSTOM_ENDPOINTS:
        return "is not one of the system's own; set ALLOW_CUSTOM_ENDPOINTS to allow it"
    return ""
