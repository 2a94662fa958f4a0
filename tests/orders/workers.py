"""Workers of the queue as the database shows them."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule, Success


def workers_alive(minutes: int = 1) -> None:
    """Have it look as if a worker had just done the dispatcher's turn, and the next one came after so many minutes."""
    now = timezone.now()
    Schedule.objects.update_or_create(
        name="dispatch",
        defaults={"func": "integrations.dispatch.dispatch", "next_run": now + timedelta(minutes=minutes)},
    )
    Success.objects.create(
        id="a" * 32, name="dispatch", func="integrations.dispatch.dispatch", started=now, stopped=now, success=True
    )
