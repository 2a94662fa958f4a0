"""What can go wrong on the wire, by switch: each fault hits the next matching requests of one system.

A fault with `_after_apply` lets the request take effect first, which is what a lost answer looks like.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch

from werkzeug.wrappers import Request, Response

PAGE = "<html><head><title>Sorry</title></head><body><h1>We are down for maintenance</h1></body></html>"


class Cut(Exception):
    """The connection is to be broken off instead of answered."""


def _xml(status: int, text: str) -> Response:
    return Response(f'<?xml version="1.0"?>\n{text}', status, mimetype="application/xml")


def _page(status: int) -> Response:
    return Response(PAGE, status, mimetype="text/html")


def _too_many(retry_after: str | None) -> Response:
    answer = Response('{"error":"You have exceeded the API rate limit. Please retry later."}', 429)
    answer.mimetype = "application/json"
    if retry_after is not None:
        answer.headers["Retry-After"] = retry_after
    return answer


def _cut() -> Response:
    raise Cut


def _slow() -> Response:
    time.sleep(3600)
    raise Cut


ERROR = (
    '<errors xmlns="api.supplieroasis.com"><error><code>SANDBOX</code><message>switched on</message></error></errors>'
)

# name → the answer, without the request having any effect
ANSWERS: dict[str, Callable[[], Response]] = {
    "400_xml": lambda: _xml(400, ERROR),
    "400_text": lambda: Response("bad request", 400, mimetype="text/plain"),
    "401": lambda: _page(401),
    "403": lambda: _page(403),
    "404": lambda: _page(404),
    "409": lambda: _xml(409, ERROR),
    "422": lambda: Response('{"errors":{"base":["switched on"]}}', 422, mimetype="application/json"),
    "429": lambda: _too_many("2"),
    "429_no_retry_after": lambda: _too_many(None),
    "500_html": lambda: _page(500),
    "503": lambda: _page(503),
    "html_200": lambda: _page(200),
    "error_in_200": lambda: _xml(200, ERROR),
    "empty_200": lambda: Response(b"", 200),
    "202_empty": lambda: Response(b"", 202),
    "204": lambda: Response(b"", 204),
    "reset": _cut,
    "slow": _slow,
}
AFTER = "_after_apply"
SPECIAL = ("truncated",)


def names() -> list[str]:
    """Every fault there is."""
    return sorted([*ANSWERS, *SPECIAL, *(f"{name}{AFTER}" for name in ANSWERS)])


@dataclass
class Fault:
    """`times` more requests of `system` whose path matches `path` get it."""

    system: str
    name: str
    path: str = "*"
    method: str = "*"
    times: int = 1


class Faults:
    """The table of switched-on faults. Used under the world's lock."""

    def __init__(self) -> None:
        self.table: list[Fault] = []

    def add(self, system: str, name: str, *, path: str = "*", method: str = "*", times: int = 1) -> None:
        if name not in names():
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(names())}")
        self.table.append(Fault(system, name, path, method, times))

    def clear(self) -> None:
        self.table.clear()

    def take(self, system: str, request: Request) -> str:
        """The fault for this request, used up once; empty if none."""
        for fault in self.table:
            fits = fnmatch(request.path, fault.path) and fnmatch(request.method, fault.method)
            if fault.system == system and fault.times > 0 and fits:
                fault.times -= 1
                return fault.name
        return ""


def answer(fault: str, apply: Callable[[], Response]) -> Response:
    """The answer to a request under a fault. Raises Cut when the connection is to be broken off."""
    if not fault:
        return apply()
    if fault == "truncated":
        whole = apply()
        body = whole.get_data()
        whole.set_data(body[: len(body) // 2])
        return whole
    if fault.endswith(AFTER):
        apply()
        fault = fault.removesuffix(AFTER)
    return ANSWERS[fault]()
