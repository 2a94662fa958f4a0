"""Whether anybody works at the queue: told by the dispatcher, which every living cluster runs each minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone
from django_q.models import Schedule, Success

from integrations.dispatch import dispatch

OVERDUE_INTERVALS = 2
EVERY = timedelta(minutes=1)  # the dispatcher's own interval
SILENT_AFTER = (OVERDUE_INTERVALS - 1) * EVERY  # beyond the one interval in which it was not due yet

NEVER_SEEN = timedelta(days=999)


def late_by() -> timedelta:
    """How long ago the dispatcher should have run: what the schedule says, and what a worker last did of it.

    Any living cluster moves the schedule on, also one whose workers are stuck. NEVER_SEEN where neither says anything.
    """
    due = Schedule.objects.filter(name="dispatch").values_list("next_run", flat=True).first()
    done = _last_dispatch()
    known = [at for at in (due, done and done + EVERY) if at is not None]
    if not known:
        return NEVER_SEEN
    late = timezone.now() - min(known)
    return timedelta(seconds=int(late.total_seconds()))


def are_seen() -> bool:
    """Whether a worker has done something lately. A new installation has none until the first did."""
    return late_by() < SILENT_AFTER and _last_dispatch() is not None


def _last_dispatch() -> datetime | None:
    ours = Success.objects.filter(func=f"{dispatch.__module__}.{dispatch.__name__}")
    at: datetime | None = ours.aggregate(at=Max("stopped"))["at"]
    return at
