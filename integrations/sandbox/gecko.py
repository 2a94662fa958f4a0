"""TradeGecko over HTTP, as its contract describes it (tradegecko 1, 2, 3, 6)."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from werkzeug.wrappers import Request, Response

from integrations.sandbox import gecko_filters, gecko_oauth, gecko_orders, gecko_requests
from integrations.sandbox.gecko_includes import included
from integrations.sandbox.gecko_resources import RESOURCES, Resource
from integrations.sandbox.gecko_rows import component, shown, stock_level, stock_time
from integrations.sandbox.gecko_state import GeckoState
from integrations.sandbox.gecko_tables import ACCOUNT
from integrations.sandbox.gecko_values import Invalid, Problem, Row, not_found
from integrations.sandbox.gecko_writes import act, rules

WINDOW = 300
KEY_LIFE = 24 * 3600
LONGEST_QUERY = 8000
USER = 41
PAGE = "<html><body>The page you were looking for doesn't exist.</body></html>"
COLLECTION = re.compile(r"/([a-z_]+)(?:\.json)?/?")
RECORD = re.compile(r"/([a-z_]+)/([^/.]+)(?:\.json)?/?")
ACTION = re.compile(r"/orders/([^/.]+)/actions/([a-z_]+)(?:\.json)?/?")
IDENTIFIERS = re.compile(r"/orders/available_identifiers(?:\.json)?/?")
COMPOSITION = re.compile(r"/variants/composition(?:/([^/.]+))?(?:\.json)?/?")

logger = logging.getLogger(__name__)


def handle(state: GeckoState, request: Request) -> Response:
    """One request. The caller holds the world's lock. Whatever goes wrong is undone and answered."""
    if request.path.startswith("/oauth/"):
        answer = _oauth(state, request)
    else:
        headers, left = _limits(state)
        answer = _guarded(state, request) if left >= 0 else _too_many()
        answer.headers.extend(headers)
    answer.headers["X-Request-Id"] = str(uuid4())
    return answer


def _limits(state: GeckoState) -> tuple[dict[str, str], int]:
    """A fixed window, aligned to multiples of 300 s of the epoch (2.6)."""
    window = int(time.time()) // WINDOW
    used = state.calls_in_window.get(window, 0) + 1
    state.calls_in_window = {window: used}
    left = state.limit - used
    return {
        "X-Rate-Limit-Limit": str(state.limit),
        "X-Rate-Limit-Remaining": str(max(left, 0)),
        "X-Rate-Limit-Reset": str((window + 1) * WINDOW),
    }, left


def _too_many() -> Response:
    return _json({"error": "You have exceeded the API rate limit. Please retry later."}, 429)


def _guarded(state: GeckoState, request: Request) -> Response:
    if len(request.query_string) > LONGEST_QUERY:
        return Response(PAGE, 414, mimetype="text/html")
    if not state.oauth.accepts(request.headers.get("Authorization", "")):
        return _json({"type": "unauthorized", "message": "Invalid or expired token"}, 401)
    key = _key(request)
    if key and time.time() - state.keys.get(key, 0) < KEY_LIFE:
        return _json({"type": "Bad Request", "message": "Duplicate Idempotency Key header detected"}, 400)
    if key:
        state.keys[key] = time.time()
    answer = _answer(state, request)
    if key and state.refused_keys_stay_free and 400 <= answer.status_code < 500:
        del state.keys[key]
    return answer


def _key(request: Request) -> str:
    return request.headers.get("Idempotency-Key", "") if request.method in ("POST", "PUT") else ""


def _answer(state: GeckoState, request: Request) -> Response:
    try:
        with state.all_or_nothing():
            return _route(state, request)
    except Problem as exc:
        status, body = exc.args
        return _json(body, status)
    except Invalid as exc:
        return _json({"errors": exc.errors}, 422)
    except Exception as exc:
        logger.exception("the sandbox's TradeGecko failed at %s %s", request.method, request.path)
        return _json({"type": "Internal Server Error", "message": f"{type(exc).__name__}: {exc}"}, 500)


# --- addresses --------------------------------------------------------------------------------------------------


def _route(state: GeckoState, request: Request) -> Response:
    path, method = request.path, "GET" if request.method == "HEAD" else request.method
    if IDENTIFIERS.fullmatch(path) and method == "GET":
        return _json({"identifier": gecko_orders.next_number(state)})
    if (found := COMPOSITION.fullmatch(path)) and method == "GET":
        return _composition(state, request, found[1])
    if (found := ACTION.fullmatch(path)) and method == "POST":
        return _action(state, request, found[1], found[2])
    if (found := RECORD.fullmatch(path)) and found[1] == "stock_levels" and method == "GET":
        return _json({"stock_level": stock_level(state, _row(state, "variants", found[2]))})
    if (found := COLLECTION.fullmatch(path)) and found[1] == "stock_levels" and method == "GET":
        return _stock(state, request)
    return _resource(state, request, method)


def _resource(state: GeckoState, request: Request, method: str) -> Response:
    """Addresses of the matrix (3.0). What it does not name is a web page that says so."""
    collection, record = COLLECTION.fullmatch(request.path), RECORD.fullmatch(request.path)
    found = collection or record
    resource = RESOURCES.get(found[1]) if found else None
    verbs = {"GET": "i", "POST": "c"} if collection else {"GET": "s", "PUT": "u", "PATCH": "u", "DELETE": "d"}
    verb = verbs.get(method, "-")
    if resource is None or verb not in resource.verbs:
        return Response(PAGE, 404, mimetype="text/html")
    if record is None:
        return _index(state, request, resource) if verb == "i" else _create(state, request, resource)
    row = _row(state, resource.table, record[2])
    if verb == "s":
        return _json({resource.root: shown(state, resource.table, row), **included(state, request, resource, [row])})
    if verb == "u":
        return _update(state, request, resource, row)
    rules(resource.table).delete(state, row)
    return Response(b"", 204)


def _row(state: GeckoState, table: str, identity: str) -> Row:
    current = {"accounts": ACCOUNT, "users": USER}.get(table) if identity == "current" else None
    row = state.find(table, current or identity)
    if row is None:
        raise not_found(f"{RESOURCES[table].root} with id {identity}")
    return row


def _index(state: GeckoState, request: Request, resource: Resource) -> Response:
    rows = gecko_filters.select(state, resource.table, request.args)
    page, paging = gecko_filters.page(state, rows, request.args)
    side = included(state, request, resource, page)
    body = {**side, resource.table: [shown(state, resource.table, row) for row in page]}
    return _paged(request, body, paging)


def _create(state: GeckoState, request: Request, resource: Resource) -> Response:
    row = rules(resource.table).create(state, gecko_requests.record(request, resource.root))
    answer = _json({resource.root: shown(state, resource.table, row)}, 201)
    answer.headers["Location"] = f"{request.host_url}{resource.table}/{row['id']}"
    return answer


def _update(state: GeckoState, request: Request, resource: Resource, row: Row) -> Response:
    """Empty but for addresses, which come back since 2020-08 (2.1)."""
    rules(resource.table).update(state, row, gecko_requests.record(request, resource.root))
    if resource.table == "addresses":
        return _json({resource.root: shown(state, resource.table, row)})
    return Response(b"", 204)


def _action(state: GeckoState, request: Request, identity: str, action: str) -> Response:
    """Actions tell their refusals as a list (2.8)."""
    order = _row(state, "orders", identity)
    try:
        act(state, order, action, gecko_requests.body(request))
    except Invalid as exc:
        raise Problem(422, {"errors": [str(exc).removeprefix("base ")]}) from None
    return _json({"order": shown(state, "orders", order)}, 201 if state.actions_answer_201 else 200)


# --- addresses with a form of their own -------------------------------------------------------------------------


def _stock(state: GeckoState, request: Request) -> Response:
    """One row per living variant; `ids` are variants' ids, times are those of the stock (3.8)."""
    ids = gecko_filters.wanted(request.args, "ids", whole=True)
    rows = [row for row in state.tables["variants"].values() if row["status"] == "active"]
    tests = gecko_filters.between(request.args, "created_at", lambda row: str(row["created_at"]))
    tests += gecko_filters.between(request.args, "updated_at", stock_time)
    chosen = [row for row in rows if (not ids or str(row["id"]) in ids) and all(test(row) for test in tests)]
    page, paging = gecko_filters.page(state, chosen, request.args)
    return _paged(request, {"stock_levels": [stock_level(state, row) for row in page]}, paging)


def _composition(state: GeckoState, request: Request, bundle: str | None) -> Response:
    """What bundles are made of; the root is `composition` for one bundle and for all (3.9)."""
    args = request.args.copy()
    if bundle is not None:
        args.setlist("ids", [str(_row(state, "variants", bundle)["id"])])
    asked = {"bundle_id": "ids", "bundle_sku": "sku", "component_id": "component_id"}
    filters = {column: gecko_filters.wanted(args, name, whole=name != "sku") for column, name in asked.items()}
    rows = [component(state, row) for row in state.components]
    rows = [row for row in rows if all(not some or str(row[column]) in some for column, some in filters.items())]
    page, paging = gecko_filters.page(state, rows, request.args)
    body: dict[str, Any] = {"composition": page}
    sides = [side for side in ("bundle", "component") if side in request.args.get("include", "").split(",")]
    if sides:
        ids = {row[f"{side}_id"]: None for row in page for side in sides}
        body["variants"] = [shown(state, "variants", state.tables["variants"][one]) for one in ids]
    return _paged(request, body, paging)


def _oauth(state: GeckoState, request: Request) -> Response:
    """The browser's address and the token address (1.1)."""
    try:
        match (request.method, request.path.rstrip("/")):
            case ("GET", "/oauth/authorize"):
                target = state.oauth.authorize(request.args.to_dict(), denied=state.deny_authorization)
                return Response(b"", 302, headers={"Location": target})
            case ("POST", "/oauth/token"):
                return _json(state.oauth.grant(gecko_requests.credentials(request), life=state.token_life))
    except gecko_oauth.Refused:
        return _json(gecko_oauth.REFUSED, 401)
    except Problem as exc:
        return _json(exc.args[1], exc.args[0])
    return Response(PAGE, 404, mimetype="text/html")


# --- answers ----------------------------------------------------------------------------------------------------


def _paged(request: Request, body: dict[str, Any], paging: dict[str, Any]) -> Response:
    answer = _json(body)
    answer.headers["X-Pagination"] = json.dumps(paging, separators=(",", ":"))
    if not paging["last_page"]:
        number = max(int(request.args.get("page") or 1), 1)
        steps = {"next": number + 1, "last": paging["total_pages"]}
        answer.headers["Link"] = ", ".join(f'<{_page_url(request, to)}>; rel="{name}"' for name, to in steps.items())
    return answer


def _page_url(request: Request, number: int) -> str:
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
    return f"{request.base_url}?{urlencode([*others, ('page', number)])}"


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")
