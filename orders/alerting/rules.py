"""What is to be told of an alert now, and not before when. Pure: everything that is known comes in as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orders.models.alerting import RANK, Alert, AlertDelivery, AlertSettings, Severity

What = AlertDelivery.What
Mode = AlertSettings.Mode
# How much more than was told last is told before the next reminder is due.
GROWN_FACTOR, GROWN_BY = 2, 5


@dataclass(frozen=True, slots=True)
class Telling:
    """A message that is due. `not_before` is None when it may leave at once."""

    what: AlertDelivery.What
    not_before: datetime | None


def telling(alert: Alert, rules: AlertSettings, now: datetime) -> Telling | None:
    """What is to be told of an open alert at once, if anything; digests are another matter."""
    if rules.mode_of(alert.kind, alert.severity) != Mode.IMMEDIATE or _is_muted(alert, now):
        return None
    if alert.told_at is None:
        return Telling(What.OPENED, held_until(alert.severity, rules, now))
    since_told = now - alert.told_at
    if _is_worse(alert) or _is_due(alert, rules, now) or (_has_grown(alert) and since_told >= rules.cool_down):
        return Telling(What.REMINDER, held_until(alert.severity, rules, now))
    return None


def comes_back(before: Alert, rules: AlertSettings, now: datetime) -> datetime | None:
    """When a cause that was told of before may be told again; None: at once."""
    free = (before.told_at or now) + rules.cool_down
    return free if before.told_at and free > now else None


def held_until(severity: str, rules: AlertSettings, now: datetime) -> datetime | None:
    """The end of the quiet hours, unless it is critical or they are not now."""
    if severity == Severity.CRITICAL or rules.quiet_from is None or rules.quiet_until is None:
        return None
    local = now.astimezone(rules.zone)
    if not _is_between(local.time(), rules.quiet_from, rules.quiet_until):
        return None
    today, tomorrow = (_at(day, rules.quiet_until, rules.zone) for day in (local, local + timedelta(days=1)))
    # The hour that a clock shows twice has an end twice, too; else one would wait from the second to the next night's.
    ends = (end.astimezone(UTC) for end in (today, today.replace(fold=1), tomorrow))
    return next(end for end in ends if end > now)


def digest_at(rules: AlertSettings, now: datetime) -> datetime:
    """When the latest digest was due, by the rules' clock."""
    hour = time(rules.digest_hour)
    today = _at(now.astimezone(rules.zone), hour, rules.zone)
    return today if today <= now else _at(now.astimezone(rules.zone) - timedelta(days=1), hour, rules.zone)


def digest_before(at: datetime, rules: AlertSettings) -> datetime:
    """When the one before it was due: by the clock on the wall, so that no hour is left out when that is put back."""
    return _at(at.astimezone(rules.zone) - timedelta(days=1), time(rules.digest_hour), rules.zone)


def time_of(day: int, rules: AlertSettings) -> datetime:
    """When the digest of this day (YYYYMMDD) is due."""
    return datetime.strptime(str(day), "%Y%m%d").replace(hour=rules.digest_hour, tzinfo=rules.zone)


def day_of(digest: datetime, rules: AlertSettings) -> int:
    """The day of a digest as a number, YYYYMMDD."""
    return int(f"{digest.astimezone(rules.zone):%Y%m%d}")


def _is_muted(alert: Alert, now: datetime) -> bool:
    return alert.muted_until is not None and alert.muted_until > now


def _is_worse(alert: Alert) -> bool:
    """Than when it was last told."""
    told = RANK[Severity(alert.told_severity)] if alert.told_severity else -1
    return RANK[Severity(alert.severity)] > told


def _has_grown(alert: Alert) -> bool:
    told = alert.told_count
    return alert.count >= told * GROWN_FACTOR and alert.count >= told + GROWN_BY


def _is_due(alert: Alert, rules: AlertSettings, now: datetime) -> bool:
    """A reminder is: its time has come, or the mute that kept it back has ended."""
    assert alert.told_at is not None  # noqa: S101
    if alert.muted_until is not None and alert.told_at < alert.muted_until:
        return True
    return bool(rules.reminder_hours) and now - alert.told_at >= timedelta(hours=rules.reminder_hours)


def _is_between(at: time, start: time, end: time) -> bool:
    return start <= at < end if start <= end else at >= start or at < end


def _at(day: datetime, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day.date(), at, zone)
