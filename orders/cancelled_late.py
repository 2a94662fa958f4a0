"""What the marketplace cancelled after it was sent, or lowered below what has left: the hold that says so, and what of
it the warehouse has still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.models import Route
from integrations.wording import counted
from orders import parcels, settling, side_by_side
from orders.models import Hold, Order, OrderLine, Shipment, SubmittedLine, WarehouseChange, WarehouseSubmission

WITH_THE_ORDER = "the marketplace cancelled the whole order"
ALL_LEFT = "all of it that the warehouse had has left"
NOT_THERE = "it is not in the warehouse's order"
ENDED_THERE = "the order is {} in the warehouse, so that none of it ships"
HELD_ANEW = "the marketplace opened the order again, and not this line: it is held anew"
CANCELLED = ("It is cancelled", "Cancel it")
TAKEN_OUT = ("The rest is taken out", "Take the rest out")
SETTLE_LEFT = "The marketplace takes no parcel of it any more: settle with it what has left; then resolve this."
BEYOND_IN_PART = (
    "Goods of it left beyond that, which make no whole unit: have them come back, or settle them with the marketplace; "
    "then resolve this."
)


def hold(order: Order, line_number: str, why_not: str = "") -> None:
    """Say what the marketplace cancelled, and what is done about it by the route's rule, or by whom and `why_not`."""
    # The marketplace may give two lines one number: it is about the one that is cancelled.
    mine = order.lines.filter(number=line_number).order_by("-is_cancelled", "position")
    line = mine.first() if line_number else None
    if line is not None and (nothing := _nothing_to_do(order, line)):
        close_lines(order, nothing, [line_number])
        return
    says = why_not or (_order_by_rule(order) if line is None else _line_by_rule(order, line))
    settling.open_hold(order, Hold.Kind.CANCELLED_LATE, line_number, f"{_happened(line)} {says}")


def _nothing_to_do(order: Order, line: OrderLine) -> str:
    """Why nobody has to do anything about it; empty while somebody has."""
    submission: WarehouseSubmission | None = getattr(order, "submission", None)
    if submission is not None and submission.remote_status in submission.ENDED:
        return ENDED_THERE.format(submission.remote_status)
    rest = rests(order).get(line)
    if rest is not None and (rest.there or rest.in_part):
        return ""
    if not is_cancelled(line):  # it was only lowered, and what has left of it is held by its parcels
        return ALL_LEFT
    return NOT_THERE if rest is not None and not rest.left else ""


def _happened(line: OrderLine | None) -> str:
    """What the marketplace did, to the line or the whole order."""
    if line is not None and not is_cancelled(line):
        wanted = f"only {line.quantity_to_ship}" if line.quantity_to_ship else "none"
        return f"The marketplace takes {wanted} of line {line.number}: it was lowered when more of it had left."
    what = f"line {line.number} of the order" if line is not None else "the order"
    return f"The marketplace cancelled {what} after it was sent to the warehouse."


def is_there(order: Order, line_number: str) -> bool:
    """Whether the warehouse's order holds more of a cancelled line than has left; "": of any, as all were cancelled."""
    return any(rest.there for line, rest in rests(order).items() if line_number in ("", line.number))


def has_left(order: Order) -> bool:
    """Whether goods of it have left, also what makes no whole unit, or is of a cancelled line: it cannot be voided."""
    if order.status != Order.Status.SUBMITTED:
        return order.status in Order.LEFT
    return any(one.state == Shipment.State.SHIPPED for one in order.shipments.all())


def is_held(order: Order, line_number: str) -> bool:
    return order.holds.filter(kind=Hold.Kind.CANCELLED_LATE, subject=line_number, resolved_at=None).exists()


def hold_lines_again(order: Order) -> None:
    """The order is wanted again, and what was cancelled of its lines before is to be done as if it had not been.

    Each in a hold of its own: by the route's rule, what was asked for since a hold was opened counts as asked for it.
    """
    late = _of_lines(order).filter(resolution=WITH_THE_ORDER)
    numbers = sorted(set(late.values_list("subject", flat=True)))
    late.update(resolution=HELD_ANEW)
    for number in numbers:
        hold(order, number)


def close_with_the_order(order: Order) -> None:
    _of_lines(order).filter(resolved_at=None).update(resolved_at=timezone.now(), resolution=WITH_THE_ORDER)


def close_lines(order: Order, resolution: str, numbers: Collection[str] | None = None) -> None:
    """The warehouse has let go of cancelled lines: all of them, or those."""
    late = _of_lines(order).filter(Q(resolved_at=None) | Q(resolution=WITH_THE_ORDER))
    mine = late if numbers is None else late.filter(subject__in=numbers)
    mine.update(resolved_at=timezone.now(), resolution=resolution[:300])


@dataclass(frozen=True, slots=True)
class Rest:
    """Units of such a line that have left, or were told so, and that the warehouse's order holds beyond them.

    `in_part`: goods have left, too, that make no whole unit with what else has left, or is to.
    """

    left: int
    there: int
    in_part: bool = False


def rests(order: Order) -> dict[OrderLine, Rest]:
    """Of the lines that the marketplace cancelled, alone or with the order, or lowered below what has left.

    Lowered is also one of which only goods have left that make no whole unit: nothing of that is taken out. What was
    short shipped was cancelled by us.
    """
    submission: WarehouseSubmission | None = getattr(order, "submission", None)
    if submission is None or submission.remote_status in submission.ENDED:
        return {}
    rows = sorted(submission.lines.all(), key=lambda row: row.position)
    whole, goods = _gone(order, rows)
    ours, is_over = side_by_side.short_ships(order), order.cancel_requested_at is not None
    found: dict[OrderLine, Rest] = {}
    for line in (one for one in order.lines.all() if one.pk not in ours):
        left = max(whole.get(line.pk, 0), line.quantity_confirmed)
        mine = [row for row in rows if row.order_line_id == line.pk]
        if is_over or is_cancelled(line) or left > line.quantity_to_ship:
            found[line] = _rest(mine, goods, left)
        elif (rest := _rest(mine, goods, line.quantity_to_ship)).in_part:
            found[line] = replace(rest, there=0)
    return found


def _gone(order: Order, rows: list[SubmittedLine]) -> tuple[dict[int, int], dict[int, int]]:
    """Whole units that have left, by the id of the order line, and goods, by the id of the warehouse's line."""
    shipped = [one.contents for one in order.shipments.all() if one.state == Shipment.State.SHIPPED]
    return parcels.whole_units(shipped, rows), parcels.whole_units(shipped, [_by_itself(row) for row in rows])


def is_cancelled(line: OrderLine) -> bool:
    """Also where only the rest of it was, after a part had been told."""
    ordered = (line.quantity or 0) - (line.shipped_before or 0)
    return line.is_cancelled or (line.quantity_confirmed > 0 and line.quantity_to_ship < ordered)


def _by_itself(row: SubmittedLine) -> SubmittedLine:
    """As if it were a line of single goods, to count what has left of it."""
    return SubmittedLine(
        pk=row.pk, order_line_id=row.pk, item_id=row.item_id, remote_id=row.remote_id, quantity=row.quantity, units=1
    )  # fmt: skip


def _rest(rows: Sequence[SubmittedLine], goods: Mapping[int, int], left: int) -> Rest:
    """Beyond so many units: by the component of which most is there, apart from what has left of that."""
    gone: Counter[tuple[str, int]] = Counter()
    for row in rows:
        gone[row.item_id, row.units] += goods[row.pk]
    held = parcels.components(rows)
    there = (ceil((units - max(gone[part], left * part[1])) / part[1]) for part, units in held.items())
    return Rest(left, max([0, *there]), any(units > left * each for (_, each), units in gone.items()))


def _of_lines(order: Order) -> QuerySet[Hold]:
    return order.holds.filter(kind=Hold.Kind.CANCELLED_LATE).exclude(subject="")


def _order_by_rule(order: Order) -> str:
    if order.status in Order.UNSENT and settling.is_doubled(order):
        return _where_doubled("void every one of them")
    if not has_left(order):
        return _by_rule(order, None, *CANCELLED)
    there = sum(rest.there for rest in rests(order).values())
    if not there:
        return f"The warehouse has shipped of it, and no more of it is in its order. {SETTLE_LEFT}"
    more = f"The warehouse has shipped of it, and has {counted(there, 'units')} more in its order."
    return f"{more} {_by_rule(order, None, *TAKEN_OUT)} {SETTLE_LEFT}"


def _line_by_rule(order: Order, line: OrderLine) -> str:
    if order.status in Order.UNSENT and settling.is_doubled(order):
        return _where_doubled("void all but one of them")
    rest = rests(order).get(line, Rest(0, 0))
    if not rest.left and not rest.in_part:
        return _by_rule(order, line, *CANCELLED)
    if rest.in_part and not rest.there and not is_cancelled(line):
        return BEYOND_IN_PART
    if not rest.there:
        return f"{_left_in_words(rest)} left, and no more of it is in the warehouse's order. {SETTLE_LEFT}"
    more = f"{rest.there} more {'is' if rest.there == 1 else 'are'} in the warehouse's order"
    says = f"{_left_in_words(rest)} left before, {more}. {_by_rule(order, line, *TAKEN_OUT)}"
    is_untold = line.quantity_confirmed < rest.left or rest.in_part
    return f"{says} {SETTLE_LEFT}" if is_cancelled(line) and is_untold else says


def _left_in_words(rest: Rest) -> str:
    units = f"{counted(rest.left, 'units')} of it"
    if not rest.in_part:
        return units
    return f"{units} and part of another" if rest.left else "Part of a unit of it"


def _where_doubled(todo: str) -> str:
    return f"It is there more than once, or not as it was sent: {todo} while they are unshipped, then retry."


def _asked(order: Order, line: OrderLine | None) -> WarehouseChange | None:
    """What is open, or was refused, of asking the warehouse for it."""
    known = order.warehouse_changes.exclude(status__in=WarehouseChange.OVER)
    if line is None and has_left(order):  # it was to be voided once, perhaps, which is another thing
        return next((one for one in known if one.lines), None)
    return next((one for one in known if one.cancels_order or (line is not None and str(line.pk) in one.lines)), None)


def _by_rule(order: Order, line: OrderLine | None, is_done: str, do_it: str) -> str:
    """By whom it is done in the warehouse, in the words of what is done."""
    rule = order.route.cancels_after_sending if order.route else Route.CancelsAfter.ASK
    asked = _asked(order, line)
    goes_on = rule == Route.CancelsAfter.DO if asked is None else asked.status in WarehouseChange.OPEN
    if goes_on:
        return f"{is_done} there too, while it is unshipped, with the next run."
    if rule == Route.CancelsAfter.NEVER:
        # Taking out each line does not end an order.
        by_hand = do_it if line is not None or has_left(order) else "Void it"
        return f"Route {order.route} never cancels there by itself. {by_hand} there by hand while it is unshipped."
    return f"{do_it} there while it is unshipped."
