"""Our process is ended, or suspended, at every point where that can make a difference; then the world is looked at.

Killed: a new process takes up its work at once. Suspended: a new process takes up its work long after, and then the old
one wakes up and believes that it is still at it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from typing import Any

import pytest

from integrations.sandbox.server import Sandbox
from tests.proof import life
from tests.proof.conftest import Proved
from tests.proof.databases import Databases, PostgresDatabases, SqliteFiles
from tests.proof.life import ACTS, AFTERWARDS, Act, Snapshot
from tests.proof.nursery import Ended, Nursery

pytestmark = pytest.mark.long

IS_FULL = bool(os.environ.get("PROOF_FULL"))
# At full length the points are dealt out in parts, so that several workers of pytest share them. In `make test` there is
# one part, of every so-manieth point; a prime, so that no kind of point is always left out.
PARTS, EVERY = (8, 1) if IS_FULL else (1, 149)


class Stage:
    """The outside world, our database and a process to work on it: all can be set back to before any act."""

    def __init__(self, box: Sandbox, databases: Databases, nursery: Nursery) -> None:
        self.box = box
        self._databases = databases
        self._nursery = nursery
        self._before: list[Snapshot] = []
        self._points: list[int] = []

    def rehearse(self, folder: Path, by: int) -> list[tuple[int, int]]:
        """Play the life undisturbed and keep how all was before each act. Every point found, as (act, number in it)."""
        self._databases.create("now")
        self._live(manage=[["migrate", "--verbosity", "0"], *life.preparations(self.box, folder)])
        for number, act in enumerate(ACTS):
            self._before.append(life.snapshot(self.box))
            self._databases.copy("now", f"before_{number}")
            act.happens(self.box)
            self._points.append(self._live(jobs=act.jobs, by=by)["points"])
        return [(act, point) for act, last in enumerate(self._points) for point in range(1, last + 1)]

    def interrupt(self, number: int, point: int, by: int) -> int:
        """Play an act up to this point, where the process gets a signal. Its status, negative for a signal."""
        life.set_back(self.box, self._before[number])
        self._databases.copy(f"before_{number}", "now")
        ACTS[number].happens(self.box)
        return self._raise(jobs=ACTS[number].jobs, fatal=point, by=by).status

    def take_up(self, act: Act, *, later: bool = False) -> None:
        """A new process does an act's jobs: right now, or so much later that the old one counts as dead."""
        self._live(jobs=act.jobs, later=later)

    def wake(self) -> int:
        """The suspended process goes on. Its status when it has ended."""
        return self._nursery.wake().status

    def play_on_from(self, number: int) -> dict[str, Any]:
        """The rest of the life, and one whole cycle more; how our own records stand then."""
        for act in ACTS[number:]:
            act.happens(self.box)
            self.take_up(act)
        ours: dict[str, Any] = self._live(jobs=AFTERWARDS.jobs)["ours"]
        return ours

    def _live(self, **what: Any) -> dict[str, Any]:
        ended = self._raise(**what)
        assert ended.status == 0, ended
        return ended.answer

    def _raise(self, **what: Any) -> Ended:
        return self._nursery.raise_one(self._databases.name("now"), **what)


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    address = os.environ["DATABASE_URL"]
    found = SqliteFiles(tmp_path) if address.startswith("sqlite") else PostgresDatabases(address)
    yield found
    found.drop_all()


@pytest.fixture
def stage(box: Sandbox, databases: Databases) -> Iterator[Stage]:
    secrets = {"OASIS_PASSWORD": box.oasis.password, "GECKO_TOKEN": box.tradegecko.token}
    with Nursery(databases.address, **secrets) as nursery:
        yield Stage(box, databases, nursery)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_process_killed_at_any_point_doubles_nothing_and_loses_nothing(
    stage: Stage, tmp_path: Path, part: int, proved: Proved
) -> None:
    points = stage.rehearse(tmp_path, SIGKILL)[part :: PARTS * EVERY]
    for number, point in points:
        assert stage.interrupt(number, point, SIGKILL) == -SIGKILL
        stage.take_up(ACTS[number])
        assert_right(stage, stage.play_on_from(number + 1), number, point)
    proved("points at which the process was killed", len(points))


@pytest.mark.parametrize("part", range(PARTS))
def test_a_process_suspended_at_any_point_and_replaced_does_no_harm_when_it_wakes(
    stage: Stage, tmp_path: Path, part: int, proved: Proved
) -> None:
    points = stage.rehearse(tmp_path, SIGSTOP)[part :: PARTS * EVERY]
    for number, point in points:
        assert stage.interrupt(number, point, SIGSTOP) == -SIGSTOP
        stage.take_up(ACTS[number], later=True)
        assert stage.wake() == 0
        assert_right(stage, stage.play_on_from(number + 1), number, point)
    proved("points at which it was suspended and replaced", len(points))


def assert_right(stage: Stage, ours: dict[str, Any], number: int, point: int) -> None:
    where = f"at point {point} of “{ACTS[number].name}”"
    assert life.world(stage.box) == life.RIGHT, where
    assert ours == {"statuses": life.RIGHT_STATUSES, "running": [], "held": [], "open": []}, where
