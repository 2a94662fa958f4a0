"""Stock: on hand, committed and available, per variant and location (tradegecko 3.7 to 3.9, 4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from integrations.sandbox.gecko_tables import GeckoTables
from integrations.sandbox.gecko_values import Row, now

NONE = Decimal(0)
COMMITTING = ("active", "finalized")
PACKED, SHIPPED = ("packed", "fulfilled"), ("fulfilled",)
SHARE = Decimal("0.0001")


@dataclass(frozen=True)
class Level:
    """A variant's stock at one location; available is what is left of it."""

    on_hand: Decimal
    committed: Decimal

    @property
    def available(self) -> Decimal:
        return self.on_hand - self.committed


def levels(state: GeckoTables, variant_id: int) -> dict[int, Level]:
    """Per location, of every location where there was a movement or a commitment."""
    parts = components(state, variant_id)
    return _bundle_levels(state, parts) if parts else _own_levels(state, variant_id)


def components(state: GeckoTables, bundle_id: int) -> list[Row]:
    return [row for row in state.components if row["bundle_id"] == bundle_id]


def _own_levels(state: GeckoTables, variant_id: int) -> dict[int, Level]:
    held = _held(state, variant_id)
    on_hand = state.stock.get(variant_id, {})
    places = [*on_hand, *(place for place in held if place not in on_hand)]
    return {place: Level(on_hand.get(place, NONE), held.get(place, NONE)) for place in places}


def _held(state: GeckoTables, variant_id: int) -> dict[int, Decimal]:
    """Per location, what orders for it commit, and for bundles that it is in."""
    held = committed(state, variant_id)
    for row in state.components:
        if row["component_id"] == variant_id:
            for place, units in _held(state, row["bundle_id"]).items():
                held[place] = held.get(place, NONE) + units * Decimal(row["quantity"])
    return held


def _bundle_levels(state: GeckoTables, parts: list[Row]) -> dict[int, Level]:
    """As many bundles as the scarcest component allows; available can be a fraction (3.9)."""
    each = [(Decimal(part["quantity"]), levels(state, part["component_id"])) for part in parts]
    found = {}
    for place in {place: None for _, one in each for place in one}:
        here = [(per, one.get(place, Level(NONE, NONE))) for per, one in each]
        on_hand = min(_share(level.on_hand, per) for per, level in here)
        available = min(_share(level.available, per) for per, level in here)
        found[place] = Level(on_hand, on_hand - available)
    return found


def _share(units: Decimal, per: Decimal) -> Decimal:
    return (units / per).quantize(SHARE)


def committed(state: GeckoTables, variant_id: int) -> dict[int, Decimal]:
    """Units that open orders hold and that have not left, per location (4.1)."""
    held: dict[int, Decimal] = {}
    for line in state.children("order_line_items", "variant_id", variant_id):
        order = state.tables["orders"][line["order_id"]]
        if order["status"] in COMMITTING:
            place = order["stock_location_id"]
            left = Decimal(line["quantity"]) - in_parcels(state, line["id"], SHIPPED)
            held[place] = held.get(place, NONE) + left
    return held


def in_parcels(state: GeckoTables, line_id: int, statuses: Iterable[str] = PACKED) -> Decimal:
    """Units of an order's line that are in parcels of these statuses."""
    return units_in(state, "fulfillment", line_id, statuses)


def units_in(state: GeckoTables, document: str, line_id: int, statuses: Iterable[str]) -> Decimal:
    """Units of an order's line in fulfillments, fulfillment_returns or invoices of these statuses."""
    documents = state.tables[f"{document}s"]
    rows = state.children(f"{document}_line_items", "order_line_item_id", line_id)
    units = (Decimal(row["quantity"]) for row in rows if documents[row[f"{document}_id"]]["status"] in statuses)
    return sum(units, NONE)


def move(state: GeckoTables, variant_id: int, place: int, units: Decimal) -> None:
    """On hand changes; of a bundle the components move, of a variant without stock keeping nothing does."""
    for part in components(state, variant_id):
        move(state, part["component_id"], place, units * Decimal(part["quantity"]))
    variant = state.tables["variants"][variant_id]
    if components(state, variant_id) or not variant["manage_stock"]:
        return
    put(state, variant_id, place, state.stock.get(variant_id, {}).get(place, NONE) + units)


def put(state: GeckoTables, variant_id: int, place: int, units: Decimal) -> None:
    """On hand is now this."""
    here = state.stock.setdefault(variant_id, {})
    before = here.get(place)
    here[place] = units
    state.on_undo(lambda: here.pop(place) if before is None else here.update({place: before}))
    touch(state, [variant_id])


def touch(state: GeckoTables, variant_ids: Iterable[int | None]) -> None:
    """The stock of these variants is not what it was: the level's time changes, the variant's own does not."""
    for variant_id in {one: None for one in variant_ids if one}:
        variant = state.tables["variants"][variant_id]
        variant["stock_updated_at"] = now()
        state.announce("variant.stock_level_update", variant)


def is_enough(state: GeckoTables, line: Row, place: int, units: Decimal) -> bool:
    """Whether what is left of a line could leave from here now."""
    variant = state.tables["variants"][line["variant_id"]]
    if not variant["manage_stock"]:
        return True
    needed: dict[int, Decimal] = {}
    for part, wanted in _taken(state, line["variant_id"], units):
        needed[part] = needed.get(part, NONE) + wanted
    return all(state.stock.get(part, {}).get(place, NONE) >= wanted for part, wanted in needed.items())


def _taken(state: GeckoTables, variant_id: int, units: Decimal) -> Iterator[tuple[int, Decimal]]:
    """What so many units of it take of what has stock of its own."""
    parts = components(state, variant_id)
    if not parts:
        yield variant_id, units
    for part in parts:
        yield from _taken(state, part["component_id"], units * Decimal(part["quantity"]))
