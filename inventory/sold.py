"""What our own orders took of listings since their quantities were shown, and what that leaves of them.

It is reckoned from the explanation of what is shown. Whatever the warehouse answered since may be damage: those figures
were believed, and an order that is noted among them is not taken off twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from inventory import chain
from inventory.availability import Offer, Part
from inventory.decisions import Decision
from inventory.gathered import shown_row
from inventory.models import Listing

PER_QUERY = 500
Orders = Mapping[str, Mapping[str, int]]  # by the SKU of a component and the order's number, the units


@dataclass(frozen=True, slots=True)
class Sold:
    """`counted` are the units, by SKU, of those orders that the warehouse's figures know by now and did not then."""

    orders: Orders
    counted: Mapping[str, int]
    shown: Mapping[str, Any]

    @property
    def explanation(self) -> dict[str, Any]:
        """That of what is shown, with these orders taken off."""
        return taken_off(self.shown, self.orders)


NOTHING = Sold({}, {}, {})


def since_shown(decisions: Sequence[Decision]) -> dict[int, Sold]:
    """By the listing that is decided; those that no order took anything of are not in it."""
    asked = {
        shown_row(one).pk: (one, one.offered.parts) for one in decisions if one.offered and _has_orders(one.offered)
    }
    pks, found = list(asked), dict[int, Sold]()
    for start in range(0, len(pks), PER_QUERY):
        rows = Listing.objects.filter(pk__in=pks[start : start + PER_QUERY])
        for pk, at, shown in rows.values_list("pk", "published_at", "explanation"):
            one, parts = asked[pk]
            sold = of_parts(parts, shown, at or timezone.now())
            if sold.orders or sold.counted:
                found[one.listing.pk] = sold
    return found


def lowered(one: Decision, sold: Sold) -> Decision | None:
    """The quantity that is shown, less what was sold; None where that is not less."""
    row, explanation = shown_row(one), sold.explanation
    left, shown = explanation.get("quantity"), row.published_quantity
    if row is not one.listing or row.published_sku != one.sku or left is None or shown is None or left >= shown:
        return None
    return replace(one, quantity=left, observed_at=row.observed_at or one.observed_at, noted=explanation)


def _has_orders(offered: Offer) -> bool:
    return any(part.orders or part.counted for part in offered.parts)


def of_parts(parts: Sequence[Part], shown: Mapping[str, Any], at: datetime) -> Sold:
    """What orders took of these that the explanation of what was shown at that time does not know. Pure.

    It tells when its orders were asked for, a little before the marketplace took the quantity.
    """
    at = datetime.fromisoformat(shown["orders_at"]) if "orders_at" in shown else at
    told = {part["sku"]: part.get("orders") or {} for part in shown.get("components", ())}
    counted = {part.sku: _counted(part, told.get(part.sku, {}), at) for part in parts}
    orders = {part.sku: _beyond(part.orders, counted[part.sku], told.get(part.sku, {})) for part in parts}
    return Sold(
        {sku: some for sku, some in orders.items() if some},
        {sku: some.total() for sku, some in counted.items() if some},
        shown,
    )


def _counted(part: Part, told: Mapping[str, int], at: datetime) -> Counter[str]:
    """The orders that the figures know now, and did not when it was shown."""
    found = Counter[str]()
    for one in part.counted:
        if one.order in told or one.received_at > at:
            found[one.order] += one.units
    return found


def _beyond(pending: Mapping[str, int], counted: Mapping[str, int], told: Mapping[str, int]) -> dict[str, int]:
    now = Counter(pending) + Counter(counted)
    return {order: units - told.get(order, 0) for order, units in now.items() if units > told.get(order, 0)}


def taken_off(shown: Mapping[str, Any], orders: Orders) -> dict[str, Any]:
    """An explanation with more orders on their way, and that the rest is held back. Empty if it tells no figures."""
    if "components" not in shown:
        return {}
    parts = [_with(part, orders.get(part["sku"], {})) for part in shown["components"]]
    told = {**shown, "components": parts, "held": True}
    told["sells"] = sells = min((part["sells"] for part in parts if part.get("tracked")), default=shown.get("sells"))
    cap = shown.get("cap")
    told["cut_off"] = sells is not None and min(sells, sells if cap is None else cap) < shown.get("minimum_level", 0)
    return {**told, "quantity": chain.reckoned(told)}


def _with(part: Mapping[str, Any], orders: Mapping[str, int]) -> dict[str, Any]:
    before = part.get("orders") or {}
    if not orders or not part.get("tracked") or (part["pending"] and not before):
        return dict(part)  # an older release did not tell which orders it had taken off
    now = {**part, "orders": dict(sorted((Counter(before) + Counter(orders)).items()))}
    now["pending"] = sum(now["orders"].values())
    return {**now, "left": chain.left_of(now), "sells": chain.sells_of(now)}
