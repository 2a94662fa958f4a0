"""Orders of which all was told, and of which the marketplace wants more since: a person sees what, and decides.

Nothing follows by itself, but for what the warehouse's order holds still: what has shipped is what was told.
"""

from __future__ import annotations

from integrations.ports import MarketplaceOrder, SaleState
from orders import changes, edits
from orders.changes import Told
from orders.models import Order


def notice(order: Order, told: MarketplaceOrder) -> bool:
    """Whether a confirmed order has units to ship now that it had not. In a transaction.

    Other changes of it are nothing: it has gone where it was to go.
    """
    now: Told = changes.facts(told)
    if order.status != Order.Status.CONFIRMED or not order.told or (order.told == now and order.told_now is None):
        return False
    mine = edits.locked(order.pk)
    before: Told = mine.told or now
    wanted = _wanted(before, mine.told_now or before, now, is_open=told.state == SaleState.OPEN)
    words = changes.in_words(changes.compare(before, wanted))
    if not words:
        edits.remember(mine, now)
        return False
    if words == changes.in_words(edits.found_in(mine)):
        return False  # it waits for its decision
    Order.objects.filter(pk=mine.pk).update(told_now=wanted)
    mine.told_now = dict(wanted)
    mine.note(f"changed on the marketplace after all of it was confirmed: {words}")
    edits.hold_changed(mine, words)
    edits.follow_left(mine)
    return True


def _wanted(before: Told, waits: Told, now: Told, *, is_open: bool) -> Told:
    """What is to be decided on: what waits already and what is wanted on top, without what is wanted no more."""
    more = set(changes.more_wanted(before, now)) if is_open else set()
    came = {number for number, line in waits["lines"].items() if line["is_open"]}
    over = {number for number in came - more if not before["lines"].get(number, {}).get("is_open")}
    back = {number for number in came - more - over if changes.is_raised(before, waits, number)}
    lines = changes.with_closed(waits, over)["lines"]
    lines |= {number: {**lines[number], "quantity": before["lines"][number]["quantity"]} for number in back}
    lines |= {number: now["lines"][number] for number in more}
    taken_back = {name: before[name] for name in ("ship_to", "shipping_code") if now[name] == before[name]}
    return {**waits, **taken_back, "lines": lines}
