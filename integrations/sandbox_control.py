"""The sandbox as staff play with it: the control address beside a connection's own, on this machine alone."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.account import Account
from integrations.errors import Refused, Unreadable
from integrations.http import Door
from integrations.models import Connection

SECONDS = 5.0


def connections() -> list[Connection]:
    """Those that lead to this machine: none where connections may only lead to the systems themselves."""
    if not settings.ALLOW_CUSTOM_ENDPOINTS:
        return []
    return [one for one in Connection.objects.exclude(base_url="").order_by("name") if _is_here(one.base_url)]


def _is_here(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class NoAuth(AuthBase):
    """The control address asks for nothing, so no credential is sent there."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request


class Control:
    """The control address of one connection's own host. Its calls raise Refused with the sandbox's reason, or what a
    system that does not answer means (`integrations.errors`)."""

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.base_url)
        account = Account(connection.name, f"{parts.scheme}://{parts.netloc}")
        self._door = Door(account, NoAuth(), read_seconds=SECONDS, total_seconds=SECONDS)
        self._host = parts.netloc

    def look(self, what: str) -> Any:
        return self._ask("GET", what, {})

    def do(self, what: str, **given: object) -> Any:
        return self._ask("POST", what, given)

    def undo(self, what: str, **given: object) -> Any:
        return self._ask("DELETE", what, given)

    def _ask(self, method: str, what: str, given: dict[str, object]) -> Any:
        body = json.dumps(given).encode() if given else b""
        headers = {"Content-Type": "application/json"}
        answer = self._door.send(method, f"/_sandbox/{what}", body=body, headers=headers, writes=method != "GET")
        try:
            told = json.loads(answer.body)
        except ValueError:
            raise Unreadable(f"what answers at {self._host} is no sandbox: HTTP {answer.status}") from None
        if answer.status != 200:
            why = told.get("error") if isinstance(told, dict) else told
            raise Refused(f"the sandbox at {self._host} said no: {why}")
        return told
