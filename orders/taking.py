"""Who looks after a held order, and what people say of it. As in `orders.actions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from orders.models import IllegalTransition, Order

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@transaction.atomic
def take(order: Order, actor: User | None) -> str:
    """Look after a held order from now on, whoever did before."""
    if not order.holds.filter(resolved_at=None).exists():
        raise IllegalTransition(f"nothing holds order {order}, so there is nothing to look after")
    mine = Order.objects.select_for_update(of=("self",)).select_related("owner").get(pk=order.pk)
    if actor is None or mine.owner_id == actor.pk:
        raise IllegalTransition(f"order {order} is yours already")
    before = f", from {mine.owner}" if mine.owner else ""
    Order.objects.filter(pk=order.pk).update(owner=actor)
    order.note(f"taken{before}", actor=actor)
    return f"order {order} is yours"


@transaction.atomic
def give_back(order: Order, actor: User | None) -> str:
    """Nobody looks after it any more."""
    mine = Order.objects.select_for_update(of=("self",)).select_related("owner").get(pk=order.pk)
    if mine.owner is None:
        raise IllegalTransition(f"nobody has taken order {order}")
    Order.objects.filter(pk=order.pk).update(owner=None)
    whose = "" if mine.owner == actor else f", which {mine.owner} had taken"
    order.note(f"given back{whose}", actor=actor)
    return f"order {order} is nobody's"
