"""Faults × places: the life is played up to a place, disturbed there, and played to its end."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from requests.auth import AuthBase

from integrations.account import Account
from integrations.http import Door
from integrations.models import Connection
from integrations.oauth_grant import OAuthGrant
from integrations.sandbox import faults
from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow
from integrations.transmissions import Transmission, transmission_models
from orders import jobs
from orders.models import Order
from tests.proof import clerk, life
from tests.proof.life import Act, Life, World

SENT = transmission_models()
IN_DOUBT = (Transmission.Status.IN_FLIGHT, Transmission.Status.UNCONFIRMED)
MOST_ROUNDS = 8
HASTY_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """A request of the life: in which act and by which job it is made, to whom and for what."""

    act: int
    job: str
    system: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Case:
    """A fault at a place, hitting so many such requests in a row."""

    place: Place
    fault: str
    times: int = 1


class Matrix:
    """Our records must be those right after the preparations; they are so again after each fault was tried."""

    def __init__(self, box: Sandbox, played: Life) -> None:
        self._box = box
        self._life = played
        self._start = life.snapshot(box)
        self._after: list[World] = []
        self._told: list[set[tuple[str, str]]] = []
        self.places: list[Place] = []
        with _undone(box, self._start):
            for number, act in enumerate(played.acts):
                self._record(number, act)

    def disturb(self, cases: Iterable[Case]) -> list[str]:
        """Try each of these. The texts that persons were shown; AssertionError where it went wrong."""
        by_act: dict[int, list[Case]] = defaultdict(list)
        for case in cases:
            by_act[case.place.act].append(case)
        told = []
        with _undone(self._box, self._start):
            for number, act in enumerate(self._life.acts):
                here = life.snapshot(self._box)
                for case in by_act[number]:
                    with _undone(self._box, here), _named(case):
                        told += self._disturb(case)
                life.set_back(self._box, here)
                self._play(act)
        return told

    def _record(self, number: int, act: Act) -> None:
        """Play an act undisturbed: its requests, and what the world holds and persons are told afterwards."""
        self._begin(act)
        for job in act.jobs:
            seen = len(self._box.log)
            assert not _failures(job)
            self.places += dict.fromkeys(Place(number, job, *call) for call in self._box.log[seen:])
        self._after.append(life.world(self._box))
        self._told.append({(row.about, row.text) for row in clerk.worklist(self._box)})

    def _disturb(self, case: Case) -> list[str]:
        with _late_answers(case.fault):
            self._play_disturbed(case)
        told = self._come_right(case)
        for act in (*self._life.acts[case.place.act + 1 :], self._life.afterwards):
            self._play(act)
        assert life.world(self._box) == self._life.right
        assert dict(Order.objects.values_list("full_number", "status")) == self._life.statuses
        assert not clerk.worklist(self._box)
        return told

    def _begin(self, act: Act) -> None:
        act.happens(self._box)
        for decision in act.decides:
            clerk.decide(*decision)

    def _play(self, act: Act) -> None:
        self._begin(act)
        for job in act.jobs:
            assert not _failures(job)

    def _play_disturbed(self, case: Case) -> None:
        place, act = case.place, self._life.acts[case.place.act]
        self._begin(act)
        for job in act.jobs:
            if job == place.job:
                self._box.faults.add(
                    place.system, case.fault, path=place.path, method=place.method, times=case.times
                )  # fmt: skip
            _failures(job)

    def _come_right(self, case: Case) -> list[str]:
        """By itself, or after a person did what the one row about a record asks for; the texts of such rows."""
        again = dict.fromkeys(("pull_orders", *self._life.acts[case.place.act].jobs))
        _until_quiet(again, case.fault)
        self._box.faults.clear()
        told = self._told_now(case)
        rows = to_press(told)
        assert len({row.about for row in rows}) == len(rows) <= case.times, rows
        for row in rows:
            row.press()
        if told:
            _until_quiet(again, case.fault)
        assert not self._told_now(case)
        assert life.world(self._box) == self._after[case.place.act]
        return [row.text for row in rows]

    def _told_now(self, case: Case) -> list[clerk.Row]:
        """What a person is told after this act that they are not told without a fault, each in words that they need."""
        known = self._told[case.place.act]
        rows = [row for row in clerk.worklist(self._box) if (row.about, row.text) not in known]
        assert all(row.is_sensible for row in rows), [row.text for row in rows]
        return rows


def to_press(told: list[clerk.Row]) -> list[clerk.Row]:
    """What asks something of a person, once.

    What the warehouse refused to change is told twice, once by the hold that it was to close; that is one row here.
    """
    rows = [row for row in told if not row.is_promise]
    return [row for row in rows if not any(_repeats(row, other) for other in rows)]


def _repeats(row: clerk.Row, other: clerk.Row) -> bool:
    """Whether a hold quotes why the warehouse refused; two that say the same are two."""
    return row.about == other.about and row.text != other.text and other.text in row.text


@contextmanager
def _undone(box: Sandbox, start: life.Snapshot) -> Iterator[None]:
    """Begin there; whatever happens inside, to both systems and to our records, is undone."""
    life.set_back(box, start)
    with as_in_a_test(transaction.atomic()):
        yield
        transaction.set_rollback(True)


def _failures(name: str) -> list[str]:
    """Run a job for every connection of its kind; what failed."""
    kind = next(job.kind for job in settings.JOBS if job.name == name)
    done = [jobs.BY_NAME[name](one) for one in Connection.objects.all() if one.kind == kind]
    return [outcome.text for outcome in done if outcome.failed]


def _until_quiet(names: Iterable[str], fault: str) -> None:
    """Run these jobs until all went well and nothing is in doubt; else a worklist must say what is left."""
    for _ in range(MOST_ROUNDS):
        _let_time_pass()
        with _late_answers(fault):
            failures = [text for job in names for text in _failures(job)]
        if not failures and not any(model._default_manager.filter(status__in=IN_DOUBT).exists() for model in SENT):
            return


def as_in_a_test(block: transaction.Atomic) -> transaction.Atomic:
    """What commits for good (tokens) may do so in this block, as in the transaction around a test."""
    block._from_testcase = True  # type: ignore[attr-defined]
    return block


@contextmanager
def _named(case: Case) -> Iterator[None]:
    """What goes wrong inside says in which case."""
    try:
        yield
    except Exception as exc:
        exc.add_note(str(case))
        raise


def _let_time_pass() -> None:
    """All pauses are over: those between attempts, and those that a system asked for."""
    RateWindow.objects.update(resets_at=timezone.now() - timedelta(seconds=1))
    OAuthGrant.objects.update(retry_at=None)
    for model in SENT:
        model._default_manager.update(not_before=None)


@contextmanager
def _late_answers(fault: str) -> Iterator[None]:
    """A slow answer comes after we have stopped waiting, and before we look again: at the end of this block."""
    if not fault.startswith(faults.SLOW):
        yield
        return
    over = threading.Event()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(faults, "time", SimpleNamespace(sleep=lambda _seconds: over.wait()))
        patched.setattr(Door, "__init__", _hasty(Door.__init__))
        yield
        over.set()
        for thread in threading.enumerate():
            if "process_request_thread" in thread.name:
                thread.join()


def _hasty(real: Callable[..., None]) -> Callable[..., None]:
    """A door that does not wait long."""

    def init(self: Door, account: Account, auth: AuthBase, **_: float) -> None:
        real(self, account, auth, read_seconds=HASTY_SECONDS, total_seconds=HASTY_SECONDS * 2)

    return init
