"""Looks at every cause and keeps the alerts true to it: opened, brought up to date, closed, and what is to be told.

All of a look is one transaction under the lock of the settings' row, so that two at once do not undo each other. What
is to be told is only written down here; `delivering` sends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from orders.alarms import Alarm
from orders.alerting import channels, rules
from orders.alerting.causes import Causes, causes
from orders.alerting.rules import Telling
from orders.models import Alert, AlertDelivery, AlertKind, AlertSettings, Severity

D, What = AlertDelivery.Status, AlertDelivery.What
LEFT = (D.ACCEPTED, D.UNCONFIRMED, D.IN_FLIGHT)
KEPT = timedelta(days=90)
LONGEST_DIGEST = timedelta(days=2)
LOOKED = (
    "severity",
    "text",
    "path",
    "count",
    "oldest",
    "seen_at",
    "closed_at",
    "told_at",
    "told_count",
    "told_severity",
)
# After nobody looked for so long, much is overdue that the workers are just catching up with: it is told if it stays.
LONG_UNSEEN, CATCHING_UP = timedelta(minutes=15), timedelta(minutes=3)


def look(*, by_worker: bool) -> int:
    """Bring the alerts up to date; how many are open now. A worker that looks is itself the proof that there is one."""
    now = timezone.now()
    found = causes(AlertSettings.current(), now)
    if by_worker:
        found.pop((AlertKind.WORKERS.value, ""), None)
    with transaction.atomic():
        how = AlertSettings.objects.select_for_update().get(pk=1)
        if how.looked_at is None or how.looked_at < now:  # else a later look has overtaken this one
            _Look(how, now, hurried=not by_worker).take(found)
            AlertSettings.objects.filter(pk=1).update(looked_at=now)
    if now.minute == 0:
        _forget(now)
    return len(found)


class _Look:
    """One look, at `now`. A hurried one tells at once also what a worker would give time to catch up with."""

    def __init__(self, how: AlertSettings, now: datetime, *, hurried: bool) -> None:
        self._how, self._now = how, now
        is_first = how.looked_at is None or how.looked_at < now - LONG_UNSEEN
        self._not_before = now + CATCHING_UP if is_first and not hurried else None
        self._channels = channels.configured(how)

    def take(self, found: Causes) -> None:
        opened = {(one.kind, one.key): one for one in Alert.objects.filter(closed_at=None)}
        for cause, alert in opened.items():
            if cause not in found:
                self._close(alert)
        new = {cause: alarm for cause, alarm in found.items() if cause not in opened}
        before = self._before(new)
        for cause, alarm in found.items():
            alert = opened.get(cause) or self._open(alarm, before.get(cause))
            self._bring_up_to_date(alert, alarm)
        self._write_digest()

    def _before(self, new: Causes) -> dict[tuple[str, str], Alert]:
        """The last alert of each cause that is there again, if it still matters: muted, or over for a moment only."""
        if not new:
            return {}
        recent = Q(closed_at__gt=self._now - self._how.cool_down) | Q(muted_until__gt=self._now)
        closed = Alert.objects.filter(recent, closed_at__isnull=False, kind__in={kind for kind, _ in new})
        return {(one.kind, one.key): one for one in closed.order_by("closed_at")}

    def _open(self, alarm: Alarm, before: Alert | None) -> Alert:
        """A new alert; one that was over for less than the cool-down goes on, and so does a mute in any case."""
        if before is not None and before.closed_at and before.closed_at > self._now - self._how.cool_down:
            before.closed_at, before.told_severity, before.told_count = None, "", 0
            return before
        alert = Alert(kind=alarm.kind.value, key=alarm.key, opened_at=self._now)
        if before is not None:
            alert.muted_until, alert.muted_by, alert.mute_reason = (
                before.muted_until, before.muted_by, before.mute_reason
            )  # fmt: skip
        return alert

    def _bring_up_to_date(self, alert: Alert, alarm: Alarm) -> None:
        alert.severity, alert.text, alert.path = alarm.severity.value, alarm.text, alarm.path[:300]
        alert.count, alert.oldest, alert.seen_at = alarm.count, alarm.oldest, self._now
        due, mine = rules.telling(alert, self._how, self._now), self._channels_of(alert)
        if due is None or not mine:
            _save(alert)
            return
        again_from = rules.comes_back(alert, self._how, self._now) if not alert.told_severity else None
        latest = max((at for at in (due.not_before, again_from, self._not_before) if at), default=None)
        # What comes and goes is told after the cool-down, which therefore does not begin anew each time.
        alert.told_at = alert.told_at if again_from else self._now
        alert.told_count, alert.told_severity = alert.count, alert.severity
        _save(alert)
        self._write(alert, Telling(due.what, latest), mine)

    def _write(self, alert: Alert, due: Telling, mine: Iterable[str]) -> None:
        """The intent, once per channel; what has not left yet of earlier ones is not needed any more."""
        unsent = alert.deliveries.filter(status__in=(D.PENDING, D.PARKED))
        _withdraw(unsent, "a newer message took its place", self._now)
        what = What.OPENED if due.what == What.REMINDER and not _was_told(alert) else due.what
        alert.messages += 1
        alert.save(update_fields=["messages"])
        AlertDelivery.objects.bulk_create(
            AlertDelivery(
                alert=alert, channel=channel, what=what, number=alert.messages, not_before=due.not_before
            )
            for channel in mine
        )  # fmt: skip

    def _close(self, alert: Alert) -> None:
        alert.closed_at = self._now
        alert.save(update_fields=["closed_at"])
        unsent = alert.deliveries.filter(status__in=(D.PENDING, D.PARKED))
        _withdraw(unsent, "the cause was gone before this left", self._now)
        is_told = self._how.mode_of(alert.kind, alert.severity) == AlertSettings.Mode.IMMEDIATE
        if self._how.tells_end and is_told and not alert.is_muted:
            due = Telling(What.CLOSED, rules.held_until(alert.severity, self._how, self._now))
            self._write(alert, due, [one for one in self._channels_of(alert) if _knows_of(alert, one)])

    def _channels_of(self, alert: Alert) -> Sequence[str]:
        """Those that may tell of it: what one channel cannot deliver, the other one says."""
        return [one for one in self._channels if (alert.kind, alert.key) != (AlertKind.DELIVERY, one)]

    def _write_digest(self) -> None:
        """Once a day and channel, by constraint, if there was anything to tell at its hour."""
        at = rules.digest_at(self._how, self._now)
        day = rules.day_of(at, self._how)
        if AlertDelivery.objects.filter(alert=None, what=What.DIGEST, number=day).exists() or not in_digest(
            self._how, at
        ):
            return
        not_before = rules.held_until(Severity.INFO, self._how, self._now)
        AlertDelivery.objects.bulk_create(
            AlertDelivery(channel=channel, what=What.DIGEST, number=day, not_before=not_before)
            for channel in self._channels
        )


def in_digest(how: AlertSettings, at: datetime) -> list[Alert]:
    """What the digest of this time tells: of the alerts that are told that way, the open ones and those that ended
    since the one before it."""
    there = Alert.objects.filter(opened_at__lte=at).filter(Q(closed_at=None) | Q(closed_at__gt=_told_until(how, at)))
    muted = Q(muted_until__gt=at)
    return [
        one for one in there.exclude(muted).order_by("opened_at", "pk")
        if how.mode_of(one.kind, one.severity) == AlertSettings.Mode.DIGEST
    ]  # fmt: skip


def _told_until(how: AlertSettings, at: datetime) -> datetime:
    """Until when the digest before it told; longer ago where its hour was changed since."""
    before = AlertDelivery.objects.filter(alert=None, what=What.DIGEST, number__lt=rules.day_of(at, how))
    last = before.aggregate(last=Max("created_at"))["last"]
    due = rules.digest_before(at, how)
    return max(min(due, last or due), at - LONGEST_DIGEST)


def _save(alert: Alert) -> None:
    """A known one without its mute, which a person may have changed since it was read."""
    alert.save(update_fields=LOOKED if alert.pk else None)


def _was_told(alert: Alert) -> bool:
    """Whether anything about it may have reached anybody: of what nobody heard, nobody is reminded."""
    return alert.deliveries.filter(status__in=LEFT).exists()


def _knows_of(alert: Alert, channel: str) -> bool:
    """Whether the last that may have been told there is that it is wrong, not that it is over."""
    told = alert.deliveries.filter(channel=channel, status__in=LEFT)
    last = told.order_by("-created_at", "-pk").values_list("what", flat=True).first()
    return last is not None and last != What.CLOSED


def _withdraw(rows: QuerySet[AlertDelivery], why: str, now: datetime) -> None:
    rows.update(status=D.WITHDRAWN, finished_at=now, last_error=why)


def _forget(now: datetime) -> None:
    """Alerts that ended three months ago, with their messages; and digests and tests of that age."""
    Alert.objects.filter(closed_at__lt=now - KEPT).delete()
    AlertDelivery.objects.filter(alert=None, created_at__lt=now - KEPT).delete()
