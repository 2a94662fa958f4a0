"""The clusters that work at the queue: each is known by a row of its own, so that it is missed when it is killed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from integrations import processes

BEAT_EVERY = timedelta(seconds=30)
AGAIN_AFTER = timedelta(seconds=5)  # when it was not written
SILENT_AFTER = timedelta(minutes=2)
# Sooner than it would be told of: what started again in another container of the same name is no alarm.
REPLACED_AFTER = timedelta(seconds=75)
KEPT = timedelta(days=1)


class Cluster(models.Model):
    """A process of `manage.py qcluster` that nobody has told to stop; it writes the row itself, by its `Sign`.

    `name` is that of `processes.own_name`.
    """

    name = models.CharField(max_length=200, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"process {self.name.rsplit(' ', 2)[1]} on {self.host}"

    @property
    def host(self) -> str:
        return processes.host_of(self.name)

    def is_gone(self, now: datetime, after: timedelta = SILENT_AFTER) -> bool:
        """Whether its process certainly does not exist any more, or has been silent for that long."""
        return self.seen_at <= now - after or processes.is_gone(self.name)


def gone(now: datetime) -> list[Cluster]:
    """Those that ended without being told to, within a day."""
    return [one for one in Cluster.objects.filter(seen_at__gt=now - KEPT).order_by("pk") if one.is_gone(now)]


class Sign:
    """A cluster's sign of life. It takes the place of one that was gone from its machine before, if there is any.

    One for one: of two that were killed, the second is missed until a second one starts.
    """

    def __init__(self) -> None:
        self._name = processes.own_name()
        self._started_at = timezone.now()
        self._before: list[int] | None = None

    def give(self) -> None:
        now = timezone.now()
        if not Cluster.objects.filter(name=self._name).update(seen_at=now):
            Cluster.objects.create(name=self._name, started_at=self._started_at, seen_at=now)
        Cluster.objects.filter(seen_at__lte=now - KEPT).delete()
        if self._before is None:
            self._before = [one.pk for one in Cluster.objects.all() if self._may_have_replaced(one)]
        for one in Cluster.objects.filter(pk__in=self._before, seen_at__lt=self._started_at).order_by("seen_at"):
            if one.is_gone(now, REPLACED_AFTER) and one.delete()[0]:
                self._before = []
                return

    def take_back(self) -> None:
        Cluster.objects.filter(name=self._name).delete()

    def _may_have_replaced(self, other: Cluster) -> bool:
        """Whether it is gone from this machine, or from another container here, of which only silence will tell."""
        is_here = other.host == processes.host_of(self._name)
        return is_here and (processes.is_gone(other.name) or not processes.is_near(other.name))
