"""What can be done to many records at once, each with why it will not be done to some of them.

`foresee` answers for many records with a few queries; whether it is done says the action itself, a moment later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Model

from integrations.transmissions import Transmission
from orders import actions, settling, short_shipping, taking
from orders.models import (
    NOT_SENT,
    OUTBOXES,
    Hold,
    IllegalTransition,
    Order,
    UnreadableRecord,
    WarehouseSubmission,
)

T, S = Transmission.Status, Order.Status
Reasons = dict[int, str]
CHANGE, RESEND = "orders.change_order", "orders.resend_order"


@dataclass(frozen=True, slots=True)
class Doing:
    """One action. `asks` is the question whose answer goes with it; `undone_by` the action that takes it back."""

    title: str
    model: type[Model]
    consequence: str
    done: str
    foresee: Callable[[Sequence[Any]], Reasons]
    do: Callable[[Any, str, Any], str]
    asks: str = ""
    undone_by: str = ""
    related: tuple[str, ...] = ()
    permission: str = CHANGE

    def records(self, keys: Sequence[int]) -> dict[int, Any]:
        """The records with these keys that there are, by key."""
        rows = self.model._default_manager.filter(pk__in=keys).select_related(*self.related)
        return {row.pk: row for row in rows}


def _cannot_release(orders: Sequence[Order]) -> Reasons:
    return {one.pk: f"{_status(one)}; only a held one is released" for one in orders
            if one.status not in (S.RECEIVED, S.ON_HOLD)}  # fmt: skip


def _cannot_take_back(orders: Sequence[Order]) -> Reasons:
    sent = _with(WarehouseSubmission.objects.exclude(NOT_SENT), orders)
    return {
        one.pk: "it is being sent, or was" if one.pk in sent else f"{_status(one)}; only one that was not sent can be"
        for one in orders
        if one.status not in Order.UNSENT or one.pk in sent
    }


def _cannot_hold(orders: Sequence[Order]) -> Reasons:
    held = _with(Hold.objects.filter(kind=Hold.Kind.MANUAL, resolved_at=None), orders)
    return {one.pk: "it is held by hand already" for one in orders if one.pk in held} | _cannot_take_back(orders)


def _cannot_unskip(orders: Sequence[Order]) -> Reasons:
    open_ones = _with(settling.open_line_rows(), orders)
    found = {one.pk: "nothing of it is left to ship" for one in orders if one.pk not in open_ones}
    found |= {one.pk: "its personal data was redacted" for one in orders if one.redacted_at}
    return found | {one.pk: f"{_status(one)}; only a skipped one is taken" for one in orders if one.status != S.SKIPPED}


def _cannot_retry(orders: Sequence[Order]) -> Reasons:
    stuck = set().union(*(_with(box.model._default_manager.filter(status=T.PARKED), orders) for box in OUTBOXES))
    return {one.pk: "nothing of it was refused or given up" for one in orders if one.pk not in stuck}


def _cannot_take(orders: Sequence[Order]) -> Reasons:
    held = _with(Hold.objects.filter(resolved_at=None), orders)
    return {one.pk: "nothing holds it" for one in orders if one.pk not in held}


def _cannot_give_back(orders: Sequence[Order]) -> Reasons:
    return {one.pk: "nobody has taken it" for one in orders if one.owner_id is None}


def _cannot_resolve(holds: Sequence[Hold]) -> Reasons:
    found = {}
    for hold in holds:
        if hold.resolved_at:
            found[hold.pk] = "it is resolved already"
        elif not actions.may_resolve(hold):
            by = "by its decision" if hold.kind in Hold.UNTIL_DECIDED else "by itself once its cause is mended"
            found[hold.pk] = f"it closes {by}"
    return found


def _cannot_dismiss(records: Sequence[UnreadableRecord]) -> Reasons:
    return {one.pk: "it is off the worklist already" for one in records if one.resolved_at}


def _cannot_send_again(rows: Sequence[Transmission]) -> Reasons:
    ended = (T.IN_FLIGHT, T.ACCEPTED, T.WITHDRAWN)
    return {one.pk: f"it is {one.get_status_display().lower()}" for one in rows if one.status in ended}


def _send_again(row: Any, _reason: str, _actor: Any) -> str:
    now = type(row)._default_manager.get(pk=row.pk)
    against = _cannot_send_again([now]).get(row.pk)
    if against:
        raise IllegalTransition(f"{row}: {against}")
    actions.send_again(now)
    return "taken up again with the next run"


def _status(order: Order) -> str:
    return f"it is {order.get_status_display().lower()}"


def _with(rows: Any, orders: Sequence[Order]) -> set[int]:
    """Those of the orders that have such a row."""
    found = rows.filter(order__in=[one.pk for one in orders]).order_by().values_list("order_id", flat=True)
    return set(found.distinct())


def _without_reason(do: Callable[[Any, Any], str]) -> Callable[[Any, str, Any], str]:
    return lambda record, _reason, actor: do(record, actor)


ROUTES = ("route__warehouse", "connection")
REASON, NOTE = "Reason", "What was done about it"
LOOKED_UP = "What was refused or given up is sent again with the next run; what may have arrived is looked up first."
SHORT_SHIPS = "send_again_shortship"
AGAIN = {
    f"send_again_{box.model._meta.model_name}": Doing(
        f"Retry {box.model._meta.verbose_name_plural}", box.model, LOOKED_UP, "taken up again", _cannot_send_again,
        _send_again, related=("order",), permission=RESEND,
    )
    for box in OUTBOXES
}  # fmt: skip
AGAIN[SHORT_SHIPS] = replace(
    AGAIN[SHORT_SHIPS], consequence=f"{LOOKED_UP} {actions.FINED}", permission=short_shipping.PERMISSION
)
BY_NAME: dict[str, Doing] = {
    "release": Doing(
        "Release orders", Order, "Each order is judged again, and goes out if nothing else holds it.", "released",
        _cannot_release, _without_reason(actions.release), undone_by="hold", related=ROUTES,
    ),
    "retry": Doing(
        "Retry orders", Order, f"{LOOKED_UP} Short ships go only if you may short ship: {actions.FINED}", "sent again",
        _cannot_retry, _without_reason(actions.retry_sending), related=ROUTES, permission=RESEND,
    ),
    "hold": Doing(
        "Hold orders", Order, "What is held is not sent until somebody releases it.", "held", _cannot_hold,
        actions.hold, asks=REASON, undone_by="release", related=ROUTES,
    ),
    "skip": Doing(
        "Skip orders", Order, "What is skipped is never sent, unless somebody un-skips it.", "skipped",
        _cannot_take_back, actions.skip, asks=REASON, undone_by="unskip", related=ROUTES,
    ),
    "unskip": Doing(
        "Un-skip orders", Order, "Each order is judged like a new one, and goes out if nothing holds it.", "un-skipped",
        _cannot_unskip, _without_reason(actions.unskip), undone_by="skip", related=ROUTES,
    ),
    "take": Doing(
        "Take held orders", Order, "Everybody sees that you look after them; nothing else changes.", "taken",
        _cannot_take, _without_reason(taking.take), undone_by="give_back",
    ),
    "give_back": Doing(
        "Give back orders", Order, "They are nobody's again; nothing else changes.", "given back",
        _cannot_give_back, _without_reason(taking.give_back), undone_by="take",
    ),
    "resolve": Doing(
        "Resolve holds", Hold, "Say what was done; it stays in each order's story with your name.", "resolved",
        _cannot_resolve, actions.resolve, asks=NOTE, related=("order",),
    ),
    "dismiss": Doing(
        "Dismiss unreadable records", UnreadableRecord,
        "No order is taken from these records. One that is read well later closes it by itself.", "dismissed",
        _cannot_dismiss, actions.dismiss, asks=NOTE,
    ),
    **AGAIN,
}  # fmt: skip
