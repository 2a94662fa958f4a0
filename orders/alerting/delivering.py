"""Sends what is to be told: claimed, written down, sent, closed; tried again with growing pauses, then for a person.

Unlike an order, a message that got no clear answer is sent again: nobody can be asked whether it arrived, and twice
is better than never. Each attempt carries the same identity.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from integrations import transmissions
from integrations.errors import IntegrationError, OutcomeUnknown, Refused, Unavailable
from integrations.processes import RunLost
from integrations.redaction import named
from integrations.wording import counted
from orders.alerting import channels, messages, rules
from orders.models import AlertDelivery, AlertSettings, Severity

logger = logging.getLogger(__name__)
D, What = AlertDelivery.Status, AlertDelivery.What
AT_ONCE = 50
# Below what the queue allows a task, with a last slow attempt on top.
SECONDS = 60.0


def is_due() -> bool:
    """Whether a message may leave now, or was left behind by a process that is gone."""
    return transmissions.due(AlertDelivery.objects.all()).exists() or _left_behind().exists()


def deliver() -> str:
    """Send what is due, oldest first; a line on how it went. A channel that fails is left alone until the next time."""
    transmissions.recover(_left_behind())
    how, ends = AlertSettings.current(), time.monotonic() + SECONDS
    failed: set[str] = set()
    sent = 0
    for row in list(transmissions.due(AlertDelivery.objects.select_related("alert"))[:AT_ONCE]):
        if row.channel in failed or time.monotonic() > ends or _is_put_off(row, how):
            continue
        with suppress(RunLost):  # it was taken over meanwhile, and is told by that one
            _attempt(row, how)
        sent += row.status == D.ACCEPTED
        if row.status in (D.PENDING, D.UNCONFIRMED):
            failed.add(row.channel)
    left = f"; {' and '.join(sorted(failed))} failed, and is tried again" if failed else ""
    return f"{counted(sent, 'alerts')} sent{left}"


def send_test(how: AlertSettings) -> list[AlertDelivery]:
    """One test on each channel that is set up, at once and without another attempt; each says how it went."""
    with transaction.atomic():
        AlertSettings.objects.select_for_update().get(pk=1)
        tests = AlertDelivery.objects.filter(alert=None, what=What.TEST)
        number = (tests.aggregate(last=Max("number"))["last"] or 0) + 1
        later = timezone.now() + timedelta(days=1)  # nobody else is to take it
        rows = [AlertDelivery.objects.create(channel=channel, what=What.TEST, number=number, not_before=later)
                for channel in channels.configured(how)]  # fmt: skip
    for row in rows:
        with suppress(RunLost):
            _attempt(row, how)
    return rows


def _left_behind() -> QuerySet[AlertDelivery]:
    stale = timezone.now() - timedelta(seconds=settings.STALE_AFTER_SECONDS)
    return AlertDelivery.objects.filter(status=D.IN_FLIGHT, claimed_at__lt=stale)


def _is_put_off(row: AlertDelivery, how: AlertSettings) -> bool:
    """In the quiet hours, into which a pause for another reason may have led: then it waits for their end, too."""
    severity = row.alert.severity if row.alert else Severity.INFO
    until = rules.held_until(severity, how, timezone.now()) if row.what != What.TEST else None
    if until is None:
        return False
    AlertDelivery.objects.filter(pk=row.pk, status=row.status).update(not_before=until)
    return True


def _attempt(row: AlertDelivery, how: AlertSettings) -> None:
    """One attempt, by whoever claims it first. Whatever goes wrong is kept with the row."""
    was = row.claim()
    if was is None:
        return
    moot = _moot(row)
    if moot:
        row.finish(D.WITHDRAWN, error=moot)
        return
    try:
        message = messages.of(row, how)
        row.intend(subject=message.subject[:200], text=message.text, target=channels.target(row.channel, how))
        channels.send(row.channel, message, how)
    except Exception as exc:
        _after(row, was, exc)
    else:
        row.finish(D.ACCEPTED)


def _moot(row: AlertDelivery) -> str:
    """Why it need not be told any more; empty if it must be."""
    alert = row.alert
    if alert is None:
        return ""
    if alert.is_muted:
        return "the alert was muted before this left"
    if alert.closed_at is None and row.what == What.CLOSED:
        return "the cause came back before this left"
    if alert.closed_at is not None and row.what != What.CLOSED:
        return "the cause was gone before this left"
    return ""


def _after(row: AlertDelivery, was: str, exc: Exception) -> None:
    """A clear no is for a person; anything else is tried again, except a test."""
    if not isinstance(exc, IntegrationError):
        logger.exception("alert delivery %s", row.pk)
    text = str(exc) if isinstance(exc, IntegrationError) else named(exc)
    if isinstance(exc, Refused) or row.what == What.TEST:
        row.finish(D.PARKED, error=text)
        return
    is_unclear = was == D.UNCONFIRMED or isinstance(exc, OutcomeUnknown)
    asked = exc.retry_after if isinstance(exc, Unavailable) else None
    row.back_off(D.UNCONFIRMED if is_unclear else D.PENDING, text, at_least=asked or timedelta(0))
