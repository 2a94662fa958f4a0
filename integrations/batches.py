"""Transmissions that leave in one request: claimed, sent and closed together, each step one compare-and-set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from typing import Generic

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from integrations.processes import RunLost
from integrations.transmissions import MAX_ATTEMPTS, Transmission, TransmissionRow, pause_after
from integrations.wording import counted

T = Transmission.Status


class Batch(Generic[TransmissionRow]):
    """The bulk form of Transmission's claim, intend, release, finish and back_off. `rows` are of one model."""

    def __init__(self, rows: Sequence[TransmissionRow], *related: str) -> None:
        """Claim those that are still free; they are `self.rows`, as the database has them now with what is related.

        What somebody changes at this moment is not waited for: who holds many may want one that was claimed already.
        """
        self._model = type(rows[0])
        self._claimed_at = timezone.now()
        self._pks = [row.pk for row in rows]
        mine = self._model._default_manager.filter(pk__in=self._pks, status__in=Transmission.CLAIMABLE)
        with transaction.atomic():
            free = list(mine.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
            taken = {"status": T.IN_FLIGHT, "claimed_at": self._claimed_at, "attempts": F("attempts") + 1}
            mine.filter(pk__in=free).update(**taken)
        now = {row.pk: row for row in self._mine().select_related(*related)}
        self.rows: list[TransmissionRow] = [now[pk] for pk in self._pks if pk in now]
        self._pks = list(now)

    def part(self, rows: Sequence[TransmissionRow]) -> Batch[TransmissionRow]:
        """The same claim on these of its rows only."""
        some = copy(self)
        some.rows, some._pks = list(rows), [row.pk for row in rows]
        return some

    def intend(self, **values: object) -> None:
        """Commit that they are about to leave. Raises RunLost when another worker picked one up meanwhile."""
        if self._mine().update(sent_at=timezone.now(), **values) != len(self.rows):
            raise RunLost("another worker has taken over what was about to be sent; it is left to that one")

    def release(
        self, status: str, *, after: timedelta | None = None, error: str = "", costs_attempt: bool = True,
        **values: object,
    ) -> None:  # fmt: skip
        """Give them back, to be taken again not before `after` from now."""
        self._mine().update(
            status=status,
            not_before=timezone.now() + after if after else None,
            last_error=error[:4000],
            attempts=F("attempts") - (0 if costs_attempt else 1),
            **values,
        )

    def finish(self, status: str, *, error: str = "", **values: object) -> None:
        """Close them. Raises RunLost when the claim on one is no longer ours."""
        done = {"finished_at": timezone.now(), "not_before": None, "last_error": error[:4000], **values}
        if self._mine().update(status=status, **done) != len(self.rows):
            raise RunLost("another worker has taken over what was sent; it is left to that one")

    def back_off(
        self, status: str, error: str, *, at_least: timedelta = timedelta(0), attempts: int = MAX_ATTEMPTS,
        **parked: object,
    ) -> None:  # fmt: skip
        """Try again later, with growing pauses; those out of attempts are parked, with the values `parked`."""
        by_attempts: dict[int, list[int]] = defaultdict(list)
        for row in self.rows:
            by_attempts[row.attempts].append(row.pk)
        now = timezone.now()
        for spent, pks in by_attempts.items():
            some = self._mine().filter(pk__in=pks)
            if spent >= attempts:
                text = f"given up after {counted(spent, 'attempts')}: {error}"[:4000]
                some.update(status=T.PARKED, finished_at=now, not_before=None, last_error=text, **parked)
                continue
            after = max(pause_after(spent), at_least)
            some.update(status=status, not_before=now + after, last_error=error[:4000])

    def _mine(self) -> models.QuerySet[TransmissionRow]:
        """The rows, while the claim on them is still ours."""
        return self._model._default_manager.filter(pk__in=self._pks, status=T.IN_FLIGHT, claimed_at=self._claimed_at)
