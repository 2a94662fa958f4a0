"""One run at a time per connection and job, always closed, and honest about how it went.

`perform` is the frame around every job: it opens the run, gives the work its adapter's means (budget, journal), turns
what went wrong into the run's status and the connection's health, and closes the run however the work ends.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations import darkness, processes, subject
from integrations.budget import RESERVED, RunJournal, SharedBudget
from integrations.errors import IntegrationError, Misconfigured, Unavailable, Unreadable
from integrations.models import Connection, JobPlan, SyncRun
from integrations.ports import Marketplace, Warehouse
from integrations.processes import RunLost
from integrations.redaction import named
from integrations.registry import marketplace_for, warehouse_for
from integrations.transmissions import waiting
from integrations.wording import counted

MAX_PROBLEMS_SHOWN = 5
# So many records without a clear answer, one after the other, are the other side's trouble and not theirs.
MAX_FAILURES_IN_A_ROW = 3
BEAT_EVERY = timedelta(seconds=5)
# The queue ends a task that takes longer than ten minutes.
LONGEST_TURN = timedelta(minutes=5)

logger = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another process is at this job for this connection."""


@dataclass
class Run:
    """What a job's work needs while it runs: where to count, how to say what went wrong, whom to wake after.

    `faults` counts the records that a fault of ours left undone, so that what they came from is not read as done.
    `outboxes` are what the job sends from: what of them waits when the run ends is told.
    """

    record: SyncRun
    connection: Connection
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: int = 0
    wakes: set[tuple[str, int]] = field(default_factory=set)
    outboxes: list[QuerySet[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = RunJournal(self.connection, self.record, self.problems)
        self._last_beat = timezone.now()
        self._turn_ends = monotonic() + LONGEST_TURN.total_seconds()
        self.is_unreachable = self.is_handed_over = False

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] += number

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def note(self, text: str) -> None:
        """Something to be told of the run that is neither a number nor wrong."""
        self.notes.append(text)

    def unreachable(self) -> None:
        """The other side gives no clear answers: said on the connection; the rest is left for later."""
        self.is_unreachable = True
        self.problem(f"{self.connection} gives no clear answer; the rest is left for later")

    def trouble_with(self, other: Connection, exc: IntegrationError) -> None:
        """Another connection that was asked too is in trouble, which is told here and is not this one's."""
        self.problem(f"{other}: {exc}")
        stop_if_refused(other, exc)

    @contextmanager
    def isolated(self, what: str) -> Iterator[None]:
        """A fault of ours at one record is told and must not keep the others from their turn."""
        try:
            yield
        except (IntegrationError, RunLost):
            raise
        except Exception as exc:
            logger.exception("%s of %s: %s", self.record.job, self.connection, what)
            self.faults += 1
            self.problem(f"{what}: unexpected {named(exc)}")
        finally:
            subject.now("")

    def wake(self, job: str, connection_id: int) -> None:
        """Have this job run as soon as this one has ended: there is work for it."""
        self.wakes.add((job, connection_id))

    def hands_over(self) -> bool:
        """Whether this run has had its turn. The job then runs again at once and goes on from what is stored."""
        if self.is_past(1):
            self.hand_over()
        return self.is_handed_over

    def hand_over(self) -> None:
        self.is_handed_over = True
        self.wake(self.record.job, self.connection.pk)

    def is_past(self, share: float) -> bool:
        """Whether so much of this run's turn is over; 1 is all of it."""
        return monotonic() > self._turn_ends - (1 - share) * LONGEST_TURN.total_seconds()

    def beat(self) -> None:
        """Show that we are alive, and how far, at most every few seconds. Raises RunLost if we were taken for dead."""
        now = timezone.now()
        if abs(now - self._last_beat) < BEAT_EVERY:  # a clock that was set back is no reason to be silent
            return
        self._last_beat = now
        self.hold(counts={**self.counts, "calls": self.journal.calls})

    def hold(self, **values: Any) -> None:
        """Until the transaction ends nobody takes this run for dead. Raises RunLost if somebody did before."""
        if not _alive(self.record).update(heartbeat_at=timezone.now(), **values):
            raise self._lost()

    def check(self) -> None:
        """Raises RunLost if somebody took this run for dead, or may. It asks the database, whatever our clock says."""
        if not _alive(self.record).exists():
            raise self._lost()

    def _lost(self) -> RunLost:
        return RunLost(f"{self.record} was taken for dead while it was still running; the next run goes on from here")

    def window(self, since: datetime, until: datetime) -> None:
        SyncRun.objects.filter(pk=self.record.pk).update(window_since=since, window_until=until)
        self.record.window_since, self.record.window_until = since, until

    def marketplace(self) -> Marketplace:
        return marketplace_for(self.connection, journal=self.journal, lease=self)

    def warehouse(self) -> Warehouse:
        return warehouse_for(self.connection, budget=self._budget(self.connection), journal=self.journal, lease=self)

    def other_warehouse(self, connection: Connection) -> Warehouse:
        """A warehouse that this run's marketplace feeds, on the same terms."""
        journal = RunJournal(connection, self.record, self.problems)
        return warehouse_for(connection, budget=self._budget(connection), journal=journal, lease=self)

    def other_marketplace(self, connection: Connection) -> Marketplace:
        """A marketplace that feeds this run's warehouse, on the same terms."""
        return marketplace_for(connection, journal=RunJournal(connection, self.record), lease=self)

    def _budget(self, warehouse: Connection) -> SharedBudget:
        return SharedBudget(warehouse, reserved=RESERVED.get(self.record.job, 0))


class Pulse(Thread):
    """Shows that a run's process lives while its work waits, however slow the other side's answer is."""

    def __init__(self, record: SyncRun) -> None:
        super().__init__(daemon=True)
        self._record = record
        self._ended = Event()

    def run(self) -> None:
        while not self._ended.wait(settings.STALE_AFTER_SECONDS / 4):
            with suppress(DatabaseError):
                _alive(self._record).update(heartbeat_at=timezone.now())
        connections.close_all()

    def stop(self) -> None:
        self._ended.set()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job went, in one line.

    `failed` is for exit statuses; `wakes` are (job, connection id); `is_handed_over` when the next run goes on with it.
    """

    text: str
    failed: bool = False
    started: bool = True
    wakes: frozenset[tuple[str, int]] = frozenset()
    is_handed_over: bool = False


Work = Callable[[Run], None]


def perform(connection: Connection, job: str, work: Work) -> Outcome:
    """Run a job's work for a connection, once at a time, and say how it went."""
    refusal = _why_not(connection)
    if refusal:
        return Outcome(f"{job} of {connection}: {refusal}", failed=True)
    try:
        run = Run(_open(connection, job), connection)
    except AlreadyRunning as exc:
        return Outcome(str(exc), started=False)
    return _carry_out(run, work)


def _carry_out(run: Run, work: Work) -> Outcome:
    """Do an opened run's work, and close it however that ends."""
    what = f"{run.record.job} of {run.connection}"
    pulse = Pulse(run.record)
    pulse.start()
    status, error = SyncRun.Status.INTERRUPTED, "the process ended before the job did"
    try:
        error = _attempt(run, work)
        status = _status(run, error)
    except RunLost as exc:
        return Outcome(str(exc), failed=True)
    except (KeyboardInterrupt, SystemExit):  # the latter is how the queue ends what takes too long
        if not connections["default"].in_atomic_block:
            connections["default"].close()  # it may have been broken off in a query, and is of no use to close the run
        error = "the process was told to stop; the next run goes on from here"
        raise
    except Exception as exc:
        logger.exception(what)
        status, error = SyncRun.Status.FAILED, f"unexpected {named(exc)}"[:2000]
        _note_health(run.connection, Unreadable(error))
    finally:
        pulse.stop()
        summary = _close(run, status, error)
    failed = status != SyncRun.Status.SUCCEEDED
    return Outcome(f"{what}: {summary}", failed, wakes=frozenset(run.wakes), is_handed_over=run.is_handed_over)


@transaction.atomic
def reap(now: datetime | None = None) -> int:
    """Close runs whose process is gone, or shows no sign of life for long. Returns how many.

    One that a transaction holds is left alone, and not waited for: its machine may have lost the network in it.
    """
    limit = _stale_since(now or timezone.now())
    running = SyncRun.objects.select_for_update(skip_locked=True, no_key=True).filter(status=SyncRun.Status.RUNNING)
    gone = [run.pk for run in running if run.heartbeat_at < limit or processes.is_gone(run.owner)]
    return SyncRun.objects.filter(pk__in=gone).update(
        status=SyncRun.Status.INTERRUPTED,
        finished_at=timezone.now(),
        summary="interrupted",
        error="its process ended, or gave no sign of life, before the job was done",
    )


def _alive(record: SyncRun) -> QuerySet[SyncRun]:
    """The run, while it is ours and no other process may take it for dead.

    One that slept for so long is dead to itself too: it would wake with what it read long ago, perhaps in a copy of the
    machine from back then, and its sign of life would hide that nobody worked.
    """
    ours = SyncRun.objects.filter(pk=record.pk, owner=record.owner, status=SyncRun.Status.RUNNING)
    return ours.filter(heartbeat_at__gte=_stale_since(timezone.now()))


def _stale_since(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.STALE_AFTER_SECONDS)


def _why_not(connection: Connection) -> str:
    if not connection.is_active:
        return "the connection is switched off"
    if connection.is_stopped:
        return f"stopped: {connection.health_message}" if connection.health_message else "stopped; test the connection"
    return ""


def _open(connection: Connection, job: str) -> SyncRun:
    darkness.notice()
    connection.refresh_from_db(fields=["dark_until"])
    reap()
    try:
        with transaction.atomic():
            return SyncRun.objects.create(connection=connection, job=job, owner=processes.own_name())
    except IntegrityError:
        raise AlreadyRunning(f"{job} of {connection} is running already; this call leaves it to that one") from None


def _attempt(run: Run, work: Work) -> str:
    """Do the work; what went wrong as a text, empty if nothing did."""
    try:
        work(run)
    except Misconfigured as exc:
        _note_health(run.connection, exc)
        return str(exc)
    except Unavailable as exc:
        _not_before(run, exc)
        if exc.throttled:
            run.problem(str(exc))
            return ""
        _note_health(run.connection, exc)
        return str(exc)
    except IntegrationError as exc:
        _note_health(run.connection, exc)
        return str(exc)
    if run.is_unreachable:
        _note_health(run.connection, Unavailable(run.problems[0]))
    elif run.journal.calls and not run.problems:
        _note_health(run.connection, None)
    return ""


def _not_before(run: Run, exc: Unavailable) -> None:
    """The job comes back when the other side asked for it; if nothing was asked now, then and not an interval later.

    Until then nobody expects it to run.
    """
    if exc.retry_after is None:
        return
    then = timezone.now() + exc.retry_after
    plan = JobPlan.objects.filter(connection=run.connection, job=run.record.job)
    (plan if run.journal.calls == 0 else plan.filter(next_run_at__lt=then)).update(
        next_run_at=then, expected_since=then
    )


def stop_if_refused(other: Connection, exc: IntegrationError) -> None:
    """Where a connection that a run asks too refused who we are, its own jobs need not be refused to learn it."""
    if isinstance(exc, Misconfigured) and exc.credentials:
        _note_health(other, exc)


def _note_health(connection: Connection, exc: IntegrationError | None) -> None:
    connection.refresh_from_db(fields=["health", "health_message"])
    if connection.is_stopped:
        return  # another job was refused meanwhile: only a test wakes it
    if exc is None:
        if connection.health != Connection.Health.WORKING:
            connection.note_health(Connection.Health.WORKING)
        return
    stopped = isinstance(exc, Misconfigured) and exc.credentials
    connection.note_health(Connection.Health.STOPPED if stopped else Connection.Health.TROUBLED, str(exc))


def _status(run: Run, error: str) -> SyncRun.Status:
    if error:
        return SyncRun.Status.FAILED
    return SyncRun.Status.PARTIAL if run.problems else SyncRun.Status.SUCCEEDED


def _close(run: Run, status: str, error: str) -> str:
    """Write the end of the run, unless somebody else did. Returns its one-line summary."""
    parts = ", ".join(counted(number, what) for what, number in run.counts.items() if number)
    left = waiting(*run.outboxes)
    problems = [error, *run.problems[:MAX_PROBLEMS_SHOWN]]
    summary = "; ".join(part for part in (parts, *run.notes, left, *problems) if part) or "nothing to do"
    _alive(run.record).update(
        status=status,
        finished_at=timezone.now(),
        heartbeat_at=timezone.now(),
        counts={**run.counts, "calls": run.journal.calls},
        summary=summary[:2000],
        error="\n".join([*([error] if error else []), *run.problems])[:10_000],
    )
    return summary
