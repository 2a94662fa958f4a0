"""An order that the marketplace changed after the pull: taken over, held for a decision, or shown beside what was sent.

What it last said is kept with the order, and it is that which the new words are compared with: what a person corrected
here stands until the marketplace itself changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from integrations.models import Route
from integrations.ports import MarketplaceOrder, SaleState
from orders import arrivals, changes, settling
from orders.changes import Change, Told
from orders.models import Hold, Order, OrderLine, WarehouseChange

if TYPE_CHECKING:
    from django.contrib.auth.models import User

S, K = Order.Status, Hold.Kind
CLOSED = (S.CANCELLED, S.SKIPPED, S.CONFIRMED)
DONE = (WarehouseChange.Status.ACCEPTED, WarehouseChange.Status.WITHDRAWN)
BY_ITSELF = "the marketplace took it back"


def notice(order: Order, told: MarketplaceOrder) -> bool:
    """Compare a known order with what is told of it now, and act by the route's rule; whether that was news.

    In a transaction. Raises ValidationError when a value does not fit.
    """
    now = changes.facts(told)
    if order.told == now and order.told_now is None:
        return False  # so it is with almost every order, every time
    mine = _locked(order)
    if mine.status in CLOSED or mine.cancel_requested_at or told.state != SaleState.OPEN:
        return False
    found = changes.compare(mine.told, now) if mine.told else []
    if not found:
        _remember(mine, now)
        return False
    if mine.told_now and not changes.compare(mine.told_now, now):
        return False  # it waits for its decision
    _check(mine, now)
    _react(mine, now, found)
    return True


def found_in(order: Order) -> list[Change]:
    """What waits for a decision."""
    return changes.compare(order.told, order.told_now) if order.told and order.told_now else []


@transaction.atomic
def settle_unsent(order: Order) -> None:
    """What was noticed while the order was on its way, and it did not arrive: judged as before sending."""
    mine = _locked(order)
    if mine.told_now:
        _react(mine, mine.told_now, found_in(mine))


def take_over(order: Order, now: Told, found: Sequence[Change], actor: User | None = None) -> None:
    """Make an unsent order what the marketplace says; it is judged again. In a transaction that holds the order."""
    if order.status == S.READY and arrivals.withdraw(order):
        order.move_to(S.RECEIVED, reason="changed on the marketplace")
    write(order, now, found)
    decided(order, now, f"taken over from the marketplace: {changes.in_words(found)}", actor)


def write(order: Order, now: Told, found: Sequence[Change]) -> None:
    """Put the new values into the order and its lines."""
    mine = {_column(one.field): one.after for one in found if not one.line}
    if mine:
        Order.objects.filter(pk=order.pk).update(**mine)
        vars(order).update(mine)
    for number in dict.fromkeys(one.line for one in found if one.line):
        _write_line(order, number, now["lines"].get(number))


def decided(order: Order, now: Told, text: str, actor: User | None) -> None:
    """What waited waits no more: it counts as what was last said, until the marketplace says something else."""
    Order.objects.filter(pk=order.pk).update(told=now, told_now=None)
    order.told, order.told_now = dict(now), None
    mine = order.holds.filter(kind__in=Hold.UNTIL_DECIDED, resolved_at=None)
    mine.update(resolved_at=timezone.now(), resolution=(f"{actor}: {text}" if actor else text)[:300])
    order.note(text, actor=actor)


def to_ship(line: OrderLine | None, told: Told) -> int:
    """Units of a line that are to be shipped by us, when it is told like this; never less than were told as shipped."""
    before = line.shipped_before if line is not None and line.quantity_confirmed else told["shipped"]
    left = 0 if before is None or told["quantity"] is None else max(told["quantity"] - before, 0)
    return max(left, line.quantity_confirmed if line else 0)


def line_for(order: Order, number: str, told: Told, position: int) -> OrderLine:
    """A line that the marketplace added. Not saved."""
    line = OrderLine(
        order=order, position=position, number=number, quantity=told["quantity"], quantity_to_ship=to_ship(None, told),
        shipped_before=told["shipped"], marketplace_status=told["status"], notes=told["notes"], **_goods(told),
    )  # fmt: skip
    arrivals.check_fits(line)
    return line


def next_position(order: Order) -> int:
    return max((line.position for line in order.lines.all()), default=0) + 1


def _locked(order: Order) -> Order:
    rows = Order.objects.select_for_update(of=("self",)).select_related("route", "connection")
    return rows.get(pk=order.pk)


def _react(order: Order, now: Told, found: Sequence[Change]) -> None:
    words = changes.in_words(found)
    if not arrivals.stays_unsent(order):
        Order.objects.filter(pk=order.pk).update(told_now=now)
        order.note(f"changed on the marketplace after it was sent: {words}")
        hold_changed(order, words)
    elif order.route is None or order.route.changes_before_sending == Route.ChangesBefore.APPLY:
        take_over(order, now, found)
    else:
        _ask(order, now, words)


def hold_changed(order: Order, words: str, why_not: str = "") -> None:
    """Show what differs from what was sent, and what may be done about it."""
    todo = "Update the warehouse's order, or keep it as it is."
    if order.status == S.SHIPPED:
        todo = "It has shipped already: settle it with the marketplace, then keep it as it is."
    text = f"The marketplace changed the order after it was sent: {words}. {why_not or todo}"
    settling.open_hold(order, K.CHANGED_ORDER, "", text)


def _ask(order: Order, now: Told, words: str) -> None:
    arrivals.withdraw(order)
    Order.objects.filter(pk=order.pk).update(told_now=now)
    after = order.holds.filter(kind=K.CHANGED_ORDER, resolved_at=None)
    after.update(resolved_at=timezone.now(), resolution="it had not arrived in the warehouse")
    settling.open_hold(order, K.CHANGED, "", f"The marketplace changed the order: {words}. Apply that, or keep ours.")
    if order.status == S.ON_HOLD:
        order.note(f"changed on the marketplace: {words}")
    else:
        order.move_to(S.ON_HOLD, reason=f"changed on the marketplace: {words}"[:500])


def _remember(order: Order, now: Told) -> None:
    """It says what it said before; a change that is being taken to the warehouse is brought to its end first."""
    waiting = WarehouseChange.objects.filter(order=order, told__isnull=False).exclude(status__in=DONE)
    if waiting.exclude(status=WarehouseChange.Status.PARKED).exists():
        return
    waiting.update(status=WarehouseChange.Status.WITHDRAWN, finished_at=timezone.now())
    if order.told != now or order.told_now:
        Order.objects.filter(pk=order.pk).update(told=now, told_now=None)
    if order.told_now:
        mine = order.holds.filter(kind__in=Hold.UNTIL_DECIDED, resolved_at=None)
        mine.update(resolved_at=timezone.now(), resolution=BY_ITSELF)
        order.note(f"what was changed on the marketplace: {BY_ITSELF}")


def _check(order: Order, now: Told) -> None:
    """Whether it could be stored. Raises ValidationError."""
    new = Order(**{_column(name): now["ship_to"][name] for name in changes.ADDRESS}, shipping_code=now["shipping_code"])
    arrivals.check_fits(new)
    for number, told in now["lines"].items():
        line_for(order, number, told, 1)


def _column(field: str) -> str:
    return field if field == "shipping_code" else f"ship_{field}"


def _goods(told: Told) -> dict[str, Any]:
    return {
        "partner_sku": told["partner_sku"], "option_sku": told["option_sku"], "upc": told["upc"],
        "title": told["title"][:300], "unit_cost": changes.unit_cost(told), "currency": told["currency"],
    }  # fmt: skip


def _write_line(order: Order, number: str, told: Told | None) -> None:
    line = order.lines.filter(number=number).first()
    if line is None:
        if told is not None:
            line_for(order, number, told, next_position(order)).save()
        return
    if told is None:
        OrderLine.objects.filter(pk=line.pk).update(is_cancelled=True, quantity_to_ship=line.quantity_confirmed)
        return
    before = order.told["lines"].get(number) if order.told else None
    new = _written(line, told, before)
    OrderLine.objects.filter(pk=line.pk).update(**new)


def _written(line: OrderLine, told: Told, before: Told | None) -> dict[str, Any]:
    """Only what the marketplace changed: what a person corrected otherwise stands."""
    same_goods = before and all(before[name] == told[name] for name in ("partner_sku", "option_sku"))
    new = {} if same_goods else _goods(told)
    if before and before["quantity"] == told["quantity"]:
        return new
    ships = 0 if line.is_cancelled else to_ship(line, told)
    shipped = {} if line.quantity_confirmed else {"shipped_before": told["shipped"]}
    return {**new, **shipped, "quantity": told["quantity"], "quantity_to_ship": ships}
