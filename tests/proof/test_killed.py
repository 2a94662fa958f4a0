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
from tests.proof import clerk, life
from tests.proof.changes_life import CHANGES
from tests.proof.conftest import Proved
from tests.proof.databases import Databases
from tests.proof.life import ORDERS, Act, Life, Snapshot
from tests.proof.nursery import Ended, Nursery

pytestmark = pytest.mark.long

IS_FULL = bool(os.environ.get("PROOF_FULL"))
# At full length the points are dealt out in parts, so that several workers of pytest share them. In `make test` there is
# one part, of every so-manieth point; a prime, so that no kind of point is always left out.
PARTS, EVERY = (8, 1) if IS_FULL else (1, 149)


LIVES = {"": ORDERS, " in the life of changes": CHANGES}
RENEWAL = ("tradegecko", "POST", "/oauth/token")


class Stage:
    """The outside world, our database and a process to work on it: all can be set back to before any act of a life.

    `authorized` counts how often a person had to authorize us again.
    """

    def __init__(self, box: Sandbox, databases: Databases, nursery: Nursery) -> None:
        self.box = box
        self.authorized = 0
        self._databases = databases
        self._nursery = nursery
        self._before: list[Snapshot] = []
        self._points: list[int] = []
        self._was_renewing = False

    def rehearse(self, played: Life, folder: Path, by: int) -> list[tuple[int, int]]:
        """Play the life undisturbed and keep how all was before each act. Every point found, as (act, number in it)."""
        self.life = played
        self._databases.create("now")
        commands = [["migrate", "--verbosity", "0"], *played.prepare(self.box, folder)]
        self._live(manage=commands, decides=played.decided)
        for number, act in enumerate(played.acts):
            self._before.append(life.snapshot(self.box))
            self._databases.copy("now", f"before_{number}")
            act.happens(self.box)
            self._points.append(self._live(decides=act.decides, jobs=act.jobs, by=by)["points"])
        return [(act, point) for act, last in enumerate(self._points) for point in range(1, last + 1)]

    def interrupt(self, number: int, point: int, by: int) -> int:
        """Play an act up to this point, where the process gets a signal. Its status, negative for a signal."""
        life.set_back(self.box, self._before[number])
        self._databases.copy(f"before_{number}", "now")
        act = self.life.acts[number]
        act.happens(self.box)
        ended = self._raise(decides=act.decides, jobs=act.jobs, fatal=point, by=by)
        self._was_renewing = self.box.log[-1:] == [RENEWAL]
        return ended.status

    def take_up(self, act: Act, *, later: bool = False) -> dict[str, Any]:
        """A new process does an act's part: right now, or so much later that the old one counts as dead; how we stand."""
        ours: dict[str, Any] = self._live(decides=act.decides, jobs=act.jobs, later=later)["ours"]
        if ours["stopped"]:  # the refresh token was used up by an answer that nobody stored
            assert self._was_renewing, ours["stopped"]
            self.authorized, self._was_renewing = self.authorized + 1, False
            ours = self._live(code=clerk.agree(self.box), decides=act.decides, jobs=act.jobs)["ours"]
        return ours

    def wake(self) -> int:
        """The suspended process goes on. Its status when it has ended."""
        return self._nursery.wake().status

    def play_on_from(self, number: int) -> dict[str, Any]:
        """The rest of the life, and what comes afterwards; how our own records stand then."""
        for act in self.life.acts[number:]:
            act.happens(self.box)
            self.take_up(act)
        self.life.afterwards.happens(self.box)
        return self.take_up(self.life.afterwards)

    def _live(self, **what: Any) -> dict[str, Any]:
        ended = self._raise(**what)
        assert ended.status == 0, ended
        return ended.answer

    def _raise(self, **what: Any) -> Ended:
        return self._nursery.raise_one(self._databases.name("now"), **what)


@pytest.fixture
def stage(box: Sandbox, databases: Databases) -> Iterator[Stage]:
    with Nursery(databases.address, **life.secrets(box)) as nursery:
        yield Stage(box, databases, nursery)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("where", LIVES)
def test_a_process_killed_at_any_point_doubles_nothing_and_loses_nothing(
    stage: Stage, tmp_path: Path, where: str, part: int, proved: Proved
) -> None:
    points = stage.rehearse(LIVES[where], tmp_path, SIGKILL)[part :: PARTS * EVERY]
    for number, point in points:
        assert stage.interrupt(number, point, SIGKILL) == -SIGKILL
        stage.take_up(stage.life.acts[number])
        assert_right(stage, stage.play_on_from(number + 1), number, point)
    proved(f"points at which the process was killed{where}", len(points))
    _note_authorized(stage, proved)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("where", LIVES)
def test_a_process_suspended_at_any_point_and_replaced_does_no_harm_when_it_wakes(
    stage: Stage, tmp_path: Path, where: str, part: int, proved: Proved
) -> None:
    points = stage.rehearse(LIVES[where], tmp_path, SIGSTOP)[part :: PARTS * EVERY]
    for number, point in points:
        assert stage.interrupt(number, point, SIGSTOP) == -SIGSTOP
        stage.take_up(stage.life.acts[number], later=True)
        assert stage.wake() == 0
        assert_right(stage, stage.play_on_from(number + 1), number, point)
    proved(f"points at which it was suspended and replaced{where}", len(points))
    _note_authorized(stage, proved)


def _note_authorized(stage: Stage, proved: Proved) -> None:
    if stage.authorized:
        proved("of these, after which a person had to authorize again", stage.authorized)


def assert_right(stage: Stage, ours: dict[str, Any], number: int, point: int) -> None:
    where = f"at point {point} of “{stage.life.acts[number].name}”"
    assert life.world(stage.box) == stage.life.right, where
    assert life.ended(stage.box) == list(stage.life.voided), where
    clean: dict[str, list[str]] = {"running": [], "held": [], "open": [], "stopped": []}
    assert ours == {"statuses": stage.life.statuses, **clean}, where
