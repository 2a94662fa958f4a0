"""What Overstock must show, reckoned from the two systems and from the rules alone (product 6).

Crossdock is asked only which line of an order it sent as which.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import floor
from types import MappingProxyType
from typing import Any

from integrations.sandbox.gecko_values import Row
from integrations.sandbox.oasis_state import Order
from integrations.sandbox.server import Sandbox
from orders.models import SubmittedLine

MAIN, EAST = "Main DC", "East Store"
# By what aliases call it: the partner SKU and, where Overstock has one, the option SKU that orders name it by.
GOODS = {
    "MUG-BLK": ("MUG-BLK", ""), "THREE-MUGS": ("THREE-MUGS", ""), "TEE-RED-M": ("TEE-RED-M", ""),
    "SIX-PILLOWS": ("SIX-PILLOWS", "30-SIX"), "DINING-SET": ("DINING-SET", ""), "MYSTERY-9": ("MYSTERY-9", ""),
    "TEA": ("TEA", "30-TEA"), "HAMPER-ETC": ("HAMPER-ETC", ""), "CARD": ("CARD", ""), "30-VASE": ("VASE", "30-VASE"),
}  # fmt: skip
ALIASES: dict[str, dict[str, int]] = {
    "THREE-MUGS": {"MUG-BLK": 3}, "SIX-PILLOWS": {"PILLOW-DN": 6}, "DINING-SET": {"CHAIR-ASH": 4, "TABLE-ASH": 1},
    "TEA": {"TEA-BOX": 1}, "HAMPER-ETC": {"HAMPER": 1, "MUG-BLK": 1}, "CARD": {"GIFT-CARD": 1},
    "30-VASE": {"VASE-BLU": 1},
}  # fmt: skip
BUNDLES = {"TEA-BOX": {"MUG-BLK": 4, "THROW-WL": 1}, "HAMPER": {"TEA-BOX": 2, "PILLOW-DN": 1}}
SHELVED = ("MUG-BLK", "TEE-RED-M", "PILLOW-DN", "CHAIR-ASH", "TABLE-ASH", "THROW-WL", "VASE-BLU")
SHARE = Decimal("0.0001")  # to which TradeGecko tells what there is of a bundle


@dataclass(frozen=True)
class Terms:
    """What staff set for a route, or (as far as it is not None) for one listing of it."""

    reserve: int | None = None
    minimum: int | None = None
    cap: int | None = None
    fixed: int | None = None
    is_silent: bool | None = None

    def before(self, other: Terms) -> Terms:
        """These, and where they say nothing the other ones."""
        own = {name: value for name, value in vars(self).items() if value is not None}
        return replace(other, **own)


@dataclass
class Outlet:
    """A warehouse as the marketplace calls it, and whose shelves it sells from; the first place ships."""

    name: str
    places: tuple[str, ...]
    terms: Terms = field(default_factory=Terms)
    own: dict[str, Terms] = field(default_factory=dict)
    untracked: int = 50

    def terms_of(self, sku: str) -> Terms:
        return self.own.get(sku, Terms()).before(self.terms)


class Count:
    """Everything counted at one moment, but for some orders on Overstock. Units are by warehouse SKU and place.

    `over` is what lay on the shelves beyond what lies there now. `is_noticed`: what is sold beyond what TradeGecko was
    sent of an order, or has voided, is known.
    """

    def __init__(
        self, box: Sandbox, outlets: Collection[Outlet], aliases: Mapping[str, Mapping[str, int]],
        but: Collection[str] = (), over: Mapping[tuple[str, str], Decimal] = MappingProxyType({}),
        *, is_noticed: bool = True,
    ) -> None:  # fmt: skip
        self._gecko, self._oasis, self._aliases = box.tradegecko, box.oasis, aliases
        self._but, self._over = but, over
        self._ships = {one.name: one.places[0] for one in outlets}
        self._labels = {row["id"]: row["label"] for row in self._gecko.tables["locations"].values()}
        self._variants = {row["sku"]: row for row in self._gecko.tables["variants"].values()}
        self._skus = {row["id"]: sku for sku, row in self._variants.items()}
        self._committed, self._waiting = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        self._left_for_orders = Counter[tuple[str, str]]()
        self.placed = {row["reference_number"]: row for row in self._gecko.orders.values()}
        self._count()
        for order in self._oasis.orders.values() if is_noticed else ():
            if order.number in self.placed:
                self._beyond(self._waiting, order, self.placed[order.number])

    def quantity(self, outlet: Outlet, sku: str, again: Collection[str] = ()) -> int | None:
        """What is to be shown; None: whatever it was. The units of the orders `again` are taken off once more."""
        terms, parts = outlet.terms_of(sku), self.parts(*GOODS[sku])
        if terms.is_silent:
            return None
        if not parts:
            return 0
        if terms.fixed is not None:
            return terms.fixed
        more = self._taken_by(again)
        kept = terms.reserve or 0
        sells = [self._left(outlet, part, more, kept) // units for part, units in parts.items() if self._tracks(part)]
        capped = min([min(sells, default=outlet.untracked), *([] if terms.cap is None else [terms.cap])])
        return 0 if capped < (terms.minimum or 0) else capped

    def parts(self, partner: str, option: str) -> dict[str, int]:
        """What a unit takes, bundles and what is in them alike; empty where nobody knows."""
        given = self._aliases.get(option) or self._aliases.get(partner)
        identity = {partner: 1} if partner in self._variants else {}
        found = Counter[str]()
        for sku, units in (given or identity).items():
            for part, number in self._inside(sku, units):
                found[part] += number
        return dict(found)

    def available(self, sku: str, place: str, more: Mapping[tuple[str, str], int] = MappingProxyType({})) -> Decimal:
        """As TradeGecko tells it: a bundle is as many as its scarcest component allows there, in fractions.

        With `more`, as it would tell once these units are committed, too.
        """
        if sku in BUNDLES:
            shares = (self.available(part, place, more) / units for part, units in BUNDLES[sku].items())
            return min(share.quantize(SHARE) for share in shares)
        return self.on_hand(sku, place) - self._committed[sku, place] - more.get((sku, place), 0)

    def on_hand(self, sku: str, place: str) -> Decimal:
        here = self._gecko.stock.get(self._variants[sku]["id"], {})
        lies = next((units for at, units in here.items() if self._labels[at] == place), Decimal(0))
        return lies + self._over.get((sku, place), 0)

    def supplied(self, sku: str, place: str) -> Decimal:
        """What lies there and what left from there for orders."""
        return self.on_hand(sku, place) + self._left_for_orders[sku, place]

    def _left(self, outlet: Outlet, sku: str, more: Counter[tuple[str, str]], kept: int) -> int:
        """Parts of a bundle at two places make none."""
        each = [self.available(sku, place, self._waiting + more) for place in outlet.places]
        is_whole = sku in BUNDLES and len(each) > 1
        return max(floor(sum(map(floor, each) if is_whole else each)) - kept, 0)

    def _tracks(self, sku: str) -> bool:
        return bool(self._variants[sku]["manage_stock"])

    def _inside(self, sku: str, units: int) -> Iterator[tuple[str, int]]:
        yield sku, units
        for part, number in BUNDLES.get(sku, {}).items():
            yield from self._inside(part, units * number)

    def _count(self) -> None:
        """A draft commits nothing, but its goods are sold; and so are those of orders that never got there."""
        for row in self._gecko.orders.values():
            self._take(self._left_for_orders, row, self._shipped)
            if row["status"] in ("draft", "active", "finalized"):
                self._take(self._waiting if row["status"] == "draft" else self._committed, row, self._open)
        for order in self._oasis.orders.values():
            if order.number not in self.placed and order.number not in self._but:
                self._wait(self._waiting, order)

    def _take(self, into: Counter[tuple[str, str]], row: Row, units_of: Callable[[Row], int]) -> None:
        lines = self._gecko.children("order_line_items", "order_id", row["id"])
        for line in (one for one in lines if one["variant_id"]):
            for part, number in self._inside(self._skus[line["variant_id"]], units_of(line)):
                into[part, self._labels[row["stock_location_id"]]] += number

    def _open(self, line: Row) -> int:
        return _ordered(line) - self._shipped(line)

    def _shipped(self, line: Row) -> int:
        rows = self._gecko.children("fulfillment_line_items", "order_line_item_id", line["id"])
        parcels = self._gecko.tables["fulfillments"]
        left = (one for one in rows if parcels[one["fulfillment_id"]]["status"] == "fulfilled")
        return sum(int(Decimal(one["quantity"])) for one in left)

    def _wait(self, into: Counter[tuple[str, str]], order: Order) -> None:
        for line in order.lines:
            for part, units in self.parts(line.partner_sku, line.option_sku).items():
                into[part, self._ships[order.warehouse]] += line.open_quantity * units

    def _beyond(self, into: Counter[tuple[str, str]], order: Order, row: Row) -> None:
        """Sold and not in the warehouse's order: raised since it was sent, and not decided on; all of a void one."""
        rows = SubmittedLine.objects.filter(submission__remote_id=row["id"], submission__status="accepted")
        there = {line["id"]: line for line in self._gecko.children("order_line_items", "order_id", row["id"])}
        parts: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
        for one in rows.select_related("order_line"):  # two may be of one component, at two prices
            parts[one.order_line.number][one.item_id, one.units] += self._held(row, there, one)
        held = {number: min(units // each for (_, each), units in of.items()) for number, of in parts.items()}
        for line in order.lines:
            more = 0 if line.is_closed or not rows else int(line.quantity or 0) - held.get(line.number, 0)
            for part, units in self.parts(line.partner_sku, line.option_sku).items():
                into[part, self._ships[order.warehouse]] += max(more, 0) * units

    def _held(self, row: Row, there: Mapping[int, Row], one: SubmittedLine) -> int:
        """Units of an item that have left or will leave."""
        of_item = (line for line in there.values() if str(line["variant_id"]) == one.item_id)
        line = there.get(int(one.remote_id or 0)) or next(of_item, None)
        if line is None:
            return 0
        is_over = row["status"] in ("void", "deleted")
        return self._shipped(line) if is_over else _ordered(line)

    def _taken_by(self, numbers: Collection[str]) -> Counter[tuple[str, str]]:
        taken = Counter[tuple[str, str]]()
        for number in numbers:
            if number in self.placed:
                self._take(taken, self.placed[number], _ordered)
            else:
                self._wait(taken, self._oasis.orders[number])
        return taken


def _ordered(line: Row) -> int:
    return int(Decimal(line["quantity"]))


def reckoned(told: Mapping[str, Any]) -> int:
    """The number that an explanation makes, from its figures alone."""
    if "problem" in told:
        return 0
    if "fixed_quantity" in told:
        return int(told["fixed_quantity"])
    left = [int(_free(step) // Decimal(str(step["units"]))) for step in told["components"] if step["tracked"]]
    capped = min(left, default=told["sells"])
    capped = capped if told["cap"] is None else min(capped, told["cap"])
    return 0 if capped < told["minimum_level"] else int(capped)


def _free(step: Mapping[str, Any]) -> int:
    taken = int(sum(step.get("orders", {}).values())) + int(step["reserve"])
    return max(floor(Decimal(step["available"]) - Decimal(step.get("lacking", 0))) - taken, 0)
