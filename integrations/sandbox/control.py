"""The sandbox's control address: look at both worlds, add orders, ship, change stock, switch faults. JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from integrations.sandbox.faults import names
from integrations.sandbox.gecko_state import Invalid
from integrations.sandbox.oasis_state import OasisState

if TYPE_CHECKING:
    from integrations.sandbox.server import Sandbox

SETTINGS = {
    "tradegecko": (
        "limit", "clamp_page_size", "reject_duplicate_order_numbers", "sideload_lines", "finalize_before_packing",
    ),
}  # fmt: skip


def handle(box: Sandbox, request: Request) -> Response:
    """One control request. The caller holds the world's lock."""
    what = request.path.removeprefix("/_sandbox/").strip("/")
    try:
        given = json.loads(request.get_data() or b"{}")
        return _json(_do(box, request.method, what, given))
    except (KeyError, ValueError, TypeError, StopIteration, Invalid) as exc:
        return _json({"error": f"{type(exc).__name__}: {exc}"}, 400)


def _do(box: Sandbox, method: str, what: str, given: dict[str, Any]) -> Any:
    return _look(box, what) if method == "GET" else _change(box, method, what, given)


def _look(box: Sandbox, what: str) -> Any:
    match what:
        case "state":
            return _state(box)
        case "calls":
            return {system: len(box.calls(system)) for system in ("oasis", "tradegecko")}
        case "faults":
            return {"known": names(), "on": [asdict(fault) for fault in box.faults.table if fault.times]}
    raise ValueError(f"no GET {what}")


def _change(box: Sandbox, method: str, what: str, given: dict[str, Any]) -> Any:
    match (method, what):
        case ("POST", "faults"):
            box.faults.add(given.pop("system"), given.pop("name"), **given)
        case ("DELETE", "faults"):
            box.faults.clear()
        case ("POST", "orders" | "orders/edit" | "orders/remove" | "cancel" | "listings"):
            return _retailer(box.oasis, what, given)
        case ("POST", "ship"):
            return {"fulfillment_id": _ship(box, given)}
        case ("POST", "stock"):
            box.tradegecko.set_stock(given["sku"], given["quantity"], location=given.get("location", "Main DC"))
        case ("POST", "settings"):
            _settings(box, given)
        case _:
            raise ValueError(f"no {method} {what}")
    return {"ok": True}


def _retailer(oasis: OasisState, what: str, given: dict[str, Any]) -> Any:
    """What the retailer does on Overstock's side; fields are those of OasisState's methods."""
    match what:
        case "orders":
            return {"number": oasis.add_order(*given.pop("lines"), **given)}
        case "orders/edit":
            oasis.edit(**given)
        case "orders/remove":
            oasis.remove(given["number"])
        case "cancel":
            oasis.cancel(given["number"], given.get("line", ""))
        case "listings":
            oasis.add_listing(**given)
    return {"ok": True}


def _ship(box: Sandbox, given: dict[str, Any]) -> int:
    """Ship an order by its TradeGecko id, or by its reference number."""
    reference = given.pop("reference", "")
    order_id = given.pop("order_id", 0) or box.tradegecko.by_reference(reference)[0]["id"]
    quantities = given.pop("quantities", None)
    lines = {int(line): units for line, units in quantities.items()} if quantities else None
    return box.tradegecko.ship(order_id, lines, **given)


def _settings(box: Sandbox, given: dict[str, Any]) -> None:
    worlds = {"tradegecko": box.tradegecko}
    box.oasis.switch(**given.pop("oasis", {}))
    for system, values in given.items():
        for name, value in values.items():
            if name not in SETTINGS[system]:
                raise ValueError(f"no setting {name} of {system}")
            setattr(worlds[system], name, value)


def _state(box: Sandbox) -> dict[str, Any]:
    gecko = box.tradegecko
    return {
        "oasis": box.oasis.view(),
        "tradegecko": {
            "orders": [{**order, "lines": gecko.lines(order["id"])} for order in gecko.orders.values()],
            "fulfillments": list(gecko.tables["fulfillments"].values()),
        },
    }


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, default=str), status, mimetype="application/json")
