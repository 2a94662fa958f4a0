"""An order that the marketplace changed after the pull: taken over, held for a decision, or shown beside what was sent.

What it last said is kept with the order, and it is that which the new words are compared with: what a person corrected
here stands until the marketplace itself changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations.models import Route
from integrations.ports import MarketplaceOrder, SaleState
from orders import arrivals, change_plan, change_steps, changes, lowered, parcels, reopening, settling, told_lines
from orders.changes import Change, Told
from orders.models import Hold, Order, WarehouseChange, WarehouseSubmission
from orders.told import hold_beyond

if TYPE_CHECKING:
    from django.contrib.auth.models import User

S, K = Order.Status, Hold.Kind
NOTHING_TO_DECIDE = "what has left, or is in the warehouse's order, leaves nothing to decide"
CONFIRMED = (
    "All of it has shipped and was confirmed, so that nothing follows by itself. Have that shipped and confirm it "
    "there by hand, or settle it with the marketplace; then keep the order as it is."
)
ENDED = (
    "The order is {status} in {warehouse}, so that there is nothing to update: enter what is wanted there by hand, or "
    "settle it with the marketplace; then keep it as it is."
)


def notice(order: Order, told: MarketplaceOrder) -> bool:
    """Compare a known order with what is told of it now, and act by the route's rule; whether that was news.

    In a transaction. What does not fit our columns is for a person, like what the rule asks about.
    """
    now = _told_by(order, told)
    if order.told == now and order.told_now is None:
        return False  # so it is with almost every order, every time
    mine = locked(order.pk)
    now = _told_by(mine, told)
    if now is None or mine.status in Order.CLOSED or mine.cancel_requested_at:
        return False
    now = _with_undecided(mine, now, told)
    _know_again(mine, now)
    found = changes.compare(mine.told, now) if mine.told else []
    if not found:
        remember(mine, now)
        return False
    waits = mine.told_now
    if waits and not changes.compare(waits, now) and changes.closing(waits, now) == waits:
        return False  # it waits for its decision
    _react(mine, now, found)
    return True


def _told_by(order: Order, told: MarketplaceOrder) -> Told | None:
    """What is compared. Of an order that is complete over there, no more than which lines it cancelled, or lowered."""
    before = order.told_now or order.told
    if told.state == SaleState.OPEN:
        return changes.facts(told)
    if before is None or told.state == SaleState.CANCELLED:
        return None
    had = {number: line["quantity"] for number, line in before["lines"].items()}
    over = {
        line.number for line in told.lines
        if line.state == SaleState.CANCELLED or line.quantity != had.get(line.number, line.quantity)
    }  # fmt: skip
    return changes.with_closed(before, over) if over else None


def _with_undecided(order: Order, now: Told, told: MarketplaceOrder) -> Told:
    """A line that has shipped as it was sent still differs from what is wanted: a person decides, or nobody is told."""
    if not order.told or not order.told_now or arrivals.is_unsent(order):
        return now
    shipped = {line.number for line in told.lines if line.state == SaleState.SHIPPED}
    return changes.undecided(order.told, order.told_now, now, shipped)


def _know_again(order: Order, now: Told) -> None:
    """A line that vanished, was kept, and is told again as we have it differs in nothing."""
    before = order.told["lines"] if order.told else now["lines"]
    new = {number: told for number, told in now["lines"].items() if number not in before and told["is_open"]}
    mine = order.lines.filter(number__in=new) if new else ()
    same = {line.number: new[line.number] for line in mine if told_lines.is_as_told(line, new[line.number])}
    if same and order.told:
        order.told = {**order.told, "lines": {**before, **same}}
        Order.objects.filter(pk=order.pk).update(told=order.told)
        order.note(f"the marketplace shows line {', '.join(same)} again, as it was kept")


def open_again(order: Order, number: str) -> None:
    """A line that was left out here ships after all, if it is wanted still: a change like any other.

    In a transaction that holds the order.
    """
    now = order.told_now or order.told
    if not order.told or not now or number not in order.told["lines"]:
        return
    order.told = changes.with_closed(order.told, {number})
    Order.objects.filter(pk=order.pk).update(told=order.told)
    found = changes.compare(order.told, now)
    if any(one.line == number for one in found):
        _react(order, now, found)


def found_in(order: Order) -> list[Change]:
    """What waits for a decision."""
    return changes.compare(order.told, order.told_now) if order.told and order.told_now else []


@transaction.atomic
def settle_unsent(order: Order) -> None:
    """What was noticed while the order was on its way, and it did not arrive: judged as before sending."""
    mine = locked(order.pk)
    if mine.told_now:
        _react(mine, mine.told_now, found_in(mine))


def take_over(order: Order, now: Told, found: Sequence[Change], actor: User | None = None) -> None:
    """Make an unsent order what the marketplace says; it is judged again. In a transaction that holds the order."""
    if order.status == S.READY and arrivals.withdraw(order):
        order.move_to(S.RECEIVED, reason="changed on the marketplace")
    write(order, now, found)
    decided(order, now, f"taken over from the marketplace: {changes.in_words(found)}", actor)
    fields = {one.field for one in found}
    if not settling.open_lines(order) and "quantity" in fields and "line" not in fields:
        arrivals.cancel(order, "the marketplace wants none of it any more")


def write(order: Order, now: Told, found: Sequence[Change]) -> None:
    """Put the new values into the order and its lines."""
    mine = {_column(one.field): one.after for one in found if not one.line}
    if mine:
        Order.objects.filter(pk=order.pk).update(**mine)
        vars(order).update(mine)
    for number in dict.fromkeys(one.line for one in found if one.line):
        told_lines.write(order, number, now["lines"].get(number))


def decided(order: Order, now: Told, text: str, actor: User | None) -> None:
    """What waited waits no more: it counts as what was last said, until the marketplace says something else."""
    Order.objects.filter(pk=order.pk).update(told=now, told_now=None)
    order.told, order.told_now = dict(now), None
    mine = order.holds.filter(kind__in=Hold.UNTIL_DECIDED, resolved_at=None)
    mine.update(resolved_at=timezone.now(), resolution=(f"{actor}: {text}" if actor else text)[:300])
    order.note(text, actor=actor)


def remember(order: Order, now: Told) -> None:
    """It says what it said before; a change that is being taken to the warehouse is brought to its end first."""
    if not _ends_changes(order):
        return
    if order.told != now or order.told_now:
        Order.objects.filter(pk=order.pk).update(told=now, told_now=None)
    if order.told_now:
        text = _closed_meanwhile(order, now) or reopening.TAKEN_BACK
        mine = order.holds.filter(kind__in=Hold.UNTIL_DECIDED, resolved_at=None)
        mine.update(resolved_at=timezone.now(), resolution=text[:300])
        order.note(f"what was changed on the marketplace: {text}")


def _ends_changes(order: Order) -> bool:
    """Call off what was refused of following it in the warehouse; False while it is done there, or about to be."""
    waiting = _updates(order)
    if waiting.exclude(status=WarehouseChange.Status.PARKED).exists():
        return False
    waiting.update(status=WarehouseChange.Status.WITHDRAWN, finished_at=timezone.now())
    return True


def _updates(order: Order) -> QuerySet[WarehouseChange]:
    """What of following the marketplace in the warehouse is not over."""
    return WarehouseChange.objects.filter(order=order, told__isnull=False).exclude(status__in=WarehouseChange.OVER)


def locked(pk: int) -> Order:
    """The order as it is now, kept from changing until the transaction ends; whoever locks more locks it first."""
    return Order.objects.select_for_update(of=("self",)).select_related("route", "connection").get(pk=pk)


def _react(order: Order, now: Told, found: Sequence[Change]) -> None:
    if not arrivals.stays_unsent(order):
        _show(order, now)
    elif _applies(order) and not misfit(order, now):
        take_over(order, now, found)
    else:
        _ask(order, now, changes.in_words(found))


def _applies(order: Order) -> bool:
    return order.route is None or order.route.changes_before_sending == Route.ChangesBefore.APPLY


def _show(order: Order, now: Told) -> None:
    """It was sent: beside it stands what differs now."""
    reopening.take_back(order, now)
    words = changes.in_words(changes.compare(order.told or {}, now))
    if not words:
        remember(order, now)
        return
    _wait(order, now)
    order.note(f"changed on the marketplace after it was sent: {words}")
    hold_changed(order, words)
    follow_left(order)


def _wait(order: Order, now: Told) -> None:
    """It is to be decided on. What was cancelled is not: that has its own hold, and may be taken back before."""
    over = _closed_meanwhile(order, now)
    if over:
        order.note(f"of what was changed on the marketplace: {over}")
    if order.told and _close_in_changes(order, now):
        order.told = changes.closing(order.told, now)
    order.told_now = dict(now)
    Order.objects.filter(pk=order.pk).update(told=order.told, told_now=now)


def _close_in_changes(order: Order, now: Told) -> bool:
    """What is to be taken to the warehouse opens no line that was cancelled since; False while it is being taken."""
    for row in _updates(order).select_for_update():
        if row.status == WarehouseChange.Status.IN_FLIGHT:
            return False
        WarehouseChange.objects.filter(pk=row.pk).update(told=changes.closing(row.told or {}, now))
    return True


def hold_changed(order: Order, words: str, why_not: str = "") -> None:
    """Show what differs from what was sent, and what may be done about it, or `why_not`."""
    text = f"The marketplace changed the order after it was sent: {words}. {why_not or _todo(order)}"
    settling.open_hold(order, K.CHANGED_ORDER, "", text)


def follow_left(order: Order, *, is_kept: bool = False) -> None:
    """Nothing can be decided of what has left beyond what is wanted now; `is_kept`: nor of what the warehouse keeps.

    A change that was no more than that waits no more. In a transaction that holds the order.
    """
    if lowered.follow(order, is_kept=is_kept):
        beyond = parcels.recount(order, WarehouseSubmission.objects.get(order=order))
        hold_beyond(order, beyond)
    if order.told_now and not found_in(order) and _ends_changes(order):
        decided(order, order.told_now, NOTHING_TO_DECIDE, None)
    say_again(order)


def say_again(order: Order) -> None:
    """The order is further on than when its hold was written: what can be done about it is another thing now."""
    if order.holds.filter(kind=K.CHANGED_ORDER, resolved_at=None).exists() and (found := found_in(order)):
        hold_changed(order, changes.in_words(found))


def _todo(order: Order) -> str:
    if order.status == S.CONFIRMED:
        return CONFIRMED
    if order.status == S.SHIPPED or was_too_late(order):
        return "It has shipped already: settle it with the marketplace, then keep it as it is."
    if has_ended(order):
        return ENDED.format(status=order.submission.remote_status, warehouse=order.submission.connection)
    bad = misfit(order, order.told_now) if order.told_now else ""
    if bad:
        return f"{bad} Change the warehouse's order by hand, then keep it as it is."
    asked = _updates(order).last()
    if asked is not None and asked.told and order.told_now and not changes.compare(asked.told, order.told_now):
        is_parked = asked.status == WarehouseChange.Status.PARKED
        return asked.last_error if is_parked else "The warehouse's order is updated with the next run."
    return f"{change_plan.outlook(order)} Update the warehouse's order, or keep it as it is.".strip()


def was_too_late(order: Order) -> bool:
    """Whether an update was refused since all has shipped there, though its parcels are not known here: so is the next.

    By what was read with the order, if it was.
    """
    rows = [one for one in order.warehouse_changes.all() if one.told is not None]
    parked = WarehouseChange.Status.PARKED
    return any(one.status == parked and one.last_error == change_steps.ALL_SHIPPED for one in rows)


def has_ended(order: Order) -> bool:
    """Whether there is no order in the warehouse any more that could be updated."""
    submission: WarehouseSubmission | None = getattr(order, "submission", None)
    return submission is not None and submission.remote_status in submission.ENDED


def misfit(order: Order, now: Told) -> str:
    """Why what is told cannot be stored, in a sentence; empty if it can."""
    try:
        _check(order, now)
    except ValidationError as exc:
        return f"That cannot be stored here: {arrivals.misfits(exc)}."
    return ""


def _ask(order: Order, now: Told, words: str) -> None:
    arrivals.withdraw(order)
    _wait(order, now)
    after = order.holds.filter(kind=K.CHANGED_ORDER, resolved_at=None)
    after.update(resolved_at=timezone.now(), resolution="it had not arrived in the warehouse")
    bad = misfit(order, now)
    todo = f"{bad} Correct ours by hand as far as it goes, then keep it." if bad else "Apply that, or keep ours."
    settling.open_hold(order, K.CHANGED, "", f"The marketplace changed the order: {words}. {todo}")
    if order.status == S.ON_HOLD:
        order.note(f"changed on the marketplace: {words}")
    else:
        order.move_to(S.ON_HOLD, reason=f"changed on the marketplace: {words}"[:500])


def _closed_meanwhile(order: Order, now: Told) -> str:
    """What waited for a decision and needs none any more, since its line is closed over there; empty if nothing."""
    over = changes.lapsed(order.told, order.told_now, now) if order.told and order.told_now else []
    return f"the line is closed there, so that ours stays, not: {changes.in_words(over)}" if over else ""


def _check(order: Order, now: Told) -> None:
    """Whether it could be stored. Raises ValidationError."""
    new = Order(**{_column(name): now["ship_to"][name] for name in changes.ADDRESS}, shipping_code=now["shipping_code"])
    arrivals.check_fits(new)
    for number, told in now["lines"].items():
        told_lines.line_for(order, number, told, 1)


def _column(field: str) -> str:
    return field if field == "shipping_code" else f"ship_{field}"
