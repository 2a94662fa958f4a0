"""What a person may do with an order. Each returns a sentence for the screen or raises IllegalTransition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from integrations.dispatch import enqueue
from integrations.models import Route
from integrations.transmissions import Transmission, retry
from inventory import catalogue
from inventory.aliases import Resolver
from orders import (
    arrivals,
    cancelled_late,
    decisions,
    edits,
    forgetting,
    refusals,
    revisit,
    settling,
    short_shipping,
    warehouse_changes,
)
from orders.change_steps import ALL_SHIPPED
from orders.models import (
    Hold,
    IllegalTransition,
    Order,
    OrderLine,
    Sent,
    ShortShip,
    UnreadableRecord,
    WarehouseChange,
    WarehouseSubmission,
    parked_for,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    Person = User | AnonymousUser | None

S = Order.Status
T = Transmission.Status
FINED = "Overstock fines a short ship, and it cannot be taken back."
LEFT_OUT = "a refused short ship costs a fine, and is left to who may short ship"
TO_WAREHOUSE = (WarehouseSubmission, WarehouseChange)


def possible(order: Order) -> set[str]:
    """The names of the actions that an order allows as it was read with its parts, for the buttons of its page."""
    names = {"skip", "hold"} if arrivals.may_be_skipped(order) else set()
    if order.status in (S.RECEIVED, S.ON_HOLD):
        names.add("release")
    if any(hold.kind == Hold.Kind.MANUAL for hold in settling.open_holds(order)):
        names.discard("hold")
    if order.status == S.SKIPPED and order.redacted_at is None and settling.open_lines(order):
        names.add("unskip")
    if parked_in(order):
        names.add("retry")
    return names | decisions.possible(order)


def may_retry(order: Order, actor: Person) -> bool:
    """Whether anything of the order, as it was read with its parts, waits for a retry that this person may do."""
    return any(may_send_again(row, actor) for row in parked_in(order))


def of_short_ships(order: Order, actor: Person) -> list[str]:
    """What is to be known before a retry, where a refused short ship is among what waits for one."""
    shorts = [row for row in parked_in(order) if isinstance(row, ShortShip)]
    if not shorts:
        return []
    return [FINED if may_send_again(shorts[0], actor) else f"{LEFT_OUT.capitalize()}."]


def parked_in(order: Order) -> list[Sent]:
    """As `parked_for`, by what was read with the order; changes of what has shipped are left out: no retry helps."""
    submission = getattr(order, "submission", None)
    sent: list[Sent] = [
        *([submission] if submission else []), *order.warehouse_changes.all(), *order.confirmations.all(),
        *order.short_ships.all(),
    ]  # fmt: skip
    return [row for row in sent if row.status == T.PARKED and not _is_too_late(order, row)]


def _is_too_late(order: Order, row: Sent) -> bool:
    """Whether it was to change, or take out, what has left by now; its hold says so."""
    if not isinstance(row, WarehouseChange):
        return False
    if row.told is not None:
        return row.last_error == ALL_SHIPPED or edits.has_ended(order)
    if row.cancels_order:
        return order.status == S.CONFIRMED or cancelled_late.has_left(order)
    rests = cancelled_late.rests(order)
    mine = [rest for line, rest in rests.items() if str(line.pk) in row.lines]
    return bool(mine) and not any(rest.there for rest in mine)


def release(order: Order, actor: User | None) -> str:
    """Close the manual hold and judge the order again; what the warehouse is said to lack is asked for anew."""
    if order.status not in (S.RECEIVED, S.ON_HOLD):
        raise IllegalTransition(f"order {order} is {order.get_status_display().lower()}; only a held one is released")
    until_released = order.holds.filter(kind__in=Hold.UNTIL_RELEASED, resolved_at=None)
    until_released.update(resolved_at=timezone.now(), resolution=_by(actor, "released"))
    order.note("released", actor=actor)
    if order.route is not None:
        resolver = Resolver(order.route, [settling.wanted(line) for line in settling.open_lines(order)])
        catalogue.doubt(order.route.warehouse, resolver.warehouse_skus())
        enqueue("submit_orders", order.route.warehouse_id)
    return f"order {order} is judged again and goes out if nothing else holds it"


def judge(order: Order) -> None:
    """Judge a held order by what is known here, so that its page says at once what still holds it.

    One with a SKU that its warehouse was never asked for is left to the next run, which asks.
    """
    waits = Order.objects.filter(pk=order.pk, status=S.ON_HOLD).exclude(route__state=Route.State.PAUSED)
    held = list(settling.loaded(waits))
    found = [one for plan in settling.plan(held, None).values() for _, one in plan.lines]
    if all(one.is_asked for one in found):
        settling.settle(held, None, [])


def may_send_again(row: Sent, actor: Person) -> bool:
    """Whether this person may have it sent again: what costs a fine takes the permission that sending it took."""
    return actor is None or not isinstance(row, ShortShip) or actor.has_perm(short_shipping.PERMISSION)


@transaction.atomic
def retry_sending(order: Order, actor: User | None) -> str:
    """Send again what was refused or given up; what may have arrived is looked up first.

    Without an actor all of it; a person without the permission for short ships leaves those out.
    """
    Order.objects.select_for_update().get(pk=order.pk)  # the order first, then what is sent for it, as everywhere
    parked = parked_for(order)
    if not parked:
        raise IllegalTransition(f"order {order} has nothing that was refused or given up")
    stuck = [row for row in parked if may_send_again(row, actor)]
    if not stuck:
        raise IllegalTransition(f"order {order} has nothing else that was refused: {LEFT_OUT}")
    for row in stuck:
        send_again(row)
        job = "submit_orders" if isinstance(row, TO_WAREHOUSE) else "confirm_shipments"
        enqueue(job, row.connection_id)
    order.note("sent again", actor=actor)
    return f"order {order}: {len(stuck)} sent again" + (f"; {LEFT_OUT}" if len(stuck) < len(parked) else "")


@transaction.atomic
def hold(order: Order, reason: str, actor: User | None) -> str:
    """Keep an order that was not sent from going out."""
    _take_back(order)
    settling.open_hold(order, Hold.Kind.MANUAL, "", reason)
    if order.status != S.ON_HOLD:
        order.move_to(S.ON_HOLD, reason=reason, actor=actor)
    else:
        order.note(f"held by hand too: {reason}", actor=actor)
    return f"order {order} is held"


@transaction.atomic
def skip(order: Order, reason: str, actor: User | None) -> str:
    """Do not send an order, ever, unless a person un-skips it."""
    _take_back(order)
    order.holds.filter(resolved_at=None).update(resolved_at=timezone.now())
    Order.objects.filter(pk=order.pk).update(skip_reason=reason[:200], told_now=None)
    order.move_to(S.SKIPPED, reason=reason, actor=actor)
    return f"order {order} is skipped"


def send_again(row: Sent) -> None:
    """In a transaction. Raises IllegalTransition where the warehouse cannot be told any more to whom it goes."""
    if isinstance(row, TO_WAREHOUSE):
        forgetting.refuse_redacted(row.order)
    retry(row)


@transaction.atomic
def unskip(order: Order, actor: User | None) -> str:
    """Take a skipped order after all: it is judged like a new one, with what was open when it came in."""
    if order.status != S.SKIPPED:
        raise IllegalTransition(f"order {order} is {order.get_status_display().lower()}; only a skipped one is taken")
    if not settling.open_lines(order):
        raise IllegalTransition(f"order {order} has nothing left to ship: {order.skip_reason or 'no line is open'}")
    forgetting.refuse_redacted(order)
    order.move_to(S.RECEIVED, reason="un-skipped", actor=actor)
    # What the marketplace said of it while it was skipped was not followed: it must be seen again before it goes out.
    Order.objects.filter(pk=order.pk).update(skip_reason="", last_seen_at=timezone.now() - revisit.SEEN_LATELY)
    if order.route is not None:
        enqueue("submit_orders", order.route.warehouse_id)
    return f"order {order} is judged again and goes out if nothing holds it"


@transaction.atomic
def correct_line(line: OrderLine, quantity: int | None, actor: User | None) -> str:
    """Put right how many were ordered; what is to be shipped follows, less what was shipped before we had the order."""
    Order.objects.select_for_update().get(pk=line.order_id)  # the order first, then its lines, as everywhere
    known = OrderLine.objects.select_related("order").get(pk=line.pk)
    if known.is_cancelled:
        raise IllegalTransition(f"line {known.number} of order {known.order} was cancelled; its quantity stays")
    if not arrivals.is_unsent(known.order):
        raise IllegalTransition(f"order {known.order} was sent meanwhile; its lines stay as they were sent")
    # Of one that the marketplace lowered to none before it was sent, nothing has shipped elsewhere.
    before = known.shipped_before if known.quantity else known.shipped_before or 0
    left = 0 if quantity is None or before is None else max(quantity - before, 0)
    OrderLine.objects.filter(pk=known.pk).update(quantity=quantity, quantity_to_ship=left, shipped_before=before)
    text = f"line {known.number or known.position}: quantity {_number(known.quantity)} → {_number(quantity)}"
    known.order.note(f"{text}, {left} to ship", actor=actor)
    return f"{text}, {left} to ship"


def may_resolve(hold: Hold) -> bool:
    return hold.kind in Hold.AFTER_SENDING and hold.kind not in (*Hold.CLOSES_ITSELF, *Hold.UNTIL_DECIDED)


@transaction.atomic
def resolve(hold: Hold, note: str, actor: User | None) -> str:
    """Close a hold of an order that was sent already: a person says what was done about it."""
    if not may_resolve(hold):
        how = "by its decision" if hold.kind in Hold.UNTIL_DECIDED else "by itself once its cause is mended"
        raise IllegalTransition(f"“{hold}” of order {hold.order} closes {how}")
    now, order = timezone.now(), Order.objects.select_for_update().get(pk=hold.order_id)
    mine = Hold.objects.filter(pk=hold.pk, resolved_at=None)
    if not mine.update(resolved_at=now, resolution=_by(actor, note)):
        raise IllegalTransition(f"“{hold}” of order {hold.order} is resolved already")
    if hold.kind == Hold.Kind.CANCELLED_LATE:
        _settle_cancellation(order, hold.subject)
    order.note(f"resolved “{hold}”: {note}", actor=actor)
    return f"“{hold}” of order {hold.order} is resolved"


def _settle_cancellation(order: Order, line_number: str) -> None:
    """What could not be done about it, here or there, is not to be tried again: it was done by hand, or left."""
    warehouse_changes.call_off_parked(order)
    numbers = [line_number] if line_number else order.lines.values_list("number", flat=True)
    refusals.look_up_again(order, set(numbers))
    enqueue("confirm_shipments", order.connection_id)
    if not line_number:
        Order.objects.filter(pk=order.pk).update(cancel_resolved_at=timezone.now())


def dismiss(record: UnreadableRecord, note: str, actor: User | None) -> str:
    """Take a record that could not be read off the worklist: a person says why nothing is to be done."""
    mine = UnreadableRecord.objects.filter(pk=record.pk, resolved_at=None)
    if not mine.update(resolved_at=timezone.now(), resolution=_by(actor, note)):
        raise IllegalTransition(f"record {record} is off the worklist already")
    return f"record {record} is dismissed"


def _by(actor: User | None, note: str) -> str:
    return f"{actor}: {note}"[:300] if actor else note[:300]


def _number(quantity: int | None) -> str:
    return "none" if quantity is None else str(quantity)


def _take_back(order: Order) -> None:
    if order.status == S.SKIPPED:
        raise IllegalTransition(f"order {order} is skipped already, so it is not sent; to hold it, un-skip it first")
    if order.status not in Order.UNSENT:
        raise IllegalTransition(
            f"order {order} is {order.get_status_display().lower()}; only one that was not sent can be held or skipped"
        )
    if not arrivals.withdraw(order):
        raise IllegalTransition(f"order {order} is being sent right now; look again in a minute")
