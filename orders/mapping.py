"""What mapping a cause frees: judged before it is saved; and done after, for as many orders as a person waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, QuerySet

from integrations.dispatch import enqueue, enqueue_for_warehouses
from integrations.models import Route
from orders import settling, telling
from orders.carriers import CarrierMap
from orders.causes import SKU_KINDS, Cause
from orders.models import Hold, Order, WarehouseSubmission

S = Order.Status
TOGETHER = 500  # orders are judged, in one go
JUDGED_ANEW = 2_000  # of more, the oldest; the others as they were judged last
# More are freed by the job that sends them, or tells of their parcels.
FREED_AT_ONCE, TOLD_AT_ONCE = 1_000, 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many orders have no other reason to wait, and how many have.

    `paused` are those that wait for their route to be switched on, by its name: nothing judges them before.
    """

    frees: int
    others: int
    paused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Freed:
    """What became of the orders: on their way, still waiting for something, and left to the background.

    `paused` as in Verdict.
    """

    freed: int
    waiting: int
    later: int
    paused: Mapping[str, int] = field(default_factory=dict)


def judged(cause: Cause) -> Verdict:
    """What mapping the cause would free, wherever that is told. Nothing is stored, and nobody is asked."""
    waiting, paused = _able(cause), _paused(cause)
    pks = list(waiting.values_list("pk", flat=True))
    would = _would_be_told if cause.concerns_parcels else _would_be_ready
    starts = range(0, min(len(pks), JUDGED_ANEW), TOGETHER)
    groups = (settling.loaded(Order.objects.filter(pk__in=pks[start : start + TOGETHER])) for start in starts)
    frees = sum(would(cause, list(group)) for group in groups) + _held_by_it_alone(cause, pks[JUDGED_ANEW:])
    return Verdict(frees, len(pks) - frees, paused)


def free(cause: Cause) -> Freed:
    """The cause was mapped: free its orders, the oldest first, and have them sent, or told of."""
    waiting, paused = _able(cause), _paused(cause)
    total = waiting.count()
    group = list(settling.loaded(waiting)[: TOLD_AT_ONCE if cause.concerns_parcels else FREED_AT_ONCE])
    freed = _tell(cause, group) if cause.concerns_parcels else _settle(cause, group)
    if cause.concerns_parcels:
        enqueue("confirm_shipments", cause.marketplace.pk)
    else:
        enqueue_for_warehouses(cause.marketplace.pk, "submit_orders")
    return Freed(freed, len(group) - freed, total - len(group), paused)


def _settle(cause: Cause, orders: list[Order]) -> int:
    routes = list(Route.objects.filter(marketplace=cause.marketplace).exclude(state=Route.State.PAUSED))
    return settling.settle(orders, None, routes)


def _would_be_ready(cause: Cause, orders: list[Order]) -> int:
    kinds = SKU_KINDS if cause.kind in SKU_KINDS else (cause.kind,)
    plans = settling.plan(orders, None)
    return sum(
        all(one.kind in kinds and one.subject[: settling.SUBJECT_CHARS] == cause.subject
            for one in plans[order.pk].reasons)
        and not any(hold.kind in settling.WAITS_FOR_A_PERSON for hold in order.open_holds)  # type: ignore[attr-defined]
        for order in orders
    )  # fmt: skip


def _would_be_told(cause: Cause, orders: list[Order]) -> int:
    tests = set(WarehouseSubmission.objects.filter(order__in=orders, is_test=True).values_list("order", flat=True))
    ended = set(telling.ended([order.pk for order in orders]))
    return sum(
        order.pk not in ended
        and sum(hold.kind == cause.kind for hold in order.open_holds) == 1  # type: ignore[attr-defined]
        and telling.may_tell(order, cause.marketplace, was_test=order.pk in tests)
        for order in orders
    )


def _tell(cause: Cause, orders: list[Order]) -> int:
    carriers = CarrierMap(cause.marketplace)
    told = [order.pk for order in orders if telling.gather_orders([order.pk], cause.marketplace, carriers)]
    still_held = Hold.objects.filter(order__in=told, kind=cause.kind, resolved_at=None)  # for another of its parcels
    return len(told) - still_held.values("order").distinct().count()


def _held_by_it_alone(cause: Cause, pks: list[int]) -> int:
    if not pks:
        return 0
    others = Hold.objects.filter(order=OuterRef("pk"), resolved_at=None).exclude(kind=cause.kind, subject=cause.subject)
    alone = _able(cause).filter(~Exists(others))
    return len(set(pks).intersection(alone.values_list("pk", flat=True)))


def _orders(cause: Cause) -> QuerySet[Order]:
    orders = cause.orders()
    return orders if cause.concerns_parcels else orders.filter(status__in=(S.RECEIVED, S.ON_HOLD))


def _able(cause: Cause) -> QuerySet[Order]:
    """Those that can go on once it is mapped. Parcels of a paused route are followed and told all the same."""
    orders = _orders(cause)
    return orders if cause.concerns_parcels else orders.exclude(route__state=Route.State.PAUSED)


def _paused(cause: Cause) -> Mapping[str, int]:
    if cause.concerns_parcels:
        return {}
    orders = _orders(cause).filter(route__state=Route.State.PAUSED)
    return Counter(orders.order_by("route__name").values_list("route__name", flat=True))
