"""HTTP to TradeGecko: access tokens, JSON, pages, and the call limit that its headers tell (tradegecko 1.2, 2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.account import Account
from integrations.errors import Misconfigured, Unreadable
from integrations.http import Answer, Door, Params
from integrations.tradegecko import errors

Value = TypeVar("Value")
MAX_PAGES = 4000
MAX_ROWS = 10**9


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection. A row may be anything; `body` also holds what came along with the rows.

    `announced` is how many rows the collection is said to have, 0 when that is not said.
    """

    rows: list[object]
    body: dict[str, Any]
    announced: int
    is_last: bool


class BearerAuth(AuthBase):
    """An access token: a privileged one stays the same, OAuth's change from call to call."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self.token}"
        return r


class Client:
    """One account's calls. `pages` walks a collection; `get` and `post` are single calls."""

    def __init__(self, account: Account, *, page_size: int, batch_size: int) -> None:
        self._budget = account.budget
        self._journal = account.journal
        self._tokens = account.tokens
        self._auth = BearerAuth(_token(account))
        self._door = Door(account, self._auth, read_seconds=60, total_seconds=120)
        self._page_size = page_size
        self._batch_size = batch_size

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        return self._call("GET", path, params or [])[0]

    def post(self, path: str, body: Mapping[str, Any], *, key: str = "") -> dict[str, Any]:
        """Create something. Raises OutcomeUnknown unless the answer is a clear yes or no."""
        return errors.parse(self.write("POST", path, body, key=key), f"POST {path}", writes=True)

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, key: str = "") -> Answer:
        """Change something; the answer to a clear yes, whose body may be empty (2.1). Raises as `post` does."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        content = b"" if body is None else json.dumps(body).encode()
        answer = self._send(lambda: self._door.send(method, path, body=content, headers=headers, writes=True))
        errors.check(answer, f"{method} {path}", writes=True)
        return answer

    def page(self, path: str, params: Params, number: int) -> Page:
        """One page by our own number, since `Link` leads elsewhere (2.3)."""
        limits = [("limit", str(self._page_size)), ("page", str(number))]
        body, paging = self._call("GET", path, [*params, *limits])
        root = path.rsplit("/", 1)[-1]
        rows = body.get(root)
        if not isinstance(rows, list):
            raise Unreadable(f"TradeGecko answered GET {path} without a list of {root}")
        last = paging.get("last_page")
        is_last = not rows or last is True or (last is None and len(rows) < self._page_size)
        return Page(rows, body, _count(paging.get("total_records")), is_last)

    def pages(self, path: str, params: Params, *, first_page: int = 1) -> Iterator[Page]:
        for number in range(first_page, MAX_PAGES + 1):
            page = self.page(path, params, number)
            yield page
            if page.is_last:
                return
        raise Unreadable(f"TradeGecko has more than {MAX_PAGES} pages of {path.strip('/')}; not read further")

    def rows(self, path: str, params: Params) -> Iterator[object]:
        for page in self.pages(path, params):
            yield from page.rows

    def readable(self, rows: Iterable[object], read: Callable[[object], Value]) -> Iterator[Value]:
        """What `read` makes of each row; one that it cannot read is told and left out."""
        for row in rows:
            try:
                value = read(row)
            except Unreadable as exc:
                self.problem(str(exc))
                continue
            yield value

    def rows_about(self, path: str, name: str, values: Sequence[str]) -> Iterator[object]:
        """Rows whose `name` is one of the values, asked for in as few questions as the server takes."""
        waiting = list(values)
        while waiting:
            batch = waiting[: self._batch_size]
            try:
                yield from self.rows(path, [(f"{name}[]", value) for value in batch])
            except errors.TooLong:
                if len(batch) == 1:
                    raise
                self._batch_size = len(batch) // 2
                continue
            del waiting[: len(batch)]

    def problem(self, text: str) -> None:
        """Tell of a record that could not be read, and did not stop the rest."""
        if self._journal is not None:
            self._journal.problem(text)

    def _call(self, method: str, path: str, params: Params) -> tuple[dict[str, Any], dict[str, Any]]:
        headers = {"Accept": "application/json"}
        answer = self._send(lambda: self._door.send(method, path, params=params, headers=headers))
        what = f"{method} {path}"
        errors.check(answer, what, writes=False)
        return errors.parse(answer, what, writes=False), _paging(answer)

    def _send(self, call: Callable[[], Answer]) -> Answer:
        """The answer to a call; with OAuth, after a 401 once more with a renewed token (1.1).

        A 401 comes before the request is looked at: nothing was done, so that the same one may be sent again.
        """
        if self._tokens is None:
            return self._learn(call())
        self._sign_in(self._tokens.access())
        answer = self._learn(call())
        if answer.status != 401:
            return answer
        self._sign_in(self._tokens.renew(self._auth.token))
        answer = self._learn(call())
        if answer.status == 401:
            raise Misconfigured(errors.RENEWED_IN_VAIN, credentials=True)
        return answer

    def _sign_in(self, token: str) -> None:
        self._auth.token = token
        self._door.hide(token)

    def _learn(self, answer: Answer) -> Answer:
        """Tell the shared budget what the headers say; a 429 closes it for everybody."""
        if self._budget is None:
            return answer
        if answer.status == 429:
            self._budget.block(datetime.now(UTC) + errors.wait_of(answer))
            return answer
        names = ("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset")
        values = [answer.headers.get(name, "") for name in names]
        if all(value.isascii() and value.isdigit() and len(value) < 12 for value in values):
            limit, remaining, reset = map(int, values)
            self._budget.learn(limit=limit, remaining=remaining, resets_at=datetime.fromtimestamp(reset, UTC))
        return answer


def _token(account: Account) -> str:
    """The token, if it is one that a header can carry."""
    for place, character in enumerate(account.secret, start=1):
        if not "!" <= character <= "~":
            raise Misconfigured(
                f"connection {account.name}: character {place} of {len(account.secret)} of the access token is none "
                "that a token has (a blank, a line break or a letter with an accent). Enter the token again.",
                credentials=True,
            )
    return account.secret


def _paging(answer: Answer) -> dict[str, Any]:
    try:
        paging = json.loads(answer.headers.get("x-pagination", "{}"))
    except ValueError:
        return {}
    return paging if isinstance(paging, dict) else {}


def _count(value: object) -> int:
    """A number of rows; 0 for what can be none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_ROWS else 0
