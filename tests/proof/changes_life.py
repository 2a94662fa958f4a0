"""A life of changes: orders that are older than an idempotency key, cancelled, changed and short shipped after sending.

Crossdock signs in as an OAuth application, whose access token ends on the way.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.installation import set_up
from integrations.sandbox.server import Sandbox
from tests.proof.life import EVERYTHING, Act, Life, World, ship

# VOIDED is cancelled as a whole, EMPTIED line by line; FOUND was sent by a database that is lost, and is short shipped
# as a whole; SHORT loses a line that way.
VOIDED, FOUND, EMPTIED, CHANGED, SHORT = "800-1", "801-1", "802-1", "803-1", "804-1"
LINES = {
    VOIDED: [("RUG-5X8", 1)],
    FOUND: [("CHAIR-ASH", 2)],
    EMPTIED: [("PILLOW-DN", 1), ("MUG-BLK", 1)],
    CHANGED: [("MUG-BLK", 2), ("TEE-RED-M", 1)],
    SHORT: [("MUG-BLK", 3), ("TEE-RED-M", 2)],
}
AGE = timedelta(hours=25)
RULES = ["--cancels-after-sending", "do", "--short-ship-reason", "OUT_OF_STOCK=Out of stock"]


def preparations(box: Sandbox, _folder: Path) -> list[list[str]]:
    at = datetime.now(UTC) - AGE
    for number, lines in LINES.items():
        made = ({"partner_sku": sku, "quantity": units} for sku, units in lines)
        box.oasis.add_order(*made, number=number, ordered_at=at, created_at=at)
    _send_from_a_lost_database(box)
    market, _, route = set_up(box)
    gecko = [
        "connect", "tradegecko", "Gecko", "--oauth-application", box.tradegecko.oauth.client_id,
        "--oauth-secret-env", "GECKO_APPLICATION", "--refresh-token-env", "GECKO_REFRESH",
        "--base-url", box.tradegecko_url,
    ]  # fmt: skip
    earliest = (at - timedelta(hours=8)).date().isoformat()  # the marketplace's clock is behind ours
    return [market, gecko, [*route, *RULES, "--earliest-order-date", earliest], ["run", "pull_orders"]]


def _send_from_a_lost_database(box: Sandbox) -> None:
    """The warehouse has forgotten the key by now."""
    gecko = box.tradegecko
    [company] = gecko.tables["companies"]
    variants = {row["sku"]: row["id"] for row in gecko.tables["variants"].values()}
    lines = [
        {"variant_id": variants[sku], "quantity": str(units), "price": "10", "line_type": "product"}
        for sku, units in LINES[FOUND]
    ]
    street = {
        "address1": "12 Mill Lane", "city": "Boise", "zip_code": "83702", "country_code": "US", "label": FOUND,
    }  # fmt: skip
    gecko.create_order({
        "company_id": company, "status": "active", "order_number": FOUND, "reference_number": FOUND,
        "shipping_address": street, "order_line_items": lines, "issued_at": "2026-01-02",
    })  # fmt: skip


def _nothing(_box: Sandbox) -> None:
    return


def _token_ends(box: Sandbox) -> None:
    """Before its time, as far as we know."""
    box.tradegecko.oauth.expire()


def _some_is_cancelled_or_changed(box: Sandbox) -> None:
    box.oasis.cancel(VOIDED)
    box.oasis.cancel(EMPTIED, "1")
    box.oasis.cancel(CHANGED, "2")
    box.oasis.edit(CHANGED, "1", quantity=3)
    box.oasis.edit(CHANGED, address={"address1": "9 New Street"})
    box.oasis.add_line(CHANGED, {"partner_sku": "THROW-WL", "quantity": 1})


def _last_line_is_cancelled(box: Sandbox) -> None:
    box.oasis.cancel(EMPTIED, "2")


def _the_rest_leaves(box: Sandbox) -> None:
    ship(box, CHANGED, "1Z-CHANGED", {"MUG-BLK": 3, "THROW-WL": 1})
    ship(box, SHORT, "1Z-SHORT", {"MUG-BLK": 3})


RELEASED = (EMPTIED, CHANGED, SHORT)
HELD = tuple(("hold", number) for number in RELEASED)
# Of two old orders each is looked up, of three all together.
ACTS = (
    Act("two old orders are sent, one of which is there", _nothing, ("submit_orders",)),
    Act(
        "three old orders are released, the token ends", _token_ends, ("submit_orders",),
        tuple(("release", number) for number in RELEASED),
    ),
    Act(
        "some is cancelled or changed after sending", _some_is_cancelled_or_changed, ("revisit_orders", "submit_orders")
    ),
    Act(
        "an update and two short ships are asked for, the last line of an order is cancelled", _last_line_is_cancelled,
        ("revisit_orders", "submit_orders", "confirm_shipments"),
        (("amend", CHANGED), ("short ship", SHORT, "2"), ("short ship", FOUND, "1")),
    ),
)  # fmt: skip

RIGHT: World = {
    "customers": ["Overstock.com"],
    "placed": [
        (CHANGED, "9 New Street", [("MUG-BLK", "3.0"), ("THROW-WL", "1.0")]),
        (SHORT, "12 Mill Lane", [("MUG-BLK", "3.0")]),
    ],
    "told": {
        VOIDED: [],
        FOUND: [],
        EMPTIED: [],
        CHANGED: [("1", 3, "1Z-CHANGED"), ("3", 1, "1Z-CHANGED")],
        SHORT: [("1", 3, "1Z-SHORT")],
    },
    "short shipped": {FOUND: ["1"], SHORT: ["2"]},
    "quantities": {"CHAIR-ASH": 18, "MUG-BLK": 114, "PILLOW-DN": 200, "RUG-5X8": 12, "TEE-RED-M": 60, "THROW-WL": 32},
}
STATUSES = {
    VOIDED: "cancelled", FOUND: "cancelled", EMPTIED: "cancelled", CHANGED: "confirmed", SHORT: "confirmed",
}  # fmt: skip
AFTERWARDS = Act("what is left leaves, and one whole cycle more", _the_rest_leaves, EVERYTHING)
CHANGES = Life(preparations, ACTS, AFTERWARDS, RIGHT, STATUSES, HELD, (VOIDED, FOUND, EMPTIED))
