"""The rate budget that all worker processes share, and the journal of requests: the ORM side of two small ports."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from integrations import account, subject
from integrations.errors import Unavailable
from integrations.models import Connection, Exchange, SyncRun
from integrations.shared_state import RateWindow

# Before the first answer we know no limit; the other side's headers correct this at once (tradegecko 2.6).
ASSUMED_LIMIT = 300
ASSUMED_WINDOW = timedelta(seconds=300)
# What no account has: headers that say so are wrong, and are not believed.
HIGHEST_LIMIT = 1_000_000
LONGEST_WINDOW = timedelta(hours=1)
# The share of the calls that a patient job leaves to orders and shipments. Reading again what orders wait for goes on
# when a sweep has used up its part.
RESERVED = {"pull_levels": 0.25, "refresh_levels": 0.15, "publish_inventory": 0.25, "reconcile": 0.25}


class SharedBudget:
    """One row per connection, spent by compare-and-set, so that no two processes spend the same call.

    Who leaves the share `reserved` to others stops that much earlier.
    """

    def __init__(self, connection: Connection, *, reserved: float = 0) -> None:
        self._connection = connection
        self._reserved = reserved

    def take(self) -> None:
        now = timezone.now()
        if self._spend(now):
            return
        window = self._window(now)
        # So far ahead it was written by a clock that was set ahead.
        if window.resets_at <= now or window.resets_at > now + LONGEST_WINDOW:
            self._open_window(window, now)
        if not self._spend(now):
            window.refresh_from_db()
            raise Unavailable(
                f"the call limit of {self._connection} is used up until {window.resets_at:%H:%M:%S} UTC; "
                "the rest is done then",
                retry_after=max(window.resets_at - now, timedelta(seconds=1)),
                throttled=True,
                unsent=True,
            )

    def learn(self, *, limit: int, remaining: int, resets_at: datetime) -> None:
        now = timezone.now()
        if not 1 <= limit <= HIGHEST_LIMIT or resets_at > now + LONGEST_WINDOW:
            return
        remaining = min(remaining, limit)
        self._window(now)
        known = RateWindow.objects.filter(connection=self._connection)
        newer = known.filter(resets_at__lt=resets_at).update(limit=limit, remaining=remaining, resets_at=resets_at)
        same = known.filter(resets_at=resets_at)
        if not newer and not same.exclude(limit=limit).update(limit=limit, remaining=remaining):
            same.update(remaining=Least(F("remaining"), remaining))

    def block(self, until: datetime) -> None:
        self._window(timezone.now())
        RateWindow.objects.filter(connection=self._connection).update(remaining=0, resets_at=until)

    def _spend(self, now: datetime) -> bool:
        left = RateWindow.objects.filter(connection=self._connection, resets_at__gt=now)
        left = left.filter(remaining__gt=F("limit") * self._reserved if self._reserved else 0)
        return left.update(remaining=F("remaining") - 1) == 1

    def _window(self, now: datetime) -> RateWindow:
        defaults = {"limit": ASSUMED_LIMIT, "remaining": ASSUMED_LIMIT, "resets_at": _end_of_window(now)}
        return RateWindow.objects.get_or_create(connection=self._connection, defaults=defaults)[0]

    def _open_window(self, window: RateWindow, now: datetime) -> None:
        stale = RateWindow.objects.filter(pk=window.pk, resets_at=window.resets_at)
        stale.update(remaining=F("limit"), resets_at=_end_of_window(now))


class SharedPause(SharedBudget):
    """For an account whose call limit nobody knows: calls are free until it asks for a pause, then nobody makes one."""

    def take(self) -> None:
        now = timezone.now()
        pauses = RateWindow.objects.filter(connection=self._connection)
        pause = pauses.filter(resets_at__gt=now, resets_at__lte=now + LONGEST_WINDOW).first()
        if pause is not None:
            raise Unavailable(
                f"{self._connection} asked for a pause until {pause.resets_at:%H:%M:%S} UTC; the rest is done then",
                retry_after=max(pause.resets_at - now, timedelta(seconds=1)),
                throttled=True,
                unsent=True,
            )

    def block(self, until: datetime) -> None:
        none_known = {"limit": 0, "remaining": 0, "resets_at": until}
        RateWindow.objects.update_or_create(connection=self._connection, defaults=none_known)


def calls_left(connection: Connection, *, reserved: float) -> int:
    """How many calls may be spent in the window that is open, if this share of its limit is left to others."""
    window = RateWindow.objects.filter(connection=connection).first()
    if window is None:
        return int(ASSUMED_LIMIT * (1 - reserved))
    remaining = window.remaining if window.resets_at > timezone.now() else window.limit
    return max(int(remaining - window.limit * reserved), 0)


class RunJournal:
    """Keeps each request and answer with the run that made it, counts the calls, and adds to the run's problems."""

    def __init__(self, connection: Connection, run: SyncRun | None = None, problems: list[str] | None = None) -> None:
        self._connection = connection
        self._run = run
        self.problems = [] if problems is None else problems
        self.calls = 0

    def record(self, exchange: account.Exchange) -> None:
        self.calls += 1
        Exchange.objects.create(
            about=subject.current(),
            connection=self._connection,
            run=self._run,
            method=exchange.method,
            url=exchange.url,
            request_body=exchange.request_body,
            status=exchange.status,
            response_body=exchange.response_body,
            milliseconds=exchange.milliseconds,
            error=exchange.error,
        )

    def problem(self, text: str) -> None:
        self.problems.append(text)


def _end_of_window(now: datetime) -> datetime:
    """Windows are aligned to multiples of five minutes of the epoch, not to the first call."""
    length = int(ASSUMED_WINDOW.total_seconds())
    return now.fromtimestamp((int(now.timestamp()) // length + 1) * length, tz=now.tzinfo)
