"""Personal data of orders that ended long ago is redacted; what was done, when and by whom stays.

An order that the marketplace goes on telling is taken as if it were told without its customer, so that nothing of it
comes back, unless it is open there again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations.ports import MarketplaceOrder
from integrations.wording import moment
from orders import changes, personal_data
from orders.models import (
    OUTBOXES,
    Hold,
    IllegalTransition,
    Order,
    OrderEvent,
    OrderLine,
    ReconciledOrder,
    UnreadableRecord,
    WarehouseChange,
    WarehouseSubmission,
)

logger = logging.getLogger(__name__)

TOGETHER = 200
MOST_IN_A_PASS = 20_000
REDACTED = "Personal data was redacted, as PERSONAL_DATA_DAYS says"
NOTHING_LEFT = "what differed was personal data, which is redacted"
# Columns that hold what the marketplace said or the warehouse was sent, and those of texts that may quote it.
SAID: dict[type[Model], tuple[str, ...]] = {
    Order: ("told", "told_now"), WarehouseSubmission: ("request",), WarehouseChange: ("told", "request"),
}  # fmt: skip
WRITTEN: dict[type[Model], tuple[str, ...]] = {
    Order: ("skip_reason",), OrderEvent: ("text",), Hold: ("message", "resolution"), ReconciledOrder: ("text",),
    **{box.model: ("last_error",) for box in OUTBOXES},
}  # fmt: skip
LOGGED = (Order, Hold)  # whose lines in the audit log may quote it, too
Remover = Callable[[str], str]
Rows = dict[type[Model], list[Any]]


def is_due(now: datetime) -> bool:
    limit = _limit(now)
    return limit is not None and (_due(limit).exists() or _unreadable(limit).exists())


def redact_old(now: datetime) -> int:
    """Redact what is due, batch by batch, each in its own transaction; how many orders that were.

    What is left over, or cannot be redacted, is due with the next pass.
    """
    limit = _limit(now)
    if limit is None:
        return 0
    _unreadable(limit).update(raw=personal_data.MARK)
    pks = list(_due(limit).order_by("received_at", "pk").values_list("pk", flat=True)[:MOST_IN_A_PASS])
    return sum(_redact_batch(pks[start : start + TOGETHER], limit) for start in range(0, len(pks), TOGETHER))


def refuse_redacted(order: Order) -> None:
    """Raise IllegalTransition where the customer is not known any more. In a transaction: it then stays so."""
    mine = Order.objects.select_for_update().filter(pk=order.pk).values_list("redacted_at", flat=True)
    for redacted_at in mine.exclude(redacted_at=None):
        raise IllegalTransition(f"order {order} cannot be sent: {why_not_sent(redacted_at)}")


def why_not_sent(redacted_at: datetime | None) -> str:
    return (
        f"its personal data was redacted at {moment(redacted_at)}. Enter it in the warehouse by hand, with the address "
        "that the marketplace has"
    )


def give_back(order: Order, told: MarketplaceOrder) -> None:
    """A redacted order that is open again is sent to whom it is told for now. In a transaction that holds the order."""
    if order.redacted_at is None or order.status in Order.CLOSED:
        return
    full = changes.facts(told)
    before = order.told or full
    notes = {number: full["lines"].get(number, line)["notes"] for number, line in before["lines"].items()}
    for number, text in notes.items():
        order.lines.filter(number=number).update(notes=text)
    lines = {number: {**line, "notes": notes[number]} for number, line in before["lines"].items()}
    values: dict[str, Any] = {f"ship_{name}": value for name, value in full["ship_to"].items()}
    values |= {"told": {**before, "ship_to": full["ship_to"], "lines": lines}, "raw": told.raw, "redacted_at": None}
    Order.objects.filter(pk=order.pk).update(**values)
    vars(order).update(values)
    order.note("its redacted personal data was read from the marketplace again, where it is open")


def _limit(now: datetime) -> datetime | None:
    """What came to its end before that is redacted; None for never."""
    days = settings.PERSONAL_DATA_DAYS
    return now - timedelta(days=days) if days else None


def _due(limit: datetime) -> QuerySet[Order]:
    since = OrderEvent.objects.filter(order=OuterRef("pk"), at__gte=limit)
    is_over = Q(status__in=Order.CLOSED) | Q(status__in=Order.LEFT, cancel_resolved_at__isnull=False)
    return Order.objects.filter(is_over, ~Exists(since), redacted_at=None, received_at__lt=limit)


def _unreadable(limit: datetime) -> QuerySet[UnreadableRecord]:
    """Records that are off the worklist, and that the marketplace tells no more."""
    return UnreadableRecord.objects.filter(resolved_at__lt=limit, last_seen_at__lt=limit).exclude(
        raw=personal_data.MARK
    )


def _redact_batch(pks: Sequence[int], limit: datetime) -> int:
    """All of them at once; each alone where one of them keeps that from being done."""
    try:
        return _redact(pks, limit)
    except Exception:
        if len(pks) > 1:
            return sum(_redact_batch([pk], limit) for pk in pks)
        logger.exception("order %s", pks[0])
        return 0


@transaction.atomic
def _redact(pks: Sequence[int], limit: datetime) -> int:
    list(Order.objects.select_for_update().filter(pk__in=pks).order_by("pk").values_list("pk"))
    orders = list(_due(limit).filter(pk__in=pks).defer("raw"))  # as they are now that nobody else changes them
    ids = [order.pk for order in orders]
    rows: Rows = {model: list(_of(model, ids)) for model in {**SAID, **WRITTEN} if model is not Order}
    _rewrite_all({Order: orders, **rows})
    _close(orders)
    return len(orders)


def _rewrite_all(rows: Rows) -> None:
    removers = _removers(rows)  # from what was said, before that is rewritten
    for model, columns in SAID.items():
        for column in columns:
            _rewrite(rows[model], column, lambda _, kept: personal_data.without(kept))
    for model, columns in WRITTEN.items():
        for column in columns:
            _rewrite(rows[model], column, lambda row, text: _text(row, text, removers[_order_of(row)]))
    _rewrite_log(rows, removers)


def _of(model: Any, ids: Sequence[int]) -> QuerySet[Any]:
    found: QuerySet[Any] = model._default_manager.filter(order__in=ids).order_by("pk")
    return found


def _order_of(row: Any) -> int:
    pk: int = row.pk if isinstance(row, Order) else row.order_id
    return pk


def _removers(rows: Rows) -> dict[int, Remover]:
    """What takes out of its texts all that is known of each order's customer."""
    values: dict[int, list[str]] = defaultdict(list)
    for model, columns in SAID.items():
        for row in rows[model]:
            for column in columns:
                values[_order_of(row)] += personal_data.values_of(getattr(row, column))
    numbers = {row.order_id: (row.remote_id, row.remote_number) for row in rows[WarehouseSubmission]}
    for order in rows[Order]:
        values[order.pk] += personal_data.values_of({"ship_to": asdict(order.address)})
    return {
        order.pk: personal_data.remover(
            values[order.pk], (order.full_number, order.short_reference or "", *numbers.get(order.pk, ()))
        )
        for order in rows[Order]
    }


def _text(row: Any, text: str, remove: Remover) -> str:
    """Of what people said among themselves nothing is known: a comment goes as a whole."""
    is_comment = isinstance(row, OrderEvent) and row.kind == OrderEvent.Kind.COMMENT
    return personal_data.MARK if is_comment else remove(text)


def _rewrite(rows: Sequence[Any], column: str, new: Callable[[Any, Any], Any]) -> None:
    changed = []
    for row in rows:
        kept = getattr(row, column)
        value = new(row, kept)
        if isinstance(value, str):  # the mark may be longer than what it stands for
            value = value[: row._meta.get_field(column).max_length]
        if value != kept:
            setattr(row, column, value)
            changed.append(row)
    if changed:
        type(changed[0])._default_manager.bulk_update(changed, [column])


def _rewrite_log(rows: Rows, removers: dict[int, Remover]) -> None:
    for model in LOGGED:
        remove = {str(row.pk): removers[_order_of(row)] for row in rows[model]}
        kind = ContentType.objects.get_for_model(model)
        lines = list(LogEntry.objects.filter(content_type=kind, object_id__in=list(remove)))
        for line in lines:
            line.change_message = remove[str(line.object_id)](line.change_message)
        LogEntry.objects.bulk_update(lines, ["change_message"])


def _close(orders: Sequence[Order]) -> None:
    ids, now = [order.pk for order in orders], timezone.now()
    OrderLine.objects.filter(order__in=ids).exclude(notes="").update(notes="")
    settled = list(_settled(orders))
    waits = Hold.objects.filter(order__in=settled, kind__in=Hold.UNTIL_DECIDED, resolved_at=None)
    waits.update(resolved_at=now, resolution=NOTHING_LEFT)
    Order.objects.filter(pk__in=settled).update(told_now=None)
    Order.objects.filter(pk__in=ids).update(raw="", redacted_at=now, **dict.fromkeys(personal_data.COLUMNS, ""))
    OrderEvent.objects.bulk_create(
        OrderEvent(order=order, old_status=order.status, new_status=order.status, text=REDACTED) for order in orders
    )


def _settled(orders: Sequence[Order]) -> Iterator[int]:
    """Those of which nothing is left that a person could decide on."""
    for order in orders:
        if order.told and order.told_now and not changes.compare(order.told, order.told_now):
            yield order.pk
