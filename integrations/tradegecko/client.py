"""HTTP to TradeGecko: bearer token, JSON, pages, and the call limit that its headers tell (tradegecko 1.2, 2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.errors import Unreadable
from integrations.http import Answer, Door, Params
from integrations.ports import Account
from integrations.tradegecko import errors

MAX_PAGES = 4000


class BearerAuth(AuthBase):
    """A privileged access token; OAuth's rotating tokens will take this place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._token}"
        return r


class Client:
    """One account's calls. `pages` walks a collection; `get` and `post` are single calls."""

    def __init__(self, account: Account, *, page_size: int) -> None:
        self._budget = account.budget
        self._door = Door(account, BearerAuth(account.secret), read_seconds=60, total_seconds=120)
        self._page_size = page_size

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        return self._call("GET", path, params or [])[0]

    def post(self, path: str, body: Mapping[str, Any], *, key: str = "") -> dict[str, Any]:
        """Create something. Raises OutcomeUnknown unless the answer is a clear yes or no."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        what = f"POST {path}"
        answer = self._door.send("POST", path, body=json.dumps(body).encode(), headers=headers, writes=True)
        self._learn(answer)
        errors.check(answer, what, writes=True)
        return errors.parse(answer, what, writes=True)

    def pages(self, path: str, params: Params) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each page's body with its X-Pagination; our own page numbers, since `Link` leads elsewhere (2.3)."""
        root = path.strip("/")
        for page in range(1, MAX_PAGES + 1):
            limits = [("limit", str(self._page_size)), ("page", str(page))]
            body, paging = self._call("GET", path, [*params, *limits])
            rows = body.get(root)
            if not isinstance(rows, list):
                raise Unreadable(f"TradeGecko answered GET {path} without a list of {root}")
            yield body, paging
            last = paging.get("last_page")
            if not rows or last is True or (last is None and len(rows) < self._page_size):
                return
        raise Unreadable(f"TradeGecko has more than {MAX_PAGES} pages of {root}; not read further")

    def rows(self, path: str, params: Params) -> Iterator[dict[str, Any]]:
        for body, _ in self.pages(path, params):
            for row in body[path.strip("/")]:
                if not isinstance(row, dict):
                    raise Unreadable(f"TradeGecko answered GET {path} with a row that is no object")
                yield row

    def _call(self, method: str, path: str, params: Params) -> tuple[dict[str, Any], dict[str, Any]]:
        answer = self._door.send(method, path, params=params, headers={"Accept": "application/json"})
        self._learn(answer)
        what = f"{method} {path}"
        errors.check(answer, what, writes=False)
        return errors.parse(answer, what, writes=False), _paging(answer)

    def _learn(self, answer: Answer) -> None:
        """Tell the shared budget what the headers say; a 429 closes it for everybody."""
        if self._budget is None:
            return
        if answer.status == 429:
            self._budget.block(datetime.now(UTC) + errors.wait_of(answer))
            return
        names = ("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset")
        values = [answer.headers.get(name, "") for name in names]
        if all(value.isascii() and value.isdigit() and len(value) < 12 for value in values):
            limit, remaining, reset = map(int, values)
            self._budget.learn(limit=limit, remaining=remaining, resets_at=datetime.fromtimestamp(reset, UTC))


def _paging(answer: Answer) -> dict[str, Any]:
    try:
        paging = json.loads(answer.headers.get("x-pagination", "{}"))
    except ValueError:
        return {}
    return paging if isinstance(paging, dict) else {}
