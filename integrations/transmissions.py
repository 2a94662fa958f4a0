"""One intent to write to another system once: how it is claimed, sent, closed, tried again or given to a person."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TypeVar

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Count, F, Min, Q
from django.utils import timezone

from integrations import subject
from integrations.processes import RunLost
from integrations.wording import counted

MAX_ATTEMPTS = 12
# Where nothing was decided, the other side's outage is not the record's fault: almost two days of hourly attempts.
PATIENT_ATTEMPTS = 48
LONGEST_PAUSE = timedelta(hours=1)
# A key that was refused belongs to a request that may still be on its way: it is believed lost only much later.
KEY_REFUSED_GRACES = 30

TransmissionRow = TypeVar("TransmissionRow", bound="Transmission")


class Transmission(models.Model):
    """One intent to write to another system once. The row is committed before anything is sent."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"  # not sent, or the other side said "later"
        IN_FLIGHT = "in_flight", "In flight"  # a worker claimed it at claimed_at
        UNCONFIRMED = "unconfirmed", "Unconfirmed"  # sent, no clear answer: look it up first
        ACCEPTED = "accepted", "Accepted"  # the other side has it
        PARKED = "parked", "Parked"  # refused or out of attempts: a person decides
        WITHDRAWN = "withdrawn", "Withdrawn"  # no longer wanted, and certainly not sent

    CLAIMABLE = (Status.PENDING, Status.UNCONFIRMED)
    OPEN = (*CLAIMABLE, Status.IN_FLIGHT)  # goes on by itself
    OVER = (Status.ACCEPTED, Status.WITHDRAWN)  # nothing of it is left to do, by nobody
    FURTHEST = timedelta(hours=2)  # no pause is longer, but for the grace of a look-up
    connection_path = "connection"  # the look-up that leads to the connection it is sent to; empty: it goes to none

    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When a request that may have arrived was last about to leave.")
    not_before = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def status_after(self, was: str) -> str:
        """Where it goes back to when nothing was decided: what may have arrived is looked up first."""
        return self.Status.UNCONFIRMED if self.sent_at else was

    def claim(self, **still: object) -> str | None:
        """Take it for the calling worker; the status it had, or None if it is no longer free, or no longer so."""
        seen, now = self.status, timezone.now()
        if seen not in self.CLAIMABLE:
            return None
        free = type(self)._default_manager.filter(pk=self.pk, status=seen, **still)
        taken = free.update(status=self.Status.IN_FLIGHT, claimed_at=now, attempts=F("attempts") + 1)
        if not taken:
            return None
        self.refresh_from_db()
        if self.sent_at is not None and self.sent_at > now:  # by a clock that was set ahead: it may have been just now
            self.note(sent_at=now)
        subject.now(self.about)
        return seen

    @property
    def about(self) -> str:
        """What its requests are about, as the exchanges keep it; empty where it belongs to no order."""
        order = getattr(self, "order_id", None)
        return subject.of_order(order) if order else ""

    def intend(self, **values: object) -> None:
        """Commit what is about to leave. Raises RunLost when another worker picked this up meanwhile."""
        self.note(sent_at=timezone.now(), **values)

    def note(self, **values: object) -> None:
        """Commit what an answer taught while the claim is kept. Raises RunLost when it is no longer ours."""
        if not self._mine().update(**values):
            raise RunLost(f"{self}: another worker has taken this over; it is left to that one")
        if "status" in values:
            subject.now("")
        self.refresh_from_db()

    def _mine(self) -> models.QuerySet[Transmission]:
        """The row, while the claim on it is still ours."""
        return type(self)._default_manager.filter(pk=self.pk, status=self.Status.IN_FLIGHT, claimed_at=self.claimed_at)

    def release(
        self, status: str, *, after: timedelta | None = None, error: str = "", costs_attempt: bool = True,
        **values: object,
    ) -> None:  # fmt: skip
        """Give a claimed one back, to be taken again not before `after` from now. Raises RunLost as `note` does."""
        self.note(
            status=status,
            not_before=timezone.now() + after if after else None,
            last_error=error[:4000],
            attempts=F("attempts") - (0 if costs_attempt else 1),
            **values,
        )

    def finish(self, status: str, *, error: str = "", **values: object) -> None:
        """Close a claimed one: accepted, parked or withdrawn. Raises RunLost when the claim is no longer ours."""
        self.note(status=status, finished_at=timezone.now(), not_before=None, last_error=error[:4000], **values)

    def back_off(
        self, status: str, error: str, *, at_least: timedelta = timedelta(0), attempts: int = MAX_ATTEMPTS
    ) -> None:
        """Try again later, with growing pauses; out of attempts, it is parked for a person."""
        if self.attempts >= attempts:
            self.finish(self.Status.PARKED, error=f"given up after {counted(self.attempts, 'attempts')}: {error}")
            return
        self.release(status, after=max(pause_after(self.attempts), at_least), error=error)


def transmission_models() -> list[type[Transmission]]:
    """Those that go to the systems that we are connected with."""
    return [one for one in apps.get_models() if issubclass(one, Transmission) and one.connection_path]


def pause_after(attempts: int) -> timedelta:
    """RETRY_BASE_SECONDS, doubled with each attempt up to an hour; less a share, lest records return all at once."""
    full = settings.RETRY_BASE_SECONDS * 2 ** min(max(attempts - 1, 0), 20)
    capped = min(full, LONGEST_PAUSE.total_seconds())
    return timedelta(seconds=capped * random.uniform(0.8, 1))  # noqa: S311


def lookup_grace() -> timedelta:
    """How long after a send a look-up that finds nothing is not believed yet."""
    return timedelta(seconds=settings.LOOKUP_GRACE_SECONDS)


def due(rows: models.QuerySet[TransmissionRow]) -> models.QuerySet[TransmissionRow]:
    """Those that may be taken now, oldest first."""
    open_ones = rows.filter(status__in=Transmission.CLAIMABLE)
    return open_ones.filter(Q(not_before=None) | ~_rests(rows)).order_by("created_at", "pk")


def _rests(rows: models.QuerySet[TransmissionRow]) -> Q:
    """Not to be taken yet. What lies farther ahead than any pause was written by a clock that was set ahead."""
    now = timezone.now()
    return Q(not_before__gt=now, not_before__lte=now + rows.model.FURTHEST + lookup_grace())


def waiting(*outboxes: models.QuerySet[TransmissionRow]) -> str:
    """How many of all these may not be taken yet, and until when, in words; empty if none waits."""
    later = [rows.filter(_rests(rows), status__in=Transmission.CLAIMABLE) for rows in outboxes]
    found = [rows.order_by().aggregate(number=Count("pk"), first=Min("not_before")) for rows in later]
    number = sum(one["number"] for one in found)
    if not number:
        return ""
    first = min(one["first"] for one in found if one["number"])
    return f"{number} {'waits' if number == 1 else 'wait, the first'} until {first:%H:%M:%S} UTC"


def recover(rows: models.QuerySet[TransmissionRow]) -> int:
    """What a dead run left in flight may have been sent: it is looked up first. Only under that job's own run.

    One that broke off as often as attempts are allowed is for a person.
    """
    left = rows.filter(status=Transmission.Status.IN_FLIGHT)
    text = f"given up after {PATIENT_ATTEMPTS} attempts that ended without a result; the job's runs say why"
    worn = left.filter(attempts__gte=PATIENT_ATTEMPTS)
    given_up = worn.update(status=Transmission.Status.PARKED, finished_at=timezone.now(), last_error=text)
    return given_up + left.update(status=Transmission.Status.UNCONFIRMED, not_before=None)


def retry(row: Transmission) -> None:
    """A person says: again. What may have been sent before is looked up first."""
    status = Transmission.Status
    again = status.UNCONFIRMED if row.sent_at else status.PENDING
    mine = type(row)._default_manager.filter(pk=row.pk)
    stopped = mine.exclude(status__in=(status.IN_FLIGHT, status.ACCEPTED, status.WITHDRAWN))
    stopped.update(status=again, attempts=0, not_before=None, finished_at=None)
