"""One order as the marketplace tells it: stored when it is new, compared when it is not."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.ports import MarketplaceLine, MarketplaceOrder, SaleState
from integrations.wording import counted
from orders import cancelled_late, changes, parcels, personal_data, references, refusals, settling
from orders.models import NOT_SENT, Hold, Order, OrderLine, WarehouseChange, WarehouseSubmission

S = Order.Status
T = WarehouseSubmission.Status
VOID_OTHERS, VOID_ALL = "Void all but one there", "Void all of them there"


def store_new(
    connection: Connection, route: Route | None, told: MarketplaceOrder, *, too_old_too: bool = False
) -> Order:
    """Create the order with its lines, RECEIVED or SKIPPED. Raises ValidationError when a value does not fit."""
    order = _order(connection, route, told)
    check_fits(order)
    order.save()
    store_lines(order, told)
    order.note(f"received from {connection}")
    if route is not None:
        references.assign(order, route)
    reason = skip_reason(told, route, too_old_too=too_old_too)
    if reason:
        order.skip_reason = reason
        if wants_none(told):  # it is noticed when it is opened again
            order.cancel_requested_at = order.cancel_resolved_at = timezone.now()
        order.save(update_fields=["skip_reason", "cancel_requested_at", "cancel_resolved_at"])
        order.move_to(S.SKIPPED, reason=reason)
    return order


def store_lines(order: Order, told: MarketplaceOrder) -> None:
    """Its lines as they are told. Raises ValidationError when a value does not fit."""
    lines = [_line(order, position, line, told.state) for position, line in enumerate(told.lines, start=1)]
    OrderLine.objects.bulk_create(lines)


def skip_reason(told: MarketplaceOrder, route: Route | None, *, too_old_too: bool = False) -> str:
    """Why an order that we see for the first time is not ours to send; empty if it is."""
    if told.state == SaleState.CANCELLED:
        return "cancelled on the marketplace before it was first seen"
    if told.state == SaleState.SHIPPED:
        return "shipped on the marketplace before it was first seen"
    if told.lines and all(line.quantity and not _to_ship(line) for line in told.lines):
        shipped = any(line.state == SaleState.SHIPPED or line.quantity_shipped for line in told.lines)
        return f"every line was {'shipped or cancelled' if shipped else 'cancelled'} before it was first seen"
    return "" if route is None or too_old_too else settling.too_old(told.ordered_at.date(), route)


def seen_unchanged(connection: Connection, told: MarketplaceOrder) -> bool:
    """Note that an order is told as it was before, which is so with almost every one; whether it is that simple.

    Nothing is decided here, so that nothing needs to be locked: whatever is open over there and not told as before,
    or is not all open while we still follow it, is for `seen_again` and `edits.notice`.
    """
    mine = Order.objects.filter(connection=connection, sales_channel=told.sales_channel, full_number=told.number)
    as_before = mine.filter(
        marketplace_status=told.status[:60], told_now__isnull=True, cancel_requested_at__isnull=True
    )  # fmt: skip
    known = as_before.only("status", "told", "warehouse_name", "redacted_at").first()
    if known is None or _names_warehouse_now(known, told):
        return False
    if known.told != changes.facts(personal_data.as_kept(known, told)):
        return False
    if not (known.status in Order.CLOSED or _is_all_open(told)):
        return False
    return bool(mine.filter(pk=known.pk).update(last_seen_at=timezone.now()))


def seen_again(order: Order, told: MarketplaceOrder) -> str:
    """Compare a known order with what is told of it now; what happened, as a word for the run's counts."""
    Order.objects.filter(pk=order.pk).update(last_seen_at=timezone.now(), marketplace_status=told.status[:60])
    order.marketplace_status = told.status[:60]
    if _names_warehouse_now(order, told):
        Order.objects.filter(pk=order.pk).update(warehouse_name=told.warehouse_name)
    if order.status in Order.CLOSED:  # none of its confirmations is refused any more
        return "seen again"
    over = _cancelled_numbers(told)
    if over:
        refusals.look_up_again(order, over)
    if order.cancel_requested_at and not stays_unsent(order):
        return "seen again"
    gone = list(_newly_cancelled(order, told))
    everything = told.state == SaleState.CANCELLED or (gone and not _left(order, gone, told))
    if everything:
        cancel(order, "the marketplace cancelled the order")
        return "cancelled"
    for line in gone:
        _cancel_line(order, line)
    rest = list(_rest_cancelled(order, told))
    for line in rest:
        _cancel_rest(order, line)
    shipped = list(_shipped_without_us(order, told))
    all_shipped = told.state == SaleState.SHIPPED or (shipped and not _open(order) and not _brings_more(order, told))
    if all_shipped and _skip_shipped(order):
        return "skipped"
    return "changed" if gone or rest or shipped else "seen again"


def _names_warehouse_now(order: Order, told: MarketplaceOrder) -> bool:
    """Whether it is told of a warehouse that it did not name; one that it named stays, since its route hangs on it."""
    return bool(told.warehouse_name) and not order.warehouse_name


def withdraw(order: Order) -> bool:
    """Take the submission back, if it certainly was not sent; whether nothing can reach the warehouse any more.

    In a transaction, which holds the order first and then its submission, as everywhere.
    """
    list(Order.objects.select_for_update().filter(pk=order.pk).values_list("pk"))
    mine = WarehouseSubmission.objects.filter(order=order)
    mine.filter(NOT_SENT).exclude(status=T.WITHDRAWN).update(status=T.WITHDRAWN, finished_at=timezone.now())
    return not mine.exclude(status=T.WITHDRAWN).exists()


def is_unsent(order: Order) -> bool:
    """Whether what would be sent can still change: the order is neither sent nor on its way this moment.

    One that the warehouse holds already, though this database did not send it, is not: a person says first which it is.
    """
    sent = WarehouseSubmission.objects.filter(order=order).exclude(NOT_SENT)
    return order.status in Order.UNSENT and not sent.exists() and not settling.is_doubled(order)


def was_unsent(order: Order) -> bool:
    """The same of an order and its submission as they were read, for a page: nothing may be decided by it."""
    return may_be_skipped(order) and not any(hold.kind == Hold.Kind.DOUBLED for hold in settling.open_holds(order))


def may_be_skipped(order: Order) -> bool:
    """The same of one that the warehouse may hold already by another way, too: that one can be left to it."""
    submission = getattr(order, "submission", None)
    return order.status in Order.UNSENT and (submission is None or submission.is_not_sent)


def cancel(order: Order, reason: str) -> None:
    """The marketplace wants the order no more: cancelled here if it was not sent, else a person must act."""
    now = timezone.now()
    Order.objects.filter(pk=order.pk, cancel_requested_at=None).update(cancel_requested_at=now)
    order.cancel_requested_at = now
    if order.status in Order.UNSENT and not settling.is_doubled(order) and withdraw(order):
        close_cancelled(order, reason)
        return
    order.note(reason)
    _void_all(order)
    ended = WarehouseSubmission.objects.filter(order=order, remote_status__in=WarehouseSubmission.ENDED)
    if order.status == S.SUBMITTED and ended.exists():
        close_cancelled(order, "it had ended in the warehouse before")
        return
    # Of one that has shipped in part, lines are taken out singly.
    if order.status in (*Order.UNSENT, S.SUBMITTED) and not cancelled_late.has_left(order):
        cancelled_late.close_with_the_order(order)
    cancelled_late.hold(order, "")


def _void_all(order: Order) -> None:
    """Of those that the warehouse holds none is wanted any more."""
    for hold in order.holds.filter(kind=Hold.Kind.DOUBLED, resolved_at=None):
        settling.open_hold(order, Hold.Kind.DOUBLED, "", hold.message.replace(VOID_OTHERS, VOID_ALL))


def close_cancelled(order: Order, reason: str) -> None:
    """Both sides have done with it. What was told of its parcels all the same stays for a person to see."""
    now = timezone.now()
    closed = {Hold.Kind.CANCELLED_LATE, Hold.Kind.VOIDED_ORDER, Hold.Kind.CHANGED_ORDER, Hold.Kind.DIFFERENT_THERE}
    stay = set(Hold.AFTER_SENDING) - closed
    order.holds.filter(resolved_at=None).exclude(kind__in=stay).update(resolved_at=now)
    parked = WarehouseChange.objects.filter(order=order, status=T.PARKED)
    parked.update(status=T.WITHDRAWN, finished_at=now)  # nobody needs to try again what is not wanted any more
    Order.objects.filter(pk=order.pk).update(cancel_resolved_at=now, told_now=None)
    order.move_to(S.CANCELLED, reason=reason)


def _cancel_line(order: Order, line: OrderLine) -> None:
    if stays_unsent(order):
        OrderLine.objects.filter(pk=line.pk).update(is_cancelled=True, quantity_to_ship=0)
        order.note(f"the marketplace cancelled line {line.number}; it is left out")
        return
    OrderLine.objects.filter(pk=line.pk).update(is_cancelled=True)
    order.note(f"the marketplace cancelled line {line.number} after the order was sent")
    cancelled_late.hold(order, line.number)


def _cancel_rest(order: Order, line: OrderLine) -> None:
    """Some of it was told as shipped, or is about to be; of the rest nothing is told, nor waited for any more."""
    mine = Order.objects.select_for_update().get(pk=order.pk)
    known = mine.lines.get(pk=line.pk)
    left = known.quantity_confirmed
    OrderLine.objects.filter(pk=known.pk).update(quantity_to_ship=min(left, known.quantity_to_ship))
    units = counted(known.quantity_to_ship - left, "units")
    mine.note(f"the marketplace cancelled the rest of line {known.number}: {units}")
    cancelled_late.hold(mine, known.number)
    parcels.recount(mine, WarehouseSubmission.objects.get(order=mine))
    order.status = mine.status


def _shipped_without_us(order: Order, told: MarketplaceOrder) -> Iterator[OrderLine]:
    """Lines of an unsent order of which the marketplace has less open than we would send: that much is left out."""
    if not stays_unsent(order):
        return
    now = {line.number: line for line in told.lines}
    for line in order.lines.filter(is_cancelled=False):
        theirs = now.get(line.number)
        if theirs is None or theirs.quantity is None:
            continue
        if theirs.quantity != line.quantity and theirs.state != SaleState.SHIPPED:
            continue
        left = _to_ship(theirs)
        if left < line.quantity_to_ship:
            before = None if theirs.state == SaleState.SHIPPED else theirs.quantity - left
            OrderLine.objects.filter(pk=line.pk).update(quantity_to_ship=left, shipped_before=before)
            order.note(f"line {line.number}: {counted(line.quantity_to_ship - left, 'units')} shipped without us")
            yield line


def _skip_shipped(order: Order) -> bool:
    if order.status not in Order.UNSENT or not withdraw(order):
        return False
    reason = "shipped on the marketplace without us"
    Order.objects.filter(pk=order.pk).update(skip_reason=reason, told_now=None)
    order.lines.update(quantity_to_ship=0, shipped_before=None)
    order.holds.filter(resolved_at=None).update(resolved_at=timezone.now())
    order.move_to(S.SKIPPED, reason=reason)
    return True


def stays_unsent(order: Order) -> bool:
    """Whether it is unsent, and a send that would begin right now waits for this transaction."""
    list(WarehouseSubmission.objects.select_for_update().filter(order=order).values_list("pk"))
    return is_unsent(order)


def _open(order: Order) -> bool:
    return order.lines.filter(is_cancelled=False).filter(Q(quantity_to_ship__gt=0) | Q(quantity=None)).exists()


def _newly_cancelled(order: Order, told: MarketplaceOrder) -> Iterator[OrderLine]:
    state = {line.number: line.state for line in told.lines}
    for line in order.lines.all():
        if not line.is_cancelled and state.get(line.number) == SaleState.CANCELLED and line.quantity_confirmed == 0:
            yield line


def _rest_cancelled(order: Order, told: MarketplaceOrder) -> Iterator[OrderLine]:
    """Lines that were cancelled when some of them was told as shipped already, or lowered to that, and so complete."""
    now = {line.number: line for line in told.lines}
    for line in order.lines.filter(is_cancelled=False, quantity_confirmed__gt=0):
        theirs, taken = now.get(line.number), line.quantity_confirmed + (line.shipped_before or 0)
        waits = line.quantity_to_ship > line.quantity_confirmed
        if theirs is not None and waits and _takes_no_more(theirs, taken):
            yield line


def _takes_no_more(line: MarketplaceLine, taken: int) -> bool:
    is_complete = line.state == SaleState.SHIPPED and line.quantity is not None and line.quantity <= taken
    return line.state == SaleState.CANCELLED or is_complete


def _cancelled_numbers(told: MarketplaceOrder) -> set[str]:
    """The lines that it shows as cancelled, alone or with the order."""
    is_over = told.state == SaleState.CANCELLED
    return {line.number for line in told.lines if is_over or line.state == SaleState.CANCELLED}


def _left(order: Order, gone: list[OrderLine], told: MarketplaceOrder) -> bool:
    """Whether any line is still wanted; one that took the place of those that are gone may be new to us."""
    return _brings_more(order, told) or any(line not in gone and not line.is_cancelled for line in order.lines.all())


def _brings_more(order: Order, told: MarketplaceOrder) -> bool:
    """Whether a line is to ship that is new, or that was cancelled and is open again: `edits` follows that."""
    ours = set(order.lines.filter(is_cancelled=False).values_list("number", flat=True))
    return any(line.number not in ours and _to_ship(line) for line in told.lines)


def _is_all_open(told: MarketplaceOrder) -> bool:
    open_lines = (line.state == SaleState.OPEN and not line.quantity_shipped for line in told.lines)
    return told.state == SaleState.OPEN and all(open_lines)


def wants_none(told: MarketplaceOrder) -> bool:
    """Whether it is cancelled as it is told: as a whole, or every line of it, short shipped ones too."""
    return told.state == SaleState.CANCELLED or all(line.state == SaleState.CANCELLED for line in told.lines)


def ships_any(told: MarketplaceOrder) -> bool:
    """Whether any of it is to be shipped, as it is told."""
    return any(_to_ship(line) for line in told.lines)


def _to_ship(line: MarketplaceLine) -> int:
    if line.quantity is None or line.state != SaleState.OPEN:
        return 0
    return max(line.quantity - line.quantity_shipped, 0)


def _order(connection: Connection, route: Route | None, told: MarketplaceOrder) -> Order:
    address = told.ship_to
    return Order(
        connection=connection, route=route, sales_channel=told.sales_channel, full_number=told.number,
        marketplace_status=told.status, warehouse_name=told.warehouse_name,
        ordered_at=told.ordered_at, ordered_on=told.ordered_at.date(), marketplace_created_at=told.created_at,
        ship_name=address.name, ship_address1=address.address1, ship_address2=address.address2,
        ship_city=address.city, ship_state=address.state, ship_postal_code=address.postal_code,
        ship_country_code=address.country_code, ship_phone=address.phone, shipping_code=told.shipping_code,
        is_freight=told.is_freight, signature_required=told.signature_required,
        billing_account=told.billing_account, carrier_code=told.carrier_code, raw=told.raw,
        told=changes.facts(told),
    )  # fmt: skip


def _line(order: Order, position: int, told: MarketplaceLine, order_state: SaleState) -> OrderLine:
    shipped = SaleState.SHIPPED in (told.state, order_state)
    line = OrderLine(
        order=order, position=position, number=told.number, partner_sku=told.partner_sku.strip(),
        option_sku=told.option_sku.strip(), upc=told.upc, title=told.title[:300], quantity=told.quantity,
        quantity_to_ship=_to_ship(told) if order_state == SaleState.OPEN else 0,
        shipped_before=None if shipped else told.quantity_shipped,
        is_cancelled=SaleState.CANCELLED in (told.state, order_state),
        marketplace_status=told.status, unit_cost=told.unit_cost, currency=told.currency, notes=told.notes,
    )  # fmt: skip
    check_fits(line)
    return line


def check_fits(row: Order | OrderLine) -> None:
    """Raise ValidationError when a value is longer or larger than its column; what is empty is readiness's matter."""
    fields = [field for field in row._meta.concrete_fields if not field.is_relation]
    filled = {field.name for field in fields if getattr(row, field.attname) not in (None, "")}
    row.clean_fields(exclude={field.name for field in row._meta.fields} - filled)


def misfits(exc: ValidationError) -> str:
    """Each field that does not fit, with what is wrong with it."""
    if hasattr(exc, "message_dict"):
        return "; ".join(f"{field}: {' '.join(texts)}" for field, texts in exc.message_dict.items())
    return " ".join(exc.messages)
