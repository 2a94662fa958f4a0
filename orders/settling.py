"""Orders that wait are judged again: RECEIVED and ON_HOLD → READY with a submission, or ON_HOLD with holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.ports import Warehouse
from inventory import catalogue, listings
from inventory.aliases import Resolution, Resolver, Wanted
from orders import readiness, references
from orders.models import (
    Hold,
    IllegalTransition,
    Order,
    OrderEvent,
    OrderLine,
    ShippingMethod,
    WarehouseSubmission,
)
from orders.readiness import LineFacts, OrderFacts, Reason

S = Order.Status
SUBJECT_CHARS = 200
RELEASED_TOGETHER = 250
FREED = "what held it is gone"


@dataclass(frozen=True, slots=True)
class Plan:
    """How each open line of an order is to be sent. Complete only when nothing holds the order."""

    lines: tuple[tuple[OrderLine, Resolution], ...]
    reasons: tuple[Reason, ...]


def wanted(line: OrderLine) -> Wanted:
    return Wanted(partner_sku=line.partner_sku, option_sku=line.option_sku)


def open_lines(order: Order) -> list[OrderLine]:
    """Lines that are still to be shipped, incomplete ones included."""
    incomplete = [line for line in order.lines.all() if not line.quantity and line.shipped_before is not None]
    return [
        line for line in order.lines.all() if not line.is_cancelled and (line.quantity_to_ship or line in incomplete)
    ]


def open_holds(order: Order) -> list[Hold]:
    """What holds it; as it was read with the order, if it was."""
    known: list[Hold] | None = getattr(order, "open_holds", None)
    return list(order.holds.filter(resolved_at=None)) if known is None else known


def is_doubled(order: Order) -> bool:
    """Whether the warehouse holds it more than once, or an order under its number that we did not send."""
    return order.holds.filter(kind=Hold.Kind.DOUBLED, resolved_at=None).exists()


def open_line_rows() -> QuerySet[OrderLine]:
    """The same as rows, of all orders."""
    incomplete = Q(quantity=None) | Q(quantity=0)
    return OrderLine.objects.filter(
        Q(quantity_to_ship__gt=0) | incomplete & Q(shipped_before__isnull=False), is_cancelled=False
    )


def waiting(routes: Iterable[Route]) -> list[Order]:
    """Orders of these routes, and of none, that a changed alias, map, item or route may have freed."""
    ids = [route.pk for route in routes]
    marketplaces = {route.marketplace_id for route in routes}
    mine = Q(route__in=ids) | Q(route=None, connection__in=marketplaces)
    return list(loaded(Order.objects.filter(mine, status__in=(S.RECEIVED, S.ON_HOLD))).order_by("pk"))


def loaded(orders: QuerySet[Order]) -> QuerySet[Order]:
    """The orders with all that judging them reads."""
    open_holds = Prefetch("holds", Hold.objects.filter(resolved_at=None), to_attr="open_holds")
    return orders.defer("raw").select_related("route", "connection").prefetch_related("lines", open_holds)


def settle(orders: Sequence[Order], warehouse: Warehouse | None, routes: Sequence[Route]) -> int:
    """Judge each order and store the verdict; how many became ready.

    Without a `warehouse` nothing is asked: a SKU that was never asked for holds its order, which says so.
    """
    for order in orders:
        if order.route is None:
            _find_route(order, routes)
    orders = [order for order in orders if order.status != S.SKIPPED]
    plans = plan(orders, warehouse)
    for order in orders:
        if plans[order.pk].reasons:
            _store(order, plans[order.pk])
    free = [one for one in orders if not plans[one.pk].reasons and not _is_stored(one, plans[one.pk])]
    groups = (free[start : start + RELEASED_TOGETHER] for start in range(0, len(free), RELEASED_TOGETHER))
    return sum(_release(group, plans) for group in groups)


def judge_again(warehouse: Connection) -> None:
    """Orders that count as ready and have nothing on its way: judged anew, whatever broke off in between."""
    taken_back = Q(submission=None) | Q(submission__status=WarehouseSubmission.Status.WITHDRAWN)
    for order in Order.objects.filter(taken_back, status=S.READY, route__warehouse=warehouse):
        with suppress(IllegalTransition):
            order.move_to(S.RECEIVED, reason="judged again")


def plan(orders: Sequence[Order], warehouse: Warehouse | None) -> dict[int, Plan]:
    """Per order id, how its lines resolve and what holds it."""
    by_route: dict[Route | None, list[Order]] = defaultdict(list)
    for order in orders:
        by_route[order.route].append(order)
    plans: dict[int, Plan] = {}
    for route, group in by_route.items():
        resolver = _resolver(route, group, warehouse) if route else None
        names = _mapped_shipping(route) if route else {}
        plans.update({order.pk: _judge(order, route, resolver, names) for order in group})
    return plans


def match_route(warehouse_name: str, routes: Sequence[Route]) -> Route | None:
    """The route for a warehouse name: exactly this one, else the same without blanks around it."""
    exact = [route for route in routes if route.marketplace_warehouse_name == warehouse_name]
    near = [
        r for r in routes if warehouse_name.strip() and r.marketplace_warehouse_name.strip() == warehouse_name.strip()
    ]
    return next(iter(exact or near), None)


def too_old(ordered_on: date, route: Route) -> str:
    """Why the route leaves out an order of that day; empty if it does not."""
    earliest = route.earliest_order_date
    return f"ordered before {earliest}, the earliest order date of route {route}" if ordered_on < earliest else ""


def sync_holds(order: Order, found: Iterable[Reason], kinds: Iterable[Hold.Kind]) -> None:
    """Open what was found and close, among `kinds`, what is no longer so."""
    still = {(reason.kind.value, reason.subject[:SUBJECT_CHARS]): reason for reason in found}
    for hold in order.holds.filter(resolved_at=None, kind__in=list(kinds)):
        if (hold.kind, hold.subject) not in still:
            Hold.objects.filter(pk=hold.pk).update(resolved_at=timezone.now())
    for (kind, subject), reason in still.items():
        open_hold(order, Hold.Kind(kind), subject, reason.message)


def open_hold(order: Order, kind: Hold.Kind, subject: str, message: str) -> bool:
    """Hold the order for this, unless it is held for it already; whether that is news."""
    hold, is_new = Hold.objects.get_or_create(
        order=order, kind=kind, subject=subject[:SUBJECT_CHARS], resolved_at=None, defaults={"message": message}
    )
    if hold.message != message:
        Hold.objects.filter(pk=hold.pk).update(message=message)
    return is_new


NOT_JUDGED = (*Hold.AFTER_SENDING, *Hold.UNTIL_RELEASED, *Hold.UNTIL_DECIDED)
# Not judged, and keeps an order from going out all the same.
WAITS_FOR_A_PERSON = (*Hold.UNTIL_RELEASED, Hold.Kind.CHANGED)
JUDGED = tuple(kind for kind in Hold.Kind if kind not in NOT_JUDGED)


def _find_route(order: Order, routes: Sequence[Route]) -> None:
    mine = [route for route in routes if route.marketplace_id == order.connection_id]
    route = match_route(order.warehouse_name, mine)
    if route is not None:
        _take_into(order, route)


@transaction.atomic
def _take_into(order: Order, route: Route) -> None:
    """As if it had come just now: what is older than its route takes was seen to by another way, and is skipped."""
    Order.objects.filter(pk=order.pk).update(route=route)
    order.route = route
    references.assign(order, route)
    reason = too_old(order.ordered_on, route)
    if reason:
        with suppress(IllegalTransition), transaction.atomic():
            order.move_to(S.SKIPPED, reason=reason)
            order.holds.filter(resolved_at=None).update(resolved_at=timezone.now())
            Order.objects.filter(pk=order.pk).update(skip_reason=reason[:200], told_now=None)


def _resolver(route: Route, orders: Sequence[Order], warehouse: Warehouse | None) -> Resolver:
    resolver = Resolver(route, [wanted(line) for order in orders for line in open_lines(order)])
    if warehouse is not None:
        catalogue.learn(route.warehouse, warehouse, resolver.warehouse_skus())
    return resolver


def _mapped_shipping(route: Route) -> dict[str, str]:
    return dict(ShippingMethod.objects.filter(connection_id=route.marketplace_id).values_list("code", "name"))


def _judge(order: Order, route: Route | None, resolver: Resolver | None, names: dict[str, str]) -> Plan:
    resolved = [(line, resolver.resolve(wanted(line)) if resolver else None) for line in open_lines(order)]
    facts = OrderFacts(
        route_name=route.name if route else None,
        warehouse_name=order.warehouse_name,
        address=order.address,
        shipping_code=order.service_code,
        refuses_unmapped_shipping=bool(route and route.unmapped_shipping == Route.Unmapped.REFUSE),
        mapped_shipping=names,
        lines=[
            LineFacts(line.number or str(line.position), line.option_sku or line.partner_sku, line.quantity, found)
            for line, found in resolved
        ],
    )
    lines = tuple((line, found) for line, found in resolved if found is not None)
    return Plan(lines, tuple(readiness.reasons(facts)))


def _store(order: Order, judged: Plan) -> None:
    """Write the verdict on an order that stays."""
    if _is_stored(order, judged):
        return
    # A person or another worker may have moved it meanwhile.
    with suppress(IllegalTransition), transaction.atomic():
        Order.objects.select_for_update().get(pk=order.pk)  # the order first, then its holds, as everywhere
        mine = loaded(Order.objects.filter(pk=order.pk)).get()
        if _judged_by(mine) != _judged_by(order):  # put right since it was read: judged by what it says now
            if mine.status not in (S.RECEIVED, S.ON_HOLD):
                return
            judged = plan([mine], None)[order.pk]
        sync_holds(mine, judged.reasons, JUDGED)
        _hold(mine, [reason.message for reason in judged.reasons] or _waits_for(mine))
        order.status = mine.status


def _judged_by(order: Order) -> tuple[object, ...]:
    """What of an order its verdict depends on, and what was found so far."""
    lines = [
        (line.pk, line.quantity, line.quantity_to_ship, line.shipped_before, line.is_cancelled, wanted(line))
        for line in order.lines.all()
    ]
    holds = {(hold.kind, hold.subject, hold.message) for hold in open_holds(order) if hold.kind in JUDGED}
    return order.status, order.route_id, order.address, order.service_code, lines, holds


def _is_stored(order: Order, judged: Plan) -> bool:
    """Whether the same verdict is written already: most orders that wait go on waiting for the same thing."""
    known = getattr(order, "open_holds", None)
    if known is None or order.status != S.ON_HOLD:
        return False
    if not judged.reasons and not any(hold.kind in WAITS_FOR_A_PERSON for hold in known):
        return False
    before = {(hold.kind, hold.subject, hold.message) for hold in known if hold.kind in JUDGED}
    return before == {(reason.kind.value, reason.subject[:SUBJECT_CHARS], reason.message) for reason in judged.reasons}


def _waits_for(order: Order) -> list[str]:
    """What a person is to decide before it goes out, also where the order was judged again since and fits."""
    mine = order.holds.filter(resolved_at=None, kind__in=WAITS_FOR_A_PERSON).order_by("pk")
    return list(mine.values_list("message", flat=True))


def _hold(order: Order, why: Sequence[str]) -> None:
    if why and order.status != S.ON_HOLD:
        order.move_to(S.ON_HOLD, reason="; ".join(why))


def _release(orders: Sequence[Order], plans: Mapping[int, Plan]) -> int:
    """Make orders ready that nothing holds, all in one transaction of a few queries; how many still could be."""
    with transaction.atomic():
        mine = Order.objects.select_for_update().filter(pk__in=[order.pk for order in orders])
        was = dict(mine.filter(status__in=(S.RECEIVED, S.ON_HOLD)).order_by("pk").values_list("pk", "status"))
        kept = Hold.objects.filter(order__in=was, resolved_at=None, kind__in=WAITS_FOR_A_PERSON)
        held = set(kept.values_list("order", flat=True))
        ready = [order for order in orders if order.pk in was and order.pk not in held]
        pks = [order.pk for order in ready]
        Hold.objects.filter(order__in=was, resolved_at=None, kind__in=JUDGED).update(resolved_at=timezone.now())
        Order.objects.filter(pk__in=pks).update(status=S.READY)
        OrderEvent.objects.bulk_create(
            OrderEvent(order_id=pk, old_status=was[pk], new_status=S.READY, text=FREED if was[pk] == S.ON_HOLD else "")
            for pk in pks
        )
        _submit(ready)
        _learn_listings(ready, plans)
    for order in orders:
        if order.pk in held:
            _store(order, plans[order.pk])
        elif order.pk in was:
            order.status = S.READY
    return len(ready)


def _submit(orders: Sequence[Order]) -> None:
    """An intent to send each: a new one, or the one that was taken back."""
    by_warehouse: dict[int, list[int]] = defaultdict(list)
    for order in orders:
        if order.route is not None:
            by_warehouse[order.route.warehouse_id].append(order.pk)
    for warehouse, pks in by_warehouse.items():
        mine = WarehouseSubmission.objects.filter(order__in=pks)
        mine.filter(status=WarehouseSubmission.Status.WITHDRAWN).update(
            status=WarehouseSubmission.Status.PENDING, connection=warehouse, attempts=0, not_before=None
        )
        known = set(mine.values_list("order", flat=True))
        fresh = [WarehouseSubmission(order_id=pk, connection_id=warehouse) for pk in pks if pk not in known]
        WarehouseSubmission.objects.bulk_create(fresh)


def _learn_listings(orders: Sequence[Order], plans: Mapping[int, Plan]) -> None:
    """Each name once, however many orders have it; all in one order, so that no two runs wait for each other."""
    taught = {
        (order.route, found.sku, found.by_alias, line.partner_sku, line.option_sku, line.upc)
        for order in orders if order.route is not None
        for line, found in plans[order.pk].lines
    }  # fmt: skip
    in_turn = sorted(taught, key=lambda one: (one[0].pk, *one[1:]))
    for route, sku, by_alias, partner_sku, option_sku, upc in in_turn:
        listings.learn_from_line(route, sku, by_alias=by_alias, partner_sku=partner_sku, option_sku=option_sku, upc=upc)
