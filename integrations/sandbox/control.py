"""The sandbox's control address: look at both worlds, do what people there do, switch faults (docs/sandbox.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Container
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from integrations.sandbox import control_names, gecko_parcels
from integrations.sandbox.faults import names
from integrations.sandbox.gecko_state import GeckoState
from integrations.sandbox.gecko_values import Invalid, Problem, Row
from integrations.sandbox.oasis_state import SWITCHES, OasisState

if TYPE_CHECKING:
    from integrations.sandbox.server import Sandbox


def handle(box: Sandbox, request: Request) -> Response:
    """One control request. The caller holds the world's lock."""
    what = request.path.removeprefix("/_sandbox/").strip("/")
    try:
        given = json.loads(request.get_data() or b"{}")
        control_names.check(what, given)
        return _json(_do(box, request.method, what, given))
    except KeyError as exc:
        return _json({"error": f"{exc} is missing or unknown"}, 400)
    except Problem as exc:
        return _json({"error": exc.args[1]["message"]}, 400)
    except (ValueError, TypeError, Invalid) as exc:
        return _json({"error": str(exc)}, 400)


def _do(box: Sandbox, method: str, what: str, given: dict[str, Any]) -> Any:
    return _look(box, what) if method == "GET" else _change(box, method, what, given)


def _look(box: Sandbox, what: str) -> Any:
    match what:
        case "state":
            return _state(box)
        case "calls":
            return {system: len(box.calls(system)) for system in ("oasis", "tradegecko")}
        case "settings":
            oasis = {name: getattr(box.oasis, name) for name in SWITCHES}
            return {"oasis": oasis, "tradegecko": box.tradegecko.switches()}
        case "faults":
            return {"known": names(), "on": [asdict(fault) for fault in box.faults.table if fault.times]}
    raise ValueError(f"no GET {what}")


def _change(box: Sandbox, method: str, what: str, given: dict[str, Any]) -> Any:
    match (method, what):
        case ("POST", "faults"):
            box.faults.add(given.pop("system"), given.pop("name"), **given)
        case ("DELETE", "faults"):
            box.faults.clear(**given)
        case ("POST", _) if what in RETAILER:
            return _retailer(box.oasis, what, given)
        case ("POST", _) if what in WAREHOUSE:
            return WAREHOUSE[what](box.tradegecko, given) or {"ok": True}
        case ("POST", "settings"):
            _settings(box, given)
        case _:
            raise ValueError(f"no {method} {what}")
    return {"ok": True}


RETAILER = ("orders", "orders/edit", "orders/remove", "orders/lines/add", "orders/lines/remove", "cancel", "listings")


def _retailer(oasis: OasisState, what: str, given: dict[str, Any]) -> Any:
    """What the retailer does on Overstock's side; fields are those of OasisState's methods."""
    match what:
        case "orders":
            return {"number": oasis.add_order(*given.pop("lines"), **given)}
        case "orders/edit":
            oasis.edit(**given)
        case "orders/remove":
            oasis.remove(given["number"])
        case "orders/lines/add":
            return {"line": oasis.add_line(given["number"], given["line"])}
        case "orders/lines/remove":
            oasis.remove_line(given["number"], given["line"])
        case "cancel":
            oasis.cancel(given["number"], given.get("line", ""))
        case "listings":
            oasis.add_listing(**given)
    return {"ok": True}


# --- what the warehouse's staff do ------------------------------------------------------------------------------


def _ship(gecko: GeckoState, given: dict[str, Any]) -> dict[str, Any]:
    order = _order(gecko, given)
    quantities = given.pop("quantities", None)
    lines = {int(line): units for line, units in quantities.items()} if quantities else None
    return {"fulfillment_id": gecko.ship(order["id"], lines, **given)}


def _stock(gecko: GeckoState, given: dict[str, Any]) -> None:
    gecko.set_stock(given["sku"], given["quantity"], location=given.get("location", ""))


def _void(gecko: GeckoState, given: dict[str, Any]) -> None:
    gecko.void(_order(gecko, given))


def _void_parcel(gecko: GeckoState, given: dict[str, Any]) -> None:
    gecko.void_parcel(_row(gecko, "fulfillments", given.pop("fulfillment_id")))


def _change_parcel(gecko: GeckoState, given: dict[str, Any]) -> None:
    gecko.change_parcel(_row(gecko, "fulfillments", given.pop("fulfillment_id")), **given)


def _add_line(gecko: GeckoState, given: dict[str, Any]) -> dict[str, Any]:
    return {"line_id": gecko.add_line(_order(gecko, given), **given)["id"]}


def _change_line(gecko: GeckoState, given: dict[str, Any]) -> None:
    gecko.change_line(_row(gecko, "order_line_items", given.pop("line_id")), **given)


def _delete_line(gecko: GeckoState, given: dict[str, Any]) -> None:
    gecko.delete_line(_row(gecko, "order_line_items", given.pop("line_id")))


def _expire_tokens(gecko: GeckoState, _given: dict[str, Any]) -> None:
    gecko.oauth.expire()


WAREHOUSE: dict[str, Callable[[GeckoState, dict[str, Any]], dict[str, Any] | None]] = {
    "ship": _ship,
    "stock": _stock,
    "void": _void,
    "parcels/void": _void_parcel,
    "parcels/edit": _change_parcel,
    "lines/add": _add_line,
    "lines/edit": _change_line,
    "lines/remove": _delete_line,
    "tokens/expire": _expire_tokens,
}


def _order(gecko: GeckoState, given: dict[str, Any]) -> Row:
    """An order by its TradeGecko id, or by its reference number."""
    reference, identity = given.pop("reference", ""), given.pop("order_id", 0)
    if identity:
        return _row(gecko, "orders", identity)
    found = gecko.by_reference(reference)
    if not found:
        raise ValueError(f"TradeGecko has no living order with reference {reference!r}")
    return found[0]


def _row(gecko: GeckoState, table: str, identity: object) -> Row:
    row = gecko.find(table, identity)
    if row is None:
        raise ValueError(f"TradeGecko has nothing with id {identity} in {table}")
    return row


def _settings(box: Sandbox, given: dict[str, Any]) -> None:
    box.oasis.switch(**given.pop("oasis", {}))
    box.tradegecko.switch(**given.pop("tradegecko", {}))


def _state(box: Sandbox) -> dict[str, Any]:
    gecko = box.tradegecko
    living = {order["id"] for order in gecko.living()}
    return {
        "oasis": box.oasis.view(),
        "tradegecko": {
            "orders": [
                {**order, "lines": gecko.lines(order["id"]), "to_ship": _to_ship(gecko, order, living)}
                for order in gecko.orders.values()
            ],
            "fulfillments": list(gecko.tables["fulfillments"].values()),
        },
    }


def _to_ship(gecko: GeckoState, order: Row, living: Container[object]) -> int:
    """Units that are in no parcel; part of one is left out."""
    return int(sum(gecko_parcels.left(gecko, order).values())) if order["id"] in living else 0


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, default=str), status, mimetype="application/json")
