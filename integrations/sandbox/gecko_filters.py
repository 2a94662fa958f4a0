"""Index calls: filters, order of the rows, pages (tradegecko 2.3, 2.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any

from werkzeug.datastructures import MultiDict

from integrations.sandbox.gecko_resources import RESOURCES, Attribute
from integrations.sandbox.gecko_rows import value
from integrations.sandbox.gecko_tables import ENDED, GeckoTables
from integrations.sandbox.gecko_values import Row, bad_request, moment, stamp, yes_no

Args = MultiDict[str, str]
Test = Callable[[Row], bool]
WHOLE = ("ref", "whole", "ids")
MOST = 250


def select(state: GeckoTables, table: str, args: Args) -> list[Row]:
    """The rows that every filter lets through; blank filters and unknown ones are ignored."""
    rows = list(state.tables[table].values())
    for test in _tests(state, table, args):
        rows = [row for row in rows if test(row)]
    return _ordered(table, rows, args.get("order") or "")


def wanted(args: Args, name: str, *, whole: bool = False) -> set[str]:
    """`x=1`, `x[]=1&x[]=2` and, for whole numbers, `x=1,2`."""
    given = [*args.getlist(f"{name}[]"), *args.getlist(name)]
    parts = [part.strip() for one in given for part in one.split(",")] if whole else given
    return {part for part in parts if part}


def between(args: Args, column: str, read: Callable[[Row], str]) -> list[Test]:
    """Filters by time; both ends belong to the range (9)."""
    least, most = (_time(args.get(f"{column}_{end}")) for end in ("min", "max"))
    tests: list[Test] = []
    if least:
        tests.append(lambda row: read(row) >= least)
    if most:
        tests.append(lambda row: read(row) <= most)
    return tests


def page(state: GeckoTables, rows: list[Row], args: Args) -> tuple[list[Row], dict[str, Any]]:
    """The rows of the page that is asked for, and what `X-Pagination` says."""
    limit, number = _count(args, "limit", 50), max(_count(args, "page", 1, signed=True), 1)
    if limit > MOST and not state.clamp_page_size:
        raise bad_request(f"limit must be {MOST} or less")
    limit = min(limit, MOST)
    start = (number - 1) * limit
    pages = max(-(-len(rows) // limit), 1) if limit else 1
    return rows[start : start + limit], {
        "total_records": len(rows), "total_pages": pages, "first_page": number == 1, "last_page": number >= pages,
        "out_of_bounds": number > pages, "offset": start,
    }  # fmt: skip


def _count(args: Args, name: str, usual: int, *, signed: bool = False) -> int:
    text = (args.get(name) or "").strip()
    digits = text.removeprefix("-") if signed else text
    if text and not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise bad_request(f"{name} must be a number")
    return int(text) if text else usual


def _time(text: str | None) -> str:
    try:
        return stamp(moment(text)) if text and text.strip() else ""
    except ValueError:
        raise bad_request(f"{text!r} is not a date") from None


# --- filters ----------------------------------------------------------------------------------------------------


def _tests(state: GeckoTables, table: str, args: Args) -> list[Test]:
    """Those on stored values first: they leave fewer rows for those that have to be worked out."""
    ids = wanted(args, "ids", whole=True)
    tests: list[Test] = [lambda row: str(row["id"]) in ids] if ids else []
    for column in ("created_at", "updated_at"):
        tests += between(args, column, itemgetter(column))
    tests += _by_status(state, table, args)
    own = [one for one in RESOURCES[table].attributes.values() if one.filtered and one.name != "status"]
    for attribute in sorted(own, key=lambda one: one.derived):
        tests += _by_value(state, table, args, attribute)
    if q := (args.get("q") or "").strip().lower():
        tests.append(lambda row: _mentions(state, table, row, q))
    return tests + _special(state, table, args)


def _by_status(state: GeckoTables, table: str, args: Args) -> list[Test]:
    """Archived rows only on demand; ended orders and parcels by switch (2.10)."""
    attribute = RESOURCES[table].attributes.get("status")
    if attribute is None:
        return []
    statuses = wanted(args, "status") if attribute.filtered else set()
    if statuses:
        return [lambda row: row["status"] in statuses]
    hidden = ("archived",) if state.list_ended else ("archived", *ENDED)
    return [lambda row: row["status"] not in hidden]


def _by_value(state: GeckoTables, table: str, args: Args, attribute: Attribute) -> list[Test]:
    values = wanted(args, attribute.name, whole=attribute.kind in WHOLE and attribute.target != "price_lists")
    if not values:
        return []
    if attribute.kind == "yesno":
        sides = {yes_no(one) for one in values}
        return [lambda row: bool(value(state, table, row, attribute)) in sides]
    if attribute.kind == "texts":
        return [lambda row: bool(values & set(row[attribute.name]))]
    if attribute.kind == "joined":
        return [lambda row: bool(values & {one.strip() for one in (row[attribute.name] or "").split(",")})]
    return [lambda row: str(value(state, table, row, attribute)) in values]


def _special(state: GeckoTables, table: str, args: Args) -> list[Test]:
    """Filters that are no attribute of the row."""
    tests: list[Test] = []
    if table == "order_line_items" and (statuses := wanted(args, "order_status")):
        orders = state.tables["orders"]
        tests.append(lambda row: orders[row["order_id"]]["status"] in statuses)
    if table == "variants" and (places := wanted(args, "stock_location_id", whole=True)):
        tests.append(lambda row: any(str(place) in places for place in state.stock.get(row["id"], {})))
    if table == "orders" and state.index_lag:
        latest = stamp(datetime.now(UTC) - timedelta(seconds=state.index_lag))
        tests.append(lambda row: row["created_at"] <= latest)
    return tests


def _mentions(state: GeckoTables, table: str, row: Row, q: str) -> bool:
    """Free-text search: any of the row's texts, and for a variant its product's name."""
    texts = [row[one.name] for one in RESOURCES[table].attributes.values() if one.kind == "text" and not one.derived]
    if table == "variants":
        texts.append(state.tables["products"][row["product_id"]]["name"])
    return any(q in text.lower() for text in texts if isinstance(text, str))


# --- order ------------------------------------------------------------------------------------------------------


def _ordered(table: str, rows: list[Row], order: str) -> list[Row]:
    """Most recent first, lines by position; `order=updated_at asc` says otherwise."""
    column, _, direction = order.replace("+", " ").strip().partition(" ")
    attribute = RESOURCES[table].attributes.get(column)
    if column in ("id", "created_at", "updated_at") or (attribute and _sortable(attribute)):
        decimal = attribute is not None and attribute.kind == "decimal"
        down = direction.strip().lower() == "desc"
        return sorted(rows[::-1] if down else rows, key=lambda row: _key(row[column], decimal), reverse=down)
    if table.endswith("line_items"):
        return sorted(rows, key=lambda row: (row["position"] or 0, row["id"]))
    return rows[::-1]


def _sortable(attribute: Attribute) -> bool:
    return not attribute.derived and attribute.kind not in ("texts", "object", "prices")


def _key(found: Any, decimal: bool) -> tuple[bool, Any]:
    """Nulls first. Rows of one table can have numbers and words for ids."""
    if found is None:
        return (False, "")
    if decimal:
        return (True, Decimal(found))
    return (True, f"{found:020}" if isinstance(found, int) else str(found))
