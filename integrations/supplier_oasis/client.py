"""HTTP to Supplier Oasis: Basic authentication in UTF-8, XML both ways (supplier-oasis 1.1)."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.account import Account
from integrations.errors import Misconfigured
from integrations.http import Answer, Door, Params, retry_after

XML = "application/xml; charset=UTF-8"


class BasicAuth(AuthBase):
    """Basic authentication with UTF-8, which the requests library does not use for text."""

    def __init__(self, username: str, password: str) -> None:
        self._header = "Basic " + b64encode(f"{username}:{password}".encode()).decode()

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = self._header
        return r


class Client:
    """One account's calls. Raises Misconfigured for a user name that Basic authentication cannot carry."""

    def __init__(self, account: Account) -> None:
        if ":" in account.username:
            raise Misconfigured(
                f"connection {account.name}: the user name {account.username!r} holds a colon, at which the other side "
                "would end it; enter the user name alone"
            )
        self._journal = account.journal
        self._budget = account.budget
        self._door = Door(account, BasicAuth(account.username, account.secret), read_seconds=100, total_seconds=150)

    def get(self, path: str, params: Params) -> Answer:
        return self._heed(self._door.send("GET", path, params=params, headers={"Accept": "application/xml"}))

    def send(self, method: str, path: str, body: bytes) -> Answer:
        headers = {"Accept": "application/xml", "Content-Type": XML}
        return self._heed(self._door.send(method, path, body=body, headers=headers, writes=True))

    def _heed(self, answer: Answer) -> Answer:
        """A pause that a 429 asks for is one of all the account's calls, not only of the one that met it."""
        now = datetime.now(UTC)
        wait = retry_after(answer.headers, now=now) if answer.status == 429 else None
        if wait and self._budget is not None:
            self._budget.block(now + wait)
        return answer

    def problem(self, text: str) -> None:
        """Tell of a record that could not be read, and did not stop the rest."""
        if self._journal is not None:
            self._journal.problem(text)
