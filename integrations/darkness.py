"""When nobody worked for longer than usual: this database was down, or is a copy from back then.

A copy does not know what was done since it was taken. Nothing in it says which of the two it is, so both are taken
for the worse: `Connection.dark_until` is when the work began again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Min
from django.utils import timezone

from integrations.models import Connection, JobPlan, SyncRun

# Shorter than this is a restart.
SHORTEST = timedelta(minutes=5)
INTERVALS = 3
# Longer is no rest between two runs, however seldom the jobs are to run: who restores a copy may have switched the
# frequent ones off before.
LONGEST = timedelta(hours=1)
# The newest run may be a short one, while an older one has worked until now.
LOOKED_AT = 10
# By then the jobs have caught up; what only the two sides together show must not wait for the daily comparison.
COMPARED_AFTER = timedelta(minutes=15)


def notice() -> None:
    """Note the moment on all connections, if no run of any of them showed a sign of life lately. Before a run opens.

    Without any run nothing was forgotten: an installation that is new has no past.
    """
    now = timezone.now()
    Connection.objects.filter(dark_until__gt=now).update(dark_until=now)  # noted by a clock that was set ahead
    rest = _rest(now)
    if rest is not None and rest > SHORTEST and rest > _usual():
        Connection.objects.update(dark_until=now)
        late = JobPlan.objects.filter(job="reconcile", next_run_at__gt=now + COMPARED_AFTER)
        late.update(next_run_at=now + COMPARED_AFTER)


def _rest(now: datetime) -> timedelta | None:
    """How long ago the last sign of life was; None if there was never a run.

    The last runs are those that were written last: a clock that was set back has given older ones later times, which
    are as far from now as those of a copy.
    """
    lately = SyncRun.objects.order_by("-pk").values_list("heartbeat_at", flat=True)[:LOOKED_AT]
    return min((abs(now - at) for at in lately), default=None)


def _usual() -> timedelta:
    plans = JobPlan.objects.filter(is_enabled=True, connection__is_active=True)
    minutes = plans.aggregate(least=Min("every_minutes"))["least"] or 0
    return min(INTERVALS * timedelta(minutes=minutes), LONGEST)
