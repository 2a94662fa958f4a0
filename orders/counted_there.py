"""What the warehouse's order holds of each line, as it was read: our rows say so, and what is astray is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations.models import Connection
from integrations.sent_orders import PlacedLine, PlacedOrder
from inventory.models import WarehouseItem
from orders import cancelled_late, change_plan, parcels, settling
from orders.models import Hold, Order, OrderLine, SubmittedLine, WarehouseChange, WarehouseSubmission
from orders.parcels import Astray

K, S = Hold.Kind, Order.Status
COMPLETE = "it is there as it is to ship"
# Something of it waits for a person, or for a change of ours, anyway.
WAITS = (K.CANCELLED_LATE, K.CHANGED_ORDER, K.DIFFERENT_THERE, K.VOIDED_ORDER)
Rows = Sequence[SubmittedLine]
Matched = Sequence[tuple[SubmittedLine, PlacedLine | None]]


@dataclass(frozen=True, slots=True)
class Seen:
    """Ids of the order lines of which other units are there than we knew, and units by the item that is of no line."""

    lines: set[int] = field(default_factory=set)
    strange: Mapping[str, int] = field(default_factory=dict)


# --- counting -----------------------------------------------------------------------------------------------------


def count(order: Order, submission: WarehouseSubmission, placed: PlacedOrder) -> Seen:
    """Have our rows say what is there. What only moved between lines of one item is no change.

    A line that was put in anew is a row of its own, of the line that lacks its item. In a transaction that holds the
    order.
    """
    rows = list(submission.lines.order_by("position"))
    matched = _matched(rows, placed)
    _note_ids(matched)
    new, strange = _unknown(matched, placed)
    moved = _same_in_sum(rows, placed) - {line.item_id for line in new}
    there = {row: units for row, units in _units(order, matched).items() if row.item_id not in moved}
    lines = {row.order_line_id for row, units in there.items() if _note(order, row, units)}
    lines |= {_add(order, submission, line) for line in new}
    _even_out(order, submission)
    return Seen(lines, strange)


def _even_out(order: Order, submission: WarehouseSubmission) -> None:
    """Where of an item as much is there as is to ship, each of its lines has its own: one ships for the other."""
    rows = list(submission.lines.order_by("position"))
    short = parcels.astray(order.lines.all(), rows)
    wanting = {(line.pk, one.item_id): one.wanted - one.there for line, parts in short.items() for one in parts}
    for item in {item for _, item in wanting}:
        mine = [row for row in rows if row.item_id == item]
        if sum(units for (_, of), units in wanting.items() if of == item) == 0:
            for row in mine:
                more = max(wanting.pop((row.order_line_id, item), 0), -row.quantity)
                SubmittedLine.objects.filter(pk=row.pk).update(quantity=row.quantity + more)


def _matched(rows: Rows, placed: PlacedOrder) -> Matched:
    """By units before ids while all is there as we know it, whichever id it has."""
    ours = Counter((row.item_id, row.quantity) for row in rows)
    is_as_known = ours == Counter((line.item_id, int(line.quantity)) for line in placed.lines)
    return change_plan.as_known(rows, placed, by_ids=not is_as_known)


def _unknown(matched: Matched, placed: PlacedOrder) -> tuple[list[PlacedLine], dict[str, int]]:
    """Lines over there that are none of ours: of items of ours, and units of other items."""
    known = {line.remote_id for _, line in matched if line is not None}
    items, strange = {row.item_id for row, _ in matched}, Counter[str]()
    extra = [line for line in placed.lines if line.remote_id not in known]
    for line in extra:
        strange[line.item_id] += 0 if line.item_id in items else int(line.quantity)
    return [line for line in extra if line.item_id in items], {item: units for item, units in strange.items() if units}


def _note_ids(matched: Matched) -> None:
    """The ids of the answer to our sending came in an order that is not promised: they are right once it was read."""
    wrong = [(row, line) for row, line in matched if line is not None and row.remote_id != line.remote_id]
    for row, line in wrong:
        row.remote_id = line.remote_id
    SubmittedLine.objects.bulk_update([row for row, _ in wrong], ["remote_id"])


def _same_in_sum(rows: Rows, placed: PlacedOrder) -> set[str]:
    ours, theirs = Counter[str](), Counter[str]()
    for row in rows:
        ours[row.item_id] += row.quantity
    for line in placed.lines:
        theirs[line.item_id] += int(line.quantity)
    return {item for item in ours if ours[item] == theirs[item]}


def _units(order: Order, matched: Matched) -> dict[SubmittedLine, int]:
    """What is there of each of our rows.

    Of two with as many units of one item nobody can tell for sure which is gone: that is the one that was cancelled.
    """
    there = {row: int(line.quantity) if line is not None else 0 for row, line in matched}
    over = {line.pk for line in cancelled_late.rests(order)}
    gone = [row for row, units in there.items() if row.quantity and not units and row.order_line_id not in over]
    for row in gone:
        like = (one for one in there if one.order_line_id in over and _is_alike(row, one, there[one]))
        if (other := next(like, None)) is not None:
            there[row], there[other] = there[other], 0
    return there


def _is_alike(gone: SubmittedLine, other: SubmittedLine, units: int) -> bool:
    return (other.item_id, other.unit_price, units) == (gone.item_id, gone.unit_price, gone.quantity)


def _note(order: Order, row: SubmittedLine, units: int) -> bool:
    """Whether that is news."""
    if row.quantity == units:
        return False
    SubmittedLine.objects.filter(pk=row.pk).update(quantity=units)
    order.note(f"{row.submission.connection} has {units} × {row.sku} now, not {row.quantity}: changed by hand")
    return True


def _add(order: Order, submission: WarehouseSubmission, line: PlacedLine) -> int:
    """The id of the order line that it was added to."""
    rows = list(submission.lines.order_by("position"))
    short = parcels.astray(order.lines.all(), rows)
    lacking = {one.pk for one, parts in short.items() if any(part.there < part.wanted for part in parts)}
    alike = [row for row in rows if row.item_id == line.item_id]
    like = next((row for row in alike if row.order_line_id in lacking), alike[0])
    SubmittedLine.objects.create(
        submission=submission, order_line_id=like.order_line_id, position=rows[-1].position + 1, item_id=like.item_id,
        sku=like.sku, units=like.units, quantity=int(line.quantity), unit_price=line.unit_price,
        remote_id=line.remote_id,
    )  # fmt: skip
    order.note(f"{submission.connection} has {int(line.quantity)} × {like.sku} more: added by hand")
    return like.order_line_id


# --- held ---------------------------------------------------------------------------------------------------------


def hold_astray(order: Order, submission: WarehouseSubmission, seen: Seen) -> None:
    """Hold the order for what was changed and is not there as it is to ship. In a transaction that holds the order."""
    if order.status in (*Order.UNWANTED, S.CONFIRMED) or order.cancel_requested_at is not None:
        return
    over = set(cancelled_late.rests(order))  # which has its own hold
    for line, parts in parcels.astray(order.lines.all(), submission.lines.order_by("position")).items():
        if line.pk in seen.lines and line not in over:
            settling.open_hold(order, K.DIFFERENT_THERE, _subject(line), _in_words(submission, line, parts))
    _hold_strange(order, submission, seen.strange)


def _in_words(submission: WarehouseSubmission, line: OrderLine, parts: Sequence[Astray]) -> str:
    instead = ", or short ship what is missing" if any(one.there < one.wanted for one in parts) else ""
    told = ", ".join(f"{one.there} × {one.sku} instead of {one.wanted}" for one in parts)
    return (
        f"Line {_subject(line)} will not ship as it is wanted: the order in {submission.connection} has {told}, since "
        f"somebody changed it there. Put that right there{instead}. This closes by itself then."
    )


def is_missing(hold: Hold) -> bool:
    """Whether units of the line that such a hold is about are missing, and could be short shipped; not too many."""
    submission: WarehouseSubmission | None = getattr(hold.order, "submission", None)
    if hold.kind != K.DIFFERENT_THERE or submission is None or not hold.subject or hold.subject.startswith("+"):
        return False
    short = parcels.astray(hold.order.lines.all(), submission.lines.all())
    return any(one.there < one.wanted for line in short if _subject(line) == hold.subject for one in short[line])


def _hold_strange(order: Order, submission: WarehouseSubmission, strange: Mapping[str, int]) -> None:
    """Items that are of no line: each is held once, until it is gone or a person has settled just that."""
    named = _skus(submission.connection, strange)
    mine = order.holds.filter(kind=K.DIFFERENT_THERE, subject__startswith="+")
    gone = mine.filter(resolved_at=None).exclude(subject__in=[f"+{sku}" for sku in named.values()])
    gone.update(resolved_at=timezone.now(), resolution=COMPLETE)
    for item, units in strange.items():
        text = (
            f"The order in {submission.connection} has {units} × {named[item]} that the marketplace did not order: "
            "somebody added it there. Take it out there, or settle it with the marketplace; then resolve this."
        )
        _hold_unless_settled(order, f"+{named[item]}", text)


def _hold_unless_settled(order: Order, subject: str, text: str) -> None:
    """What a person has settled just so stays settled; what came right by itself, and is so again, does not."""
    known = order.holds.filter(kind=K.DIFFERENT_THERE, subject=subject, message=text, resolved_at__isnull=False)
    if not known.exclude(resolution=COMPLETE).exists():
        settling.open_hold(order, K.DIFFERENT_THERE, subject, text)


def _skus(connection: Connection, items: Iterable[str]) -> dict[str, str]:
    known = WarehouseItem.objects.filter(connection=connection, remote_id__in=list(items))
    return {item: f"item {item}" for item in items} | dict(known.values_list("remote_id", "sku"))


def _subject(line: OrderLine) -> str:
    return line.number or f"#{line.position}"


# --- by our rows alone --------------------------------------------------------------------------------------------


def look_again(connection: Connection) -> None:
    """Without asking: what has come right closes, and what is missing of an order that nothing else is open of is held.

    Whatever led there: nothing of a sent order is missing without a place where it is seen.
    """
    held = Hold.objects.filter(
        kind=K.DIFFERENT_THERE, resolved_at=None, order__submission__connection=connection
    ).exclude(Q(subject="") | Q(subject__startswith="+"))  # fmt: skip
    with_lines = held.select_related("order__submission")
    for hold in with_lines.prefetch_related("order__lines", "order__submission__lines"):
        short = parcels.astray(hold.order.lines.all(), hold.order.submission.lines.all())
        if hold.subject not in {_subject(line) for line in short}:
            Hold.objects.filter(pk=hold.pk, resolved_at=None).update(resolved_at=timezone.now(), resolution=COMPLETE)
    for submission in _lacking(connection).select_related("order", "connection"):
        _hold_missing(submission)


def _lacking(connection: Connection) -> QuerySet[WarehouseSubmission]:
    """Sent orders of which, by single rows, less is there than is to ship, and nothing is open."""
    lines = OrderLine.objects.filter(order=OuterRef("order"), is_cancelled=False, quantity_to_ship__gt=0)
    less = lines.filter(submitted_lines__quantity__lt=F("quantity_to_ship") * F("submitted_lines__units"))
    nothing = lines.filter(submitted_lines=None)
    waits = Hold.objects.filter(order=OuterRef("order"), kind__in=WAITS, resolved_at=None)
    ours = WarehouseChange.objects.filter(order=OuterRef("order")).exclude(status__in=WarehouseChange.OVER)
    return WarehouseSubmission.objects.filter(
        Exists(less) | Exists(nothing), ~Exists(waits), ~Exists(ours), connection=connection,
        status=WarehouseSubmission.Status.ACCEPTED, order__status__in=(S.SUBMITTED, S.PARTLY_SHIPPED),
        order__cancel_requested_at=None,
    ).exclude(remote_status__in=WarehouseSubmission.ENDED)  # fmt: skip


def _hold_missing(submission: WarehouseSubmission) -> None:
    short = parcels.astray(submission.order.lines.all(), submission.lines.order_by("position"))
    for line, parts in short.items():
        if any(one.there < one.wanted for one in parts):
            _hold_unless_settled(submission.order, _subject(line), _in_words(submission, line, parts))
