"""What can go wrong on the wire, by switch: each fault hits the next matching requests of one system.

A fault with `_after_apply` lets the request take effect first, which is what a lost answer looks like. `slow` waits
`seconds` and then does what was asked; `slow_after_apply` does it, then waits; both then answer as usual.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any

from werkzeug.wrappers import Request, Response

PAGE = "<html><head><title>Sorry</title></head><body><h1>We are down for maintenance</h1></body></html>"


class Cut(Exception):
    """The connection is to be broken off instead of answered."""


def _xml(status: int, text: str) -> Response:
    return Response(f'<?xml version="1.0"?>\n{text}', status, mimetype="application/xml")


def _page(status: int) -> Response:
    return Response(PAGE, status, mimetype="text/html")


def _error(code: str) -> str:
    return (
        '<errors xmlns="api.supplieroasis.com">'
        f"<error><code>{code}</code><message>switched on</message></error></errors>"
    )


def _too_many(fault: Fault) -> Response:
    """As each system puts it: TradeGecko in JSON, Overstock in XML. `retry_after` is left out where empty."""
    if fault.system == "oasis":
        answer = _xml(429, _error("TOO_MANY_REQUESTS"))
    else:
        answer = Response('{"error":"You have exceeded the API rate limit. Please retry later."}', 429)
        answer.mimetype = "application/json"
    if fault.retry_after:
        answer.headers["Retry-After"] = fault.retry_after
    return answer


def _cut() -> Response:
    raise Cut


# name → the answer, without the request having any effect
ANSWERS: dict[str, Callable[[], Response]] = {
    "400_xml": lambda: _xml(400, _error("SANDBOX")),
    "400_text": lambda: Response("bad request", 400, mimetype="text/plain"),
    "401": lambda: _page(401),
    "403": lambda: _page(403),
    "404": lambda: _page(404),
    "409": lambda: _xml(409, _error("DUPLICATE")),
    "422": lambda: Response('{"errors":{"base":["switched on"]}}', 422, mimetype="application/json"),
    "500_html": lambda: _page(500),
    "503": lambda: _page(503),
    "html_200": lambda: _page(200),
    "error_in_200": lambda: _xml(200, _error("SANDBOX")),
    "empty_200": lambda: Response(b"", 200),
    "202_empty": lambda: Response(b"", 202),
    "204": lambda: Response(b"", 204),
    "reset": _cut,
}
AFTER = "_after_apply"
TRUNCATED, SLOW, TOO_MANY, TOO_MANY_BARE = "truncated", "slow", "429", "429_no_retry_after"


def names() -> list[str]:
    """Every fault there is."""
    before = [*ANSWERS, SLOW, TOO_MANY, TOO_MANY_BARE]
    return sorted([*before, TRUNCATED, *(f"{name}{AFTER}" for name in before)])


SYSTEMS = ("oasis", "tradegecko")
KINDS: dict[str, type | tuple[type, ...]] = {
    "path": str, "method": str, "times": int, "seconds": (int, float), "retry_after": str,
}  # fmt: skip


@dataclass
class Fault:
    """`times` more requests of `system` whose path matches `path` get it. `seconds` is how slow a slow one is."""

    system: str
    name: str
    path: str = "*"
    method: str = "*"
    times: int = 1
    seconds: float = 3600
    retry_after: str = "2"


class Faults:
    """The table of switched-on faults. Used under the world's lock."""

    def __init__(self) -> None:
        self.table: list[Fault] = []

    def add(self, system: str, name: str, **values: Any) -> None:
        """Switch a fault on; `values` are the other fields of Fault."""
        if name not in names():
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(names())}")
        if system not in SYSTEMS:
            raise ValueError(f"there is no system {system!r}; there are {', '.join(SYSTEMS)}")
        for field, value in values.items():
            if field not in KINDS or not isinstance(value, KINDS[field]):
                raise ValueError(f"{field} of a fault cannot be {value!r}")
        self.table.append(Fault(system, name, **values))

    def clear(self, **values: str) -> None:
        """Switch off the faults with these values (`system`, `name`); without any, all."""
        self.table[:] = [one for one in self.table if any(getattr(one, key) != want for key, want in values.items())]

    def take(self, system: str, request: Request) -> Fault | None:
        """The fault for this request, used up once."""
        for fault in self.table:
            fits = fnmatch(request.path, fault.path) and fnmatch(request.method, fault.method)
            if fault.system == system and fault.times > 0 and fits:
                fault.times -= 1
                return fault
        return None


def answer(fault: Fault | None, apply: Callable[[], Response]) -> Response:
    """The answer to a request under a fault. Raises Cut when the connection is to be broken off."""
    if fault is None:
        return apply()
    name = fault.name.removesuffix(AFTER)
    if name == SLOW:
        return _late(fault, apply)
    if name == TRUNCATED:
        return _halved(apply())
    if fault.name.endswith(AFTER):
        apply()
    if name in (TOO_MANY, TOO_MANY_BARE):
        return _too_many(fault if name == TOO_MANY else replace(fault, retry_after=""))
    return ANSWERS[name]()


def _late(fault: Fault, apply: Callable[[], Response]) -> Response:
    done = apply() if fault.name.endswith(AFTER) else None
    time.sleep(fault.seconds)
    return done or apply()


def _halved(whole: Response) -> Response:
    body = whole.get_data()
    whole.set_data(body[: len(body) // 2])
    return whole
