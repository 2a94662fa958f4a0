"""When nobody worked for longer than usual: this database was down, or is a copy from back then.

A copy does not know what was done since it was taken. Nothing in it says which of the two it is, so both are taken
for the worse: `Connection.dark_until` is when the work began again.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Min
from django.utils import timezone

from integrations.models import Connection, JobPlan, SyncRun

# Shorter than this is a restart.
SHORTEST = timedelta(minutes=5)
INTERVALS = 3
# The newest run may be a short one, while an older one has worked until now.
LOOKED_AT = 10
# By then the jobs have caught up; what only the two sides together show must not wait for the daily comparison.
COMPARED_AFTER = timedelta(minutes=15)


def notice() -> None:
    """Note the moment on all connections, if no run of any of them showed a sign of life lately. Before a run opens.

    Without any run nothing was forgotten: an installation that is new has no past.
    """
    lately = SyncRun.objects.order_by("-started_at", "-pk").values_list("heartbeat_at", flat=True)
    last, now = max(lately[:LOOKED_AT], default=None), timezone.now()
    if last is None or now - last <= SHORTEST:
        return
    plans = JobPlan.objects.filter(is_enabled=True, connection__is_active=True)
    usual = timedelta(minutes=plans.aggregate(least=Min("every_minutes"))["least"] or 0)
    if now - last > INTERVALS * usual:
        Connection.objects.update(dark_until=now)
        late = JobPlan.objects.filter(job="reconcile", next_run_at__gt=now + COMPARED_AFTER)
        late.update(next_run_at=now + COMPARED_AFTER)
