"""Rules for sales orders: created in one call, from draft to fulfilled, ended by void (tradegecko 3.10, 4)."""

from __future__ import annotations

from integrations.sandbox import gecko_lines, gecko_parcels, gecko_parties, gecko_stock
from integrations.sandbox.gecko_checks import accepted, nested
from integrations.sandbox.gecko_stock import in_parcels
from integrations.sandbox.gecko_tables import ENDED, GeckoTables
from integrations.sandbox.gecko_values import BLANK, Invalid, Row

NESTED = {"company": "companies", "shipping_address": "addresses", "billing_address": "addresses"}


def create(state: GeckoTables, given: Row) -> Row:
    """An order with its lines and, where they are nested, a new company and new addresses."""
    given = _with_nested(state, given)
    values = accepted(state, "orders", given, creating=True)
    _check(state, values, {})
    order = state.add("orders", **_completed(state, values, given))
    for line in nested(given, "order_line_items"):
        gecko_lines.append(state, order, line, with_order=True)
    _moved(state, order, "draft")
    return order


def update(state: GeckoTables, order: Row, given: Row) -> None:
    """What is absent stays; nested lines are added to those that are there (5.7)."""
    values = accepted(state, "orders", _known_status(order, given), creating=False)
    _check(state, values, order)
    was: str = order["status"]
    _check_move(state, order, values.get("status") or was)
    state.change(order, **values)
    for line in nested(given, "order_line_items"):
        gecko_lines.append(state, order, line)
    _moved(state, order, was)


def delete(state: GeckoTables, order: Row) -> None:
    """A draft becomes deleted, what was active becomes void; what has ended stays as it is (2.10)."""
    if order["status"] in ENDED:
        return
    if not state.void_shipped and any(in_parcels(state, one["id"], gecko_stock.SHIPPED) for one in lines(state, order)):
        raise Invalid(base="Order has shipped goods")
    for parcel in state.children("fulfillments", "order_id", order["id"]):
        if parcel["status"] == "packed":
            gecko_parcels.end(state, parcel, "void")
    state.change(order, status="deleted" if order["status"] == "draft" else "void")
    gecko_stock.touch(state, variants(state, order))


def lines(state: GeckoTables, order: Row) -> list[Row]:
    """The order's lines by position."""
    found = state.children("order_line_items", "order_id", order["id"])
    return sorted(found, key=lambda row: (row["position"], row["id"]))


def variants(state: GeckoTables, order: Row) -> list[int | None]:
    return [line["variant_id"] for line in state.children("order_line_items", "order_id", order["id"])]


def next_number(state: GeckoTables) -> str:
    """The order number that the next order without one gets."""
    taken = {row["order_number"] for row in state.tables["orders"].values()}
    count = len(taken) + 1
    while f"SO{count:04}" in taken:
        count += 1
    return f"SO{count:04}"


# --- creation ---------------------------------------------------------------------------------------------------


def _with_nested(state: GeckoTables, given: Row) -> Row:
    """The body with ids in place of nested records, which are created whether or not there are equal ones."""
    given = dict(given)
    for name, table in NESTED.items():
        inner = given.pop(name, None)
        if inner is None or given.get(f"{name}_id"):
            continue
        if not isinstance(inner, dict):
            raise Invalid(**{name: "is invalid"})
        if table == "addresses":
            inner = {**inner, "company_id": given.get("company_id")}
        given[f"{name}_id"] = gecko_parties.create(state, table, inner)["id"]
    return given


def _completed(state: GeckoTables, values: Row, given: Row) -> Row:
    """What the client left out, from the company or the account."""
    company = state.tables["companies"][values["company_id"]]
    account = state.account
    standard: Row = {
        "billing_address_id": values["shipping_address_id"],
        "stock_location_id": company["default_stock_location_id"] or account["primary_location_id"],
        "currency_id": account["default_currency_id"],
        "default_price_list_id": company["default_price_list_id"] or account["default_order_price_list_id"],
        "tax_treatment": account["default_tax_treatment"],
    }
    if given.get("currency_iso"):
        standard["currency_id"] = _currency(state, str(given["currency_iso"]))
    if not values.get("order_number"):
        values = {**values, "order_number": next_number(state)}
    return {**standard, **values}


def _currency(state: GeckoTables, iso: str) -> int:
    for row in state.tables["currencies"].values():
        if row["iso"].upper() == iso.upper() and row["status"] == "active":
            return int(row["id"])
    raise Invalid(currency_id=BLANK)


def _check(state: GeckoTables, values: Row, row: Row) -> None:
    company = values.get("company_id", row.get("company_id"))
    for name in ("shipping_address_id", "billing_address_id"):
        address = state.tables["addresses"].get(values.get(name))
        if address is not None and address["company_id"] != company:
            raise Invalid(**{name: "is invalid"})
    number = values.get("order_number")
    if state.reject_duplicate_order_numbers and number and number != row.get("order_number"):
        living = (one for one in state.tables["orders"].values() if one["status"] not in ENDED)
        if any(one["order_number"] == number for one in living):
            raise Invalid(order_number="has already been taken")


# --- from one status to the next --------------------------------------------------------------------------------


def _known_status(order: Row, given: Row) -> Row:
    """Clients send back what they read: the status that the order has is no change."""
    return {name: value for name, value in given.items() if name != "status" or value != order["status"]}


def _check_move(state: GeckoTables, order: Row, status: str) -> None:
    """Void, deleted and fulfilled are left by nothing; back from finalized only while nothing was done with it (9)."""
    was = order["status"]
    if status == was:
        return
    if was in (*ENDED, "fulfilled"):
        raise Invalid(status=f"cannot change from {was}")
    begun = [row for table in ("fulfillments", "invoices") for row in state.children(table, "order_id", order["id"])]
    if was == "finalized" and any(row["status"] not in ENDED for row in begun):
        raise Invalid(status="cannot change once goods are packed or invoiced")


def _moved(state: GeckoTables, order: Row, was: str) -> None:
    gecko_stock.touch(state, variants(state, order) if order["status"] != "draft" else [])
    if order["status"] == "finalized" != was:
        state.announce("order.finalized", order)
