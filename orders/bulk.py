"""What a person does to many records at once: foreseen for each, confirmed, and done one by one.

Each record is done in one transaction with its item's moving on: so it is done once, whoever repeats it, and a process
that dies leaves the others waiting for the next one (`take_care`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import OperationalError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from integrations.dispatch import at_most
from integrations.redaction import named
from orders.bulk_actions import BY_NAME, Doing
from orders.models import BulkAction, BulkItem, IllegalTransition

logger = logging.getLogger(__name__)
MOST = 10_000
# More are left to a worker, so that no request has to wait for them.
AT_ONCE = 200
TOGETHER = 500
MOST_REASONS = 3
LOST_AFTER = timedelta(minutes=2)
KEPT = timedelta(days=90)
NOT_CONFIRMED_FOR = timedelta(days=1)
S, I = BulkAction.State, BulkItem.State  # noqa: E741


class TooMany(Exception):
    """More records were chosen than one action takes."""


class ForNone(Exception):
    """It can be done to none of the records; the text says why."""


@transaction.atomic
def propose(name: str, rows: QuerySet[Any], user: Any) -> BulkAction:
    """A new action on these records, with what would happen to each; nothing is done yet.

    Raises TooMany, and ForNone: what nobody could say yes to is not kept to wait for one.
    """
    keys = list(rows.order_by().values_list("pk", flat=True).distinct()[: MOST + 1])
    if len(keys) > MOST:
        raise TooMany(f"More than {MOST} records are chosen; narrow the list, and do them in parts.")
    bulk = BulkAction.objects.create(action=name, user=user)
    for some in _batched(sorted(keys, reverse=True)):
        BulkItem.objects.bulk_create(_foreseen(bulk, BY_NAME[name], some))
    if not bulk.items.filter(state=I.WAITING).exists():
        raise ForNone(f"Nothing is done. It cannot be done to any of them: {_why_not(bulk)}.")
    return bulk


def _why_not(bulk: BulkAction) -> str:
    """The commonest reasons, each with the number of its records."""
    reasons = bulk.items.order_by().values_list("text").annotate(number=Count("pk")).order_by("-number", "text")
    told = [f"{text} ({number})" for text, number in reasons[: MOST_REASONS + 1]]
    more = " and other reasons" if len(told) > MOST_REASONS else ""
    return ", ".join(told[:MOST_REASONS]) + more or "they are there no more"


def _foreseen(bulk: BulkAction, doing: Doing, keys: list[int]) -> Iterator[BulkItem]:
    records = doing.records(keys)
    against = doing.foresee(list(records.values()))
    for pk in keys:
        if pk in records:
            text = against.get(pk, "")
            state = I.LEFT_OUT if text else I.WAITING
            yield BulkItem(bulk=bulk, record_id=pk, name=str(records[pk])[:200], state=state, text=text[:500])


def confirm(bulk: BulkAction, reason: str, user: Any) -> bool:
    """Do it now, or have a worker do it where it is long; False when somebody has said so already."""
    mine = BulkAction.objects.filter(pk=bulk.pk, state=S.PREVIEWED)
    if not mine.update(state=S.CONFIRMED, reason=reason[:200], user=user, heartbeat_at=timezone.now()):
        return False
    if bulk.items.filter(state=I.WAITING).count() > AT_ONCE:
        _enqueue(bulk.pk)
    else:
        carry_on(bulk.pk)
    bulk.refresh_from_db()
    return True


def inverse(bulk: BulkAction, user: Any) -> BulkAction | None:
    """What would undo it, for the records that it was done to, as a new preview; None where nothing does.

    Raises ForNone.
    """
    back = BY_NAME[bulk.action].undone_by
    if not back or bulk.state != S.DONE:
        return None
    done = bulk.items.filter(state=I.DONE).values("record_id")
    return propose(back, BY_NAME[back].model._default_manager.filter(pk__in=done), user)


def carry_on(pk: int) -> str:
    """Do what waits of it. Returns a line on how it went; a second process at the same finds each record done."""
    bulk = BulkAction.objects.filter(pk=pk, state=S.CONFIRMED).select_related("user").first()
    if bulk is None:
        return "nothing to do"
    doing = BY_NAME[bulk.action]
    try:
        for some in _batched(list(bulk.items.filter(state=I.WAITING).values_list("pk", "record_id"))):
            for item, record in some:
                _do(bulk, doing, item, record)
            BulkAction.objects.filter(pk=pk).update(heartbeat_at=timezone.now())
    except OperationalError:  # a deadlock, say; what is left waits, and is taken up again
        return f"{bulk} is tried again"
    BulkAction.objects.filter(pk=pk, state=S.CONFIRMED).update(state=S.DONE, finished_at=timezone.now())
    return f"{bulk}: {in_words(bulk)}"


@transaction.atomic
def _do(bulk: BulkAction, doing: Doing, item: int, pk: int) -> None:
    mine = BulkItem.objects.filter(pk=item, state=I.WAITING)
    if not mine.update(state=I.DONE):
        return
    record = doing.records([pk]).get(pk)  # as it is now: the others before it may have taken minutes
    try:
        if record is None:
            raise IllegalTransition("it is there no more")
        with transaction.atomic():
            text = doing.do(record, bulk.reason, bulk.user)
            _log(bulk, doing, record)
        BulkItem.objects.filter(pk=item).update(text=text[:500])
    except IllegalTransition as exc:
        BulkItem.objects.filter(pk=item).update(state=I.REFUSED, text=str(exc)[:500])
    except OperationalError:
        raise
    except Exception as exc:  # a fault of ours must not keep the records behind it waiting
        logger.exception("%s: record %s", bulk, item)
        BulkItem.objects.filter(pk=item).update(state=I.REFUSED, text=named(exc)[:500])


def _log(bulk: BulkAction, doing: Doing, record: Any) -> None:
    """The audit log has a line for each record, as if it had been done alone."""
    if bulk.user_id:
        because = f": {bulk.reason}" if bulk.reason else ""
        LogEntry.objects.log_actions(bulk.user_id, [record], CHANGE, f"{doing.done.capitalize()}{because}")


def counts(bulk: BulkAction) -> dict[str, int]:
    """How many of its records are in each state; every state is named."""
    found = dict(bulk.items.order_by().values_list("state").annotate(Count("pk")))
    return {state: found.get(state, 0) for state in I.values}


def in_words(bulk: BulkAction) -> str:
    found = counts(bulk)
    left = found[I.LEFT_OUT] + found[I.REFUSED]
    return f"{found[I.DONE]} {BY_NAME[bulk.action].done}" + (f"; {left} not" if left else "")


def take_care() -> None:
    """Have what a dead process left taken up by another, and forget what nobody confirmed, and what is long ago."""
    now = timezone.now()
    lost = BulkAction.objects.filter(state=S.CONFIRMED, heartbeat_at__lt=now - LOST_AFTER)
    for pk in list(lost.values_list("pk", flat=True)):
        if lost.filter(pk=pk).update(heartbeat_at=now):
            _enqueue(pk)
    BulkAction.objects.filter(state=S.PREVIEWED, created_at__lt=now - NOT_CONFIRMED_FOR).delete()
    BulkAction.objects.filter(state=S.DONE, finished_at__lt=now - at_most(KEPT)).delete()


def _enqueue(pk: int) -> None:
    async_task("orders.tasks.carry_on_bulk", pk, task_name=f"bulk action:{pk}")


def _batched(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = list(rows)
    for start in range(0, len(rows), TOGETHER):
        yield rows[start : start + TOGETHER]
