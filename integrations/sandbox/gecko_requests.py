"""Bodies of requests: JSON, or a form with names such as `order[order_line_items][][price]` (tradegecko 2.1)."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.wrappers import Request

from integrations.sandbox.gecko_values import Row, bad_request

FORM = "application/x-www-form-urlencoded"
STEPS = re.compile(r"\[([^\]]*)\]")


def body(request: Request) -> Row:
    """The whole body; empty if there is none. Raises Problem if it is no JSON object."""
    data = request.get_data()
    try:
        if request.mimetype == FORM and not data.lstrip().startswith(b"{"):
            return form(data.decode())
        found = json.loads(data.strip() or b"{}")
    except (ValueError, RecursionError):
        raise bad_request("The body cannot be read") from None
    if not isinstance(found, dict):
        raise bad_request("The body is no JSON object")
    return found


def record(request: Request, root: str) -> Row:
    """The attributes under the root key. Raises Problem if it is missing."""
    given = body(request).get(root)
    if not isinstance(given, dict):
        raise bad_request(f"Required parameter missing: {root}")
    return given


def form(data: str) -> Row:
    """A form's names are paths; `[]` begins a new record of a list when the one at hand has that name already."""
    found: Row = {}
    for name, value in parse_qsl(data, keep_blank_values=True):
        root = name.partition("[")[0]
        _place(found, [root, *STEPS.findall(name[len(root) :])], value)
    return found


def _place(into: Row, path: list[str], value: str) -> None:
    name, rest = path[0], path[1:]
    if not rest:
        into[name] = value
    elif rest[0] == "":
        _place_in_list(into.setdefault(name, []), rest[1:], value)
    else:
        _place(_as_record(into.setdefault(name, {})), rest, value)


def _place_in_list(rows: Any, path: list[str], value: str) -> None:
    if not isinstance(rows, list):
        raise ValueError("a name stands for a list and for something else")
    if not path:
        rows.append(value)
        return
    if not rows or not isinstance(rows[-1], dict) or (len(path) == 1 and path[0] in rows[-1]):
        rows.append({})
    _place(rows[-1], path, value)


def _as_record(found: Any) -> Row:
    if not isinstance(found, dict):
        raise ValueError("a name stands for a record and for something else")
    return found


def credentials(request: Request) -> dict[str, str]:
    """What the token address is asked; the application may also name itself by Basic authorization."""
    asked = {name: str(value) for name, value in body(request).items() if value is not None}
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            asked["client_id"], _, asked["client_secret"] = b64decode(token).decode().partition(":")
        except ValueError:
            raise bad_request("The authorization cannot be read") from None
    return asked
