"""Real clusters: one that is killed is missed until another starts, one that is told to stop is not."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from integrations.sandbox.server import Sandbox
from tests.children import Installed, ended, wait_for

pytestmark = pytest.mark.long


@pytest.fixture
def made(box: Sandbox, tmp_path: Path) -> Installed:
    return Installed(tmp_path, box)


def known(made: Installed) -> list[Any]:
    return made.rows("select name from integrations_cluster")


def missed(made: Installed) -> list[str]:
    alarms: list[str] = json.loads(made.run("status", "--json"))["alarms"]
    return [text for text in alarms if "a cluster ended without being told to" in text]


def test_a_cluster_that_is_killed_is_missed_until_another_takes_its_place(made: Installed) -> None:
    with ended(made.start("qcluster")) as first:
        wait_for(lambda: known(made), "the cluster is known")
        assert missed(made) == []
        first.kill()
        first.wait()
    assert [f"process {first.pid} " in text for text in missed(made)] == [True]
    with ended(made.start("qcluster")) as second:
        wait_for(lambda: f" {first.pid} " not in str(known(made)), "the next one has taken its place")
        second.terminate()
        second.wait()
    assert known(made) == []


@pytest.mark.parametrize("told", ["the command", "each of its processes"])
def test_a_cluster_that_is_told_to_stop_is_not_missed(made: Installed, told: str) -> None:
    with ended(made.start("qcluster")) as cluster:
        wait_for(lambda: known(made), "the cluster is known")
        (os.kill if told == "the command" else os.killpg)(cluster.pid, signal.SIGTERM)
        cluster.communicate()
    assert (cluster.returncode, known(made)) == (0, [])


def test_a_cluster_whose_guard_was_killed_is_missed(made: Installed) -> None:
    with ended(made.start("qcluster")) as cluster:
        wait_for(lambda: known(made), "the cluster is known")
        [guard] = Path(f"/proc/{cluster.pid}/task/{cluster.pid}/children").read_text().split()
        os.kill(int(guard), signal.SIGKILL)
        cluster.communicate()
    assert len(missed(made)) == 1


def test_a_database_that_is_busy_neither_ends_a_cluster_nor_keeps_it_from_stopping(
    made: Installed, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "children.sqlite3", isolation_level=None)
    other.execute("begin immediate")
    with closing(other), ended(made.start("qcluster")) as cluster:
        assert any("sign of life of this cluster was not written" in line for line in cluster.stderr or ())
        other.execute("rollback")
        wait_for(lambda: known(made), "the cluster is known after all")
        other.execute("begin immediate")
        cluster.terminate()
        cluster.communicate(timeout=45)  # others wait a minute for the lock
    assert cluster.returncode == 0
