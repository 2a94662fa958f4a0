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

from django.db.models import Min, Q
from django.utils import timezone

from integrations.models import Route
from inventory import chain
from inventory.availability import Offer, Part
from inventory.decided import RouteDecision
from inventory.decisions import Decision
from inventory.gathered import shown_row
from inventory.models import GuardedPublish, GuardedQuantity, Listing, Publication

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


def reaches_back_to(route: Route) -> datetime | None:
    """When the oldest of those quantities was shown of which another one waits; or, if before, the last decision."""
    waits = Publication.objects.filter(listing__route=route, status__in=(*Publication.OPEN, Publication.Status.PARKED))
    held = GuardedQuantity.objects.filter(guarded__route=route, guarded__state=GuardedPublish.State.WAITING)
    behind = route.listings.filter(Q(pk__in=waits.values("listing")) | Q(pk__in=held.values("listing")))
    oldest = behind.aggregate(at=Min("published_at"))["at"]
    decided = RouteDecision.objects.filter(route=route).values_list("decided_until", flat=True).first()
    return min(filter(None, (oldest, decided)), default=None)


def held_from(decisions: Sequence[Decision]) -> dict[int, int]:
    """By the listing that is decided, what was shown before orders lowered it while it waited; most are not in it."""
    asked = {shown_row(one).pk: one.listing.pk for one in decisions}
    pks, found = list(asked), dict[int, int]()
    for start in range(0, len(pks), PER_QUERY):
        rows = Listing.objects.filter(pk__in=pks[start : start + PER_QUERY], explanation__has_key="held_from")
        found |= {asked[pk]: told or 0 for pk, told in rows.values_list("pk", "explanation__held_from")}
    return found


def shown_as(one: Decision, explanation: Mapping[str, Any]) -> Decision | None:
    """What is shown, as this explains it, under the name it is shown by; None where that is not less than it is."""
    row = shown_row(one)
    left, shown = explanation.get("quantity"), row.published_quantity
    if row is not one.listing or left is None or shown is None or left >= shown:
        return None
    sku, at = row.published_sku or one.sku, row.observed_at or one.observed_at
    return replace(one, sku=sku, quantity=left, observed_at=at, noted=explanation)


def _has_orders(offered: Offer) -> bool:
    return any(part.orders or part.counted for part in offered.parts)


def of_parts(parts: Sequence[Part], shown: Mapping[str, Any], at: datetime) -> Sold:
    """What orders took of these that the explanation of what was shown at that time does not know. Pure.

    It tells when its orders were asked for, a little before the marketplace took the quantity, and those of the last
    hours that the figures knew then.
    """
    at = datetime.fromisoformat(shown["orders_at"]) if "orders_at" in shown else at
    then = {part["sku"]: part for part in shown.get("components", ())}
    told = {sku: Counter(one.get("orders") or {}) + Counter(one.get("counted") or {}) for sku, one in then.items()}
    counted = {part.sku: _counted(part, told.get(part.sku, Counter()), at) for part in parts}
    orders = {part.sku: _beyond(part.orders, counted[part.sku], told.get(part.sku, {})) for part in parts}
    since = {sku: some - Counter(then.get(sku, {}).get("counted") or {}) for sku, some in counted.items()}
    return Sold(
        {sku: some for sku, some in orders.items() if some},
        {sku: some.total() for sku, some in since.items() if some},
        shown,
    )


def _counted(part: Part, told: Mapping[str, int], at: datetime) -> Counter[str]:
    """The orders that the figures know now, but for those that were sent before it was shown and not told with it."""
    found = Counter[str]()
    for one in part.counted:
        if one.order in told or one.at > at:
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
    told = {**shown, "components": parts, "held": True, "held_from": shown.get("held_from", shown.get("quantity"))}
    return summed_up(told)


def summed_up(told: Mapping[str, Any]) -> dict[str, Any]:
    """An explanation with what its components and limits make."""
    own = (part["sells"] for part in told["components"] if part.get("tracked"))
    sells, cap = min(own, default=told.get("sells")), told.get("cap")
    is_cut_off = sells is not None and min(sells, sells if cap is None else cap) < told.get("minimum_level", 0)
    return {**told, "sells": sells, "cut_off": is_cut_off, "quantity": chain.reckoned(told)}


def _with(part: Mapping[str, Any], orders: Mapping[str, int]) -> dict[str, Any]:
    before = part.get("orders") or {}
    if not orders or not part.get("tracked") or (part["pending"] and not before):
        return dict(part)  # an older release did not tell which orders it had taken off
    now = {**part, "orders": dict(sorted((Counter(before) + Counter(orders)).items()))}
    now["pending"] = sum(now["orders"].values())
    return left_over(now)


def left_over(part: Mapping[str, Any]) -> dict[str, Any]:
    """A component with what its figures leave."""
    return {**part, "left": chain.left_of(part), "sells": chain.sells_of(part)}
