"""In which bucket an order belongs, from what each side says of it. Pure; the first rule that fits decides.

| # | rule | what is seen | bucket |
|---|---|---|---|
| 1 | `doubled` | the warehouse has two living orders of it | doubled |
| 2 | `unreadable` | not here, and it cannot be read or stored | unreadable |
| 3 | `not_taken` | not here, and not ours to take: paused route, older than its earliest order date | skipped |
| 4 | `not_yet` | not here, but created after the last pull, within the grace | being sent |
| 5 | `missing_here` | not here | missing here |
| 6 | `cancelled` | cancelled here, or there while unsent; still there, or still wanted | cancelled, held, different |
| 7 | `skipped` | skipped here; cancelled there and in the warehouse all the same | skipped, held |
| 8 | `gone` | here, and absent from a complete answer for the time of its creation | gone |
| 9 | `waits` | unsent, and a person must act: holds, refused, paused route, in the warehouse already, overdue | held |
| 10 | `on_its_way` | unsent, or sent only just before both sides were read | being sent, sent |
| 11 | `settled_end` | void there, which a person settled; still wanted, shipped or there anew | held, sent, cancelled |
| 12 | `missing_there` | sent, and the whole answer of the warehouse lacks it, or it is void there | missing there |
| 13 | `unconfirmed` | shipped with tracking before the grace, and not shown as shipped | unconfirmed |
| 14 | `different` | confirmed and shown differ, or units that nobody ships are shown as open | different |
| 15 | `acted_on` | sent, and a person must act: holds, a refusal, parcel without tracking | held, cancelled |
| 16 | `changed` | sent, not confirmed, and another address, service, quantity, SKU, cost or line is shown | different |
| 17 | `unchecked` | sent, and one side could not be read | unchecked |
| 18 | `being_told` | shipped with tracking since, and neither told nor shown yet | sent |
| 19 | `sent` | all else | sent |

The grace is a few minutes (`ours.grace`). What could not be read never makes an order missing or gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from integrations.ports import SaleState
from integrations.sent_orders import Receipt
from orders import changes
from orders.models import Order, ReconciledOrder, WarehouseSubmission
from orders.reconciliation.facts import READ_AGAIN_FOR, Ours, Seen, Told, Verdict
from orders.reconciliation.lines import compared, differences, leaving, left_open, untold

B = ReconciledOrder.Bucket
M = ReconciledOrder.Mend
S = Order.Status
T = WarehouseSubmission.Status


Rule = Callable[[Seen], Verdict | None]


def judge(seen: Seen) -> Verdict:
    """The one bucket that the order belongs in."""
    return next(verdict for verdict in (rule(seen) for rule in RULES) if verdict is not None)


def doubled(seen: Seen) -> Verdict | None:
    living = {one.remote_id: one for one in seen.there.living}
    if len(living) < 2:
        return None
    text = f"is in {seen.there.name} {len(living)} times: {named(living.values())}"
    keep, is_over = (seen.ours.remote_id, seen.ours.cancel_requested) if seen.ours else ("", False)
    which = f"all but the order with id {keep}" if keep in living else "all but one"
    which = "all of them" if is_over or _shows_cancelled(seen) else which
    return Verdict(B.DOUBLED, text, f"Void {which} in {seen.there.name} before they ship.", M.ORDER if keep else "")


# --- not here -----------------------------------------------------------------------------------------------------


def unreadable(seen: Seen) -> Verdict | None:
    if seen.ours is not None or seen.told is None or not seen.told.unreadable:
        return None
    text = f"is on {seen.market} and cannot be read: {seen.told.unreadable}"
    return Verdict(B.UNREADABLE, text, "Open the record: it shows what came. Enter the order by hand.", M.RECORD)


def not_taken(seen: Seen) -> Verdict | None:
    if seen.ours is not None or seen.told is None or not seen.told.not_taken:
        return None
    return Verdict(B.SKIPPED, seen.told.not_taken)


def not_yet(seen: Seen) -> Verdict | None:
    if seen.ours is not None or seen.told is None or not seen.told.not_yet:
        return None
    return Verdict(B.BEING_SENT, seen.told.not_yet)


def missing_here(seen: Seen) -> Verdict | None:
    if seen.ours is not None or seen.told is None:
        return None
    text, action, mend = f"is on {seen.market} but not here", "Read the orders again; it is then stored.", M.READ_AGAIN
    if seen.told.created_at and seen.now - seen.told.created_at > READ_AGAIN_FOR:
        day = f"{seen.told.created_at:%Y-%m-%d}"
        action, mend = f'Backfill its day: manage.py backfill "{seen.market}" --from {day} --to {day}', M.BACKFILL
    if seen.there.living:
        text += f"; {seen.there.name} has it as {named(seen.there.living)}"
        action = f"It would be sent once more: void it in {seen.there.name}, or skip it here. {action}"
    return Verdict(B.MISSING_HERE, text, action, mend)


# --- not to be sent -----------------------------------------------------------------------------------------------


def cancelled(seen: Seen) -> Verdict | None:
    ours, there = seen.ours, seen.there
    if ours is None:
        return None
    told_so = _shows_cancelled(seen)
    if ours.status == S.CANCELLED and there.living and not (ours.is_test and there.living[0].status == "draft"):
        text = f"is cancelled, yet {there.name} holds {named(there.living)}"
        return Verdict(B.HELD, text, f"Void it in {there.name}.", M.ORDER)
    if ours.status == S.CANCELLED and _is_wanted(seen, ours):
        text = f"is cancelled here, and still open on {seen.market}"
        return Verdict(B.DIFFERENT, text, f"Cancel it there, or enter it in {there.name} by hand.", M.ORDER)
    if ours.status == S.CANCELLED:
        return Verdict(B.CANCELLED)
    if ours.status in Order.UNSENT and told_so:
        return Verdict(B.CANCELLED, f"is cancelled on {seen.market}; the next look there takes that over")
    if ours.status == S.SUBMITTED and (told_so or ours.cancel_requested) and _ended(seen):
        return Verdict(B.CANCELLED, f"is cancelled on {seen.market} and ended in {there.name}")
    return None


def skipped(seen: Seen) -> Verdict | None:
    if seen.ours is None or seen.ours.status != S.SKIPPED:
        return None
    if seen.there.living and _shows_cancelled(seen):
        text = f"is cancelled on {seen.market} and skipped here, yet {seen.there.name} holds {named(seen.there.living)}"
        return Verdict(B.HELD, text, f"Void it in {seen.there.name} while it is unshipped.", M.ORDER)
    return Verdict(B.SKIPPED, seen.ours.skip_reason)


def gone(seen: Seen) -> Verdict | None:
    if seen.ours is None or seen.told is not None or not seen.ours.must_show:
        return None
    text = f"is no longer shown by {seen.market}"
    if not seen.ours.is_sent:
        return Verdict(B.GONE, text, f"Look for it on {seen.market}; then release or skip it.", M.ORDER)
    action = f"Look for it on {seen.market}; if it was cancelled, void it in {seen.there.name} while it is unshipped."
    return Verdict(B.GONE, f"was sent and {text}", action, M.ORDER)


# --- not sent yet -------------------------------------------------------------------------------------------------


def waits(seen: Seen) -> Verdict | None:
    ours = seen.ours
    if ours is None or ours.is_sent:
        return None
    if seen.there.living and ours.submission not in (T.UNCONFIRMED, T.IN_FLIGHT, T.ACCEPTED):
        text = f"was not sent, yet {seen.there.name} has it as {named(seen.there.living)}"
        return Verdict(B.HELD, text, f"It would be doubled: void it in {seen.there.name}, or skip it here.", M.ORDER)
    if ours.holds:
        return Verdict(B.HELD, "; ".join(ours.holds), "Open the order: each hold says what frees it.", M.LISTED)
    if ours.submission == T.PARKED:
        text = f"was refused by {seen.there.name}: {ours.last_error}"
        return Verdict(B.HELD, text, "Put right what was refused, then retry.", M.RETRY)
    if ours.paused_route:
        text = f"waits for route {ours.paused_route}, which is paused"
        return Verdict(B.HELD, text, "Switch the route on, or skip the order.", M.ROUTE)
    return _overdue(seen, ours)


def _overdue(seen: Seen, ours: Ours) -> Verdict | None:
    if ours.moved_at is None or seen.now - ours.moved_at <= seen.grace:
        return None
    since = f"{ours.moved_at:%Y-%m-%d %H:%M} UTC"
    why = f": {ours.last_error}" if ours.last_error else ""
    text = f"waits to be sent since {since}{why}"
    return Verdict(B.HELD, text, "See why it does not go out, then send it.", M.SUBMIT)


def on_its_way(seen: Seen) -> Verdict | None:
    ours = seen.ours
    if ours is None:
        return None
    if not ours.is_sent:
        return Verdict(B.BEING_SENT, "is looked up after an unclear answer" if ours.submission == T.UNCONFIRMED else "")
    return None if ours.sent_before else Verdict(B.SENT, "was sent just now")


# --- sent ---------------------------------------------------------------------------------------------------------


def settled_end(seen: Seen) -> Verdict | None:
    ours, told = seen.ours, seen.told
    if ours is None or told is None or told.unreadable or not _is_settled_end(seen, ours):
        return None
    text = f"is {_ended(seen)} in {seen.there.name}; resolved: {ours.void_resolved}"
    if seen.there.living:
        return Verdict(B.SENT, f"{text}; it has {named(seen.there.living)} instead")
    if _waits_for_units(told):
        action = f"Confirm it on {seen.market} once it was shipped otherwise, or cancel it there."
        return Verdict(B.HELD, f"{text}. {seen.market} still waits for it", action, M.ORDER)
    has_shipped = any(line.known or line.told for line in ours.lines) or _shows_shipped(told)
    return Verdict(B.SENT if has_shipped else B.CANCELLED, text)


def missing_there(seen: Seen) -> Verdict | None:
    ours, there = seen.ours, seen.there
    if ours is None or any(one.remote_id == ours.remote_id for one in there.living):
        return None
    ended = _ended(seen)
    if (there.trouble and not ended) or _is_settled_end(seen, ours):
        return None
    text = f"was sent, but {there.name} no longer holds it" + (f" (it is {ended} there)" if ended else "")
    if there.living:
        text += f"; it has {named(there.living)} under the same number instead"
    action = f"Have it shipped otherwise, or cancel it on {seen.market}; then resolve what holds the order."
    return Verdict(B.MISSING_THERE, text, action, M.ORDER)


def unconfirmed(seen: Seen) -> Verdict | None:
    ours, told = seen.ours, seen.told
    if ours is None or told is None or told.unreadable or ours.is_test or _is_cancelled(seen, ours):
        return None
    if ours.waits_for_all and not _has_left(ours):
        return None
    found = [text for line, shown in compared(ours, told) for text in untold(line, shown)]
    if not found:
        return None
    text = f"was shipped, but {seen.market} does not show it: {'; '.join(found)}"
    if ours.refused_confirmation:
        text = f"{text}. The confirmation was refused: {ours.refused_confirmation}"
        return Verdict(B.UNCONFIRMED, text, "Put right what was refused, then retry.", M.RETRY)
    if ours.holds:
        return Verdict(B.UNCONFIRMED, f"{text}. {'; '.join(ours.holds)}", "Open the order and free its hold.", M.ORDER)
    if any(line.shipped > line.known for line in ours.lines):
        action = (
            f"Pull the parcels; one that stays unknown is saved once more in {seen.there.name}, so that it is told."
        )
        return Verdict(B.UNCONFIRMED, f"{text}. A parcel is not known here", action, M.PULL)
    return Verdict(B.UNCONFIRMED, text, "Confirm it now; its run says what keeps it back.", M.CONFIRM)


def different(seen: Seen) -> Verdict | None:
    ours, told = seen.ours, seen.told
    if ours is None or told is None or told.unreadable:
        return None
    found = [text for line, shown in compared(ours, told) for text in differences(line, shown)]
    found += _left_open(seen, ours, told)
    if not found:
        return None
    text = f"differs: {'; '.join(found)}"
    if ours.status == S.CONFIRMED or any(line.told for line in ours.lines):
        action = f"Compare the order with {seen.market} and put it right there."
    else:
        action = f"Find out who confirmed it on {seen.market}; if it was shipped already, void it in {seen.there.name}."
    return Verdict(B.DIFFERENT, text, action, M.ORDER)


def _left_open(seen: Seen, ours: Ours, told: Told) -> list[str]:
    """What was opened again, or ordered on top, after all was confirmed: nothing follows that any more."""
    is_new = ours.moved_at is not None and seen.now - ours.moved_at <= seen.grace
    if ours.status != S.CONFIRMED or ours.is_test or told.state != SaleState.OPEN or is_new:
        return []
    shown = {line.number: line for line in told.lines}
    return [text for line in ours.lines for text in left_open(line, shown.get(line.number))]


def acted_on(seen: Seen) -> Verdict | None:
    ours, there = seen.ours, seen.there
    if ours is None:
        return None
    if ours.holds:
        return Verdict(B.HELD, "; ".join(ours.holds), "Open the order: each hold says what is to be done.", M.LISTED)
    if _shows_cancelled(seen) and ours.status != S.CONFIRMED:
        return _cancelled_late(seen, ours)
    if there.unreadable_parcel:
        text = f"has a parcel that cannot be read: {there.unreadable_parcel}"
        return Verdict(B.HELD, text, f"Correct the parcel in {there.name}; it is then read again.", M.ORDER)
    if ours.refused_confirmation:
        text = f"has a refused confirmation: {ours.refused_confirmation}"
        return Verdict(B.HELD, text, "Put right what was refused, then retry.", M.RETRY)
    if ours.refused_short_ship:
        text = f"has a short ship that {seen.market} was not told of: {ours.refused_short_ship}"
        return Verdict(B.HELD, text, "Send it again, or ask for it with another reason.", M.LISTED)
    if any(line.untracked and not line.is_cancelled for line in ours.lines):
        text = f"left {there.name} without a tracking number, so {seen.market} cannot be told"
        return Verdict(B.HELD, text, f"Enter the tracking number in {there.name}.", M.ORDER)
    return None


def _cancelled_late(seen: Seen, ours: Ours) -> Verdict:
    if ours.status in Order.LEFT and ours.cancel_settled:
        return Verdict(B.CANCELLED, f"is cancelled on {seen.market}; it had shipped, which a person has settled")
    text = f"is cancelled on {seen.market} after it was sent"
    return Verdict(B.HELD, text, f"Void it in {seen.there.name} while it is unshipped.", M.ORDER)


def changed(seen: Seen) -> Verdict | None:
    """What was noticed holds the order; this is older than what is read again, or came a moment ago."""
    ours, told = seen.ours, seen.told
    if ours is None or told is None or ours.status == S.CONFIRMED or not (ours.last_told and told.facts):
        return None
    found = changes.compare(ours.last_told, told.facts)
    if not found:
        return None
    text = f"was changed on {seen.market} after it was sent: {changes.in_words(found)}"
    return Verdict(B.DIFFERENT, text, "Read the orders again: it then says what can be done.", M.READ_AGAIN)


def unchecked(seen: Seen) -> Verdict | None:
    if seen.there.trouble:
        text = f"was sent; {seen.there.name} could not be read: {seen.there.trouble}"
        return Verdict(B.UNCHECKED, text, "Reconcile again once it answers.", M.CONNECTION)
    if seen.told is None:
        text = f"was sent; the answer of {seen.market} for the time of its creation is not complete"
        return Verdict(B.UNCHECKED, text, "Reconcile again once it answers.", M.CONNECTION)
    if seen.told.unreadable:
        text = f"was sent; what {seen.market} shows of it cannot be read: {seen.told.unreadable}"
        return Verdict(B.UNCHECKED, text, f"Compare the order with {seen.market} by hand.", M.ORDER)
    return None


def being_told(seen: Seen) -> Verdict | None:
    ours, told = seen.ours, seen.told
    if ours is None or told is None or ours.left_at is None or ours.is_test or _is_cancelled(seen, ours):
        return None
    if ours.waits_for_all and not _has_left(ours, just_now=True):
        return None
    if not any(leaving(line, shown) for line, shown in compared(ours, told)):
        return None
    minutes = max(int((seen.now - ours.left_at).total_seconds()) // 60, 0)
    return Verdict(B.SENT, f"was shipped {minutes} min ago, {seen.market} is being told")


def sent(seen: Seen) -> Verdict:
    return Verdict(B.SENT, "as a test, which the marketplace is not told of" if seen.ours and seen.ours.is_test else "")


RULES: tuple[Rule, ...] = (
    doubled, unreadable, not_taken, not_yet, missing_here, cancelled, skipped, gone, waits, on_its_way, settled_end,
    missing_there, unconfirmed, different, acted_on, changed, unchecked, being_told, sent,
)  # fmt: skip


def named(receipts: Iterable[Receipt]) -> str:
    """The warehouse's orders as its staff find them: number and id."""
    ordered = sorted(receipts, key=lambda one: one.remote_id)
    return ", ".join(f"{one.number or 'an order without a number'} (id {one.remote_id})" for one in ordered)


def _has_left(ours: Ours, *, just_now: bool = False) -> bool:
    """Whether all of it has left before the grace, or within it too."""
    open_lines = [line for line in ours.lines if line.to_ship and not line.is_cancelled]
    return all(line.shipped + (line.leaving if just_now else 0) >= line.to_ship for line in open_lines)


def _ended(seen: Seen) -> str:
    """How the order's own one ended in the warehouse; empty if it did not."""
    if seen.ours is None:
        return ""
    return next((one.status for one in seen.there.ended if one.remote_id == seen.ours.remote_id), "")


def _shows_cancelled(seen: Seen) -> bool:
    return seen.told is not None and not seen.told.unreadable and seen.told.state == SaleState.CANCELLED


def _is_cancelled(seen: Seen, ours: Ours) -> bool:
    """Whether the marketplace takes no parcel of it any more."""
    return ours.cancel_requested or _shows_cancelled(seen)


def _shows_shipped(told: Told) -> bool:
    return any(line.state == SaleState.SHIPPED for line in told.lines)


def _is_settled_end(seen: Seen, ours: Ours) -> bool:
    """Whether its own order ended in the warehouse, none lives there, and a person said what was done about it."""
    lives = any(one.remote_id == ours.remote_id for one in seen.there.living)
    return bool(ours.void_resolved and _ended(seen)) and not lives


def _is_wanted(seen: Seen, ours: Ours) -> bool:
    """Whether the marketplace shows units to ship, long after the order was closed here."""
    told = seen.told
    if told is None or told.unreadable:
        return False
    is_new = ours.moved_at is not None and seen.now - ours.moved_at <= seen.grace
    return not is_new and _waits_for_units(told)


def _waits_for_units(told: Told) -> bool:
    return told.state == SaleState.OPEN and any(
        line.state == SaleState.OPEN and (line.quantity or 0) > line.quantity_shipped for line in told.lines
    )
