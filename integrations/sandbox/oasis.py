"""Supplier Oasis over HTTP, as its contract describes it: strict where that is sure (supplier-oasis 1, 9)."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lxml import etree
from werkzeug.wrappers import Request, Response

from integrations.sandbox import oasis_inventory, oasis_orders, oasis_shipments
from integrations.sandbox.oasis_state import DENVER, OasisState
from integrations.sandbox.oasis_xml import Problem, add, answer, errors, message, new, shuffle

Take = Callable[[OasisState, etree._Element], list[Problem]]

# path → the root of the message that may be sent there, and who reads it
MESSAGES: dict[str, tuple[str, Take]] = {
    "/shipments": ("supplierShipmentMessage", oasis_shipments.take),
    "/inventory": ("supplierInventoryMessage", oasis_inventory.take),
    "/catalog": ("itemMasterMessage", oasis_inventory.take_items),
}
# A date or a compact date; or a local time, which may have a fraction and an offset (supplier-oasis 1.2).
DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?")


def handle(state: OasisState, request: Request) -> Response:
    """One request. The caller holds the world's lock."""
    if not _allowed(state, request):
        refusal = Response("<html><body>Unauthorized</body></html>", 401, mimetype="text/html")
        refusal.headers["WWW-Authenticate"] = 'Basic realm="Supplier Oasis"'
        return refusal
    match (request.method, request.path.rstrip("/")):
        case ("GET", "/salesorders"):
            return _orders(state, request)
        case ("GET", "/inventory"):
            return _read(state, oasis_inventory.listing(state))
        case ("POST", path) | ("PUT", "/inventory" as path) if path in MESSAGES:
            return _take(state, request, *MESSAGES[path])
    return Response("<html><body>Not found</body></html>", 404, mimetype="text/html")


def _allowed(state: OasisState, request: Request) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        given = b64decode(token.strip(), validate=True).decode()
    except ValueError:
        return False
    return scheme.lower() == "basic" and given == f"{state.username}:{state.password}"


def _orders(state: OasisState, request: Request) -> Response:
    try:
        start = _when(request.args["startTime"], end=False, fold=state.fold)
        end = _when(request.args["endTime"], end=True, fold=state.fold)
    except (KeyError, ValueError, OverflowError):
        return errors([Problem("BAD_WINDOW", "startTime and endTime are required, as dates or times")])
    found = state.between(start, end)
    return _read(state, oasis_orders.listing(found[: state.cap or None], state.form, len(found)))


def _when(given: str, *, end: bool, fold: int | str) -> datetime:
    """The instant of one end of a window; without an offset it is Denver's, and a date ends with its day."""
    day = DATE.fullmatch(given)
    if day is not None:
        midnight = datetime(*map(int, day.groups()), tzinfo=DENVER)  # type: ignore[arg-type, misc]
        return midnight + timedelta(days=1, microseconds=-1) if end else midnight
    time = TIME.fullmatch(given)
    if time is None:
        raise ValueError(given)
    whole, fraction, offset = time.groups()
    at = datetime.fromisoformat(whole + (offset or ""))
    at = at.replace(microsecond=int((fraction or "")[:6].ljust(6, "0")))
    reading = int(end) if fold == "lenient" else int(fold)
    return at if at.tzinfo else at.replace(tzinfo=DENVER, fold=reading).astimezone(UTC)


def _read(state: OasisState, root: etree._Element) -> Response:
    if state.shuffled:
        shuffle(root)
    return answer(root)


def _take(state: OasisState, request: Request, root_name: str, take: Take) -> Response:
    try:
        root, has_nameless = message(request.get_data(), root_name, strict=state.strict_namespace)
    except Problem as problem:
        return errors([problem])
    if has_nameless:
        state.warnings.append(f'{root_name}: some elements have no namespace (xmlns="")')
    problems = take(state, root)
    return errors(problems) if problems else _accepted(state, request)


def _accepted(state: OasisState, request: Request) -> Response:
    """Good news, in one of the ways in which it may come (supplier-oasis 1.3, 10.11)."""
    root = new("response")
    add(root, "status", "SUCCESS")
    add(root, "jobName", request.args.get("jobName") or f"job-{datetime.now(UTC):%Y%m%d%H%M%S}")
    if state.shuffled:
        shuffle(root)
    return answer(root, state.success)
