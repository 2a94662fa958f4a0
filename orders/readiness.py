"""Why an order cannot go to the warehouse yet: all reasons at once, each with its subject. Pure.

A new reason to hold is one more function in CHECKS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from integrations.ports import Address
from inventory.aliases import Resolution
from orders.models import Hold

# Longer ones time out at TradeGecko.
MAX_WAREHOUSE_LINES = 250
NO_WAREHOUSE = (
    "The order names no warehouse, so no route takes it. Say in the connection's options which one is meant by that "
    "(default_warehouse_name), or skip the order."
)
NEEDS_POSTAL_CODE = frozenset({"US", "CA"})


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that a person must put right. `subject` groups orders that wait for the same thing."""

    kind: Hold.Kind
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What is known of a line that is to be shipped. `resolution` is None while the order has no route."""

    name: str
    sku: str
    quantity: int | None
    resolution: Resolution | None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """Everything that readiness is judged by."""

    route_name: str | None
    warehouse_name: str
    address: Address
    shipping_code: str
    refuses_unmapped_shipping: bool
    mapped_shipping: Mapping[str, str]
    lines: Sequence[LineFacts]


def reasons(facts: OrderFacts) -> list[Reason]:
    """Every reason to hold the order; empty when it can be sent."""
    return [reason for check in CHECKS for reason in check(facts)]


def _route(facts: OrderFacts) -> Iterator[Reason]:
    if facts.route_name is None:
        seen = facts.warehouse_name
        text = f"No route takes orders for the warehouse name {seen!r}. Make one, or skip the order."
        yield Reason(Hold.Kind.NO_ROUTE, seen, text if seen.strip() else NO_WAREHOUSE)


def _address(facts: OrderFacts) -> Iterator[Reason]:
    address = facts.address
    country = address.country_code.strip()
    required = {
        "name": address.name, "first address line": address.address1, "city": address.city, "country code": country,
    }  # fmt: skip
    if country.upper() in NEEDS_POSTAL_CODE:
        required["postal code"] = address.postal_code
    for what, value in required.items():
        if not value.strip():
            yield _unusable(what, f"The ship-to address has no {what}.")
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        yield _unusable("country code", f"The ship-to country {country!r} is not a two-letter code.")


def _unusable(what: str, text: str) -> Reason:
    return Reason(Hold.Kind.UNUSABLE_ADDRESS, what, f"{text} Correct the address here, or skip the order.")


def _shipping(facts: OrderFacts) -> Iterator[Reason]:
    code = facts.shipping_code
    if facts.refuses_unmapped_shipping and code not in facts.mapped_shipping:
        yield Reason(
            Hold.Kind.UNMAPPED_SHIPPING, code,
            f"The shipping code {code!r} is not mapped, and route {facts.route_name} refuses those. Add it to the map.",
        )  # fmt: skip


def _lines(facts: OrderFacts) -> Iterator[Reason]:
    if not facts.lines:
        yield Reason(Hold.Kind.NOTHING_TO_SHIP, "", "The order has no line that is still to be shipped.")
    for line in facts.lines:
        missing = [what for what, value in (("SKU", line.sku.strip()), ("quantity", line.quantity)) if not value]
        if missing:
            text = f"Line {line.name} has no {' and no '.join(missing)}. Correct the line, or skip the order."
            yield Reason(Hold.Kind.INCOMPLETE_LINE, line.name, text)


def _skus(facts: OrderFacts) -> Iterator[Reason]:
    told: set[str] = set()
    for line in facts.lines:
        found = line.resolution
        if found is None or found.is_known or not line.sku.strip() or found.sku in told:
            continue
        told.add(found.sku)
        kind = Hold.Kind.AMBIGUOUS_SKU if found.is_ambiguous else Hold.Kind.UNKNOWN_SKU
        yield Reason(kind, found.sku, found.problem[:1].upper() + found.problem[1:])


def _size(facts: OrderFacts) -> Iterator[Reason]:
    parts = sum(len(line.resolution.components) if line.resolution else 1 for line in facts.lines)
    if parts > MAX_WAREHOUSE_LINES:
        yield Reason(
            Hold.Kind.TOO_MANY_LINES, "",
            f"The order makes {parts} lines in the warehouse, and more than {MAX_WAREHOUSE_LINES} in one order are not "
            "sent. Enter it there by hand, in parts, then skip it here and tell the marketplace of its parcels.",
        )  # fmt: skip


CHECKS: tuple[Callable[[OrderFacts], Iterator[Reason]], ...] = (_route, _address, _shipping, _lines, _skus, _size)
