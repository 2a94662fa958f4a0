"""Days as people name them, in the marketplace's zone → a period."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from django.utils import timezone

from integrations.errors import IntegrationError
from integrations.models import Connection
from integrations.registry import marketplace_for

MOST_DAYS = 366


class Impossible(ValueError):
    """Why these days are no period, in a sentence for the clerk."""


def of_days(connection: Connection, first: date, last: date) -> tuple[datetime, datetime]:
    """From the first day's start to the last one's end in the marketplace's zone, never beyond now."""
    if last < first:
        raise Impossible(f"the last day, {last}, lies before the first, {first}")
    if (last - first).days >= MOST_DAYS:
        raise Impossible(f"{first} to {last} is longer than {MOST_DAYS} days; take it in parts")
    zone, now = marketplace_for(connection).time_zone, timezone.now().replace(microsecond=0)
    today = now.astimezone(zone).date()
    if first > today:
        raise Impossible(f"{first} lies in the future: it is {today} at {connection}")
    start = datetime.combine(first, time.min, zone)
    return start, min(datetime.combine(min(last, today) + timedelta(days=1), time.min, zone), now)


def day_of(connection: Connection, at: datetime) -> date:
    """The day on which something was at the marketplace."""
    return at.astimezone(_zone(connection)).date()


def named(connection: Connection, since: datetime, until: datetime) -> str:
    """A period whose end does not belong to it, by its first and its last day in the marketplace's zone."""
    zone = _zone(connection)
    first, last = since.astimezone(zone), max(until - timedelta(microseconds=1), since).astimezone(zone)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _zone(connection: Connection) -> tzinfo:
    try:
        return marketplace_for(connection).time_zone
    except IntegrationError:  # its settings are wrong, which is said where they are used
        return timezone.get_current_timezone()
