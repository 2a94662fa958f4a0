"""What a change of SKU aliases would do: the orders that it frees or holds, and the quantities that change.

Judged before and after the change as the jobs would do it; the change itself is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.urls import reverse

from integrations.models import Connection, Route
from integrations.wording import counted
from inventory import alias_plan, decisions
from inventory.alias_plan import Change
from inventory.models import Listing
from orders import demand, settling
from orders.models import Hold, Order

# More than these are not judged for a preview, and it says so.
MOST_ORDERS, MOST_LISTINGS = 2_000, 10_000
READ_AT_ONCE = 500
NAMED = 5


@dataclass
class World:
    """What the named SKUs occur in: orders that are not sent, and listings by route."""

    orders: list[Order]
    listings: dict[Route, list[Listing]]
    left_out: list[str] = field(default_factory=list)

    def names(self) -> set[str]:
        """Every marketplace SKU that one of them goes by."""
        lines = (line for order in self.orders for line in settling.open_lines(order))
        wanted = [settling.wanted(line) for line in lines]
        rows = (row for rows in self.listings.values() for row in rows)
        given = {name.strip() for want in wanted for name in (want.partner_sku, want.option_sku)}
        return given | {name for row in rows for name in (row.marketplace_sku, row.partner_sku, row.option_sku)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an order would be judged. `is_open`: all that holds it are SKUs that the warehouse was never asked for."""

    is_ready: bool
    is_open: bool


def foresee(marketplace: Connection, changes: Sequence[Change]) -> dict[str, Any]:
    """Counts and the first few of each kind, ready for JSON; writes nothing that stays.

    Keys: `frees`, `may_free`, `holds` (orders), `quantities`, `may_change`, `new_listings`; `orders` ([number,
    address] of those freed), `listings` ([SKU, before, after]), `left_out` (what was not judged, in words).
    """
    world = _world(marketplace, {change.key[0] for change in changes})
    names = world.names()
    before, shown = _verdicts(world), _quantities(world)
    with transaction.atomic():
        alias_plan.store(marketplace, [change for change in changes if change.key[0] in names])
        after, then = _verdicts(world), _quantities(world)
        transaction.set_rollback(True)
    return {
        **_of_orders(world, before, after), **_of_listings(shown, then),
        "new_listings": _new_listings(marketplace, changes), "left_out": world.left_out,
    }  # fmt: skip


def _world(marketplace: Connection, skus: set[str]) -> World:
    open_holds = Prefetch("holds", Hold.objects.filter(resolved_at=None), to_attr="open_holds")
    unsent = Order.objects.filter(connection=marketplace, status__in=Order.UNSENT, cancel_requested_at=None)
    unsent = unsent.exclude(route__state=Route.State.PAUSED)  # they wait for that
    rows = unsent.select_related("route__warehouse", "connection").prefetch_related("lines", open_holds).defer("raw")
    some = rows.order_by("pk").iterator(chunk_size=READ_AT_ONCE)
    orders: list[Order] = [order for order in some if _names_any(order, skus)]
    world = World(orders[:MOST_ORDERS], {})
    if len(orders) > MOST_ORDERS:
        world.left_out.append(counted(len(orders) - MOST_ORDERS, "orders"))
    for route in _routes(marketplace):
        names = route.listings.order_by("pk").values_list("pk", "marketplace_sku", "partner_sku", "option_sku")
        mine = [pk for pk, *known in names.iterator() if not skus.isdisjoint(known)]
        world.listings[route] = list(route.listings.in_bulk(mine[:MOST_LISTINGS]).values())
        if len(mine) > MOST_LISTINGS:
            world.left_out.append(f"{counted(len(mine) - MOST_LISTINGS, 'listings')} of {route}")
    return world


def _routes(marketplace: Connection) -> list[Route]:
    routes = Route.objects.filter(marketplace=marketplace).exclude(state=Route.State.PAUSED)
    return list(routes.select_related("warehouse", "marketplace"))


def _names_any(order: Order, skus: set[str]) -> bool:
    return any(name.strip() in skus for line in order.lines.all() for name in (line.partner_sku, line.option_sku))


def _verdicts(world: World) -> dict[int, Verdict]:
    plans = settling.plan(world.orders, None)
    return {order.pk: _verdict(order, plans[order.pk]) for order in world.orders}


def _verdict(order: Order, plan: settling.Plan) -> Verdict:
    by_hand = any(hold.kind in settling.WAITS_FOR_A_PERSON for hold in getattr(order, "open_holds", ()))
    unasked = {found.sku for _, found in plan.lines if not found.is_known and not found.is_asked}
    of_skus = all(one.kind == Hold.Kind.UNKNOWN_SKU and one.subject in unasked for one in plan.reasons)
    return Verdict(not plan.reasons and not by_hand, bool(plan.reasons) and of_skus and not by_hand)


def _of_orders(world: World, before: dict[int, Verdict], after: dict[int, Verdict]) -> dict[str, Any]:
    held = [order for order in world.orders if not before[order.pk].is_ready]
    freed = [order for order in held if after[order.pk].is_ready]
    sure = [order for order in world.orders if before[order.pk].is_ready]
    return {
        "frees": len(freed),
        "may_free": sum(after[order.pk].is_open and not before[order.pk].is_open for order in held),
        "holds": sum(not after[order.pk].is_ready and not after[order.pk].is_open for order in sure),
        "orders": [
            [order.full_number, reverse("admin:orders_order_change", args=[order.pk])] for order in freed[:NAMED]
        ],
    }


def _quantities(world: World) -> dict[tuple[int, str], int | None]:
    """By route and published SKU; None where nothing can be said yet."""
    return {
        (route.pk, one.sku): one.quantity
        for route, rows in world.listings.items()
        if rows and route.location_id
        for one in decisions.decide(route, demand.pending, rows)
    }


def _of_listings(before: dict[tuple[int, str], int | None], after: dict[tuple[int, str], int | None]) -> dict[str, Any]:
    differ = [key for key, quantity in after.items() if quantity is not None and before.get(key) != quantity]
    return {
        "quantities": len(differ),
        "may_change": sum(after.get(key) is None for key, quantity in before.items() if quantity is not None),
        "listings": [[key[1], before.get(key), after[key]] for key in differ[:NAMED]],
    }


def _new_listings(marketplace: Connection, changes: Sequence[Change]) -> int:
    """SKUs that get their first active alias, on each route that publishes."""
    active = {change.key[0] for change in changes if change.after and change.after[1]}
    known = Listing.objects.filter(route__in=_routes(marketplace)).values_list("route", "marketplace_sku")
    taken = {(route, sku) for route, sku in known.iterator() if sku in active}
    return len(active) * len(_routes(marketplace)) - len(taken)
