"""What a person can do about an order next: the one thing that brings it on, and what follows from that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from integrations.models import Route
from integrations.transmissions import Transmission
from orders import actions, cancelled_late, change_plan, forgetting, route_trouble, settling, ship_dates
from orders.models import Hold, Order

S, K = Order.Status, Hold.Kind
# Buttons and links of these names, wherever they stand. The first that is possible brings the order on.
STEPS = {
    "apply": ("Apply changes", "What the marketplace changed is taken over, and the order is judged again."),
    "amend": ("Update the warehouse order", "The warehouse's order is made what the marketplace wants now."),
    "void": ("Cancel in the warehouse", "What the marketplace cancelled is cancelled in the warehouse too."),
    "keep": (
        "Keep as it is",
        "What the marketplace changed is left, and not shown again unless it changes once more. It is told of no more "
        "units than it wants.",
    ),
    "retry": ("Retry", "What was refused or given up is sent again; what may have arrived is looked up first."),
    "release": ("Release", "The order is judged again, and goes out if nothing else holds it."),
    "unskip": ("Un-skip", "The order is judged like a new one, and goes out if nothing holds it."),
}
VOIDS = "Void the warehouse order"  # what an update comes to that leaves nothing to ship
CANCELLED_THERE = "The marketplace cancelled it and the warehouse"
UNCLEAR = "Nothing to do: no clear answer came to what was sent. It is looked up before anything is sent again."
REFUSED = "It was refused: {error}. Nothing is sent again until somebody who may has looked at it and pressed “Retry”."
LATE = "It is late since {since}, as it was to ship by {day}."
ASK_THERE = "Ask the warehouse when it ships."
SHORT = "What will never ship is told with “Short ship…”, which costs a fine."
ASIDE = {
    S.RECEIVED: "Nothing to do: it is judged with the next run.",
    S.READY: "Nothing to do: it is sent with the next run.",
    S.SUBMITTED: "Nothing to do: the warehouse has it, and its parcels are looked for every minute.",
    S.PARTLY_SHIPPED: "Nothing to do: what has left is confirmed, and the rest is waited for.",
    S.SHIPPED: "Nothing to do: the marketplace is told with the next run.",
    S.CONFIRMED: "Nothing to do: the marketplace was told of everything.",
    S.SKIPPED: "Nothing to do: it is not ours to send.",
    S.CANCELLED: "Nothing to do: the marketplace wants it no more.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A button's label and what follows; without an action there is only the text."""

    text: str
    action: str = ""
    label: str = ""

    @property
    def url_name(self) -> str:
        return f"admin:orders_order_{self.action}"


MEND = Step("Mend what holds it: each reason below says how.")


def of(order: Order, allowed: Collection[str], holds: Collection[Hold]) -> Step:
    """`allowed` are the actions that this person may do with the order now."""
    for name in _in_turn(holds):
        if name in allowed and (name != "release" or _frees(holds)):
            return Step(_text(name, order, holds), name, label(name, order))
    if holds and _is_asked(order, holds):
        return Step("Nothing to do: what was decided is done in the warehouse with the next run.")
    if holds:
        return MEND
    if order.status == S.ON_HOLD:
        return Step("Nothing holds it any more: it is judged with the next run.")
    if refused := actions.parked_in(order):  # and this person may not have it sent again
        return Step(REFUSED.format(error=refused[0].last_error.rstrip(".") or "it was given up"))
    if _is_unclear(order):
        return Step(UNCLEAR)
    return Step(
        _not_sent(order) or _kept_back(order) or _settled(order) or _late(order, allowed) or ASIDE[S(order.status)]
    )


def _in_turn(holds: Collection[Hold]) -> list[str]:
    """The names of what is tried; what a person has left in the warehouse comes last, and after all other holds."""
    if any(hold.kind == K.CANCELLED_LATE for hold in holds):
        return list(STEPS)
    names = [name for name in STEPS if name != "void"]
    return names if holds else [*names, "void"]


def _is_unclear(order: Order) -> bool:
    """Whether nobody knows yet if the other side has what was sent to it for this order."""
    submission = getattr(order, "submission", None)
    sent = [*([submission] if submission else []), *order.confirmations.all()]
    return any(one.status == Transmission.Status.UNCONFIRMED for one in sent)


def _kept_back(order: Order) -> str:
    """Why a skipped order that has something left to ship cannot be un-skipped; empty where it can, or has nothing."""
    if order.status != S.SKIPPED or order.redacted_at is None or not settling.open_lines(order):
        return ""
    return f"It cannot be un-skipped: {forgetting.why_not_sent(order.redacted_at)}."


def label(name: str, order: Order) -> str:
    """What the button of this action is called on this order."""
    return VOIDS if name == "amend" and change_plan.outlook(order).voids else STEPS[name][0]


def _text(name: str, order: Order, holds: Collection[Hold]) -> str:
    if name == "void":
        return _called_settled(order, holds)
    if name == "amend" and (outlook := change_plan.outlook(order)).voids:
        return str(outlook)
    return STEPS[name][1]


def _called_settled(order: Order, holds: Collection[Hold]) -> str:
    """What can be cancelled in the warehouse, whether it waits for that or a person has left it there."""
    if any(hold.kind == K.CANCELLED_LATE for hold in holds):
        return STEPS["void"][1]
    if order.cancel_requested_at:
        return f"{CANCELLED_THERE} still has it, which a person has settled: it ships unless it is cancelled there too."
    return (
        "The marketplace cancelled lines of it that the warehouse still has, which a person has settled: they ship "
        "unless they are taken out there too."
    )


def _late(order: Order, allowed: Collection[str]) -> str:
    """What there is to do though it goes on by itself; empty for an order that is in time."""
    days = ship_dates.days_late(order)
    if not days:
        return ""
    day = ship_dates.today() - timedelta(days=days)
    late = LATE.format(day=day, since=day + timedelta(days=1))
    if order.status in Order.UNSENT:
        return f"{late} {ASIDE[S(order.status)]}"
    return " ".join([late, ASK_THERE, *([SHORT] if "short" in allowed else [])])


def _settled(order: Order) -> str:
    """What a person closed that is not as it should be on one of the two sides; empty where there is nothing."""
    submission = getattr(order, "submission", None)
    if submission is None or order.status in (S.SKIPPED, S.CONFIRMED):
        return ""
    if order.status == S.CANCELLED:
        return _settled_again(order, submission.remote_status)
    if submission.remote_status in submission.ENDED:
        return f"It is {submission.remote_status} in the warehouse, which a person has settled: nothing of it ships."
    if order.cancel_requested_at:
        there = "has shipped of it, and no parcel is told" if cancelled_late.has_left(order) else "still has it"
        return f"{CANCELLED_THERE} {there}, which a person has settled."
    return ""


def _settled_again(order: Order, ended: str) -> str:
    """What a person did about an order that was opened again after it had ended; empty where that did not happen."""
    voided = order.holds.filter(kind=K.VOIDED_ORDER, resolved_at__isnull=False).exclude(resolution="")
    if order.cancel_requested_at is not None or not voided.exists():
        return ""
    return (
        f"The marketplace opened it again after it had ended ({ended or 'void'}) in the warehouse, which a person has "
        "settled. Parcels of an order that was entered there by hand are not told by Crossdock."
    )


def _not_sent(order: Order) -> str:
    """Why an order that nothing holds is not sent, and what brings it on; empty where nothing is in its way."""
    if waits_for_route(order):
        return f"Route {order.route} is paused: the order is sent once that is live again."
    if order.status == S.READY and order.connection.is_stopped:
        return f"{order.connection} is stopped: the order is sent once a test of that connection succeeds."
    if trouble := route_trouble.of(order):
        return f"It cannot be sent. {trouble} Once that is done, it is sent with the next run."
    error = route_trouble.error_of(order)
    return f"It was not sent yet: {error.rstrip('.')}. It is tried again by itself." if error else ""


def waits_for_route(order: Order) -> bool:
    """Whether nothing holds the order but its route, on which nothing is sent now."""
    return order.status == S.READY and order.route is not None and order.route.state == Route.State.PAUSED


def _is_asked(order: Order, holds: Collection[Hold]) -> bool:
    """Whether the warehouse is asked already for all that it is held for."""
    asked = next((one for one in order.warehouse_changes.all() if one.status in one.OPEN), None)
    if asked is None:
        return False
    numbers = {line.number for line in order.lines.all() if str(line.pk) in asked.lines}
    numbers |= {""} if asked.lines else set()
    return all(
        (hold.kind == K.CHANGED_ORDER and asked.told is not None)
        or (hold.kind == K.CANCELLED_LATE and (asked.cancels_order or hold.subject in numbers))
        for hold in holds
    )


def _frees(holds: Collection[Hold]) -> bool:
    """Whether a release ends all of these: other causes must be mended first; without any it is judged by itself."""
    return bool(holds) and all(hold.kind in Hold.UNTIL_RELEASED for hold in holds)
