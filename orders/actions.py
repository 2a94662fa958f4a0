"""What a person may do with an order. Each returns a sentence for the screen or raises IllegalTransition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from integrations.dispatch import enqueue
from integrations.models import Transmission, retry
from inventory import catalogue
from inventory.aliases import Resolver
from orders import arrivals, settling
from orders.models import Hold, IllegalTransition, Order, ShipmentConfirmation, WarehouseSubmission

if TYPE_CHECKING:
    from django.contrib.auth.models import User

S = Order.Status


def possible(order: Order) -> set[str]:
    """The names of the actions that this order allows now, for the buttons of its page."""
    names = set()
    if order.status in Order.UNSENT:
        names |= {"skip", "hold"}
    if order.status in (S.RECEIVED, S.ON_HOLD):
        names.add("release")
    if order.holds.filter(kind=Hold.Kind.MANUAL, resolved_at=None).exists():
        names.discard("hold")
    if order.status == S.SKIPPED:
        names.add("unskip")
    if _stuck(order):
        names.add("retry")
    return names


def release(order: Order, actor: User | None) -> str:
    """Close the manual hold and judge the order again; what the warehouse is said to lack is asked for anew."""
    if order.status not in (S.RECEIVED, S.ON_HOLD):
        raise IllegalTransition(f"order {order} is {order.get_status_display().lower()}; only a held one is released")
    order.holds.filter(kind__in=Hold.UNTIL_RELEASED, resolved_at=None).update(resolved_at=timezone.now())
    order.note("released", actor=actor)
    if order.route is not None:
        resolver = Resolver(order.route, [settling.wanted(line) for line in settling.open_lines(order)])
        catalogue.doubt(order.route.warehouse, resolver.warehouse_skus())
        enqueue("submit_orders", order.route.warehouse_id)
    return f"order {order} is judged again and goes out if nothing else holds it"


def retry_sending(order: Order, actor: User | None) -> str:
    """Send again what was refused or given up; what may have arrived is looked up first."""
    stuck = _stuck(order)
    if not stuck:
        raise IllegalTransition(f"order {order} has nothing that was refused or given up")
    for row in stuck:
        retry(row)
        job = "submit_orders" if isinstance(row, WarehouseSubmission) else "confirm_shipments"
        enqueue(job, row.connection_id)
    order.note("sent again", actor=actor)
    return f"order {order}: {len(stuck)} sent again"


@transaction.atomic
def hold(order: Order, reason: str, actor: User | None) -> str:
    """Keep an order that was not sent from going out."""
    _take_back(order)
    settling.open_hold(order, Hold.Kind.MANUAL, "", reason)
    if order.status != S.ON_HOLD:
        order.move_to(S.ON_HOLD, reason=reason, actor=actor)
    return f"order {order} is held"


@transaction.atomic
def skip(order: Order, reason: str, actor: User | None) -> str:
    """Do not send an order, ever, unless a person un-skips it."""
    _take_back(order)
    order.holds.filter(resolved_at=None).update(resolved_at=timezone.now())
    Order.objects.filter(pk=order.pk).update(skip_reason=reason[:200])
    order.move_to(S.SKIPPED, reason=reason, actor=actor)
    return f"order {order} is skipped"


@transaction.atomic
def unskip(order: Order, actor: User | None) -> str:
    """Take a skipped order after all: it is judged like a new one."""
    order.move_to(S.RECEIVED, reason="un-skipped", actor=actor)
    Order.objects.filter(pk=order.pk).update(skip_reason="", skip_overruled=True)
    for line in order.lines.filter(quantity_to_ship=0, is_cancelled=False, quantity__isnull=False):
        line.quantity_to_ship = line.quantity or 0
        line.save(update_fields=["quantity_to_ship"])
    if order.route is not None:
        enqueue("submit_orders", order.route.warehouse_id)
    return f"order {order} is judged again and goes out if nothing holds it"


def _stuck(order: Order) -> list[WarehouseSubmission | ShipmentConfirmation]:
    parked = Transmission.Status.PARKED
    return [
        *WarehouseSubmission.objects.filter(order=order, status=parked),
        *ShipmentConfirmation.objects.filter(order=order, status=parked),
    ]


def _take_back(order: Order) -> None:
    if order.status not in Order.UNSENT:
        raise IllegalTransition(
            f"order {order} is {order.get_status_display().lower()}; only one that was not sent can be held or skipped"
        )
    if not arrivals.withdraw(order):
        raise IllegalTransition(f"order {order} is being sent right now; look again in a minute")
