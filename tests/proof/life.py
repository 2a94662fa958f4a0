"""A life to be disturbed: orders come, one is cancelled, parcels leave in two lots; and what is right in the end.

Both proofs of this folder play it: one kills the process that works on it, the other has the outside world fail. A
second one, of changes, is in `changes_life`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.installation import set_up
from integrations.sandbox.gecko_state import GeckoState
from integrations.sandbox.gecko_tables import ENDED
from integrations.sandbox.oasis_state import OasisState
from integrations.sandbox.server import Sandbox

PLAIN, KIT, CANCELLED = "700-1", "701-1", "702-1"
ALIASES = "marketplace_sku,warehouse_sku,units\nSET,CHAIR-ASH,4\nSET,TABLE-ASH,1\nMUG,MUG-BLK,1\n"
SHIPPING = ("pull_shipments", "confirm_shipments", "pull_levels", "publish_inventory")
EVERYTHING = ("pull_orders", "submit_orders", *SHIPPING)

World = dict[str, Any]
Snapshot = tuple[OasisState, GeckoState]


def preparations(box: Sandbox, folder: Path) -> list[list[str]]:
    """The commands that come before the first order. TradeGecko does not know the customer: we create it."""
    box.tradegecko.tables["companies"].clear()
    aliases = folder / "aliases.csv"
    aliases.write_text(ALIASES)
    return [*set_up(box), ["import_aliases", "Overstock", str(aliases)], ["run", "pull_orders"]]


@dataclass(frozen=True, slots=True)
class Act:
    """Something happens outside, our staff decide (`clerk.decide`); then our jobs run, in this order."""

    name: str
    happens: Callable[[Sandbox], None]
    jobs: tuple[str, ...]
    decides: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Life:
    """The commands and decisions that come first, what then happens, and what is right after `afterwards`.

    `right` is what both systems hold then (`world`), `statuses` are those of our orders, `voided` those that ended in the
    warehouse where nothing failed.
    """

    prepare: Callable[[Sandbox, Path], list[list[str]]]
    acts: tuple[Act, ...]
    afterwards: Act
    right: World
    statuses: dict[str, str]
    decided: tuple[tuple[str, ...], ...] = ()
    voided: tuple[str, ...] = ()


def _orders_come(box: Sandbox) -> None:
    mug = {"partner_sku": "MUG", "quantity": 2}
    kit = [{"partner_sku": "SET"}, {"partner_sku": "TEE-RED-M", "quantity": 3}]
    at = datetime.now(UTC) - timedelta(minutes=1)
    for number, lines in ((PLAIN, [mug]), (KIT, kit), (CANCELLED, [{"partner_sku": "THROW-WL"}])):
        box.oasis.add_order(*lines, number=number, ordered_at=at, created_at=at)


def _one_is_cancelled(box: Sandbox) -> None:
    box.oasis.cancel(CANCELLED)


def _first_parcels(box: Sandbox) -> None:
    ship(box, PLAIN, "1Z-PLAIN", {"MUG-BLK": 2})
    ship(box, KIT, "1Z-FIRST", {"CHAIR-ASH": 4, "TEE-RED-M": 1})


def _last_parcel(box: Sandbox) -> None:
    ship(box, KIT, "1Z-SECOND", {"TABLE-ASH": 1, "TEE-RED-M": 2})
    box.tradegecko.set_stock("MUG-BLK", 50)


def _nothing(_box: Sandbox) -> None:
    return


ACTS = (
    Act("orders come", _orders_come, ("pull_orders",)),
    Act("one is cancelled, the others are sent", _one_is_cancelled, ("submit_orders",)),
    Act("the first parcels leave", _first_parcels, SHIPPING),
    Act("the last parcel leaves, stock is counted", _last_parcel, SHIPPING),
)
AFTERWARDS = Act("one whole cycle more", _nothing, EVERYTHING)

# What both systems must hold in the end: every order once, every parcel once, nothing of the cancelled one.
RIGHT: World = {
    "customers": ["Overstock.com"],
    "placed": [
        (PLAIN, "12 Mill Lane", [("MUG-BLK", "2.0")]),
        (KIT, "12 Mill Lane", [("CHAIR-ASH", "4.0"), ("TABLE-ASH", "1.0"), ("TEE-RED-M", "3.0")]),
    ],
    "told": {
        PLAIN: [("1", 2, "1Z-PLAIN")],
        KIT: [("1", 1, "1Z-SECOND"), ("2", 1, "1Z-FIRST"), ("2", 2, "1Z-SECOND")],
        CANCELLED: [],
    },
    "short shipped": {},
    "quantities": {"MUG": 50, "SET": 3, "TEE-RED-M": 57, "THROW-WL": 33},
}
ORDERS = Life(preparations, ACTS, AFTERWARDS, RIGHT, {PLAIN: "confirmed", KIT: "confirmed", CANCELLED: "cancelled"})


def world(box: Sandbox) -> World:
    """What the two systems hold now, in the form of RIGHT."""
    gecko, oasis = box.tradegecko, box.oasis
    return {
        "customers": [row["name"] for row in gecko.tables["companies"].values()],
        "placed": sorted(
            (order["reference_number"], _street(gecko, order), _lines(gecko, order["id"]))
            for order in gecko.orders.values() if order["status"] not in ENDED
        ),
        "told": {
            number: sorted((line, one.quantity, one.tracking_number) for line, one in oasis.shipments(number))
            for number in oasis.orders
        },
        "short shipped": {
            number: [line.number for line in order.lines if line.short_ship_reason]
            for number, order in oasis.orders.items() if any(line.short_ship_reason for line in order.lines)
        },
        "quantities": {sku: quantity for (sku, _), quantity in sorted(oasis.quantities.items())},
    }  # fmt: skip


def ended(box: Sandbox) -> list[str]:
    """The numbers of all orders that were voided in the warehouse."""
    return sorted(row["reference_number"] for row in box.tradegecko.orders.values() if row["status"] in ENDED)


def secrets(box: Sandbox) -> dict[str, str]:
    """The environment of the commands that prepare a life."""
    application = box.tradegecko.oauth
    return {
        "OASIS_PASSWORD": box.oasis.password, "GECKO_TOKEN": box.tradegecko.token,
        "GECKO_APPLICATION": application.client_secret, "GECKO_REFRESH": application.refresh_token,
    }  # fmt: skip


def snapshot(box: Sandbox) -> Snapshot:
    return deepcopy((box.oasis, box.tradegecko))


def set_back(box: Sandbox, then: Snapshot) -> None:
    """Both systems are as they were; faults are off, and no call was made yet."""
    box.oasis, box.tradegecko = deepcopy(then)
    box.faults.clear()
    box.log.clear()


def ship(box: Sandbox, number: str, tracking: str, units: dict[str, int]) -> None:
    """A parcel of the one living order of this number, with these units by SKU."""
    [order] = box.tradegecko.by_reference(number)
    skus = {row["id"]: _sku(box.tradegecko, row) for row in box.tradegecko.lines(order["id"])}
    box.tradegecko.ship(
        order["id"], {line: units[sku] for line, sku in skus.items() if sku in units}, tracking=tracking
    )


def _street(gecko: GeckoState, order: dict[str, Any]) -> str:
    return str(gecko.tables["addresses"][order["shipping_address_id"]]["address1"])


def _lines(gecko: GeckoState, order_id: int) -> list[tuple[str, str]]:
    return sorted((_sku(gecko, row), row["quantity"]) for row in gecko.lines(order_id))


def _sku(gecko: GeckoState, line: dict[str, Any]) -> str:
    return str(gecko.tables["variants"][line["variant_id"]]["sku"])
