"""TradeGecko over HTTP, as its contract describes it (tradegecko 2, 3, 6)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from werkzeug.wrappers import Request, Response

from integrations.sandbox.gecko_rows import shown, stock_level
from integrations.sandbox.gecko_state import GeckoState, Invalid, Row

SINGULAR = {"addresses": "address", "companies": "company", "currencies": "currency"}
HIDDEN = ("archived", "void", "deleted")
WINDOW = 300
KEY_LIFE = 24 * 3600
INCLUDES = {
    "order_line_items": "order_line_items", "shipping_address": "addresses", "billing_address": "addresses",
    "company": "companies", "fulfillments": "fulfillments",
}  # fmt: skip


class Problem(Exception):
    """(status, body) of a JSON error answer."""


def handle(state: GeckoState, request: Request) -> Response:
    """One request. The caller holds the world's lock."""
    path = request.path.strip("/").removesuffix(".json")
    headers, left = _limits(state)
    if left < 0:
        answer = _json({"error": "You have exceeded the API rate limit. Please retry later."}, 429)
    else:
        answer = _guarded(state, request, path.split("/"))
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


def _guarded(state: GeckoState, request: Request, parts: list[str]) -> Response:
    if request.headers.get("Authorization", "") != f"Bearer {state.token}":
        return _json({"type": "unauthorized", "message": "Invalid or expired token"}, 401)
    try:
        _check_key(state, request)
        return _route(state, request, parts)
    except Problem as exc:
        status, body = exc.args
        return _json(body, status)
    except Invalid as exc:
        return _json({"errors": exc.errors}, 422)


def _check_key(state: GeckoState, request: Request) -> None:
    key = request.headers.get("Idempotency-Key")
    if not key or request.method not in ("POST", "PUT"):
        return
    if time.time() - state.keys.get(key, 0) < KEY_LIFE:
        text = "Duplicate Idempotency Key header detected"
        raise Problem(400, {"type": "Bad Request", "message": text})
    state.keys[key] = time.time()


def _route(state: GeckoState, request: Request, parts: list[str]) -> Response:
    table, rest = parts[0], parts[1:]
    if parts == ["accounts", "current"]:
        return _json({"account": {"id": 1, "name": "Sandbox Goods", "country": "US", "default_currency_id": 12}})
    if parts == ["users", "current"]:
        return _json({"user": {"id": 41, "first_name": "Sandbox", "status": "active"}})
    if table == "stock_levels":
        return _stock(state, request, rest)
    if table not in state.tables or len(rest) not in (0, 1, 3):
        return Response(
            "<html><body>The page you were looking for doesn't exist.</body></html>", 404, mimetype="text/html"
        )
    if not rest:
        return _index(state, request, table) if request.method == "GET" else _create(state, request, table)
    row = state.tables[table].get(int(rest[0]) if rest[0].isdigit() else 0)
    if row is None:
        raise Problem(404, {"type": "Not Found", "message": f"Couldn't find {_singular(table)} with id {rest[0]}"})
    if len(rest) == 3:
        return _action(state, request, row, rest[2])
    return _one(state, request, table, row)


def _one(state: GeckoState, request: Request, table: str, row: Row) -> Response:
    if request.method == "GET":
        body = {_singular(table): shown(state, table, row), **_included(state, request, table, [row])}
        return _json(body)
    if request.method in ("PUT", "PATCH"):
        return _update(state, request, table, row)
    if request.method == "DELETE":
        _delete(state, table, row)
        return Response(b"", 204)
    raise Problem(405, {"type": "Method Not Allowed", "message": request.method})


def _index(state: GeckoState, request: Request, table: str) -> Response:
    rows = [row for row in state.tables[table].values() if _matches(request, row)]
    order = request.args.get("order", "created_at desc")
    column, _, direction = order.replace("+", " ").partition(" ")
    column = column if rows and column in rows[0] else "id"
    rows.sort(key=lambda row: (str(row.get(column)), row["id"]), reverse=direction != "asc")
    page, paging = _page(state, request, rows)
    body = {table: [shown(state, table, row) for row in page], **_included(state, request, table, page)}
    return _json(body, paging=paging)


def _matches(request: Request, row: Row) -> bool:
    """Filters are ANDed; blank and unknown ones are ignored (2.4)."""
    statuses = _values(request, "status")
    if not statuses and row.get("status") in HIDDEN:
        return False
    if statuses and row.get("status") not in statuses:
        return False
    ids = _values(request, "ids")
    if ids and str(row["id"]) not in ids:
        return False
    for column in ("created_at", "updated_at"):
        least, most = request.args.get(f"{column}_min"), request.args.get(f"{column}_max")
        if (least and row[column] < _stamp(least)) or (most and row[column] > _stamp(most)):
            return False
    known = set(row) - {"id", "status", "created_at", "updated_at"}
    return all(str(row[name]) in values for name in known if (values := _values(request, name)))


def _values(request: Request, name: str) -> list[str]:
    """`x=1`, `x[]=1&x[]=2` and, for whole numbers, `x=1,2`."""
    given = [*request.args.getlist(f"{name}[]"), *request.args.getlist(name)]
    values: list[str] = []
    for one in given:
        parts = one.split(",")
        values += parts if all(part.strip().isdigit() for part in parts) else [one]
    return [value for value in values if value]


def _stamp(text: str) -> str:
    """Comparable with the stored times, which carry milliseconds."""
    return text if "." in text else text.replace("Z", ".000Z").replace("+00:00", ".000Z")


def _page(state: GeckoState, request: Request, rows: list[Row]) -> tuple[list[Row], dict[str, Any]]:
    limit, page = int(request.args.get("limit") or 50), max(int(request.args.get("page") or 1), 1)
    if limit > 250 and not state.clamp_page_size:
        raise Problem(400, {"type": "Bad Request", "message": "limit must be 250 or less"})
    limit = min(limit, 250)
    start = (page - 1) * limit
    pages = max(-(-len(rows) // limit), 1) if limit else 1
    paging = {
        "total_records": len(rows), "total_pages": pages, "first_page": page == 1, "last_page": page >= pages,
        "out_of_bounds": page > pages, "offset": start,
    }  # fmt: skip
    return rows[start : start + limit] if limit else [], paging


def _included(state: GeckoState, request: Request, table: str, rows: Iterable[Row]) -> dict[str, Any]:
    wanted = {name for name in request.args.get("include", "").split(",") if name}
    found: dict[str, dict[int, Row]] = {}
    for row in rows:
        if table == "fulfillments" and state.sideload_lines and "fulfillment_line_items" in wanted:
            lines = state.tables["fulfillment_line_items"].values()
            mine = {line["id"]: line for line in lines if line["fulfillment_id"] == row["id"]}
            found.setdefault("fulfillment_line_items", {}).update(mine)
        if table == "orders" and request.path.strip("/") != "orders":
            for name in wanted & set(INCLUDES):
                found.setdefault(INCLUDES[name], {}).update(_related(state, row, name))
    return {name: [shown(state, name, one) for one in rows.values()] for name, rows in found.items()}


def _related(state: GeckoState, order: Row, name: str) -> dict[int, Row]:
    if name in ("order_line_items", "fulfillments"):
        rows = state.tables[name].values()
        return {row["id"]: row for row in rows if row["order_id"] == order["id"]}
    identity = order.get(f"{name}_id")
    return {identity: state.tables[INCLUDES[name]][identity]} if identity else {}


def _body(request: Request, table: str) -> Row:
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        raise Problem(400, {"type": "Bad Request", "message": "The body is no JSON"}) from None
    root = _singular(table)
    if not isinstance(body, dict) or not isinstance(body.get(root), dict):
        raise Problem(400, {"type": "Bad Request", "message": f"Required parameter missing: {root}"})
    given: Row = body[root]
    return given


def _create(state: GeckoState, request: Request, table: str) -> Response:
    given = _body(request, table)
    if table == "orders":
        row = state.create_order(given)
    elif table == "fulfillments":
        row = state.create_fulfillment(given)
    else:
        if table == "companies" and not given.get("name"):
            raise Invalid(name="can't be blank")
        row = state.add(table, **{"status": "active", **given})
    answer = _json({_singular(table): shown(state, table, row)}, 201)
    answer.headers["Location"] = f"/{table}/{row['id']}"
    return answer


def _update(state: GeckoState, request: Request, table: str, row: Row) -> Response:
    """What the row does not have is ignored, as is what only the server may say (I#27)."""
    given = _body(request, table)
    if table == "orders":
        state.append_lines(row, given.pop("order_line_items", None) or [])
    if table == "fulfillments" and given.pop("status", "") == "fulfilled":
        state.fulfil(row)
    state.change(row, **{name: value for name, value in given.items() if name in row and name != "id"})
    return _json({"address": shown(state, table, row)}) if table == "addresses" else Response(b"", 204)


def _delete(state: GeckoState, table: str, row: Row) -> None:
    if table == "orders":
        state.void(row)
    elif table == "fulfillments":
        state.void_parcel(row)
    elif table == "order_line_items":
        del state.tables[table][row["id"]]
    else:
        state.change(row, status="archived")


def _action(state: GeckoState, request: Request, order: Row, action: str) -> Response:
    body = json.loads(request.get_data() or b"{}")
    given = body.get("fulfillment") or {} if isinstance(body, dict) else {}
    if action == "void":
        state.void(order)
    elif action == "pack":
        _parcel(state, order, {**given, "status": "packed"})
    elif action in ("fulfil", "fulfill"):
        for parcel in state.tables["fulfillments"].values():
            if parcel["order_id"] == order["id"] and parcel["status"] == "packed":
                state.change(parcel, **{name: value for name, value in given.items() if name in parcel})
                state.fulfil(parcel)
        _parcel(state, order, {**given, "status": "fulfilled"})
    else:
        raise Problem(404, {"type": "Not Found", "message": f"no action {action}"})
    return _json({"order": shown(state, "orders", order)})


def _parcel(state: GeckoState, order: Row, given: Row) -> None:
    left = state.unpacked(order["id"])
    if left:
        items = [{"order_line_item_id": line, "quantity": units} for line, units in left.items()]
        state.create_fulfillment({**given, "order_id": order["id"], "fulfillment_line_items": items})


def _stock(state: GeckoState, request: Request, rest: list[str]) -> Response:
    ids = _values(request, "ids")
    variants = [
        {"id": row["id"]}
        for row in state.tables["variants"].values()
        if row["status"] == "active" and (not ids or str(row["id"]) in ids)
    ]
    if rest:
        return _json({"stock_level": stock_level(state, int(rest[0]))})
    page, paging = _page(state, request, variants)
    return _json({"stock_levels": [stock_level(state, row["id"]) for row in page]}, paging=paging)


def _singular(table: str) -> str:
    return SINGULAR.get(table, table.removesuffix("s"))


def _json(body: dict[str, Any], status: int = 200, *, paging: dict[str, Any] | None = None) -> Response:
    answer = Response(json.dumps(body), status, mimetype="application/json")
    if paging is not None:
        answer.headers["X-Pagination"] = json.dumps(paging)
    return answer
