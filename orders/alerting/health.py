"""Whether all is well, for who looks from outside: three small queries, also when no worker is left to look."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from integrations import workers
from orders.models import Alert, AlertKind, AlertSettings, Severity

UNSEEN = timedelta(minutes=5)


def critical() -> list[str]:
    """The kinds of what is critical now, without what is muted. Read by who is not signed in: it names no record."""
    now = timezone.now()
    not_muted = Q(muted_until=None) | Q(muted_until__lte=now)
    alerts = Alert.objects.filter(not_muted, closed_at=None, severity=Severity.CRITICAL)
    kinds = set(alerts.order_by().values_list("kind", flat=True))
    if workers.late_by() >= workers.SILENT_AFTER:
        kinds.add(AlertKind.WORKERS)
    looked_at = AlertSettings.objects.filter(pk=1).values_list("looked_at", flat=True).first()
    unseen = [] if looked_at and looked_at > now - UNSEEN else ["Nobody has looked for alerts for minutes"]
    return [*sorted(str(AlertKind(kind).label) for kind in kinds), *unseen]
